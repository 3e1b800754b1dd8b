//! A partition that the backfill lane works on.
//!
//! Between the borrowing and the return nobody else changes the partition. A return in doubt says
//! so: the last commit may have been made although it failed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tierlog_model::{EncodedRecord, Excerpt};

use super::super::Indexer;
use super::super::state::{CHUNK_WAIT_MAX, Lent, Returned};
use super::super::wait::wait_unless;
use crate::partition::{
    PartitionAppender, PartitionDirectory, PartitionWriter, Uncommitted, WriterSettings,
    segments_to_merge,
};
use crate::{PartitionId, StoreError};

/// Memory of a writer: the least that the engine takes. What one pass brings to a partition is
/// little, and the writers of all threads exist at once.
const WRITER_BYTES: usize = 15 << 20;

/// Encoded bytes of records that become one segment in the lane's own thread: some ten thousand
/// lines. A writer takes more: its thread indexes a chunk while the lane prepares the next, and its
/// segments are bounded by memory.
const APPENDED_BYTES_MAX: usize = 4 << 20;

/// A partition lent to the backfill lane alone. Dropping it gives it back in doubt.
pub(super) struct Borrowed<'i> {
    indexer: &'i Indexer,
    id: PartitionId,
    name: String,
    lent: Option<Lent>,
    /// What the last commit was to hold.
    uncommitted: Uncommitted,
}

