//! What a start knows of a log from elsewhere than the bytes that are damaged: missing segments,
//! a missing mark, positions of indexes, records that are indexed, the time of what is gone.

use super::super::verify;
use super::*;
use crate::backend::{Crash, Vfs as _};

/// A log of several segments with records 0..20, one a batch, each a minute after the one before.
fn several_segments(vfs: &SimulatedVfs) -> Vec<PathBuf> {
    let (mut wal, _) = open(vfs);
    for number in 0..20 {
        append(&mut wal, &batch_at(number));
    }
    drop(wal);
    let paths = segment_paths(vfs);
    assert!(paths.len() >= 4, "{paths:?}");
    paths
}

fn batch_at(number: i64) -> RedactedBatch {
    let mut writer = BatchWriter::default();
    writer.push(&Record {
        timestamp: at(number * 60),
        level: Level::Info,
        kind: RecordKind::Log,
        fields: vec![("message".into(), Value::Str(Cow::Owned(format!("record-{number}"))))],
    });
    RedactedBatch::from_redacted(writer, None, Redacted::vouch())
}

fn first_seqs(vfs: &SimulatedVfs) -> Vec<u64> {
    let found = find_segments(vfs, &Path::new(DATA).join("wal")).expect("listed");
    found.iter().map(|segment| segment.first_seq).collect()
}

fn told(wal: &Wal) -> Vec<(u64, Option<u64>)> {
    wal.losses().told().iter().map(|loss| (loss.first_seq, loss.records)).collect()
}

fn numbers(wal: &Wal) -> Vec<u64> {
    contents(wal).into_iter().map(|(seq, _)| seq).collect()
}

fn open_beside(vfs: &SimulatedVfs, indexed_to: u64) -> Wal {
    let shared = Arc::new(vfs.clone());
    let opened = Wal::open_beside(shared, Path::new(DATA), small_settings(), (at(0), indexed_to));
    opened.expect("opens").0
}

fn mark() -> PathBuf {
    Path::new(DATA).join("wal/mark")
}

fn remove(vfs: &SimulatedVfs, path: &Path) {
    vfs.remove_file(path).expect("removed");
    vfs.sync_dir(path.parent().expect("a parent")).expect("synced");
}

#[test]
fn a_segment_that_is_gone_is_noticed_by_its_numbers() {
    let count = several_segments(&empty_disk()).len();
    for crash in [Crash::ProcessOnly, Crash::DropUnsynced] {
        for missing in 0..count {
            let vfs = empty_disk();
            let paths = several_segments(&vfs);
            let firsts = first_seqs(&vfs);
            vfs.crash(crash);
            remove(&vfs, &paths[missing]);
            assert!(!verify(&vfs, Path::new(DATA)).expect("verified").is_clean(), "{missing}");
            let end = firsts.get(missing + 1).copied().unwrap_or(20);
            let lost = firsts[missing]..end;
            for start in 0..2 {
                let (mut wal, recovery) = open(&vfs);
                let gone = Some(lost.end - lost.start);
                // What the mark of the last group said is lost with the power. The segment is
                // known to be gone all the same.
                let is_last = missing + 1 == count && crash == Crash::DropUnsynced;
                let gone = if is_last { Some(0) } else { gone };
                assert_eq!(told(&wal), [(lost.start, gone)], "{missing} {crash:?} {start}");
                if !is_last {
                    assert!(recovery.next_seq >= 20, "no number is used again");
                    let kept: Vec<u64> = (0..20).filter(|seq| !lost.contains(seq)).collect();
                    assert_eq!(numbers(&wal)[..kept.len()], kept);
                }
                append(&mut wal, &batch_at(100));
            }
        }
    }
}

#[test]
fn released_segments_are_not_missing() {
    for crash in [Crash::ProcessOnly, Crash::DropUnsynced, Crash::Torn { seed: 3 }] {
        let vfs = empty_disk();
        several_segments(&vfs);
        let (wal, _) = open(&vfs);
        assert!(wal.releaser().release_before(11).expect("released") > 0);
        drop(wal);
        vfs.crash(crash);
        assert!(verify(&vfs, Path::new(DATA)).expect("verified").is_clean(), "{crash:?}");
        assert_eq!(told(&open(&vfs).0), [], "{crash:?}");
    }
}

#[test]
fn all_that_is_gone_is_noticed() {
    let vfs = empty_disk();
    let paths = several_segments(&vfs);
    paths.iter().for_each(|path| remove(&vfs, path));
    assert_eq!(told(&open(&vfs).0), [(0, Some(20))], "the mark is there");

    let vfs = empty_disk();
    let paths = several_segments(&vfs);
    paths.iter().chain([&mark()]).for_each(|path| remove(&vfs, path));
    let wal = open_beside(&vfs, 12);
    assert_eq!(told(&wal), [(12, None)], "an index has been further");
    assert_eq!(wal.next_seq(), 12);
    drop(wal);
    assert_eq!(told(&open_beside(&vfs, 12)), [(12, None)], "once");
    assert_eq!(told(&open(&empty_disk()).0), [], "a new log");
}

