//! The store as a whole, on a real file system.

mod readers;
mod tenants;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{
    BatchWriter, Clock, HandoffSender, Level, ManualClock, Record, RecordKind, Redacted,
    RedactedBatch, Timestamp, Value, handoff, id_hash,
};

use crate::{
    CompactScope, MaintenanceJob, PartitionState, Store, StoreError, StoreSettings, read_records,
};

const DAY_MICROS: i64 = 86_400_000_000;

fn noon() -> Timestamp {
    let day: tierlog_model::Day = "2026-11-20".parse().expect("a day");
    day.start().saturating_add_micros(DAY_MICROS / 2)
}

/// Commits only on demand: a test decides which records lie in the WAL alone.
fn settings(directory: &Path) -> StoreSettings {
    StoreSettings {
        commit_interval: Duration::from_secs(3600),
        replay_before_ready: Duration::MAX,
        maintenance: MaintenanceJob::Rests,
        free_bytes_min: 0,
        ..StoreSettings::standard(directory.to_owned())
    }
}

struct Running {
    store: Store,
    sender: HandoffSender,
    clock: ManualClock,
}

impl Running {
    fn open(directory: &Path) -> Running {
        let (sender, receiver) = handoff(MemoryPart::new(MemoryUse::Batches, 16 << 20));
        let clock = ManualClock::at(noon());
        let store = Store::open(settings(directory), Arc::new(clock.clone()), receiver)
            .expect("the store opens");
        Running { store, sender, clock }
    }

    /// Returns when the records are durable.
    fn write(&self, records: &[Record<'static>]) {
        let mut writer = BatchWriter::default();
        records.iter().for_each(|record| writer.push(record));
        let batch = RedactedBatch::from_redacted(writer, None, Redacted::vouch());
        let verdict = self.sender.try_send(batch).expect("there is room");
        let receipt = verdict.blocking_recv().expect("answered").expect("written");
        assert_eq!(receipt.written_count as usize, records.len());
    }

    fn close(self) {
        drop(self.sender);
        self.store.close();
    }

    fn names(&self) -> Vec<String> {
        self.store.catalogue().partitions().iter().map(|part| part.name().to_owned()).collect()
    }

    /// Every message in the store and how often it is there.
    fn messages(&self) -> BTreeMap<String, u32> {
        let mut found = BTreeMap::new();
        for partition in self.store.catalogue().partitions() {
            let view = partition.view().expect("opens");
            for segment in view.segments() {
                let docs: Vec<u32> = (0..segment.reader().max_doc()).collect();
                for stored in read_records(segment.reader(), &docs).expect("readable") {
                    let message = stored.record.get_str("message").expect("message").to_owned();
                    *found.entry(message).or_insert(0) += 1;
                }
            }
        }
        found
    }
}

fn record(message: &str, level: Level, timestamp: Timestamp) -> Record<'static> {
    Record {
        timestamp,
        level,
        kind: RecordKind::Log,
        fields: vec![
            ("message".into(), Value::Str(message.to_owned().into())),
            ("request_id".into(), Value::Str(format!("request-of-{message}").into())),
        ],
    }
}

fn one_of_each(prefix: &str, timestamp: Timestamp) -> Vec<Record<'static>> {
    Level::ALL.map(|level| record(&format!("{prefix}-{level}"), level, timestamp)).to_vec()
}

fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("listed") {
        let entry = entry.expect("entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_directory(&entry.path(), &target);
        } else if let Err(error) = std::fs::copy(entry.path(), target) {
            // The index writers make and remove lock files meanwhile; nothing commits.
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        }
    }
}

