//! What goes before its days are over, because there is no room.
//!
//! The least valuable tier goes first, its oldest day first; a tier is as valuable as its most
//! severe level. No tier is touched while a less valuable one has a day left that may go. The
//! newest day of a tenant's tier stays, and today: they are what is being written and looked at.
//! Only when nothing else is left and writes are refused does that go too.
//!
//! Nothing goes in vain: when all that may go would not bring the free room back over the mark
//! under which writes are refused, something else fills the disk, and everything stays.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use tierlog_model::{Day, Level, Tenant, TierId, Tiers, Timestamp};

use super::planner::{Choice, PartitionSnapshot, Planner, Snapshot};
use super::retention::{DropReason, Expiry};

/// How valuable a dead letter is: as a line whose level nobody knows.
const DEAD_LETTER_VALUE: Level = Level::Warning;

/// When and what may go early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PressureRule {
    /// Free bytes below which days go early.
    pub low_bytes: u64,
    /// Free bytes below which writes are refused.
    pub hard_bytes: u64,
    /// The most severe level that may go early; `None` is none.
    pub level_max: Option<Level>,
}

/// Drops partitions until the low mark is reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pressure {
    /// When and what may go.
    pub(crate) rule: PressureRule,
    /// Bytes that are free on the disk.
    pub(crate) free_bytes: u64,
}

impl Planner for Pressure {
    fn choose(&self, snapshot: &Snapshot<'_>, now: Timestamp) -> Vec<Choice> {
        let Pressure { rule, free_bytes } = *self;
        let Some(level_max) = rule.level_max else { return Vec::new() };
        if free_bytes >= rule.low_bytes {
            return Vec::new();
        }
        let tiers = snapshot.tiers;
        // By the day that a partition really is of, whoever dated it.
        let mut candidates: Vec<(Level, Day, &PartitionSnapshot)> = snapshot
            .partitions
            .iter()
            .map(|partition| (value(tiers, partition.id.tier), partition.day(tiers), partition))
            .filter(|(value, _, _)| *value <= level_max)
            .collect();
        let all: u64 = candidates.iter().map(|(_, _, partition)| partition.stats.bytes).sum();
        if free_bytes.saturating_add(all) < rule.hard_bytes {
            return Vec::new();
        }
        // Dead letters before the warnings that they are worth as much as.
        candidates.sort_by_key(|(value, day, partition)| {
            (*value, tiers.dead_letter() != partition.id.tier, *day)
        });
        let mut newest: BTreeMap<(Tenant, TierId), Day> = BTreeMap::new();
        for (_, day, partition) in &candidates {
            let newest = newest.entry((partition.id.tenant, partition.id.tier)).or_insert(*day);
            *newest = (*newest).max(*day);
        }
        let today = now.day();
        let is_newest = |(_, day, partition): &(Level, Day, &PartitionSnapshot)| {
            let newest = newest.get(&(partition.id.tenant, partition.id.tier));
            *day >= today || newest.is_none_or(|newest| day >= newest)
        };
        let mut choices = Vec::new();
        let mut free = free_bytes;
        let (young, old): (Vec<_>, Vec<_>) = candidates.into_iter().partition(is_newest);
        for (goal, candidates) in [(rule.low_bytes, old), (rule.hard_bytes, young)] {
            for (_, _, partition) in candidates {
                if free >= goal {
                    break;
                }
                free = free.saturating_add(partition.stats.bytes);
                choices.push(Choice::Drop(Expiry::new(partition, tiers, DropReason::Pressure)));
            }
        }
        choices
    }
}

/// Drops days of dead letters above their cap: the oldest day of the tenant that has the most, so
/// that the nonsense of one tenant takes no letter of another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeadLetterCap {
    /// Bytes that all tenants may keep together.
    pub(crate) bytes_max: u64,
}

