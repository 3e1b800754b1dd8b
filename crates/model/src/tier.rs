//! Tiers: which level is kept in which directory, and for how many days.

use serde::{Deserialize, Serialize};

use crate::{Day, Level, RecordKind, Timestamp};

/// Name of the reserved tier that holds dead letters, by day of arrival.
pub const DEAD_LETTER_TIER: &str = "dead_letter";

/// Position of a tier in [`Tiers`]; small, so it can travel with each record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TierId(u8);

/// One tier of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierPolicy {
    /// Directory name and name in every answer: `[a-z][a-z0-9_]*`.
    pub name: String,
    /// How many days a record is kept, counted from the end of its UTC day.
    pub days: u32,
    /// Levels that belong to the tier; none for the dead-letter tier.
    pub levels: Vec<Level>,
}

/// The valid set of tiers: every level in exactly one, and the dead letters last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiers {
    policies: Vec<TierPolicy>,
    by_level: [TierId; Level::ALL.len()],
    days_max: u32,
}

/// Why a set of tiers is not valid; one message a problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct TiersError(pub Vec<String>);

/// A tier number is one byte, and one value belongs to dead letters; deployments need far fewer.
const TIERS_MAX: usize = 16;

impl Tiers {
    /// Checks the policies and adds the dead-letter tier.
    pub fn new(mut policies: Vec<TierPolicy>, dead_letter_days: u32) -> Result<Tiers, TiersError> {
        let mut problems = Vec::new();
        if policies.len() > TIERS_MAX {
            problems.push(format!("{} tiers, at most {TIERS_MAX}", policies.len()));
            policies.truncate(TIERS_MAX);
        }
        policies.push(TierPolicy {
            name: DEAD_LETTER_TIER.to_owned(),
            days: dead_letter_days,
            levels: Vec::new(),
        });
        let mut by_level = [None; Level::ALL.len()];
        for (position, policy) in policies.iter().enumerate() {
            let name = &policy.name;
            let well_named = name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if !well_named {
                problems.push(format!("tier {name:?}: name must match [a-z][a-z0-9_]*"));
            }
            if policies.iter().take(position).any(|earlier| earlier.name == *name) {
                problems.push(format!("tier {name:?}: named twice"));
            }
            if policy.days == 0 || policy.days > 36_500 {
                problems.push(format!("tier {name:?}: days must be 1 to 36500"));
            }
            for level in &policy.levels {
                let Some(slot) = by_level.get_mut(*level as usize) else { continue };
                if slot.replace(TierId(position as u8)).is_some() {
                    problems.push(format!("level {level}: in more than one tier"));
                }
            }
        }
        for (level, tier) in Level::ALL.iter().zip(by_level) {
            if tier.is_none() {
                problems.push(format!("level {level}: in no tier"));
            }
        }
        if !problems.is_empty() {
            return Err(TiersError(problems));
        }
        let by_level = by_level.map(|tier| tier.unwrap_or(TierId(0)));
        let days_max = policies.iter().map(|policy| policy.days).max().unwrap_or(0);
        Ok(Tiers { policies, by_level, days_max })
    }

    /// Returns the design's tiers: critical 365 d, warning 90 d, info 30 d, debug 7 d.
    pub fn standard() -> Tiers {
        let policy = |name: &str, days, levels: &[Level]| TierPolicy {
            name: name.to_owned(),
            days,
            levels: levels.to_vec(),
        };
        Tiers::new(
            vec![
                policy("critical", 365, &[Level::Critical, Level::Error]),
                policy("warning", 90, &[Level::Warning]),
                policy("info", 30, &[Level::Info]),
                policy("debug", 7, &[Level::Debug]),
            ],
            30,
        )
        .expect("the standard tiers name every level once")
    }

    /// Returns the tier of a record.
    pub fn of(&self, level: Level, kind: RecordKind) -> TierId {
        match kind {
            RecordKind::Log => self.of_level(level),
            RecordKind::DeadLetter => self.dead_letter(),
        }
    }

    /// Returns the tier of a level.
    pub fn of_level(&self, level: Level) -> TierId {
        self.by_level.get(level as usize).copied().unwrap_or(TierId(0))
    }

    /// Returns the tier that holds dead letters.
    pub fn dead_letter(&self) -> TierId {
        TierId((self.policies.len() - 1) as u8)
    }

    /// Returns the tier with a name.
    pub fn by_name(&self, name: &str) -> Option<TierId> {
        let position = self.policies.iter().position(|policy| policy.name == name)?;
        Some(TierId(position as u8))
    }

    /// Returns the policy of a tier.
    pub fn policy(&self, tier: TierId) -> &TierPolicy {
        self.policies
            .get(usize::from(tier.0))
            .expect("a TierId is only made by Tiers and indexes its policies")
    }

    /// Returns every tier with its policy, in configured order, the dead letters last.
    pub fn iter(&self) -> impl Iterator<Item = (TierId, &TierPolicy)> {
        self.policies.iter().enumerate().map(|(position, policy)| (TierId(position as u8), policy))
    }

    /// Returns how many days the longest tier keeps.
    pub fn days_max(&self) -> u32 {
        self.days_max
    }

    /// Returns the first moment at which a partition may be dropped: when the youngest record
    /// that its day can hold is as old as the tier keeps.
    pub fn expires(&self, tier: TierId, day: Day) -> Timestamp {
        day.plus_days(1).plus_days(self.policy(tier).days as i32).start()
    }

    /// Tells whether a partition may be dropped now.
    pub fn is_expired(&self, tier: TierId, day: Day, now: Timestamp) -> bool {
        self.expires(tier, day) <= now
    }
}
