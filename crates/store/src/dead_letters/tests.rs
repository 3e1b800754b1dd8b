//! Dead letters of a store on a real file system: found, taken away, gone for good.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{
    BatchWriter, HandoffSender, Level, ManualClock, Record, RecordKind, Redacted, RedactedBatch,
    Tenant, Timestamp, Value, handoff,
};

use super::*;
use crate::{CompactScope, MaintenanceJob, PartitionState, StoreSettings};

fn noon(days: i32) -> Timestamp {
    let day: tierlog_model::Day = "2026-11-20".parse().expect("a day");
    day.plus_days(days).start().saturating_add_micros(43_200_000_000)
}

/// Commits only on request, so that a test decides which records are in the WAL alone.
fn open(directory: &Path) -> (Store, HandoffSender) {
    let settings = StoreSettings {
        commit_interval: Duration::from_secs(3600),
        replay_before_ready: Duration::MAX,
        maintenance: MaintenanceJob::Rests,
        free_bytes_min: 0,
        ..StoreSettings::standard(directory.to_owned())
    };
    let (sender, receiver) = handoff(MemoryPart::new(MemoryUse::Batches, 16 << 20));
    let store = Store::open(settings, Arc::new(ManualClock::at(noon(1))), receiver);
    (store.expect("the store opens"), sender)
}

fn close(store: Store, sender: HandoffSender) {
    drop(sender);
    store.close();
    // Its lock goes with it.
    drop(store);
}

