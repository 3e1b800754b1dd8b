//! An undamaged log: what is written is read, in order, until it is released.

use super::super::{Placement, Wal, WalCodec, WalSettings, verify};
use super::*;
use crate::backend::{Crash, DiskVfs};

fn numbered(range: std::ops::Range<u64>) -> Vec<(u64, String)> {
    range.map(|number| (number, format!("record-{number}"))).collect()
}

/// Appends batches of two records that are named by their numbers.
fn append_numbered(wal: &mut Wal, batches: u64) {
    for _ in 0..batches {
        let first = wal.next_seq();
        let batch = batch_of(&[format!("record-{first}"), format!("record-{}", first + 1)], None);
        assert_eq!(append(wal, &batch), Placement::Written { first_seq: first });
    }
}

#[test]
fn what_is_written_is_replayed_in_order_across_segments() {
    let vfs = empty_disk();
    let (mut wal, recovery) = open(&vfs);
    assert_eq!(recovery, Recovery::default());
    append_numbered(&mut wal, 20);
    assert!(segment_paths(&vfs).len() > 3);
    assert_eq!(contents(&wal), numbered(0..40));
    drop(wal);
    let (mut wal, recovery) = open(&vfs);
    assert_eq!((recovery.next_seq, recovery.record_count), (40, 40));
    assert_eq!((recovery.torn_bytes, recovery.corrupt_frames), (0, 0));
    append_numbered(&mut wal, 1);
    assert_eq!(contents(&wal), numbered(0..42));
}

#[test]
fn both_codecs_work_on_the_machines_disk() {
    for codec in [WalCodec::Raw, WalCodec::Zstd] {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let settings = WalSettings { codec, ..small_settings() };
        let open = || Wal::open(Arc::new(DiskVfs), directory.path(), settings.clone(), at(0));
        let (mut wal, _) = open().expect("opens");
        append_numbered(&mut wal, 20);
        assert!(wal.free_bytes().expect("free") > 0);
        assert!(wal.releaser().release_before(20).expect("released") > 0);
        drop(wal);
        let (wal, recovery) = open().expect("opens");
        assert_eq!(contents(&wal), numbered(recovery.first_seq..40));
        let report = verify(&DiskVfs, directory.path()).expect("verified");
        assert!(report.is_clean() && report.record_count == 40 - recovery.first_seq);
    }
}

#[test]
fn a_replay_begins_with_the_batch_that_holds_the_number() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    append_numbered(&mut wal, 20);
    for from_seq in 0..40 {
        let first = wal.replay(from_seq).next().expect("a batch").expect("readable").0;
        assert_eq!(first, from_seq / 2 * 2);
    }
    let replay = wal.replay(30);
    append_numbered(&mut wal, 5);
    assert_eq!(replay.count(), 5, "a replay ends where the log ended when it was made");
    assert!(wal.replay(50).next().is_none());
}

#[test]
fn released_segments_are_gone_and_the_active_one_stays() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    append_numbered(&mut wal, 20);
    let releaser = wal.releaser();
    assert_eq!(releaser.release_before(0).expect("released"), 0);
    let before = segment_paths(&vfs).len();
    let gone = releaser.release_before(21).expect("released");
    assert_eq!(segment_paths(&vfs).len(), before - gone);
    let first = contents(&wal).first().expect("a record").0;
    assert!((15..=21).contains(&first), "whole segments only: {first}");
    releaser.release_before(u64::MAX).expect("released");
    assert_eq!(segment_paths(&vfs).len(), 1);
    append_numbered(&mut wal, 1);
    drop(wal);
    let (wal, recovery) = open(&vfs);
    assert_eq!(wal.next_seq(), 42, "numbers go on after everything was released");
    assert!(recovery.first_seq > 21);
}

