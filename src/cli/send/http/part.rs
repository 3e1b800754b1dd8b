//! A part of a batch: all of it, or a half of a part that the server does not take.

use super::super::backlog::{Batch, History};
use super::super::lines::counted;
use super::super::spool::Identity;
use super::super::tally::Sent;

/// A part.
#[derive(Clone, Debug)]
pub(super) struct Part<'b> {
    pub(super) lines: &'b [u8],
    pub(super) history: History,
    pub(super) identity: Identity,
    /// Number of the batch's first line, a part of the batch's name.
    batch_line: u64,
    /// Which halves were taken, `a` or `b`, outermost first.
    halves: String,
    /// Lines of the batch before the part that are not blank.
    before: u64,
    /// Number of the first line in the input.
    input_line: Option<u64>,
}

impl<'b> Part<'b> {
    /// Returns all of a batch.
    pub(super) fn whole(batch: &'b Batch) -> Part<'b> {
        Part {
            lines: &batch.bytes,
            history: batch.history,
            identity: batch.identity,
            batch_line: batch.first_line,
            halves: String::new(),
            before: 0,
            input_line: batch.input_line,
        }
    }

    /// Returns the name under which the server knows the part: the same in every run.
    pub(super) fn name(&self, identity: Identity) -> String {
        format!("{identity}-{}{}", self.batch_line, self.halves)
    }

    /// Returns the counts of the part for a tally.
    pub(super) fn sent(&self) -> Sent {
        Sent {
            bytes: self.lines.len() as u64,
            line_count: counted(self.lines),
            input_line: self.input_line,
        }
    }

    /// Returns the number of its first line.
    pub(super) fn first_line(&self) -> u64 {
        self.batch_line + self.before
    }

    /// Tells whether it holds one line only.
    pub(super) fn is_one_line(&self) -> bool {
        self.middle().is_none()
    }

    /// Returns two halves of more than one line.
    pub(super) fn halves(&self) -> Option<(Part<'b>, Part<'b>)> {
        let (first, second) = self.lines.split_at_checked(self.middle()?)?;
        let breaks = memchr::memchr_iter(b'\n', first).count() as u64;
        let half = |lines, letter, before, input_line| Part {
            lines,
            history: self.history,
            identity: self.identity,
            batch_line: self.batch_line,
            halves: format!("{}{letter}", self.halves),
            before,
            input_line,
        };
        let second_line = self.input_line.map(|line| line + breaks);
        Some((
            half(first, 'a', self.before, self.input_line),
            half(second, 'b', self.before + counted(first), second_line),
        ))
    }

    /// Returns where the second half begins: behind the line break next to the middle.
    fn middle(&self) -> Option<usize> {
        let lines = self.lines.strip_suffix(b"\n").unwrap_or(self.lines);
        let (left, right) = lines.split_at_checked(lines.len() / 2)?;
        let before = memchr::memrchr(b'\n', left).map(|at| at + 1);
        before.or_else(|| memchr::memchr(b'\n', right).map(|at| left.len() + at + 1))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn batch(lines: &str) -> Batch {
        Batch {
            key: 0,
            identity: Identity(1),
            first_line: 40,
            line_count: counted(lines.as_bytes()),
            input_line: Some(7),
            bytes: Arc::new(lines.as_bytes().to_vec()),
            history: History::Fresh,
        }
    }

    #[test]
    fn halves_of_halves_are_the_lines_one_by_one() {
        let batch = batch("one\n\n  \ntwo\nthree is longer than the others\n4\n");
        let mut parts = vec![Part::whole(&batch)];
        let mut single = Vec::new();
        while let Some(part) = parts.pop() {
            match part.halves() {
                Some((first, second)) => parts.extend([second, first]),
                None => single.push(part),
            }
        }
        let seen: Vec<_> = single
            .iter()
            .filter(|part| part.sent().line_count > 0)
            .map(|part| {
                let text = std::str::from_utf8(part.lines).expect("text").trim_end();
                (text, part.first_line(), part.sent().input_line)
            })
            .collect();
        let long = "three is longer than the others";
        let expected = [
            ("one", 40, Some(7)),
            ("two", 41, Some(10)),
            (long, 42, Some(11)),
            ("4", 43, Some(12)),
        ];
        assert_eq!(seen, expected);
        let mut names: Vec<String> = single.iter().map(|part| part.name(Identity(1))).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), single.len());
    }
}