fn letter(text: &str, reason: &'static str, arrived: Timestamp) -> Record<'static> {
    Record {
        timestamp: arrived,
        level: Level::Warning,
        kind: RecordKind::DeadLetter,
        fields: vec![
            ("reason".into(), Value::Str(reason.into())),
            ("message".into(), Value::Str(text.to_owned().into())),
        ],
    }
}

fn write(sender: &HandoffSender, records: &[Record<'_>]) {
    let mut writer = BatchWriter::default();
    records.iter().for_each(|record| writer.push(record));
    let verdict = sender
        .try_send(RedactedBatch::from_redacted(writer, None, Redacted::vouch()))
        .expect("room");
    verdict.blocking_recv().expect("answered").expect("written");
}

/// Six letters with the numbers 0 to 5, the last three a day later, and a log line.
fn fill(sender: &HandoffSender) {
    let mut log = letter("a log line", "past_retention", noon(0));
    log.kind = RecordKind::Log;
    let letters = [
        letter("a", "invalid_json", noon(0)),
        letter("b", "past_retention", noon(0)),
        letter("c", "invalid_json", noon(0)),
        letter("d", "past_retention", noon(1)),
        letter("e", "invalid_json", noon(1)),
        letter("f", "too_long", noon(1)),
        log,
    ];
    write(sender, &letters);
}

fn of_reason(reason: &str) -> LetterSelection {
    LetterSelection { reason: Some(reason.to_owned()), ..LetterSelection::default() }
}

fn all() -> LetterSelection {
    LetterSelection::default()
}

fn texts(store: &Store, selection: &LetterSelection, limit: usize) -> Vec<String> {
    let found = store.dead_letters(selection, LetterOrder::OldestFirst, limit).expect("readable");
    let text = |letter: &StoredRecord| letter.record.get_str("message").expect("text").to_owned();
    found.letters.iter().map(text).collect()
}

#[test]
fn letters_are_selected_ordered_and_counted() {
    let directory = tempfile::tempdir().expect("a directory");
    let (store, sender) = open(directory.path());
    fill(&sender);
    assert_eq!(texts(&store, &all(), 100), ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(texts(&store, &of_reason("past_retention"), 100), ["b", "d"]);
    assert_eq!(texts(&store, &of_reason("nothing"), 100), Vec::<String>::new());
    assert_eq!(
        texts(&store, &LetterSelection::of_ids(Tenant::DEFAULT, vec![5, 0, 77]), 100),
        ["a", "f"]
    );
    let later = LetterSelection { start: Some(noon(1)), ..of_reason("invalid_json") };
    assert_eq!(texts(&store, &later, 100), ["e"]);
    let earlier = LetterSelection { end: Some(noon(1)), from: 1, ..all() };
    assert_eq!(texts(&store, &earlier, 100), ["b", "c"]);

    let newest = store.dead_letters(&all(), LetterOrder::NewestFirst, 2).expect("readable");
    let numbers: Vec<u64> = newest.letters.iter().map(|letter| letter.seq).collect();
    assert_eq!(numbers, [5, 4]);
    let counts: Vec<(&str, u64)> =
        newest.by_reason.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
    assert_eq!(counts, [("invalid_json", 3), ("past_retention", 2), ("too_long", 1)]);
    assert_eq!(newest.total(), 6);
    close(store, sender);
}

#[test]
fn what_is_dropped_is_gone_for_good_and_nothing_else() {
    let directory = tempfile::tempdir().expect("a directory");
    let (store, sender) = open(directory.path());
    fill(&sender);
    let gone = store.drop_dead_letters(&of_reason("invalid_json"), LetterEnd::Dropped);
    assert_eq!(gone.expect("dropped").get("invalid_json"), Some(&3));
    assert_eq!(texts(&store, &all(), 100), ["b", "d", "f"]);
    // Letters that arrive later are not selected, even if their content equals that of deleted
    // letters.
    write(&sender, &[letter("g", "invalid_json", noon(1))]);
    assert_eq!(texts(&store, &all(), 100), ["b", "d", "f", "g"]);
    let records: u64 = store.catalogue().partitions().iter().map(|part| part.stats().records).sum();
    assert_eq!(records, 5, "with the log line");
    close(store, sender);

    // After a restart, and after the segments were merged.
    let (store, sender) = open(directory.path());
    assert_eq!(texts(&store, &all(), 100), ["b", "d", "f", "g"]);
    store.compact(CompactScope::All).expect("sealed");
    assert_eq!(texts(&store, &all(), 100), ["b", "d", "f", "g"]);
    close(store, sender);
}

#[test]
fn only_letters_below_a_number_are_dropped_when_one_is_said() {
    let directory = tempfile::tempdir().expect("a directory");
    let (store, sender) = open(directory.path());
    fill(&sender);
    let first = LetterSelection { before: Some(2), ..all() };
    let gone = store.drop_dead_letters(&first, LetterEnd::Dropped).expect("dropped");
    assert_eq!(gone.values().sum::<u64>(), 2);
    assert_eq!(texts(&store, &all(), 100), ["c", "d", "e", "f"]);
    // An unused number does not select a letter that arrives later.
    let beyond = LetterSelection { before: Some(u64::MAX), ..of_reason("invalid_json") };
    store.drop_dead_letters(&beyond, LetterEnd::Dropped).expect("dropped");
    fill(&sender);
    assert_eq!(texts(&store, &of_reason("invalid_json"), 100), ["a", "c", "e"]);
    close(store, sender);
}

#[test]
fn letters_of_a_sealed_day_go_too_and_the_day_stays_sealed() {
    let directory = tempfile::tempdir().expect("a directory");
    let (store, sender) = open(directory.path());
    fill(&sender);
    store.compact(CompactScope::All).expect("sealed");
    // The partition is opened, so that the open reader has to be refreshed.
    assert_eq!(texts(&store, &all(), 100).len(), 6);
    let gone = store
        .drop_dead_letters(&LetterSelection::of_ids(Tenant::DEFAULT, vec![1]), LetterEnd::Replayed);
    assert_eq!(gone.expect("dropped").values().sum::<u64>(), 1);
    assert_eq!(texts(&store, &all(), 100), ["a", "c", "d", "e", "f"]);
    let states: Vec<PartitionState> =
        store.catalogue().partitions().iter().map(|part| part.state()).collect();
    assert!(states.iter().all(|state| *state == PartitionState::Sealed), "{states:?}");
    let report = store.verify().expect("verified");
    assert!(report.ok, "{report:?}");
    close(store, sender);
    let (store, sender) = open(directory.path());
    assert_eq!(texts(&store, &all(), 100), ["a", "c", "d", "e", "f"]);
    close(store, sender);
}

#[test]
fn a_day_without_letters_left_goes_with_its_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let (store, sender) = open(directory.path());
    fill(&sender);
    let first_day = LetterSelection { end: Some(noon(1)), ..all() };
    store.drop_dead_letters(&first_day, LetterEnd::Dropped).expect("dropped");
    let names = |store: &Store| -> Vec<String> {
        store.catalogue().partitions().iter().map(|part| part.name().to_owned()).collect()
    };
    assert_eq!(names(&store), ["default/dead_letter/2026-11-21", "default/warning/2026-11-20"]);
    write(&sender, &[letter("h", "invalid_json", noon(0))]);
    assert_eq!(texts(&store, &first_day, 100), ["h"]);
    close(store, sender);
    let (store, sender) = open(directory.path());
    assert_eq!(texts(&store, &all(), 100), ["d", "e", "f", "h"]);
    close(store, sender);
}

#[test]
fn a_replay_that_is_under_way_is_known_after_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let (store, sender) = open(directory.path());
    assert_eq!(store.pending_replay().expect("readable"), None);
    let pending = PendingReplay::new(Tenant::DEFAULT, "replay/1".to_owned(), noon(0), vec![1, 2]);
    store.begin_replay(&pending).expect("written");
    close(store, sender);
    let (store, sender) = open(directory.path());
    assert_eq!(store.pending_replay().expect("readable"), Some(pending));
    store.end_replay().expect("removed");
    store.end_replay().expect("twice is once");
    assert_eq!(store.pending_replay().expect("readable"), None);
    close(store, sender);
}