impl<'i> Borrowed<'i> {
    /// Borrows a partition, unless the lane has to go back first: an earlier partition of the day
    /// may be in quarantine, and its records come before those that were gathered.
    pub(super) fn new(indexer: &'i Indexer, id: PartitionId) -> Result<Borrowed<'i>, StoreError> {
        let lent = {
            let mut state = indexer.lock_returned(id);
            indexer.refuse_stalled_backfill()?;
            Some(state.lend(id))
        };
        let name = id.name(&indexer.context.tiers);
        Ok(Borrowed { indexer, id, name, lent, uncommitted: Uncommitted::default() })
    }

    pub(super) fn lent(&mut self) -> &mut Lent {
        self.lent.get_or_insert_with(|| self.indexer.lock().lend(self.id))
    }

    /// Returns the writer, which is opened when it is not open.
    fn writer(&mut self) -> Result<&mut PartitionWriter, StoreError> {
        let (indexer, id) = (self.indexer, self.id);
        let name = self.name.clone();
        let lent = self.lent();
        if lent.writer.is_none() {
            let settings = indexer.context.settings.writer;
            let memory_bytes = settings.memory_bytes.min(WRITER_BYTES);
            let settings = WriterSettings { memory_bytes, ..settings };
            let open = |directory: &PartitionDirectory, name: &str| {
                PartitionWriter::open(directory, name, settings)
            };
            lent.writer = Some(indexer.open_unless_damaged(id, &name, open)?);
        }
        lent.writer.as_mut().ok_or(StoreError::NoPartition(name))
    }

    /// Adds records and commits.
    pub(super) fn index(&mut self, records: &[(u64, EncodedRecord<'_>)]) -> Result<(), StoreError> {
        let bytes: usize = records.iter().map(|(_, record)| Excerpt::bytes_of(record)).sum();
        // A writer that is open seals, and the partition's segments are its own.
        if bytes <= APPENDED_BYTES_MAX && self.lent().writer.is_none() {
            return self.append(records);
        }
        self.add(records)?;
        self.commit()
    }

    fn add(&mut self, records: &[(u64, EncodedRecord<'_>)]) -> Result<(), StoreError> {
        let chunks = Arc::clone(&self.indexer.context.backfill_chunks);
        let mut rest = records;
        while !rest.is_empty() {
            let writer = self.writer()?;
            match chunks.take(CHUNK_WAIT_MAX) {
                Some(chunk) => rest = writer.add(chunk, rest)?,
                None => writer.check_alive()?,
            }
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let (indexer, id) = (self.indexer, self.id);
        let writer = self.writer()?;
        // ORDER: no index is ahead of the log, or what a power cut takes were not its end.
        indexer.context.releaser.sync_below(writer.below())?;
        // ORDER: in doubt before the commit, which may be made and fail all the same.
        let uncommitted = writer.uncommitted();
        self.uncommitted = uncommitted;
        self.writer()?.commit()?;
        self.uncommitted = Uncommitted::default();
        indexer.context.catalogue.refresh(id)
    }

    /// Adds and commits records as one segment, without a writer for streams.
    fn append(&mut self, records: &[(u64, EncodedRecord<'_>)]) -> Result<(), StoreError> {
        let (indexer, id) = (self.indexer, self.id);
        let mut appender = indexer.open_unless_damaged(id, &self.name, PartitionAppender::open)?;
        let mut rest = records;
        while !rest.is_empty() {
            // Chunks come back while others use them up: no thread of this partition has any.
            if let Some(chunk) = indexer.context.backfill_chunks.take(CHUNK_WAIT_MAX) {
                rest = appender.add(chunk, rest)?;
            }
        }
        // ORDER: no index is ahead of the log, or what a power cut takes were not its end.
        indexer.context.releaser.sync_below(appender.below())?;
        // ORDER: in doubt before the commit, which may be made and fail all the same.
        self.uncommitted = appender.uncommitted();
        appender.commit()?;
        self.uncommitted = Uncommitted::default();
        indexer.context.catalogue.refresh(id)
    }

    /// Merges small segments when there are many: nobody else has this writer open, or will.
    pub(super) fn merge(&mut self) -> Result<(), StoreError> {
        let (indexer, id) = (self.indexer, self.id);
        let Some(partition) = indexer.context.catalogue.partition(id) else { return Ok(()) };
        let segments = segments_to_merge(partition.facts().segments());
        if segments.is_empty() || !self.lent().may_merge() {
            return Ok(());
        }
        let merge = self.writer()?.start_merge(&segments);
        match wait_unless(merge, || indexer.is_stopping()) {
            Some(Ok(_)) => {}
            // The segments are still listed, and searched: nothing is lost but the work. The reason
            // may be damage, for which maintenance looks.
            Some(Err(error)) => {
                tracing::warn!(partition = %self.name, %error, "merge was left");
                indexer.context.catalogue.suspect(id);
            }
            None => return Ok(()),
        }
        indexer.context.catalogue.refresh(id)
    }

    /// Gives the partition back whole, and closes what its commit has opened: old days are searched
    /// seldom, and a backlog goes through hundreds of them.
    pub(super) fn give_back(mut self) {
        if let Some(partition) = self.indexer.context.catalogue.partition(self.id) {
            partition.close_reader();
        }
        self.end(Returned::Whole);
    }

    fn end(&mut self, returned: Returned) {
        let Some(lent) = self.lent.take() else { return };
        // A dropped writer waits for its threads: before the return, so that the partition is free
        // for its next user, and without the lock.
        let lent = lent.close_unless_sealing(&returned);
        self.indexer.lock().take_back(self.id, lent, returned);
        self.indexer.context.progress.stir();
        self.indexer.returned.notify_all();
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.end(Returned::InDoubt(self.uncommitted));
    }
}

impl Indexer {
    /// Opens a partition to write to it. A damaged partition goes into quarantine, and the pass
    /// ends: the records are read again.
    fn open_unless_damaged<W>(
        &self,
        id: PartitionId,
        name: &str,
        open: impl FnOnce(&PartitionDirectory, &str) -> Result<W, StoreError>,
    ) -> Result<W, StoreError> {
        let directory = PartitionDirectory::of(&self.context.layout, id);
        match catch_unwind(AssertUnwindSafe(|| open(&directory, name))) {
            Ok(Ok(writer)) => return Ok(writer),
            Ok(Err(error)) if !error.is_damage() => return Err(error),
            Ok(Err(error)) => tracing::error!(partition = %name, %error, "damaged partition"),
            Err(_) => tracing::error!(partition = %name, "opening the partition panicked"),
        }
        self.lock().put_aside(id)?;
        Err(StoreError::Quarantined(name.to_owned()))
    }
}
