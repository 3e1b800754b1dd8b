//! The open segments of a partition: what searches read.
//!
//! A partition's directory and its list of segments arrive; segment readers leave. They are
//! opened without the engine's index and searcher, which would parse the schema again, read the
//! list of files and open the document store of every segment. What open segments hold in memory
//! is charged to a [`ReaderUsage`] as long as anyone holds them.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use tantivy::directory::ManagedDirectory;
use tantivy::directory::error::OpenReadError;
use tantivy::index::SegmentId;
use tantivy::{DateTime, DocId, Index, IndexMeta, SegmentMeta, SegmentReader, TantivyError};
use tierlog_model::Timestamp;
use tierlog_model::memory::{MemoryLease, MemoryPart};

use super::read_directory::ReadDirectory;
use super::verified_file::SealedFiles;
use crate::StoreError;
use crate::document::{
    OrderColumns, RecordReader, SeveralValued, StoredRecord, TemplateWords, has_beside,
};
use crate::schema::{TIMESTAMP, register_analyzer, schema};

/// Memory of an open segment besides its record reader, measured over segments of a few hundred
/// records: handles of seven files, of which those of up to a page are in memory, directories of
/// columns and terms, the columns of order.
const SEGMENT_BYTES: usize = 18 << 10;

/// Files that an open segment maps at most: terms, postings, positions, store, columns and norms.
pub(crate) const MAPS_PER_SEGMENT: usize = 6;

/// The index that every partition is read as: its schema and analyzer are the same everywhere.
static TEMPLATE: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index::create_in_ram(schema());
    register_analyzer(&mut index);
    index
});

/// What open segments take, over all partitions and searches: one lease of the budget's part.
#[derive(Debug)]
pub(crate) struct ReaderUsage {
    part: MemoryPart,
    lease: Mutex<MemoryLease>,
    segments: AtomicUsize,
    /// Id filters that are open.
    filters: AtomicUsize,
}

impl ReaderUsage {
    /// Returns the usage of nothing, under a part of the budget.
    pub(crate) fn of(part: &MemoryPart) -> ReaderUsage {
        let lease = Mutex::new(part.empty_lease());
        ReaderUsage {
            part: part.clone(),
            lease,
            segments: AtomicUsize::new(0),
            filters: AtomicUsize::new(0),
        }
    }

    /// Returns the bytes of memory, as estimated.
    pub(crate) fn bytes(&self) -> usize {
        self.part.used_bytes() as usize
    }

    /// Returns the bytes that open segments may take before some of them are closed.
    pub(crate) fn limit_bytes(&self) -> usize {
        self.part.limit_bytes() as usize
    }

    /// Changes what a segment is charged. A search opens every partition of its range, so the part
    /// may lend past its limit: other partitions are closed behind the search.
    fn recharge(&self, before: usize, now: usize) {
        if before == now {
            return;
        }
        let mut lease = self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        let others = lease.bytes().saturating_sub(before as u64);
        lease.settle(others + now as u64);
    }

    /// Returns the number of mapped files.
    pub(crate) fn maps(&self) -> usize {
        let of_segments = self.segments.load(Ordering::Relaxed).saturating_mul(MAPS_PER_SEGMENT);
        of_segments.saturating_add(self.filters.load(Ordering::Relaxed))
    }

    /// Charges a filter, which takes a map at most, until what is returned is dropped.
    pub(super) fn charge_filter(self: &Arc<Self>, bytes: usize) -> FilterCharge {
        self.filters.fetch_add(1, Ordering::Relaxed);
        self.recharge(0, bytes);
        FilterCharge { usage: Arc::clone(self), bytes }
    }
}

/// What an open id filter is charged.
#[derive(Debug)]
pub(super) struct FilterCharge {
    usage: Arc<ReaderUsage>,
    bytes: usize,
}

