//! The indexer: durable batches from the WAL become searchable records in partitions.
//!
//! Batches arrive in the order of their numbers, so the records of a partition are added in
//! order, and the number after the last added one is the partition's position: records below it
//! are in the index, all others are still in the WAL. One lock guards the open writers;
//! maintenance takes it for short steps (never during a merge).

mod backfill;
mod backlog;
mod context;
mod failure;
#[cfg(any(test, feature = "simulation"))]
mod impatient;
mod lateness;
mod phase;
mod progress;
mod sink;
mod state;
mod supervise;
mod thread;
mod wait;

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use backfill::{Pass, spawn_backfill};
pub use lateness::{Lateness, Unsearchable};
pub(crate) use state::Replay;
pub(crate) use thread::{Left, LeftBy, UNCOMMITTED_BYTES_MAX, spawn};

use self::backlog::Lane;
use self::context::{Context, StopRequest};
use self::failure::guarded;
use self::phase::Event;
use self::progress::Progress;
use self::state::IndexState;
use self::wait::wait_unless;
use crate::catalogue::Catalogue;
use crate::layout::Layout;
use crate::partition::{RecordSelection, WriterSettings};
use crate::rebuild::Rebuilding;
use crate::time::BelievedClock;
use crate::tombstone::Tombstones;
use crate::wal::{LoggedBatch, WalReader, WalReleaser, WriteStateHandle};
use crate::{PartitionId, StoreError, trash};

/// What the indexer is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexerSettings {
    pub(crate) commit_interval: Duration,
    pub(crate) open_writers_max: usize,
    pub(crate) commit_threads_max: usize,
    /// Segments of the log that may wait for the backfill lane.
    pub(crate) backlog_segments_max: usize,
    pub(crate) writer: WriterSettings,
}

/// Shared by the indexing thread, maintenance and everyone who wants a flush.
#[derive(Debug)]
pub(crate) struct Indexer {
    context: Arc<Context>,
    state: Mutex<IndexState>,
    /// Signalled when the backfill lane gives a partition back.
    returned: Condvar,
}

impl Indexer {
    pub(crate) fn new(
        settings: IndexerSettings,
        layout: Layout,
        clock: Arc<BelievedClock>,
        catalogue: Arc<Catalogue>,
        (releaser, reader): (WalReleaser, WalReader),
        tombstones: Tombstones,
    ) -> Indexer {
        let context = Arc::new(Context {
            settings,
            tiers: catalogue.tiers().clone(),
            layout,
            clock,
            catalogue,
            releaser,
            reader,
            chunks: Arc::default(),
            backfill_chunks: Arc::default(),
            progress: Progress::default(),
            stop: StopRequest::default(),
        });
        let state = IndexState::new(Arc::clone(&context), tombstones);
        Indexer { context, state: Mutex::new(state), returned: Condvar::new() }
    }

    /// Returns what the WAL thread goes by: whether batches are taken.
    pub(crate) fn write_state(&self) -> &WriteStateHandle {
        self.context.progress.write_state()
    }

    /// Gives the records of a batch to their partitions.
    pub(crate) fn apply(&self, batch: &LoggedBatch, replay: Replay) -> Result<(), StoreError> {
        self.change(|state| state.apply(batch, replay))
    }

    /// Runs a step of the start. Returns whether it succeeded.
    pub(crate) fn try_step(&self, step: impl FnOnce() -> Result<(), StoreError>) -> bool {
        match guarded(step) {
            Ok(()) => true,
            Err(failure) => {
                tracing::error!(%failure, "the log is not indexed whole yet");
                false
            }
        }
    }

