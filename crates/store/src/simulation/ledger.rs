//! The oracle: what was issued, acknowledged and dropped, kept outside the simulated disk.
//!
//! Events arrive with the number of disk changes at which they happened, so that the ledger can
//! also be asked what was promised at any earlier change. Found records arrive, violations leave.

mod leaving;
mod writes;

use std::collections::{BTreeMap, BTreeSet};

use tierlog_model::{Level, Record, RecordKind, Tenant, Tiers, Timestamp, Value};

use self::leaving::Leaving;
use self::writes::Write;
use super::invariant::{Invariant, Violation};
use crate::{Durability, PartitionId, StoredRecord};

/// Bytes of padding of the longest message: enough that a frame crosses sectors.
const PADDING_BYTES_MAX: u64 = 900;

/// The choice from which all of a record follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) number: u64,
    pub(super) tenant: Tenant,
    pub(super) level: Level,
    pub(super) timestamp: Timestamp,
    pub(super) kind: RecordKind,
}

impl Spec {
    /// Returns a log line.
    pub(super) fn log(number: u64, level: Level, timestamp: Timestamp) -> Spec {
        Spec { number, tenant: Tenant::DEFAULT, level, timestamp, kind: RecordKind::Log }
    }

    /// Returns a dead letter.
    pub(super) fn letter(number: u64, timestamp: Timestamp) -> Spec {
        let letter = Spec::log(number, Level::Warning, timestamp);
        Spec { kind: RecordKind::DeadLetter, ..letter }
    }

    /// Returns the record of a tenant.
    pub(super) fn of(self, tenant: Tenant) -> Spec {
        Spec { tenant, ..self }
    }

    pub(super) fn partition(&self, tiers: &Tiers) -> PartitionId {
        let tier = tiers.of(self.level, self.kind);
        PartitionId { tenant: self.tenant, tier, day: self.timestamp.day() }
    }

    pub(super) fn request_id(&self) -> String {
        format!("request-{}", self.number)
    }

    /// Returns the record: its payload can be told from its number.
    pub(super) fn record(&self) -> Record<'static> {
        let mixed = self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let padding = "x".repeat((mixed % PADDING_BYTES_MAX) as usize);
        let field = |name: &'static str, value| (name.into(), value);
        let mut fields = vec![
            field("message", Value::Str(format!("{} {mixed:x} {padding}", self.number).into())),
            field("request_id", Value::Str(self.request_id().into())),
            field("number", Value::Str(self.number.to_string().into())),
            field("even", Value::Bool(self.number.is_multiple_of(2))),
        ];
        if self.kind == RecordKind::DeadLetter {
            fields.push(field("reason", Value::Str("too_long".into())));
        }
        Record { timestamp: self.timestamp, level: self.level, kind: self.kind, fields }
    }
}

/// What is promised of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// It was handed in, perhaps again: from now on it may be found.
    Issued,
    /// Refused and undone: the record must not be found.
    Refused,
    /// It was written to the log, and not only known from before.
    Written,
    /// It was acknowledged: it must be found.
    Acked,
    /// Durable: the acknowledgement outlives a power cut.
    Durable,
    /// The power went before it was durable: it may be lost.
    CutOff,
    /// Its days were over at a moment when the store looked: it may be gone.
    Expired,
    /// Under deletion: the record may be gone.
    Leaving,
    /// Present after a deletion cut short: the record must be found.
    Stayed,
    /// Dropped: the record must never be found again.
    Dropped,
}

#[derive(Clone, Copy, Debug, Default)]
struct Promise {
    refused: bool,
    acked: bool,
    durable: bool,
    expired: bool,
    leaving: bool,
    dropped: bool,
    /// It may have been stored and have gone before it was handed in again.
    gone_before: bool,
}

impl Promise {
    /// Tells whether it must be found.
    fn must_be_found(self) -> bool {
        self.acked && !self.expired && !self.leaving && !self.dropped
    }
}

/// Everything that happened to records, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    specs: BTreeMap<u64, Spec>,
    issued: BTreeSet<u64>,
    events: Vec<(u64, u64, Event)>,
    leaving: Vec<Leaving>,
    /// Days dropped early, with the moment at which the drop was recorded.
    early: Vec<(u64, PartitionId)>,
    /// What was written to the log since a start was last checked, in order.
    writes: Vec<Write>,
    /// Records that dead letters become, with the numbers that the store has given the letters,
    /// by the name of the batch.
    replays: BTreeMap<String, Vec<(u64, Spec)>>,
    /// Records that one producer of a scenario has sent, in the order of its line numbers.
    lines: Vec<u64>,
}

/// A record as it was found, and where.
#[derive(Debug)]
pub(super) struct FoundRecord {
    pub(super) partition: PartitionId,
    pub(super) stored: StoredRecord,
}

