//! Failing disks: only durable batches are acknowledged.

use super::super::{Placement, WalError};
use super::*;
use crate::backend::{Crash, FaultError, Operation};

#[test]
fn a_failed_sync_poisons_for_ever() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    append(&mut wal, &batch_of(&["acked"], None));
    let refused = batch_of(&["refused"], Some("retry-1"));
    wal.write_group([&refused], at(0)).expect("written");
    vfs.fail_after(Operation::SyncData, 0, FaultError::Io);
    assert!(matches!(wal.sync(), Err(WalError::Io { operation: "sync", .. })));
    // The disk works again, and would claim that the second sync worked.
    assert!(matches!(wal.sync(), Err(WalError::Poisoned { .. })));
    assert!(matches!(wal.write_group([&refused], at(0)), Err(WalError::Poisoned { .. })));
    assert!(wal.poisoned().is_some_and(|reason| reason.starts_with("sync /data/wal/")));
    drop(wal);

    // The next process must not take the refused batch from the page cache for durable.
    vfs.crash(Crash::ProcessOnly);
    let (mut wal, _) = open(&vfs);
    assert_eq!(append(&mut wal, &refused), Placement::Written { first_seq: 1 });
    drop(wal);
    vfs.crash(Crash::DropUnsynced);
    let (wal, _) = open(&vfs);
    assert_eq!(contents(&wal), vec![(0, "acked".to_owned()), (1, "refused".to_owned())]);
}

#[test]
fn a_failed_write_poisons() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    vfs.fail_after(Operation::Write, 0, FaultError::Io);
    let batch = batch_of(&["refused"], None);
    assert!(matches!(wal.write_group([&batch], at(0)), Err(WalError::Io { .. })));
    assert!(matches!(wal.write_group([&batch], at(0)), Err(WalError::Poisoned { .. })));
}

/// Below `fsync`, written bytes were acknowledged: the kernel writes them back unless the file is
/// cut.
#[test]
fn a_failed_write_leaves_what_was_acknowledged_without_a_sync() {
    let vfs = empty_disk();
    let settings = WalSettings { durability: Durability::None, ..small_settings() };
    let opened = Wal::open(Arc::new(vfs.clone()), Path::new(DATA), settings, at(0));
    let (mut wal, _) = opened.expect("opens");
    wal.write_group([&batch_of(&["acked"], None)], at(0)).expect("written");
    vfs.fail_after(Operation::Write, 0, FaultError::Io);
    let batch = batch_of(&["refused"], None);
    assert!(matches!(wal.write_group([&batch], at(0)), Err(WalError::Io { .. })));
    assert!(wal.poisoned().is_some());
    drop(wal);
    vfs.crash(Crash::ProcessOnly);
    assert_eq!(contents(&open(&vfs).0).first(), Some(&(0, "acked".to_owned())));
}

#[test]
fn a_full_disk_refuses_and_recovers_by_itself() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    append(&mut wal, &batch_of(&["before"], None));
    let used = vfs.file_len(&segment_paths(&vfs)[0]).expect("len");
    let refused = batch_of(&["refused"], Some("retry-1"));
    for room in 0..40 {
        vfs.set_capacity(used + room);
        let result = wal.write_group([&refused], at(0));
        assert!(matches!(result, Err(WalError::DiskFull { .. })), "room for {room} bytes");
        assert!(!wal.has_unsynced());
        assert_eq!(vfs.file_len(&segment_paths(&vfs)[0]).expect("len"), used, "undone");
    }
    vfs.set_capacity(1 << 30);
    assert_eq!(append(&mut wal, &refused), Placement::Written { first_seq: 1 });
    vfs.crash(Crash::DropUnsynced);
    let (wal, recovery) = open(&vfs);
    assert_eq!(contents(&wal).len(), 2);
    assert_eq!((recovery.torn_bytes, recovery.corrupt_frames), (0, 0));
}

#[test]
fn undoing_a_write_makes_durable_what_came_before_it() {
    let vfs = empty_disk();
    let settings = WalSettings { durability: Durability::None, ..small_settings() };
    let opened = Wal::open(Arc::new(vfs.clone()), Path::new(DATA), settings, at(0));
    let (mut wal, _) = opened.expect("opens");
    wal.write_group([&batch_of(&["unsynced"], None)], at(0)).expect("written");
    vfs.set_capacity(vfs.file_len(&segment_paths(&vfs)[0]).expect("len"));
    let result = wal.write_group([&batch_of(&["refused"], None)], at(0));
    assert!(matches!(result, Err(WalError::DiskFull { .. })));
    assert!(!wal.has_unsynced());
    drop(wal);
    vfs.crash(Crash::DropUnsynced);
    assert_eq!(contents(&open(&vfs).0), vec![(0, "unsynced".to_owned())]);
}

#[test]
fn a_disk_that_is_full_while_rotating_refuses_and_recovers_by_itself() {
    for operation in [Operation::Create, Operation::Write] {
        let vfs = empty_disk();
        let (mut wal, _) = open(&vfs);
        let large = batch_of(&["x".repeat(390)], None);
        append(&mut wal, &large);
        vfs.fail_after(operation, 0, FaultError::NoSpace);
        let result = wal.write_group([&large], at(0));
        assert!(matches!(result, Err(WalError::DiskFull { .. })), "{operation:?}");
        assert_eq!(segment_paths(&vfs).len(), 1);
        assert_eq!(append(&mut wal, &large), Placement::Written { first_seq: 1 });
        assert_eq!(segment_paths(&vfs).len(), 2);
    }
}

#[test]
fn a_full_disk_that_cannot_be_undone_poisons() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    vfs.set_capacity(vfs.file_len(&segment_paths(&vfs)[0]).expect("len") + 10);
    vfs.fail_after(Operation::SetLen, 0, FaultError::Io);
    let batch = batch_of(&["refused"], None);
    assert!(matches!(wal.write_group([&batch], at(0)), Err(WalError::Io { .. })));
    assert!(wal.poisoned().is_some());
}

#[test]
fn a_failed_rotation_poisons_and_leaves_nothing_behind() {
    for (operation, successes) in
        [(Operation::SyncData, 0), (Operation::SyncDir, 0), (Operation::Write, 0)]
    {
        let vfs = empty_disk();
        let (mut wal, _) = open(&vfs);
        let large = batch_of(&["x".repeat(390)], None);
        append(&mut wal, &large);
        vfs.fail_after(operation, successes, FaultError::Io);
        assert!(matches!(wal.write_group([&large], at(0)), Err(WalError::Io { .. })));
        assert!(wal.poisoned().is_some(), "{operation:?}");
        assert_eq!(segment_paths(&vfs).len(), 1, "{operation:?}");
        drop(wal);
        vfs.crash(Crash::ProcessOnly);
        assert_eq!(contents(&open(&vfs).0).len(), 1);
    }
}

#[test]
fn a_release_that_fails_can_be_tried_again() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    for number in 0..20 {
        append(&mut wal, &batch_of(&[format!("record-{number}")], None));
    }
    let before = segment_paths(&vfs);
    vfs.fail_after(Operation::Remove, 1, FaultError::Io);
    wal.releaser().release_before(u64::MAX).expect_err("the second removal fails");
    assert_eq!(segment_paths(&vfs), before[1..], "the oldest first: no gap");
    assert_eq!(wal.releaser().release_before(u64::MAX).expect("released"), before.len() - 2);
    assert!(!contents(&wal).is_empty());
}
