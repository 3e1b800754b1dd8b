//! Bytes become lines. A line ends with `\n` or `\r\n`, in some protocols with NUL too; the last
//! line may end with the input.
//!
//! Two forms of the same rule: [`Lines`] walks bytes that are all there, [`LineDecoder`] takes a
//! stream and cuts it behind the last complete line it has. A line beyond the limit is never
//! buffered whole: its head is kept for the dead letter, the rest is skipped up to its end.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use bytes::{Buf, Bytes, BytesMut};
use tierlog_model::limits::DEAD_LETTER_BYTES_MAX;

/// Kept bytes of an oversize line: the length of a dead letter and three times as much again, so
/// that redaction sees a secret across the cut as a whole.
pub(crate) const HEAD_BYTES_MAX: usize = 4 * DEAD_LETTER_BYTES_MAX;

/// Byte order mark that editors on Windows put before the first line.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The byte that begins an escape sequence of a terminal.
const ESCAPE: u8 = 0x1b;

/// Tells whether a line holds nothing that is read or counted, as a producer that numbers its
/// lines has to know.
pub fn is_blank(line: &[u8]) -> bool {
    content(line).is_empty()
}

/// Returns what a line holds: without byte order marks, the NUL bytes that a truncated file
/// begins with, white space at the end, and colours around an object. The indentation of a text
/// says something and stays.
pub(crate) fn content(line: &[u8]) -> &[u8] {
    // Fast path: an object from the first byte to the last.
    if let [b'{', .., b'}'] = line {
        return line;
    }
    let mut text = line;
    while let Some(rest) = text.strip_prefix(BYTE_ORDER_MARK).or(text.strip_prefix(b"\0")) {
        text = rest;
    }
    text = trim_end(text);
    let inner = bare(text);
    match inner.first() {
        Some(b'{') => without_end(inner),
        Some(_) => text,
        None => inner,
    }
}

/// Returns a text without white space and NUL bytes at its end.
fn trim_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., last] = text
        && (last.is_ascii_whitespace() || *last == 0)
    {
        text = rest;
    }
    text
}

/// Returns a text without the white space and colours that it begins with.
fn bare(text: &[u8]) -> &[u8] {
    let mut inner = text.trim_ascii_start();
    while let Some(length) = colour_len(inner) {
        inner = inner.get(length..).unwrap_or_default().trim_ascii_start();
    }
    inner
}

/// Returns a text without trailing colours.
fn without_end(mut text: &[u8]) -> &[u8] {
    while text.last() != Some(&b'}')
        && let Some(start) = memchr::memrchr(ESCAPE, text)
        && let Some((before, sequence)) = text.split_at_checked(start)
        && colour_len(sequence) == Some(sequence.len())
    {
        text = trim_end(before);
    }
    text
}

/// Returns the length of the colour that a text begins with: `ESC [`, numbers, `m` or `K`.
fn colour_len(text: &[u8]) -> Option<usize> {
    let parameters = text.strip_prefix(b"\x1b[")?;
    let length = parameters.iter().position(|b| !matches!(b, b'0'..=b'9' | b';' | b':'))?;
    matches!(parameters.get(length), Some(b'm' | b'K')).then_some(length + 3)
}

/// The byte that a line ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameEnd {
    /// `\n`.
    Newline,
    /// `\n` or NUL, as each client has it.
    NewlineOrNul,
}

impl FrameEnd {
    #[inline]
    fn find(self, text: &[u8]) -> Option<usize> {
        match self {
            FrameEnd::Newline => memchr::memchr(b'\n', text),
            FrameEnd::NewlineOrNul => memchr::memchr2(b'\n', 0, text),
        }
    }

    fn find_last(self, text: &[u8]) -> Option<usize> {
        match self {
            FrameEnd::Newline => memchr::memrchr(b'\n', text),
            FrameEnd::NewlineOrNul => memchr::memrchr2(b'\n', 0, text),
        }
    }
}

/// Lines of a text, without their ends. Empty ones are among them.
#[derive(Clone, Debug)]
pub(crate) struct Lines<'a> {
    rest: &'a [u8],
    end: FrameEnd,
}

