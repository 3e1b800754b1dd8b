//! Damaged logs: what can be read is read, what cannot is counted, and the log starts.

use super::super::WalError;
use super::super::frame::FRAME_HEADER_BYTES;
use super::super::segment::SEGMENT_HEADER_BYTES;
use super::super::verify;
use super::*;
use crate::backend::{FaultError, Operation};

/// A log of one segment with so many records of one batch each; returns the frames' offsets.
fn one_segment(vfs: &SimulatedVfs, records: usize) -> (PathBuf, Vec<usize>) {
    let settings = WalSettings { segment_bytes: 1 << 20, ..small_settings() };
    let opened = Wal::open(Arc::new(vfs.clone()), Path::new(DATA), settings, at(0));
    let (mut wal, _) = opened.expect("opens");
    let path = segment_paths(vfs).remove(0);
    let mut offsets = Vec::new();
    for number in 0..records {
        offsets.push(vfs.file_len(&path).expect("len") as usize);
        append(&mut wal, &batch_of(&[format!("record-{number}")], None));
    }
    (path, offsets)
}

fn names(wal: &Wal) -> Vec<String> {
    contents(wal).into_iter().map(|(_, text)| text).collect()
}

fn expected(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("record-{number}")).collect()
}

/// Opens the log after a change of its bytes, checks it, and checks that it goes on.
fn check_after(vfs: &SimulatedVfs, kept: &[String]) -> Recovery {
    let (mut wal, recovery) = open(vfs);
    assert_eq!(names(&wal), kept);
    append(&mut wal, &batch_of(&["fresh"], None));
    let mut with_fresh = kept.to_vec();
    with_fresh.push("fresh".to_owned());
    assert_eq!(names(&wal), with_fresh);
    drop(wal);
    assert_eq!(names(&open(vfs).0), with_fresh);
    recovery
}

#[test]
fn a_tail_torn_at_any_byte_loses_only_the_torn_frames() {
    let records = 8;
    let (path, offsets) = one_segment(&empty_disk(), records);
    let end = offsets[records - 1] + (offsets[1] - offsets[0]);
    for cut in offsets[2]..=end {
        let vfs = empty_disk();
        one_segment(&vfs, records);
        vfs.corrupt(&path, |bytes| bytes.truncate(cut)).expect("cut");
        let whole =
            offsets.iter().skip(1).filter(|next| **next <= cut).count() + usize::from(cut == end);
        let recovery = check_after(&vfs, &expected(0..whole));
        let last_whole_end = offsets.get(whole).copied().unwrap_or(end);
        assert_eq!(recovery.torn_bytes as usize, cut - last_whole_end, "cut at {cut}");
        assert_eq!(recovery.corrupt_frames, 0);
    }
}

#[test]
fn any_flipped_bit_of_the_last_frame_loses_only_that_frame() {
    let (path, offsets) = one_segment(&empty_disk(), 4);
    let length = offsets[1] - offsets[0];
    for bit in 0..length * 8 {
        let vfs = empty_disk();
        one_segment(&vfs, 4);
        let byte = offsets[3] + bit / 8;
        vfs.corrupt(&path, |bytes| bytes[byte] ^= 1 << (bit % 8)).expect("flipped");
        let recovery = check_after(&vfs, &expected(0..3));
        assert_eq!(recovery.torn_bytes as usize, length, "bit {bit}");
    }
}

#[test]
fn any_flipped_bit_of_an_earlier_frame_loses_only_that_frame() {
    let (path, offsets) = one_segment(&empty_disk(), 4);
    for byte in offsets[1]..offsets[2] {
        let vfs = empty_disk();
        one_segment(&vfs, 4);
        vfs.corrupt(&path, |bytes| bytes[byte] ^= 1 << (byte % 8)).expect("flipped");
        let recovery = check_after(&vfs, &expected([0, 2, 3]));
        assert_eq!((recovery.torn_bytes, recovery.corrupt_frames), (0, 1), "byte {byte}");
    }
}

