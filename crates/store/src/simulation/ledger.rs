//! The oracle: what was issued, acknowledged and dropped, kept outside the simulated disk.
//!
//! Events arrive with the number of disk changes at which they happened, so that the ledger can
//! also be asked what was promised at any earlier change. Found records arrive, violations leave.

use std::collections::{BTreeMap, BTreeSet};

use tierlog_model::{Level, Record, RecordKind, Tiers, Timestamp, Value};

use super::invariant::{Invariant, Violation};
use crate::{PartitionId, StoredRecord};

/// Bytes of padding of the longest message: enough that a frame crosses sectors.
const PADDING_BYTES_MAX: u64 = 900;

/// What decides everything of a record: the rest follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) number: u64,
    pub(super) level: Level,
    pub(super) timestamp: Timestamp,
    pub(super) kind: RecordKind,
}

impl Spec {
    /// Returns a log line.
    pub(super) fn log(number: u64, level: Level, timestamp: Timestamp) -> Spec {
        Spec { number, level, timestamp, kind: RecordKind::Log }
    }

    pub(super) fn partition(&self, tiers: &Tiers) -> PartitionId {
        let tier = tiers.of(self.level, self.kind);
        PartitionId { tier, day: self.timestamp.day() }
    }

    pub(super) fn request_id(&self) -> String {
        format!("request-{}", self.number)
    }

    /// Returns the record: its payload can be told from its number.
    pub(super) fn record(&self) -> Record<'static> {
        let mixed = self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let padding = "x".repeat((mixed % PADDING_BYTES_MAX) as usize);
        let field = |name: &'static str, value| (name.into(), value);
        Record {
            timestamp: self.timestamp,
            level: self.level,
            kind: self.kind,
            fields: vec![
                field("message", Value::Str(format!("{} {mixed:x} {padding}", self.number).into())),
                field("request_id", Value::Str(self.request_id().into())),
                field("number", Value::Str(self.number.to_string().into())),
                field("even", Value::Bool(self.number.is_multiple_of(2))),
            ],
        }
    }
}

/// What is promised of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// It was handed in, perhaps again: from now on it may be found.
    Issued,
    /// It was refused and undone: it must not be found.
    Refused,
    /// It was acknowledged: it must be found.
    Acked,
    /// Its days were over at a moment when the store looked: it may be gone.
    Expired,
    /// It was dropped: it must never be found again.
    Dropped,
}

#[derive(Clone, Copy, Debug, Default)]
struct Promise {
    refused: bool,
    acked: bool,
    expired: bool,
    dropped: bool,
}

/// Everything that happened to records, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    specs: BTreeMap<u64, Spec>,
    issued: BTreeSet<u64>,
    events: Vec<(u64, u64, Event)>,
    /// Records that one producer of a scenario has sent, in the order of its line numbers.
    lines: Vec<u64>,
}

/// A record as it was found, and where.
#[derive(Debug)]
pub(super) struct FoundRecord {
    pub(super) partition: PartitionId,
    pub(super) stored: StoredRecord,
}

impl Ledger {
    /// Takes up a new record.
    pub(super) fn issue(&mut self, spec: Spec, change: u64) {
        self.specs.insert(spec.number, spec);
        self.issued.insert(spec.number);
        self.note(spec.number, Event::Issued, change);
    }

    /// Notes what happened to a record, after so many changes of the disk.
    pub(super) fn note(&mut self, number: u64, event: Event, change: u64) {
        self.events.push((change, number, event));
    }

    /// Returns the records that a predicate holds for.
    pub(super) fn numbers(&self, chosen: impl Fn(&Spec) -> bool) -> Vec<u64> {
        self.specs.values().filter(|spec| chosen(spec)).map(|spec| spec.number).collect()
    }

    /// Tells whether a record was handed in at least once.
    pub(super) fn is_issued(&self, number: u64) -> bool {
        self.issued.contains(&number)
    }

    pub(super) fn spec(&self, number: u64) -> Option<&Spec> {
        self.specs.get(&number)
    }

    pub(super) fn acked_count(&self) -> u64 {
        self.events.iter().filter(|(_, _, event)| *event == Event::Acked).count() as u64
    }

