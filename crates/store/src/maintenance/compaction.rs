//! What compaction would seal.

use serde::Serialize;
use std::time::Duration;

use tierlog_model::{Day, Tiers, Timestamp};

use super::planner::{Choice, PartitionSnapshot, Planner, Snapshot};
use crate::{PartitionId, PartitionState};

/// Which partitions a compaction may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompactScope {
    /// Partitions whose day is over since longer than the grace period: the scope of the job.
    Settled(Duration),
    /// Those whose day is over.
    ClosedDays,
    /// Today's too.
    All,
}

/// A partition that is to be sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SealPlan {
    /// The partition.
    #[serde(skip)]
    pub id: PartitionId,
    /// Name of its tier.
    pub tier: String,
    /// Its day.
    pub day: Day,
    /// Records in it.
    pub records: u64,
    /// Bytes before.
    pub bytes: u64,
}

/// Seals what a scope covers, oldest first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compaction {
    /// What may be sealed.
    pub(crate) scope: CompactScope,
}

impl Planner for Compaction {
    fn choose(&self, snapshot: &Snapshot<'_>, now: Timestamp) -> Vec<Choice> {
        let tiers = snapshot.tiers;
        let hot = snapshot.partitions.iter().filter(|partition| {
            partition.state == PartitionState::Hot && partition.stats.records > 0
        });
        let due = hot.filter(|partition| self.is_due(partition, tiers, now));
        let mut plans: Vec<SealPlan> = due
            .map(|partition| SealPlan {
                id: partition.id,
                tier: tiers.policy(partition.id.tier).name.clone(),
                day: partition.id.day,
                records: partition.stats.records,
                bytes: partition.stats.bytes,
            })
            .collect();
        plans.sort_by_key(|plan| (plan.id.day, plan.id.tier, plan.id.tenant));
        plans.into_iter().map(Choice::Seal).collect()
    }
}

impl Compaction {
    fn is_due(&self, partition: &PartitionSnapshot, tiers: &Tiers, now: Timestamp) -> bool {
        // Another day than the partition's own when a wrong clock has dated it.
        let day = partition.day(tiers);
        match self.scope {
            CompactScope::Settled(grace) => {
                let grace = i64::try_from(grace.as_micros()).unwrap_or(i64::MAX);
                // A partition that changes beside the plan is dated a moment behind `now`, and is
                // not quiet. A date of a clock that was far ahead says that the change is long ago.
                let latest = now.saturating_add_micros(grace);
                let changed = Some(partition.changed).filter(|changed| *changed <= latest);
                let quiet_since = day.end().max(changed.unwrap_or(Timestamp::MIN));
                quiet_since.saturating_add_micros(grace) <= now
            }
            CompactScope::ClosedDays => day.end() <= now,
            CompactScope::All => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use tierlog_model::Tenant;

    use super::super::planner::tests::{chosen, snapshot_of};
    use super::*;
    use crate::PartitionStats;

    #[test]
    fn a_partition_is_sealed_when_its_day_and_its_late_records_are_over() {
        let tiers = Tiers::standard();
        let day: Day = "2026-11-20".parse().expect("a day");
        let tier = tiers.of_level(tierlog_model::Level::Info);
        let id = PartitionId { tenant: Tenant::DEFAULT, tier, day };
        let stats = PartitionStats { records: 1, ..PartitionStats::default() };
        let hot = PartitionSnapshot { stats, ..snapshot_of(&tiers, id, 0) };
        let hour = 3_600_000_000;
        let count = |partition: PartitionSnapshot, scope, now: Timestamp| {
            chosen(&Compaction { scope }, &tiers, &[partition], now).len()
        };
        let settled = CompactScope::Settled(Duration::from_secs(3600));
        assert_eq!(count(hot, settled, day.end()), 0);
        assert_eq!(count(hot, settled, day.end().saturating_add_micros(hour)), 1);
        let late = PartitionSnapshot { changed: day.end().saturating_add_micros(hour), ..hot };
        assert_eq!(count(late, settled, day.end().saturating_add_micros(hour)), 0);
        assert_eq!(count(late, settled, day.end().saturating_add_micros(2 * hour)), 1);
        // A commit beside the plan is a moment newer than the plan.
        let now = day.end().saturating_add_micros(2 * hour);
        let changing = PartitionSnapshot { changed: now.saturating_add_micros(5_000), ..hot };
        assert_eq!(count(changing, settled, now), 0);
        let by_a_clock_ahead =
            PartitionSnapshot { changed: now.saturating_add_micros(9 * hour), ..hot };
        assert_eq!(count(by_a_clock_ahead, settled, now), 1);
        assert_eq!(count(hot, CompactScope::ClosedDays, day.end()), 1);
        assert_eq!(count(hot, CompactScope::ClosedDays, day.start()), 0);
        assert_eq!(count(hot, CompactScope::All, day.start()), 1);
        let sealed = PartitionSnapshot { state: PartitionState::Sealed, ..hot };
        assert_eq!(count(sealed, CompactScope::All, day.end()), 0);
        let empty = PartitionSnapshot { stats: PartitionStats::default(), ..hot };
        assert_eq!(count(empty, CompactScope::All, day.end()), 0);
    }
}
