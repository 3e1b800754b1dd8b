//! The open store: its threads, what it answers about itself, and its orderly end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;
use tierlog_model::{Clock, Day, HandoffReceiver, Span, Tenant, TierId, Timestamp};
use tokio::sync::broadcast::Receiver;

use crate::PressureRule;
use crate::backend::DiskVfs;
use crate::catalogue::Catalogue;
use crate::directory_lock::DirectoryLock;
use crate::indexer::{Indexer, IndexerSettings, Left};
use crate::layout::Layout;
use crate::live::{LiveBatch, LiveSender};
use crate::maintenance::MaintenanceSettings;
use crate::maintenance::{self, Maintenance, MaintenanceThread};
use crate::partition::{RecordSelection, WriterSettings, add_pseudonym_keys};
use crate::recovery::{self, Found, Recovered};
use crate::time::{ClockSettings, MeasuredClock};
use crate::wal::{self, Loss, Losses, Wal, WalHooks, WalSettings, WriteState, WriteStateHandle};
use crate::{
    ClockReport, CompactScope, Expiry, FailedSeal, Lateness, MaintenanceJob, Partition,
    PartitionId, QuarantineReport, SealPlan, Sealed, StoreError, StoreSettings, Unsearchable,
    VerifyReport, quarantine,
};

/// Bytes of the log that may wait for records of old days to be indexed, about ten million lines.
/// Beyond it nothing is taken before some are: the log must not take the room that retention
/// counts on, and a start reads all of it.
const BACKLOG_LOG_BYTES_MAX: u64 = 2 << 30;

/// Segments that the log has in any case: the one that is written, and those of its last groups.
const BACKLOG_SEGMENTS_MIN: usize = 4;

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
    live: LiveSender,
    found: Found,
    /// What of the log is damaged.
    losses: Losses,
    replayed_records: u64,
    layout: Layout,
    threads: Mutex<Option<Threads>>,
    /// Held until the store is dropped.
    _lock: Arc<DirectoryLock>,
}

#[derive(Debug)]
struct Threads {
    wal: JoinHandle<Wal>,
    indexer: JoinHandle<()>,
    backfill: JoinHandle<()>,
    maintenance: Option<MaintenanceThread>,
}

