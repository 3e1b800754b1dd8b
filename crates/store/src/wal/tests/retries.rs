//! Batch ids: a retry is written once and acknowledged as often as it is sent.

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