#[test]
fn zeros_and_garbage_behind_the_end_are_cut() {
    for tail in [vec![0; 4_096], b"garbage ".repeat(700), vec![0xff; 37]] {
        let vfs = empty_disk();
        let (path, _) = one_segment(&vfs, 4);
        vfs.corrupt(&path, |bytes| bytes.extend_from_slice(&tail)).expect("extended");
        let recovery = check_after(&vfs, &expected(0..4));
        assert_eq!(recovery.torn_bytes as usize, tail.len());
    }
}

#[test]
fn a_frame_that_stands_twice_is_read_once() {
    let vfs = empty_disk();
    let (path, offsets) = one_segment(&vfs, 4);
    let again = vfs.read(&path).expect("read")[offsets[2]..].to_vec();
    vfs.corrupt(&path, |bytes| bytes.extend_from_slice(&again)).expect("extended");
    let recovery = check_after(&vfs, &expected(0..4));
    assert_eq!(recovery.torn_bytes as usize, again.len());
}

#[test]
fn damage_in_a_closed_segment_is_put_aside_once() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    for number in 0..20 {
        append(&mut wal, &batch_of(&[format!("record-{number}")], None));
    }
    drop(wal);
    let damaged = segment_paths(&vfs).remove(1);
    let original = vfs.read(&damaged).expect("read");
    let first_in_it = contents(&open(&vfs).0).len() - 20;
    assert_eq!(first_in_it, 0);
    // The last frame of the segment: nothing in it follows, and still it is no torn tail.
    vfs.corrupt(&damaged, |bytes| *bytes.last_mut().expect("a byte") ^= 1).expect("flipped");
    let quarantine = Path::new(DATA).join("quarantine");
    for _ in 0..2 {
        let (wal, recovery) = open(&vfs);
        assert_eq!((recovery.corrupt_frames, recovery.torn_bytes), (1, 0));
        assert_eq!(names(&wal).len(), 19);
        let parts = vfs.list_dir(&quarantine).expect("listed");
        assert_eq!(parts.len(), 1);
        let part = vfs.read(&quarantine.join(&parts[0])).expect("read");
        assert_eq!(
            part[..part.len() - 1],
            original[original.len() - part.len()..][..part.len() - 1]
        );
    }
    assert_eq!(vfs.file_len(&damaged).expect("len") as usize, original.len(), "not rewritten");
    assert!(!verify(&vfs, Path::new(DATA)).expect("verified").is_clean());
}

#[test]
fn damage_is_survived_when_it_cannot_be_put_aside() {
    let vfs = empty_disk();
    let (path, offsets) = one_segment(&vfs, 4);
    vfs.corrupt(&path, |bytes| bytes[offsets[1] + 20] ^= 1).expect("flipped");
    vfs.fail_after(Operation::Create, 0, FaultError::NoSpace);
    let (wal, recovery) = open(&vfs);
    assert_eq!((names(&wal), recovery.corrupt_frames), (expected([0, 2, 3]), 1));
}

#[test]
fn a_header_that_was_never_finished_is_a_crash_while_rotating() {
    for length in 0..40 {
        let vfs = empty_disk();
        one_segment(&vfs, 3);
        let next = Path::new(DATA).join("wal/00000000000000000003.wal");
        let mut file = vfs.create_new(&next).expect("created");
        file.write_all(&vec![0; length]).expect("written");
        drop(file);
        let recovery = check_after(&vfs, &expected(0..3));
        assert_eq!((recovery.torn_bytes as usize, recovery.corrupt_frames), (length, 0));
        assert_eq!(recovery.next_seq, 3);
    }
}

#[test]
fn frames_behind_a_damaged_header_are_kept() {
    for byte in 0..SEGMENT_HEADER_BYTES {
        let vfs = empty_disk();
        let (path, _) = one_segment(&vfs, 3);
        vfs.corrupt(&path, |bytes| bytes[byte] ^= 0x10).expect("flipped");
        let recovery = check_after(&vfs, &expected(0..3));
        assert_eq!(recovery.corrupt_frames, 1, "byte {byte}");
    }
}

