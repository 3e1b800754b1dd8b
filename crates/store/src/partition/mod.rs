//! One partition: the tantivy index of a tenant's tier and day, as readers see it.
//!
//! A partition is hot while it takes records, and sealed once compaction has written it as one
//! segment with an id filter and checksums. A late record makes a sealed partition hot again;
//! its sealed segment stays as it is.

mod appender;
mod checksum;
mod counts;
mod damage;
mod directory;
mod engine_list;
mod filling;
mod filter;
mod lease;
mod location;
mod merge;
mod pseudonym_keys;
mod read_directory;
mod seal;
mod selection;
mod store_file;
mod verified_file;
mod view;
mod windows;
mod writer;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::Serialize;
use tantivy::directory::Directory;
use tantivy::index::{SegmentId, SegmentMeta};
use tantivy::{DocId, Index, IndexMeta};
use tierlog_model::{Tiers, Timestamp};

use self::checksum::FileMark;
use self::engine_list::EngineList;
use self::read_directory::ReadDirectory;
use self::verified_file::SealedFiles;
use self::view::OpenError;
pub(crate) use appender::PartitionAppender;
pub use counts::{LevelCounts, MinuteCounts};
pub(crate) use damage::{Damage, Damaged, find_damage};
pub(crate) use directory::PartitionDirectory;
pub(crate) use filling::{Committed, Uncommitted};
pub(crate) use filter::IdFilter;
pub(crate) use location::Location;
pub(crate) use merge::segments_to_merge;
pub(crate) use pseudonym_keys::add_pseudonym_keys;
pub(crate) use seal::{Seal, write_seal};
pub(crate) use selection::RecordSelection;
pub(crate) use view::ReaderUsage;
pub use view::{OpenSegment, PartitionView};
pub(crate) use writer::{
    PartitionWriter, WriterSettings, check_partition_version, last_commit, read_payload,
};

use crate::schema::register_analyzer;
use crate::{PartitionId, StoreError};

/// What compaction has done to a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionState {
    /// Several segments, cheaply compressed.
    Hot,
    /// One segment, highly compressed, with an id filter and checksums.
    Sealed,
}

impl PartitionState {
    /// Returns the name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            PartitionState::Hot => "hot",
            PartitionState::Sealed => "sealed",
        }
    }
}

/// Sizes and bounds of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionStats {
    /// Searchable records.
    pub records: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Moment of the oldest record.
    pub earliest: Option<Timestamp>,
    /// Moment of the youngest record.
    pub latest: Option<Timestamp>,
}

/// Facts of a partition without opening files. Facts never change: a commit or a seal puts another
/// in its place.
#[derive(Debug)]
pub struct PartitionFacts {
    state: PartitionState,
    stats: PartitionStats,
    committed: Committed,
    segments: Vec<SegmentMeta>,
    /// Of the only segment; other segments have to be looked into.
    filter: SealedFilter,
    /// Of the only segment, as the seal counted them.
    levels: Option<LevelCounts>,
}

/// The id filter of a sealed partition, opened by the first question: a year of 50 tenants has
/// 25,000 filters, of which few are ever asked.
#[derive(Debug)]
enum SealedFilter {
    /// The partition is hot: every id may be in it.
    None,
    /// The partition has the segment of a seal alone.
    Sealed {
        /// Where the filter lies.
        directory: PartitionDirectory,
        /// What the seal says of the file: a later seal replaces it.
        seal: FileMark,
        /// Whose memory the filter takes.
        usage: Arc<ReaderUsage>,
        /// The filter once it was opened; `None` inside when it does not read back.
        opened: OnceLock<Option<IdFilter>>,
    },
}

impl SealedFilter {
    fn of(
        directory: &PartitionDirectory,
        seal: Option<FileMark>,
        usage: &Arc<ReaderUsage>,
    ) -> SealedFilter {
        let Some(seal) = seal else { return SealedFilter::None };
        let (directory, usage) = (directory.clone(), Arc::clone(usage));
        SealedFilter::Sealed { directory, seal, usage, opened: OnceLock::new() }
    }

