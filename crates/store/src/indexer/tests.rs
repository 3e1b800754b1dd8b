//! The indexer on a simulated disk that runs full, on any machine.

mod counted;
mod deferred;
mod dropped;
mod going_back;
mod interrupted;
mod lanes;
mod leaving;
mod letters;
mod lost_log;
mod rebuilt;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tierlog_model::{
    BatchWriter, Clock, HeldBytes, Level, ManualClock, Record, RecordKind, Redacted, RedactedBatch,
    Tenant, Timestamp, Value,
};

use super::backlog::Lane;
use super::failure::{Failure, guarded};
use super::phase::Event;
use super::sink::SupervisedIndexer;
use super::supervise::{Lost, Sink as _, follow, recover};
use super::{Left, LeftBy, Replay, UNCOMMITTED_BYTES_MAX, spawn};
use crate::backend::{SimulatedVfs, Vfs as _};
use crate::layout::Layout;
use crate::maintenance::{Maintenance, look_lasting};
use crate::recovery::{self, Recovered};
use crate::wal::{LoggedBatch, WriteState};
use crate::{MaintenanceJob, StoreError, StoreSettings};

const DATA: &str = "/data";
const DAY_MICROS: i64 = 86_400_000_000;

fn noon() -> Timestamp {
    let day: tierlog_model::Day = "2026-11-20".parse().expect("a day");
    day.start().saturating_add_micros(DAY_MICROS / 2)
}

fn settings() -> StoreSettings {
    StoreSettings {
        writer_memory_bytes: 15 << 20,
        // Metrics are counted for this thread.
        commit_threads_max: 1,
        free_bytes_min: 0,
        free_bytes_low: 0,
        replay_before_ready: Duration::MAX,
        maintenance: MaintenanceJob::Rests,
        ..StoreSettings::standard(PathBuf::from(DATA))
    }
}

/// Writers that write a segment for a commit only.
fn ample() -> StoreSettings {
    StoreSettings { writer_memory_bytes: 512 << 20, ..settings() }
}

fn open(vfs: &SimulatedVfs, settings: &StoreSettings) -> Recovered {
    let tiers = settings.tiers.clone();
    let layout = Layout::new(Arc::new(vfs.clone()), PathBuf::from(DATA), tiers);
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(noon()));
    recovery::recover(layout, settings, clock).expect("a store")
}

fn disk() -> SimulatedVfs {
    let vfs = SimulatedVfs::new();
    vfs.create_dir_all(Path::new(DATA)).expect("a directory");
    vfs.sync_dir(Path::new("/")).expect("synced");
    vfs.set_now(noon());
    vfs
}

/// Writes records of a level and a day to the log, as the WAL thread does.
fn log(store: &mut Recovered, level: Level, age_days: i64, count: u64) -> LoggedBatch {
    let texts = |number: u64| {
        (1..40).map(|part| format!("{:x} ", (number * 41 + part) * 0x9E37_79B9)).collect()
    };
    log_texts(store, level, age_days, (0..count).map(texts))
}

fn log_texts(
    store: &mut Recovered,
    level: Level,
    age_days: i64,
    texts: impl Iterator<Item = String>,
) -> LoggedBatch {
    let mut writer = BatchWriter::default();
    for text in texts {
        writer.push(&Record {
            timestamp: noon().saturating_add_micros(-age_days * DAY_MICROS),
            level,
            kind: RecordKind::Log,
            fields: vec![("message".into(), Value::Str(text.into()))],
        });
    }
    let batch = RedactedBatch::from_redacted(writer, None, Redacted::vouch());
    let first_seq = store.wal.next_seq();
    store.wal.write_group([&batch], noon()).expect("written");
    store.wal.sync().expect("synced");
    LoggedBatch { first_seq, batch, held: HeldBytes::default() }
}

/// Logs records of today, indexes them and commits.
fn log_indexed(store: &mut Recovered, level: Level, count: u64) {
    let batch = log(store, level, 0, count);
    store.indexer.apply(&batch, Replay::No).expect("applied");
    store.indexer.commit().expect("committed");
}

fn records(store: &Recovered) -> u64 {
    store.catalogue.partitions().iter().map(|partition| partition.stats().records).sum()
}

/// Logs a third of what may be uncommitted, in few records that are quick to index.
fn log_third(store: &mut Recovered) -> LoggedBatch {
    let text = "x".repeat(UNCOMMITTED_BYTES_MAX / 30);
    log_texts(store, Level::Info, 0, std::iter::repeat_n(text, 10))
}

