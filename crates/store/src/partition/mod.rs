//! One partition: the tantivy index of one tier and one day, as readers see it.
//!
//! A partition is hot while it takes records, and sealed once compaction has written it as one
//! segment with an id filter and checksums. A late record makes a sealed partition hot again;
//! its sealed segment stays as it is.

mod filter;
mod seal;
mod writer;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tantivy::directory::MmapDirectory;
use tantivy::index::SegmentId;
use tantivy::{Index, IndexReader, ReloadPolicy, Searcher, SegmentReader};
use tierlog_model::{Day, TierId, Tiers, Timestamp};

pub(crate) use filter::IdFilter;
pub(crate) use seal::{Seal, write_seal};
pub(crate) use writer::{PartitionWriter, WriterSettings, read_position};

use crate::StoreError;
use crate::document::RecordReader;
use crate::schema::{TIMESTAMP, register_analyzer};

/// Which partition: its tier and its UTC day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId {
    /// The tier.
    pub tier: TierId,
    /// The day of the records' timestamps.
    pub day: Day,
}

impl PartitionId {
    /// Returns `<tier>/<yyyy-mm-dd>`.
    pub fn name(self, tiers: &Tiers) -> String {
        format!("{}/{}", tiers.policy(self.tier).name, self.day)
    }
}

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

/// What is known of a partition without opening it.
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

/// A partition that can be searched. Shared by everyone who reads.
#[derive(Debug)]
pub struct Partition {
    id: PartitionId,
    name: String,
    directory: PathBuf,
    shared: Mutex<Shared>,
}

struct Shared {
    state: PartitionState,
    stats: PartitionStats,
    position: u64,
    segments: Vec<SegmentId>,
    /// Covers `filtered`; other segments have to be looked into.
    filter: Option<Arc<IdFilter>>,
    reader: Option<IndexReader>,
    /// Of segments in `segments`, while `reader` is open.
    record_readers: HashMap<SegmentId, Arc<RecordReader>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?} {:?}", self.state, self.stats)
    }
}

impl Partition {
    /// Reads what describes the partition: tantivy's meta file, and the seal if there is one.
    pub(crate) fn open(
        id: PartitionId,
        tiers: &Tiers,
        directory: PathBuf,
    ) -> Result<Partition, StoreError> {
        let partition = Partition::empty(id, tiers, directory);
        partition.refresh()?;
        Ok(partition)
    }

    fn empty(id: PartitionId, tiers: &Tiers, directory: PathBuf) -> Partition {
        let shared = Shared {
            state: PartitionState::Hot,
            stats: PartitionStats::default(),
            position: 0,
            segments: Vec::new(),
            filter: None,
            reader: None,
            record_readers: HashMap::new(),
        };
        Partition { id, name: id.name(tiers), directory, shared: Mutex::new(shared) }
    }

    /// Returns which partition this is.
    pub fn id(&self) -> PartitionId {
        self.id
    }

    /// Returns `<tier>/<yyyy-mm-dd>`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns where its files are.
    pub(crate) fn directory(&self) -> &PathBuf {
        &self.directory
    }

    /// Returns whether it is hot or sealed.
    pub fn state(&self) -> PartitionState {
        self.lock().state
    }

    /// Returns what is known without opening it.
    pub fn stats(&self) -> PartitionStats {
        self.lock().stats
    }

    /// Returns the position of the last commit that was taken up: records below it are in the
    /// index.
    pub(crate) fn position(&self) -> u64 {
        self.lock().position
    }

    /// Returns when its content last changed, by the clock of the file system.
    pub(crate) fn changed(&self) -> Timestamp {
        let modified = std::fs::metadata(self.directory.join("meta.json"))
            .and_then(|metadata| metadata.modified())
            .ok()
            .and_then(|moment| jiff::Timestamp::try_from(moment).ok());
        modified.map_or(Timestamp::MIN, Timestamp::from)
    }

    /// Returns how many segments it has.
    pub fn segment_count(&self) -> usize {
        self.lock().segments.len()
    }

    /// Tells whether an id may be in the partition. False is certain; true means: look.
    pub fn may_contain(&self, id_hash: u64) -> bool {
        let shared = self.lock();
        match (&shared.filter, shared.state) {
            (Some(filter), PartitionState::Sealed) => filter.may_contain(id_hash),
            _ => true,
        }
    }

    /// Returns a consistent view of what is committed, opening the files when they are not.
    pub fn searcher(&self) -> Result<Searcher, StoreError> {
        let mut shared = self.lock();
        if let Some(reader) = &shared.reader {
            return Ok(reader.searcher());
        }
        let reader = self.open_reader()?;
        let searcher = reader.searcher();
        shared.reader = Some(reader);
        Ok(searcher)
    }