#[test]
fn an_unknown_version_is_refused_before_anything_is_touched() {
    let vfs = empty_disk();
    let (path, _) = one_segment(&vfs, 3);
    // A torn tail in the way: it must not be repaired either.
    vfs.corrupt(&path, |bytes| bytes.push(7)).expect("extended");
    let newer = Path::new(DATA).join("wal/00000000000000000003.wal");
    let mut file = vfs.create_new(&newer).expect("created");
    file.write_all(b"TLWAL\x09 a header of the future, of any length").expect("written");
    drop(file);
    let before = vfs.change_count();
    let error = try_open(&vfs).map(|_| ()).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "/data/wal/00000000000000000003.wal has wal format version 9, this program reads version 2"
    );
    assert_eq!(vfs.change_count(), before);
    assert!(matches!(verify(&vfs, Path::new(DATA)), Err(WalError::FormatVersion { found: 9, .. })));
}

#[test]
fn a_read_error_is_never_taken_for_damage() {
    let vfs = empty_disk();
    one_segment(&vfs, 3);
    let before = vfs.change_count();
    let mut failed_count = 0;
    loop {
        vfs.fail_after(Operation::Read, failed_count, FaultError::Io);
        let Err(error) = try_open(&vfs) else { break };
        assert!(matches!(error, WalError::Io { operation: "read", .. }), "{error}");
        assert_eq!(vfs.change_count(), before, "nothing was cut or put aside");
        failed_count += 1;
    }
    assert!(failed_count > 0);
    vfs.clear_faults();
    assert_eq!(names(&open(&vfs).0), expected(0..3));
}

#[test]
fn bytes_that_look_like_frames_everywhere_do_not_stop_the_start() {
    let vfs = empty_disk();
    let (path, offsets) = one_segment(&vfs, 3);
    // Headers that promise the rest of the file, one behind the other.
    let frame = vfs.read(&path).expect("read")[offsets[2]..][..FRAME_HEADER_BYTES].to_vec();
    vfs.corrupt(&path, |bytes| {
        for _ in 0..2_000 {
            bytes.extend_from_slice(&frame);
        }
    })
    .expect("extended");
    check_after(&vfs, &expected(0..3));
}

#[test]
fn a_search_that_would_take_too_long_is_given_up_and_nothing_is_cut() {
    let vfs = empty_disk();
    let (path, offsets) = one_segment(&vfs, 3);
    let header = vfs.read(&path).expect("read")[offsets[2]..][..FRAME_HEADER_BYTES].to_vec();
    let total = 4 << 20;
    vfs.corrupt(&path, |bytes| {
        let start = bytes.len();
        bytes.resize(total, 0);
        // Each header promises a frame up to the end of the file.
        for position in (start..).step_by(FRAME_HEADER_BYTES).take(400) {
            let stored = (total - position - FRAME_HEADER_BYTES) as u32;
            let slot = &mut bytes[position..position + FRAME_HEADER_BYTES];
            slot.copy_from_slice(&header);
            slot[..4].copy_from_slice(&(stored + FRAME_HEADER_BYTES as u32 - 8).to_le_bytes());
            slot[8..16].copy_from_slice(&3_u64.to_le_bytes());
            slot[28..32].copy_from_slice(&stored.to_le_bytes());
        }
    })
    .expect("extended");
    let recovery = check_after(&vfs, &expected(0..3));
    assert_eq!((recovery.torn_bytes, recovery.corrupt_frames), (0, 1));
    assert_eq!(vfs.file_len(&path).expect("len") as usize, total);
    assert_eq!(segment_paths(&vfs).len(), 2);
}

#[test]
fn a_segment_that_reads_as_zeros_is_put_aside_and_its_number_is_not_used_again() {
    let vfs = empty_disk();
    let (path, _) = one_segment(&vfs, 3);
    // Longer than a crash while rotating can leave.
    let length = 12 << 20;
    vfs.corrupt(&path, |bytes| *bytes = vec![0; length]).expect("overwritten");
    let recovery = check_after(&vfs, &[]);
    assert_eq!((recovery.corrupt_bytes as usize, recovery.torn_bytes), (length, 0));
    assert_eq!(recovery.next_seq, 1);
    assert_eq!(segment_paths(&vfs).len(), 2);
}