fn segments(store: &Recovered) -> Vec<usize> {
    store.catalogue.partitions().iter().map(|partition| partition.segment_count()).collect()
}

fn used(vfs: &SimulatedVfs) -> u64 {
    let large = 1 << 39;
    vfs.set_capacity(large);
    large - vfs.free_bytes(Path::new(DATA)).expect("a figure")
}

#[test]
fn a_commit_without_room_is_made_up_for_when_there_is_some() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    log_indexed(&mut store, Level::Info, 50);
    let second = log(&mut store, Level::Info, 0, 500);
    let until = store.wal.next_seq();
    store.indexer.apply(&second, Replay::No).expect("applied");
    vfs.set_capacity(used(&vfs) + 4_096);
    let failure = guarded(|| store.indexer.commit()).expect_err("no room");
    assert!(matches!(failure, Failure::NoRoom(_)), "{failure:?}");
    // Whoever else wants a commit is told, and nothing is released for it.
    assert!(store.indexer.commit().is_err());
    assert_eq!(records(&store), 50);

    let sink = SupervisedIndexer(&store.indexer);
    std::thread::scope(|scope| {
        let recovery = scope.spawn(|| recover(&sink, until, &failure));
        while store.indexer.write_state().get() != WriteState::DiskFull {
            std::thread::yield_now();
        }
        assert!(store.indexer.flush(until).is_err(), "a flush does not wait for room");
        vfs.set_capacity(1 << 40);
        assert_eq!(recovery.join().expect("no panic"), Ok(()));
    });
    assert_eq!(store.indexer.write_state().get(), WriteState::Writable);
    assert_eq!(records(&store), 550);
    // After a start no record is twice there, and none is missing.
    drop(store);
    let store = open(&vfs, &settings());
    assert_eq!((records(&store), store.left), (550, None));
}

#[test]
fn a_writer_that_ends_in_the_middle_of_a_batch_is_noticed() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    // More than the writer's memory: it writes a segment, for which there is room in part, while
    // all chunks wait for it.
    let batch = log(&mut store, Level::Info, 0, 20_000);
    vfs.set_capacity(used(&vfs) + (2 << 20));
    let failure = guarded(|| store.indexer.apply(&batch, Replay::No)).expect_err("no room");
    assert!(matches!(failure, Failure::NoRoom(_)), "{failure:?}");
    vfs.set_capacity(1 << 40);
    let sink = SupervisedIndexer(&store.indexer);
    assert_eq!(recover(&sink, store.wal.next_seq(), &failure), Ok(()));
    assert_eq!(records(&store), 20_000);
}

#[test]
fn a_start_without_room_serves_reads_and_indexes_later() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    log_indexed(&mut store, Level::Info, 50);
    log(&mut store, Level::Info, 0, 500);
    drop(store);
    vfs.set_capacity(used(&vfs) + 4_096);
    let store = open(&vfs, &settings());
    let left = Left { from: 550, until: 550, why: LeftBy::Failure };
    assert_eq!((records(&store), store.left), (50, Some(left)));
    let sink = SupervisedIndexer(&store.indexer);
    let why = Failure::Broken("test".to_owned());
    store.indexer.stop();
    assert_eq!(recover(&sink, 550, &why), Err(Lost::Closing));
    drop(store);
    vfs.set_capacity(1 << 40);
    assert_eq!(records(&open(&vfs, &settings())), 550);
}

#[test]
fn a_start_without_time_leaves_the_log_to_the_thread() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    log_indexed(&mut store, Level::Info, 50);
    log(&mut store, Level::Info, 0, 500);
    drop(store);
    let hasty = StoreSettings { replay_before_ready: Duration::ZERO, ..settings() };
    let store = open(&vfs, &hasty);
    let left = Left { from: 0, until: 550, why: LeftBy::Time };
    assert_eq!((records(&store), store.left), (50, Some(left)));
    let sink = SupervisedIndexer(&store.indexer);
    sink.note(Event::Follows { until: left.until });
    // It is late and takes batches; a flush would wait for it.
    assert!(store.indexer.context.progress.waits(Lane::Fresh));
    assert_eq!(store.indexer.write_state().get(), WriteState::Writable);
    assert_eq!(follow(&sink, left.until), Ok(()));
    assert!(!store.indexer.context.progress.waits(Lane::Fresh));
    store.indexer.flush(left.until).expect("flushed");
    assert_eq!(records(&store), 550);
    drop(store);
    assert_eq!(records(&open(&vfs, &settings())), 550);
}