    /// Returns the filter, opening it; `None` when there is none.
    fn get(&self) -> Option<&IdFilter> {
        let SealedFilter::Sealed { directory, seal, usage, opened } = self else { return None };
        if let Some(known) = opened.get() {
            return known.as_ref();
        }
        // Without its filter a partition is slower, not wrong: the next question tries again.
        let filter = IdFilter::open(directory).ok()?;
        // Windows of another seal would say where the documents of another segment lie.
        let own = filter.filter(|filter| filter.is_marked(*seal));
        opened.get_or_init(|| own.map(|filter| filter.charged_to(usage))).as_ref()
    }

    fn is_open(&self) -> bool {
        match self {
            SealedFilter::None => false,
            SealedFilter::Sealed { opened, .. } => opened.get().is_some_and(Option::is_some),
        }
    }
}

impl PartitionFacts {
    /// Tells whether a segment is part of it.
    pub(crate) fn has_segment(&self, id: SegmentId) -> bool {
        self.segments.iter().any(|segment| segment.id() == id)
    }

    /// Returns the same facts, whose filter the next question opens again.
    fn without_filter(&self) -> PartitionFacts {
        let filter = match &self.filter {
            SealedFilter::None => SealedFilter::None,
            SealedFilter::Sealed { directory, seal, usage, opened: _ } => {
                SealedFilter::of(directory, Some(*seal), usage)
            }
        };
        PartitionFacts {
            state: self.state,
            stats: self.stats,
            committed: self.committed,
            segments: self.segments.clone(),
            filter,
            levels: self.levels,
        }
    }

    /// Returns its segments.
    pub(crate) fn segments(&self) -> &[SegmentMeta] {
        &self.segments
    }

    fn none() -> PartitionFacts {
        PartitionFacts {
            state: PartitionState::Hot,
            stats: PartitionStats::default(),
            committed: Committed::default(),
            segments: Vec::new(),
            filter: SealedFilter::None,
            levels: None,
        }
    }

    /// Returns whether it is hot or sealed.
    pub fn state(&self) -> PartitionState {
        self.state
    }

    /// Returns its records, bytes and bounds.
    pub fn stats(&self) -> &PartitionStats {
        &self.stats
    }

    /// Returns the count of values whose names have no own column.
    pub fn paired_values(&self) -> u64 {
        self.committed.paired_values
    }

    /// Returns its records by level, if the seal has counted them.
    pub fn levels(&self) -> Option<&LevelCounts> {
        self.levels.as_ref()
    }

    /// Tells whether an id may be in the partition. False is certain; true means: look.
    pub fn may_contain(&self, id_hash: u64) -> bool {
        self.filter.get().is_none_or(|filter| filter.may_contain(id_hash))
    }

    /// Returns the documents of a segment among which those with an id lie, disjoint and
    /// ascending; `None` when they may lie anywhere.
    pub fn id_spans(&self, segment: SegmentId, id_hash: u64) -> Option<Vec<Range<DocId>>> {
        let [only] = self.segments.as_slice() else { return None };
        let filter = self.filter.get().filter(|_| only.id() == segment)?;
        filter.spans(id_hash, only.max_doc())
    }
}

/// A partition that can be searched. Shared by everyone who reads.
#[derive(Debug)]
pub struct Partition {
    id: PartitionId,
    name: String,
    location: Location,
    usage: Arc<ReaderUsage>,
    shared: Mutex<Shared>,
    /// Held while what is known is read anew, so that an older reading cannot replace a newer.
    refreshing: Mutex<()>,
    /// The turn of the last [`crate::PartitionList`] that a search opened the partition through.
    last_turn: AtomicU64,
}

#[derive(Debug)]
struct Shared {
    facts: Arc<PartitionFacts>,
    view: Option<Arc<PartitionView>>,
    /// Segments without damage by their checksums. The files of a seal are compared piece by piece
    /// instead, as they are read.
    verified: BTreeSet<SegmentKey>,
}

/// A segment with its last deletions.
type SegmentKey = (SegmentId, Option<u64>);

/// Lists of segments that are read before opening fails: each time a merge must have replaced
/// what the list names before its files were opened, which takes it far longer than that.
const LISTS_MAX: usize = 8;

