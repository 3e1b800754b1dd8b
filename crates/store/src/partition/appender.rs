//! A few records as one more segment of a partition, written by the thread that has them.
//!
//! Records arrive, as for a [`super::PartitionWriter`]; the same files and the same list of
//! segments leave. That writer is made for a stream: three threads, channels of ten thousand places
//! and a table of half a million terms, all made anew for each commit. Where a backlog brings a day
//! some hundred records at a time, the making cost more than the records.
//!
//! What never happens here: a change beside another writer. Whoever appends has the partition lent.

use tantivy::directory::Directory as _;
use tantivy::index::{IndexMeta, Segment};
use tantivy::indexer::{AddOperation, SegmentWriter};
use tantivy::{Index, TantivyError};
use tierlog_model::EncodedRecord;

use super::PartitionDirectory;
use super::filling::{Filling, Uncommitted};
use super::lease::Lease;
use super::writer::{META_FILE, known_names, open_or_create};
use crate::StoreError;
use crate::document::Chunk;

/// What the engine takes the first size of its table of terms from: 32,768 terms, as some thousand
/// records have. The table grows with more.
const TABLE_BUDGET_BYTES: usize = 1_000_000;

/// A partition that gets one more segment. Dropping it forgets what was not committed; the WAL
/// still has it, and the next writer removes the files.
pub(crate) struct PartitionAppender {
    name: String,
    index: Index,
    segment: Segment,
    writer: SegmentWriter,
    /// The list that gets the segment.
    meta: IndexMeta,
    filling: Filling,
    /// ORDER: behind every field that changes files under the lease.
    _lease: Lease,
}

impl std::fmt::Debug for PartitionAppender {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "PartitionAppender({}, {:?})", self.name, self.filling)
    }
}

impl PartitionAppender {
    /// Opens a partition for one more segment, and makes a partition that is not there.
    pub(crate) fn open(
        directory: &PartitionDirectory,
        name: &str,
    ) -> Result<PartitionAppender, StoreError> {
        let (index, lease) = open_or_create(directory, name)?;
        let meta = index.load_metas().map_err(StoreError::index("read", name))?;
        let filling = Filling::new(known_names(directory, name)?, meta.payload.as_deref());
        let segment = index.new_segment();
        let writer = SegmentWriter::for_segment(TABLE_BUDGET_BYTES, segment.clone())
            .map_err(StoreError::index("write", name))?;
        let name = name.to_owned();
        Ok(PartitionAppender { name, index, segment, writer, meta, filling, _lease: lease })
    }

    /// Adds records until a chunk is full, and returns the others.
    pub(crate) fn add<'r, 'b>(
        &mut self,
        mut chunk: Chunk,
        records: &'r [(u64, EncodedRecord<'b>)],
    ) -> Result<&'r [(u64, EncodedRecord<'b>)], StoreError> {
        let (filled, rest) = self.filling.fill(&mut chunk, records);
        for document in chunk.into_documents() {
            // Nothing is deleted before the commit, so the moment of a document does not matter.
            let added = self.writer.add_document(AddOperation { opstamp: 0, document });
            added.map_err(StoreError::index("add to", &self.name))?;
        }
        self.filling.note_added(filled);
        Ok(rest)
    }

    /// Returns the number after the last record that the commit is to hold.
    pub(crate) fn below(&self) -> u64 {
        self.filling.below()
    }

    /// Returns what the commit is to hold.
    pub(crate) fn uncommitted(&self) -> Uncommitted {
        self.filling.uncommitted()
    }

    /// Makes what was added durable and searchable. Does nothing when nothing was added.
    pub(crate) fn commit(self) -> Result<(), StoreError> {
        let PartitionAppender { name, index, segment, writer, mut meta, mut filling, _lease } =
            self;
        let Some(next) = filling.next_commit(&name)? else { return Ok(()) };
        let failed = StoreError::index("commit", &name);
        let records = writer.max_doc();
        let listed = || -> Result<(), TantivyError> {
            writer.finalize()?;
            meta.segments.push(index.new_segment_meta(segment.id(), records));
            meta.opstamp += u64::from(records);
            meta.payload = Some(next.payload().to_owned());
            let json = serde_json::to_vec(&meta).map_err(std::io::Error::other)?;
            // ORDER: the segment's files, their names and the list of files, before the list of
            // segments names them.
            index.directory().sync_directory()?;
            // ORDER: only after this may the WAL forget the records; the directory makes the new
            // list durable before it returns.
            index.directory().atomic_write(META_FILE.as_ref(), &json)?;
            Ok(())
        };
        listed().map_err(failed)?;
        filling.note_committed(&next, &name);
        Ok(())
    }
}
