//! Damaged partitions of both lanes: the log gives back what it has, each record once, whatever
//! either lane was doing.

use super::*;
use crate::PartitionId;
use crate::backend::Vfs as _;
use crate::indexer::backlog::Work;
use crate::quarantine::entries;

/// An old day of critical records, committed, in a partition of its own.
fn with_old_day(vfs: &SimulatedVfs, age: i64, count: u64) -> (Recovered, PartitionId) {
    let mut store = open(vfs, &settings());
    let batch = log(&mut store, Level::Error, age, count);
    store.indexer.apply(&batch, Replay::No).expect("applied");
    store.indexer.commit().expect("committed");
    assert!(store.indexer.backfill_at_once(&|| true));
    let id = store.catalogue.partitions().first().expect("a partition").id();
    (store, id)
}

/// Brings both lanes to the end of the log.
fn recover_all(store: &Recovered) {
    assert!(store.indexer.recover_stalled_at_once(store.wal.next_seq(), &|| true));
    store.indexer.commit().expect("committed");
}

fn names_in_quarantine(store: &Recovered) -> Vec<String> {
    entries(&store.layout).expect("a list")
}

fn position(store: &Recovered, id: PartitionId) -> u64 {
    store.catalogue.partition(id).map_or(0, |partition| partition.position())
}

#[test]
fn an_old_day_comes_back_before_what_waited_for_it() {
    let vfs = disk();
    let (mut store, id) = with_old_day(&vfs, 9, 20);
    let more = log(&mut store, Level::Error, 9, 5);
    store.indexer.apply(&more, Replay::No).expect("applied");
    store.indexer.put_aside(id).expect("put aside");
    // Late, and lost, until the lane has gone back.
    assert_eq!(store.catalogue.lost(Tenant::DEFAULT), [id]);
    assert_eq!(store.indexer.context.progress.positions().pending_from, Some(0));
    assert!(matches!(store.indexer.backfill(), Err(StoreError::Stalled(_))));
    // The fresh lane goes on meanwhile, and the log forgets nothing.
    log_indexed(&mut store, Level::Info, 3);
    assert_eq!(store.catalogue.lost(Tenant::DEFAULT), [id]);
    recover_all(&store);
    assert_eq!((records(&store), position(&store, id)), (28, 25));
    assert_eq!(store.catalogue.lost(Tenant::DEFAULT), []);
    let names = names_in_quarantine(&store);
    assert!(names.len() == 1 && names.iter().all(|name| name.ends_with(".rebuilt")), "{names:?}");
    drop(store);
    assert_eq!(records(&open(&vfs, &settings())), 28);
}

#[test]
fn a_pass_that_gathered_records_before_the_damage_was_found_commits_none_of_them() {
    let vfs = disk();
    let (mut store, id) = with_old_day(&vfs, 9, 20);
    let more = log(&mut store, Level::Error, 9, 5);
    store.indexer.apply(&more, Replay::No).expect("applied");
    let work = store.indexer.lock().backlog().take();
    let Some(Work::Waiting(gathered)) = work else { unreachable!("five records wait") };
    store.indexer.put_aside(id).expect("put aside");
    let refused = store.indexer.index_gathered(gathered).expect_err("the lane goes back");
    assert!(matches!(refused, StoreError::Quarantined(_)), "{refused}");
    assert_eq!(position(&store, id), 0);
    recover_all(&store);
    assert_eq!((records(&store), position(&store, id)), (25, 25));
    assert_eq!(store.catalogue.lost(Tenant::DEFAULT), []);
}

#[test]
fn damage_that_a_pass_meets_is_mended_by_the_lane_alone() {
    let vfs = disk();
    let (mut store, id) = with_old_day(&vfs, 9, 20);
    let meta = store.layout.partition(id).join("meta.json");
    vfs.corrupt(&meta, |bytes| bytes.truncate(bytes.len() / 2)).expect("torn");
    let more = log(&mut store, Level::Error, 9, 5);
    store.indexer.apply(&more, Replay::No).expect("applied");
    assert!(store.indexer.backfill_at_once(&|| true));
    assert_eq!(store.indexer.context.progress.stalled(Lane::Fresh), None);
    assert_eq!((records(&store), store.catalogue.lost(Tenant::DEFAULT)), (25, Vec::new()));
}

#[test]
fn many_damaged_partitions_in_one_recovery_are_no_reason_to_give_up() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    for age in 2..12 {
        let batch = log(&mut store, Level::Error, age, 4);
        store.indexer.apply(&batch, Replay::No).expect("applied");
    }
    recover_all(&store);
    for partition in store.catalogue.partitions() {
        let meta = store.layout.partition(partition.id()).join("meta.json");
        vfs.corrupt(&meta, |bytes| bytes.truncate(7)).expect("torn");
    }
    for age in 2..12 {
        let batch = log(&mut store, Level::Error, age, 1);
        store.indexer.apply(&batch, Replay::No).expect("applied");
    }
    recover_all(&store);
    assert_eq!((records(&store), store.catalogue.lost(Tenant::DEFAULT)), (50, Vec::new()));
    assert_eq!(names_in_quarantine(&store).len(), 10);
}

#[test]
fn a_fresh_day_comes_back_and_leaves_old_days_at_rest() {
    let vfs = disk();
    let (mut store, old) = with_old_day(&vfs, 9, 20);
    log_indexed(&mut store, Level::Error, 7);
    let today = PartitionId { day: noon().day(), ..old };
    store.indexer.put_aside(today).expect("put aside");
    assert_eq!(store.indexer.context.progress.stalled(Lane::Backfill), None);
    recover_all(&store);
    assert_eq!((records(&store), store.catalogue.lost(Tenant::DEFAULT)), (27, Vec::new()));
    assert_eq!(store.catalogue.partition(old).map(|partition| partition.segment_count()), Some(1));
}

#[test]
fn what_the_log_has_forgotten_of_an_old_day_is_told() {
    let vfs = disk();
    let (store, id) = with_old_day(&vfs, 9, 20);
    drop(store);
    vfs.remove_dir_all(&Path::new(DATA).join("wal")).expect("removed");
    let mut store = open(&vfs, &settings());
    let more = log(&mut store, Level::Error, 9, 5);
    store.indexer.apply(&more, Replay::No).expect("applied");
    store.indexer.put_aside(id).expect("put aside");
    recover_all(&store);
    assert_eq!((records(&store), store.catalogue.lost(Tenant::DEFAULT)), (5, vec![id]));
    let names = names_in_quarantine(&store);
    assert!(names.iter().all(|name| !name.ends_with(".rebuilt")), "{names:?}");
}

#[test]
fn a_start_that_puts_an_old_day_aside_reads_all_of_it() {
    let vfs = disk();
    let (store, id) = with_old_day(&vfs, 9, 20);
    let meta = store.layout.partition(id).join("meta.json");
    drop(store);
    vfs.corrupt(&meta, |bytes| bytes.truncate(bytes.len() / 2)).expect("torn");
    let store = open(&vfs, &settings());
    recover_all(&store);
    assert_eq!((records(&store), store.catalogue.lost(Tenant::DEFAULT)), (20, Vec::new()));
}