impl Partition {
    /// Reads what describes the partition: the engine's list of segments, and the seal if there is
    /// one.
    pub(crate) fn open(
        id: PartitionId,
        tiers: &Tiers,
        location: Location,
        usage: Arc<ReaderUsage>,
    ) -> Result<Partition, StoreError> {
        let partition = Partition::unread(id, tiers, location, usage);
        partition.refresh()?;
        Ok(partition)
    }

    /// Reads a sealed partition; `None` for a hot partition, and when anything is not as a seal
    /// leaves a partition. Files of segments are not opened.
    pub(crate) fn open_sealed(
        id: PartitionId,
        tiers: &Tiers,
        location: Location,
        usage: Arc<ReaderUsage>,
    ) -> Option<Partition> {
        let partition = Partition::unread(id, tiers, location, usage);
        let EngineList { segments, payload } = EngineList::read(partition.directory())?;
        let committed = read_payload(payload.as_deref(), partition.directory(), &partition.name);
        let seal = Seal::read(partition.directory()).ok().flatten();
        let seal = seal.filter(|seal| seal.covers(&segments))?;
        let facts = partition.sealed_facts(&seal, segments, committed.ok()?).ok()?;
        lock(&partition.shared).facts = Arc::new(facts);
        Some(partition)
    }

    fn unread(
        id: PartitionId,
        tiers: &Tiers,
        location: Location,
        usage: Arc<ReaderUsage>,
    ) -> Partition {
        Partition {
            id,
            name: id.name(tiers),
            location,
            usage,
            shared: Mutex::new(Shared {
                facts: Arc::new(PartitionFacts::none()),
                view: None,
                verified: BTreeSet::new(),
            }),
            refreshing: Mutex::new(()),
            last_turn: AtomicU64::new(0),
        }
    }

    /// Returns which partition this is.
    pub fn id(&self) -> PartitionId {
        self.id
    }

    /// Returns `<tenant>/<tier>/<yyyy-mm-dd>`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns where its files are.
    pub(crate) fn directory(&self) -> &PartitionDirectory {
        self.location.directory()
    }

    /// Returns what is known without opening it.
    pub fn facts(&self) -> Arc<PartitionFacts> {
        Arc::clone(&lock(&self.shared).facts)
    }

    /// Returns whether it is hot or sealed.
    pub fn state(&self) -> PartitionState {
        lock(&self.shared).facts.state
    }

    /// Returns its records, bytes and bounds.
    pub fn stats(&self) -> PartitionStats {
        lock(&self.shared).facts.stats
    }

    /// Returns the position of the last commit that was taken up: records below it are in the
    /// index.
    pub(crate) fn position(&self) -> u64 {
        lock(&self.shared).facts.committed.position
    }

    /// Returns the payload of the last commit that was taken up.
    pub(crate) fn committed(&self) -> Committed {
        lock(&self.shared).facts.committed
    }

    /// Returns when its content last changed, by the clock of the file system.
    pub(crate) fn changed(&self) -> Timestamp {
        self.directory().changed().unwrap_or(Timestamp::MIN)
    }

    /// Takes the seal away, so that the partition is hot once that is taken up, and is sealed anew.
    pub(crate) fn unseal(&self) -> Result<(), StoreError> {
        self.directory().remove(seal::FILE_NAME)
    }

    /// Returns how many segments it has.
    pub fn segment_count(&self) -> usize {
        lock(&self.shared).facts.segments.len()
    }

    /// Returns the records by minute and level that `facts` speak of; `None` when nobody has
    /// counted them, or has counted others since: then look into the partition.
    pub fn minute_counts(
        &self,
        facts: &PartitionFacts,
    ) -> Result<Option<MinuteCounts>, StoreError> {
        let Some(levels) = facts.levels() else { return Ok(None) };
        let counts = MinuteCounts::read(self.directory())?;
        Ok(counts.filter(|counts| counts.totals() == *levels))
    }

