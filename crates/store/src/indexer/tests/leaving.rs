//! A writer that goes while the engine takes up its merge: what another writer has committed in
//! the meantime stays listed, and has its files.

use super::*;
use crate::maintenance::check_partitions;

/// Logs records of a partition and commits.
fn commit_five(store: &mut Recovered) {
    let batch = log(store, Level::Info, 0, 5);
    store.indexer.apply(&batch, Replay::No).expect("applied");
    store.indexer.commit().expect("committed");
}

#[test]
fn a_seal_that_ends_while_the_indexer_goes_back_takes_nothing_away() {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    commit_five(&mut store);
    commit_five(&mut store);
    let partition = store.catalogue.partitions().first().expect("a partition").id();
    let indexer = Arc::clone(&store.indexer);
    // The engine syncs the directory after it has seen that its writer is there, and before it
    // lists the merged segment.
    let held = vfs.hold_next_sync_dir();
    std::thread::scope(|scope| {
        let seal = scope.spawn(|| indexer.merge_partition(partition));
        assert!(held.await_call(), "the merge ends");
        let why = StoreError::ThreadEnded("test");
        assert!(store.indexer.recover_at_once(10, why, &|| true), "another writer is opened");
        commit_five(&mut store);
        drop(held);
        assert!(seal.join().expect("no panic").is_err(), "it was not sealed");
    });
    assert_eq!(records(&store), 15);
    commit_five(&mut store);
    drop(store);
    let store = open(&vfs, &settings());
    assert_eq!((records(&store), store.left), (20, None));
    for check in check_partitions(&store.catalogue).expect("looked at") {
        assert_eq!(check.problems, [""; 0]);
    }
}
