//! Cuts bytes of an input into pieces of whole lines, and says where each piece ends.

use tierlog_ingest::{Joining, OtherText, is_blank};

use super::place::Place;

/// Longest line to send, to within one read. The server's own limit is lower unless configured;
/// this one only keeps a file without line breaks from filling our memory.
const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Whole lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The lines; ends with a line break.
    pub(super) bytes: Vec<u8>,
    /// How many are not blank.
    pub(super) line_count: u64,
    /// Number of the first line in its input, from 1.
    pub(super) input_line: u64,
    /// Where the piece ends in its input.
    pub(super) place: Place,
    /// Whether the first line goes on with the one before it.
    pub(super) goes_on: bool,
    /// Whether the next line may go on with the last one.
    pub(super) may_go_on: bool,
}

/// What the bytes hold next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Lines.
    Piece(Piece),
    /// A line that is too long to be sent, by its number.
    TooLong(u64),
}

/// The fate of a line without a line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// It is a line.
    Take,
    /// The line stays in the file, where the rest may still be written.
    Leave,
}

/// Cuts.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    rest: Vec<u8>,
    /// Bytes at the front of `rest` that are known to hold no line break.
    searched: usize,
    /// In the middle of a line that is too long.
    skipping: bool,
    /// Line breaks before `rest`.
    lines: u64,
    /// Where `rest` begins.
    place: Place,
    /// The grouping of lines, by the server's rule.
    joining: Joining,
}

impl Cutter {
    /// Returns a cutter of an input that is read from a place on.
    pub(super) fn at(place: Place, other: OtherText) -> Cutter {
        Cutter { lines: place.lines, place, joining: Joining::new(other), ..Cutter::default() }
    }

    /// Takes bytes that follow those before.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
    }

    /// Returns the whole lines that are there.
    pub(super) fn next_cut(&mut self) -> Option<Cut> {
        if self.skipping {
            return self.skip();
        }
        let unsearched = self.rest.get(self.searched..).unwrap_or_default();
        let Some(last_break) = memchr::memrchr(b'\n', unsearched) else {
            self.searched = self.rest.len();
            if self.rest.len() < LINE_BYTES_MAX {
                return None;
            }
            self.skipping = true;
            return self.skip();
        };
        let rest = self.rest.split_off(self.searched + last_break + 1);
        let bytes = std::mem::replace(&mut self.rest, rest);
        self.searched = 0;
        Some(self.piece(bytes))
    }

    /// Returns what is left when nothing follows.
    pub(super) fn finish(&mut self, unfinished: Unfinished) -> Option<Cut> {
        if let Some(cut) = self.next_cut() {
            return Some(cut);
        }
        if unfinished == Unfinished::Leave {
            return None;
        }
        if self.skipping {
            self.skipping = false;
            return Some(Cut::TooLong(self.lines + 1));
        }
        if self.rest.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.rest);
        self.searched = 0;
        let Cut::Piece(mut piece) = self.piece(bytes) else { return None };
        piece.bytes.push(b'\n');
        Some(Cut::Piece(piece))
    }

    /// Drops bytes up to the end of a line that is too long.
    fn skip(&mut self) -> Option<Cut> {
        self.searched = 0;
        let line_break = memchr::memchr(b'\n', &self.rest);
        let rest = line_break.map(|line_break| self.rest.split_off(line_break + 1));
        let skipped = std::mem::take(&mut self.rest);
        self.advance(&skipped, 0);
        self.rest = rest?;
        self.skipping = false;
        self.lines += 1;
        Some(Cut::TooLong(self.lines))
    }

    fn piece(&mut self, bytes: Vec<u8>) -> Cut {
        let (mut line_count, mut goes_on) = (0, false);
        for line in lines_of(&bytes).filter(|line| !is_blank(line)) {
            let continues = self.joining.continues(line);
            goes_on |= continues && line_count == 0;
            line_count += 1;
        }
        let input_line = self.lines + 1;
        self.lines += memchr::memchr_iter(b'\n', &bytes).count() as u64;
        self.advance(&bytes, line_count);
        Cut::Piece(Piece {
            bytes,
            line_count,
            input_line,
            place: self.place,
            goes_on,
            may_go_on: self.joining.is_open(),
        })
    }

    fn advance(&mut self, bytes: &[u8], line_count: u64) {
        // A stream cannot be read again: nobody asks where it was.
        if self.place.source != 0 {
            self.place = self.place.after(bytes, line_count);
        }
    }
}

/// Returns how many lines are not blank.
pub(super) fn counted(lines: &[u8]) -> u64 {
    lines_of(lines).filter(|line| !is_blank(line)).count() as u64
}