    /// Returns a consistent view of what is committed, opening the files when they are not. What a
    /// search reads has been compared with its checksum, once while the partition is known: a
    /// rotten length or column gives no wrong record, and asks for no memory.
    pub fn view(&self) -> Result<Arc<PartitionView>, StoreError> {
        let view = self.open_or_opened()?;
        if !view.is_verified() {
            let sealed = view.sealed();
            view.segments().iter().try_for_each(|segment| self.verify(segment, sealed))?;
            view.note_verified();
        }
        Ok(view)
    }

    /// Says that every segment was compared with its checksums just now.
    pub(crate) fn note_verified(&self) {
        let mut shared = lock(&self.shared);
        let keys = shared.facts.segments.iter().map(|meta| (meta.id(), meta.delete_opstamp()));
        shared.verified = keys.collect();
    }

    /// Compares the files of a segment with their checksums, unless the seal does, or a search has.
    fn verify(&self, segment: &OpenSegment, sealed: &SealedFiles) -> Result<(), StoreError> {
        let key = (segment.id(), segment.reader().delete_opstamp());
        if lock(&self.shared).verified.contains(&key) {
            return Ok(());
        }
        for name in checksum::files_of_segment(key) {
            if sealed.has(&name) {
                continue;
            }
            let verified =
                checksum::verify_engine_file(self.directory().vfs(), &self.directory().file(&name));
            match verified {
                Ok(()) => {}
                // A merge has replaced the segment, and has compared all that it read.
                Err(error) if error.is_not_found() && !self.lists(segment.id())? => break,
                Err(error) => return Err(error),
            }
        }
        lock(&self.shared).verified.insert(key);
        Ok(())
    }

    /// Tells whether the engine's list on the disk has a segment.
    fn lists(&self, id: SegmentId) -> Result<bool, StoreError> {
        let meta = view::read_meta(&ReadDirectory::open(self.directory())?, &self.name)?;
        Ok(meta.segments.iter().any(|segment| segment.id() == id))
    }

    fn open_or_opened(&self) -> Result<Arc<PartitionView>, StoreError> {
        let facts = {
            let shared = lock(&self.shared);
            if let Some(view) = &shared.view {
                return Ok(Arc::clone(view));
            }
            Arc::clone(&shared.facts)
        };
        // Opened without the lock: other searches go on meanwhile.
        let view = Arc::new(self.open_view(&facts)?);
        let mut shared = lock(&self.shared);
        // What a commit or another search opened meanwhile is as new, or newer.
        if Arc::ptr_eq(&shared.facts, &facts) && shared.view.is_none() {
            shared.view = Some(Arc::clone(&view));
        }
        Ok(view)
    }

    /// Opens the segments of a list, or of the newest when a merge has replaced some of them.
    fn open_view(&self, facts: &PartitionFacts) -> Result<PartitionView, StoreError> {
        let files = ReadDirectory::open(self.directory())?;
        let files = match Seal::read(self.directory())? {
            Some(seal) => files.with_seal(&seal, None),
            None => files,
        };
        let mut opened = PartitionView::open(&files, &facts.segments, None, &self.usage);
        for _ in 1..LISTS_MAX {
            let Err(OpenError::Replaced(_)) = &opened else { break };
            let newest = view::read_meta(&files, &self.name)?.segments;
            opened = PartitionView::open(&files, &newest, None, &self.usage);
        }
        opened.map_err(|error| error.into_store(&self.name))
    }

    /// Notes through which list the partition was used.
    pub(crate) fn note_turn(&self, turn: u64) {
        self.last_turn.fetch_max(turn, Ordering::Relaxed);
    }

    /// Returns the turn of the last use; `None` while no file is open.
    pub(crate) fn open_since(&self) -> Option<u64> {
        let shared = lock(&self.shared);
        let is_open = shared.view.is_some() || shared.facts.filter.is_open();
        drop(shared);
        is_open.then(|| self.last_turn.load(Ordering::Relaxed))
    }

    /// Lets go of the open files; searches under way keep theirs.
    pub(crate) fn close_reader(&self) {
        let mut shared = lock(&self.shared);
        let view = shared.view.take();
        let facts = shared.facts.filter.is_open().then(|| {
            let closed = Arc::new(shared.facts.without_filter());
            std::mem::replace(&mut shared.facts, closed)
        });
        drop(shared);
        // Unmapping takes a while: not under the lock.
        drop((view, facts));
    }

