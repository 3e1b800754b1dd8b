//! Records of old days beside fresh ones: neither lane waits for the other, and each record is
//! indexed once, whatever happens in between.

use std::collections::BTreeSet;

use tierlog_model::Day;
use tierlog_model::metric_names::{DROPPED_UNINDEXED, INDEXED};

use super::counted::Counted;
use super::*;
use crate::PartitionId;
use crate::backend::{Crash, FaultError, Operation};
use crate::indexer::Pass;
use crate::indexer::backfill::SupervisedBackfill;

/// Days of a backfill in these tests: as many partitions.
const DAYS: i64 = 40;

/// Logs and applies records of many old days and of today, in one batch for each day.
fn apply_days(store: &mut Recovered, per_day: u64) {
    for age in (0..DAYS).rev() {
        let batch = log(store, Level::Error, age, per_day);
        store.indexer.apply(&batch, Replay::No).expect("applied");
    }
}

fn days(store: &Recovered) -> BTreeSet<Day> {
    store.catalogue.partitions().iter().map(|partition| partition.id().day).collect()
}

fn whole_below(store: &Recovered) -> u64 {
    store.indexer.context.progress.positions().whole_below()
}

#[test]
fn a_commit_of_fresh_records_opens_no_old_day() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    apply_days(&mut store, 3);
    let until = store.wal.next_seq();
    store.indexer.commit().expect("committed");
    // Today and yesterday are searchable; nothing else was touched, and the log keeps the rest.
    assert_eq!((records(&store), days(&store).len()), (6, 2));
    assert_eq!((whole_below(&store), store.wal.replay(0).count()), (0, DAYS as usize));
    assert_eq!(store.indexer.backfill().expect("a pass"), Pass::Done);
    assert_eq!((records(&store), days(&store).len()), (3 * DAYS as u64, DAYS as usize));
    assert_eq!((whole_below(&store), store.indexer.is_backfilling()), (until, false));
    assert_eq!(store.indexer.backfill().expect("no work"), Pass::Idle);
    // A pass commits each partition once, however many batches brought records.
    apply_days(&mut store, 1);
    apply_days(&mut store, 1);
    store.indexer.commit().expect("committed");
    assert_eq!(store.indexer.backfill().expect("a pass"), Pass::Done);
    assert_eq!(segments(&store), vec![2; DAYS as usize]);
}

#[test]
fn what_does_not_fit_into_memory_is_read_from_the_log_in_bounded_passes() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    store.indexer.lock().backlog().set_bytes_max(20_000);
    apply_days(&mut store, 20);
    store.indexer.commit().expect("committed");
    let (mut passes, mut total) = (0, DAYS as u64 * 20);
    while store.indexer.backfill().expect("a pass") == Pass::Done {
        passes += 1;
        // The log forgets only what both lanes have.
        let missing = total - records(&store);
        assert!(missing == 0 || store.indexer.is_backfilling(), "{missing} missing");
        // More comes in the middle, and is behind what came before.
        if passes == 2 {
            apply_days(&mut store, 1);
            store.indexer.commit().expect("committed");
            total += DAYS as u64;
        }
        assert!(passes < 200, "it goes on");
    }
    assert!(passes > 2, "{passes} passes");
    assert_eq!(records(&store), total);
    drop(store);
    assert_eq!(records(&open(&vfs, &settings())), total);
}

#[test]
fn lines_in_random_order_open_each_day_once_a_window_of_the_log() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    store.indexer.lock().backlog().set_bytes_max(20_000);
    for _ in 0..20 {
        apply_days(&mut store, 1);
    }
    store.indexer.commit().expect("committed");
    while store.indexer.backfill().expect("a pass") == Pass::Done {}
    assert_eq!(records(&store), DAYS as u64 * 20);
    // Two windows, each of which holds sixteen times as much as may be in memory.
    assert_eq!(segments(&store).into_iter().max(), Some(2));
}

