//! Records deleted together: the dead letters of a day selected by a call, or a day dropped early.
//!
//! A call arrives before its effect, the confirmation after the effect. When a cut comes in
//! between, all of the records are there afterwards, or none.

use std::collections::BTreeSet;

use super::{Event, Ledger, Spec};
use crate::simulation::invariant::{Invariant, Violation};
use crate::{Durability, PartitionId};

/// Records that go together.
#[derive(Clone, Debug)]
pub(super) struct Leaving {
    /// When the call began.
    change: u64,
    /// When it is known how it ended.
    ended: Option<u64>,
    numbers: Vec<u64>,
    /// The records that go together: a record not yet durable may be lost alone.
    together: Vec<u64>,
    what: What,
}

/// What goes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// Dead letters, with the numbers that the store has given them.
    Letters(Vec<u64>),
    /// A whole day.
    Day(PartitionId),
}

impl Leaving {
    /// Returns the state of the deletion after a number of changes, if under way.
    pub(super) fn as_of(&self, change: u64) -> Option<Leaving> {
        let under_way = self.change <= change && self.ended.is_none_or(|ended| ended > change);
        under_way.then(|| Leaving { change: 0, ended: None, ..self.clone() })
    }
}

impl Ledger {
    /// Notes that records are going to be deleted.
    pub(in crate::simulation) fn leave(&mut self, records: &[(u64, Spec)], change: u64) {
        let numbers: Vec<u64> = records.iter().map(|(_, spec)| spec.number).collect();
        let seqs = records.iter().map(|(seq, _)| *seq).collect();
        for number in &numbers {
            self.note(*number, Event::Leaving, change);
        }
        let (together, what) = (numbers.clone(), What::Letters(seqs));
        self.leaving.push(Leaving { change, ended: None, numbers, together, what });
    }

    /// Notes that a day may go before its time, with the chosen records.
    pub(in crate::simulation) fn leave_early(
        &mut self,
        id: PartitionId,
        durability: Durability,
        chosen: impl Fn(&Spec) -> bool,
        change: u64,
    ) {
        let numbers = self.numbers(&chosen);
        let together = self.standing(durability, &chosen);
        for number in &numbers {
            self.note(*number, Event::Leaving, change);
        }
        let what = What::Day(id);
        self.leaving.push(Leaving { change, ended: None, numbers, together, what });
    }

    /// Notes which of the days went early that were going to since a change; the others stay.
    pub(in crate::simulation) fn end_early(
        &mut self,
        gone: &[PartitionId],
        begun: u64,
        change: u64,
    ) {
        self.early.extend(gone.iter().map(|id| (change, *id)));
        self.end_leaving(change, |group| match &group.what {
            What::Day(id) if gone.contains(id) => Some(Event::Dropped),
            What::Day(_) if group.change >= begun => Some(Event::Stayed),
            What::Letters(_) | What::Day(_) => None,
        });
    }

    /// Returns the days that went early.
    pub(in crate::simulation) fn went_early(&self) -> impl Iterator<Item = PartitionId> {
        self.early.iter().map(|(_, id)| *id)
    }

    /// Notes the confirmed deletion of records by the store's numbers.
    pub(in crate::simulation) fn confirm_left(&mut self, seqs: &[u64], change: u64) {
        self.end_leaving(change, |group| match &group.what {
            What::Letters(own) if own.iter().all(|seq| seqs.contains(seq)) => Some(Event::Dropped),
            What::Letters(_) | What::Day(_) => None,
        });
    }

    /// Returns the numbers that the store has given to what is being deleted.
    pub(in crate::simulation) fn leaving_seqs(&self) -> Vec<u64> {
        let under_way = self.leaving.iter().filter(|group| group.ended.is_none());
        let letters = under_way.filter_map(|group| match &group.what {
            What::Letters(seqs) => Some(seqs),
            What::Day(_) => None,
        });
        letters.flatten().copied().collect()
    }

    /// What a start finds stays. A day that it does not find is gone; letters may still come back,
    /// until somebody has asked for it again.
    pub(super) fn settle_leaving(&mut self, there: &BTreeSet<u64>, change: u64) {
        let mut gone = Vec::new();
        let promises = self.promises();
        let is_kept = |number: &u64| promises.get(number).is_some_and(|it| !it.expired);
        self.end_leaving(change, |group| {
            if group.numbers.iter().any(|number| there.contains(number)) {
                return Some(Event::Stayed);
            }
            match group.what {
                What::Letters(_) => None,
                // A day whose time was over went by retention, and records not yet durable went
                // with the power.
                What::Day(_) if !group.together.iter().any(is_kept) => Some(Event::Expired),
                What::Day(id) => {
                    gone.push((change, id));
                    Some(Event::Dropped)
                }
            }
        });
        self.early.append(&mut gone);
    }

    fn end_leaving(&mut self, change: u64, mut end: impl FnMut(&Leaving) -> Option<Event>) {
        let mut events = Vec::new();
        for group in self.leaving.iter_mut().filter(|group| group.ended.is_none()) {
            if let Some(event) = end(group) {
                group.ended = Some(change);
                events.extend(group.numbers.iter().map(|number| (change, *number, event)));
            }
        }
        self.events.append(&mut events);
    }

    /// What is deleted together is wholly there, or gone.
    pub(super) fn check_leaving(&self, there: &BTreeSet<u64>) -> Result<(), Violation> {
        let promises = self.promises();
        for group in self.leaving.iter().filter(|group| group.ended.is_none()) {
            // Others may have gone meanwhile for another reason.
            let is_kept = |number: &&u64| promises.get(number).is_some_and(|it| !it.expired);
            let numbers: Vec<u64> = group.together.iter().filter(is_kept).copied().collect();
            let found = numbers.iter().filter(|number| there.contains(number)).count();
            if found > 0 && found < numbers.len() {
                let detail = format!("{found} of {numbers:?}");
                return Err(Violation::new(Invariant::LeavesWhole, detail));
            }
        }
        Ok(())
    }
}
