//! Which partitions there are. Readers take a snapshot; the indexer and maintenance change it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tantivy::{Searcher, SegmentReader};
use tierlog_model::{Day, TierId, Tiers};

use crate::document::RecordReader;
use crate::layout::Layout;
use crate::{Partition, PartitionId, StoreError};

/// Newest day first, then tiers in configured order.
type Key = (Reverse<Day>, TierId);

/// The partitions of a store.
#[derive(Debug)]
pub struct Catalogue {
    tiers: Tiers,
    layout: Layout,
    open_readers_max: usize,
    partitions: Mutex<BTreeMap<Key, Arc<Partition>>>,
    /// Partitions that are open for reading, the one unused longest first.
    open_readers: Mutex<VecDeque<PartitionId>>,
}

impl Catalogue {
    pub(crate) fn new(tiers: Tiers, layout: Layout, open_readers_max: usize) -> Catalogue {
        Catalogue {
            tiers,
            layout,
            open_readers_max,
            partitions: Mutex::new(BTreeMap::new()),
            open_readers: Mutex::new(VecDeque::new()),
        }
    }

    /// Returns the tiers of the configuration.
    pub fn tiers(&self) -> &Tiers {
        &self.tiers
    }

    /// Returns every partition: newest day first, then tiers in configured order, the dead
    /// letters last.
    pub fn partitions(&self) -> Vec<Arc<Partition>> {
        lock(&self.partitions).values().cloned().collect()
    }

    /// Returns one partition, if it is there.
    pub fn partition(&self, id: PartitionId) -> Option<Arc<Partition>> {
        lock(&self.partitions).get(&key(id)).cloned()
    }

    /// Opens a partition for a search, and closes the one that was unused longest when too many
    /// are open: memory does not grow with the number of partitions.
    pub fn searcher(&self, partition: &Partition) -> Result<Searcher, StoreError> {
        let searcher = partition.searcher()?;
        self.note_use(partition.id());
        Ok(searcher)
    }

    /// Remembers that a partition is open and was used, and closes those that are too many.
    fn note_use(&self, id: PartitionId) {
        let mut open = lock(&self.open_readers);
        open.retain(|other| *other != id);
        open.push_back(id);
        while open.len() > self.open_readers_max {
            let oldest = open.pop_front().and_then(|id| self.partition(id));
            if let Some(oldest) = oldest {
                oldest.close_reader();
            }
        }
    }

    /// Returns what rebuilds the records of a segment of a partition, kept open with it. One that
    /// has expired since is read through the view that the search has of it.
    pub fn record_reader(
        &self,
        id: PartitionId,
        segment: &SegmentReader,
    ) -> Result<Arc<RecordReader>, StoreError> {
        match self.partition(id) {
            Some(partition) => partition.record_reader(segment),
            None => RecordReader::open(segment).map(Arc::new),
        }
    }

    /// Reads a partition from its directory, replacing what was known of it.
    pub(crate) fn load(&self, id: PartitionId) -> Result<Arc<Partition>, StoreError> {
        let partition = Partition::open(id, &self.tiers, self.layout.partition(id))?;
        let partition = Arc::new(partition);
        lock(&self.partitions).insert(key(id), Arc::clone(&partition));
        self.note_if_open(&partition);
        Ok(partition)
    }

    /// Takes up what was committed or sealed in a partition since.
    pub(crate) fn refresh(&self, id: PartitionId) -> Result<(), StoreError> {
        match self.partition(id) {
            Some(partition) => {
                partition.refresh()?;
                self.note_if_open(&partition);
                Ok(())
            }
            None => self.load(id).map(drop),
        }
    }

    /// A hot partition is opened to learn its bounds of time; a sealed one need not be.
    fn note_if_open(&self, partition: &Partition) {
        if partition.is_open() {
            self.note_use(partition.id());
        }
    }

    /// Forgets a partition. Searches under way keep their view of it.
    pub(crate) fn remove(&self, id: PartitionId) {
        lock(&self.partitions).remove(&key(id));
        lock(&self.open_readers).retain(|open| *open != id);
    }
}

fn key(id: PartitionId) -> Key {
    (Reverse(id.day), id.tier)
}

/// The maps hold plain values: a panic elsewhere cannot leave them half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
