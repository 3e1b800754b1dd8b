//! A partition that the backfill lane works on.
//!
//! Between the borrowing and the return nobody else changes the partition. A return in doubt says
//! so: the last commit may have been made although it failed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tierlog_model::EncodedRecord;

use super::super::Indexer;
use super::super::state::{CHUNK_WAIT_MAX, Lent, Returned};
use super::super::wait::wait_unless;
use crate::partition::{
    PartitionDirectory, PartitionWriter, Uncommitted, WriterSettings, segments_to_merge,
};
use crate::{PartitionId, StoreError};

/// Memory of a writer: the least that the engine takes. What one pass brings to a partition is
/// little, and the writers of all threads exist at once.
const WRITER_BYTES: usize = 15 << 20;

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
            lent.writer = Some(indexer.open_to_backfill(id, &name)?);
        }
        lent.writer.as_mut().ok_or(StoreError::NoPartition(name))
    }

    pub(super) fn add(&mut self, records: &[(u64, EncodedRecord<'_>)]) -> Result<(), StoreError> {
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

    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
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
            // The segments are still listed, and searched: nothing is lost but the work. Damage is
            // one reason, and maintenance looks for it.
            Some(Err(error)) => {
                tracing::warn!(partition = %self.name, %error, "merge was left");
                indexer.context.catalogue.suspect(id);
            }
            None => return Ok(()),
        }
        indexer.context.catalogue.refresh(id)
    }

    pub(super) fn give_back(mut self) {
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

/// Opens a writer for a pass.
impl Indexer {
    /// A damaged partition goes into quarantine, which ends the pass: its records are read again.
    fn open_to_backfill(&self, id: PartitionId, name: &str) -> Result<PartitionWriter, StoreError> {
        let directory = PartitionDirectory::of(&self.context.layout, id);
        let settings = self.context.settings.writer;
        let memory_bytes = settings.memory_bytes.min(WRITER_BYTES);
        let settings = WriterSettings { memory_bytes, ..settings };
        let open = || PartitionWriter::open(&directory, name, settings);
        match catch_unwind(AssertUnwindSafe(open)) {
            Ok(Ok(writer)) => return Ok(writer),
            Ok(Err(error)) if !error.is_damage() => return Err(error),
            Ok(Err(error)) => tracing::error!(partition = %name, %error, "damaged partition"),
            Err(_) => tracing::error!(partition = %name, "opening the partition panicked"),
        }
        self.lock().put_aside(id)?;
        Err(StoreError::Quarantined(name.to_owned()))
    }
}
