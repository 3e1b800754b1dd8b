//! A log that was lost while the indexes were not: its numbers are not given out again, or what
//! comes next would pass for known.

use super::*;
use crate::quarantine::missing_partitions;

/// Removes the log, and starts.
fn open_without_log(vfs: &SimulatedVfs) -> Recovered {
    vfs.remove_dir_all(&Path::new(DATA).join("wal")).expect("removed");
    open(vfs, &settings())
}

/// Logs five records and starts: the start reads the log.
fn log_five_and_start(vfs: &SimulatedVfs, mut store: Recovered) -> Recovered {
    log(&mut store, Level::Info, 0, 5);
    drop(store);
    open(vfs, &settings())
}

#[test]
fn numbers_of_an_index_are_not_given_out_again() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    log_indexed(&mut store, Level::Info, 20);
    drop(store);
    let store = open_without_log(&vfs);
    assert_eq!((store.wal.next_seq(), records(&store)), (20, 20));
    assert_eq!(records(&log_five_and_start(&vfs, store)), 25);
}

#[test]
fn numbers_of_a_day_that_went_are_not_given_out_again() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    log_indexed(&mut store, Level::Info, 20);
    let partition = store.catalogue.partitions().first().expect("a partition").id();
    store.indexer.drop_partition(partition).expect("dropped");
    drop(store);
    let store = open_without_log(&vfs);
    assert_eq!((store.wal.next_seq(), records(&store)), (20, 0));
    assert_eq!(records(&log_five_and_start(&vfs, store)), 5);
}

#[test]
fn a_day_that_was_put_aside_is_missed_after_a_start_too() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    log_indexed(&mut store, Level::Info, 20);
    let partition = store.catalogue.partitions().first().expect("a partition").id();
    drop(store);
    // Otherwise the log would give all of it back.
    let store = open_without_log(&vfs);
    store.indexer.put_aside(partition).expect("put aside");
    assert_eq!(store.catalogue.lost(Tenant::DEFAULT), [partition]);
    drop(store);
    let store = open(&vfs, &settings());
    assert_eq!(store.catalogue.lost(Tenant::DEFAULT), [partition]);
    assert_eq!(missing_partitions(&store.layout, store.catalogue.tiers()).len(), 1);
}
