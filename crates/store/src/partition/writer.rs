//! The writing side of a partition: numbered records in, commits that name a WAL position out.
//!
//! The position travels in tantivy's commit payload, so an index and the WAL cannot disagree:
//! after a crash, records below the position are in the index and all others are replayed.

use std::path::Path;

use serde::Deserialize;
use tantivy::directory::Directory;
use tantivy::index::{IndexSettings, SegmentId, SegmentMeta};
use tantivy::indexer::{IndexWriterOptions, NoMergePolicy, UserOperation};
use tantivy::store::{Compressor, ZstdCompressor};
use tantivy::{FutureResult, Index, IndexWriter, SegmentReader, TantivyError, Term};
use tierlog_model::{EncodedRecord, fields};

use super::filling::{Committed, Filling, Payload, Uncommitted, malformed};
use super::lease::Lease;
use super::read_directory::ReadDirectory;
use super::{PartitionDirectory, RecordSelection, index_in, view};
use crate::StoreError;
use crate::checked::Content;
use crate::document::{Chunk, ChunkDocument, ColumnKind, FieldNames, field_columns};
use crate::format::check_version;
use crate::schema::{index_fields, register_analyzer, schema};

/// Where the search engine says what a partition is made of.
pub(super) const META_FILE: &str = "meta.json";

/// Block of the document store while a partition is hot: small enough to show a few hits fast.
const HOT_BLOCK_BYTES: usize = 64 << 10;
/// Block of the document store once sealed: zstd finds more to share in a large one, and a hit
/// inflates the whole of it. With blocks of 1 MiB a hundred scattered hits would take twice as
/// long; of a million lines, 128 KiB would save 0.3 MB, and inflating was a third of a user's page.
const SEALED_BLOCK_BYTES: usize = 64 << 10;

/// How partitions are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WriterSettings {
    pub(crate) memory_bytes: usize,
    pub(crate) seal_zstd_level: i32,
}

/// An open index writer. Dropping it forgets what was not committed; the WAL still has it.
pub(crate) struct PartitionWriter {
    name: String,
    writer: IndexWriter<ChunkDocument>,
    /// ORDER: behind the engine's writer, whose threads it outlives; what they have left to do
    /// after it is too late.
    _lease: Lease,
    filling: Filling,
}

impl std::fmt::Debug for PartitionWriter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "PartitionWriter({}, {:?})", self.name, self.filling)
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
        let filling = Filling::new(names, meta.payload.as_deref());
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(settings.memory_bytes)
            .build();
        let writer =
            index.writer_with_options(options).map_err(StoreError::index("write", name))?;
        // Who holds all writers says what is merged when: see the indexer's state.
        writer.set_merge_policy(Box::new(NoMergePolicy));
        Ok(PartitionWriter { name: name.to_owned(), writer, _lease: lease, filling })
    }

    /// Adds records until a chunk is full, and returns the others. They are searchable after the
    /// next commit.
    pub(crate) fn add<'r, 'b>(
        &mut self,
        mut chunk: Chunk,
        records: &'r [(u64, EncodedRecord<'b>)],
    ) -> Result<&'r [(u64, EncodedRecord<'b>)], StoreError> {
        let (filled, rest) = self.filling.fill(&mut chunk, records);
        if let Err(error) = self.writer.run(chunk.into_documents().map(UserOperation::Add)) {
            return Err(self.cause_of_end(error));
        }
        self.filling.note_added(filled);
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
        self.filling.note_deleted(position);
        Ok(())
    }

    /// Returns how many records the next commit will make searchable.
    pub(crate) fn uncommitted_records(&self) -> u64 {
        self.filling.uncommitted_records()
    }

    /// Returns the number after the last record that the next commit is to hold.
    pub(crate) fn below(&self) -> u64 {
        self.filling.below()
    }

    /// Returns what the next commit is to hold.
    pub(crate) fn uncommitted(&self) -> Uncommitted {
        self.filling.uncommitted()
    }

    /// Makes what was added durable and searchable. Does nothing when nothing was added.
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        let Some(next) = self.filling.next_commit(&self.name)? else { return Ok(()) };
        let failed = StoreError::index;
        let mut prepared = self.writer.prepare_commit().map_err(failed("commit", &self.name))?;
        prepared.set_payload(next.payload());
        // ORDER: only after this may the WAL forget the records. The engine's rename of meta.json
        // is durable when it returns: `OrderedDirectory` syncs the directory, the engine does not.
        prepared.commit().map_err(failed("commit", &self.name))?;
        // Counted once they are durable: what fails is added again from the WAL.
        self.filling.note_committed(&next, &self.name);
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

/// Opens an index for a writer, making it when it is not there.
pub(super) fn open_or_create(
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
pub(super) fn known_names(
    directory: &PartitionDirectory,
    name: &str,
) -> Result<FieldNames, StoreError> {
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