    /// Makes everything applied so far durable in the indexes and searchable, then lets the WAL
    /// forget it.
    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        self.change(IndexState::commit_all)
    }

    /// Says that the log was read up to a number, and that no record before it is to come.
    pub(crate) fn pass(&self, end: u64) {
        self.context.progress.pass(end);
    }

    /// Waits until every record below a number was applied, then commits.
    pub(crate) fn flush(&self, below: u64) -> Result<(), StoreError> {
        self.context.progress.await_applied(below)?;
        self.commit()?;
        self.context.progress.await_backfilled(below)
    }

    /// Takes up partitions that a start has put into quarantine.
    pub(crate) fn rebuild(&self, partitions: Vec<Rebuilding>) {
        self.lock().rebuild(partitions);
    }

    /// Asks for long work to be left: the store is about to close.
    pub(crate) fn stop(&self) {
        self.context.stop.make();
    }

    /// Tells whether the store is about to close.
    pub(crate) fn is_stopping(&self) -> bool {
        self.context.stop.is_made()
    }

    /// Merges a partition into one segment in its sealed form. Records of the meantime are indexed
    /// beside the merge. Blocks until the merge is done, or until the store is about to
    /// close: then the merge is left, the partition stays hot, and the next seal removes the
    /// files that nobody lists.
    pub(crate) fn merge_partition(&self, id: PartitionId) -> Result<(), StoreError> {
        if self.is_stopping() {
            return Err(StoreError::Closing);
        }
        let merge = self.change_partition(id, |state| state.start_seal(id))?;
        let merged = match merge {
            Some(future) => {
                wait_unless(future, || self.is_stopping()).ok_or(StoreError::Closing)?
            }
            None => Ok(None),
        };
        self.change_partition(id, |state| state.finish_seal(id))?;
        merged.map(drop).map_err(StoreError::index("merge", &id.name(&self.context.tiers)))
    }

    /// Deletes selected records of a partition, durably; a partition without any record left goes
    /// too.
    pub(crate) fn delete_records(
        &self,
        id: PartitionId,
        selection: RecordSelection,
    ) -> Result<(), StoreError> {
        let emptied = self.change_partition(id, |state| state.delete_records(id, selection))?;
        emptied.map_or(Ok(()), |trashed| trash::delete(&self.context.layout, &trashed))
    }

    /// Takes a partition away: drops its writer, remembers how far its records went, and moves
    /// its directory to the trash.
    pub(crate) fn drop_partition(&self, id: PartitionId) -> Result<PathBuf, StoreError> {
        self.lock_returned(id).drop_partition(id)
    }

    /// Changes the writers. When that fails, or panics, a writer may have lost records that the
    /// WAL still has; then nothing is added or committed, and so nothing released, before the
    /// indexing thread has read them again.
    fn change<T>(
        &self,
        step: impl FnOnce(&mut IndexState) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.change_in(self.lock(), step)
    }

    /// Changes the writer of a partition, which is not lent meanwhile.
    fn change_partition<T>(
        &self,
        id: PartitionId,
        step: impl FnOnce(&mut IndexState) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.change_in(self.lock_returned(id), step)
    }

    fn change_in<T>(
        &self,
        mut state: MutexGuard<'_, IndexState>,
        step: impl FnOnce(&mut IndexState) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // ORDER: the step ends before the lock does, so a loss is noted before anybody else adds.
        let begun = self.context.progress.begin_step(Lane::Fresh)?;
        begun.end(step(&mut state))
    }

    /// Takes the lock when a partition is not lent to the backfill lane, which has it for as long
    /// as a commit takes.
    fn lock_returned(&self, id: PartitionId) -> MutexGuard<'_, IndexState> {
        let is_away = |state: &mut IndexState| state.is_away(id);
        let waited = self.returned.wait_while(self.lock(), is_away);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a damaged partition aside.
    pub(crate) fn put_aside(&self, id: PartitionId) -> Result<(), StoreError> {
        self.lock_returned(id).put_aside(id)
    }

    /// Wakes every waiting thread: no further progress will come.
    fn end(&self) {
        self.context.progress.note(Lane::Fresh, Event::Ends);
    }

    /// The state is changed step by step and every step leaves it whole, so a panic of one
    /// thread does not make it unusable for the others.
    fn lock(&self) -> MutexGuard<'_, IndexState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
