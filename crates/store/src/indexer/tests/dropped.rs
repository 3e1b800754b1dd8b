//! A partition goes while records of the day are on their way: the records go as well, counted.

use tierlog_model::metric_names::{DROPPED_UNINDEXED, INDEXED};

use super::counted::Counted;
use super::*;
use crate::PartitionId;
use crate::backend::{FaultError, Operation};

/// Indexes five records of a day, then has three more on their way when the day goes, then takes
/// two; `meanwhile` happens before the day goes, `afterwards` before the last two come.
fn check(
    meanwhile: impl Fn(&SimulatedVfs, &Recovered) -> Option<StoreError>,
    afterwards: impl Fn(&SimulatedVfs, &Recovered, StoreError),
) {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    log_indexed(&mut store, Level::Debug, 5);
    let late = log(&mut store, Level::Debug, 0, 3);
    store.indexer.apply(&late, Replay::No).expect("applied");
    let error = meanwhile(&vfs, &store);
    let ids: Vec<PartitionId> = store.catalogue.partitions().iter().map(|one| one.id()).collect();
    for id in ids {
        store.indexer.drop_partition(id).expect("dropped");
    }
    if let Some(error) = error {
        afterwards(&vfs, &store, error);
    }
    log_indexed(&mut store, Level::Debug, 2);
    assert_eq!(records(&store), 2);
}

/// Returns what was counted as indexed, and as gone before.
fn counted(
    meanwhile: impl Fn(&SimulatedVfs, &Recovered) -> Option<StoreError>,
    afterwards: impl Fn(&SimulatedVfs, &Recovered, StoreError),
) -> (u64, u64) {
    let (indexed, gone) = (Counted::new(INDEXED), Counted::new(DROPPED_UNINDEXED));
    for counted in [&indexed, &gone] {
        metrics::with_local_recorder(counted, || check(&meanwhile, &afterwards));
    }
    (indexed.get(), gone.get())
}

#[test]
fn what_goes_with_its_partition_is_counted() {
    assert_eq!(counted(|_, _| None, |_, _, _| {}), (7, 3));
}

#[test]
fn what_goes_while_it_is_to_be_read_again_is_counted_once() {
    let fail = |vfs: &SimulatedVfs, store: &Recovered| {
        vfs.fail_after(Operation::SyncData, 0, FaultError::Io);
        let error = store.indexer.commit().expect_err("a failed sync");
        vfs.clear_faults();
        Some(error)
    };
    let recover = |_: &SimulatedVfs, store: &Recovered, error: StoreError| {
        assert!(store.indexer.recover_at_once(8, error, &|| true));
        let again = StoreError::Stalled("once more".to_owned());
        assert!(store.indexer.recover_at_once(8, again, &|| true));
    };
    assert_eq!(counted(fail, recover), (7, 3));
}

#[test]
fn a_day_that_went_does_not_come_back_from_the_log_after_later_commits() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    log_indexed(&mut store, Level::Debug, 5);
    let day = store.catalogue.partitions().first().expect("a partition").id();
    store.indexer.drop_partition(day).expect("dropped");
    log_indexed(&mut store, Level::Info, 2);
    assert_eq!(store.wal.replay(0).count(), 2, "the log still has all of it");
    drop(store);
    let store = open(&vfs, &settings());
    assert!(store.catalogue.partition(day).is_none());
    assert_eq!(records(&store), 2);
}
