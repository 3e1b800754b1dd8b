//! Damaged logs: what can be read is read, what may have been acknowledged is told, what cannot
//! have been is cut, and the log starts.

use super::super::WalError;
use super::super::frame::FRAME_HEADER_BYTES;
use super::super::segment::SEGMENT_HEADER_BYTES;
use super::super::verify;
use super::*;
use crate::backend::{FaultError, Operation};

/// A log of one segment with synced batches of a record each; returns the frames' offsets.
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

/// A log with three synced records and a group of three that was written and never synced.
/// Returns where the group begins and where the file ends.
fn with_unsynced_group(vfs: &SimulatedVfs) -> (PathBuf, usize, usize) {
    let (path, _) = one_segment(vfs, 3);
    let (mut wal, _) = open(vfs);
    let start = vfs.file_len(&path).expect("len") as usize;
    let group: Vec<_> =
        (3..6).map(|number| batch_of(&[format!("record-{number}")], None)).collect();
    wal.write_group(&group, at(0)).expect("written");
    (path.clone(), start, vfs.file_len(&path).expect("len") as usize)
}

fn names(wal: &Wal) -> Vec<String> {
    contents(wal).into_iter().map(|(_, text)| text).collect()
}

fn expected(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("record-{number}")).collect()
}

/// What is told: the first number of each place, and how many records are gone.
fn told(wal: &Wal) -> Vec<(u64, Option<u64>)> {
    wal.losses().told().iter().map(|loss| (loss.first_seq, loss.records)).collect()
}

/// Opens the log after a change of its bytes, checks what is found and told, and that both stay
/// as they are while the log goes on.
#[track_caller]
fn check_after(vfs: &SimulatedVfs, kept: &[String], lost: &[(u64, Option<u64>)]) -> Recovery {
    let (mut wal, recovery) = open(vfs);
    assert_eq!(names(&wal), kept);
    assert_eq!(told(&wal), lost);
    append(&mut wal, &batch_of(&["fresh"], None));
    let mut with_fresh = kept.to_vec();
    with_fresh.push("fresh".to_owned());
    assert_eq!(names(&wal), with_fresh);
    for _ in 0..2 {
        drop(wal);
        wal = open(vfs).0;
        assert_eq!(names(&wal), with_fresh);
        assert_eq!(told(&wal), lost, "at a later start");
    }
    recovery
}

#[test]
fn an_end_that_is_cut_off_is_told_with_the_number_of_its_records() {
    let records = 6;
    let (path, offsets) = one_segment(&empty_disk(), records);
    let end = offsets[records - 1] + (offsets[1] - offsets[0]);
    for cut in offsets[2]..=end {
        let vfs = empty_disk();
        one_segment(&vfs, records);
        vfs.corrupt(&path, |bytes| bytes.truncate(cut)).expect("cut");
        let whole =
            offsets.iter().skip(1).filter(|next| **next <= cut).count() + usize::from(cut == end);
        let gone = (records - whole) as u64;
        let lost: Vec<_> = (gone > 0).then_some((whole as u64, Some(gone))).into_iter().collect();
        let recovery = check_after(&vfs, &expected(0..whole), &lost);
        assert_eq!((recovery.torn_bytes, recovery.next_seq), (0, records as u64), "cut at {cut}");
    }
}

/// No record of the group was acknowledged: any damage in the group cuts it, and none is told.
#[test]
fn a_group_that_was_never_synced_is_cut_where_it_is_torn() {
    let (path, start, end) = with_unsynced_group(&empty_disk());
    let frame = (end - start) / 3;
    let check = |what: &str, change: &dyn Fn(&mut Vec<u8>), at: usize| {
        let vfs = empty_disk();
        with_unsynced_group(&vfs);
        vfs.corrupt(&path, |bytes| change(bytes)).expect("changed");
        let length = vfs.file_len(&path).expect("len") as usize;
        let whole = 3 + (at - start) / frame;
        let recovery = check_after(&vfs, &expected(0..whole), &[]);
        let kept = start + (whole - 3) * frame;
        assert_eq!(recovery.torn_bytes as usize, length - kept, "{what} at {at}");
        assert_eq!(recovery.corrupt_frames, 0, "{what} at {at}");
    };
    for at in start..end {
        check("cut", &|bytes| bytes.truncate(at), at);
        check("bit", &|bytes| bytes[at] ^= 1 << (at % 8), at);
    }
    for at in (start..end).step_by(7) {
        check("zeros", &|bytes| bytes[at..].fill(0), at);
    }
}

