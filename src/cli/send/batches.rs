//! Cuts a stream of bytes into batches of whole lines.
//!
//! A thread reads, so that a quiet input (`app | tierlog send`) is noticed: what has arrived is
//! then sent without waiting for a full batch.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Size of a full batch: one fsync of the server for two thousand lines.
pub(super) const BATCH_BYTES_TARGET: usize = 1024 * 1024;

/// Longest line that is sent, to within one read. The server's own limit is lower unless configured; this one only
/// keeps a file without line breaks from filling our memory.
const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes read at a time.
const READ_BYTES: usize = 256 * 1024;

/// Reads that wait to be cut.
const READS_WAITING_MAX: usize = 4;

/// How long an input is quiet before its last lines are sent.
const QUIET: Duration = Duration::from_millis(200);

/// Whole lines that are sent together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// Counts batches from 0.
    pub(super) number: u64,
    /// Number of the first line in the whole input, from 1.
    pub(super) first_line: u64,
    /// How many lines are not blank.
    pub(super) line_count: u64,
    /// The lines; ends with a line break.
    pub(super) bytes: Vec<u8>,
}

/// What the input holds next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Lines.
    Batch(Batch),
    /// A line that is too long to be sent, by its number.
    TooLong(u64),
}

/// Cuts batches.
#[derive(Debug)]
pub(super) struct BatchReader {
    reads: Receiver<std::io::Result<Vec<u8>>>,
    rest: Vec<u8>,
    /// Bytes at the front of `rest` that are known to hold no line break.
    searched: usize,
    ended: bool,
    skipping: bool,
    next_line: u64,
    next_number: u64,
}

