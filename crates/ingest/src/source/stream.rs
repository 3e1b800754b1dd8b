//! Stream protocols: whatever sends over a TCP connection for as long as the connection lives. A
//! protocol frames the stream, reads frames into the intake, and says what its clients hear.
//!
//! Everything else is in [`connection`], once for all protocols: backpressure, batches in flight,
//! lingering, held lines, the right to hold a long line, numbered lines of producers.

mod connection;
mod hold;

use std::collections::VecDeque;

use tierlog_model::{Caller, ProducerId, Tenant};

pub use connection::{ConnectionError, serve_tcp_connection};

use crate::frame::{Frame, Framing};
use crate::intake::PreparedBatch;
use crate::intake::{ADDED_BYTES_MAX, Intake};
use crate::joiner::Joiner;
use crate::normalise::{IngestConfig, LineReader};
use crate::pipeline::{Held, Ingest};

/// A protocol whose clients hold a connection. A new file needs one line in
/// [`PROTOCOLS`](super::PROTOCOLS).
pub(crate) trait StreamProtocol: Send + Sync + std::fmt::Debug {
    /// Returns the name: the label of metrics.
    fn name(&self) -> &'static str;

    /// Returns how the bytes of a new connection are framed.
    fn framing(&self, config: &IngestConfig) -> Box<dyn Framing>;

    /// Returns who reads the frames of a new connection.
    fn session(&self, config: &IngestConfig, caller: &Caller) -> Box<dyn StreamSession>;

    /// Returns what the client is told, if the protocol tells.
    fn answer(&self, said: Said<'_>) -> Option<String>;
}

/// What a client wants to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Nothing.
    Silence,
    /// Counts of durable lines.
    Acks,
    /// Numbers of durable lines.
    Numbers {
        /// Whose lines.
        producer: ProducerId,
        /// Number of the next line; by default the line after the last durable line.
        from: Option<u64>,
    },
}

/// What a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said<'s> {
    /// A numbered client goes on behind this line.
    Resume(u64),
    /// The count of durable lines, of dead letters among the durable lines, and of lines that a
    /// rule of the redaction policy asks not to be stored.
    Durable {
        /// All of them.
        lines: u64,
        /// Dead letters.
        rejected: u64,
        /// Lines that were taken and not stored.
        policy_dropped: u64,
    },
    /// Why the connection ends.
    Error(&'s str),
}

/// Reads the frames of one connection. A session moves to a thread with large pieces, and therefore
/// holds no part of the socket.
pub(crate) trait StreamSession: Send {
    /// Looks at the first frame, which may be about the connection and is taken away then; or says
    /// what about the client's wishes cannot be meant.
    fn open(&mut self, _first: &mut Frame) -> Result<Wanted, &'static str> {
        Ok(Wanted::Silence)
    }

    /// Tells whether a first frame without an end is about the connection.
    fn is_opening(&self, _unfinished: &[u8]) -> bool {
        false
    }

    /// Reads frames until there are none or the batch is full; the rest makes the next batch. What
    /// was said of held lines is done once all frames are read.
    fn read(&mut self, frames: &mut VecDeque<Frame>, held: Held, intake: &mut Intake<'_>);

    /// Returns how many bytes the frames become probably, as one batch.
    fn batch_bytes(&self, frames: &VecDeque<Frame>) -> usize;

    /// Returns the joiner that keeps lines of open groups.
    fn joiner(&mut self) -> Option<&mut Joiner> {
        None
    }
}

/// Reads the frames of one connection. Moves to a thread with large pieces.
pub(crate) struct StreamReader {
    /// Memory in which records are read.
    lines: LineReader,
    session: Box<dyn StreamSession>,
    tenant: Tenant,
}

impl StreamReader {
    /// Returns the reader of a connection without a frame.
    pub(crate) fn new(config: &IngestConfig, session: Box<dyn StreamSession>) -> StreamReader {
        StreamReader { lines: LineReader::new(config), session, tenant: Tenant::DEFAULT }
    }

    /// Says whose connection it is.
    pub(crate) fn of_tenant(self, tenant: Tenant) -> StreamReader {
        StreamReader { tenant, ..self }
    }

    /// Returns how many bytes of lines are kept.
    fn held_bytes(&mut self) -> usize {
        self.session.joiner().map_or(0, |joiner| joiner.byte_len())
    }

    /// Reads frames, as many as make one batch: frames that are left make the next.
    pub(crate) fn prepare_frames(
        &mut self,
        ingest: &Ingest,
        frames: &mut VecDeque<Frame>,
        held: Held,
    ) -> PreparedBatch {
        let bytes = frames.iter().map(Frame::byte_len).sum::<usize>() + self.held_bytes();
        let intake = ingest.intake(&mut self.lines, bytes, ADDED_BYTES_MAX);
        let mut intake = intake.of_tenant(self.tenant);
        self.session.read(frames, held, &mut intake);
        intake.finish()
    }
}

#[cfg(test)]
mod tests;
