//! Lines that belong together are kept until their group is whole, and leave as one text.
//!
//! What leaves is in the order of first lines, and whole: when groups of two streams lie between
//! each other, their lines leave together once both groups are closed. The texts that have left are
//! therefore a beginning of the input, and may be acknowledged.
//!
//! A group is bounded in lines and bytes. At a bound the group is cut: the rest is another text
//! that begins with the first line once more and therefore has the same level and moment.

use crate::join::{Glue, Joining, OtherText, Part, STREAMS_MAX, Step, docker_line, part_of};
use crate::normalise::{Extent, cri_line};

/// Lines of one group: three times the deepest stack that Java prints.
pub(crate) const GROUP_LINES_MAX: u32 = 4_096;

/// Longest first line that is said again when a group is cut.
const REPEATED_HEAD_BYTES_MAX: usize = 4 * 1024;

/// Texts that wait for the end of a group between the texts.
const WAITING_MAX: usize = 1_024;

/// Blank lines that are kept inside of a text.
const BLANK_LINES_MAX: usize = 2;

/// A line break, or the escape of one.
const LINE_BREAK_BYTES_MAX: usize = 2;

/// Lines that became one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    /// The text. In a wrapper when the lines had one each: then the first line's.
    pub(crate) bytes: Vec<u8>,
    /// Number of the first line.
    pub(crate) line: u64,
    /// How many lines it was made of.
    pub(crate) line_count: u32,
    /// Where the first line's text ends.
    first_end: usize,
    /// Where the next line's text is put.
    end: usize,
}

/// What is to be read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// What waited and is whole.
    Waiting,
    /// The same, and then the line that was given: it was not kept.
    WaitingThenLine,
}

/// A group that is open.
#[derive(Debug, Default)]
struct Place {
    /// Position of the group's text among the waiting texts; `None` after the text has left.
    member: Option<usize>,
    /// The first line, when its text has left before the group was whole.
    head: Option<Joined>,
    /// Blank lines since the last one.
    blank_count: usize,
}

/// Keeps lines until their groups are whole.
#[derive(Debug)]
pub(crate) struct Joiner {
    joining: Joining,
    bytes_max: usize,
    /// In the order of first lines.
    waiting: Vec<Joined>,
    places: [Place; STREAMS_MAX],
    /// Count of whole texts among the waiting texts.
    ready_count: usize,
    /// Bytes of them all.
    waiting_bytes: usize,
    /// Texts that have left.
    left_count: u64,
    /// Lines up to the place at which nothing goes on; 0 when there is none.
    part_after: u64,
}

impl Joiner {
    /// Returns a joiner that makes no text longer than a line may be.
    pub(crate) fn new(other: OtherText, line_bytes_max: usize) -> Joiner {
        Joiner {
            joining: Joining::new(other),
            bytes_max: line_bytes_max,
            waiting: Vec::new(),
            places: Default::default(),
            ready_count: 0,
            waiting_bytes: 0,
            left_count: 0,
            part_after: 0,
        }
    }

    /// Sets the fate of text of no known format.
    pub(crate) fn expect(&mut self, other: OtherText) {
        self.joining.expect(other);
    }

    /// Parts the input behind the given count of lines: the durable lines of the producer end
    /// there.
    pub(crate) fn part_after(&mut self, line_count: u64) {
        self.part_after = line_count;
    }

    /// Returns the number of the oldest waiting text.
    pub(crate) fn oldest(&self) -> Option<u64> {
        (!self.waiting.is_empty()).then_some(self.left_count)
    }

    /// Returns the number of the first line that waits.
    pub(crate) fn first_waiting_line(&self) -> Option<u64> {
        self.waiting.first().map(|joined| joined.line)
    }

    /// Tells whether a line to come may go on with one that was here, or lines are counted.
    pub(crate) fn is_open(&self) -> bool {
        self.joining.is_open() || self.part_after > 0
    }

    /// Returns how many bytes are kept.
    pub(crate) fn byte_len(&self) -> usize {
        self.waiting_bytes
    }

    /// Takes a line that is not blank.
    pub(crate) fn take(&mut self, line: &[u8], number: u64) -> Next {
        let next = self.step(line, number);
        self.count();
        next
    }

    /// Passes a line without a group.
    pub(crate) fn pass(&mut self) {
        self.close();
        self.count();
    }

    fn count(&mut self) {
        if self.part_after == 1 {
            self.close();
        }
        self.part_after = self.part_after.saturating_sub(1);
    }

    fn step(&mut self, line: &[u8], number: u64) -> Next {
        match self.joining.step(line) {
            Step::Apart if !self.joining.is_open() => {
                self.ready_count = self.waiting.len();
                return Next::WaitingThenLine;
            }
            Step::Apart => self.wait(Joined::of(line, number)),
            Step::Opens(place) => {
                let is_other = |at: usize| at != place && self.joining.is_open_at(at);
                if !(0..STREAMS_MAX).any(is_other) {
                    self.ready_count = self.waiting.len();
                }
                let member = Some(self.waiting.len());
                self.wait(Joined::of(line, number));
                if let Some(own) = self.places.get_mut(place) {
                    *own = Place { member, head: None, blank_count: 0 };
                }
            }
            Step::Continues(place, glue) => {
                self.go_on(line, number, place, glue);
                if !self.joining.is_open() {
                    self.ready_count = self.waiting.len();
                }
            }
        }
        if self.waiting.len() > WAITING_MAX || self.waiting_bytes > self.bytes_max {
            self.cut();
        }
        Next::Waiting
    }

