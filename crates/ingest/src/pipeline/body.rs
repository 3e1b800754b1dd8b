//! A body becomes records piece by piece, so that its memory does not follow its size: received
//! bytes are given as they come, batches leave, and in between lies one window of plain bytes.
//!
//! ```text
//! received ─▶ inflate ─▶ window ─▶ items ─▶ records ─▶ piece: a batch and its verdicts
//!             as much as the window    at most so many
//!             has room for             records a piece
//! ```
//!
//! Where pieces are cut depends on the plain bytes and on the defaults of the request, and on
//! nothing else: not on the sizes in which bytes arrived, the time, or what the store did. So the
//! same body sent again is cut alike, and each piece is recognised by an id of its own.

use bytes::Bytes;
use tierlog_model::limits::BATCH_BYTES_TARGET;
use tierlog_model::{BatchId, Tenant};

use super::splitter::WindowEnd;
use super::{Ingest, PreparedBatch};
use crate::inflate::{Encoding, Filled, InflateError, Inflater};
use crate::intake::{ADDED_BYTES_MAX, Intake};
use crate::normalise::LineReader;

/// Received bytes of a compressed body that are held before they are inflated: while a slow client
/// sends, they wait compressed, without the memory of a decompressor.
pub(crate) const COMPRESSED_BYTES_TARGET: usize = 256 << 10;

/// Bounds of one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PieceBounds {
    /// Plain bytes.
    pub(crate) bytes: usize,
    /// Bytes that records take beside their text; a line that holds several objects may add more.
    pub(crate) added_bytes: usize,
}

impl PieceBounds {
    /// The bounds of every body.
    pub(crate) const USUAL: PieceBounds =
        PieceBounds { bytes: BATCH_BYTES_TARGET, added_bytes: ADDED_BYTES_MAX };
}

/// A body whose head was read.
pub(crate) struct OpenBody {
    /// How it is compressed.
    pub(crate) encoding: Encoding,
    /// The client's name for it.
    pub(crate) id: Option<BatchId>,
    /// Who reads its items.
    pub(crate) items: Box<dyn BodyItems>,
}

/// Reads the items of one body, window by window.
///
/// Where a window ends depends on how the body arrived, where a batch is full does not: items must
/// not be told apart by the end of a window, unless the body ends there.
pub(crate) trait BodyItems: Send {
    /// Reads items until the batch is full or the window holds no whole item.
    fn read(&mut self, window: &mut Window<'_>, intake: &mut Intake<'_>) -> Read;

    /// Returns how many bytes unread ones become probably, as a batch.
    fn batch_bytes(&self, unread: &[u8]) -> usize;

    /// Returns the number of the first item that waits for others.
    fn first_waiting(&self) -> Option<u64> {
        None
    }
}

/// Plain bytes of a body.
#[derive(Debug)]
pub(crate) struct Window<'w> {
    /// The bytes.
    pub(crate) bytes: &'w [u8],
    /// How many of them were read.
    pub(crate) at: usize,
    /// Whether the body ends with them.
    pub(crate) end: WindowEnd,
}

impl<'w> Window<'w> {
    /// Returns the bytes that were not read.
    pub(crate) fn unread(&self) -> &'w [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

/// How the reading of a window ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// The batch is full; the window may hold further items.
    Full,
    /// No whole item is left: what was not read comes again with what follows.
    Starved,
}

/// A part of a body, read.
#[derive(Debug)]
pub(crate) struct Piece {
    /// The piece's records, and the verdicts on its lines.
    pub(crate) prepared: PreparedBatch,
    /// Number of the last line covered by the piece and the pieces before.
    pub(crate) through_line: u64,
}

/// What reading on came to.
#[derive(Debug)]
pub(crate) enum Step {
    /// Nothing could be read before the window is filled with further bytes.
    NeedsInput,
    /// A piece; more follow.
    Piece(Box<Piece>),
    /// The last piece, perhaps without a record.
    Last(Box<Piece>),
}

