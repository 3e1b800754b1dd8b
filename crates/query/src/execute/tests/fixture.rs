//! A store with known records in hot and sealed partitions, and the engine over it.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{
    BatchWriter, HandoffSender, Level, ManualClock, PseudonymKey, Pseudonyms, Record, RecordKind,
    Redacted, RedactedBatch, Timestamp, Value, handoff,
};
use tierlog_store::{CompactScope, Durability, MaintenanceJob, Store, StoreSettings};

use crate::config::QueryConfig;
use crate::engine::Engine;
use crate::execute::Deadline;
use crate::moment::read_moment;

pub(super) const NOW: &str = "2026-11-20T12:00:00Z";

pub(super) fn moment(text: &str) -> Timestamp {
    read_moment(text, Timestamp::default()).unwrap()
}

pub(super) struct Fixture {
    pub(super) engine: Engine,
    pub(super) store: Store,
    pub(super) pseudonyms: Arc<Pseudonyms>,
    pub(super) directory: TempDir,
    sender: Option<HandoffSender>,
}

impl Fixture {
    pub(super) fn new() -> Fixture {
        Fixture::with_config(QueryConfig::default())
    }

    pub(super) fn with_config(config: QueryConfig) -> Fixture {
        let directory = tempfile::tempdir().unwrap();
        let settings = StoreSettings {
            durability: Durability::None,
            free_bytes_min: 0,
            commit_interval: Duration::from_secs(3_600),
            replay_before_ready: Duration::MAX,
            maintenance: MaintenanceJob::Rests,
            // Sealed partitions are opened anew by every search.
            reader_memory: MemoryPart::new(MemoryUse::Readers, 0),
            ..StoreSettings::standard(directory.path().to_path_buf())
        };
        let clock = Arc::new(ManualClock::at(moment(NOW)));
        let (sender, receiver) = handoff(MemoryPart::new(MemoryUse::Batches, 1 << 24));
        let store = Store::open(settings, clock.clone(), receiver).unwrap();
        let key = PseudonymKey::from_bytes(&vec![7; 32].into()).unwrap();
        let pseudonyms = Arc::new(Pseudonyms::new(vec![key], vec!["user_id".to_owned()]));
        let engine = Engine::new(store.clone(), Arc::clone(&pseudonyms), clock, config);
        Fixture { engine, store, pseudonyms, directory, sender: Some(sender) }
    }

    /// Writes records and makes them searchable, in segments of their own.
    pub(super) fn write(&self, records: &[Record<'static>]) {
        if records.is_empty() {
            return;
        }
        let mut writer = BatchWriter::default();
        records.iter().for_each(|record| writer.push(record));
        let batch = RedactedBatch::from_redacted(writer, None, Redacted::vouch());
        let verdict = self.sender.as_ref().unwrap().try_send(batch).unwrap();
        verdict.blocking_recv().unwrap().unwrap();
        self.store.flush().unwrap();
    }

    /// Seals the partitions whose day is over.
    pub(super) fn seal(&self) {
        self.store.compact(CompactScope::ClosedDays).unwrap();
    }

    pub(super) fn deadline(&self) -> Deadline {
        self.engine.deadline()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.sender = None;
        self.store.close();
    }
}

/// Returns a record with a message and further fields.
pub(super) fn record(
    timestamp: &str,
    level: Level,
    message: &str,
    fields: &[(&'static str, Value<'static>)],
) -> Record<'static> {
    let message = ("message".into(), Value::Str(message.to_owned().into()));
    let fields = fields.iter().map(|(name, value)| ((*name).into(), value.clone()));
    Record {
        timestamp: moment(timestamp),
        level,
        kind: RecordKind::Log,
        fields: std::iter::once(message).chain(fields).collect(),
    }
}

pub(super) fn text(value: &str) -> Value<'static> {
    Value::Str(value.to_owned().into())
}