#[test]
fn any_flipped_bit_of_a_synced_frame_costs_its_records_and_is_told() {
    let (path, offsets) = one_segment(&empty_disk(), 4);
    let length = offsets[1] - offsets[0];
    for (number, step) in [(1, 5), (3, 1)] {
        for bit in (0..length * 8).step_by(step) {
            let vfs = empty_disk();
            one_segment(&vfs, 4);
            let byte = offsets[number] + bit / 8;
            vfs.corrupt(&path, |bytes| bytes[byte] ^= 1 << (bit % 8)).expect("flipped");
            let kept = expected((0..4).filter(|kept| *kept != number));
            let recovery = check_after(&vfs, &kept, &[(number as u64, Some(1))]);
            assert_eq!((recovery.torn_bytes, recovery.corrupt_frames), (0, 1), "bit {bit}");
        }
    }
}

#[test]
fn an_end_that_reads_as_zeros_is_told() {
    let vfs = empty_disk();
    let (path, offsets) = one_segment(&vfs, 8);
    vfs.corrupt(&path, |bytes| bytes[offsets[4] + 3..].fill(0)).expect("zeroed");
    assert!(!verify(&vfs, Path::new(DATA)).expect("verified").is_clean());
    check_after(&vfs, &expected(0..4), &[(4, Some(4))]);
}

#[test]
fn zeros_and_garbage_behind_the_end_are_cut() {
    for tail in [vec![0; 4_096], b"garbage ".repeat(700), vec![0xff; 37]] {
        let vfs = empty_disk();
        let (path, _) = one_segment(&vfs, 4);
        vfs.corrupt(&path, |bytes| bytes.extend_from_slice(&tail)).expect("extended");
        assert!(verify(&vfs, Path::new(DATA)).expect("verified").is_clean());
        let recovery = check_after(&vfs, &expected(0..4), &[]);
        assert_eq!(recovery.torn_bytes as usize, tail.len());
    }
}

#[test]
fn a_frame_that_stands_twice_is_read_once() {
    let vfs = empty_disk();
    let (path, offsets) = one_segment(&vfs, 4);
    let again = vfs.read(&path).expect("read")[offsets[2]..].to_vec();
    vfs.corrupt(&path, |bytes| bytes.extend_from_slice(&again)).expect("extended");
    let recovery = check_after(&vfs, &expected(0..4), &[]);
    assert_eq!(recovery.torn_bytes as usize, again.len());
}

#[test]
fn damage_in_a_closed_segment_is_kept_once_and_told_until_it_is_acknowledged() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    for number in 0..20 {
        append(&mut wal, &batch_of(&[format!("record-{number}")], None));
    }
    drop(wal);
    let damaged = segment_paths(&vfs).remove(1);
    let original = vfs.read(&damaged).expect("read");
    // The last frame of the segment: nothing in it follows, and still it is no torn tail.
    vfs.corrupt(&damaged, |bytes| *bytes.last_mut().expect("a byte") ^= 1).expect("flipped");
    let quarantine = Path::new(DATA).join("quarantine");
    let mut name = String::new();
    for _ in 0..2 {
        let (wal, recovery) = open(&vfs);
        assert_eq!((recovery.corrupt_frames, recovery.torn_bytes), (1, 0));
        assert_eq!(names(&wal).len(), 19);
        let losses = wal.losses().told();
        assert_eq!((losses.len(), losses[0].records), (1, Some(1)));
        name.clone_from(&losses[0].name);
        let entries = vfs.list_dir(&quarantine).expect("listed");
        assert_eq!(entries, [name.as_str()]);
        let bytes = vfs.read(&quarantine.join(&name).join("bytes")).expect("read");
        let lain = &original[original.len() - bytes.len()..];
        assert_eq!(bytes[..bytes.len() - 1], lain[..lain.len() - 1]);
    }
    assert_eq!(vfs.file_len(&damaged).expect("len") as usize, original.len(), "not rewritten");
    let report = verify(&vfs, Path::new(DATA)).expect("verified");
    assert_eq!((report.corrupt_frames, report.problems.len()), (1, 1), "{report:?}");
    // Acknowledged entries are moved, by hand or by the verb; the damage is still there.
    let (open_meanwhile, _) = open(&vfs);
    let acknowledged = quarantine.join("acknowledged");
    vfs.create_dir_all(&acknowledged).expect("made");
    vfs.rename(&quarantine.join(&name), &acknowledged.join(&name)).expect("moved");
    assert_eq!(names(&open_meanwhile).len(), 19);
    assert_eq!(told(&open_meanwhile), []);
    assert_eq!(told(&open(&vfs).0), []);
    assert_eq!(vfs.list_dir(&quarantine).expect("listed"), ["acknowledged"]);
}

