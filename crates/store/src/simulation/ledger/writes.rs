//! The writes to the log, in order: a power cut may take only the end.
//!
//! Groups arrive as they are written, and again a word when they are durable. Only the write in
//! which the log ends may be there in part: the disk may have torn it.

use std::collections::BTreeSet;

use super::{Event, Ledger};
use crate::simulation::invariant::{Invariant, Violation};

/// One write to the log.
#[derive(Clone, Debug)]
pub(super) struct Write {
    change: u64,
    numbers: Vec<u64>,
}

impl Write {
    /// Returns the write, if begun after a number of changes.
    pub(super) fn as_of(&self, change: u64) -> Option<Write> {
        (self.change <= change).then(|| Write { change: 0, numbers: self.numbers.clone() })
    }
}

impl Ledger {
    /// Notes that records were written in one go, or were going to be.
    pub(in crate::simulation) fn write(&mut self, numbers: Vec<u64>, change: u64) {
        if !numbers.is_empty() {
            self.writes.push(Write { change, numbers });
        }
    }

    /// Notes the acknowledged writes as durable, with exceptions.
    pub(in crate::simulation) fn sync_but(&mut self, waiting: &[u64], change: u64) {
        let promises = self.promises().into_iter();
        let new = promises.filter(|(_, promise)| promise.acked && !promise.durable);
        for (number, _) in new.filter(|(number, _)| !waiting.contains(number)) {
            self.note(number, Event::Durable, change);
        }
    }

    /// Notes that the power went.
    pub(in crate::simulation) fn cut_power(&mut self, change: u64) {
        let promises = self.promises().into_iter();
        for (number, _) in promises.filter(|(_, promise)| promise.acked && !promise.durable) {
            self.note(number, Event::CutOff, change);
        }
    }

    /// No record behind a lost record is found, in any partition.
    pub(super) fn check_writes(&self, there: &BTreeSet<u64>) -> Result<(), Violation> {
        let promises = self.promises();
        let mut lost = None;
        for write in &self.writes {
            let counts = |number: &&u64| {
                let promise = promises.get(number);
                promise.is_some_and(|it| !it.refused && !it.expired && !it.leaving && !it.dropped)
            };
            let numbers: Vec<u64> = write.numbers.iter().filter(counts).copied().collect();
            let found = numbers.iter().find(|number| there.contains(number));
            if let (Some(found), Some(lost)) = (found, lost) {
                let detail = format!("number {found} was written behind number {lost}");
                return Err(Violation::new(Invariant::OnlyTheEndIsLost, detail));
            }
            lost = lost.or(numbers.iter().find(|number| !there.contains(number)).copied());
        }
        Ok(())
    }

    /// What a start has found is durable.
    pub(super) fn settle_writes(&mut self, there: &BTreeSet<u64>, change: u64) {
        self.writes.clear();
        let promises = self.promises().into_iter();
        let acked = promises.filter(|(_, promise)| promise.acked && !promise.durable);
        for (number, _) in acked.filter(|(number, _)| there.contains(number)) {
            self.note(number, Event::Durable, change);
        }
    }
}
