//! The open store: its threads, what it answers about itself, and its orderly end.

use std::fs::File;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use serde::Serialize;
use tierlog_model::{Clock, HandoffReceiver, Timestamp};
use tokio::sync::broadcast;

use crate::backend::DiskVfs;
use crate::catalogue::Catalogue;
use crate::indexer::{Indexer, IndexerSettings};
use crate::layout::Layout;
use crate::maintenance::{self, Maintenance, MaintenanceThread};
use crate::partition::WriterSettings;
use crate::recovery::{self, Found};
use crate::tombstone::Tombstones;
use crate::wal::{self, LiveBatch, Wal, WalHooks, WalProblem, WalSettings, WriteStateHandle};
use crate::{
    CompactScope, Expiry, MaintenanceJob, SealPlan, Sealed, StoreError, StoreSettings, VerifyReport,
};

/// Batches that a live reader may fall behind before it misses some: a reader is never waited
/// for.
const LIVE_BATCHES: usize = 64;

/// A store that is open in this process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: StoreSettings,
    catalogue: Arc<Catalogue>,
    indexer: Arc<Indexer>,
    maintenance: Arc<Maintenance>,
    write_state: WriteStateHandle,
    live: broadcast::Sender<Arc<LiveBatch>>,
    found: Found,
    replayed_records: u64,
    layout: Layout,
    threads: Mutex<Option<Threads>>,
    /// Held until the store is dropped.
    _lock: File,
}

#[derive(Debug)]
struct Threads {
    wal: JoinHandle<Wal>,
    indexer: JoinHandle<()>,
    maintenance: Option<MaintenanceThread>,
}

/// What the store says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct StoreHealth {
    /// Why writes are refused; `None` when they are taken.
    pub refuses_writes: Option<String>,
    /// Threads that ended although they should run.
    pub ended_threads: Vec<&'static str>,
    /// Partitions that could not be read at the start and were put aside.
    pub quarantined: Vec<String>,
    /// Tiers on disk that the configuration does not name.
    pub unknown_tiers: Vec<String>,
    /// Records that the start read back from the WAL.
    pub replayed_records: u64,
}

impl StoreHealth {
    /// Tells whether everything is as it should be.
    pub fn is_writable(&self) -> bool {
        self.refuses_writes.is_none() && self.ended_threads.is_empty()
    }
}

impl Store {
    /// Opens a data directory: takes its lock, repairs what a crash left, replays the WAL, and
    /// starts to take batches from the hand-off.
    pub fn open(
        settings: StoreSettings,
        clock: Arc<dyn Clock>,
        handoff: HandoffReceiver,
    ) -> Result<Store, StoreError> {
        let layout = Layout::new(settings.data_directory.clone(), settings.tiers.clone());
        let lock = recovery::lock(&layout)?;
        recovery::check_stamp(&layout)?;
        let catalogue =
            Catalogue::new(settings.tiers.clone(), layout.clone(), settings.open_readers_max);
        let catalogue = Arc::new(catalogue);
        let found = recovery::load_partitions(&layout, &catalogue)?;

        let (mut wal, recovered) =
            Wal::open(Arc::new(DiskVfs), layout.root(), settings.wal_settings(), clock.now())?;
        let tombstones = Tombstones::open(&layout, &settings.tiers)?;
        // A WAL that was lost must not give out numbers that indexes or tombstones have already.
        wal.ensure_next_seq(found.next_seq.max(tombstones.highest()), clock.now())?;
        if recovered.torn_bytes > 0 || recovered.corrupt_frames > 0 {
            tracing::warn!(
                torn_bytes = recovered.torn_bytes,
                corrupt_frames = recovered.corrupt_frames,
                "repaired the write-ahead log"
            );
        }
        let indexer = Indexer::new(
            settings.indexer_settings(),
            layout.clone(),
            Arc::clone(&clock),
            Arc::clone(&catalogue),
            wal.releaser(),
            tombstones,
        );
        let indexer = Arc::new(indexer);
        let replayed_records = recovery::replay(&wal, &indexer)?;

        let (live, _) = broadcast::channel(LIVE_BATCHES);
        let hooks = WalHooks {
            clock: Arc::clone(&clock),
            live: live.clone(),
            state: WriteStateHandle::default(),
        };
        let write_state = hooks.state.clone();
        let maintenance =
            Arc::new(Maintenance::new(clock, Arc::clone(&catalogue), Arc::clone(&indexer)));
        let threads = start_threads(&settings, handoff, wal, hooks, &indexer, &maintenance)?;
        let inner = Inner {
            settings,
            catalogue,
            indexer,
            maintenance,
            write_state,
            live,
            found,
            replayed_records,
            layout,
            threads: Mutex::new(Some(threads)),
            _lock: lock,
        };
        Ok(Store { inner: Arc::new(inner) })
    }

    /// Ends the store: waits until the hand-off is closed and drained (drop every
    /// [`tierlog_model::HandoffSender`] first), syncs the WAL, commits, and ends the threads.
    pub fn close(&self) {
        let threads = self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(threads) = threads else { return };
        if let Some(maintenance) = threads.maintenance {
            maintenance.stop();
        }
        if threads.wal.join().is_err() {
            tracing::error!("wal thread panicked");
        }
        if threads.indexer.join().is_err() {
            tracing::error!("indexer thread panicked");
        }
    }