impl<'a> Lines<'a> {
    /// Returns the lines of a text.
    pub(crate) fn new(text: &'a [u8]) -> Lines<'a> {
        Lines::ending_with(text, FrameEnd::Newline)
    }

    /// Returns the lines of a text, cut at the given ends.
    pub(crate) fn ending_with(text: &'a [u8], end: FrameEnd) -> Lines<'a> {
        Lines { rest: text, end }
    }

    /// Returns how many bytes were not walked yet.
    pub(crate) fn byte_len(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let (line, rest) = match self.end.find(self.rest) {
            Some(end) => {
                let (line, rest) = self.rest.split_at_checked(end)?;
                (line, rest.get(1..).unwrap_or_default())
            }
            None => (self.rest, [].as_slice()),
        };
        self.rest = rest;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// What a stream of lines consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// One or more whole lines with their ends; at the end of the stream the last may lack its.
    Lines(Bytes),
    /// A line beyond the limit: its first bytes. The rest was skipped.
    TooLong(Bytes),
}

impl Frame {
    /// Returns how many bytes the frame holds.
    pub(crate) fn byte_len(&self) -> usize {
        match self {
            Frame::Lines(bytes) | Frame::TooLong(bytes) => bytes.len(),
        }
    }
}

/// Whether the stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    /// The stream goes on.
    Open,
    /// The stream has ended: the last frame may lack an end.
    Last,
}

/// Cuts a stream into frames.
pub(crate) trait Framing: Send {
    /// Takes whole frames out of the buffer; `None` when there is none.
    fn next(&mut self, buffer: &mut BytesMut, end: StreamEnd) -> Option<Frame>;

    /// Tells whether the stream is inside a frame that is too long, of which nothing is kept.
    fn is_skipping(&self) -> bool;
}

/// Takes the lines of frames, of a line that is too long the head, for as long as there are any and
/// `take` goes on. What is left stays in the frames.
#[inline]
pub(crate) fn take_lines(
    frames: &mut VecDeque<Frame>,
    end: FrameEnd,
    mut take: impl FnMut(Result<&[u8], &[u8]>) -> ControlFlow<()>,
) {
    while let Some(frame) = frames.front_mut() {
        let (flow, left) = match frame {
            Frame::Lines(bytes) => {
                let mut lines = Lines::ending_with(bytes, end);
                let flow = lines.try_for_each(|line| take(Ok(line)));
                (flow, lines.byte_len())
            }
            Frame::TooLong(head) => (take(Err(head)), 0),
        };
        match frame {
            Frame::Lines(bytes) if left > 0 => bytes.advance(bytes.len() - left),
            Frame::Lines(_) | Frame::TooLong(_) => drop(frames.pop_front()),
        }
        if flow.is_break() {
            return;
        }
    }
}

/// Cuts a stream behind the last complete line that has arrived.
#[derive(Debug)]
pub(crate) struct LineDecoder {
    end: FrameEnd,
    line_bytes_max: usize,
    /// Bytes at the start of the buffer that are known to hold no line end.
    scanned_bytes: usize,
    /// Head of the oversize line whose end is still to come.
    skipping: Option<Bytes>,
}

impl LineDecoder {
    /// Returns a decoder for lines up to a length.
    pub(crate) fn new(line_bytes_max: usize, end: FrameEnd) -> LineDecoder {
        LineDecoder { end, line_bytes_max, scanned_bytes: 0, skipping: None }
    }

    /// Moves past the rest of an oversize line; returns its head once its end is found.
    fn skip(&mut self, buffer: &mut BytesMut) -> Option<Bytes> {
        match self.end.find(buffer) {
            Some(end) => {
                buffer.advance(end + 1);
                self.skipping.take()
            }
            None => {
                buffer.clear();
                None
            }
        }
    }
}

impl LineDecoder {
    /// Returns the whole lines that have arrived.
    fn arrived(&mut self, buffer: &mut BytesMut) -> Option<Frame> {
        if self.is_skipping() {
            return self.skip(buffer).map(Frame::TooLong);
        }
        let unseen = buffer.get(self.scanned_bytes..).unwrap_or_default();
        if let Some(end) = self.end.find_last(unseen) {
            let lines = buffer.split_to(self.scanned_bytes + end + 1);
            self.scanned_bytes = 0;
            return Some(Frame::Lines(lines.freeze()));
        }
        // One byte more than the limit may be the `\r` of an end that is not here yet.
        if buffer.len() > self.line_bytes_max + 1 {
            let kept = buffer.get(..HEAD_BYTES_MAX).unwrap_or(buffer.as_ref());
            self.skipping = Some(Bytes::copy_from_slice(kept));
            self.scanned_bytes = 0;
            buffer.clear();
            return None;
        }
        self.scanned_bytes = buffer.len();
        None
    }

    /// Returns what is left when the stream has ended.
    fn rest(&mut self, buffer: &mut BytesMut) -> Option<Frame> {
        if let Some(head) = self.skipping.take() {
            return Some(Frame::TooLong(head));
        }
        self.scanned_bytes = 0;
        let rest = buffer.split();
        (!rest.is_empty()).then(|| Frame::Lines(rest.freeze()))
    }
}

impl Framing for LineDecoder {
    fn next(&mut self, buffer: &mut BytesMut, end: StreamEnd) -> Option<Frame> {
        match (self.arrived(buffer), end) {
            (Some(frame), _) => Some(frame),
            (None, StreamEnd::Open) => None,
            (None, StreamEnd::Last) => self.rest(buffer),
        }
    }

    fn is_skipping(&self) -> bool {
        self.skipping.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fuzzing::naive_lines;

    /// Feeds a stream in pieces and returns its lines; an oversize one as `None`.
    fn decode_in_pieces(
        text: &[u8],
        piece_bytes: usize,
        line_bytes_max: usize,
    ) -> Vec<Option<Vec<u8>>> {
        let mut decoder = LineDecoder::new(line_bytes_max, FrameEnd::Newline);
        let mut buffer = BytesMut::new();
        let mut lines = Vec::new();
        let mut take = |frame: Frame| match frame {
            Frame::Lines(chunk) => {
                for line in Lines::new(&chunk) {
                    lines.push((line.len() <= line_bytes_max).then(|| line.to_vec()));
                }
            }
            Frame::TooLong(head) => {
                assert!(head.len() <= HEAD_BYTES_MAX);
                lines.push(None);
            }
        };
        for piece in text.chunks(piece_bytes) {
            buffer.extend_from_slice(piece);
            while let Some(frame) = decoder.next(&mut buffer, StreamEnd::Open) {
                take(frame);
            }
            assert!(buffer.len() <= line_bytes_max + 1, "an oversize line is not buffered");
        }
        while let Some(frame) = decoder.next(&mut buffer, StreamEnd::Last) {
            take(frame);
        }
        lines
    }

    proptest! {
        #[test]
        fn framing_equals_a_naive_split(
            text in prop::collection::vec(prop_oneof![
                4 => Just(b'a'), 2 => Just(b'\n'), 1 => Just(b'\r'), 1 => any::<u8>()
            ], 0..300),
            piece_bytes in 1_usize..40,
            line_bytes_max in 1_usize..20,
        ) {
            prop_assert_eq!(
                decode_in_pieces(&text, piece_bytes, line_bytes_max),
                naive_lines(&text, line_bytes_max)
            );
        }
    }

    #[test]
    fn an_oversize_line_is_skipped_and_the_next_one_read() {
        let mut text = vec![b'x'; 100_000];
        text.extend_from_slice(b"\r\n{}\n");
        assert_eq!(decode_in_pieces(&text, 1000, 50), [None, Some(b"{}".to_vec())]);
        // The stream may end inside it.
        assert_eq!(decode_in_pieces(&[b'x'; 1000], 7, 50), [None]);
    }

    #[test]
    fn both_line_ends_count_and_the_limit_is_inclusive() {
        let lines = decode_in_pieces(b"12345\r\n12345\n123456\n\n1", 3, 5);
        let text = |text: &[u8]| Some(text.to_vec());
        assert_eq!(lines, [text(b"12345"), text(b"12345"), None, text(b""), text(b"1")]);
    }
}