#[test]
fn what_is_uncommitted_is_bounded_in_bytes() {
    let vfs = disk();
    let settings = StoreSettings { commit_interval: Duration::from_hours(1), ..ample() };
    let mut store = open(&vfs, &settings);
    let (sender, queue) = std::sync::mpsc::sync_channel(4);
    let thread = spawn(Arc::clone(&store.indexer), queue, None);
    for _ in 0..4 {
        sender.send(log_third(&mut store)).expect("taken");
    }
    drop(sender);
    thread.expect("a thread").join().expect("no panic");
    // A commit when there was too much, and one at the end.
    assert_eq!((records(&store), segments(&store)), (40, vec![2]));
}

#[test]
fn a_replay_commits_on_the_way() {
    let vfs = disk();
    let mut store = open(&vfs, &ample());
    for _ in 0..4 {
        log_third(&mut store);
    }
    drop(store);
    let store = open(&vfs, &ample());
    assert_eq!((records(&store), segments(&store)), (40, vec![2]));
}

/// Commits so often to two partitions that each has enough segments to merge.
fn log_two_to_merge(store: &mut Recovered) {
    for _ in 0..12 {
        for level in [Level::Info, Level::Debug] {
            let batch = log(store, level, 0, 2);
            store.indexer.apply(&batch, Replay::No).expect("applied");
        }
        store.indexer.commit().expect("committed");
    }
}

#[test]
fn partitions_are_merged_one_after_another() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    log_two_to_merge(&mut store);
    // Each commit takes up a merge that has ended and starts the next.
    while segments(&store) != [1, 1] {
        assert!(segments(&store).iter().all(|count| *count == 1 || *count == 12));
        store.indexer.commit().expect("committed");
        std::thread::yield_now();
    }
    assert_eq!(records(&store), 48);
}

#[test]
fn a_partition_that_goes_during_its_merge_keeps_no_other_waiting() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    log_two_to_merge(&mut store);
    let merging = store.indexer.lock().merging().expect("a merge");
    // The merge has hardly ended at this commit.
    store.indexer.commit().expect("committed");
    store.indexer.drop_partition(merging).expect("dropped");
    while segments(&store) != [1] {
        store.indexer.commit().expect("committed");
        std::thread::yield_now();
    }
    assert_eq!(records(&store), 24);
}

#[test]
fn a_partition_that_goes_while_it_is_checked_is_not_damaged() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    log_indexed(&mut store, Level::Info, 5);
    let partition = store.catalogue.partitions().first().cloned().expect("a partition");
    let look = || look_lasting(&store.catalogue, &partition).expect("looked at");
    assert_eq!(look().expect("it is there").check.problems, [""; 0]);
    store.indexer.drop_partition(partition.id()).expect("dropped");
    assert!(look().is_none());
}

#[test]
fn a_disk_that_is_full_to_the_last_byte_still_drops_days() {
    let vfs = disk();
    let settings = StoreSettings { free_bytes_low: 1 << 20, ..settings() };
    let mut store = open(&vfs, &settings);
    for (level, age) in [(Level::Debug, 3), (Level::Debug, 0), (Level::Info, 2), (Level::Error, 9)]
    {
        let batch = log(&mut store, level, age, 400);
        store.indexer.apply(&batch, Replay::No).expect("applied");
    }
    store.indexer.commit().expect("committed");
    assert!(store.indexer.backfill_at_once(&|| true));
    let maintenance = Maintenance::new(
        settings.maintenance_settings(),
        store.layout.clone(),
        Arc::clone(&store.clock),
        Arc::clone(&store.catalogue),
        Arc::clone(&store.indexer),
    );
    // There is room: nothing goes, and the reserve is made.
    assert!(maintenance.relieve().expect("relieved").is_empty());
    let reserve = store.layout.reserve();
    assert!(vfs.exists(&reserve).expect("a look"));
    vfs.set_capacity(used(&vfs));
    let dropped = maintenance.relieve().expect("relieved");
    let names: Vec<String> =
        dropped.iter().map(|drop| format!("{} {}", drop.tier, drop.day)).collect();
    assert_eq!(names, ["debug 2026-11-17"]);
    assert!(!vfs.exists(&reserve).expect("a look"), "it was given up for the tombstone");
    assert_eq!(maintenance.early_drops().all().len(), 1);
    assert!(store.clock.report().believed_in_s < Duration::MAX.as_secs());
}