fn once(messages: &[Record<'static>]) -> BTreeMap<String, u32> {
    messages
        .iter()
        .map(|record| (record.get_str("message").expect("message").to_owned(), 1))
        .collect()
}

#[test]
fn levels_lie_in_their_tiers_and_survive_an_orderly_end() {
    let directory = tempfile::tempdir().expect("directory");
    let records = one_of_each("a", noon());
    let running = Running::open(directory.path());
    running.write(&records);
    running.store.flush().expect("flushed");
    let day = "2026-11-20";
    let tiers =
        ["critical", "warning", "info", "debug"].map(|tier| format!("default/{tier}/{day}"));
    assert_eq!(running.names(), tiers);
    assert_eq!(running.messages(), once(&records));
    running.close();

    let running = Running::open(directory.path());
    assert_eq!(running.messages(), once(&records));
    assert!(running.store.health().is_writable());
    running.close();
}

#[test]
fn what_was_acked_and_not_indexed_is_there_once_after_a_crash() {
    let directory = tempfile::tempdir().expect("directory");
    let crashed = tempfile::tempdir().expect("directory");
    let running = Running::open(directory.path());
    let indexed = one_of_each("indexed", noon());
    running.write(&indexed);
    running.store.flush().expect("flushed");
    let acked = one_of_each("acked", noon());
    running.write(&acked);
    // The files left by a crash: as they lie, none closed.
    copy_directory(directory.path(), crashed.path());
    running.close();

    let expected = once(&[indexed, acked].concat());
    for _ in 0..2 {
        let running = Running::open(crashed.path());
        assert_eq!(running.messages(), expected);
        running.close();
    }
}

#[test]
fn retention_drops_what_expired_and_nothing_brings_it_back() {
    let directory = tempfile::tempdir().expect("directory");
    let crashed = tempfile::tempdir().expect("directory");
    let running = Running::open(directory.path());
    running.write(&one_of_each("a", noon()));
    running.store.flush().expect("flushed");
    // Only in the WAL when the partition goes.
    running.write(&one_of_each("b", noon()));

    let eight_days_on = noon().saturating_add_micros(8 * DAY_MICROS);
    let plan = running.store.plan_retention(eight_days_on);
    assert_eq!(plan.iter().map(|expiry| expiry.tier.as_str()).collect::<Vec<_>>(), ["debug"]);
    let dropped = running.store.run_retention(eight_days_on).expect("run");
    assert_eq!(dropped.iter().map(|expiry| expiry.id).collect::<Vec<_>>(), [plan[0].id]);
    assert_eq!(dropped[0].records, 2);
    assert!(!running.names().iter().any(|name| name.starts_with("default/debug")));
    assert!(!directory.path().join("partitions/default/debug/2026-11-20").exists());
    copy_directory(directory.path(), crashed.path());
    running.close();

    // The clock of the next start stands where it stood: only the tombstone can hold it back.
    let running = Running::open(crashed.path());
    let messages = running.messages();
    assert!(!messages.contains_key("a-debug") && !messages.contains_key("b-debug"));
    assert_eq!(messages.len(), 8);
    running.close();
}

#[test]
fn a_sealed_partition_answers_the_same_and_takes_late_records() {
    let directory = tempfile::tempdir().expect("directory");
    let running = Running::open(directory.path());
    let mut expected = Vec::new();
    for round in 0..3 {
        let records = one_of_each(&format!("r{round}"), noon());
        running.write(&records);
        running.store.flush().expect("flushed");
        expected.extend(records);
    }
    assert!(running.store.compact(CompactScope::ClosedDays).expect("compacted").is_empty());
    running.clock.advance(DAY_MICROS);
    let sealed = running.store.compact(CompactScope::ClosedDays).expect("compacted");
    assert_eq!(sealed.len(), 4);
    for partition in running.store.catalogue().partitions() {
        assert_eq!(partition.state(), PartitionState::Sealed);
        assert_eq!(partition.segment_count(), 1);
        assert!(!partition.facts().may_contain(id_hash("request_id", "nobody")));
    }
    let info = |running: &Running| {
        let partitions = running.store.catalogue().partitions();
        partitions.into_iter().find(|part| part.name().starts_with("default/info")).expect("info")
    };
    assert!(info(&running).facts().may_contain(id_hash("request_id", "request-of-r1-info")));
    assert_eq!(running.messages(), once(&expected));
    assert!(running.store.verify().expect("verified").ok);

    let late = record("late", Level::Info, noon());
    running.write(std::slice::from_ref(&late));
    running.store.flush().expect("flushed");
    expected.push(late);
    assert_eq!(info(&running).state(), PartitionState::Hot);
    assert!(info(&running).facts().may_contain(id_hash("request_id", "request-of-late")));
    assert_eq!(running.messages(), once(&expected));
    assert_eq!(running.store.compact(CompactScope::ClosedDays).expect("compacted").len(), 1);
    assert_eq!(info(&running).state(), PartitionState::Sealed);
    assert_eq!(running.messages(), once(&expected));
    running.close();

    let running = Running::open(directory.path());
    assert_eq!(info(&running).state(), PartitionState::Sealed);
    assert_eq!(running.messages(), once(&expected));
    running.close();
}

#[test]
fn verify_names_a_file_that_changed() {
    let directory = tempfile::tempdir().expect("directory");
    let running = Running::open(directory.path());
    running.write(&one_of_each("a", noon()));
    running.store.compact(CompactScope::All).expect("compacted");
    running.close();
    let partition = directory.path().join("partitions/default/info/2026-11-20");
    let store_file = std::fs::read_dir(&partition)
        .expect("listed")
        .map(|entry| entry.expect("entry").path())
        .find(|path| path.extension().is_some_and(|extension| extension == "fast"))
        .expect("columns");
    let mut bytes = std::fs::read(&store_file).expect("read");
    if let Some(byte) = bytes.get_mut(3) {
        *byte ^= 0x40;
    }
    std::fs::write(&store_file, bytes).expect("written");

    let running = Running::open(directory.path());
    let report = running.store.verify().expect("verified");
    assert!(!report.ok);
    let damaged: Vec<&str> = report
        .partitions
        .iter()
        .filter(|check| !check.problems.is_empty())
        .map(|check| check.partition.as_str())
        .collect();
    assert_eq!(damaged, ["default/info/2026-11-20"]);
    running.close();
}

#[test]
fn one_process_at_a_time_and_a_start_without_a_hand() {
    let directory = tempfile::tempdir().expect("directory");
    let running = Running::open(directory.path());
    running.write(&one_of_each("a", noon()));
    let (_sender, receiver) = handoff(MemoryPart::new(MemoryUse::Batches, 1 << 20));
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(noon()));
    let second = Store::open(settings(directory.path()), Arc::clone(&clock), receiver);
    assert!(matches!(second, Err(StoreError::Locked(_))));
    running.close();

    // A partition that cannot be read is put aside; the rest answers.
    std::fs::write(directory.path().join("partitions/default/info/2026-11-20/meta.json"), b"{")
        .expect("written");
    // A directory that a crash left before its index was made.
    std::fs::create_dir_all(directory.path().join("partitions/default/info/2026-11-19"))
        .expect("made");
    let running = Running::open(directory.path());
    let health = running.store.health();
    assert_eq!((health.quarantined, health.quarantine.count), (Vec::new(), 1));
    assert!(directory.path().join("quarantine").read_dir().expect("listed").next().is_some());
    // The WAL still holds the records and gives the records back.
    assert_eq!(running.messages().len(), 5);
    running.close();

    std::fs::write(directory.path().join("tierlog.json"), b"{\"format\": 99}").expect("written");
    let (_sender, receiver) = handoff(MemoryPart::new(MemoryUse::Batches, 1 << 20));
    let refused = Store::open(settings(directory.path()), clock, receiver);
    assert!(matches!(refused, Err(StoreError::FormatVersion { found: 99, .. })));
}

