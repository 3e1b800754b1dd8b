//! Retention and compaction: decide, then do.
//!
//! The planners are pure; [`execute`] is the only file that touches files. One maintenance runs
//! at a time, whether the job or an engineer asked for it.

mod compaction;
mod execute;
mod retention;
mod thread;
mod verify;

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tierlog_model::{Clock, Timestamp, metric_names};

pub use compaction::{Candidate, CompactScope, SealPlan, plan_compaction};
pub(crate) use execute::{empty_trash, move_to_trash, quarantine};
pub use retention::{Expiry, plan_retention};
pub(crate) use thread::{MaintenanceThread, spawn};
pub(crate) use verify::check_partitions;
pub use verify::{PartitionCheck, VerifyReport};

use crate::catalogue::Catalogue;
use crate::indexer::Indexer;
use crate::{PartitionId, PartitionStats, StoreError};

/// What sealing a partition did.
#[derive(Clone, Debug, Serialize)]
pub struct Sealed {
    /// What was planned, with the bytes before.
    #[serde(flatten)]
    pub plan: SealPlan,
    /// Bytes afterwards.
    pub bytes_after: u64,
}

/// Runs maintenance on a store that is open in this process.
#[derive(Debug)]
pub(crate) struct Maintenance {
    clock: Arc<dyn Clock>,
    catalogue: Arc<Catalogue>,
    indexer: Arc<Indexer>,
    running: Mutex<()>,
}

impl Maintenance {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        catalogue: Arc<Catalogue>,
        indexer: Arc<Indexer>,
    ) -> Maintenance {
        Maintenance { clock, catalogue, indexer, running: Mutex::new(()) }
    }

    /// Returns what retention would drop at a moment.
    pub(crate) fn plan_retention(&self, now: Timestamp) -> Vec<Expiry> {
        let partitions: Vec<(PartitionId, PartitionStats)> = self
            .catalogue
            .partitions()
            .iter()
            .map(|partition| (partition.id(), partition.stats()))
            .collect();
        plan_retention(&partitions, self.catalogue.tiers(), now)
    }

    /// Drops what is expired at a moment. Returns what was dropped.
    pub(crate) fn run_retention(&self, now: Timestamp) -> Result<Vec<Expiry>, StoreError> {
        let _running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let expired = self.plan_retention(now);
        for expiry in &expired {
            execute::expire(&self.indexer, expiry.id)?;
            metrics::counter!(metric_names::EXPIRED, "tier" => expiry.tier.clone()).increment(1);
            tracing::info!(
                tier = %expiry.tier, day = %expiry.day, records = expiry.records, "drop partition"
            );
        }
        Ok(expired)
    }

    /// Returns what compaction would seal now.
    pub(crate) fn plan_compaction(&self, scope: CompactScope) -> Vec<SealPlan> {
        let candidates: Vec<Candidate> = self
            .catalogue
            .partitions()
            .iter()
            .map(|partition| Candidate {
                id: partition.id(),
                state: partition.state(),
                stats: partition.stats(),
                changed: partition.changed(),
            })
            .collect();
        plan_compaction(&candidates, self.catalogue.tiers(), scope, self.clock.now())
    }

    /// Seals what a scope covers. Returns what was sealed.
    pub(crate) fn compact(&self, scope: CompactScope) -> Result<Vec<Sealed>, StoreError> {
        let _running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sealed = Vec::new();
        for plan in self.plan_compaction(scope) {
            let bytes_after = execute::seal(&self.indexer, &self.catalogue, plan.id)?;
            metrics::counter!(metric_names::SEALED).increment(1);
            tracing::info!(
                tier = %plan.tier, day = %plan.day, records = plan.records,
                bytes_before = plan.bytes, bytes_after, "seal partition"
            );
            sealed.push(Sealed { plan, bytes_after });
        }
        Ok(sealed)
    }
}