    /// Returns the partitions and tiers.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.inner.catalogue
    }

    /// Returns the settings that the store was opened with.
    pub fn settings(&self) -> &StoreSettings {
        &self.inner.settings
    }

    /// Returns batches as they become durable, for live readers.
    pub fn live(&self) -> broadcast::Receiver<Arc<LiveBatch>> {
        self.inner.live.subscribe()
    }

    /// Makes everything that was acked so far searchable. Blocks.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.inner.indexer.flush(self.inner.write_state.next_seq())
    }

    /// Returns what the store says of itself.
    pub fn health(&self) -> StoreHealth {
        let inner = &self.inner;
        let threads = inner.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let ended_threads = match threads.as_ref() {
            Some(threads) => threads.ended(),
            None => vec!["store is closed"],
        };
        StoreHealth {
            refuses_writes: inner.write_state.get().refusal().map(|refusal| refusal.to_string()),
            ended_threads,
            quarantined: inner.found.quarantined.clone(),
            unknown_tiers: inner.found.unknown_tiers.clone(),
            replayed_records: inner.replayed_records,
        }
    }

    /// Returns what retention would drop at a moment.
    pub fn plan_retention(&self, now: Timestamp) -> Vec<Expiry> {
        self.inner.maintenance.plan_retention(now)
    }

    /// Drops what is expired at a moment, with everything of it that was acked so far. Blocks.
    pub fn run_retention(&self, now: Timestamp) -> Result<Vec<Expiry>, StoreError> {
        self.flush()?;
        self.inner.maintenance.run_retention(now)
    }

    /// Returns what compaction would seal.
    pub fn plan_compaction(&self, scope: CompactScope) -> Vec<SealPlan> {
        self.inner.maintenance.plan_compaction(scope)
    }

    /// Seals partitions. Blocks, for as long as merging takes.
    pub fn compact(&self, scope: CompactScope) -> Result<Vec<Sealed>, StoreError> {
        self.flush()?;
        self.inner.maintenance.compact(scope)
    }

    /// Checks every checksum. Blocks.
    pub fn verify(&self) -> Result<VerifyReport, StoreError> {
        self.flush()?;
        let wal = wal::verify(&DiskVfs, self.inner.layout.root())?;
        let partitions = maintenance::check_partitions(&self.inner.catalogue);
        let whole = partitions.iter().all(|check| check.problems.is_empty());
        Ok(VerifyReport {
            ok: whole && wal.is_clean(),
            wal_frames: wal.frame_count,
            wal_bytes: wal.bytes,
            wal_problems: wal.problems.iter().map(describe).collect(),
            partitions,
        })
    }
}

fn describe(problem: &WalProblem) -> String {
    let WalProblem { path, offset, bytes, problem } = problem;
    format!("{} at {offset}, {bytes} bytes: {problem}", path.display())
}

impl Threads {
    fn ended(&self) -> Vec<&'static str> {
        let mut ended = Vec::new();
        if self.wal.is_finished() {
            ended.push("wal");
        }
        if self.indexer.is_finished() {
            ended.push("indexer");
        }
        if self.maintenance.as_ref().is_some_and(|thread| !thread.is_alive()) {
            ended.push("maintenance");
        }
        ended
    }
}

fn start_threads(
    settings: &StoreSettings,
    handoff: HandoffReceiver,
    wal: Wal,
    hooks: WalHooks,
    indexer: &Arc<Indexer>,
    maintenance: &Arc<Maintenance>,
) -> Result<Threads, StoreError> {
    let started = |name: &'static str| move |_: std::io::Error| StoreError::ThreadEnded(name);
    let state = hooks.state.clone();
    let clock = Arc::clone(&hooks.clock);
    // Q2: full means that the WAL thread waits, so Q1 fills, so ingest waits or answers 429.
    let (applied, queue) = sync_channel(settings.index_queue_batches);
    let wal = wal::spawn_wal_thread(handoff, wal, applied, hooks).map_err(started("wal"))?;
    let indexer =
        crate::indexer::spawn(Arc::clone(indexer), queue, state).map_err(started("indexer"))?;
    let maintenance = match settings.maintenance {
        MaintenanceJob::Every(interval) => Some(
            maintenance::spawn(Arc::clone(maintenance), clock, interval, settings.seal_grace)
                .map_err(started("maintenance"))?,
        ),
        MaintenanceJob::Rests => None,
    };
    Ok(Threads { wal, indexer, maintenance })
}

impl StoreSettings {
    fn wal_settings(&self) -> WalSettings {
        WalSettings {
            durability: self.durability,
            segment_bytes: self.wal_segment_bytes,
            free_bytes_min: self.free_bytes_min,
            retry_window_age: self.retry_window_age,
            ..WalSettings::standard()
        }
    }

    fn indexer_settings(&self) -> IndexerSettings {
        IndexerSettings {
            commit_interval: self.commit_interval,
            open_writers_max: self.open_writers_max,
            writer: WriterSettings {
                memory_bytes: self.writer_memory_bytes,
                seal_zstd_level: self.seal_zstd_level,
            },
        }
    }
}
