//! The indexer: durable batches from the WAL become searchable records in partitions.
//!
//! Batches arrive in the order of their numbers, so the records of a partition are added in
//! order, and the number after the last added one is the partition's position: records below it
//! are in the index, all others are still in the WAL. One lock guards the open writers;
//! maintenance takes it for short steps (never during a merge).

mod failure;
#[cfg(any(test, feature = "simulation"))]
mod impatient;
mod sink;
mod state;
mod supervise;
mod thread;
mod wait;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tierlog_model::{Clock, Tiers};

pub(crate) use state::Replay;
pub(crate) use thread::{Left, LeftBy, UNCOMMITTED_BYTES_MAX, spawn};

use self::failure::guarded;
use self::state::{Behind, IndexState};
use self::wait::wait_unless;
use crate::catalogue::Catalogue;
use crate::dead_letters::LetterQuery;
use crate::document::ChunkPool;
use crate::layout::Layout;
use crate::partition::WriterSettings;
use crate::tombstone::Tombstones;
use crate::wal::{AppliedBatch, WalReader, WalReleaser};
use crate::{PartitionId, StoreError};

/// What the indexer is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexerSettings {
    pub(crate) commit_interval: Duration,
    pub(crate) open_writers_max: usize,
    pub(crate) commit_threads_max: usize,
    pub(crate) writer: WriterSettings,
}

/// Shared by the indexing thread, maintenance and everyone who wants a flush.
#[derive(Debug)]
pub(crate) struct Indexer {
    settings: IndexerSettings,
    tiers: Tiers,
    layout: Layout,
    clock: Arc<dyn Clock>,
    catalogue: Arc<Catalogue>,
    releaser: WalReleaser,
    reader: WalReader,
    /// Records on their way to the writers.
    chunks: Arc<ChunkPool>,
    state: Mutex<IndexState>,
    /// Signalled whenever batches were applied or the thread ended.
    progress: Condvar,
    /// Set when a writer may have lost records, until the indexing thread has gone back to what is
    /// committed: for those who must not wait for the lock of the state.
    lossy: AtomicBool,
    /// Set when the store is about to close: long work that can be done later is left.
    stopping: AtomicBool,
}

impl Indexer {
    pub(crate) fn new(
        settings: IndexerSettings,
        layout: Layout,
        clock: Arc<dyn Clock>,
        catalogue: Arc<Catalogue>,
        (releaser, reader): (WalReleaser, WalReader),
        tombstones: Tombstones,
    ) -> Indexer {
        Indexer {
            settings,
            tiers: catalogue.tiers().clone(),
            layout,
            clock,
            catalogue,
            releaser,
            reader,
            chunks: Arc::default(),
            state: Mutex::new(IndexState::new(tombstones)),
            progress: Condvar::new(),
            lossy: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        }
    }

    /// Gives the records of a batch to their partitions.
    pub(crate) fn apply(&self, batch: &AppliedBatch, replay: Replay) -> Result<(), StoreError> {
        self.with_state(|state| state.apply(self, batch, replay))?;
        self.progress.notify_all();
        Ok(())
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
        self.with_state(|state| state.commit_all(self))
    }

    /// Waits until every record below a number was applied, then commits.
    pub(crate) fn flush(&self, below: u64) -> Result<(), StoreError> {
        let mut state = self.lock();
        while state.applied() < below {
            if state.has_ended() {
                return Err(StoreError::ThreadEnded("indexer"));
            }
            if let Some(why) = state.stalled() {
                return Err(StoreError::Stalled(why.to_owned()));
            }
            state = self.progress.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        self.commit()
    }

    /// Asks for long work to be left: the store is about to close.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Tells whether the store is about to close.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Merges a partition into one segment in its sealed form. Records that arrive meanwhile
    /// are indexed beside it. Blocks until the merge is done, or until the store is about to
    /// close: then the merge is left, the partition stays hot, and the next seal removes the
    /// files that nobody lists.
    pub(crate) fn merge_partition(&self, id: PartitionId) -> Result<(), StoreError> {
        if self.is_stopping() {
            return Err(StoreError::Closing);
        }
        let merge = self.with_state(|state| state.start_seal(self, id))?;
        let merged = match merge {
            Some(future) => {
                wait_unless(future, || self.is_stopping()).ok_or(StoreError::Closing)?
            }
            None => Ok(None),
        };
        self.with_state(|state| state.finish_seal(self, id))?;
        merged.map(drop).map_err(StoreError::index("merge", &id.name(&self.tiers)))
    }

    /// Deletes the records of a partition that a query finds, durably; a partition without any
    /// record left goes too.
    pub(crate) fn delete_records(
        &self,
        id: PartitionId,
        query: LetterQuery,
    ) -> Result<(), StoreError> {
        let emptied = self.with_state(|state| state.delete_records(self, id, query))?;
        emptied.map_or(Ok(()), |trashed| crate::maintenance::delete(&self.layout, &trashed))
    }

    /// Takes a partition away: drops its writer, remembers how far its records went, and moves
    /// its directory to the trash.
    pub(crate) fn drop_partition(&self, id: PartitionId) -> Result<std::path::PathBuf, StoreError> {
        self.lock().drop_partition(self, id)
    }

    /// Changes the writers. When that fails, or panics, a writer may have lost records that the
    /// WAL still has; then nothing is added or committed, and so nothing released, before the
    /// indexing thread has read them again.
    fn with_state<T>(
        &self,
        change: impl FnOnce(&mut IndexState) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut state = self.lock();
        if state.is_behind() {
            return Err(StoreError::Stalled("the log is read again".to_owned()));
        }
        state.set_behind(Behind::Yes);
        let lossy = NoteLoss(&self.lossy);
        let changed = change(&mut state)?;
        std::mem::forget(lossy);
        state.set_behind(Behind::No);
        Ok(changed)
    }

    /// Tells whether a writer may have lost records that nobody has begun to read again.
    pub(crate) fn is_lossy(&self) -> bool {
        self.lossy.load(Ordering::Acquire)
    }

    fn free_bytes(&self) -> u64 {
        self.layout.vfs().free_bytes(self.layout.root()).unwrap_or(0)
    }

    /// Puts a damaged partition aside.
    pub(crate) fn put_aside(&self, id: PartitionId) -> Result<(), StoreError> {
        self.lock().put_aside(self, id)
    }

    /// Wakes everyone who waits for progress that will not come.
    fn end(&self) {
        self.lock().end();
        self.progress.notify_all();
    }

    /// The state is changed step by step and every step leaves it whole, so a panic of one
    /// thread does not make it unusable for the others.
    fn lock(&self) -> MutexGuard<'_, IndexState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes a loss when a change ends before its end: by an error, or by a panic.
struct NoteLoss<'i>(&'i AtomicBool);

impl Drop for NoteLoss<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
