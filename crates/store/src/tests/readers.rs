//! What searches hold open: within the budget, the right partitions, and always what is committed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{Day, Level, ManualClock, Tenant, handoff};

use super::{DAY_MICROS, Running, noon, record, settings};
use crate::{CompactScope, PartitionState, Store};

/// A store of one sealed partition a day, the newest today, with room for so many bytes of open
/// ones.
fn days(directory: &std::path::Path, days: i64, readers_bytes_max: usize) -> Running {
    let (sender, receiver) = handoff(MemoryPart::new(MemoryUse::Batches, 16 << 20));
    let clock = ManualClock::at(noon());
    let reader_memory = MemoryPart::new(MemoryUse::Readers, readers_bytes_max as u64);
    let settings = crate::StoreSettings { reader_memory, ..settings(directory) };
    let store = Store::open(settings, Arc::new(clock.clone()), receiver).expect("opens");
    let running = Running { store, sender, clock };
    let lines: Vec<_> = (0..days)
        .map(|day| {
            let moment = noon().saturating_add_micros(-day * DAY_MICROS);
            record(&format!("d{day}"), Level::Error, moment)
        })
        .collect();
    running.write(&lines);
    running.store.compact(CompactScope::All).expect("sealed");
    running
}

/// Opens the partitions of some days as one search does, newest first.
fn search(running: &Running, wanted: impl Fn(Day) -> bool) {
    let catalogue = running.store.catalogue();
    let list = catalogue.list(Tenant::DEFAULT);
    for entry in list.iter().filter(|entry| wanted(entry.id().day)) {
        catalogue.open(&list, entry.partition()).expect("opens");
    }
}

fn open_days(running: &Running) -> Vec<Day> {
    let partitions = running.store.catalogue().partitions();
    let open = partitions.iter().filter(|partition| partition.open_since().is_some());
    open.map(|partition| partition.id().day).collect()
}

#[test]
fn open_partitions_stay_within_the_budget_and_the_newest_stay_open() {
    let directory = tempfile::tempdir().expect("directory");
    let budget = 160 << 10;
    let running = days(directory.path(), 24, budget);
    let today = noon().day();
    for _ in 0..3 {
        search(&running, |_| true);
        assert!(running.store.catalogue().open_bytes() <= budget);
        let part = &running.store.settings().reader_memory;
        assert_eq!(part.used_bytes(), running.store.catalogue().open_bytes() as u64);
        assert!(part.used_bytes() > 0);
        let open = open_days(&running);
        assert!(open.len() >= 4, "{open:?}");
        let newest: Vec<Day> = (0..4).map(|day| today.plus_days(-day)).collect();
        assert_eq!(open.get(..4), Some(newest.as_slice()), "{open:?}");
    }
    // The partition used last stays open, however old the day.
    let oldest = today.plus_days(-23);
    search(&running, |day| day == oldest);
    search(&running, |day| day == today.plus_days(-10));
    assert!(open_days(&running).contains(&oldest));
    running.close();
}

#[test]
fn without_room_nothing_stays_open() {
    let directory = tempfile::tempdir().expect("directory");
    let running = days(directory.path(), 4, 0);
    search(&running, |_| true);
    assert_eq!(open_days(&running), []);
    assert_eq!(running.store.catalogue().open_bytes(), 0);
    running.close();
}

#[test]
fn a_commit_opens_only_what_it_added() {
    let directory = tempfile::tempdir().expect("directory");
    let running = Running::open(directory.path());
    let partition = || {
        let partitions = running.store.catalogue().partitions();
        partitions.into_iter().next().expect("a partition")
    };
    running.write(&[record("a", Level::Error, noon())]);
    running.store.flush().expect("flushed");
    let first = partition().view().expect("opens");
    running.write(&[record("b", Level::Error, noon())]);
    running.store.flush().expect("flushed");
    let second = partition().view().expect("opens");
    assert_eq!((first.segments().len(), second.segments().len()), (1, 2));
    let kept = first.segments().first().expect("a segment");
    assert!(second.segments().iter().any(|segment| Arc::ptr_eq(segment, kept)));
    running.close();
}

#[test]
fn the_seal_counts_every_level_by_minute() {
    let directory = tempfile::tempdir().expect("directory");
    let running = Running::open(directory.path());
    let at = |seconds: i64| noon().saturating_add_micros(seconds * 1_000_000);
    running.write(&[
        record("a", Level::Error, at(0)),
        record("b", Level::Critical, at(59)),
        record("c", Level::Error, at(60)),
        record("d", Level::Error, at(-1)),
    ]);
    running.store.compact(CompactScope::All).expect("sealed");
    let counts = |running: &Running| {
        let list = running.store.catalogue().list(Tenant::DEFAULT);
        let entry = list.first().expect("a partition");
        let minutes = entry.partition().minute_counts(entry.facts()).expect("readable");
        minutes.map(|minutes| {
            let of = |(first, last, counts): (tierlog_model::Timestamp, _, crate::LevelCounts)| {
                assert_eq!(first.saturating_add_micros(59_999_999), last);
                let seconds = (first.as_micros() - noon().as_micros()) / 1_000_000;
                (seconds, counts.of(Level::Error), counts.of(Level::Critical))
            };
            minutes.iter().map(of).collect::<Vec<_>>()
        })
    };
    assert_eq!(counts(&running), Some(vec![(-60, 1, 0), (0, 1, 1), (60, 1, 0)]));
    assert!(running.store.verify().expect("verified").ok);

    // A late record makes the partition hot: the minute counts lack the record.
    running.write(&[record("late", Level::Error, at(5))]);
    running.store.flush().expect("flushed");
    assert_eq!(counts(&running), None);
    running.store.compact(CompactScope::All).expect("sealed");
    assert_eq!(counts(&running), Some(vec![(-60, 1, 0), (0, 2, 1), (60, 1, 0)]));
    running.close();
}

/// Lists and views are taken while records arrive and partitions are sealed: each shows every
/// record that was committed before it, and none twice.
#[test]
fn readers_see_what_is_committed_while_it_changes() {
    const ROUNDS: u32 = 12;
    let directory = tempfile::tempdir().expect("directory");
    let running = days(directory.path(), 1, 0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut before = 0;
            while !done.load(Ordering::Acquire) {
                let catalogue = running.store.catalogue();
                let list = catalogue.list(Tenant::DEFAULT);
                let entry = list.first().expect("a partition");
                let view = catalogue.open(&list, entry.partition()).expect("opens");
                let mut seen = BTreeSet::new();
                for segment in view.segments() {
                    let docs: Vec<u32> = (0..segment.reader().max_doc()).collect();
                    for stored in segment.read(&docs).expect("readable") {
                        assert!(seen.insert(stored.seq), "twice");
                    }
                }
                assert!(seen.len() as u64 >= entry.facts().stats().records.min(before));
                assert!(seen.len() as u64 >= before, "{} after {before}", seen.len());
                before = seen.len() as u64;
            }
        });
        for round in 0..ROUNDS {
            running.write(&[record(&format!("r{round}"), Level::Error, noon())]);
            running.store.flush().expect("flushed");
            if round % 3 == 2 {
                running.store.compact(CompactScope::All).expect("sealed");
            }
        }
        done.store(true, Ordering::Release);
        reader.join().expect("the reader is content");
    });
    let partitions = running.store.catalogue().partitions();
    let partition = partitions.first().expect("a partition");
    assert_eq!(partition.stats().records, u64::from(ROUNDS) + 1);
    assert_eq!(partition.state(), PartitionState::Sealed);
    running.close();
}
