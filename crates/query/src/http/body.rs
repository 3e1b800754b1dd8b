//! Answers on their way to clients, and their part of the budget until then.
//!
//! A document arrives as it is serialised, or record by record; an answer leaves whose body is
//! written in pieces, each of which is leased until the connection has taken it. A body in one
//! piece would be handed to the connection whole, and the lease would end long before the client
//! has read the answer.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Serialize, Serializer};
use tierlog_model::memory::{Exhausted, MemoryLease, MemoryPart};
use tokio_stream::Stream;

use crate::error::QueryError;
use crate::execute::{Hit, HitSink, Kept, record_bytes};

/// Size of a piece: the connection takes a few of them ahead of its client.
const PIECE_BYTES: usize = 64 << 10;

/// Room of the first piece: most answers without records are shorter, and grow no buffer.
const FIRST_PIECE_BYTES: usize = 1 << 10;

/// Answers up to this size leave in one piece: a copy of the bytes takes less time than another
/// piece takes the connection.
const JOINED_BYTES_MAX: u64 = 4 << 10;

/// Answers up to this size are small: a page of a hundred ordinary hits is a fifth of it.
const SMALL_BYTES_MAX: u64 = 256 << 10;

/// One part in so many of the budget is for small answers only: clients that do not read their
/// large answers leave room for the others.
const SMALL_SHARE: u64 = 4;

/// Writes an answer in leased pieces.
#[derive(Debug)]
pub(super) struct AnswerWriter {
    lease: MemoryLease,
    pieces: VecDeque<Bytes>,
    /// The piece that is not full yet.
    piece: Vec<u8>,
    /// Bytes of the pieces that are full.
    full_bytes: u64,
    /// Why nothing more is taken.
    exhausted: Option<Exhausted>,
}

impl AnswerWriter {
    /// Returns an empty answer under a part of the budget.
    pub(super) fn new(answers: &MemoryPart) -> AnswerWriter {
        AnswerWriter {
            lease: answers.empty_lease(),
            pieces: VecDeque::new(),
            piece: Vec::with_capacity(FIRST_PIECE_BYTES),
            full_bytes: 0,
            exhausted: None,
        }
    }

    /// Appends bytes; fails when the budget has no room for another piece.
    fn append(&mut self, mut bytes: &[u8]) -> Result<(), Exhausted> {
        while !bytes.is_empty() {
            let room = PIECE_BYTES.saturating_sub(self.piece.len());
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            self.piece.extend_from_slice(now);
            bytes = rest;
            if self.piece.len() >= PIECE_BYTES {
                self.close_piece()?;
            }
        }
        Ok(())
    }

    /// Appends bytes that fill the piece. Apart, and never inlined, so that the way of the others
    /// is short enough to be inlined into the serialiser.
    #[cold]
    #[inline(never)]
    fn write_over_the_end(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.append(bytes).map_err(|exhausted| {
            self.exhausted = Some(exhausted);
            io::Error::other(exhausted)
        })
    }

    fn close_piece(&mut self) -> Result<(), Exhausted> {
        let part = self.lease.part();
        let (bytes, more_bytes) = (self.bytes(), self.piece.len() as u64);
        let limit_bytes = limit_bytes(part, bytes);
        if bytes > limit_bytes || part.used_bytes().saturating_add(more_bytes) > limit_bytes {
            part.note_refusal();
            let part_use = part.part_use();
            return Err(Exhausted { part_use, wanted_bytes: bytes, limit_bytes });
        }
        self.lease.grow(more_bytes)?;
        self.full_bytes = bytes;
        self.pieces.push_back(Bytes::from(std::mem::take(&mut self.piece)));
        Ok(())
    }

    /// Returns the bytes of all pieces.
    fn bytes(&self) -> u64 {
        self.full_bytes + self.piece.len() as u64
    }

    /// Tells whether the answer may become so much larger, whatever others hold.
    fn may_grow(&self, more_bytes: usize) -> bool {
        let bytes = self.bytes().saturating_add(more_bytes as u64);
        bytes <= limit_bytes(self.lease.part(), bytes)
    }

    /// Returns the finished answer.
    fn finish(mut self) -> Result<JsonAnswer, Exhausted> {
        if !self.piece.is_empty() {
            self.close_piece()?;
        }
        Ok(JsonAnswer { pieces: self.pieces, left_bytes: self.full_bytes, lease: self.lease })
    }
}

/// Returns how much of a part may be lent for an answer of so many bytes to have its share.
fn limit_bytes(part: &MemoryPart, bytes: u64) -> u64 {
    match bytes {
        0..=SMALL_BYTES_MAX => part.limit_bytes(),
        _ => part.limit_bytes() - part.limit_bytes() / SMALL_SHARE,
    }
}