impl Planner for DeadLetterCap {
    fn choose(&self, snapshot: &Snapshot<'_>, _: Timestamp) -> Vec<Choice> {
        let tiers = snapshot.tiers;
        let letters = snapshot.partitions.iter();
        let mut of_tenants: BTreeMap<Tenant, (u64, Vec<&PartitionSnapshot>)> = BTreeMap::new();
        for partition in letters.filter(|partition| partition.id.tier == tiers.dead_letter()) {
            let (bytes, days) = of_tenants.entry(partition.id.tenant).or_default();
            *bytes += partition.stats.bytes;
            days.push(partition);
        }
        for (_, days) in of_tenants.values_mut() {
            days.sort_by_key(|partition| Reverse(partition.day(tiers)));
        }
        let mut bytes: u64 = of_tenants.values().map(|(bytes, _)| bytes).sum();
        let mut choices = Vec::new();
        while bytes > self.bytes_max
            && let Some((of_tenant, days)) = of_tenants.values_mut().max_by_key(|(bytes, _)| *bytes)
            && let Some(oldest) = days.pop()
        {
            bytes = bytes.saturating_sub(oldest.stats.bytes);
            *of_tenant = of_tenant.saturating_sub(oldest.stats.bytes);
            choices.push(Choice::Drop(Expiry::new(oldest, tiers, DropReason::DeadLettersMax)));
        }
        choices
    }
}