    /// Takes up what was committed or sealed since.
    pub(crate) fn refresh(&self) -> Result<(), StoreError> {
        let _refreshing = lock(&self.refreshing);
        let mut read = self.read_facts();
        for _ in 1..LISTS_MAX {
            let Err(OpenError::Replaced(_)) = &read else { break };
            read = self.read_facts();
        }
        let (facts, view) = read.map_err(|error| error.into_store(&self.name))?;
        let mut shared = lock(&self.shared);
        let is_listed = |key: &SegmentKey| {
            facts.segments.iter().any(|meta| (meta.id(), meta.delete_opstamp()) == *key)
        };
        shared.verified.retain(is_listed);
        shared.facts = Arc::new(facts);
        let before = std::mem::replace(&mut shared.view, view);
        drop(shared);
        drop(before);
        Ok(())
    }

    /// Reads what is known. A hot partition is opened to learn its bounds of time, and stays so:
    /// it is what is searched most, and the next commit changes little of it.
    fn read_facts(&self) -> Result<(PartitionFacts, Option<Arc<PartitionView>>), OpenError> {
        let (files, list) = match EngineList::read(self.directory()) {
            Some(list) => (None, list),
            None => {
                let files = ReadDirectory::open(self.directory())?;
                let IndexMeta { segments, payload, .. } = view::read_meta(&files, &self.name)?;
                (Some(files), EngineList { segments, payload })
            }
        };
        let committed = read_payload(list.payload.as_deref(), self.directory(), &self.name)?;
        let earlier = lock(&self.shared).view.clone();
        let seal = Seal::read(self.directory())?;
        if let Some(seal) = seal.as_ref().filter(|seal| seal.covers(&list.segments)) {
            let facts = self.sealed_facts(seal, list.segments, committed)?;
            let view = earlier.filter(|view| view.is_of(&facts.segments));
            return Ok((facts, view));
        }
        let files = files.map_or_else(|| ReadDirectory::open(self.directory()), Ok)?;
        let files = match &seal {
            Some(seal) => files.with_seal(seal, earlier.as_deref().map(PartitionView::sealed)),
            None => files,
        };
        let bytes = self.directory().lengths()?.into_values().sum();
        let view = PartitionView::open(&files, &list.segments, earlier.as_deref(), &self.usage)?;
        let (earliest, latest) = view.time_bounds()?;
        let records = records_of(&list.segments);
        let facts = PartitionFacts {
            stats: PartitionStats { records, bytes, earliest, latest },
            committed,
            segments: list.segments,
            ..PartitionFacts::none()
        };
        Ok((facts, Some(Arc::new(view))))
    }

    /// Returns what is known of a sealed partition, of which no file is opened.
    fn sealed_facts(
        &self,
        seal: &Seal,
        segments: Vec<SegmentMeta>,
        committed: Committed,
    ) -> Result<PartitionFacts, StoreError> {
        let lengths = self.directory().lengths()?;
        seal.check_lengths(self.directory(), &lengths)?;
        // Dead letters may have been deleted since they were counted.
        let is_counted = segments.iter().all(|segment| !segment.has_deletes());
        Ok(PartitionFacts {
            state: PartitionState::Sealed,
            stats: PartitionStats {
                records: records_of(&segments),
                bytes: lengths.into_values().sum(),
                earliest: seal.earliest,
                latest: seal.latest,
            },
            committed,
            segments,
            filter: SealedFilter::of(self.directory(), seal.mark_of_filter(), &self.usage),
            levels: seal.level_counts().filter(|_| is_counted),
        })
    }
}

fn records_of(segments: &[SegmentMeta]) -> u64 {
    segments.iter().map(|segment| u64::from(segment.num_docs())).sum()
}

/// A panic of another reader leaves plain values behind, never a broken invariant.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens the index that is in a directory of the engine.
fn index_in(directory: Box<dyn Directory>, name: &str) -> Result<Index, StoreError> {
    let mut index = Index::open(directory).map_err(StoreError::index("open", name))?;
    register_analyzer(&mut index);
    Ok(index)
}
