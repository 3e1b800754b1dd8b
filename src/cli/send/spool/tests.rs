//! A spool that is damaged, locked, or put back is opened.

use std::path::Path;

use super::*;

fn settings(directory: &Path) -> SpoolSettings {
    SpoolSettings {
        directory: directory.to_owned(),
        bytes_max: 1 << 20,
        age_max: Duration::from_secs(60),
        when_full: WhenFull::DropOldest,
    }
}

fn open(directory: &Path) -> Found {
    Spool::open(settings(directory), Identity(9)).expect("a spool")
}

/// Writes a batch of some lines.
fn append(spool: &mut Spool, lines: &str) {
    let (batch, first_line) = spool.next_numbers();
    let head = FrameHead {
        length: lines.len(),
        line_count: lines.lines().count() as u32,
        batch,
        first_line,
        written_at: 1,
        place: Place::default(),
    };
    spool.append(&head, lines.as_bytes()).expect("written");
}

fn lines(found: &Found) -> Vec<String> {
    let read = |batch: &SpooledBatch| {
        let Stored { file, offset, length } = &batch.stored;
        String::from_utf8(read_lines(file, *offset, *length).expect("whole")).expect("text")
    };
    found.batches.iter().map(read).collect()
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("the spool").flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "segment"))
        .collect();
    paths.sort();
    paths
}

/// Changes the bytes of the only segment.
fn damage(directory: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let [segment] = segments(directory).try_into().expect("one segment");
    let mut bytes = std::fs::read(&segment).expect("a segment");
    change(&mut bytes);
    std::fs::write(&segment, bytes).expect("a scratch file");
}

#[test]
fn one_sender_at_a_time_has_a_spool_and_nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().expect("a scratch directory");
    let path = directory.path().join("spool");
    let mut first = open(&path);
    append(&mut first.spool, "a\n");
    let error = Spool::open(settings(&path), Identity(9)).expect_err("locked");
    assert!(error.to_string().contains("another sender"), "{error}");
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    for entry in std::fs::read_dir(&path).expect("the spool").flatten() {
        assert_eq!(mode(&entry.path()), 0o600, "{}", entry.path().display());
    }
    drop(first);
    assert_eq!(lines(&open(&path)), ["a\n"]);
}

#[test]
fn damage_costs_the_lines_that_it_hits_and_is_kept_and_said() {
    let three = |directory: &Path| {
        let mut found = open(directory);
        for text in ["one\n", "two\n", "three\n"] {
            append(&mut found.spool, text);
        }
    };
    type Change = fn(&mut Vec<u8>);
    let middle = HEAD_BYTES as usize + 2 * frame::HEADER_BYTES + 4;
    let cases: [(&str, Change, &[&str]); 5] = [
        ("nothing", |_| {}, &["one\n", "two\n", "three\n"]),
        ("a torn end", |bytes| bytes.truncate(bytes.len() - 3), &["one\n", "two\n"]),
        ("zeros at the end", |bytes| bytes.extend([0; 500]), &["one\n", "two\n", "three\n"]),
        ("a bit", |_| {}, &["one\n", "three\n"]),
        ("the head", |bytes| bytes[3] ^= 1, &["one\n", "two\n", "three\n"]),
    ];
    for (what, change, expected) in cases {
        let directory = tempfile::tempdir().expect("a scratch directory");
        three(directory.path());
        damage(directory.path(), |bytes| {
            change(bytes);
            if what == "a bit" {
                bytes[middle + 1] ^= 4;
            }
        });
        let mut found = open(directory.path());
        assert_eq!(lines(&found), expected, "{what}");
        assert_eq!(found.remarks.is_empty(), what == "nothing", "{what}: {:?}", found.remarks);
        append(&mut found.spool, "four\n");
        let number = found.spool.next_numbers().1;
        drop(found);
        let again = open(directory.path());
        assert_eq!(lines(&again).last().map(String::as_str), Some("four\n"), "{what}");
        assert_eq!(again.spool.next_numbers().1, number, "{what}");
    }
}

#[test]
fn a_lost_state_costs_no_line_and_keeps_the_identity() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let mut found = open(directory.path());
    append(&mut found.spool, "a\n");
    append(&mut found.spool, "b\n");
    found.spool.settle(1, 1).expect("written");
    drop(found);
    let rest = open(directory.path());
    assert_eq!(lines(&rest), ["b\n"]);
    drop(rest);
    std::fs::write(directory.path().join("state"), b"rubbish").expect("a scratch file");
    let found = Spool::open(settings(directory.path()), Identity(10)).expect("a spool");
    assert_eq!(lines(&found), ["a\n", "b\n"], "better twice than never");
    assert_eq!(found.spool.identity(), Identity(9));
    assert_eq!(found.remarks.len(), 1, "{:?}", found.remarks);
}

#[test]
fn a_format_of_later_is_refused() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    append(&mut open(directory.path()).spool, "a\n");
    damage(directory.path(), |bytes| bytes[7] = b'2');
    assert!(Spool::open(settings(directory.path()), Identity(9)).is_err());
}

#[test]
fn what_is_aside_has_a_bound_of_its_own() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let found = open(directory.path());
    for number in 0..20 {
        let name = format!("{number}.lines");
        found.spool.put_aside(&name, &[b'x'; 50_000]).expect("written");
    }
    let aside = std::fs::read_dir(directory.path().join("aside")).expect("there").flatten();
    let held: u64 = aside.map(|entry| entry.metadata().expect("a file").len()).sum();
    assert!((200_000..=256 << 10).contains(&held), "{held} bytes are aside");
}