#[test]
fn a_cut_in_the_middle_of_a_backfill_loses_and_doubles_nothing() {
    for crash in [Crash::ProcessOnly, Crash::DropUnsynced, Crash::Torn { seed: 7 }] {
        for changes in [5_u64, 60, 400, 1_500] {
            let vfs = disk();
            let mut store = open(&vfs, &settings());
            apply_days(&mut store, 2);
            store.indexer.commit().expect("committed");
            vfs.halt_after(changes);
            let _ = guarded(|| store.indexer.backfill());
            drop(store);
            vfs.crash(crash);
            let store = open(&vfs, &settings());
            let what = format!("{crash:?} after {changes}");
            assert_eq!((records(&store), days(&store).len()), (2 * DAYS as u64, 40), "{what}");
            assert_eq!(store.catalogue.lost(Tenant::DEFAULT), [], "{what}");
        }
    }
}

#[test]
fn a_pass_that_fails_at_any_call_is_made_up_for_once() {
    for operation in [Operation::Create, Operation::SyncData, Operation::Rename, Operation::Write] {
        for successes in [0, 1, 7, 23] {
            let counted = Counted::new(INDEXED);
            let what = format!("{operation:?} after {successes}");
            metrics::with_local_recorder(&counted, || {
                let vfs = disk();
                let mut store = open(&vfs, &settings());
                for age in [9, 8, 9] {
                    let batch = log(&mut store, Level::Error, age, 5);
                    store.indexer.apply(&batch, Replay::No).expect("applied");
                }
                vfs.fail_after(operation, successes, FaultError::Io);
                assert!(store.indexer.backfill_at_once(&|| true), "{what}");
                vfs.clear_faults();
                assert!(store.indexer.backfill_at_once(&|| true), "{what}");
                assert_eq!((records(&store), store.indexer.is_backfilling()), (15, false));
                drop(store);
                assert_eq!(records(&open(&vfs, &settings())), 15, "{what}, after a start");
            });
            assert_eq!(counted.get(), 15, "{what}");
        }
    }
}

#[test]
fn a_failure_of_one_lane_leaves_the_other_at_work() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    let old = log(&mut store, Level::Error, 9, 5);
    store.indexer.apply(&old, Replay::No).expect("applied");
    vfs.fail_after(Operation::SyncData, 0, FaultError::Io);
    store.indexer.backfill().expect_err("a failed sync");
    vfs.clear_faults();
    assert!(matches!(store.indexer.backfill(), Err(StoreError::Stalled(_))));
    log_indexed(&mut store, Level::Error, 3);
    // The catalogue may know the old day's empty partition.
    assert_eq!(records(&store), 3);
    // And the other way round: the fresh lane has to go back, the old day is indexed.
    let fresh = log(&mut store, Level::Error, 0, 2);
    store.indexer.apply(&fresh, Replay::No).expect("applied");
    vfs.fail_after(Operation::SyncData, 0, FaultError::Io);
    store.indexer.commit().expect_err("a failed sync");
    vfs.clear_faults();
    let sink = SupervisedBackfill::new(&store.indexer);
    assert_eq!(recover(&sink, 10, &Failure::Broken("test".to_owned())), Ok(()));
    assert_eq!(records(&store), 8);
    assert!(store.indexer.recover_at_once(10, StoreError::ThreadEnded("test"), &|| true));
    assert_eq!(records(&store), 10);
}

#[test]
fn a_day_that_goes_while_records_of_it_wait_takes_them_along_and_counts_them() {
    let gone = Counted::new(DROPPED_UNINDEXED);
    metrics::with_local_recorder(&gone, || {
        let vfs = disk();
        let mut store = open(&vfs, &settings());
        let batch = log(&mut store, Level::Error, 9, 5);
        store.indexer.apply(&batch, Replay::No).expect("applied");
        assert!(store.indexer.backfill_at_once(&|| true));
        let id = store.catalogue.partitions().first().expect("a partition").id();
        let late = log(&mut store, Level::Error, 9, 3);
        store.indexer.apply(&late, Replay::No).expect("applied");
        store.indexer.drop_partition(id).expect("dropped");
        let after = log(&mut store, Level::Error, 9, 2);
        store.indexer.apply(&after, Replay::No).expect("applied");
        assert!(store.indexer.backfill_at_once(&|| true));
        assert_eq!(records(&store), 2);
        drop(store);
        assert_eq!(records(&open(&vfs, &settings())), 2);
    });
    assert_eq!(gone.get(), 3);
}

