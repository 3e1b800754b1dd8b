//! Which partitions there are. Readers take a snapshot; the indexer and maintenance change it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tierlog_model::memory::MemoryPart;
use tierlog_model::{Day, Tenant, TierId, Tiers, Timestamp};

use crate::layout::Layout;
use crate::partition::{Location, ReaderUsage};
use crate::{OpenSegment, Partition, PartitionFacts, PartitionId, PartitionView, StoreError};

/// Mapped files that open partitions may take together. Linux allows a process 65,530 maps
/// (`vm.max_map_count`); the other half is for the allocator, threads and indexing.
const MAPS_MAX: usize = 32_768;

/// When the budget is reached, so much of it is freed at once (one part in so many): looking for
/// what was unused longest takes a look at all.
const FREED_SHARE: usize = 8;

/// The partitions of a tenant: newest day first, then tiers in configured order.
type OfTenant = BTreeMap<(Reverse<Day>, TierId), Arc<Partition>>;

/// The partitions of a store.
#[derive(Debug)]
pub struct Catalogue {
    tiers: Tiers,
    layout: Layout,
    partitions: Mutex<BTreeMap<Tenant, OfTenant>>,
    /// The lists of [`Catalogue::list`], by tenant, until a partition of the tenant changes.
    listed: Mutex<HashMap<Tenant, Arc<[Listed]>>>,
    /// How many lists were given.
    turns: AtomicU64,
    /// What open partitions take, and may take.
    usage: Arc<ReaderUsage>,
    /// Partitions in quarantine: every answer lacks their records.
    lost: Mutex<BTreeSet<PartitionId>>,
    /// Partitions that could not be read, to be looked at.
    suspects: Mutex<BTreeSet<PartitionId>>,
}

/// The partitions of a tenant at a moment, for a search: newest day first, then tiers in
/// configured order, the dead letters last.
#[derive(Clone, Debug)]
pub struct PartitionList {
    entries: Arc<[Listed]>,
    turn: u64,
}

impl Deref for PartitionList {
    type Target = [Listed];

    fn deref(&self) -> &[Listed] {
        &self.entries
    }
}

/// One partition of a list. What most searches decide by stands here, side by side.
#[derive(Debug)]
pub struct Listed {
    id: PartitionId,
    earliest: Timestamp,
    latest: Timestamp,
    facts: Arc<PartitionFacts>,
    partition: Arc<Partition>,
}

impl Listed {
    fn new(partition: Arc<Partition>) -> Listed {
        let facts = partition.facts();
        let id = partition.id();
        Listed {
            id,
            earliest: facts.stats().earliest.unwrap_or(id.day.start()),
            latest: facts.stats().latest.unwrap_or(id.day.end()),
            facts,
            partition,
        }
    }

    /// Returns which partition this is.
    pub fn id(&self) -> PartitionId {
        self.id
    }

    /// Returns a moment before which there is no record.
    pub fn earliest(&self) -> Timestamp {
        self.earliest
    }

    /// Returns a moment after which there is no record.
    pub fn latest(&self) -> Timestamp {
        self.latest
    }

    /// Returns what was known of it when the list was made.
    pub fn facts(&self) -> &PartitionFacts {
        &self.facts
    }

    /// Returns the partition, which may know more by now.
    pub fn partition(&self) -> &Partition {
        &self.partition
    }
}

impl Catalogue {
    pub(crate) fn new(tiers: Tiers, layout: Layout, readers: &MemoryPart) -> Catalogue {
        Catalogue {
            tiers,
            layout,
            partitions: Mutex::new(BTreeMap::new()),
            listed: Mutex::default(),
            turns: AtomicU64::new(0),
            usage: Arc::new(ReaderUsage::of(readers)),
            lost: Mutex::default(),
            suspects: Mutex::default(),
        }
    }

    /// Returns the partitions of a tenant in quarantine: their records are missing from every
    /// answer.
    pub fn lost(&self, tenant: Tenant) -> Vec<PartitionId> {
        lock(&self.lost).iter().filter(|id| id.tenant == tenant).copied().collect()
    }

    /// Returns the partition that a segment is part of now.
    pub fn partition_of(&self, segment: &OpenSegment) -> Option<PartitionId> {
        let has_segment = |partition: &&Arc<Partition>| partition.facts().has_segment(segment.id());
        let partitions = lock(&self.partitions);
        let all = partitions.values().flat_map(BTreeMap::values);
        all.into_iter().find(has_segment).map(|partition| partition.id())
    }

    /// Says which partitions are aside.
    pub(crate) fn set_lost(&self, lost: BTreeSet<PartitionId>) {
        *lock(&self.lost) = lost;
    }

    /// Says that a partition was put aside.
    pub(crate) fn note_lost(&self, id: PartitionId) {
        lock(&self.lost).insert(id);
    }

    /// Says that a partition could not be read: maintenance checks it soon.
    pub fn suspect(&self, id: PartitionId) {
        if self.partition(id).is_some() {
            lock(&self.suspects).insert(id);
        }
    }

    /// Takes a partition that could not be read.
    pub(crate) fn take_suspect(&self) -> Option<PartitionId> {
        lock(&self.suspects).pop_first()
    }

    /// Returns the tiers of the configuration.
    pub fn tiers(&self) -> &Tiers {
        &self.tiers
    }

    /// Returns every partition of all tenants: newest day first, then tiers in configured order,
    /// the dead letters last.
    pub fn partitions(&self) -> Vec<Arc<Partition>> {
        let mut all = self.all();
        all.sort_by_key(by_day);
        all
    }

