//! Going back to what is committed: what is not is read again, whoever asks for what meanwhile.

use tierlog_model::metric_names::REPLAY_EXPIRED;

use super::counted::Counted;
use super::*;
use crate::backend::{FaultError, Operation};

/// Five records that are committed, and five more that are not.
fn half_committed(vfs: &SimulatedVfs) -> Recovered {
    let mut store = open(vfs, &settings());
    log_indexed(&mut store, Level::Info, 5);
    let second = log(&mut store, Level::Info, 0, 5);
    store.indexer.apply(&second, Replay::No).expect("applied");
    store
}

#[test]
fn a_commit_in_between_does_not_take_for_indexed_what_is_to_be_read_again() {
    let store = half_committed(&disk());
    let sink = SupervisedIndexer(&store.indexer);
    assert_eq!(store.indexer.context.progress.positions().applied, 10);
    assert_eq!(sink.rewind().expect("gone back"), 5);
    assert_eq!(store.indexer.context.progress.positions().applied, 5);
    store.indexer.commit().expect("nothing to do");
    assert_eq!(sink.rewind().expect("gone back"), 5);
}

#[test]
fn nothing_is_committed_when_going_back_fails() {
    let vfs = disk();
    let store = half_committed(&vfs);
    let sink = SupervisedIndexer(&store.indexer);
    vfs.fail_after(Operation::SyncDir, 0, FaultError::Io);
    assert!(sink.rewind().is_err());
    vfs.clear_faults();
    assert!(matches!(store.indexer.commit(), Err(StoreError::Stalled(_))));
    assert_eq!(sink.rewind().expect("gone back"), 5);
    store.indexer.commit().expect("nothing to do");
}

#[test]
fn a_partition_that_is_damaged_meanwhile_is_put_aside_and_comes_back_from_the_log() {
    let vfs = disk();
    let store = half_committed(&vfs);
    let partition = store.catalogue.partitions().first().expect("a partition").id();
    let meta = store.layout.partition(partition).join("meta.json");
    vfs.corrupt(&meta, |bytes| bytes.truncate(bytes.len() / 2)).expect("torn");
    assert!(store.indexer.recover_at_once(10, StoreError::Stalled("test".to_owned()), &|| true));
    assert_eq!((store.catalogue.lost(Tenant::DEFAULT), records(&store)), (Vec::new(), 10));
}

#[test]
fn what_a_partition_had_when_it_was_put_aside_is_read_again() {
    let vfs = disk();
    let store = half_committed(&vfs);
    let partition = store.catalogue.partitions().first().expect("a partition").id();
    store.indexer.put_aside(partition).expect("put aside");
    assert!(matches!(store.indexer.commit(), Err(StoreError::Stalled(_))));
    assert!(store.indexer.recover_at_once(10, StoreError::Stalled("test".to_owned()), &|| true));
    assert_eq!((store.catalogue.lost(Tenant::DEFAULT), records(&store)), (Vec::new(), 10));
}

#[test]
fn who_gives_a_record_up_goes_on_behind_it() {
    let store = half_committed(&disk());
    let sink = SupervisedIndexer(&store.indexer);
    assert_eq!(sink.rewind().expect("gone back"), 5);
    sink.give_up(5);
    assert_eq!(store.indexer.context.progress.positions().applied, 6);
}

#[test]
fn what_expired_before_it_was_indexed_is_counted_and_left_out() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    log(&mut store, Level::Debug, 9, 5);
    log(&mut store, Level::Info, 9, 3);
    drop(store);
    let counted = Counted::new(REPLAY_EXPIRED);
    let store = metrics::with_local_recorder(&counted, || open(&vfs, &settings()));
    assert_eq!((records(&store), counted.get()), (3, 5));
}