impl io::Write for AnswerWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Fast path: a document is serialised by single signs and words.
        if bytes.len() < PIECE_BYTES.saturating_sub(self.piece.len()) {
            self.piece.extend_from_slice(bytes);
            return Ok(());
        }
        self.write_over_the_end(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A finished JSON document.
#[derive(Debug)]
pub(super) struct JsonAnswer {
    pieces: VecDeque<Bytes>,
    left_bytes: u64,
    lease: MemoryLease,
}

impl JsonAnswer {
    /// Serialises a document.
    pub(super) fn of(
        document: &impl Serialize,
        answers: &MemoryPart,
    ) -> Result<JsonAnswer, QueryError> {
        let mut writer = AnswerWriter::new(answers);
        match (serde_json::to_writer(&mut writer, document), writer.exhausted) {
            (_, Some(exhausted)) => Err(exhausted.into()),
            (Err(_), None) => Err(QueryError::Internal("an answer does not serialise")),
            (Ok(()), None) => Ok(writer.finish()?),
        }
    }

    /// Serialises a document around records, in the place of the field of this name, which is
    /// [`Apart`].
    pub(super) fn around(
        records: Records,
        field: &str,
        document: &impl Serialize,
        answers: &MemoryPart,
    ) -> Result<JsonAnswer, QueryError> {
        let JsonAnswer { mut pieces, left_bytes, mut lease } = JsonAnswer::of(document, answers)?;
        let text = match (pieces.pop_front(), pieces.is_empty()) {
            // Fast path: the document around the records is one piece.
            (Some(only), true) => only,
            (first, _) => first.into_iter().chain(pieces).flatten().collect(),
        };
        // Quotes inside of texts are escaped, so no text can look like this.
        let mark = format!("\"{field}\":{MARK}");
        let Some(at) = memchr::memmem::find(&text, mark.as_bytes()) else {
            return Err(QueryError::Internal("an answer has no place for its records"));
        };
        let end = at + mark.len();
        let (head, tail) = (text.slice(..end - MARK.len()), text.slice(end..));
        let records = records.finish()?;
        lease.absorb(records.lease);
        let left_bytes = left_bytes - MARK.len() as u64 + records.left_bytes;
        let mut pieces = records.pieces;
        pieces.push_front(head);
        pieces.push_back(tail);
        if left_bytes <= JOINED_BYTES_MAX {
            let mut joined = Vec::with_capacity(left_bytes as usize);
            pieces.drain(..).for_each(|piece| joined.extend_from_slice(&piece));
            pieces.push_back(Bytes::from(joined));
        }
        Ok(JsonAnswer { pieces, left_bytes, lease })
    }
}

impl IntoResponse for JsonAnswer {
    fn into_response(self) -> Response {
        let length = HeaderValue::from(self.left_bytes);
        let mut response = Response::new(Body::from_stream(self));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_LENGTH, length);
        response
    }
}

impl Stream for JsonAnswer {
    type Item = Result<Bytes, Infallible>;

    /// Hands the next piece on. The connection keeps what it took until its client has it, and
    /// takes no more than a few pieces ahead; only what is left here is leased.
    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let Some(piece) = self.pieces.pop_front() else { return Poll::Ready(None) };
        self.left_bytes = self.left_bytes.saturating_sub(piece.len() as u64);
        let left_bytes = self.left_bytes;
        self.lease.shrink_to(left_bytes);
        Poll::Ready(Some(Ok(piece)))
    }
}

/// JSON of [`Apart`]: a text that no answer of ours has.
const MARK: &str = "\"\\u0000\"";

/// Stands in a document for records that are written apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Apart;

impl Serialize for Apart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("\0")
    }
}

/// Bytes that are kept for the document around the records.
const DOCUMENT_BYTES: usize = 64 << 10;

/// A JSON array of records, written as they come.
#[derive(Debug)]
pub(super) struct Records {
    writer: AnswerWriter,
    /// The record that is being written.
    record: Vec<u8>,
    count: usize,
    text_bytes_left: usize,
}

impl Records {
    /// Returns an empty array for so many bytes of record text.
    pub(super) fn up_to(text_bytes_max: usize, answers: &MemoryPart) -> Records {
        let writer = AnswerWriter::new(answers);
        Records { writer, record: Vec::new(), count: 0, text_bytes_left: text_bytes_max }
    }

    fn finish(mut self) -> Result<JsonAnswer, Exhausted> {
        self.writer.append(if self.count == 0 { b"[]" } else { b"]" })?;
        self.writer.finish()
    }
}

impl HitSink for Records {
    fn take(&mut self, hit: Hit) -> Result<Kept, QueryError> {
        match self.text_bytes_left.checked_sub(record_bytes(&hit.record)) {
            Some(left) => self.text_bytes_left = left,
            None if self.count == 0 => self.text_bytes_left = 0,
            None => return Ok(Kept::NoRoom),
        }
        self.record.clear();
        self.record.push(if self.count == 0 { b'[' } else { b',' });
        // A record always serialises: its keys are texts, and memory takes any number of bytes.
        serde_json::to_writer(&mut self.record, &hit)
            .map_err(|_| QueryError::Internal("a record does not serialise"))?;
        // The page alone is as large as the budget allows: it ends here, as at `query.answer_max`.
        if self.count > 0 && !self.writer.may_grow(self.record.len() + DOCUMENT_BYTES) {
            return Ok(Kept::NoRoom);
        }
        self.writer.append(&self.record)?;
        self.count += 1;
        Ok(Kept::Yes)
    }
}

#[cfg(test)]
mod tests;
