//! Retention and compaction: decide, then do.
//!
//! The planners are pure; [`execute`] does to partitions what they say. One maintenance
//! runs at a time, whether the job or an engineer asked for it. What fails for one partition does
//! not keep the others waiting: the first failure is reported at the end, and tried again at the
//! next round.

mod compaction;
mod early_drops;
mod execute;
mod failed_seals;
mod pressure;
mod quarantine;
mod reserve;
mod retention;
mod scrub;
mod thread;
mod verify;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::counter;
use serde::Serialize;
use tierlog_model::{Clock as _, Timestamp, metric_names};

pub use compaction::{Candidate, CompactScope, SealPlan, plan_compaction};
pub(crate) use early_drops::EarlyDrops;
use failed_seals::FailedSeals;
pub use failed_seals::{FailedSeal, SealProblem};
pub use pressure::{PressureRule, plan_dead_letters, plan_pressure};
pub use quarantine::{QuarantineReport, Quarantined};
pub use retention::{DropReason, Expiry, Kept, plan_retention};
use scrub::{Checked, Scrub};
pub(crate) use thread::{MaintenanceThread, spawn};
pub use verify::{PartitionCheck, VerifyReport};
pub(crate) use verify::{check_directory, check_partitions, look_lasting};

use crate::catalogue::Catalogue;
use crate::indexer::Indexer;
use crate::layout::Layout;
use crate::quarantine::missing_partitions;
use crate::time::BelievedClock;
use crate::{Partition, PartitionId, StoreError};

/// How long after an early drop the free room is not looked at again: a query under way keeps
/// the files of what it reads, and their room, until it ends.
const SETTLE_TIME: Duration = Duration::from_secs(10);

/// How far the end of a partition's days may be from what its day says and nobody is told: clocks
/// that are set right by some minutes are no news.
const MISDATED_MICROS: i64 = 3_600_000_000;