#[test]
fn without_a_mark_nothing_is_called_torn() {
    for flip_only in [false, true] {
        let vfs = empty_disk();
        let paths = several_segments(&vfs);
        vfs.corrupt(paths.last().expect("one"), |bytes| {
            let end = bytes.len() - 3;
            bytes.truncate(end);
        })
        .expect("cut");
        if flip_only {
            vfs.corrupt(&mark(), |bytes| bytes.iter_mut().for_each(|byte| *byte ^= 1))
                .expect("flipped");
        } else {
            remove(&vfs, &mark());
        }
        let wal = open(&vfs).0;
        assert_eq!(told(&wal), [(19, None)], "nothing says how many there were");
        drop(wal);
        // The next one has a mark again.
        assert_eq!(told(&open(&vfs).0), [(19, None)]);
    }
}

#[test]
fn a_mark_alone_that_is_damaged_anywhere_is_harmless() {
    let length = {
        let vfs = empty_disk();
        several_segments(&vfs);
        vfs.file_len(&mark()).expect("len") as usize
    };
    for byte in (0..length).filter(|byte| byte % 4096 < 80) {
        let vfs = empty_disk();
        several_segments(&vfs);
        vfs.corrupt(&mark(), |bytes| bytes[byte] ^= 0x20).expect("flipped");
        let (wal, _) = open(&vfs);
        assert_eq!((told(&wal), numbers(&wal).len()), (Vec::new(), 20), "byte {byte}");
    }
    let vfs = empty_disk();
    several_segments(&vfs);
    remove(&vfs, &mark());
    let (wal, _) = open(&vfs);
    assert_eq!((told(&wal), numbers(&wal).len()), (Vec::new(), 20));
}

#[test]
fn an_index_ahead_of_the_log_proves_a_loss_that_the_mark_has_forgotten() {
    let vfs = empty_disk();
    several_segments(&vfs);
    // The power took what the mark said last, and rot takes the last frame besides.
    vfs.crash(Crash::DropUnsynced);
    let last = segment_paths(&vfs).pop().expect("one");
    vfs.corrupt(&last, |bytes| *bytes.last_mut().expect("a byte") ^= 1).expect("flipped");
    let copy = vfs.after(Crash::ProcessOnly);
    assert_eq!(told(&open(&copy).0), [], "nothing is left that knows");
    let wal = open_beside(&vfs, 20);
    assert_eq!(told(&wal), [(19, Some(1))]);
    assert_eq!(wal.next_seq(), 20);
}

#[test]
fn a_later_group_vouches_for_what_lies_before_it() {
    let vfs = empty_disk();
    let settings = WalSettings { segment_bytes: 1 << 20, ..small_settings() };
    let opened = Wal::open(Arc::new(vfs.clone()), Path::new(DATA), settings, at(0));
    let (mut wal, _) = opened.expect("opens");
    let path = segment_paths(&vfs).remove(0);
    let mut offsets = Vec::new();
    for number in 0..5 {
        offsets.push(vfs.file_len(&path).expect("len") as usize);
        append(&mut wal, &batch_at(number));
    }
    drop(wal);
    vfs.crash(Crash::DropUnsynced);
    vfs.corrupt(&path, |bytes| bytes[offsets[2] + 9] ^= 1).expect("flipped");
    let (wal, recovery) = open(&vfs);
    assert_eq!((told(&wal), recovery.torn_bytes), (vec![(2, Some(1))], 0));
    assert_eq!(numbers(&wal), [0, 1, 3, 4]);
}

#[test]
fn damage_of_what_is_indexed_lacks_no_record() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    for number in 0..3 {
        append(&mut wal, &batch_at(number));
    }
    let path = segment_paths(&vfs).remove(0);
    wal.releaser().release_before(2).expect("indexed");
    drop(wal);
    // The frames of records 1 and 2: one of them is in the indexes.
    let length = vfs.file_len(&path).expect("len") as usize;
    vfs.corrupt(&path, |bytes| bytes[length / 3 + 40..].fill(0)).expect("zeroed");
    let (wal, _) = open(&vfs);
    let losses = wal.losses().told();
    assert_eq!(losses.len(), 1);
    let span = |from: i64, to: i64| Span { earliest: at(from), latest: at(to) };
    assert_eq!(losses[0].records, Some(1));
    // The moment of record 2 is the only one that the mark had left.
    assert!(wal.losses().touch(span(0, 120)) && wal.losses().touch(span(120, 1_000)));
    assert!(!wal.losses().touch(span(0, 119)) && !wal.losses().touch(span(121, 1_000)));
}

#[test]
fn what_rots_while_the_log_is_open_is_told_when_it_is_read() {
    let vfs = empty_disk();
    let paths = several_segments(&vfs);
    let (wal, _) = open(&vfs);
    assert_eq!((told(&wal), numbers(&wal).len()), (Vec::new(), 20));
    let firsts = first_seqs(&vfs);
    vfs.corrupt(&paths[1], |bytes| *bytes.last_mut().expect("a byte") ^= 1).expect("flipped");
    assert_eq!(numbers(&wal).len(), 19);
    assert_eq!(told(&wal), [(firsts[2] - 1, Some(1))]);
    assert_eq!(numbers(&wal).len(), 19);
    drop(wal);
    assert_eq!(told(&open(&vfs).0), [(firsts[2] - 1, Some(1))], "once");
}