    /// Returns the ledger as it stood after so many changes of a disk, for one that begins to
    /// count anew.
    pub(super) fn as_of(&self, change: u64) -> Ledger {
        let known = self.events.iter().filter(|(at, _, _)| *at <= change);
        let events: Vec<_> = known.map(|(_, number, event)| (0, *number, *event)).collect();
        let issued = events.iter().map(|(_, number, _)| *number).collect();
        Ledger { events, issued, ..self.clone() }
    }

    /// Numbers the next line of the producer.
    pub(super) fn add_line(&mut self, spec: Spec) {
        self.lines.push(spec.number);
        self.specs.insert(spec.number, spec);
    }

    /// Returns the lines of the producer, and how many of them are acknowledged.
    pub(super) fn lines(&self) -> (Vec<Spec>, usize) {
        let promises = self.promises();
        let is_acked = |number: &&u64| promises.get(number).is_some_and(|promise| promise.acked);
        let acked = self.lines.iter().take_while(is_acked).count();
        (self.lines.iter().filter_map(|number| self.spec(*number).copied()).collect(), acked)
    }

    fn promises(&self) -> BTreeMap<u64, Promise> {
        let mut promises: BTreeMap<u64, Promise> = BTreeMap::new();
        for (_, number, event) in &self.events {
            let promise = promises.entry(*number).or_default();
            match event {
                Event::Issued => {
                    promise.refused = false;
                    // What was never acknowledged may be written anew.
                    promise.dropped &= promise.acked;
                }
                Event::Refused => promise.refused = true,
                Event::Acked => promise.acked = true,
                Event::Expired => promise.expired = true,
                Event::Dropped => promise.dropped = true,
            }
        }
        promises
    }

    /// Returns the records that could have been dropped, and that are not found.
    pub(super) fn expired_and_not_among(&self, found: &[FoundRecord]) -> Vec<u64> {
        let is_found = |number: &u64| {
            let text = number.to_string();
            found.iter().any(|found| found.stored.record.get_str("number") == Some(text.as_str()))
        };
        let promises = self.promises().into_iter();
        let gone = promises.filter(|(number, promise)| promise.expired && !is_found(number));
        gone.map(|(number, _)| number).collect()
    }

    /// Compares what is found with what was promised.
    pub(super) fn check(&self, found: &[FoundRecord], tiers: &Tiers) -> Result<(), Violation> {
        let promises = self.promises();
        let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
        for record in found {
            let number = record.stored.record.get_str("number").and_then(|text| text.parse().ok());
            let known = number.and_then(|number: u64| Some((number, promises.get(&number)?)));
            let Some((number, promise)) = known.filter(|(_, promise)| !promise.refused) else {
                let detail = format!("number {number:?} in {:?}", record.partition);
                return Err(Violation::new(Invariant::FoundWasIssued, detail));
            };
            if promise.dropped {
                let detail = format!("number {number}, dropped from {:?}", record.partition);
                return Err(Violation::new(Invariant::DroppedStaysDropped, detail));
            }
            self.check_payload(number, record, tiers)?;
            let count = counts.entry(number).or_default();
            *count += 1;
            if *count > 1 {
                let detail = format!("number {number} in {:?}", record.partition);
                return Err(Violation::new(Invariant::FoundOnce, detail));
            }
        }
        for (number, promise) in &promises {
            if promise.acked && !promise.expired && !counts.contains_key(number) {
                let detail = format!("number {number} of {:?}", self.specs.get(number));
                return Err(Violation::new(Invariant::AckedIsFound, detail));
            }
        }
        Ok(())
    }

    fn check_payload(
        &self,
        number: u64,
        found: &FoundRecord,
        tiers: &Tiers,
    ) -> Result<(), Violation> {
        let differs = |what: &str| {
            Violation::new(Invariant::PayloadEqual, format!("{what} of number {number}"))
        };
        let Some(spec) = self.specs.get(&number) else { return Err(differs("existence")) };
        if spec.partition(tiers) != found.partition {
            return Err(differs("partition"));
        }
        let (mut expected, mut stored) = (spec.record(), found.stored.record.clone());
        expected.fields.sort_by(|(name, _), (other, _)| name.cmp(other));
        stored.fields.sort_by(|(name, _), (other, _)| name.cmp(other));
        if expected == stored { Ok(()) } else { Err(differs("content")) }
    }
}
