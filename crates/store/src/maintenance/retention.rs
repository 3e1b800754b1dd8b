//! What retention would drop.

use serde::Serialize;
use tierlog_model::{Day, Tiers, Timestamp};

use super::planner::{Choice, PartitionSnapshot, Planner, Snapshot};
use crate::PartitionId;

/// Why a partition goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// Its days are over.
    Retention,
    /// There is no room on the disk.
    Pressure,
    /// There are more dead letters than are kept.
    DeadLettersMax,
}

impl DropReason {
    /// Returns the name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            DropReason::Retention => "retention",
            DropReason::Pressure => "pressure",
            DropReason::DeadLettersMax => "dead_letters_max",
        }
    }
}

/// A partition that goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expiry {
    /// The partition.
    #[serde(skip)]
    pub id: PartitionId,
    /// Name of its tier.
    pub tier: String,
    /// Its day.
    pub day: Day,
    /// Records in it.
    pub records: u64,
    /// Bytes that are freed.
    pub bytes: u64,
    /// When its days are over, RFC 3339.
    pub expires: String,
    /// Why it goes.
    pub reason: DropReason,
}

impl Expiry {
    pub(super) fn new(partition: &PartitionSnapshot, tiers: &Tiers, reason: DropReason) -> Expiry {
        let PartitionSnapshot { id, stats, due, .. } = *partition;
        Expiry {
            id,
            tier: tiers.policy(id.tier).name.clone(),
            day: id.day,
            records: stats.records,
            bytes: stats.bytes,
            expires: due.to_string(),
            reason,
        }
    }
}

/// Drops the partitions whose days are over, oldest first, tier by tier.
///
/// Nothing else is ever chosen: a partition goes when the youngest record that its day can hold is
/// older than its tier keeps, and levels of different tiers never share a partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention;

impl Planner for Retention {
    fn choose(&self, snapshot: &Snapshot<'_>, now: Timestamp) -> Vec<Choice> {
        let due = snapshot.partitions.iter().filter(|partition| partition.due <= now);
        let mut expired: Vec<Expiry> = due
            .map(|partition| Expiry::new(partition, snapshot.tiers, DropReason::Retention))
            .collect();
        expired.sort_by_key(|expiry| (expiry.id.tier, expiry.id.day, expiry.id.tenant));
        expired.into_iter().map(Choice::Drop).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tierlog_model::{Level, RecordKind, Tenant};

    use super::super::planner::tests::{dropped, snapshot_of};
    use super::*;

    fn partition(tiers: &Tiers, level: Level, day: Day) -> PartitionSnapshot {
        let tier = tiers.of(level, RecordKind::Log);
        snapshot_of(tiers, PartitionId { tenant: Tenant::DEFAULT, tier, day }, 0)
    }

    fn plan(tiers: &Tiers, partitions: &[PartitionSnapshot], now: Timestamp) -> Vec<Expiry> {
        dropped(&Retention, tiers, partitions, now)
    }

    #[test]
    fn a_partition_goes_at_the_first_moment_when_all_of_it_is_old_enough() {
        let tiers = Tiers::standard();
        let day: Day = "2026-11-20".parse().expect("a day");
        let partitions = Level::ALL.map(|level| partition(&tiers, level, day));
        let names = |now: Timestamp| -> Vec<String> {
            plan(&tiers, &partitions, now).into_iter().map(|expiry| expiry.tier).collect()
        };
        let kept_until = |days: i32| day.plus_days(1 + days).start();
        assert!(names(kept_until(7).saturating_add_micros(-1)).is_empty());
        assert_eq!(names(kept_until(7)), ["debug"]);
        assert_eq!(names(kept_until(30)), ["info", "debug"]);
        assert_eq!(names(kept_until(90)), ["warning", "info", "debug"]);
        assert_eq!(names(kept_until(365)).len(), 5);
    }

    #[test]
    fn the_day_of_a_partition_is_that_of_its_due_time() {
        let tiers = Tiers::standard();
        let day: Day = "2026-11-20".parse().expect("a day");
        let own = partition(&tiers, Level::Debug, day);
        let moved = |micros| {
            let due = own.due.saturating_add_micros(micros);
            PartitionSnapshot { due, ..own }.day(&tiers)
        };
        let hour = 3_600_000_000;
        assert_eq!(moved(0), day);
        assert_eq!(moved(hour), day.plus_days(1), "a part of it is of the next day");
        assert_eq!(moved(-hour), day);
        assert_eq!(moved(-24 * hour), day.plus_days(-1));
        assert_eq!(moved(3650 * 24 * hour), day.plus_days(3650));
    }

    proptest! {
        /// Whatever the clock says, no record younger than its tier's days is dropped.
        #[test]
        fn nothing_younger_than_its_tier_keeps_is_chosen(
            day in -1000_i32..40_000,
            record_at in 0_i64..86_400_000_000,
            now_days in -1000_i64..40_000,
            level in 0_u8..5,
        ) {
            let tiers = Tiers::standard();
            let level = Level::from_u8(level).expect("a level");
            let day = Timestamp::from_micros_clamped(0).day().plus_days(day);
            let now = Timestamp::from_micros_clamped(now_days * 86_400_000_000 + 12_345);
            let chosen = plan(&tiers, &[partition(&tiers, level, day)], now);
            let record = day.start().saturating_add_micros(record_at);
            let age = now.as_micros() - record.as_micros();
            let kept = i64::from(tiers.policy(tiers.of_level(level)).days) * 86_400_000_000;
            if !chosen.is_empty() {
                prop_assert!(age >= kept);
            }
            if age >= kept + 86_400_000_000 {
                prop_assert_eq!(chosen.len(), 1);
            }
        }
    }
}