#[test]
fn many_days_stay_within_the_open_writers() {
    let directory = tempfile::tempdir().expect("directory");
    let (sender, receiver) = handoff(MemoryPart::new(MemoryUse::Batches, 16 << 20));
    let clock = ManualClock::at(noon());
    let mut settings = settings(directory.path());
    settings.open_writers_max = 2;
    settings.reader_memory = MemoryPart::new(MemoryUse::Readers, 0);
    let store = Store::open(settings, Arc::new(clock.clone()), receiver).expect("opens");
    let running = Running { store, sender, clock };
    let mut expected = Vec::new();
    for round in 0..2 {
        let records: Vec<Record<'static>> = (0..12)
            .map(|day| {
                let moment = noon().saturating_add_micros(-day * DAY_MICROS);
                record(&format!("r{round}-d{day}"), Level::Error, moment)
            })
            .collect();
        running.write(&records);
        expected.extend(records);
    }
    running.store.flush().expect("flushed");
    assert_eq!(running.names().len(), 12);
    assert_eq!(running.messages(), once(&expected));
    running.close();
}

#[test]
fn a_seal_is_left_when_the_store_is_about_to_close_and_done_after_the_next_start() {
    let directory = tempfile::tempdir().expect("a directory");
    let running = Running::open(directory.path());
    running.write(&one_of_each("kept", noon()));
    running.store.flush().expect("flushed");
    running.store.prepare_close();
    let left = running.store.compact(CompactScope::All);
    assert!(matches!(left, Err(StoreError::Closing)), "{left:?}");
    // What is taken meanwhile is taken whole.
    running.write(&one_of_each("late", noon()));
    running.close();

    let running = Running::open(directory.path());
    assert_eq!(running.messages().len(), 2 * Level::ALL.len());
    running.store.compact(CompactScope::All).expect("sealed");
    let partitions = running.store.catalogue().partitions();
    assert!(partitions.iter().all(|partition| partition.state() == PartitionState::Sealed));
    assert!(running.messages().values().all(|count| *count == 1), "each once");
    running.close();
}
