//! Retention, compaction and scrub: decide, then do.
//!
//! Every decision is a [`planner::Planner`], which is pure; [`execute`] carries all choices out.
//! One maintenance runs at a time, whether the job or an engineer asked for it. What fails for one
//! partition does not keep the others waiting: the first failure is reported at the end, and tried
//! again at the next round.

mod compaction;
mod early_drops;
mod execute;
mod failed_seals;
mod planner;
mod pressure;
mod quarantine;
mod reserve;
mod retention;
mod scrub;
mod thread;
mod verify;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tierlog_model::Timestamp;

use compaction::Compaction;
pub use compaction::{CompactScope, SealPlan};
pub(crate) use early_drops::EarlyDrops;
pub use execute::Sealed;
use execute::{Done, dropped};
use failed_seals::FailedSeals;
pub use failed_seals::{FailedSeal, SealObstacle};
use planner::{Choice, PartitionSnapshot, Planner, Snapshot};
pub use pressure::PressureRule;
use pressure::{DeadLetterCap, Pressure};
pub use quarantine::{QuarantineReport, Quarantined};
use retention::Retention;
pub use retention::{DropReason, Expiry};
use scrub::Scrub;
pub(crate) use thread::{MaintenanceThread, spawn};
pub use verify::{PartitionCheck, VerifyReport};
pub(crate) use verify::{check_directory, check_partitions, look_lasting};

use crate::catalogue::Catalogue;
use crate::indexer::Indexer;
use crate::layout::Layout;
use crate::quarantine::missing_partitions;
use crate::time::BelievedClock;
use crate::{Partition, PartitionState, StoreError};

/// How long after an early drop the free room is not looked at again: a query under way keeps
/// the files of what it reads, and their room, until it ends.
const SETTLE_TIME: Duration = Duration::from_secs(10);

/// How far the end of a partition's days may be from what its day says and nobody is told: clocks
/// that are set right by some minutes are no news.
const MISDATED_MICROS: i64 = 3_600_000_000;

/// What maintenance is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MaintenanceSettings {
    /// When and what goes early.
    pub(crate) pressure: PressureRule,
    /// Bytes of dead letters that are kept.
    pub(crate) dead_letters_bytes_max: u64,
    /// Bytes of partitions that are checked in a second; 0 is none.
    pub(crate) scrub_bytes_per_second: u64,
}

/// Runs maintenance on a store that is open in this process.
#[derive(Debug)]
pub(crate) struct Maintenance {
    settings: MaintenanceSettings,
    layout: Layout,
    clock: Arc<BelievedClock>,
    catalogue: Arc<Catalogue>,
    indexer: Arc<Indexer>,
    early: EarlyDrops,
    scrub: Mutex<Scrub>,
    failed_seals: FailedSeals,
    /// Held while maintenance runs; when a day last went early.
    running: Mutex<Option<Instant>>,
}

impl Maintenance {
    pub(crate) fn new(
        settings: MaintenanceSettings,
        layout: Layout,
        clock: Arc<BelievedClock>,
        catalogue: Arc<Catalogue>,
        indexer: Arc<Indexer>,
    ) -> Maintenance {
        let early = EarlyDrops::open(&layout, catalogue.tiers());
        let running = Mutex::new(None);
        let (scrub, failed_seals) = (Mutex::default(), FailedSeals::default());
        Maintenance {
            settings,
            layout,
            clock,
            catalogue,
            indexer,
            early,
            scrub,
            failed_seals,
            running,
        }
    }

    /// Returns the clock that everything goes by.
    pub(crate) fn clock(&self) -> &Arc<BelievedClock> {
        &self.clock
    }

    /// Returns which days went early.
    pub(crate) fn early_drops(&self) -> &EarlyDrops {
        &self.early
    }

    /// Returns what retention would drop at a moment.
    pub(crate) fn plan_retention(&self, now: Timestamp) -> Vec<Expiry> {
        drops(self.choose(&Retention, now))
    }

    /// Drops what is expired at a moment. Returns what was dropped.
    pub(crate) fn run_retention(&self, now: Timestamp) -> Result<Vec<Expiry>, StoreError> {
        let _running = self.lock();
        self.carry_out(self.choose(&Retention, now)).map(dropped)
    }

    /// Drops what the configuration keeps less of than there is: dead letters above their cap,
    /// and what was put aside for longer than any tier keeps.
    pub(crate) fn trim(&self) -> Result<(), StoreError> {
        let _running = self.lock();
        let cap = DeadLetterCap { bytes_max: self.settings.dead_letters_bytes_max };
        let trimmed = self.carry_out(self.choose(&cap, self.clock.oldest_present()));
        quarantine::trim(&self.layout, self.catalogue.tiers(), &self.clock)?;
        // An engineer may have restored or removed a partition meanwhile.
        self.catalogue.set_lost(missing_partitions(&self.layout, self.catalogue.tiers()));
        trimmed.map(drop)
    }