/// Returns lines without their ends.
fn lines_of(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr::memchr_iter(b'\n', bytes).chain([bytes.len()]).map(move |end| {
        let line = bytes.get(start..end).unwrap_or_default();
        start = end + 1;
        line
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Cuts a text that arrives in steps of so many bytes.
    fn cuts(text: &[u8], step: usize) -> Vec<Cut> {
        let mut cutter = Cutter::default();
        let mut cuts = Vec::new();
        for bytes in text.chunks(step) {
            cutter.feed(bytes);
            cuts.extend(std::iter::from_fn(|| cutter.next_cut()));
        }
        cuts.extend(std::iter::from_fn(|| cutter.finish(Unfinished::Take)));
        cuts
    }

    fn check(text: &str, expected: &[(u64, u64, &str)]) {
        let expected: Vec<Cut> = expected
            .iter()
            .map(|(input_line, line_count, text)| {
                Cut::Piece(Piece {
                    bytes: text.as_bytes().to_vec(),
                    line_count: *line_count,
                    input_line: *input_line,
                    place: Place::default(),
                    goes_on: false,
                    // The server rejects text of no known format, and joins no line to a rejected
                    // text.
                    may_go_on: false,
                })
            })
            .collect();
        assert_eq!(cuts(text.as_bytes(), text.len().max(1)), expected, "{text:?}");
    }

    #[test]
    fn lines_are_counted_and_the_last_one_is_ended() {
        check("", &[]);
        check("a", &[(1, 1, "a\n")]);
        check("a\nb\n", &[(1, 2, "a\nb\n")]);
        check("a\r\n\r\n  \nb", &[(1, 1, "a\r\n\r\n  \n"), (4, 1, "b\n")]);
        check("\u{feff}\n\n", &[(1, 0, "\u{feff}\n\n")]);
    }

    #[test]
    fn a_line_without_end_is_skipped_and_named() {
        let long = "y".repeat(LINE_BYTES_MAX + 600_000);
        let text = format!("first\n{long}\nlast\n{long}");
        let numbers: Vec<(u64, u64)> = cuts(text.as_bytes(), 300_000)
            .iter()
            .map(|cut| match cut {
                Cut::Piece(piece) => (piece.input_line, piece.line_count),
                Cut::TooLong(line) => (*line, 0),
            })
            .collect();
        assert_eq!(numbers, [(1, 1), (2, 0), (3, 1), (4, 0)]);
    }

    #[test]
    fn lines_that_belong_together_are_known() {
        let mut cutter = Cutter::at(Place::default(), OtherText::Message);
        for (text, goes_on, may_go_on) in [
            ("{\"message\":\"a\"}\n", false, false),
            ("2026-11-30 10:00:00,123 ERROR shop failed\n\n", false, true),
            ("Traceback (most recent call last):\n  File \"x.py\", line 1\n", true, true),
            ("ValueError: no\n", true, true),
            ("2026-11-30 10:00:01,123 INFO shop on\n", false, true),
            ("{\"message\":\"b\"}\n", false, false),
        ] {
            cutter.feed(text.as_bytes());
            let Some(Cut::Piece(piece)) = cutter.next_cut() else { panic!("lines") };
            assert_eq!((piece.goes_on, piece.may_go_on), (goes_on, may_go_on), "{text}");
        }
    }

    #[test]
    fn a_file_that_is_followed_keeps_its_unfinished_line_to_itself() {
        let place = Place { source: 1, lines: 9, offset: 100, ..Place::default() };
        let mut cutter = Cutter::at(place, OtherText::Rejected);
        cutter.feed(b"a\nhal");
        let Some(Cut::Piece(piece)) = cutter.next_cut() else { panic!("a line") };
        assert_eq!((piece.input_line, piece.place.offset, piece.place.lines), (10, 102, 10));
        assert_eq!(cutter.finish(Unfinished::Leave), None);
        cutter.feed(b"f\n");
        let Some(Cut::Piece(piece)) = cutter.next_cut() else { panic!("a line") };
        assert_eq!((piece.bytes.as_slice(), piece.place.offset), (&b"half\n"[..], 107));
        assert_eq!(piece.place.prefix_crc, crc32c::crc32c(b"a\nhalf\n"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_byte_is_lost_however_the_input_arrives(text in "[a\n \r]{0,200}", step in 1_usize..50) {
            let (mut bytes, mut lines) = (Vec::new(), 0);
            for cut in cuts(text.as_bytes(), step) {
                let Cut::Piece(piece) = cut else { panic!("no line is long") };
                lines += piece.line_count;
                bytes.extend_from_slice(&piece.bytes);
            }
            let mut expected = text.clone().into_bytes();
            if !text.is_empty() && !text.ends_with('\n') {
                expected.push(b'\n');
            }
            prop_assert_eq!(bytes, expected);
            let not_blank = text.split('\n').filter(|line| !line.trim().is_empty()).count();
            prop_assert_eq!(lines, not_blank as u64);
        }
    }
}