    /// Returns what rebuilds the records of a segment that a searcher of this partition gave.
    ///
    /// It is kept for the next search while the partition is open and has the segment.
    pub fn record_reader(&self, segment: &SegmentReader) -> Result<Arc<RecordReader>, StoreError> {
        let id = segment.segment_id();
        if let Some(kept) = self.lock().record_readers.get(&id) {
            return Ok(Arc::clone(kept));
        }
        // Opened without the lock: other searches go on meanwhile.
        let opened = Arc::new(RecordReader::open(segment)?);
        let mut shared = self.lock();
        if shared.reader.is_some() && shared.segments.contains(&id) {
            shared.record_readers.insert(id, Arc::clone(&opened));
        }
        Ok(opened)
    }

    /// Tells whether its files are open.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().reader.is_some()
    }

    /// Lets go of the open files; searches under way keep theirs.
    pub(crate) fn close_reader(&self) {
        let mut shared = self.lock();
        shared.reader = None;
        shared.record_readers.clear();
    }

    /// Takes up what was committed or sealed since.
    pub(crate) fn refresh(&self) -> Result<(), StoreError> {
        let index = open_index(&self.directory, &self.name)?;
        let meta = index.load_metas().map_err(StoreError::index("read", &self.name))?;
        let segments: Vec<SegmentId> = meta.segments.iter().map(|segment| segment.id()).collect();
        let position = read_position(meta.payload.as_deref(), &self.directory, &self.name)?;
        let records = meta.segments.iter().map(|segment| u64::from(segment.num_docs())).sum();
        let seal = Seal::read(&self.directory)?.filter(|seal| seal.covers(&segments));

        let mut shared = self.lock();
        if let Some(reader) = &shared.reader {
            reader.reload().map_err(StoreError::index("reload", &self.name))?;
        }
        let (earliest, latest) = match &seal {
            Some(seal) => (seal.earliest, seal.latest),
            None => self.time_bounds(&mut shared)?,
        };
        let bytes = directory_bytes(&self.directory)?;
        shared.stats = PartitionStats { records, bytes, earliest, latest };
        shared.position = position;
        shared.state = if seal.is_some() { PartitionState::Sealed } else { PartitionState::Hot };
        shared.filter = match seal {
            Some(_) => IdFilter::open(&self.directory)?.map(Arc::new),
            None => None,
        };
        shared.record_readers.retain(|id, _| segments.contains(id));
        shared.segments = segments;
        Ok(())
    }

    /// Returns the oldest and youngest moment from the columns' own statistics.
    fn time_bounds(
        &self,
        shared: &mut Shared,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), StoreError> {
        let reader = match shared.reader.take() {
            Some(reader) => reader,
            None => self.open_reader()?,
        };
        let mut bounds: Option<(i64, i64)> = None;
        for segment in reader.searcher().segment_readers() {
            if segment.max_doc() == 0 {
                continue;
            }
            let column = segment.fast_fields().date(TIMESTAMP)?;
            let low = column.min_value().into_timestamp_micros();
            let high = column.max_value().into_timestamp_micros();
            bounds = Some(bounds.map_or((low, high), |(min, max)| (min.min(low), max.max(high))));
        }
        shared.reader = Some(reader);
        let moment = Timestamp::from_micros_clamped;
        Ok((bounds.map(|(low, _)| moment(low)), bounds.map(|(_, high)| moment(high))))
    }

    fn open_reader(&self) -> Result<IndexReader, StoreError> {
        let index = open_index(&self.directory, &self.name)?;
        index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map_err(StoreError::index("open", &self.name))
    }

    /// A panic of another reader leaves plain values behind, never a broken invariant.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens an existing index for reading or writing.
pub(crate) fn open_index(directory: &PathBuf, name: &str) -> Result<Index, StoreError> {
    let mmap = MmapDirectory::open(directory)
        .map_err(|error| StoreError::index("open", name)(error.into()))?;
    let mut index = Index::open(mmap).map_err(StoreError::index("open", name))?;
    register_analyzer(&mut index);
    Ok(index)
}

/// Returns the bytes of the files in a directory. Files that vanish meanwhile count nothing:
/// merges remove what they replaced.
fn directory_bytes(directory: &PathBuf) -> Result<u64, StoreError> {
    let entries = std::fs::read_dir(directory).map_err(StoreError::io("list", directory))?;
    let sizes = entries.flatten().filter_map(|entry| entry.metadata().ok());
    Ok(sizes.map(|metadata| metadata.len()).sum())
}
