//! Which partitions could not be sealed when it was last tried, so that health can say so: a seal
//! that fails at every round would otherwise fail for ever in silence.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tierlog_model::Timestamp;

use crate::catalogue::Catalogue;
use crate::{PartitionId, StoreError};

/// A partition that could not be sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedSeal {
    /// `<tenant>/<tier>/<yyyy-mm-dd>`.
    pub partition: String,
    /// Why, as far as it may be told to anybody; the log has the error.
    pub problem: SealObstacle,
    /// When the first attempt since the last success failed.
    pub since: Timestamp,
    /// How often it was tried since.
    pub attempts: u64,
}

/// Why a partition could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SealObstacle {
    /// The sealed form needs room beside the other one.
    NoRoom,
    /// Anything else, of a partition without damage.
    Failed,
}

impl SealObstacle {
    pub(super) fn of(error: &StoreError) -> SealObstacle {
        if error.is_no_room() { SealObstacle::NoRoom } else { SealObstacle::Failed }
    }

    /// Returns what an engineer is told.
    pub fn as_str(self) -> &'static str {
        match self {
            SealObstacle::NoRoom => "there is no room",
            SealObstacle::Failed => "it fails, the log says why",
        }
    }
}

/// What is known of a partition that could not be sealed.
#[derive(Clone, Copy, Debug)]
struct Attempts {
    problem: SealObstacle,
    since: Timestamp,
    attempts: u64,
}

/// Every partition that could not be sealed when it was last tried.
#[derive(Debug, Default)]
pub(super) struct FailedSeals(Mutex<BTreeMap<PartitionId, Attempts>>);

impl FailedSeals {
    /// Notes a failure.
    pub(super) fn note(&self, id: PartitionId, problem: SealObstacle, now: Timestamp) {
        let mut failures = self.lock();
        let failure = failures.entry(id).or_insert(Attempts { problem, since: now, attempts: 0 });
        failure.problem = problem;
        failure.attempts += 1;
    }

    /// Notes that a partition was sealed, or put into quarantine.
    pub(super) fn forget(&self, id: PartitionId) {
        self.lock().remove(&id);
    }

    /// Returns those that are still there.
    pub(super) fn list(&self, catalogue: &Catalogue) -> Vec<FailedSeal> {
        let mut failures = self.lock();
        failures.retain(|id, _| catalogue.partition(*id).is_some());
        let told = |(id, failure): (&PartitionId, &Attempts)| FailedSeal {
            partition: id.name(catalogue.tiers()),
            problem: failure.problem,
            since: failure.since,
            attempts: failure.attempts,
        };
        failures.iter().map(told).collect()
    }

    /// The map holds plain values: a panic elsewhere cannot leave it half changed.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PartitionId, Attempts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
