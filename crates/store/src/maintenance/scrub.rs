//! Looks for bytes that have rotted: all partitions a little at a time, and at once what a search
//! or a merge could not read and what a start had no time for. What is damaged is put into
//! quarantine, and answers say so.
//!
//! A partition is not checked before it is first opened: that would read every byte of a year for
//! one question (ADR 0018). One look in weeks is enough to find damage before the backup that
//! could mend it is gone.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use tierlog_model::Timestamp;

use super::Maintenance;
use super::planner::{Choice, Planner, Snapshot};
use crate::{PartitionId, StoreError};

/// Bytes of suspects that one look checks, the last one whole: a start may leave gigabytes, and
/// between two looks the job has to see to the free room of the disk.
const SUSPECT_BYTES_MAX: u64 = 256 << 20;

/// Chooses partitions in turns, as many as may be read by now.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scrub {
    /// The partition of the last check; the next check takes the partition behind.
    last: Option<PartitionId>,
    /// Bytes that may be read by now.
    budget: u64,
}

impl Planner for Scrub {
    fn choose(&self, snapshot: &Snapshot<'_>, now: Timestamp) -> Vec<Choice> {
        let sizes = snapshot.partitions.iter().map(|own| (own.id, own.stats.bytes));
        let all: BTreeMap<PartitionId, u64> = sizes.collect();
        // Not always the first: a server that is often restarted would check nothing else.
        let start = now.as_micros().unsigned_abs() % (all.len() as u64).max(1);
        let start = || all.keys().nth(usize::try_from(start).unwrap_or(0)).copied();
        let Some(last) = self.last.or_else(start) else { return Vec::new() };
        let behind = all.iter().filter(|(id, _)| **id > last);
        let before = all.iter().filter(|(id, _)| **id <= last);
        let mut budget = self.budget;
        let within = behind.chain(before).take_while(|(_, bytes)| {
            let left = budget.checked_sub(**bytes);
            budget = left.unwrap_or(0);
            left.is_some()
        });
        within.map(|(id, _)| Choice::Check(*id)).collect()
    }
}

impl Maintenance {
    /// Checks what could not be read, as far as one look goes. What is damaged is put into
    /// quarantine.
    pub(crate) fn check_suspects(&self) -> Result<(), StoreError> {
        let mut bytes = 0;
        while bytes < SUSPECT_BYTES_MAX
            && let Some(id) = self.catalogue.take_suspect()
        {
            bytes += self.bytes_of(id);
            if let Err(error) = self.carry_out_one(Choice::Check(id)) {
                // It could not be said: the next look tries again.
                self.catalogue.suspect(id);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Checks partitions, as many as the time since the last call allows.
    pub(crate) fn scrub(&self, passed: Duration) -> Result<(), StoreError> {
        let rate = self.settings.scrub_bytes_per_second;
        let mut scrub = self.scrub.lock().unwrap_or_else(PoisonError::into_inner);
        scrub.budget = scrub.budget.saturating_add(rate.saturating_mul(passed.as_secs()));
        for choice in self.choose(&*scrub, self.clock.reckoned()) {
            if let Choice::Check(id) = choice {
                scrub.budget = scrub.budget.saturating_sub(self.bytes_of(id));
                scrub.last = Some(id);
            }
            self.carry_out_one(choice)?;
        }
        Ok(())
    }

    fn bytes_of(&self, id: PartitionId) -> u64 {
        self.catalogue.partition(id).map_or(0, |partition| partition.stats().bytes)
    }
}

#[cfg(test)]
mod tests {
    use tierlog_model::{Tenant, Tiers};

    use super::super::planner::tests::{chosen, snapshot_of};
    use super::*;

    #[test]
    fn partitions_come_in_turns_within_the_budget() {
        let tiers = Tiers::standard();
        let day: tierlog_model::Day = "2026-11-20".parse().expect("a day");
        let ids = [0, 1, 2].map(|age| PartitionId {
            tenant: Tenant::DEFAULT,
            tier: tiers.dead_letter(),
            day: day.plus_days(age),
        });
        let have = ids.map(|id| snapshot_of(&tiers, id, 10));
        let [first, second, third] = ids;
        let check = |last, budget, expected: &[PartitionId]| {
            let choices = chosen(&Scrub { last: Some(last), budget }, &tiers, &have, day.start());
            let expected: Vec<Choice> = expected.iter().map(|id| Choice::Check(*id)).collect();
            assert_eq!(choices, expected, "{budget} bytes behind {last:?}");
        };
        check(first, 9, &[]);
        check(first, 25, &[second, third]);
        check(second, 20, &[third, first]);
        check(third, 99, &[first, second, third]);
        let fresh = chosen(&Scrub { last: None, budget: 99 }, &tiers, &have, day.start());
        assert_eq!(fresh.len(), 3);
        assert!(chosen(&Scrub::default(), &tiers, &[], day.start()).is_empty());
    }
}