/// Entries outlive damaged segments, so the bytes of entries have checksums too.
#[test]
fn an_entry_that_rots_says_the_worst_and_one_that_was_begun_is_made_again() {
    let vfs = empty_disk();
    let (path, offsets) = one_segment(&vfs, 4);
    vfs.corrupt(&path, |bytes| bytes[offsets[1] + 20] ^= 1).expect("flipped");
    let (mut wal, _) = open(&vfs);
    let name = wal.losses().told().remove(0).name;
    let facts = Path::new(DATA).join("quarantine").join(name).join("loss.json");
    let length = vfs.file_len(&facts).expect("len") as usize;
    // The segment is there: the damage is found again.
    vfs.corrupt(&facts, |bytes| bytes[length / 2] ^= 1).expect("flipped");
    assert_eq!(told(&open(&vfs).0), [(1, Some(1))]);
    vfs.remove_file(&facts).expect("removed");
    assert_eq!(told(&open(&vfs).0), [(1, Some(1))]);
    // The segment is gone.
    append(&mut wal, &batch_of(&["x".repeat(500)], None));
    append(&mut wal, &batch_of(&["y".repeat(500)], None));
    assert!(wal.releaser().release_before(u64::MAX).expect("released") > 0);
    assert_eq!(told(&open(&vfs).0), [(1, Some(1))]);
    for byte in 0..length {
        let copy = vfs.after(crate::backend::Crash::ProcessOnly);
        copy.corrupt(&facts, |bytes| bytes[byte] ^= 1).expect("flipped");
        assert_eq!(told(&open(&copy).0), [(1, None)], "byte {byte}");
    }
}

#[test]
fn damage_is_told_and_survived_when_it_cannot_be_kept() {
    let vfs = empty_disk();
    let (path, offsets) = one_segment(&vfs, 4);
    vfs.corrupt(&path, |bytes| bytes[offsets[1] + 20] ^= 1).expect("flipped");
    vfs.fail_after(Operation::Create, 0, FaultError::NoSpace);
    let (wal, recovery) = open(&vfs);
    assert_eq!((names(&wal), recovery.corrupt_frames), (expected([0, 2, 3]), 1));
    assert_eq!(told(&wal), [(1, Some(1))]);
    assert_eq!(told(&open(&vfs).0), [(1, Some(1))], "found again");
}

#[test]
fn a_header_that_was_never_finished_is_a_crash_while_rotating() {
    for length in 0..48 {
        let vfs = empty_disk();
        one_segment(&vfs, 3);
        let next = Path::new(DATA).join("wal/00000000000000000003.wal");
        let mut file = vfs.create_new(&next).expect("created");
        file.write_all(&vec![0; length]).expect("written");
        drop(file);
        let recovery = check_after(&vfs, &expected(0..3), &[]);
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
        let recovery = check_after(&vfs, &expected(0..3), &[(0, Some(0))]);
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
    let mut header = b"TLWAL\x09 thirty bytes of a later form".to_vec();
    header.resize(36, b'.');
    let crc = crc32c::crc32c(&header);
    header.extend(crc.to_le_bytes());
    file.write_all(&header).expect("written");
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
    check_after(&vfs, &expected(0..3), &[]);
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
    let recovery = check_after(&vfs, &expected(0..3), &[(3, Some(0))]);
    assert_eq!((recovery.torn_bytes, recovery.corrupt_frames), (0, 1));
    assert_eq!(vfs.file_len(&path).expect("len") as usize, total);
    assert_eq!(segment_paths(&vfs).len(), 2);
}

#[test]
fn a_segment_that_reads_as_zeros_is_told_and_its_numbers_are_not_used_again() {
    for length in [0, 20, 500, 12 << 20] {
        let vfs = empty_disk();
        let (path, _) = one_segment(&vfs, 3);
        vfs.corrupt(&path, |bytes| *bytes = vec![0; length]).expect("overwritten");
        let recovery = check_after(&vfs, &[], &[(0, Some(3))]);
        assert_eq!((recovery.torn_bytes, recovery.next_seq), (0, 3), "{length}");
        assert_eq!(segment_paths(&vfs).len(), 2);
    }
}
