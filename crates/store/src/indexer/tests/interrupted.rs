//! A commit that fails at any call of the disk, and a recovery that fails in its turn: everything
//! is indexed once, and counted once.

use super::counted::Counted;
use super::*;
use crate::backend::{FaultError, Operation};

/// Indexes two batches with a writer for one partition, so that each closes the other's, on a
/// disk of which a call fails, and another in the recovery, which is not the first one. Returns
/// whether the first call did.
fn check(operation: Operation, successes: u64, then: Operation) -> bool {
    let what = format!("{operation:?} after {successes}, then {then:?}");
    let vfs = disk();
    let settings = StoreSettings { open_writers_max: 1, commit_threads_max: 1, ..settings() };
    let mut store = open(&vfs, &settings);
    // The catalogue knows the earlier state of a partition, and so does a recovery.
    let earlier = log(&mut store, Level::Info, 0, 5);
    store.indexer.apply(&earlier, Replay::No).expect("applied");
    let why = StoreError::Stalled("test".to_owned());
    assert!(store.indexer.recover_at_once(5, why, &|| true), "{what}");
    let first = log(&mut store, Level::Info, 0, 5);
    let second = log(&mut store, Level::Error, 0, 5);
    vfs.fail_after(operation, successes, FaultError::Io);
    let indexer = &store.indexer;
    let mut failed = false;
    let steps: [&dyn Fn() -> Result<(), StoreError>; 3] =
        [&|| indexer.apply(&first, Replay::No), &|| indexer.apply(&second, Replay::No), &|| {
            indexer.commit()
        }];
    let mut until = 0;
    for (step, taken) in steps.into_iter().zip([10, 15, 15]) {
        until = taken;
        if let Err(error) = step() {
            failed = true;
            vfs.clear_faults();
            vfs.fail_after(then, 0, FaultError::Io);
            assert!(indexer.recover_at_once(until, error, &|| true), "{what}");
        }
    }
    vfs.clear_faults();
    assert_eq!((records(&store), until), (15, 15), "{what}");
    assert_eq!(store.catalogue.lost(Tenant::DEFAULT), [], "{what}");
    drop(store);
    assert_eq!(records(&open(&vfs, &settings)), 15, "{what}, after a start");
    failed
}

#[test]
fn what_fails_in_the_middle_of_a_commit_is_indexed_once_and_counted_once() {
    use Operation::{Create, Inspect, Read, Rename, SyncData, SyncDir, Write};
    for operation in [Create, Write, SyncData, Rename, SyncDir, Read] {
        for then in [Read, Inspect, SyncDir] {
            for successes in 0.. {
                let counted = Counted::new(tierlog_model::metric_names::INDEXED);
                let failed =
                    metrics::with_local_recorder(&counted, || check(operation, successes, then));
                if !failed {
                    break;
                }
                assert_eq!(counted.get(), 15, "{operation:?} after {successes}, then {then:?}");
            }
        }
    }
}
