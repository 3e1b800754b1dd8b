//! From a condition and a time range to the work that must be done.
//!
//! Arrives: a [`Query`]. A [`Plan`] leaves, with tiers and ids: most partitions
//! are never opened. Nothing here touches a partition's files.

mod narrow;
#[cfg(test)]
mod tests;

use tierlog_model::{Day, Level, RecordKind, Tenant, TierId, TierPolicy, Tiers, Timestamp};
use tierlog_store::Listed;

use crate::expr::{Expr, LevelSet};
use crate::query::Query;
use crate::time_range::TimeRange;
use crate::warning::Warnings;

/// What a scan needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Owner of the records.
    pub(crate) tenant: Tenant,
    /// Span of time, half-open.
    pub(crate) range: TimeRange,
    /// Tiers that can hold matches.
    pub(crate) tiers: Vec<TierId>,
    /// The condition.
    pub(crate) expr: Expr,
    /// Ids without which a partition holds no match: at least one hash of every group.
    pub(crate) required_ids: Vec<Vec<u64>>,
    /// When the condition asks for nothing but moments and levels, which the range and these say
    /// as well: the levels.
    pub(crate) only_levels: Option<LevelSet>,
    /// Levels of the condition that are partly or wholly past their retention in the range.
    pub(crate) expired: Vec<Expired>,
    /// The parts of a plan that every answer repeats.
    pub(crate) warnings: Warnings,
}

/// A level whose records the asked range has partly or wholly outlived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expired {
    /// The level.
    pub(crate) level: Level,
    /// Records of the level are kept from this moment on.
    pub(crate) since: Timestamp,
}

impl Plan {
    /// Decides where matches can be.
    pub(crate) fn new(query: &Query, tiers: &Tiers, now: Timestamp) -> Plan {
        let Query { tenant, kind, .. } = *query;
        let (expr, warnings) = (query.expr.clone(), query.warnings.clone());
        let range = query.range.intersection(&narrow::times(&expr));
        let levels = narrow::levels(&expr);
        let (tiers_with_matches, expired) = match kind {
            RecordKind::Log => (tiers_of(levels, tiers), expired(levels, range, tiers, now)),
            RecordKind::DeadLetter => (vec![tiers.dead_letter()], Vec::new()),
        };
        let required_ids = narrow::required_ids(&expr);
        let only_levels = narrow::is_of_levels_and_times(&expr).then_some(levels);
        let tiers = tiers_with_matches;
        Plan { tenant, range, tiers, expr, required_ids, only_levels, expired, warnings }
    }

    /// Tells whether a partition can hold matches, as far as that is known without opening it.
    pub(crate) fn may_match(&self, partition: &Listed) -> bool {
        let has_one =
            |group: &Vec<u64>| group.iter().any(|hash| partition.facts().may_contain(*hash));
        self.tenant == partition.id().tenant
            && self.tiers.contains(&partition.id().tier)
            && self.range.overlaps(partition.earliest(), partition.latest())
            && self.required_ids.iter().all(has_one)
    }

    /// Takes the last day of each tier that pressure dropped early into account.
    pub(crate) fn note_early_drops(
        &mut self,
        tiers: &Tiers,
        through: impl Fn(TierId) -> Option<Day>,
    ) {
        let Some(start) = self.range.start else { return };
        for level in narrow::levels(&self.expr).iter() {
            let tier = tiers.of_level(level);
            let Some(since) = through(tier).map(Day::end) else { continue };
            if start >= since || !self.tiers.contains(&tier) {
                continue;
            }
            match self.expired.iter_mut().find(|expired| expired.level == level) {
                Some(expired) => expired.since = expired.since.max(since),
                None => self.expired.push(Expired { level, since }),
            }
        }
        self.expired.sort_by_key(|expired| expired.level);
    }

    /// Returns how many records of a partition match, where that is known without opening it.
    pub(crate) fn count_of(&self, partition: &Listed) -> Option<u64> {
        let levels = self.only_levels?;
        if !self.range.covers(partition.earliest(), partition.latest()) {
            return None;
        }
        let facts = partition.facts();
        match facts.levels() {
            Some(counts) => Some(levels.iter().map(|level| counts.of(level)).sum()),
            None => (levels == LevelSet::ALL).then_some(facts.stats().records),
        }
    }
}

/// Returns the moment from which on the records of a tier are kept.
pub(crate) fn kept_since(policy: &TierPolicy, now: Timestamp) -> Timestamp {
    // The counterpart of `Tiers::expires`: a day is kept until as many whole days after it are
    // over as its tier has.
    let days = policy.days as i32;
    now.day().plus_days(days.saturating_neg()).start()
}

fn tiers_of(levels: LevelSet, tiers: &Tiers) -> Vec<TierId> {
    tiers
        .iter()
        .filter(|(_, policy)| policy.levels.iter().any(|level| levels.contains(*level)))
        .map(|(tier, _)| tier)
        .collect()
}

/// A range without a start asks for what there is; only one with a start can ask for more.
fn expired(levels: LevelSet, range: TimeRange, tiers: &Tiers, now: Timestamp) -> Vec<Expired> {
    let Some(start) = range.start else { return Vec::new() };
    levels
        .iter()
        .map(|level| Expired { level, since: kept_since(tiers.policy(tiers.of_level(level)), now) })
        .filter(|expired| start < expired.since)
        .collect()
}
