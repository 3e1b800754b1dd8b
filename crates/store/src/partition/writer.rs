//! The writing side of a partition: numbered records in, commits that name a WAL position out.
//!
//! The position travels in tantivy's commit payload, so an index and the WAL cannot disagree:
//! after a crash, records below the position are in the index and all others are replayed.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tantivy::directory::Directory;
use tantivy::index::{IndexSettings, SegmentId, SegmentMeta};
use tantivy::indexer::{IndexWriterOptions, NoMergePolicy, UserOperation};
use tantivy::store::{Compressor, ZstdCompressor};
use tantivy::{FutureResult, Index, IndexWriter, SegmentReader, TantivyError, Term};
use tierlog_model::{EncodedRecord, fields, metric_names};

use super::lease::Lease;
use super::read_directory::ReadDirectory;
use super::{PartitionDirectory, RecordSelection, index_in, view};
use crate::StoreError;
use crate::checked::Content;
use crate::document::{Chunk, ChunkDocument, ColumnKind, FieldNames, SeenTemplates, field_columns};
use crate::format::{FORMAT, check_version};
use crate::schema::{index_fields, register_analyzer, schema};

/// Where the search engine says what a partition is made of.
const META_FILE: &str = "meta.json";

/// Block of the document store while a partition is hot: small enough to show a few hits fast.
const HOT_BLOCK_BYTES: usize = 64 << 10;
/// Block of the document store once sealed: zstd finds more to share in a large one, and a hit
/// inflates the whole of it. With blocks of 1 MiB a hundred scattered hits would take twice as
/// long; of a million lines, 128 KiB would save 0.3 MB, and inflating was a third of a user's page.
const SEALED_BLOCK_BYTES: usize = 64 << 10;

/// What a commit says about itself.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    format: u32,
    committed: Committed,
}

/// What a commit says of its partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Committed {
    /// Number of the first record that the partition ever had: what the log has from here on is
    /// the whole of it.
    pub(crate) first: u64,
    /// Every record of this partition with a smaller number is in the index.
    pub(crate) position: u64,
    /// Position at which records were last deleted; 0 when none ever was.
    #[serde(default)]
    pub(crate) deleted: u64,
    /// Values in the index whose names have no column of their own.
    #[serde(default)]
    pub(crate) paired_values: u64,
}

/// How partitions are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WriterSettings {
    pub(crate) memory_bytes: usize,
    pub(crate) seal_zstd_level: i32,
}

/// What the next commit of a writer is to hold.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Uncommitted {
    position: Option<u64>,
    records: u64,
    paired_values: u64,
}

impl Uncommitted {
    /// Tells whether an index at a position holds it.
    pub(crate) fn is_in(self, position: u64) -> bool {
        self.position == Some(position)
    }

    /// Counts its records as indexed.
    pub(crate) fn count(self, partition: &str) {
        // tenant '/' tier '/' day
        let tier = partition.split('/').nth(1).unwrap_or_default().to_owned();
        metrics::counter!(metric_names::INDEXED, "tier" => tier.clone()).increment(self.records);
        // A label set that was never counted is not written out: most tiers have no such value.
        if self.paired_values > 0 {
            metrics::counter!(metric_names::PAIRED_VALUES, "tier" => tier)
                .increment(self.paired_values);
        }
    }
}

/// An open index writer. Dropping it forgets what was not committed; the WAL still has it.
pub(crate) struct PartitionWriter {
    name: String,
    writer: IndexWriter<ChunkDocument>,
    /// ORDER: behind the engine's writer, whose threads it outlives; what they have left to do
    /// after it is too late.
    _lease: Lease,
    names: FieldNames,
    templates: SeenTemplates,
    /// Number after the last record that was added; `None` when none was since the opening.
    position: Option<u64>,
    /// What the index says: a commit never takes it back.
    committed_position: u64,
    uncommitted_records: u64,
    /// What the next commit says of the index, but for its position and what is new in it.
    committed: Option<Committed>,
}

impl std::fmt::Debug for PartitionWriter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "PartitionWriter({}, {})", self.name, self.uncommitted_records)
    }
}

impl PartitionWriter {
    /// Opens a partition to take records, making it when it is not there.
    pub(crate) fn open(
        directory: &PartitionDirectory,
        name: &str,
        settings: WriterSettings,
    ) -> Result<PartitionWriter, StoreError> {
        let (index, lease) = open_or_create(directory, name)?;
        Self::with_index(&index, lease, (directory, name), settings)
    }

    /// Opens a partition so that what is merged and written gets its sealed form.
    pub(crate) fn open_to_seal(
        directory: &PartitionDirectory,
        name: &str,
        settings: WriterSettings,
    ) -> Result<PartitionWriter, StoreError> {
        directory.remove_leftovers()?;
        let (leased, lease) = directory.lease()?;
        let mut index = index_in(leased, name)?;
        let level = settings.seal_zstd_level;
        let zstd = Compressor::Zstd(ZstdCompressor { compression_level: Some(level) });
        index.settings_mut().docstore_compression = zstd;
        index.settings_mut().docstore_blocksize = SEALED_BLOCK_BYTES;
        Self::with_index(&index, lease, (directory, name), settings)
    }