/// What the store says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct StoreHealth {
    /// Why writes are refused; `None` when they are taken.
    pub refuses_writes: Option<String>,
    /// Threads that ended although they should run.
    pub ended_threads: Vec<&'static str>,
    /// Partitions in quarantine whose records are missing from answers.
    pub quarantined: Vec<String>,
    /// Tiers on disk that the configuration does not name.
    pub unknown_tiers: Vec<String>,
    /// Records that the start found in the WAL: it has looked at them, or the indexing thread does.
    pub replayed_records: u64,
    /// What lies in quarantine, by now and by earlier starts, and nobody has acknowledged.
    pub quarantine: QuarantineReport,
    /// What of the log is damaged and nobody has acknowledged yet.
    pub losses: Vec<Loss>,
    /// Partitions that could not be sealed when it was last tried.
    pub failed_seals: Vec<FailedSeal>,
    /// Why indexing waits, if it does.
    pub indexing_waits: Option<String>,
    /// How the clock stands.
    pub clock: ClockReport,
    /// Partitions that a wrong clock has dated, and that go later or earlier than their days say.
    pub misdated: u64,
    /// The last day that was dropped before its time, by tenant and tier.
    pub dropped_early: BTreeMap<Tenant, BTreeMap<String, Day>>,
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
        let directory = settings.data_directory.clone();
        let layout = Layout::new(Arc::new(DiskVfs), directory, settings.tiers.clone());
        let lock = Arc::new(recovery::lock(&layout)?);
        let recovered = recovery::recover(layout, &settings, clock)?;
        recovered.wal.guard(Arc::clone(&lock));
        let Recovered { layout, catalogue, wal, indexer, clock, found, replayed_records, left } =
            recovered;

        let measured: Arc<dyn Clock> = Arc::new(MeasuredClock(Arc::clone(&clock)));
        let live = LiveSender::new(settings.live_memory.clone());
        let state = indexer.write_state().clone();
        let losses = wal.losses().clone();
        let hooks = WalHooks { clock: measured, live: live.clone(), state };
        let write_state = hooks.state.clone();
        let maintenance = Arc::new(Maintenance::new(
            settings.maintenance_settings(),
            layout.clone(),
            clock,
            Arc::clone(&catalogue),
            Arc::clone(&indexer),
        ));
        let threads =
            start_threads(&settings, handoff, wal, hooks, (&indexer, left), &maintenance)?;
        let inner = Inner {
            settings,
            catalogue,
            indexer,
            maintenance,
            write_state,
            live,
            found,
            losses,
            replayed_records: replayed_records + left.map_or(0, |left| left.until - left.from),
            layout,
            threads: Mutex::new(Some(threads)),
            _lock: lock,
        };
        Ok(Store { inner: Arc::new(inner) })
    }

    /// Asks for long work to be left, because the store will be closed soon: a seal under way is
    /// given up, its partition stays hot. Does not block.
    pub fn prepare_close(&self) {
        self.inner.indexer.stop();
    }

    /// Ends the store: waits until the hand-off is closed and drained (drop every
    /// [`tierlog_model::HandoffSender`] first), syncs the WAL, commits, and ends the threads.
    pub fn close(&self) {
        let threads = self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(threads) = threads else { return };
        self.prepare_close();
        if let Some(maintenance) = threads.maintenance {
            maintenance.stop();
        }
        let wal = threads.wal.join();
        if threads.indexer.join().is_err() {
            tracing::error!("indexer thread panicked");
        }
        if threads.backfill.join().is_err() {
            tracing::error!("backfill thread panicked");
        }
        match wal {
            // The indexes have what the last commit gave them.
            Ok(wal) => wal.keep_mark(),
            Err(_) => tracing::error!("wal thread panicked"),
        }
        self.inner.maintenance.clock().close();
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
    pub fn live(&self) -> Receiver<Arc<LiveBatch>> {
        self.inner.live.subscribe()
    }

    /// Makes everything that was acked so far searchable. Blocks.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.inner.indexer.flush(self.inner.write_state.next_seq())
    }

    /// Returns the number after the last record that was acknowledged.
    pub(crate) fn next_seq(&self) -> u64 {
        self.inner.write_state.next_seq()
    }

    /// Returns where things lie.
    pub(crate) fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    /// Deletes selected records of a partition, durably. Blocks.
    pub(crate) fn delete_records(
        &self,
        id: PartitionId,
        selection: RecordSelection,
    ) -> Result<(), StoreError> {
        self.inner.indexer.delete_records(id, selection)
    }

    /// Returns what the store says of itself.
    pub fn health(&self) -> StoreHealth {
        let inner = &self.inner;
        let threads = inner.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let ended_threads = match threads.as_ref() {
            Some(threads) => threads.ended(),
            None => vec!["store is closed"],
        };
        let quarantine = inner.maintenance.quarantined();
        StoreHealth {
            refuses_writes: inner.write_state.get().refusal().map(|refusal| refusal.to_string()),
            ended_threads,
            quarantined: quarantine.missing_partitions(),
            unknown_tiers: inner.found.unknown_tiers.clone(),
            replayed_records: inner.replayed_records,
            quarantine,
            losses: inner.losses.told(),
            failed_seals: inner.maintenance.failed_seals(),
            indexing_waits: inner.write_state.indexing_waits(),
            clock: inner.maintenance.clock().report(),
            misdated: inner.maintenance.misdated(),
            dropped_early: inner.maintenance.early_drops().all(),
        }
    }

    /// Tells whether records that were acknowledged a while ago are not searchable.
    pub fn is_indexing_late(&self) -> bool {
        self.lateness().is_some()
    }

    /// Returns what an answer lacks when indexing is late: it goes by the age of the oldest record
    /// that is acknowledged and not searchable.
    pub fn lateness(&self) -> Option<Lateness> {
        self.inner.indexer.lateness()
    }

    /// Returns how long the oldest acknowledged record of each lane has not been searchable.
    pub fn unsearchable(&self) -> Unsearchable {
        self.inner.indexer.unsearchable()
    }

    /// Returns how long the oldest acknowledged record has not been searchable; `None` when all
    /// are.
    pub fn oldest_unsearchable(&self) -> Option<Duration> {
        self.unsearchable().oldest()
    }

    /// Tells whether acknowledged records are gone, or may be, that happened in a span: the log
    /// was damaged, and nobody has acknowledged that yet. Ends count.
    pub fn lacks_records(&self, span: Span) -> bool {
        self.inner.losses.touch(span)
    }

    /// Returns the time that is believed, for everything that dates and judges by it.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(self.inner.maintenance.clock()) as Arc<dyn Clock>
    }

    /// Returns the present by which days are over: what was measured, and never later than the
    /// machine's clock.
    pub fn retention_now(&self) -> Timestamp {
        self.inner.maintenance.clock().oldest_present()
    }

    /// Returns when the days of a partition are over, to be compared with
    /// [`Store::retention_now`]. A clock that was wrong when it was written makes it differ from
    /// what its day says.
    pub fn expires(&self, partition: &Partition) -> Timestamp {
        self.inner.maintenance.expires(partition)
    }

    /// Believes the clock as it is: an engineer has looked at it.
    pub fn confirm_clock(&self) {
        self.inner.maintenance.clock().confirm();
    }

    /// Returns the last day of a tenant's tier that was dropped before its time.
    pub fn dropped_early_through(&self, tenant: Tenant, tier: TierId) -> Option<Day> {
        self.inner.maintenance.early_drops().through(tenant, tier)
    }

    /// Returns why nothing was acknowledged any more: a write or sync has failed, or a thread has
    /// ended. `None` when nothing is wrong; a full disk is not.
    pub fn poisoned(&self) -> Option<String> {
        match self.inner.write_state.get() {
            WriteState::Poisoned(reason) => Some(reason),
            WriteState::Writable | WriteState::DiskFull => None,
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
        let partitions = maintenance::check_partitions(&self.inner.catalogue)?;
        Ok(VerifyReport::of(&wal, partitions))
    }

    /// Checks every checksum in the directory of a stopped server, without changing anything in
    /// it: it may be a copy that nobody can write to. Blocks.
    pub fn verify_directory(settings: &StoreSettings) -> Result<VerifyReport, StoreError> {
        let directory = settings.data_directory.clone();
        let layout = Layout::new(Arc::new(DiskVfs), directory, settings.tiers.clone());
        let _lock = match DirectoryLock::take(layout.root()) {
            Err(locked @ StoreError::Locked(_)) => return Err(locked),
            // A copy on a file system that knows no locks can be looked at all the same.
            taken => taken.ok(),
        };
        maintenance::check_directory(&layout, &settings.tiers, &settings.reader_memory)
    }

    /// Takes note that somebody knows of an entry of the quarantine, of all entries of a partition
    /// (`tenant/tier/day`), or of everything: answers and health do not speak of it any more.
    /// Returns the entries. Blocks.
    pub fn acknowledge_quarantined(&self, wanted: Option<&str>) -> Result<Vec<String>, StoreError> {
        self.inner.maintenance.acknowledge(wanted)
    }

    /// Keeps the bytes of a damaged file of the data directory in quarantine, durably. Blocks.
    pub fn keep_damaged(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        quarantine::keep(self.layout(), name, bytes)
    }

    /// Returns the public names of the keys that made the pseudonyms of some fields, as far as they
    /// stand in partitions that can be read; the others are looked at by maintenance. Opens every
    /// partition. Blocks.
    pub fn pseudonym_keys(&self, fields: &[String]) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        for partition in self.inner.catalogue.partitions() {
            let was_open = partition.open_since().is_some();
            let added = partition.view().and_then(|view| {
                view.segments()
                    .iter()
                    .try_for_each(|segment| add_pseudonym_keys(segment.reader(), fields, &mut keys))
            });
            if let Err(error) = added {
                tracing::warn!(partition = partition.name(), %error, "pseudonyms do not read");
                self.inner.catalogue.suspect(partition.id());
            }
            if !was_open {
                partition.close_reader();
            }
        }
        keys
    }
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
        if self.backfill.is_finished() {
            ended.push("backfill");
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
    (indexer, left): (&Arc<Indexer>, Option<Left>),
    maintenance: &Arc<Maintenance>,
) -> Result<Threads, StoreError> {
    let started = |name: &'static str| move |_: std::io::Error| StoreError::ThreadEnded(name);
    // Q2: full means that the WAL thread waits, so Q1 fills, so ingest waits or answers 429.
    let (applied, queue) = sync_channel(settings.index_queue_batches);
    let wal = wal::spawn_wal_thread(handoff, wal, applied, hooks).map_err(started("wal"))?;
    let backfill =
        crate::indexer::spawn_backfill(Arc::clone(indexer)).map_err(started("backfill"))?;
    let indexer =
        crate::indexer::spawn(Arc::clone(indexer), queue, left).map_err(started("indexer"))?;
    let maintenance = match settings.maintenance {
        MaintenanceJob::Every(interval) => Some(
            maintenance::spawn(Arc::clone(maintenance), interval, settings.seal_grace)
                .map_err(started("maintenance"))?,
        ),
        MaintenanceJob::Rests => None,
    };
    Ok(Threads { wal, indexer, backfill, maintenance })
}