/// Reads one body.
pub(crate) struct BodyReader {
    items: Box<dyn BodyItems>,
    encoding: Encoding,
    id: Option<BatchId>,
    bounds: PieceBounds,
    inflater: Inflater,
    window: Vec<u8>,
    /// How much of the window has been read.
    at: usize,
    /// To which length the window is filled before it is read.
    target: usize,
    state: WindowState,
    lines: LineReader,
    /// Number of the last item.
    position: u64,
    /// Pieces with items so far.
    piece_count: u32,
    tenant: Tenant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WindowState {
    Filling,
    Filled(WindowEnd),
}

impl BodyReader {
    /// Returns a reader of a body of which nothing has arrived.
    pub(crate) fn new(ingest: &Ingest, body: OpenBody, bounds: PieceBounds) -> BodyReader {
        let OpenBody { encoding, id, items } = body;
        BodyReader {
            inflater: Inflater::new(encoding, ingest.config().limits.inflated_bytes_max),
            lines: LineReader::new(ingest.config()),
            items,
            encoding,
            id,
            bounds,
            window: Vec::new(),
            at: 0,
            target: bounds.bytes,
            state: WindowState::Filling,
            position: 0,
            piece_count: 0,
            tenant: Tenant::DEFAULT,
        }
    }

    /// Says whose body it is.
    pub(crate) fn of_tenant(self, tenant: Tenant) -> BodyReader {
        BodyReader { tenant, ..self }
    }

    /// Returns how many bytes are held once so many more were received. The window of a plain
    /// body grows with what has arrived, whatever its client announced; what has room in it needs
    /// no further memory.
    pub(crate) fn held_bytes_with(&self, received: usize) -> usize {
        match self.encoding {
            Encoding::Identity => {
                let room = self.target.saturating_sub(self.window.len());
                let received = self.inflater.received_bytes() + received;
                self.capacity_with(received) + received.saturating_sub(room)
            }
            Encoding::Gzip | Encoding::Zstd | Encoding::Deflate => self.held_bytes() + received,
        }
    }

    /// Takes received bytes. Plain ones go into the window as far as it has room.
    pub(crate) fn give(&mut self, received: Bytes) -> Result<(), InflateError> {
        let capacity = self.capacity_with(received.len());
        self.inflater.give(received);
        match self.encoding {
            Encoding::Identity => {
                self.window.reserve_exact(capacity.saturating_sub(self.window.len()));
                self.fill()
            }
            Encoding::Gzip | Encoding::Zstd | Encoding::Deflate => Ok(()),
        }
    }

    /// Notes that the body has arrived whole.
    pub(crate) fn end(&mut self) -> Result<(), InflateError> {
        self.inflater.end();
        match self.encoding {
            Encoding::Identity => self.fill(),
            Encoding::Gzip | Encoding::Zstd | Encoding::Deflate => Ok(()),
        }
    }

    /// Tells whether the next bytes should be received before anything is read: a piece is read
    /// when it is known that there is more than it, or that there is not.
    pub(crate) fn wants_input(&self) -> bool {
        if self.inflater.has_ended() {
            return false;
        }
        let received = self.inflater.received_bytes();
        match self.encoding {
            Encoding::Identity => received == 0,
            Encoding::Gzip | Encoding::Zstd | Encoding::Deflate => {
                received < COMPRESSED_BYTES_TARGET
            }
        }
    }

    /// Returns the bytes of a body that is plain and has arrived whole in one window.
    pub(crate) fn plain_bytes(&self) -> Option<usize> {
        let is_whole = self.state == WindowState::Filled(WindowEnd::Last) && self.at == 0;
        (is_whole && self.encoding == Encoding::Identity).then_some(self.window.len())
    }

    /// Returns how many bytes the next piece becomes probably: those of its lines, and what as
    /// many records cost as the first lines let expect.
    pub(crate) fn next_batch_bytes(&self) -> usize {
        let unread = self.window.get(self.at..).unwrap_or_default();
        self.items.batch_bytes(unread)
    }

    /// Returns the bytes that are held now.
    pub(crate) fn held_bytes(&self) -> usize {
        self.window.capacity() + self.inflater.received_bytes() + self.inflater.decoder_bytes()
    }

    /// Returns the length of a window that takes so many bytes more: it doubles, up to the length
    /// of a piece.
    fn capacity_with(&self, received: usize) -> usize {
        let (capacity, length) = (self.window.capacity(), self.window.len());
        let wanted = length.saturating_add(received).min(self.target.max(length));
        if wanted <= capacity { capacity } else { wanted.max((2 * capacity).min(self.target)) }
    }

    /// Returns the bytes that may be held once the next step has begun.
    pub(crate) fn needed_bytes(&self) -> usize {
        match self.encoding {
            Encoding::Identity => {
                let received = self.inflater.received_bytes();
                self.window.capacity().max(self.window.len() + received) + received
            }
            Encoding::Gzip | Encoding::Zstd | Encoding::Deflate => {
                let window = self.window.capacity().max(self.target);
                window + self.inflater.received_bytes() + self.inflater.decoder_bytes_max()
            }
        }
    }