impl Drop for FilterCharge {
    fn drop(&mut self) {
        self.usage.recharge(self.bytes, 0);
        self.usage.filters.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The segments of a partition at one moment.
#[derive(Clone, Debug)]
pub struct PartitionView {
    segments: Vec<Arc<OpenSegment>>,
    /// The files of a seal, and which pieces of them have been compared with their checksums.
    sealed: SealedFiles,
    /// Set once every segment was compared with its checksums, or is as it is read.
    verified: Arc<OnceLock<()>>,
}

impl PartitionView {
    /// Returns the segments, in the order of the engine's list.
    pub fn segments(&self) -> &[Arc<OpenSegment>] {
        &self.segments
    }

    /// Returns the files of a seal, of which each piece is compared when it is first read.
    pub(super) fn sealed(&self) -> &SealedFiles {
        &self.sealed
    }

    /// Tells whether a search may read the segments without another look at their checksums.
    pub(super) fn is_verified(&self) -> bool {
        self.verified.get().is_some()
    }

    /// Notes that every segment was compared with the checksums.
    pub(super) fn note_verified(&self) {
        // Two searches may have compared at once, with the same result.
        let _ = self.verified.set(());
    }

    /// Opens segments, and takes over the open ones of an earlier view.
    pub(super) fn open(
        files: &ReadDirectory,
        metas: &[SegmentMeta],
        earlier: Option<&PartitionView>,
        usage: &Arc<ReaderUsage>,
    ) -> Result<PartitionView, OpenError> {
        let mut index = None;
        let mut segments = Vec::with_capacity(metas.len());
        for meta in metas {
            let known = earlier.and_then(|view| view.segment(meta));
            if let Some(known) = known {
                segments.push(Arc::clone(known));
                continue;
            }
            let index = match &index {
                Some(index) => index,
                None => index.insert(reading_index(files)?),
            };
            let reader = SegmentReader::open(&index.segment(meta.clone()))?;
            segments.push(Arc::new(OpenSegment::new(reader, Arc::clone(usage))));
        }
        Ok(PartitionView { segments, sealed: files.sealed().clone(), verified: Arc::default() })
    }

    /// Tells whether the view has just these segments.
    pub(super) fn is_of(&self, metas: &[SegmentMeta]) -> bool {
        self.segments.len() == metas.len() && metas.iter().all(|meta| self.segment(meta).is_some())
    }

    /// Returns the oldest and youngest moment of its records.
    pub(super) fn time_bounds(&self) -> Result<(Option<Timestamp>, Option<Timestamp>), StoreError> {
        let mut bounds = (None, None);
        for segment in &self.segments {
            if let Some((earliest, latest)) = segment.time_bounds()? {
                bounds.0 = bounds.0.into_iter().chain([earliest]).min();
                bounds.1 = bounds.1.into_iter().chain([latest]).max();
            }
        }
        Ok(bounds)
    }

    fn segment(&self, meta: &SegmentMeta) -> Option<&Arc<OpenSegment>> {
        let is_same = |segment: &&Arc<OpenSegment>| {
            let reader = segment.reader();
            reader.segment_id() == meta.id() && reader.delete_opstamp() == meta.delete_opstamp()
        };
        self.segments.iter().find(is_same)
    }
}

/// One open segment.
pub struct OpenSegment {
    reader: SegmentReader,
    /// Opened by the first search in order of time.
    order: OnceLock<OrderColumns>,
    /// Opened by the first search that shows records.
    records: OnceLock<RecordReader>,
    /// Looked up by the first search for a field.
    has_beside: OnceLock<bool>,
    /// Of fields that an aggregation has asked for.
    several_valued: SeveralValued,
    /// Read by the first search for words.
    template_words: OnceLock<Arc<TemplateWords>>,
    bounds: OnceLock<Option<(Timestamp, Timestamp)>>,
    /// What stands for this segment in `usage`.
    charged_bytes: AtomicUsize,
    usage: Arc<ReaderUsage>,
}

impl fmt::Debug for OpenSegment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "OpenSegment({})", self.id())
    }
}

impl OpenSegment {
    fn new(reader: SegmentReader, usage: Arc<ReaderUsage>) -> OpenSegment {
        usage.segments.fetch_add(1, Ordering::Relaxed);
        let segment = OpenSegment {
            reader,
            order: OnceLock::new(),
            records: OnceLock::new(),
            has_beside: OnceLock::new(),
            several_valued: SeveralValued::default(),
            template_words: OnceLock::new(),
            bounds: OnceLock::new(),
            charged_bytes: AtomicUsize::new(0),
            usage,
        };
        segment.charge(SEGMENT_BYTES);
        segment
    }

    /// Returns the engine's reader.
    pub fn reader(&self) -> &SegmentReader {
        &self.reader
    }

    /// Returns the columns that records are ordered by; kept as long as the segment is open.
    pub fn order(&self) -> Result<&OrderColumns, StoreError> {
        if self.order.get().is_none() {
            // Two searches may open the columns at once, with the same result.
            let _ = self.order.set(OrderColumns::open(&self.reader)?);
        }
        self.order.get().ok_or(StoreError::ThreadEnded("reader"))
    }

    /// Returns what rebuilds records; kept as long as the segment is open.
    pub fn records(&self) -> Result<&RecordReader, StoreError> {
        if self.records.get().is_none() {
            let opened = RecordReader::with_order(&self.reader, self.order()?.clone())?;
            // Two searches may have opened the reader at once, with the same result.
            let _ = self.records.set(opened);
            self.settle();
        }
        self.records.get().ok_or(StoreError::ThreadEnded("reader"))
    }

    /// Tells whether the segment has values beside the columns of its fields.
    pub fn has_beside(&self) -> Result<bool, StoreError> {
        if let Some(known) = self.has_beside.get() {
            return Ok(*known);
        }
        let found = has_beside(&self.reader)?;
        Ok(*self.has_beside.get_or_init(|| found))
    }