impl BatchReader {
    /// Starts to read an input.
    pub(super) fn spawn(mut input: impl Read + Send + 'static) -> Result<BatchReader> {
        let (sender, reads) = sync_channel(READS_WAITING_MAX);
        // The thread ends with the input, or with us: then its next send finds nobody.
        let read = move || loop {
            let mut bytes = vec![0; READ_BYTES];
            let read = match input.read(&mut bytes) {
                Ok(0) => return,
                Ok(length) => {
                    bytes.truncate(length);
                    Ok(bytes)
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let broken = read.is_err();
            if sender.send(read).is_err() || broken {
                return;
            }
        };
        std::thread::Builder::new()
            .name("read input".to_owned())
            .spawn(read)
            .context("start a thread that reads")?;
        Ok(BatchReader {
            reads,
            rest: Vec::new(),
            searched: 0,
            ended: false,
            skipping: false,
            next_line: 1,
            next_number: 0,
        })
    }

    /// Waits for the next batch; nothing when the input has ended.
    pub(super) fn next_cut(&mut self) -> Result<Option<Cut>> {
        loop {
            if self.skipping {
                if let Some(cut) = self.skip() {
                    return Ok(Some(cut));
                }
            } else if (self.ended || self.rest.len() >= BATCH_BYTES_TARGET)
                && let Some(cut) = self.cut()
            {
                return Ok(Some(cut));
            }
            if self.ended {
                return Ok(None);
            }
            let quiet = if self.rest.is_empty() || self.skipping {
                self.reads.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                self.reads.recv_timeout(QUIET)
            };
            match quiet {
                Ok(read) => self.rest.extend_from_slice(&read.context("read the input")?),
                Err(RecvTimeoutError::Disconnected) => self.ended = true,
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(cut) = self.cut() {
                        return Ok(Some(cut));
                    }
                }
            }
        }
    }

    /// Takes the whole lines that are there, up to a little more than a full batch.
    fn cut(&mut self) -> Option<Cut> {
        let unsearched = self.rest.get(self.searched..).unwrap_or_default();
        let Some(last_break) = memchr::memrchr(b'\n', unsearched) else {
            self.searched = self.rest.len();
            return self.cut_unbroken();
        };
        let end = self.searched + last_break + 1;
        let rest = self.rest.split_off(end);
        let bytes = std::mem::replace(&mut self.rest, rest);
        self.searched = 0;
        Some(Cut::Batch(self.batch(bytes)))
    }

    fn cut_unbroken(&mut self) -> Option<Cut> {
        if self.rest.len() >= LINE_BYTES_MAX {
            self.skipping = true;
            return self.skip();
        }
        if !self.ended || self.rest.is_empty() {
            return None;
        }
        let mut bytes = std::mem::take(&mut self.rest);
        self.searched = 0;
        bytes.push(b'\n');
        Some(Cut::Batch(self.batch(bytes)))
    }

    /// Drops bytes up to the end of a line that is too long.
    fn skip(&mut self) -> Option<Cut> {
        self.searched = 0;
        match memchr::memchr(b'\n', &self.rest) {
            Some(line_break) => self.rest = self.rest.split_off(line_break + 1),
            None => {
                self.rest.clear();
                if !self.ended {
                    return None;
                }
            }
        }
        self.skipping = false;
        self.next_line += 1;
        Some(Cut::TooLong(self.next_line - 1))
    }

    fn batch(&mut self, bytes: Vec<u8>) -> Batch {
        let breaks = memchr::memchr_iter(b'\n', &bytes).count() as u64;
        let blank = bytes.split(|byte| *byte == b'\n').filter(|line| line.trim_ascii().is_empty());
        // The text after the last line break is empty and no line.
        let line_count = breaks + 1 - blank.count() as u64;
        let batch =
            Batch { number: self.next_number, first_line: self.next_line, line_count, bytes };
        self.next_number += 1;
        self.next_line += breaks;
        batch
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn cuts(input: impl Read + Send + 'static) -> Vec<Cut> {
        let mut reader = BatchReader::spawn(input).expect("a thread");
        std::iter::from_fn(|| reader.next_cut().expect("readable")).collect()
    }

    fn check(input: &str, expected: &[(u64, u64, &str)]) {
        let expected: Vec<Cut> = (0..)
            .zip(expected)
            .map(|(number, (first_line, line_count, text))| {
                let bytes = text.as_bytes().to_vec();
                Cut::Batch(Batch {
                    number,
                    first_line: *first_line,
                    line_count: *line_count,
                    bytes,
                })
            })
            .collect();
        assert_eq!(cuts(Cursor::new(input.to_owned())), expected, "{input:?}");
    }

    #[test]
    fn lines_are_counted_and_the_last_one_is_ended() {
        check("", &[]);
        check("a", &[(1, 1, "a\n")]);
        check("a\nb\n", &[(1, 2, "a\nb\n")]);
        check("a\r\n\r\n  \nb", &[(1, 1, "a\r\n\r\n  \n"), (4, 1, "b\n")]);
    }

    #[test]
    fn full_batches_end_with_a_line() {
        let line = format!("{}\n", "x".repeat(99));
        let input = line.repeat(30_000);
        let cuts = cuts(Cursor::new(input.clone()));
        let mut bytes = Vec::new();
        let mut next_line = 1;
        for cut in &cuts {
            let Cut::Batch(batch) = cut else { panic!("no line is long") };
            assert_eq!(batch.first_line, next_line);
            assert!(batch.bytes.len() < BATCH_BYTES_TARGET + READ_BYTES);
            next_line += batch.line_count;
            bytes.extend_from_slice(&batch.bytes);
        }
        assert!(bytes == input.into_bytes() && cuts.len() == 3);
    }

    #[test]
    fn a_line_without_end_is_skipped_and_named() {
        let long = "y".repeat(LINE_BYTES_MAX + READ_BYTES);
        let input = format!("first\n{long}\nlast\n{long}");
        let numbers: Vec<(u64, u64)> = cuts(Cursor::new(input))
            .iter()
            .map(|cut| match cut {
                Cut::Batch(batch) => (batch.first_line, batch.line_count),
                Cut::TooLong(line) => (*line, 0),
            })
            .collect();
        assert_eq!(numbers, [(1, 1), (2, 0), (3, 1), (4, 0)]);
    }

    #[test]
    fn a_broken_input_is_an_error() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _buffer: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("gone"))
            }
        }
        let mut reader = BatchReader::spawn(Broken).expect("a thread");
        assert!(reader.next_cut().is_err());
    }

    /// Reads a few bytes at a time.
    struct Dripping(Cursor<Vec<u8>>, usize);

    impl Read for Dripping {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let length = buffer.len().min(self.1);
            self.0.read(&mut buffer[..length])
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_byte_is_lost_however_the_input_arrives(text in "[a\n \r]{0,200}", step in 1_usize..50) {
            let input = Dripping(Cursor::new(text.clone().into_bytes()), step);
            let mut bytes = Vec::new();
            let mut lines = 0;
            for cut in cuts(input) {
                if let Cut::Batch(batch) = cut {
                    lines += batch.line_count;
                    bytes.extend_from_slice(&batch.bytes);
                }
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