impl StoreSettings {
    pub(crate) fn wal_settings(&self) -> WalSettings {
        WalSettings {
            durability: self.durability,
            segment_bytes: self.wal_segment_bytes,
            free_bytes_min: self.free_bytes_min,
            retry_window_age: self.retry_window_age,
            ..WalSettings::standard()
        }
    }

    pub(crate) fn maintenance_settings(&self) -> MaintenanceSettings {
        MaintenanceSettings {
            pressure: PressureRule {
                low_bytes: self.free_bytes_low.max(self.free_bytes_min),
                hard_bytes: self.free_bytes_min,
                level_max: self.early_drop_max,
            },
            dead_letters_bytes_max: self.dead_letters_bytes_max,
            scrub_bytes_per_second: self.scrub_bytes_per_second,
        }
    }

    pub(crate) fn clock_settings(&self) -> ClockSettings {
        ClockSettings {
            jump_max: self.clock_jump_max,
            ahead_max: self.ahead_max,
            tiers: self.tiers.clone(),
        }
    }

    pub(crate) fn indexer_settings(&self) -> IndexerSettings {
        IndexerSettings {
            commit_interval: self.commit_interval,
            open_writers_max: self.open_writers_max,
            commit_threads_max: self.commit_threads_max,
            backlog_segments_max: usize::try_from(BACKLOG_LOG_BYTES_MAX / self.wal_segment_bytes)
                .unwrap_or(usize::MAX)
                .max(BACKLOG_SEGMENTS_MIN),
            writer: WriterSettings {
                memory_bytes: self.writer_memory_bytes,
                seal_zstd_level: self.seal_zstd_level,
            },
        }
    }
}