/// Returns the numbers of what was found.
fn numbers_of(found: &[FoundRecord]) -> BTreeSet<u64> {
    let number = |found: &FoundRecord| found.stored.record.get_str("number")?.parse().ok();
    found.iter().filter_map(number).collect()
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

    /// Returns the chosen records that must be found after any crash; with `Fsync`, what is
    /// acknowledged is durable.
    fn standing(&self, durability: Durability, chosen: impl Fn(&Spec) -> bool) -> Vec<u64> {
        let acks_are_durable = durability == Durability::Fsync;
        let promises = self.promises().into_iter();
        let standing = promises.filter(|(_, promise)| {
            promise.must_be_found() && (acks_are_durable || promise.durable)
        });
        let numbers = standing.map(|(number, _)| number);
        numbers.filter(|number| self.spec(*number).is_some_and(&chosen)).collect()
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

    /// Returns the ledger after a number of changes of the disk, for a disk that counts anew.
    pub(super) fn as_of(&self, change: u64) -> Ledger {
        let known = self.events.iter().filter(|(at, _, _)| *at <= change);
        let events: Vec<_> = known.map(|(_, number, event)| (0, *number, *event)).collect();
        let issued = events.iter().map(|(_, number, _)| *number).collect();
        let leaving = self.leaving.iter().filter_map(|group| group.as_of(change)).collect();
        let writes = self.writes.iter().filter_map(|write| write.as_of(change)).collect();
        let early = self.early.iter().filter(|(at, _)| *at <= change).map(|(_, id)| (0, *id));
        let early = early.collect();
        Ledger { events, issued, leaving, early, writes, ..self.clone() }
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

    /// Takes up what a start has found of what was cut short.
    pub(super) fn settle(&mut self, found: &[FoundRecord], change: u64) {
        self.settle_leaving(&numbers_of(found), change);
        self.settle_writes(&numbers_of(found), change);
    }

    /// Remembers what dead letters become, by the name of the batch.
    pub(super) fn add_replay(&mut self, name: &str, records: Vec<(u64, Spec)>) {
        self.replays.insert(name.to_owned(), records);
    }

    /// Returns what the dead letters of a batch become.
    pub(super) fn replay(&self, name: &str) -> Vec<(u64, Spec)> {
        self.replays.get(name).cloned().unwrap_or_default()
    }

    fn promises(&self) -> BTreeMap<u64, Promise> {
        let mut promises: BTreeMap<u64, Promise> = BTreeMap::new();
        for (_, number, event) in &self.events {
            let promise = promises.entry(*number).or_default();
            match event {
                Event::Issued => {
                    promise.refused = false;
                    // What is not acknowledged may be written anew, or be known and gone.
                    if !promise.acked {
                        promise.gone_before |= promise.dropped || promise.leaving;
                        (promise.dropped, promise.leaving) = (false, false);
                    }
                }
                Event::Written => promise.gone_before = false,
                Event::Refused => promise.refused = true,
                Event::Acked => {
                    promise.acked = true;
                    promise.expired |= promise.gone_before;
                }
                Event::Durable => promise.durable = true,
                Event::CutOff => {
                    promise.acked = false;
                    // The answer to a retry may be "duplicate", or a second write.
                    promise.expired |= promise.dropped;
                }
                Event::Expired => promise.expired = true,
                Event::Leaving => promise.leaving = true,
                Event::Stayed => promise.leaving = false,
                Event::Dropped => promise.dropped = true,
            }
        }
        promises
    }

    /// Returns the records that could have been dropped, and that are not found.
    pub(super) fn expired_and_not_among(&self, found: &[FoundRecord]) -> Vec<u64> {
        let there = numbers_of(found);
        let is_found = |number: &u64| there.contains(number);
        let promises = self.promises().into_iter();
        let gone = promises.filter(|(number, promise)| promise.expired && !is_found(number));
        gone.map(|(number, _)| number).collect()
    }

    /// Compares the found records with the promised records.
    pub(super) fn check(&self, found: &[FoundRecord], tiers: &Tiers) -> Result<(), Violation> {
        self.check_but(found, tiers, &|_| false)
    }

    /// As [`Ledger::check`], but for records of which is told that they may be missing, or back.
    pub(super) fn check_but(
        &self,
        found: &[FoundRecord],
        tiers: &Tiers,
        excused: &dyn Fn(&Spec) -> bool,
    ) -> Result<(), Violation> {
        let is_excused = |number: u64| self.spec(number).is_some_and(excused);
        let promises = self.promises();
        let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
        for record in found {
            let number = record.stored.record.get_str("number").and_then(|text| text.parse().ok());
            let known = number.and_then(|number: u64| Some((number, promises.get(&number)?)));
            let Some((number, promise)) = known.filter(|(_, promise)| !promise.refused) else {
                let detail = format!("number {number:?} in {:?}", record.partition);
                return Err(Violation::new(Invariant::FoundWasIssued, detail));
            };
            if promise.dropped && !is_excused(number) {
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
            let is_missing = promise.must_be_found() && !counts.contains_key(number);
            if is_missing && !is_excused(*number) {
                let detail = format!("number {number} of {:?}", self.specs.get(number));
                return Err(Violation::new(Invariant::AckedIsFound, detail));
            }
        }
        let mut there = numbers_of(found);
        there.extend(self.numbers(|spec| excused(spec)));
        self.check_leaving(&there)?;
        self.check_writes(&there)
    }

    /// Refuses a record that is not as it was written.
    pub(super) fn check_payloads(
        &self,
        found: &[FoundRecord],
        tiers: &Tiers,
    ) -> Result<(), Violation> {
        found.iter().try_for_each(|record| {
            let number = record.stored.record.get_str("number").and_then(|text| text.parse().ok());
            self.check_payload(number.unwrap_or(u64::MAX), record, tiers)
        })
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
        // What it is, its partition says.
        expected.kind = stored.kind;
        expected.fields.sort_by(|(name, _), (other, _)| name.cmp(other));
        stored.fields.sort_by(|(name, _), (other, _)| name.cmp(other));
        if expected == stored { Ok(()) } else { Err(differs("content")) }
    }
}
