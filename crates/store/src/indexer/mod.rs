//! The indexer: durable batches from the WAL become searchable records in partitions.
//!
//! Batches arrive in the order of their numbers, so the records of a partition are added in
//! order, and the number after the last added one is the partition's position: records below it
//! are in the index, all others are still in the WAL. One lock guards the open writers;
//! maintenance takes it for short steps (never during a merge).

mod state;
mod thread;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tierlog_model::{Clock, Tiers};

pub(crate) use state::Replay;
pub(crate) use thread::spawn;

use self::state::IndexState;
use crate::catalogue::Catalogue;
use crate::document::ChunkPool;
use crate::layout::Layout;
use crate::partition::WriterSettings;
use crate::tombstone::Tombstones;
use crate::wal::{AppliedBatch, WalReleaser};
use crate::{PartitionId, StoreError};

/// What the indexer is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexerSettings {
    pub(crate) commit_interval: Duration,
    pub(crate) open_writers_max: usize,
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
    /// Records on their way to the writers.
    chunks: Arc<ChunkPool>,
    state: Mutex<IndexState>,
    /// Signalled whenever batches were applied or the thread ended.
    progress: Condvar,
}

impl Indexer {
    pub(crate) fn new(
        settings: IndexerSettings,
        layout: Layout,
        clock: Arc<dyn Clock>,
        catalogue: Arc<Catalogue>,
        releaser: WalReleaser,
        tombstones: Tombstones,
    ) -> Indexer {
        Indexer {
            settings,
            tiers: catalogue.tiers().clone(),
            layout,
            clock,
            catalogue,
            releaser,
            chunks: Arc::default(),
            state: Mutex::new(IndexState::new(tombstones)),
            progress: Condvar::new(),
        }
    }

    /// Gives the records of a batch to their partitions.
    pub(crate) fn apply(&self, batch: &AppliedBatch, replay: Replay) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.apply(self, batch, replay)?;
        self.progress.notify_all();
        Ok(())
    }

    /// Makes everything applied so far durable in the indexes and searchable, then lets the WAL
    /// forget it.
    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        self.lock().commit_all(self)
    }

    /// Waits until every record below a number was applied, then commits.
    pub(crate) fn flush(&self, below: u64) -> Result<(), StoreError> {
        let mut state = self.lock();
        while state.applied() < below {
            if state.has_ended() {
                return Err(StoreError::ThreadEnded("indexer"));
            }
            state = self.progress.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.commit_all(self)
    }

    /// Merges a partition into one segment in its sealed form. Records that arrive meanwhile
    /// are indexed beside it. Blocks until the merge is done.
    pub(crate) fn merge_partition(&self, id: PartitionId) -> Result<(), StoreError> {
        let merge = self.lock().start_seal(self, id)?;
        let merged = merge.map_or(Ok(None), |future| future.wait());
        self.lock().finish_seal(self, id)?;
        merged.map(drop).map_err(StoreError::index("merge", &id.name(&self.tiers)))
    }

    /// Takes a partition away: drops its writer, remembers how far its records went, and moves
    /// its directory to the trash.
    pub(crate) fn drop_partition(&self, id: PartitionId) -> Result<std::path::PathBuf, StoreError> {
        self.lock().drop_partition(self, id)
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