    /// Tells whether a field may have several values in a record; kept as long as the segment is
    /// open.
    pub fn has_several(&self, field: &str) -> Result<bool, StoreError> {
        self.several_valued.has(&self.reader, self.has_beside()?, field)
    }

    /// Returns the words of its templates; kept as long as the segment is open, if they are few.
    pub fn template_words(&self) -> Result<Arc<TemplateWords>, StoreError> {
        if let Some(known) = self.template_words.get() {
            return Ok(Arc::clone(known));
        }
        let words = Arc::new(TemplateWords::read(&self.reader)?);
        if words.are_worth_keeping() {
            // Two searches may have read the words at once, with the same result.
            let _ = self.template_words.set(Arc::clone(&words));
            self.settle();
        }
        Ok(words)
    }

    /// Rebuilds records, in the order of `docs`.
    pub fn read(&self, docs: &[DocId]) -> Result<Vec<StoredRecord>, StoreError> {
        let records = self.records()?.read(docs)?;
        self.settle();
        Ok(records)
    }

    /// Rebuilds records, in the order of `docs`; `None` when they would take more than so many
    /// bytes of memory.
    pub fn read_within(
        &self,
        docs: &[DocId],
        bytes_max: usize,
    ) -> Result<Option<Vec<StoredRecord>>, StoreError> {
        let records = self.records()?.read_within(docs, bytes_max)?;
        self.settle();
        Ok(records)
    }

    /// Returns the oldest and youngest moment from the column's own statistics; `None` without
    /// records.
    fn time_bounds(&self) -> Result<Option<(Timestamp, Timestamp)>, StoreError> {
        if let Some(known) = self.bounds.get() {
            return Ok(*known);
        }
        let bounds = if self.reader.max_doc() == 0 {
            None
        } else {
            let column = self.reader.fast_fields().date(TIMESTAMP)?;
            let moment =
                |date: DateTime| Timestamp::from_micros_clamped(date.into_timestamp_micros());
            Some((moment(column.min_value()), moment(column.max_value())))
        };
        Ok(*self.bounds.get_or_init(|| bounds))
    }

    pub(crate) fn id(&self) -> SegmentId {
        self.reader.segment_id()
    }

    /// Charges what the segment takes now: record readers keep small dictionaries.
    fn settle(&self) {
        let words = self.template_words.get().map_or(0, |words| words.memory_bytes());
        let records = self.records.get().map_or(0, RecordReader::memory_bytes);
        self.charge(SEGMENT_BYTES + words + records + self.several_valued.memory_bytes());
    }

    fn charge(&self, bytes: usize) {
        let before = self.charged_bytes.swap(bytes, Ordering::Relaxed);
        self.usage.recharge(before, bytes);
    }
}

impl Drop for OpenSegment {
    fn drop(&mut self) {
        self.charge(0);
        self.usage.segments.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why a view could not be opened.
pub(super) enum OpenError {
    /// A file is not there: a merge has replaced its segment since the list was read.
    Replaced(TantivyError),
    /// Anything else.
    Failed(TantivyError),
    /// The directory does not open.
    Directory(StoreError),
}

impl From<TantivyError> for OpenError {
    fn from(error: TantivyError) -> OpenError {
        match error {
            TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(_)) => {
                OpenError::Replaced(error)
            }
            other => OpenError::Failed(other),
        }
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> OpenError {
        OpenError::Directory(error)
    }
}

impl OpenError {
    /// Returns the error of the store.
    pub(super) fn into_store(self, name: &str) -> StoreError {
        match self {
            OpenError::Replaced(error) | OpenError::Failed(error) => {
                StoreError::index("open", name)(error)
            }
            OpenError::Directory(error) => error,
        }
    }
}

/// Reads the list of segments that was committed last.
pub(super) fn read_meta(files: &ReadDirectory, name: &str) -> Result<IndexMeta, StoreError> {
    let index = reading_index(files).map_err(StoreError::index("open", name))?;
    let meta = index.load_metas().map_err(StoreError::index("read", name))?;
    if meta.schema == index.schema() {
        return Ok(meta);
    }
    let path = files.path_of("meta.json");
    Err(StoreError::Malformed { path, problem: "the schema is of another version".to_owned() })
}

/// Returns a segment of so many documents, none of which is deleted.
pub(super) fn segment_of(id: SegmentId, max_doc: u32) -> SegmentMeta {
    TEMPLATE.new_segment_meta(id, max_doc)
}

/// Returns the template over the files of a partition.
pub(super) fn reading_index(files: &ReadDirectory) -> Result<Index, TantivyError> {
    let mut index = TEMPLATE.clone();
    *index.directory_mut() = ManagedDirectory::wrap(Box::new(files.clone()))?;
    Ok(index)
}