    /// Returns every partition of all tenants, by tenant.
    pub fn all(&self) -> Vec<Arc<Partition>> {
        lock(&self.partitions).values().flat_map(BTreeMap::values).cloned().collect()
    }

    /// Returns every partition of a tenant: newest day first, then tiers in configured order.
    pub fn of_tenant(&self, tenant: Tenant) -> Vec<Arc<Partition>> {
        let partitions = lock(&self.partitions);
        partitions.get(&tenant).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }

    /// Returns so many of the newest partitions of all tenants, the newest first.
    pub fn newest(&self, count: usize) -> Vec<Arc<Partition>> {
        let partitions = lock(&self.partitions);
        let of_each = partitions.values().flat_map(|of_tenant| of_tenant.values().take(count));
        let mut newest: Vec<Arc<Partition>> = of_each.cloned().collect();
        drop(partitions);
        newest.sort_by_key(by_day);
        newest.truncate(count);
        newest
    }

    /// Returns one partition, if it is there.
    pub fn partition(&self, id: PartitionId) -> Option<Arc<Partition>> {
        lock(&self.partitions).get(&id.tenant)?.get(&key(id)).cloned()
    }

    /// Returns every partition of a tenant with the facts of this moment.
    pub fn list(&self, tenant: Tenant) -> PartitionList {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed) + 1;
        let mut listed = lock(&self.listed);
        let entries = listed.entry(tenant).or_insert_with(|| {
            let partitions = lock(&self.partitions);
            let of_tenant = partitions.get(&tenant).into_iter().flat_map(BTreeMap::values);
            of_tenant.map(|partition| Listed::new(Arc::clone(partition))).collect()
        });
        PartitionList { entries: Arc::clone(entries), turn }
    }

    /// Opens a partition of a list for a search. It stays open for the next one, as far as the
    /// budget of memory goes.
    pub fn open(
        &self,
        list: &PartitionList,
        partition: &Partition,
    ) -> Result<Arc<PartitionView>, StoreError> {
        partition.note_turn(list.turn);
        let view = partition.view()?;
        self.keep_budget();
        Ok(view)
    }

    /// Returns about how much memory open partitions take, those included that only a search still
    /// holds.
    pub fn open_bytes(&self) -> usize {
        self.usage.bytes()
    }

    /// Closes partitions when the open ones take too much: the longest unused first, and of one
    /// search the oldest days. Searches go from new to old: so when one goes through more than
    /// there is room for, the next still finds the newest days open.
    pub(crate) fn keep_budget(&self) {
        let is_within = |parts: usize| {
            self.usage.bytes() <= self.usage.limit_bytes() / FREED_SHARE * parts
                && self.usage.maps() <= MAPS_MAX / FREED_SHARE * parts
        };
        if is_within(FREED_SHARE) {
            return;
        }
        let mut open: Vec<(u64, Day, Arc<Partition>)> = lock(&self.partitions)
            .values()
            .flat_map(BTreeMap::values)
            .filter_map(|partition| {
                Some((partition.open_since()?, partition.id().day, Arc::clone(partition)))
            })
            .collect();
        open.sort_by_key(|(turn, day, _)| (*turn, *day));
        for (_, _, partition) in open {
            if is_within(FREED_SHARE - 1) {
                return;
            }
            partition.close_reader();
        }
    }

    /// Reads a partition if it is sealed, without opening a file of the engine and without changing
    /// anything. Returns false where there is more to say: then [`Catalogue::load`] says it.
    pub(crate) fn load_sealed(&self, id: PartitionId) -> bool {
        let location = Location::of(&self.layout, id);
        let usage = Arc::clone(&self.usage);
        let Some(partition) = Partition::open_sealed(id, &self.tiers, location, usage) else {
            return false;
        };
        let mut partitions = lock(&self.partitions);
        partitions.entry(id.tenant).or_default().insert(key(id), Arc::new(partition));
        true
    }

    /// Reads a partition from its directory, in place of the earlier facts.
    pub(crate) fn load(&self, id: PartitionId) -> Result<Arc<Partition>, StoreError> {
        let location = Location::of(&self.layout, id);
        let partition = Partition::open(id, &self.tiers, location, Arc::clone(&self.usage))?;
        let partition = Arc::new(partition);
        let mut partitions = lock(&self.partitions);
        partitions.entry(id.tenant).or_default().insert(key(id), Arc::clone(&partition));
        drop(partitions);
        self.changed(id.tenant);
        Ok(partition)
    }

    /// Takes up what was committed or sealed in a partition since.
    pub(crate) fn refresh(&self, id: PartitionId) -> Result<(), StoreError> {
        match self.partition(id) {
            Some(partition) => {
                let refreshed = partition.refresh();
                self.changed(id.tenant);
                refreshed
            }
            None => self.load(id).map(drop),
        }
    }

    /// Forgets a partition. Searches under way keep their view of the partition.
    pub(crate) fn remove(&self, id: PartitionId) {
        if let Some(of_tenant) = lock(&self.partitions).get_mut(&id.tenant) {
            of_tenant.remove(&key(id));
        }
        self.changed(id.tenant);
    }

    /// The next list of the tenant is made anew. Hot partitions are opened to learn their bounds of
    /// time.
    fn changed(&self, tenant: Tenant) {
        lock(&self.listed).remove(&tenant);
        self.keep_budget();
    }
}

fn by_day(partition: &Arc<Partition>) -> (Reverse<Day>, TierId, Tenant) {
    let PartitionId { tenant, tier, day } = partition.id();
    (Reverse(day), tier, tenant)
}

fn key(id: PartitionId) -> (Reverse<Day>, TierId) {
    (Reverse(id.day), id.tier)
}

/// The maps hold plain values: a panic elsewhere cannot leave them half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