    /// Drops days before their time when there is too little room, and keeps the reserve.
    pub(crate) fn relieve(&self) -> Result<Vec<Expiry>, StoreError> {
        let mut last_drop = self.lock();
        if last_drop.is_some_and(|last| last.elapsed() < SETTLE_TIME) {
            return Ok(Vec::new());
        }
        let (free_bytes, rule) = (self.free_bytes()?, self.settings.pressure);
        if free_bytes >= rule.low_bytes {
            reserve::keep(&self.layout);
            return Ok(Vec::new());
        }
        let pressure = Pressure { rule, free_bytes };
        let choices = self.choose(&pressure, self.clock.oldest_present());
        if choices.is_empty() {
            return Ok(Vec::new());
        }
        tracing::warn!(
            free_bytes,
            low_bytes = rule.low_bytes,
            partitions = choices.len(),
            "the disk runs full: the oldest days of the least valuable tier go before their time"
        );
        *last_drop = Some(Instant::now());
        self.carry_out(choices).map(dropped)
    }

    /// Returns what compaction would seal now.
    pub(crate) fn plan_compaction(&self, scope: CompactScope) -> Vec<SealPlan> {
        let choices = self.choose(&Compaction { scope }, self.clock.oldest_present());
        let plan = |choice| match choice {
            Choice::Seal(plan) => Some(plan),
            Choice::Drop(_) | Choice::Check(_) => None,
        };
        choices.into_iter().filter_map(plan).collect()
    }

    /// Seals what a scope covers. Returns what was sealed.
    pub(crate) fn compact(&self, scope: CompactScope) -> Result<Vec<Sealed>, StoreError> {
        let _running = self.lock();
        let choices = self.choose(&Compaction { scope }, self.clock.oldest_present());
        let sealed = |done| match done {
            Done::Sealed(sealed) => Some(sealed),
            Done::Dropped(_) | Done::Checked | Done::Left => None,
        };
        Ok(self.carry_out(choices)?.into_iter().filter_map(sealed).collect())
    }

    /// Returns what a planner chooses of what the store holds now.
    fn choose(&self, planner: &impl Planner, now: Timestamp) -> Vec<Choice> {
        let partitions = self.catalogue.all();
        let partitions = partitions.iter().map(|partition| self.snapshot_of(partition)).collect();
        planner.choose(&Snapshot { tiers: self.catalogue.tiers(), partitions }, now)
    }

    fn snapshot_of(&self, partition: &Partition) -> PartitionSnapshot {
        let facts = partition.facts();
        let changed = match facts.state() {
            PartitionState::Hot => partition.changed(),
            PartitionState::Sealed => Timestamp::MIN,
        };
        PartitionSnapshot {
            id: partition.id(),
            state: facts.state(),
            stats: *facts.stats(),
            due: self.expires(partition),
            changed,
        }
    }

    /// Lets the next look at the free room come at once: in a simulation no time passes.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn forget_last_drop(&self) {
        *self.lock() = None;
    }

    /// Returns the entries of the quarantine without acknowledgement.
    pub(crate) fn quarantined(&self) -> QuarantineReport {
        quarantine::list(&self.layout, self.catalogue.tiers())
    }

    /// Takes note that somebody knows of an entry of the quarantine, or of all. Returns the
    /// entries.
    pub(crate) fn acknowledge(&self, wanted: Option<&str>) -> Result<Vec<String>, StoreError> {
        let _running = self.lock();
        let tiers = self.catalogue.tiers();
        let acknowledged = quarantine::acknowledge(&self.layout, tiers, wanted)?;
        self.catalogue.set_lost(missing_partitions(&self.layout, tiers));
        Ok(acknowledged)
    }

    /// Returns which partitions were last found impossible to seal.
    pub(crate) fn failed_seals(&self) -> Vec<FailedSeal> {
        self.failed_seals.list(&self.catalogue)
    }

    /// Returns when the days of a partition are over.
    pub(crate) fn expires(&self, partition: &Partition) -> Timestamp {
        self.clock.due(partition.id(), partition.position())
    }

    /// Returns how many partitions a wrong clock has dated.
    pub(crate) fn misdated(&self) -> u64 {
        let tiers = self.catalogue.tiers();
        let partitions = self.catalogue.all();
        let misdated = partitions.iter().filter(|partition| {
            let id = partition.id();
            let apart =
                tiers.expires(id.tier, id.day).as_micros() - self.expires(partition).as_micros();
            apart.saturating_abs() > MISDATED_MICROS
        });
        misdated.count() as u64
    }

    fn free_bytes(&self) -> Result<u64, StoreError> {
        let root = self.layout.root();
        self.layout.vfs().free_bytes(root).map_err(StoreError::io("inspect", root))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns what choices drop.
fn drops(choices: Vec<Choice>) -> Vec<Expiry> {
    let expiry = |choice| match choice {
        Choice::Drop(expiry) => Some(expiry),
        Choice::Seal(_) | Choice::Check(_) => None,
    };
    choices.into_iter().filter_map(expiry).collect()
}