/// What sealing a partition did.
#[derive(Clone, Debug, Serialize)]
pub struct Sealed {
    /// What was planned, with the bytes before.
    #[serde(flatten)]
    pub plan: SealPlan,
    /// Bytes afterwards.
    pub bytes_after: u64,
}

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
        plan_retention(&self.kept(), self.catalogue.tiers(), now)
    }

    /// Drops what is expired at a moment. Returns what was dropped.
    pub(crate) fn run_retention(&self, now: Timestamp) -> Result<Vec<Expiry>, StoreError> {
        let _running = self.lock();
        self.drop_all(self.plan_retention(now))
    }

    /// Drops what the configuration keeps less of than there is: dead letters above their cap,
    /// and what was put aside for longer than any tier keeps.
    pub(crate) fn trim(&self) -> Result<(), StoreError> {
        let _running = self.lock();
        let cap = self.settings.dead_letters_bytes_max;
        let dropped = self.drop_all(plan_dead_letters(&self.kept(), self.catalogue.tiers(), cap));
        quarantine::trim(&self.layout, self.catalogue.tiers(), &self.clock)?;
        // Somebody may have restored or removed something meanwhile.
        self.catalogue.set_lost(missing_partitions(&self.layout, self.catalogue.tiers()));
        dropped.map(drop)
    }

    /// Drops days before their time when there is too little room, and keeps the reserve.
    pub(crate) fn relieve(&self) -> Result<Vec<Expiry>, StoreError> {
        let mut last_drop = self.lock();
        if last_drop.is_some_and(|last| last.elapsed() < SETTLE_TIME) {
            return Ok(Vec::new());
        }
        let free = self.free_bytes()?;
        if free >= self.settings.pressure.low_bytes {
            reserve::keep(&self.layout);
            return Ok(Vec::new());
        }
        let today = self.clock.oldest_present().day();
        let tiers = self.catalogue.tiers();
        let rule = self.settings.pressure;
        let plan = plan_pressure(&self.kept(), tiers, rule, free, today);
        if plan.is_empty() {
            return Ok(plan);
        }
        tracing::warn!(
            free_bytes = free,
            low_bytes = rule.low_bytes,
            partitions = plan.len(),
            "the disk runs full: the oldest days of the least valuable tier go before their time"
        );
        *last_drop = Some(Instant::now());
        self.drop_all(plan)
    }

    /// Lets the next look at the free room come at once: in a simulation no time passes.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn forget_last_drop(&self) {
        *self.lock() = None;
    }

    fn drop_all(&self, plan: Vec<Expiry>) -> Result<Vec<Expiry>, StoreError> {
        let mut failed = None;
        let mut dropped = Vec::new();
        for expiry in plan {
            match self.drop_one(&expiry) {
                Ok(()) => dropped.push(expiry),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(dropped), Err)
    }

    fn drop_one(&self, expiry: &Expiry) -> Result<(), StoreError> {
        let reason = expiry.reason;
        // ORDER: said before it is gone: a crash in between must not hide it. A day that is said
        // to be gone and stays for now is the smaller lie. What cannot be said does not go: its
        // tombstone would not find room either.
        if reason != DropReason::Retention {
            self.with_reserve(|| self.early.add(expiry.id))?;
        }
        self.with_reserve(|| execute::expire(&self.indexer, &self.layout, expiry.id))?;
        counter!(
            metric_names::EXPIRED, "tier" => expiry.tier.clone(), "reason" => reason.as_str()
        )
        .increment(1);
        let (tier, day, records, bytes) = (&expiry.tier, expiry.day, expiry.records, expiry.bytes);
        match reason {
            DropReason::Retention => {
                tracing::info!(%tier, %day, records, bytes, "drop partition");
            }
            DropReason::Pressure | DropReason::DeadLettersMax => {
                let reason = reason.as_str();
                tracing::warn!(%tier, %day, records, bytes, reason, "drop partition early");
            }
        }
        Ok(())
    }

    /// Takes a step, once more from the reserve: what is to free room must not fail for the want
    /// of some.
    fn with_reserve(&self, step: impl Fn() -> Result<(), StoreError>) -> Result<(), StoreError> {
        match step() {
            Err(error) if error.is_no_room() && reserve::give_up(&self.layout) => step(),
            done => done,
        }
    }

    /// Returns what compaction would seal now.
    pub(crate) fn plan_compaction(&self, scope: CompactScope) -> Vec<SealPlan> {
        let candidates: Vec<Candidate> = self
            .catalogue
            .partitions()
            .iter()
            .map(|partition| Candidate {
                id: partition.id(),
                day: self.keep(partition).day(self.catalogue.tiers()),
                state: partition.state(),
                stats: partition.stats(),
                changed: partition.changed(),
            })
            .collect();
        plan_compaction(&candidates, self.catalogue.tiers(), scope, self.clock.oldest_present())
    }

    /// Seals what a scope covers. Returns what was sealed.
    pub(crate) fn compact(&self, scope: CompactScope) -> Result<Vec<Sealed>, StoreError> {
        let _running = self.lock();
        let mut sealed = Vec::new();
        let mut failed = None;
        for plan in self.plan_compaction(scope) {
            match self.seal(plan) {
                Ok(done) => sealed.extend(done),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(sealed), Err)
    }

    fn seal(&self, plan: SealPlan) -> Result<Option<Sealed>, StoreError> {
        // The sealed segment stands beside the others until it replaces them.
        let needed = plan.bytes.saturating_add(self.settings.pressure.hard_bytes);
        if self.free_bytes().is_ok_and(|free| free < needed) {
            tracing::warn!(tier = %plan.tier, day = %plan.day, "no room to seal; it stays hot");
            self.failed_seals.note(plan.id, SealProblem::NoRoom, self.clock.now());
            return Ok(None);
        }
        let bytes_after = match execute::seal(&self.indexer, &self.catalogue, plan.id) {
            Ok(bytes_after) => bytes_after,
            Err(StoreError::Closing) => return Err(StoreError::Closing),
            Err(error) => return self.note_failed_seal(plan.id, error).map(|()| None),
        };
        self.failed_seals.forget(plan.id);
        counter!(metric_names::SEALED).increment(1);
        tracing::info!(
            tier = %plan.tier, day = %plan.day, records = plan.records,
            bytes_before = plan.bytes, bytes_after, "seal partition"
        );
        Ok(Some(Sealed { plan, bytes_after }))
    }

    /// Looks at why a partition could not be sealed. Damage goes into quarantine at once; anything
    /// else is tried again at the next round, and health says so until it succeeds.
    fn note_failed_seal(&self, id: PartitionId, error: StoreError) -> Result<(), StoreError> {
        if self.check(id)? == Checked::Whole {
            self.failed_seals.note(id, SealProblem::of(&error), self.clock.now());
        } else {
            self.failed_seals.forget(id);
        }
        Err(error)
    }

    /// Returns what lies in quarantine and nobody has acknowledged.
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
        let partitions = self.catalogue.partitions();
        let misdated = partitions.iter().filter(|partition| {
            let id = partition.id();
            let apart =
                tiers.expires(id.tier, id.day).as_micros() - self.expires(partition).as_micros();
            apart.saturating_abs() > MISDATED_MICROS
        });
        misdated.count() as u64
    }

    fn kept(&self) -> Vec<Kept> {
        self.catalogue.partitions().iter().map(|partition| self.keep(partition)).collect()
    }

    fn keep(&self, partition: &Partition) -> Kept {
        let (id, stats) = (partition.id(), partition.stats());
        Kept { id, stats, due: self.expires(partition) }
    }

    fn free_bytes(&self) -> Result<u64, StoreError> {
        let root = self.layout.root();
        self.layout.vfs().free_bytes(root).map_err(StoreError::io("inspect", root))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