/// Returns how valuable a tier is: as its most severe level.
fn value(tiers: &Tiers, tier: TierId) -> Level {
    let levels = tiers.policy(tier).levels.iter();
    levels.max().copied().unwrap_or(DEAD_LETTER_VALUE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::planner::tests::{dropped, snapshot_of};
    use super::*;
    use crate::PartitionId;

    const MIB: u64 = 1 << 20;

    fn today() -> Day {
        "2026-11-20".parse().expect("a day")
    }

    fn rule(level_max: Option<Level>) -> PressureRule {
        PressureRule { low_bytes: 100 * MIB, hard_bytes: 20 * MIB, level_max }
    }

    fn partition(tiers: &Tiers, tier: &str, age: i32, mib: u64) -> PartitionSnapshot {
        partition_of(Tenant::DEFAULT, tiers, tier, age, mib)
    }

    fn partition_of(
        tenant: Tenant,
        tiers: &Tiers,
        tier: &str,
        age: i32,
        mib: u64,
    ) -> PartitionSnapshot {
        let tier = tiers.by_name(tier).expect("a tier");
        let id = PartitionId { tenant, tier, day: today().plus_days(-age) };
        snapshot_of(tiers, id, mib * MIB)
    }

    fn plan_pressure(
        have: &[PartitionSnapshot],
        tiers: &Tiers,
        rule: PressureRule,
        free_bytes: u64,
        today: Day,
    ) -> Vec<Expiry> {
        dropped(&Pressure { rule, free_bytes }, tiers, have, today.start())
    }

    fn plan_dead_letters(have: &[PartitionSnapshot], tiers: &Tiers, bytes_max: u64) -> Vec<Expiry> {
        dropped(&DeadLetterCap { bytes_max }, tiers, have, today().start())
    }

    fn names(plan: &[Expiry]) -> Vec<String> {
        let age = |day: Day| today().number() - day.number();
        plan.iter().map(|drop| format!("{} -{}", drop.tier, age(drop.day))).collect()
    }

    #[test]
    fn the_least_valuable_tier_goes_first_and_its_oldest_day() {
        let tiers = Tiers::standard();
        let have = [
            partition(&tiers, "critical", 300, 10),
            partition(&tiers, "info", 9, 10),
            partition(&tiers, "info", 0, 10),
            partition(&tiers, "debug", 1, 10),
            partition(&tiers, "debug", 2, 10),
            partition(&tiers, "debug", 0, 10),
            partition(&tiers, "dead_letter", 4, 10),
            partition(&tiers, "dead_letter", 0, 10),
            partition(&tiers, "warning", 50, 10),
            partition(&tiers, "warning", 0, 10),
        ];
        let plan = |level, free_mib: u64| {
            names(&plan_pressure(&have, &tiers, rule(level), free_mib * MIB, today()))
        };
        let info = Some(Level::Info);
        assert!(plan(info, 100).is_empty());
        assert!(plan(None, 0).is_empty());
        assert_eq!(plan(info, 99), ["debug -2"]);
        assert_eq!(plan(info, 85), ["debug -2", "debug -1"]);
        // What is being written stays as long as writes are taken.
        assert_eq!(plan(info, 30), ["debug -2", "debug -1", "info -9"]);
        // The newest day of a tier stays, however old it is.
        assert_eq!(
            plan(Some(Level::Critical), 30),
            ["debug -2", "debug -1", "info -9", "dead_letter -4", "warning -50"]
        );
    }

    #[test]
    fn the_newest_day_of_each_tenant_stays() {
        let tiers = Tiers::standard();
        let quiet = Tenant::define("quiet").expect("a name");
        let have = [
            partition_of(quiet, &tiers, "debug", 5, 10),
            partition_of(quiet, &tiers, "debug", 6, 10),
            partition(&tiers, "debug", 4, 10),
            partition(&tiers, "debug", 1, 10),
        ];
        let plan = |free_mib: u64| {
            names(&plan_pressure(&have, &tiers, rule(Some(Level::Info)), free_mib * MIB, today()))
        };
        // The newest day of the quiet tenant is older than days of the other.
        assert_eq!(plan(30), ["debug -6", "debug -4"]);
        assert_eq!(plan(0), ["debug -6", "debug -4"]);
    }

    #[test]
    fn the_newest_days_go_when_nothing_else_does_and_writes_are_refused() {
        let tiers = Tiers::standard();
        let have = [partition(&tiers, "debug", 0, 10), partition(&tiers, "info", 0, 10)];
        let plan = |free_mib: u64| {
            names(&plan_pressure(&have, &tiers, rule(Some(Level::Info)), free_mib * MIB, today()))
        };
        assert!(plan(20).is_empty());
        assert_eq!(plan(15), ["debug -0"]);
        assert_eq!(plan(5), ["debug -0", "info -0"]);
    }

    #[test]
    fn a_day_that_a_wrong_clock_has_dated_is_as_young_as_it_is() {
        let tiers = Tiers::standard();
        // Written today by a clock that was ten years behind, and by one that was as far ahead a
        // week ago.
        let years = |years: i64, age: i32| {
            let stamped = partition(&tiers, "debug", age + years as i32 * 365, 10);
            let due = stamped.due.saturating_add_micros(years * 365 * 86_400_000_000);
            PartitionSnapshot { due, ..stamped }
        };
        let have = [years(10, 0), partition(&tiers, "debug", 2, 10), years(-10, 5)];
        let plan = |free_mib: u64| {
            names(&plan_pressure(&have, &tiers, rule(Some(Level::Info)), free_mib * MIB, today()))
        };
        assert_eq!(plan(99), ["debug --3645"]);
        assert_eq!(plan(85), ["debug --3645", "debug -2"]);
    }

    #[test]
    fn nothing_goes_in_vain() {
        let tiers = Tiers::standard();
        let have = [partition(&tiers, "debug", 3, 10), partition(&tiers, "debug", 0, 9)];
        let plan = |free_mib: u64| {
            names(&plan_pressure(&have, &tiers, rule(Some(Level::Info)), free_mib * MIB, today()))
        };
        assert!(plan(0).is_empty());
        assert_eq!(plan(1), ["debug -3", "debug -0"]);
    }

    #[test]
    fn a_tier_with_an_error_is_as_valuable_as_the_error() {
        let policy = |name: &str, levels: &[Level]| tierlog_model::TierPolicy {
            name: name.to_owned(),
            days: 9,
            levels: levels.to_vec(),
        };
        let mixed = [Level::Debug, Level::Error];
        let rest = [Level::Info, Level::Warning, Level::Critical];
        let tiers = Tiers::new(vec![policy("rest", &rest), policy("mixed", &mixed)], 30);
        let tiers = tiers.expect("valid tiers");
        let have = [partition(&tiers, "mixed", 5, 10), partition(&tiers, "mixed", 0, 10)];
        let plan = |level| plan_pressure(&have, &tiers, rule(Some(level)), MIB, today()).len();
        assert_eq!((plan(Level::Warning), plan(Level::Error)), (0, 2));
    }

    #[test]
    fn dead_letters_have_a_cap() {
        let tiers = Tiers::standard();
        let have = [
            partition(&tiers, "dead_letter", 0, 40),
            partition(&tiers, "dead_letter", 2, 40),
            partition(&tiers, "dead_letter", 1, 40),
            partition(&tiers, "debug", 6, 400),
        ];
        let plan = |mib: u64| names(&plan_dead_letters(&have, &tiers, mib * MIB));
        assert!(plan(120).is_empty());
        assert_eq!(plan(119), ["dead_letter -2"]);
        assert_eq!(plan(50), ["dead_letter -2", "dead_letter -1"]);
        assert_eq!(plan(10).len(), 3);
    }

    #[test]
    fn the_tenant_with_the_most_dead_letters_loses_its_oldest() {
        let tiers = Tiers::standard();
        let noisy = Tenant::define("noisy").expect("a name");
        let have = [
            partition(&tiers, "dead_letter", 9, 10),
            partition_of(noisy, &tiers, "dead_letter", 2, 40),
            partition_of(noisy, &tiers, "dead_letter", 1, 40),
        ];
        let plan = |mib: u64| {
            let dropped = plan_dead_letters(&have, &tiers, mib * MIB);
            dropped.iter().map(|drop| drop.id.tenant.name()).collect::<Vec<_>>()
        };
        assert_eq!(plan(89), ["noisy"]);
        assert_eq!(plan(49), ["noisy", "noisy"]);
        assert_eq!(plan(9), ["noisy", "noisy", "default"]);
    }

    fn catalogue() -> impl Strategy<Value = Vec<(u8, i32, u64)>> {
        prop::collection::btree_map((0_u8..5, 0_i32..30), 1_u64..50, 0..60)
            .prop_map(|map| map.into_iter().map(|((tier, age), mib)| (tier, age, mib)).collect())
    }

    proptest! {
        #[test]
        fn only_what_must_go_goes_and_in_order(
            have in catalogue(), free_mib in 0_u64..120, level in 0_u8..5,
        ) {
            let tiers = Tiers::standard();
            let by_value = ["debug", "info", "dead_letter", "warning", "critical"];
            let have: Vec<PartitionSnapshot> = have
                .into_iter()
                .map(|(tier, age, mib)| partition(&tiers, by_value[usize::from(tier)], age, mib))
                .collect();
            let level = Level::from_u8(level).expect("a level");
            let rule = rule(Some(level));
            let plan = plan_pressure(&have, &tiers, rule, free_mib * MIB, today());
            let freed = |drops: &[Expiry]| {
                free_mib * MIB + drops.iter().map(|drop| drop.bytes).sum::<u64>()
            };
            // Nothing more than is needed.
            if let Some((_, before)) = plan.split_last() {
                prop_assert!(freed(before) < rule.low_bytes);
            }
            // No level above the most severe that may go, ever.
            for drop in &plan {
                prop_assert!(value(&tiers, drop.id.tier) <= level);
            }
            let rank = |tier: &str| by_value.iter().position(|name| *name == tier);
            let newest = |id: PartitionId| {
                have.iter().filter(|o| o.id.tier == id.tier).map(|o| o.id.day).max()
            };
            let is_young = |id: PartitionId| id.day >= today() || newest(id) == Some(id.day);
            let planned = |id: PartitionId| plan.iter().any(|drop| drop.id == id);
            for drop in &plan {
                let may_go = have.iter().filter(|own| value(&tiers, own.id.tier) <= level);
                for PartitionSnapshot { id, stats, .. } in may_go {
                    prop_assert!(stats.bytes > 0);
                    let tier = &tiers.policy(id.tier).name;
                    let before = (is_young(*id), rank(tier), id.day)
                        < (is_young(drop.id), rank(&drop.tier), drop.day);
                    // Whatever stands before a dropped one in the order has gone before it.
                    prop_assert!(!before || planned(*id));
                }
                // What is young goes only while writes are refused.
                if is_young(drop.id) {
                    let position = plan.iter().position(|other| other.id == drop.id);
                    let earlier = &plan[..position.expect("it is in the plan")];
                    prop_assert!(freed(earlier) < rule.hard_bytes);
                }
            }
            let all: u64 = have
                .iter()
                .filter(|kept| value(&tiers, kept.id.tier) <= level)
                .map(|kept| kept.stats.bytes)
                .sum();
            if free_mib * MIB + all < rule.hard_bytes {
                prop_assert!(plan.is_empty());
                return Ok(());
            }
            // Below the mark, no partition is left over that may go.
            if freed(&plan) < rule.low_bytes {
                for PartitionSnapshot { id, .. } in &have {
                    let may_go = value(&tiers, id.tier) <= level && !is_young(*id);
                    prop_assert!(!may_go || planned(*id));
                }
            }
        }
    }
}