    fn with_index(
        index: &Index,
        lease: Lease,
        (directory, name): (&PartitionDirectory, &str),
        settings: WriterSettings,
    ) -> Result<PartitionWriter, StoreError> {
        let names = known_names(directory, name)?;
        let meta = index.load_metas().map_err(StoreError::index("read", name))?;
        let payload = meta.payload.and_then(|json| serde_json::from_str::<Payload>(&json).ok());
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(settings.memory_bytes)
            .build();
        let writer =
            index.writer_with_options(options).map_err(StoreError::index("write", name))?;
        // Who holds all writers says what is merged when: see the indexer's state.
        writer.set_merge_policy(Box::new(NoMergePolicy));
        Ok(PartitionWriter {
            name: name.to_owned(),
            writer,
            _lease: lease,
            names,
            templates: SeenTemplates::default(),
            position: None,
            committed_position: payload.as_ref().map_or(0, |payload| payload.committed.position),
            uncommitted_records: 0,
            committed: payload.map(|payload| payload.committed),
        })
    }

    /// Adds records until a chunk is full, and returns the others. They are searchable after the
    /// next commit.
    pub(crate) fn add<'r, 'b>(
        &mut self,
        mut chunk: Chunk,
        records: &'r [(u64, EncodedRecord<'b>)],
    ) -> Result<&'r [(u64, EncodedRecord<'b>)], StoreError> {
        let mut rest = records;
        let mut position = self.position;
        while !chunk.is_full()
            && let Some(((seq, record), tail)) = rest.split_first()
        {
            chunk.push(*seq, record, &mut self.names, &mut self.templates);
            // A letter stands for an older record: the index still has everything below.
            position = position.max(Some(self.committed_position.max(seq + 1)));
            rest = tail;
        }
        if let (None, Some((first, _))) = (self.committed, records.first()) {
            self.committed = Some(Committed { first: *first, ..Committed::default() });
        }
        let documents = chunk.into_documents();
        let count = documents.len() as u64;
        if let Err(error) = self.writer.run(documents.map(UserOperation::Add)) {
            return Err(self.cause_of_end(error));
        }
        self.position = position;
        self.uncommitted_records += count;
        Ok(rest)
    }

    /// Fails when the thread that indexes has ended, with what ended it.
    pub(crate) fn check_alive(&mut self) -> Result<(), StoreError> {
        // The engine says it to who sends something only, so this is sent: to delete what has
        // nothing for a word, as nothing has.
        let mut no_word = Term::from_field_json_path(index_fields().text, fields::MESSAGE, false);
        no_word.append_type_and_str("");
        match self.writer.run([UserOperation::Delete(no_word)]) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.cause_of_end(error)),
        }
    }

    /// Returns why the thread that indexes has ended: to who sends, the engine says only that.
    fn cause_of_end(&mut self, error: TantivyError) -> StoreError {
        let cause = self.writer.prepare_commit().err().unwrap_or(error);
        StoreError::index("add to", &self.name)(cause)
    }

    /// Deletes the records of a selection, with the next commit. `position` is that of the last
    /// one.
    pub(crate) fn delete(
        &mut self,
        selection: RecordSelection,
        position: u64,
    ) -> Result<(), StoreError> {
        self.writer
            .delete_query(selection.into_query())
            .map_err(StoreError::index("delete from", &self.name))?;
        self.position.get_or_insert(position);
        let committed = self.committed.get_or_insert_default();
        committed.deleted = committed.deleted.max(self.position.unwrap_or(position));
        Ok(())
    }

    /// Returns how many records the next commit will make searchable.
    pub(crate) fn uncommitted_records(&self) -> u64 {
        self.uncommitted_records
    }

    /// Returns the number after the last record that the next commit is to hold.
    pub(crate) fn below(&self) -> u64 {
        self.position.unwrap_or(0)
    }

    /// Returns what the next commit is to hold.
    pub(crate) fn uncommitted(&self) -> Uncommitted {
        Uncommitted {
            position: self.position,
            records: self.uncommitted_records,
            paired_values: self.names.paired_values(),
        }
    }

    /// Makes what was added durable and searchable. Does nothing when nothing was added.
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        let Some(position) = self.position else { return Ok(()) };
        let before = self.committed.unwrap_or_default();
        let paired_values = before.paired_values + self.names.paired_values();
        let committed = Committed { position, paired_values, ..before };
        let payload = serde_json::to_string(&Payload { format: FORMAT, committed })
            .map_err(|error| malformed(&self.name, &error))?;
        let failed = StoreError::index;
        let mut prepared = self.writer.prepare_commit().map_err(failed("commit", &self.name))?;
        prepared.set_payload(&payload);
        // ORDER: only after this may the WAL forget the records. The engine's rename of meta.json
        // is durable when it returns: `OrderedDirectory` syncs the directory, the engine does not.
        prepared.commit().map_err(failed("commit", &self.name))?;
        // Counted once they are durable: what fails is added again from the WAL.
        self.uncommitted().count(&self.name);
        self.committed_position = position;
        self.uncommitted_records = 0;
        self.committed = Some(committed);
        self.names.forget_paired_values();
        Ok(())
    }

    /// Starts to merge committed segments. The future ends when the index lists the merged
    /// segment instead of them.
    pub(crate) fn start_merge(
        &mut self,
        segments: &[SegmentId],
    ) -> FutureResult<Option<SegmentMeta>> {
        self.writer.merge(segments)
    }

    /// Starts to merge every committed segment into one. The future ends when the index lists
    /// the merged segment instead of them. Records may be added meanwhile.
    pub(crate) fn start_merge_all(
        &mut self,
    ) -> Result<Option<FutureResult<Option<SegmentMeta>>>, StoreError> {
        let segments: Vec<SegmentId> = self
            .writer
            .index()
            .searchable_segment_ids()
            .map_err(StoreError::index("list segments of", &self.name))?;
        Ok((!segments.is_empty()).then(|| self.writer.merge(&segments)))
    }

    /// Removes the files of replaced segments and syncs the directory.
    pub(crate) fn collect_garbage(&self) -> Result<(), StoreError> {
        self.writer
            .garbage_collect_files()
            .wait()
            .map_err(StoreError::index("collect garbage of", &self.name))?;
        self.writer
            .index()
            .directory()
            .sync_directory()
            .map_err(|source| StoreError::io("sync", Path::new(&self.name))(source))
    }
}

