//! What is stored: tiers, how long each keeps its records, partitions.

use tierlog_model::{Day, Level, TierPolicy, Timestamp};

/// How much a description says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Tiers.
    Tiers,
    /// Tiers and their partitions.
    Partitions,
}

/// The tiers of a tenant.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    /// Tiers of log lines in configured order.
    pub(crate) tiers: Vec<Tier>,
    /// The tier of rejected lines.
    pub(crate) dead_letters: Tier,
}

/// One tier.
#[derive(Clone, Debug)]
pub(crate) struct Tier {
    /// Name, days and levels.
    pub(crate) policy: TierPolicy,
    /// Records of the tier are kept from this moment on.
    pub(crate) kept_since: Timestamp,
    /// Partitions, newest day first.
    pub(crate) partitions: Vec<Partition>,
}

/// One day of a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// The UTC day.
    pub(crate) day: Day,
    /// Whether the day is still written to.
    pub(crate) state: PartitionState,
    /// Records that can be searched.
    pub(crate) records: u64,
    /// Bytes on disk.
    pub(crate) bytes: u64,
    /// First moment at which the partition may be dropped.
    pub(crate) expires: Timestamp,
}

/// Whether a partition is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartitionState {
    /// The day is still written to.
    Hot,
    /// The partition is compacted and does not change.
    Sealed,
}

impl Description {
    /// Returns the moment from which on the records of a level are kept; `None` when no tier has
    /// the level.
    pub(crate) fn kept_since(&self, level: Level) -> Option<Timestamp> {
        let tier = self.tiers.iter().find(|tier| tier.policy.levels.contains(&level));
        tier.map(|tier| tier.kept_since)
    }
}
