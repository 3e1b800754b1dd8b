//! The one shape of every decision: a snapshot of the store and a moment arrive, choices leave.
//!
//! Planners are pure. [`super::execute`] carries the choices out. Retention, pressure, the cap of
//! dead letters, compaction and scrub are planners; whatever moves a day elsewhere will be one.

use tierlog_model::{Day, Tiers, Timestamp};

use super::compaction::SealPlan;
use super::retention::Expiry;
use crate::{PartitionId, PartitionState, PartitionStats};

/// Decides what is to be done.
pub(crate) trait Planner {
    /// Returns choices, in the order in which they are carried out.
    fn choose(&self, snapshot: &Snapshot<'_>, now: Timestamp) -> Vec<Choice>;
}

/// What is to be done with a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Drop it.
    Drop(Expiry),
    /// Seal it.
    Seal(SealPlan),
    /// Compare the partition with the checksums; damage goes into quarantine.
    Check(PartitionId),
}

/// What the store holds at a moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot<'t> {
    /// The tiers of the configuration.
    pub(crate) tiers: &'t Tiers,
    /// Every partition of all tenants.
    pub(crate) partitions: Vec<PartitionSnapshot>,
}

/// What planners know of a partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartitionSnapshot {
    /// The partition.
    pub(crate) id: PartitionId,
    /// Whether it is sealed.
    pub(crate) state: PartitionState,
    /// Its size.
    pub(crate) stats: PartitionStats,
    /// When its days are over.
    pub(crate) due: Timestamp,
    /// When its content last changed; of a sealed partition nobody asks.
    pub(crate) changed: Timestamp,
}

impl PartitionSnapshot {
    /// Returns the day whose time is over when the partition's is: its own, unless a wrong clock
    /// has dated it.
    pub(crate) fn day(&self, tiers: &Tiers) -> Day {
        let days = i32::try_from(tiers.policy(self.id.tier).days).unwrap_or(i32::MAX);
        self.due.saturating_add_micros(-1).day().plus_days(days.saturating_neg())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use tierlog_model::{Tiers, Timestamp};

    use super::{Choice, Expiry, PartitionSnapshot, Planner, Snapshot};
    use crate::{PartitionId, PartitionState, PartitionStats};

    /// Returns a hot partition of some bytes whose clock was right.
    pub(in super::super) fn snapshot_of(
        tiers: &Tiers,
        id: PartitionId,
        bytes: u64,
    ) -> PartitionSnapshot {
        PartitionSnapshot {
            id,
            state: PartitionState::Hot,
            stats: PartitionStats { bytes, ..PartitionStats::default() },
            due: tiers.expires(id.tier, id.day),
            changed: id.day.start(),
        }
    }

    /// Returns what a planner chooses among partitions.
    pub(in super::super) fn chosen(
        planner: &impl Planner,
        tiers: &Tiers,
        partitions: &[PartitionSnapshot],
        now: Timestamp,
    ) -> Vec<Choice> {
        planner.choose(&Snapshot { tiers, partitions: partitions.to_vec() }, now)
    }

    /// Returns the drops of a planner without other choices.
    pub(in super::super) fn dropped(
        planner: &impl Planner,
        tiers: &Tiers,
        partitions: &[PartitionSnapshot],
        now: Timestamp,
    ) -> Vec<Expiry> {
        let choices = chosen(planner, tiers, partitions, now).into_iter();
        let expiry = |choice| match choice {
            Choice::Drop(expiry) => expiry,
            Choice::Seal(_) | Choice::Check(_) => panic!("{choice:?}"),
        };
        choices.map(expiry).collect()
    }
}