/// Returns what a commit's payload says.
pub(crate) fn read_payload(
    payload: Option<&str>,
    directory: &PartitionDirectory,
    name: &str,
) -> Result<Committed, StoreError> {
    let Some(payload) = payload else { return Ok(Committed::default()) };
    check_version(payload.as_bytes(), &directory.file(META_FILE))?;
    let payload: Payload =
        serde_json::from_str(payload).map_err(|error| malformed(name, &error))?;
    Ok(payload.committed)
}

/// Refuses a partition whose seal or last commit another version has written.
pub(crate) fn check_partition_version(directory: &PartitionDirectory) -> Result<(), StoreError> {
    if let Some(seal) = directory.read(super::seal::FILE_NAME).ok().flatten() {
        check_version(&seal, &directory.file(super::seal::FILE_NAME))?;
    }
    let file = directory.read_meta();
    match file.and_then(|file| payload_of(Content::of(&file).readable()?)) {
        Some(payload) => check_version(payload.as_bytes(), &directory.file(META_FILE)),
        None => Ok(()),
    }
}

/// Returns what the last commit of a partition says of it, without opening it; `None` when its
/// bytes are not those that were written.
pub(crate) fn last_commit(directory: &PartitionDirectory) -> Option<Committed> {
    let file = directory.read_meta()?;
    let payload = payload_of(Content::of(&file).whole()?)?;
    serde_json::from_str::<Payload>(&payload).ok().map(|payload| payload.committed)
}

/// Returns the payload in the engine's list of segments.
fn payload_of(meta: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Meta {
        payload: Option<String>,
    }
    serde_json::from_slice::<Meta>(meta).ok()?.payload
}

fn malformed(name: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Malformed { path: PathBuf::from(name), problem: format!("commit payload: {error}") }
}

fn open_or_create(
    directory: &PartitionDirectory,
    name: &str,
) -> Result<(Index, Lease), StoreError> {
    if directory.has_index()? {
        directory.remove_leftovers()?;
        let (leased, lease) = directory.lease()?;
        return Ok((index_in(leased, name)?, lease));
    }
    directory.create()?;
    let (leased, lease) = directory.lease()?;
    let settings = IndexSettings {
        docstore_compression: Compressor::Lz4,
        docstore_blocksize: HOT_BLOCK_BYTES,
        // Our threads are counted: no extra one for each segment that is written.
        docstore_compress_dedicated_thread: false,
        ..IndexSettings::default()
    };
    let mut index =
        Index::create(leased, schema(), settings).map_err(StoreError::index("create", name))?;
    register_analyzer(&mut index);
    Ok((index, lease))
}

/// Returns the field names that the partition has columns of, so that its bound outlives a
/// restart.
fn known_names(directory: &PartitionDirectory, name: &str) -> Result<FieldNames, StoreError> {
    let mut names = FieldNames::default();
    // Not through the writer's directory, which reads every byte of what it opens.
    let files = ReadDirectory::open(directory)?;
    let index = view::reading_index(&files).map_err(StoreError::index("read", name))?;
    for segment in index.searchable_segments().map_err(StoreError::index("read", name))? {
        let reader = SegmentReader::open(&segment).map_err(StoreError::index("read", name))?;
        for (kind, column, _) in field_columns(&reader)? {
            match kind {
                ColumnKind::Own | ColumnKind::Beside(_) => names.admit(&column),
                ColumnKind::Pairs => continue,
            };
        }
    }
    Ok(names)
}
