//! What compaction would seal: a pure function of the catalogue and a moment.

use serde::Serialize;
use std::time::Duration;

use tierlog_model::{Day, Tiers, Timestamp};

use crate::{PartitionId, PartitionState, PartitionStats};

/// Which partitions a compaction may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompactScope {
    /// Those whose day is over since longer than the grace period: what the job does.
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

/// What is known of a partition when the plan is made.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// The partition.
    pub id: PartitionId,
    /// The day that it really is of: another one when a wrong clock has dated it.
    pub day: Day,
    /// Whether it is sealed already.
    pub state: PartitionState,
    /// Its size.
    pub stats: PartitionStats,
    /// When it last changed.
    pub changed: Timestamp,
}

/// Returns the partitions to seal, oldest first.
pub fn plan_compaction(
    candidates: &[Candidate],
    tiers: &Tiers,
    scope: CompactScope,
    now: Timestamp,
) -> Vec<SealPlan> {
    let is_due = |candidate: &Candidate| match scope {
        CompactScope::Settled(grace) => {
            let grace = i64::try_from(grace.as_micros()).unwrap_or(i64::MAX);
            // What changes while the plan is made is dated a moment behind `now`, and is not quiet.
            // What a clock that was far ahead has dated changed some time ago.
            let latest = now.saturating_add_micros(grace);
            let changed = Some(candidate.changed).filter(|changed| *changed <= latest);
            let quiet_since = candidate.day.end().max(changed.unwrap_or(Timestamp::MIN));
            quiet_since.saturating_add_micros(grace) <= now
        }
        CompactScope::ClosedDays => candidate.day.end() <= now,
        CompactScope::All => true,
    };
    let mut plans: Vec<SealPlan> = candidates
        .iter()
        .filter(|candidate| candidate.state == PartitionState::Hot && candidate.stats.records > 0)
        .filter(|candidate| is_due(candidate))
        .map(|candidate| SealPlan {
            id: candidate.id,
            tier: tiers.policy(candidate.id.tier).name.clone(),
            day: candidate.id.day,
            records: candidate.stats.records,
            bytes: candidate.stats.bytes,
        })
        .collect();
    plans.sort_by_key(|plan| (plan.id.day, plan.id.tier));
    plans
}

#[cfg(test)]
mod tests {
    use tierlog_model::Tenant;

    use super::*;

    #[test]
    fn a_partition_is_sealed_when_its_day_and_its_late_records_are_over() {
        let tiers = Tiers::standard();
        let day: Day = "2026-11-20".parse().expect("a day");
        let id = PartitionId {
            tenant: Tenant::DEFAULT,
            tier: tiers.of_level(tierlog_model::Level::Info),
            day,
        };
        let stats = PartitionStats { records: 1, ..PartitionStats::default() };
        let hot = Candidate { id, day, state: PartitionState::Hot, stats, changed: day.start() };
        let hour = 3_600_000_000;
        let count = |candidate: Candidate, scope, now: Timestamp| {
            plan_compaction(&[candidate], &tiers, scope, now).len()
        };
        let settled = CompactScope::Settled(Duration::from_secs(3600));
        assert_eq!(count(hot, settled, day.end()), 0);
        assert_eq!(count(hot, settled, day.end().saturating_add_micros(hour)), 1);
        let late = Candidate { changed: day.end().saturating_add_micros(hour), ..hot };
        assert_eq!(count(late, settled, day.end().saturating_add_micros(hour)), 0);
        assert_eq!(count(late, settled, day.end().saturating_add_micros(2 * hour)), 1);
        // A commit beside the plan is a moment newer than the plan.
        let now = day.end().saturating_add_micros(2 * hour);
        let changing = Candidate { changed: now.saturating_add_micros(5_000), ..hot };
        assert_eq!(count(changing, settled, now), 0);
        let by_a_clock_ahead = Candidate { changed: now.saturating_add_micros(9 * hour), ..hot };
        assert_eq!(count(by_a_clock_ahead, settled, now), 1);
        assert_eq!(count(hot, CompactScope::ClosedDays, day.end()), 1);
        assert_eq!(count(hot, CompactScope::ClosedDays, day.start()), 0);
        assert_eq!(count(hot, CompactScope::All, day.start()), 1);
        let sealed = Candidate { state: PartitionState::Sealed, ..hot };
        assert_eq!(count(sealed, CompactScope::All, day.end()), 0);
        let empty = Candidate { stats: PartitionStats::default(), ..hot };
        assert_eq!(count(empty, CompactScope::All, day.end()), 0);
    }
}