    /// Notes a blank line, which parts nothing.
    pub(crate) fn blank(&mut self) {
        for (at, place) in self.places.iter_mut().enumerate() {
            if self.joining.is_open_at(at) && place.blank_count < BLANK_LINES_MAX {
                place.blank_count += 1;
            }
        }
    }

    /// Makes everything ready; lines that go on with an open group become a text of their own.
    pub(crate) fn cut(&mut self) {
        self.ready_count = self.waiting.len();
    }

    /// Makes everything ready and closes every group.
    pub(crate) fn close(&mut self) {
        self.cut();
        self.joining.close();
    }

    /// Returns the ready texts, whose lines form an unbroken run.
    pub(crate) fn ready(&mut self) -> Vec<Joined> {
        let ready_count = std::mem::take(&mut self.ready_count);
        if ready_count == 0 {
            return Vec::new();
        }
        let ready: Vec<Joined> = self.waiting.drain(..ready_count).collect();
        self.left_count += ready.len() as u64;
        self.waiting_bytes = self.waiting.iter().map(|joined| joined.bytes.len()).sum();
        for (at, place) in self.places.iter_mut().enumerate() {
            let Some(member) = place.member else { continue };
            place.member = member.checked_sub(ready_count);
            if place.member.is_none() && self.joining.is_open_at(at) {
                place.head = ready.get(member).and_then(Joined::first_line);
            }
        }
        ready
    }

    fn wait(&mut self, joined: Joined) {
        self.waiting_bytes += joined.bytes.len();
        self.waiting.push(joined);
    }

    /// Adds a line to the group in a place, or begins another text of it.
    fn go_on(&mut self, line: &[u8], number: u64, place: usize, glue: Glue) {
        let bytes_max = self.bytes_max;
        let Some(own) = self.places.get_mut(place) else { return };
        let blank_count = std::mem::take(&mut own.blank_count);
        let part = part_of(line);
        let room = blank_count + line.len() + LINE_BREAK_BYTES_MAX;
        let fits = |joined: &Joined| {
            joined.line_count < GROUP_LINES_MAX && joined.bytes.len() + room <= bytes_max
        };
        let member = own.member.and_then(|member| self.waiting.get_mut(member));
        if let Some(joined) = member {
            if fits(joined) {
                self.waiting_bytes -= joined.bytes.len();
                joined.append(&part, glue, blank_count);
                self.waiting_bytes += joined.bytes.len();
                return;
            }
            own.head = joined.first_line();
        }
        own.member = Some(self.waiting.len());
        let repeated = match glue {
            Glue::LineBreak => own.head.clone().filter(fits),
            // Half a line is no head for the other half.
            Glue::Piece(_) => None,
        };
        let joined = match repeated {
            Some(mut joined) => {
                (joined.line, joined.line_count) = (number, 0);
                joined.append(&part, glue, 0);
                joined
            }
            None => Joined::of(line, number),
        };
        self.wait(joined);
    }
}

impl Joined {
    /// Returns the text of one line.
    fn of(line: &[u8], number: u64) -> Joined {
        let end = docker_line(line).map_or(line.len(), |docker| docker.end);
        Joined { bytes: line.to_vec(), line: number, line_count: 1, first_end: end, end }
    }

    /// Returns the first line alone, unless it is too long to be said again.
    fn first_line(&self) -> Option<Joined> {
        if self.first_end > REPEATED_HEAD_BYTES_MAX {
            return None;
        }
        let (first, wrapper) = (self.bytes.get(..self.first_end)?, self.bytes.get(self.end..)?);
        let bytes = [first, wrapper].concat();
        Some(Joined { bytes, line: self.line, line_count: 1, end: self.first_end, ..*self })
    }

    /// Adds the text of a line.
    fn append(&mut self, part: &Part<'_>, glue: Glue, blank_count: usize) {
        let mut added = Vec::new();
        match (part, glue) {
            (Part::Escaped(_), Glue::LineBreak) => {
                // Docker keeps the line break that the application wrote; others take it off.
                let before = self.bytes.get(..self.end).unwrap_or_default();
                if !before.ends_with(b"\\n") {
                    added.extend_from_slice(b"\\n");
                }
            }
            (Part::Text(_), Glue::LineBreak) => added.resize(blank_count + 1, b'\n'),
            (Part::Escaped(_) | Part::Text(_), Glue::Piece(_)) => {}
        }
        match part {
            Part::Escaped(escaped) => added.extend_from_slice(escaped),
            Part::Text(text) => added.extend_from_slice(text.as_bytes()),
        }
        self.line_count += 1;
        let added_bytes = added.len();
        self.bytes.splice(self.end..self.end, added);
        self.end += added_bytes;
        if glue == Glue::Piece(Extent::Full) {
            self.end_pieces();
        }
    }

    /// Says in a line of CRI that its text is whole now.
    fn end_pieces(&mut self) {
        let first = self.bytes.get(..self.first_end).unwrap_or_default();
        let Some(cri) = std::str::from_utf8(first).ok().and_then(cri_line) else { return };
        let tag = cri.time.len() + cri.stream.len() + 2;
        if let Some(tag) = self.bytes.get_mut(tag).filter(|tag| **tag == b'P') {
            *tag = b'F';
        }
    }
}

#[cfg(test)]
mod tests;