    /// Tells whether the window is full, or holds the end of the body.
    pub(crate) fn is_filled(&self) -> bool {
        matches!(self.state, WindowState::Filled(_))
    }

    /// Returns about how many bytes filling the window inflates; nothing when the body is plain.
    pub(crate) fn inflating_bytes(&self) -> Option<usize> {
        let expected = self.inflater.expected_bytes().min(self.target);
        (self.encoding != Encoding::Identity).then_some(expected)
    }

    /// Reads a piece of a window that is filled.
    pub(crate) fn step(&mut self, ingest: &Ingest) -> Step {
        let WindowState::Filled(end) = self.state else { return Step::NeedsInput };
        let piece = self.read_window(ingest, end);
        if end == WindowEnd::Last && self.state == WindowState::Filling {
            return Step::Last(Box::new(piece));
        }
        // A piece whose every line a rule drops is a piece: its lines are answered for.
        match piece.prepared.verdicts.line_count {
            0 => Step::NeedsInput,
            1.. => Step::Piece(Box::new(piece)),
        }
    }

    /// Fills the window as far as there are bytes and room.
    pub(crate) fn fill(&mut self) -> Result<(), InflateError> {
        if self.state != WindowState::Filling {
            return Ok(());
        }
        if self.at > 0 {
            self.window.drain(..self.at);
            self.at = 0;
        }
        self.state = match self.inflater.fill(&mut self.window, self.target)? {
            Filled::Starving => WindowState::Filling,
            Filled::Whole => WindowState::Filled(WindowEnd::Open),
            Filled::Finished => WindowState::Filled(WindowEnd::Last),
        };
        Ok(())
    }

    /// Reads items until the piece is full or the window has no whole item left; then the window
    /// is to be filled.
    fn read_window(&mut self, ingest: &Ingest, end: WindowEnd) -> Piece {
        let mut window = Window { bytes: &self.window, at: self.at, end };
        let intake = ingest.intake(&mut self.lines, window.unread().len(), self.bounds.added_bytes);
        let mut intake = intake.behind(self.position).of_tenant(self.tenant);
        let read = self.items.read(&mut window, &mut intake);
        (self.at, self.position) = (window.at, intake.position());
        let mut prepared = intake.finish();
        if prepared.verdicts.line_count > 0 {
            if let Some(id) = self.id {
                prepared.batch = prepared.batch.with_id(piece_id(id, self.piece_count));
            }
            self.piece_count += 1;
        }
        let waiting = self.items.first_waiting();
        let through_line = waiting.map_or(self.position, |first| first.saturating_sub(1));
        if read == Read::Starved {
            self.refill();
        }
        Piece { prepared, through_line }
    }

    /// Asks for further bytes; for a longer window when an item is longer than this one.
    fn refill(&mut self) {
        self.state = WindowState::Filling;
        let unread = self.window.len() - self.at;
        self.target = match unread < self.bounds.bytes {
            true => self.bounds.bytes,
            false => unread.saturating_mul(2),
        };
    }
}

/// Reads a body that arrives in pieces of so many bytes.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_body(
    ingest: &Ingest,
    open: OpenBody,
    bounds: PieceBounds,
    body: &[u8],
    received_bytes: usize,
) -> Result<Vec<Piece>, InflateError> {
    let mut reader = BodyReader::new(ingest, open, bounds);
    let mut received = body.chunks(received_bytes);
    let mut pieces = Vec::new();
    loop {
        while reader.wants_input() {
            match received.next() {
                Some(received) => {
                    let expected = reader.held_bytes_with(received.len());
                    reader.give(Bytes::copy_from_slice(received))?;
                    assert!(reader.held_bytes() <= expected, "more is held than was asked for");
                }
                None => reader.end()?,
            }
        }
        let needed = reader.needed_bytes();
        reader.fill()?;
        assert!(reader.held_bytes() <= needed, "more is held than was asked for");
        match reader.step(ingest) {
            Step::NeedsInput => {}
            Step::Piece(piece) => pieces.push(*piece),
            Step::Last(piece) => {
                pieces.push(*piece);
                return Ok(pieces);
            }
        }
    }
}

/// Returns the id of a piece. A body of one piece has the client's id.
fn piece_id(id: BatchId, number: u32) -> BatchId {
    if number == 0 { id } else { id.piece(number) }
}

#[cfg(test)]
mod tests;