#[test]
fn numbers_that_the_indexes_know_are_not_given_out_again() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    append_numbered(&mut wal, 1);
    wal.ensure_next_seq(1, at(0)).expect("nothing to do");
    assert_eq!(wal.next_seq(), 2);
    wal.ensure_next_seq(1_000, at(0)).expect("moved");
    let batch = batch_of(&["later"], None);
    assert_eq!(append(&mut wal, &batch), Placement::Written { first_seq: 1_000 });
    assert_eq!(wal.releaser().release_before(1_000).expect("released"), 1);
    drop(wal);
    let (wal, recovery) = open(&vfs);
    assert_eq!((recovery.first_seq, recovery.next_seq), (1_000, 1_001));
    assert_eq!(contents(&wal), vec![(1_000, "later".to_owned())]);
}

#[test]
fn a_segment_without_frames_remembers_its_number() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    append_numbered(&mut wal, 1);
    wal.ensure_next_seq(1_000, at(0)).expect("moved");
    wal.releaser().release_before(1_000).expect("released");
    drop(wal);
    vfs.crash(Crash::DropUnsynced);
    assert_eq!(segment_paths(&vfs).len(), 1, "a release is durable");
    assert_eq!(open(&vfs).0.next_seq(), 1_000);
}

#[test]
fn without_syncs_only_the_last_segment_can_be_torn() {
    let settings = || WalSettings { durability: Durability::None, ..small_settings() };
    let open = |vfs: &SimulatedVfs| {
        Wal::open(Arc::new(vfs.clone()), Path::new(DATA), settings(), at(0)).expect("opens")
    };
    for seed in 0..200 {
        let vfs = empty_disk();
        let (mut wal, _) = open(&vfs);
        for number in 0..20 {
            let batch = batch_of(&[format!("record-{number}")], None);
            wal.write_group([&batch], at(0)).expect("written");
        }
        assert!(wal.has_unsynced());
        let last = segment_paths(&vfs).pop().expect("a segment");
        vfs.crash(Crash::Torn { seed });
        let (wal, _) = open(&vfs);
        let found = contents(&wal);
        let durable = found.iter().filter(|(seq, _)| *seq < first_seq_of(&last)).count();
        assert_eq!(durable as u64, first_seq_of(&last), "seed {seed}");
    }
}

fn first_seq_of(path: &Path) -> u64 {
    let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
    name.parse().expect("a number")
}

#[test]
fn an_empty_batch_takes_no_number_and_no_bytes() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    let empty = batch_of::<&str>(&[], Some("empty"));
    assert_eq!(append(&mut wal, &empty), Placement::Written { first_seq: 0 });
    assert!(!wal.has_unsynced() && wal.next_seq() == 0);
}

#[test]
fn a_group_is_one_write_one_sync_and_a_mark() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    let before = vfs.change_count();
    let batches: Vec<_> = (0..50).map(|number| batch_of(&[format!("{number}")], None)).collect();
    wal.write_group(&batches, at(0)).expect("written");
    wal.sync().expect("synced");
    wal.sync().expect("nothing left to sync");
    assert_eq!(vfs.change_count() - before, 3);
}

#[test]
fn a_check_reads_everything_and_changes_nothing() {
    let vfs = empty_disk();
    assert_eq!(verify(&vfs, Path::new(DATA)).expect("no log yet"), Default::default());
    let (mut wal, _) = open(&vfs);
    append_numbered(&mut wal, 20);
    let before = vfs.change_count();
    let report = verify(&vfs, Path::new(DATA)).expect("verified");
    assert_eq!((report.frame_count, report.record_count), (20, 40));
    assert_eq!(report.segment_count, segment_paths(&vfs).len() as u64);
    assert!(report.is_clean() && report.torn_bytes == 0);
    let first = segment_paths(&vfs).remove(0);
    vfs.corrupt(&first, |bytes| bytes[100] ^= 1).expect("corrupted");
    let report = verify(&vfs, Path::new(DATA)).expect("verified");
    assert_eq!((report.frame_count, report.corrupt_frames), (19, 1));
    let problem = report.problems.first().expect("listed");
    assert_eq!((&problem.path, problem.problem.as_str()), (&first, "checksum mismatch"));
    assert_eq!(vfs.change_count(), before);
}
