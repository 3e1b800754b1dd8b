//! A followed file, its rotations, and the bytes read.

use std::io::Write as _;

use tierlog_ingest::OtherText;

use super::super::super::lines::{Cut, Cutter, Unfinished};
use super::*;
use crate::output::Progress;

/// A change of the files, or a check of the bytes read.
enum Step {
    /// Appends to the file that has the path.
    Append(&'static str),
    /// Renames the file away.
    Rename(&'static str),
    /// Copies the file, and truncates it.
    CopyTruncate(&'static str),
    /// Removes the file and writes another of its name.
    Replace(&'static str),
    /// Reads until these lines were read.
    Read(&'static str),
    /// Ends the reader; a new one goes on at the place of the last whole line.
    Restart,
}

/// Reads as the intake does.
struct Reader {
    followed: Followed,
    cutter: Cutter,
    place: Place,
}

impl Reader {
    fn open(path: &Path, place: Place) -> Reader {
        let notices = Notices::beside(Progress::hidden());
        let (followed, place) = Followed::open(path, place, notices).expect("a directory");
        Reader { followed, cutter: Cutter::at(place, OtherText::Rejected), place }
    }

    /// Returns the lines of the next read.
    fn lines(&mut self) -> String {
        let mut buffer = [0; 64];
        let read = self.followed.read(&mut buffer, Duration::from_millis(1)).expect("readable");
        let mut lines = String::new();
        let mut take = |cut: Option<Cut>, place: &mut Place| {
            if let Some(Cut::Piece(piece)) = cut {
                lines.push_str(std::str::from_utf8(&piece.bytes).expect("text"));
                *place = piece.place;
            }
        };
        match read {
            Read::Bytes(length) => {
                self.cutter.feed(&buffer[..length]);
                take(self.cutter.next_cut(), &mut self.place);
            }
            Read::Begins(place) => {
                take(self.cutter.finish(Unfinished::Take), &mut self.place);
                self.cutter = Cutter::at(place, OtherText::Rejected);
                self.place = place;
            }
            Read::Nothing | Read::End => {}
        }
        lines
    }
}

fn check(steps: &[Step]) {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let path = directory.path().join("app.log");
    let other = |name: &str| directory.path().join(name);
    let append = |text: &str| {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
        file.expect("a scratch file").write_all(text.as_bytes()).expect("written");
    };
    let mut reader = Reader::open(&path, Place::default());
    for step in steps {
        match step {
            Step::Append(text) => append(text),
            Step::Rename(name) => std::fs::rename(&path, other(name)).expect("renamed"),
            Step::CopyTruncate(name) => {
                std::fs::copy(&path, other(name)).expect("copied");
                std::fs::write(&path, "").expect("truncated");
            }
            Step::Replace(text) => {
                std::fs::remove_file(&path).expect("removed");
                append(text);
            }
            Step::Read(expected) => {
                let (mut lines, began) = (String::new(), Instant::now());
                while lines != *expected {
                    lines.push_str(&reader.lines());
                    assert!(expected.starts_with(&lines), "{lines:?} instead of {expected:?}");
                    assert!(began.elapsed() < Duration::from_secs(60), "{lines:?} in a minute");
                }
            }
            Step::Restart => {
                let place = reader.place;
                reader = Reader::open(&path, place);
            }
        }
    }
}

#[test]
fn a_renamed_file_is_read_to_its_end_before_the_next() {
    check(&[
        Step::Append("a\nb\n"),
        Step::Read("a\nb\n"),
        Step::Append("c\nunfini"),
        Step::Rename("app.log.1"),
        Step::Append("d\n"),
        Step::Read("c\nunfini\nd\n"),
        Step::Append("e\n"),
        Step::Read("e\n"),
    ]);
}

#[test]
fn a_truncated_file_is_read_from_its_copy_and_then_anew() {
    check(&[
        Step::Append("first\nsecond\n"),
        Step::Read("first\nsecond\n"),
        Step::Append("third\n"),
        Step::CopyTruncate("app.log.1"),
        Step::Append("4\n"),
        Step::Read("third\n4\n"),
    ]);
    // Beyond the place again before anybody looks.
    check(&[
        Step::Append("a\nb\n"),
        Step::Read("a\nb\n"),
        Step::CopyTruncate("app.log.1"),
        Step::Append("longer than before\n"),
        Step::Read("longer than before\n"),
    ]);
}

#[test]
fn a_file_that_did_not_exist_and_one_that_was_replaced_are_read_from_their_beginning() {
    check(&[Step::Append("a\n"), Step::Read("a\n"), Step::Replace("x\ny\n"), Step::Read("x\ny\n")]);
}

#[test]
fn what_was_rotated_away_while_nobody_looked_is_found_again() {
    check(&[
        Step::Append("a\nb\n"),
        Step::Read("a\nb\n"),
        Step::Append("c\n"),
        Step::Rename("app.log.2"),
        Step::Append("d\n"),
        Step::Rename("app.log.1"),
        Step::Append("e\n"),
        Step::Restart,
        Step::Read("c\nd\ne\n"),
        Step::Restart,
        Step::Append("f\n"),
        Step::Read("f\n"),
    ]);
}

#[test]
fn only_numbers_and_dates_make_a_rotation() {
    for other in ["app.log.1", "app.log-20261130", "app.log.2026-11-30T10:00", "app.log.12.3"] {
        assert!(is_rotation_of("app.log", other), "{other}");
    }
    for other in ["app.log", "app.log.gz", "app.log.1.gz", "app.log.pos", "app.logs", "other.1"] {
        assert!(!is_rotation_of("app.log", other), "{other}");
    }
}