#[test]
fn a_day_that_becomes_old_is_handed_over_with_all_it_has() {
    let vfs = disk();
    let clock = ManualClock::at(noon());
    let layout = Layout::new(Arc::new(vfs.clone()), PathBuf::from(DATA), settings().tiers);
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    // Believed at once.
    let settings = StoreSettings { clock_jump_max: Duration::MAX, ..settings() };
    let mut store = recovery::recover(layout, &settings, shared).expect("a store");
    let count = |store: &mut Recovered, age: i64| {
        let batch = log(store, Level::Error, age, 2);
        store.indexer.apply(&batch, Replay::No).expect("applied");
    };
    // Yesterday is fresh. Two days later the day is old; the records of the open writer are
    // committed first.
    count(&mut store, 1);
    clock.set(noon().saturating_add_micros(2 * DAY_MICROS));
    count(&mut store, 1);
    assert!(!store.indexer.is_backfilling(), "the lanes move at a commit");
    store.indexer.commit().expect("committed");
    count(&mut store, 1);
    assert!(store.indexer.is_backfilling());
    // Set back, the day stays old as long as records of it wait: they come in order.
    clock.set(noon());
    store.indexer.commit().expect("committed");
    count(&mut store, 1);
    assert_eq!(records(&store), 4);
    assert!(store.indexer.backfill_at_once(&|| true));
    store.indexer.commit().expect("committed");
    count(&mut store, 1);
    assert!(!store.indexer.is_backfilling(), "nothing waits: the day is fresh again");
    store.indexer.commit().expect("committed");
    assert_eq!(records(&store), 10);
    drop(store);
    assert_eq!(records(&open(&vfs, &settings)), 10);
}

#[test]
fn late_records_reach_a_day_that_is_being_sealed() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    let backfill = |store: &mut Recovered| {
        let batch = log(store, Level::Error, 9, 5);
        store.indexer.apply(&batch, Replay::No).expect("applied");
        assert!(store.indexer.backfill_at_once(&|| true));
    };
    backfill(&mut store);
    backfill(&mut store);
    let id: PartitionId = store.catalogue.partitions().first().expect("a partition").id();
    let merge = store.indexer.change_partition(id, |state| state.start_seal(id)).expect("begun");
    backfill(&mut store);
    assert_eq!(records(&store), 15);
    drop(merge);
    store.indexer.change_partition(id, |state| state.finish_seal(id)).expect("ended");
    backfill(&mut store);
    assert_eq!(records(&store), 20);
    drop(store);
    assert_eq!(records(&open(&vfs, &settings())), 20);
}

#[test]
fn a_record_of_an_old_day_that_cannot_be_indexed_becomes_a_letter_of_today() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    // Today's letters are further than the record's number.
    let old = log(&mut store, Level::Error, 9, 3);
    store.indexer.apply(&old, Replay::No).expect("applied");
    log_indexed(&mut store, Level::Error, 4);
    let sink = SupervisedBackfill::new(&store.indexer);
    assert_eq!(sink.rewind().expect("gone back"), 0);
    sink.apply(&old, 0..1).expect("gathered");
    sink.commit().expect("committed");
    sink.set_aside(&old, 1).expect("set aside");
    sink.commit().expect("committed");
    assert_eq!(whole_below(&store), 2);
    sink.apply(&old, 2..3).expect("gathered");
    sink.commit().expect("committed");
    assert_eq!((records(&store), whole_below(&store)), (7, 3));
    assert!(store.indexer.backfill_at_once(&|| true), "the rest of the log has none");
    assert_eq!((records(&store), whole_below(&store)), (7, 7));
    drop(store);
    assert_eq!(records(&open(&vfs, &settings())), 7);
}
