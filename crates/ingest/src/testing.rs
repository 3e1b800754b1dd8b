//! A store that is a thread: it takes batches from the hand-off, gives scripted verdicts and
//! remembers what it took.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use proptest::prelude::{Strategy, prop};
use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{
    Ack, HandoffReceiver, ManualClock, Pseudonyms, Receipt, Record, RedactedBatch, Timestamp,
    handoff,
};

use crate::{Ingest, IngestConfig, RedactionSettings, Redactor};

/// 2026-11-20T12:00:00Z.
pub(crate) fn arrival() -> Timestamp {
    Timestamp::from_micros(1_795_176_000_000_000).expect("a moment")
}

/// Room for bodies.
pub(crate) const BODIES_BYTES: u64 = 64 << 20;

/// Returns ingest whose hand-off nobody reads yet.
pub(crate) fn ingest_of(config: IngestConfig, capacity_bytes: u32) -> (Ingest, HandoffReceiver) {
    let (sender, receiver) =
        handoff(MemoryPart::new(MemoryUse::Batches, u64::from(capacity_bytes)));
    let redactor = Redactor::new(&RedactionSettings::default(), Pseudonyms::off());
    let clock = Arc::new(ManualClock::at(arrival()));
    let bodies = MemoryPart::new(MemoryUse::Bodies, BODIES_BYTES);
    (Ingest::new(config, Arc::new(redactor), sender, bodies, clock), receiver)
}

/// A running store.
pub(crate) struct FakeStore {
    thread: JoinHandle<Vec<RedactedBatch>>,
}

impl FakeStore {
    /// Starts a store that answers each batch as told.
    pub(crate) fn start(
        receiver: HandoffReceiver,
        answer: impl FnMut(&RedactedBatch) -> Ack + Send + 'static,
    ) -> FakeStore {
        FakeStore::start_counting(receiver, answer, Counters::default())
    }

    /// Starts a store whose thread counts there.
    pub(crate) fn start_counting(
        mut receiver: HandoffReceiver,
        mut answer: impl FnMut(&RedactedBatch) -> Ack + Send + 'static,
        counters: Counters,
    ) -> FakeStore {
        let serve = move || {
            let mut batches = Vec::new();
            while let Some(submission) = receiver.blocking_recv() {
                let verdict = answer(&submission.batch);
                batches.push(submission.batch);
                submission.reply.send(verdict);
            }
            batches
        };
        let serve = move || metrics::with_local_recorder(&counters, serve);
        FakeStore { thread: std::thread::spawn(serve) }
    }

    /// Returns every record that the store took, once every sender is gone.
    pub(crate) fn records(self) -> Vec<Record<'static>> {
        self.batches().iter().flat_map(records_of).collect()
    }

    /// Returns every batch that the store took, once every sender is gone.
    pub(crate) fn batches(self) -> Vec<RedactedBatch> {
        self.thread.join().expect("the store does not panic")
    }
}

/// What was counted, by metric, all labels together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters(Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>);

impl Counters {
    /// Returns one count, 0 when nothing was counted.
    pub(crate) fn of(&self, name: &str) -> u64 {
        self.cell(name).load(Ordering::Relaxed)
    }

    fn cell(&self, name: &str) -> Arc<AtomicU64> {
        Arc::clone(self.0.lock().expect("whole").entry(name.to_owned()).or_default())
    }
}

impl Recorder for Counters {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key.name()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// The verdict of a store that writes everything.
pub(crate) fn written(batch: &RedactedBatch) -> Ack {
    let producer_line = batch.lines().map(|lines| lines.last(batch.record_count()));
    Ok(Receipt { written_count: batch.record_count(), duplicate_count: 0, producer_line })
}

/// Lines of text and JSON that belong together, and lines that do not; good and bad.
pub(crate) fn mixed_line() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "{\"msg\":\"json\"}",
        "{\"a\":1}{\"a\":2}",
        "{\"user_id\":[1,2,3],\"email\":\"a@example.org\"}",
        "ERROR: refused",
        "INFO: placed",
        "  indented",
        "Traceback (most recent call last):",
        "  File \"/a.py\", line 3, in f",
        "ValueError: x",
        "prose of no format",
        "",
        "{\"log\":\"ERROR: w\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-20T09:05:10Z\"}",
        "{\"log\":\"  wrapped\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-20T09:05:10Z\"}",
        "{\"log\":\"INFO: o\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-20T09:05:10Z\"}",
        "x",
        "{\"broken\":",
    ])
    .prop_map(str::to_owned)
}

/// Returns the records of a batch.
pub(crate) fn records_of(batch: &RedactedBatch) -> Vec<Record<'static>> {
    batch
        .records()
        .map(|record| record.expect("encoded").decode().expect("decodes").into_owned())
        .collect()
}
