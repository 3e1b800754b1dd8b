//! Batch ids: a retry is written once and acknowledged as often as it is sent.

use tierlog_model::{LinesBefore, ProducerId, ProducerLines, Tenant};

use super::super::Placement;
use super::*;
use crate::backend::Crash;

const DUPLICATE: Placement = Placement::Duplicate { record_count: 2 };

fn retry(number: usize) -> RedactedBatch {
    batch_of(&["one", "two"], Some(&format!("retry-{number}")))
}

#[test]
fn a_batch_of_a_known_id_is_not_written_again() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    assert_eq!(append(&mut wal, &retry(1)), Placement::Written { first_seq: 0 });
    assert_eq!(append(&mut wal, &retry(1)), DUPLICATE);
    assert_eq!(append(&mut wal, &retry(2)), Placement::Written { first_seq: 2 });
    assert_eq!(contents(&wal).len(), 4);
}

#[test]
fn a_retry_in_the_same_group_is_a_duplicate() {
    let (mut wal, _) = open(&empty_disk());
    let placements = wal.write_group(&[retry(1), retry(2), retry(1)], at(0)).expect("written");
    let written = |first_seq| Placement::Written { first_seq };
    assert_eq!(placements, vec![written(0), written(2), DUPLICATE]);
}

#[test]
fn ids_outlive_a_restart_and_the_segments_that_held_them() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    for number in 0..10 {
        append(&mut wal, &retry(number));
    }
    for round in 0..5 {
        for number in 0..20 {
            append(&mut wal, &batch_of(&[format!("filler-{round}-{number}")], None));
        }
        wal.releaser().release_before(wal.next_seq()).expect("released");
        assert_eq!(segment_paths(&vfs).len(), 1);
        for number in 0..10 {
            assert_eq!(append(&mut wal, &retry(number)), DUPLICATE, "in round {round}");
        }
        drop(wal);
        vfs.crash(Crash::DropUnsynced);
        let recovery;
        (wal, recovery) = open(&vfs);
        assert_eq!(recovery.batch_id_count, 10);
    }
}

#[test]
fn ids_are_forgotten_when_they_are_old() {
    let (mut wal, _) = open(&empty_disk());
    wal.write_group(&[retry(1)], at(0)).expect("written");
    let written = wal.write_group(&[retry(1)], at(3_600)).expect("written");
    assert_eq!(written, vec![DUPLICATE]);
    let written = wal.write_group(&[retry(1)], at(3_601)).expect("written");
    assert_eq!(written, vec![Placement::Written { first_seq: 2 }]);
}

/// Returns the bytes of the segment that begins with a window, at a moment.
fn window_bytes(vfs: &SimulatedVfs, wal: &mut Wal, seconds: i64) -> u64 {
    wal.ensure_next_seq(100, at(seconds)).expect("rotated");
    let newest = segment_paths(vfs).pop().expect("a segment");
    vfs.file_len(&newest).expect("len")
}

#[test]
fn what_is_old_is_not_carried_from_segment_to_segment() {
    let shop = ProducerId::of_client(Tenant::DEFAULT, "shop").expect("a name");
    let lines = ProducerLines { producer: shop, first: 1, before: LinesBefore::Durable };
    let known = [retry(1), batch_of(&["one"], None).with_lines(lines)];
    let opened = |vfs: &SimulatedVfs, seconds| {
        let shared = Arc::new(vfs.clone());
        Wal::open(shared, Path::new(DATA), small_settings(), at(seconds)).expect("opens").0
    };
    let written = || {
        let vfs = empty_disk();
        let mut wal = opened(&vfs, 0);
        wal.write_group(&known, at(0)).expect("written");
        (vfs, wal)
    };
    let fresh = empty_disk();
    let without = window_bytes(&fresh, &mut opened(&fresh, 0), 0);
    let (vfs, mut wal) = written();
    assert!(window_bytes(&vfs, &mut wal, 3_600) > without, "it is not old yet");

    // By a log that was open all the time: ids go with a group, producers with the segment.
    let (vfs, mut wal) = written();
    wal.write_group([&batch_of(&["later"], None)], at(3_601)).expect("written");
    assert_eq!(window_bytes(&vfs, &mut wal, 3_601), without);
    // By one that was opened since.
    let (vfs, wal) = written();
    drop(wal);
    assert_eq!(window_bytes(&vfs, &mut opened(&vfs, 3_601), 3_601), without);
}

#[test]
fn a_batch_without_records_is_not_written_and_its_id_is_free() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    let used = vfs.file_len(&segment_paths(&vfs)[0]).expect("len");
    let empty = batch_of(&[""; 0], Some("retry-1"));
    for _ in 0..2 {
        assert_eq!(append(&mut wal, &empty), Placement::Written { first_seq: 0 });
    }
    assert_eq!(vfs.file_len(&segment_paths(&vfs)[0]).expect("len"), used);
    assert_eq!(append(&mut wal, &retry(1)), Placement::Written { first_seq: 0 });
}

/// A window alone does not fill a segment: the next one would have its name.
#[test]
fn a_reopened_segment_without_records_takes_a_batch_that_is_larger_than_segments() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    append(&mut wal, &retry(1));
    wal.ensure_next_seq(100, at(0)).expect("rotated");
    drop(wal);
    let (mut wal, _) = open(&vfs);
    let texts: Vec<String> = (0..50).map(|number| format!("large-{number}")).collect();
    let placement = append(&mut wal, &batch_of(&texts, None));
    assert_eq!(placement, Placement::Written { first_seq: 100 });
}

#[test]
fn a_window_that_was_torn_off_while_rotating_is_written_again() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    append(&mut wal, &retry(1));
    wal.ensure_next_seq(100, at(0)).expect("rotated");
    drop(wal);
    let newest = segment_paths(&vfs).pop().expect("a segment");
    let length = vfs.file_len(&newest).expect("len") as usize;
    assert!(length > 40, "the new segment begins with the window");
    for cut in 0..length {
        let vfs = empty_disk();
        let (mut wal, _) = open(&vfs);
        append(&mut wal, &retry(1));
        wal.ensure_next_seq(100, at(0)).expect("rotated");
        drop(wal);
        vfs.corrupt(&newest, |bytes| bytes.truncate(cut)).expect("cut");
        let (mut wal, _) = open(&vfs);
        append(&mut wal, &batch_of(&["filler"], None));
        wal.releaser().release_before(u64::MAX).expect("released");
        assert_eq!(segment_paths(&vfs).len(), 1);
        drop(wal);
        let (mut wal, _) = open(&vfs);
        assert_eq!(append(&mut wal, &retry(1)), DUPLICATE, "cut at {cut}");
    }
}
