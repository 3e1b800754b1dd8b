//! Lines become a redacted batch and a verdict for every line. Synchronous and free of sockets:
//! sources and benches call the same functions.

mod builder;

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use tierlog_model::{BatchId, Clock, HandoffSender, RedactedBatch, RejectReason, Timestamp};
use tokio::sync::Semaphore;

use crate::config::{Defaults, IngestConfig};
use crate::elements::{Elements, is_single_object};
use crate::frame::{BYTE_ORDER_MARK, Frame, Lines};
use crate::join::OtherText;
use crate::joiner::Joiner;
use crate::normalise::{Context, LineKind, LineReader};
use crate::observations::{BatchServices, Observations, Reporter};
use crate::redact::{RedactingWriter, Redactor};
use crate::source::BodyRoom;
use builder::BatchBuilder;

/// What connections may hold together of lines that are longer than one read and not whole yet:
/// a thousand clients that send a mebibyte without an end would be a gibibyte.
const LONG_READS_BYTES: usize = 64 << 20;
/// However long a line may be, so many connections get on with theirs at a time.
const LONG_READS_MIN: usize = 4;
/// However short: more than the cores keep up with.
const LONG_READS_MAX: usize = 256;

/// Most room that a batch is given before its lines are read. They nearly always become shorter
/// than they came; a batch that is longer than this grows by doubling.
const BATCH_ROOM_BYTES_MAX: usize = 1 << 20;

/// Everything that a source needs to take lines in. One for all sources, shared by [`Arc`].
#[derive(Debug)]
pub struct Ingest {
    config: IngestConfig,
    redactor: Arc<Redactor>,
    handoff: HandoffSender,
    clock: Arc<dyn Clock>,
    observations: Arc<Observations>,
    /// What request bodies hold together.
    pub(crate) body_room: BodyRoom,
    /// Connections that may hold more than one read of lines that are not whole yet.
    pub(crate) long_reads: Arc<Semaphore>,
    /// Threads that may decode at one time: one for each core.
    pub(crate) decoding: Semaphore,
}

/// How the lines of a body are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFormat {
    /// One JSON object a line; an array of objects is taken too.
    JsonLines,
    /// An array of objects, one object over several lines, or one object a line.
    Json,
    /// Each line a message.
    Text,
}

/// How the lines of a connection are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Values for records that lack them.
    pub(crate) defaults: Defaults,
    /// What a line may be.
    pub(crate) kind: LineKind,
}

impl Default for Reading {
    fn default() -> Reading {
        Reading { defaults: Defaults::default(), kind: LineKind::Json }
    }
}

/// Reads the lines of one connection or body, and keeps those that more may belong to.
pub(crate) struct StreamReader {
    lines: LineReader,
    /// Lines whose group may go on with the next piece.
    pub(crate) joiner: Joiner,
}

impl StreamReader {
    /// Returns a reader that has seen no line yet.
    pub(crate) fn new(config: &IngestConfig, kind: LineKind) -> StreamReader {
        let joiner = Joiner::new(kind.other_text(), config.limits.line_bytes_max);
        StreamReader { lines: LineReader::new(config), joiner }
    }
}

impl LineKind {
    /// Returns what becomes of text that no format knows.
    pub(crate) fn other_text(self) -> OtherText {
        match self {
            LineKind::Json => OtherText::Rejected,
            LineKind::Text => OtherText::Message,
        }
    }
}

/// What is done with lines that more may belong to, when a piece of a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// They are kept for the next piece.
    Kept,
    /// They leave; what goes on with them leaves as a text of its own.
    Cut,
    /// They leave, and nothing goes on with them.
    Closed,
}

/// A line that was not taken as a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Rejection {
    /// Position in the body, from 1: of the line, or of the element of an array.
    pub line: u64,
    /// The named reason.
    #[schema(value_type = String, example = "invalid_json")]
    pub reason: RejectReason,
    /// What exactly is wrong; never quotes the line.
    #[schema(value_type = String)]
    pub detail: Cow<'static, str>,
}

/// Lines that are ready for the hand-off, with the verdict on each.
#[derive(Debug)]
pub struct PreparedBatch {
    /// The records and dead letters.
    pub batch: RedactedBatch,
    /// What became of the lines.
    pub verdicts: Verdicts,
}

/// What became of the lines of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdicts {
    /// Records. Lines that belong together are one; a line may hold two.
    pub accepted_count: u64,
    /// Lines that go on with the record of another.
    pub joined_count: u64,
    /// Dead letters, by [`RejectReason::ALL`].
    pub rejected_by_reason: [u64; RejectReason::ALL.len()],
    /// Lines that go on with the dead letter of another.
    pub rejected_joined_count: u64,
    /// Lines that are not blank.
    pub line_count: u64,
    /// The first rejections.
    pub rejections: Vec<Rejection>,
    /// Values and parts of values that were replaced.
    pub redacted_count: u64,
    /// The services that wrote the lines.
    pub(crate) services: BatchServices,
}

impl Verdicts {
    /// Returns how many dead letters there are.
    pub fn rejected_count(&self) -> u64 {
        self.rejected_by_reason.iter().sum()
    }

    /// Returns how many lines are in dead letters.
    pub fn rejected_line_count(&self) -> u64 {
        self.rejected_count() + self.rejected_joined_count
    }
}

impl Ingest {
    /// Returns the context of all sources.
    pub fn new(
        config: IngestConfig,
        redactor: Arc<Redactor>,
        handoff: HandoffSender,
        clock: Arc<dyn Clock>,
    ) -> Ingest {
        let body_room = BodyRoom::new(config.limits.body_bytes_max);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let long_reads = LONG_READS_BYTES / config.limits.line_bytes_max.max(1);
        let long_reads = long_reads.clamp(LONG_READS_MIN, LONG_READS_MAX);
        Ingest {
            config,
            observations: Arc::new(Observations::new(clock.now(), Arc::clone(&redactor))),
            redactor,
            handoff,
            clock,
            body_room,
            long_reads: Arc::new(Semaphore::new(long_reads)),
            decoding: Semaphore::new(cores),
        }
    }

    /// Reads JSON lines that are all there: the whole way from bytes to a redacted batch.
    pub fn prepare_lines(&self, text: &[u8]) -> PreparedBatch {
        self.prepare_body(text, BodyFormat::JsonLines, &Defaults::default(), None)
    }

    /// Returns who tells what was noticed about the lines. Holds no way to the store.
    pub fn reporter(&self) -> Reporter {
        let observations = Arc::clone(&self.observations);
        Reporter::new(observations, Arc::clone(&self.redactor), self.config.unknown_level)
    }

    /// Returns the settings.
    pub(crate) fn config(&self) -> &IngestConfig {
        &self.config
    }

    /// Returns the present.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Opens a batch that will probably take so many bytes.
    pub(crate) fn redacting_writer(&self, bytes: usize) -> RedactingWriter<'_> {
        self.redactor.batch_with_room(bytes.min(BATCH_ROOM_BYTES_MAX))
    }

    /// Returns the way to the store.
    pub(crate) fn handoff(&self) -> &HandoffSender {
        &self.handoff
    }

    /// Reads a body that is all there.
    pub(crate) fn prepare_body(
        &self,
        body: &[u8],
        format: BodyFormat,
        defaults: &Defaults,
        id: Option<BatchId>,
    ) -> PreparedBatch {
        let kind = match format {
            BodyFormat::Json | BodyFormat::JsonLines => LineKind::Json,
            BodyFormat::Text => LineKind::Text,
        };
        let mut reader = StreamReader::new(&self.config, kind);
        let mut builder = self.builder(&mut reader, defaults, kind, body.len());
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        match format {
            BodyFormat::Json | BodyFormat::JsonLines if starts_array(body, format) => {
                Elements::new(body).for_each(|element| builder.element(element));
            }
            BodyFormat::Json if is_single_object(body) => builder.element(body),
            BodyFormat::Json | BodyFormat::JsonLines | BodyFormat::Text => {
                Lines::new(body).for_each(|line| builder.line(line));
            }
        }
        builder.finish(Held::Closed, id)
    }

    /// Reads a piece of a stream.
    pub(crate) fn prepare_frames(
        &self,
        reader: &mut StreamReader,
        reading: &Reading,
        frames: &[Frame],
        held: Held,
    ) -> PreparedBatch {
        let bytes = frames.iter().map(Frame::byte_len).sum::<usize>() + reader.joiner.byte_len();
        reader.joiner.expect(reading.kind.other_text());
        let mut builder = self.builder(reader, &reading.defaults, reading.kind, bytes);
        for frame in frames {
            match frame {
                Frame::Lines(lines) => Lines::new(lines).for_each(|line| builder.line(line)),
                Frame::TooLong(head) => builder.too_long(head),
            }
        }
        builder.finish(held, None)
    }

    fn builder<'b>(
        &'b self,
        reader: &'b mut StreamReader,
        defaults: &'b Defaults,
        kind: LineKind,
        input_bytes: usize,
    ) -> BatchBuilder<'b> {
        let now = self.clock.now();
        let context = Context { config: &self.config, defaults, arrival: now, now };
        let writer = self.redacting_writer(input_bytes);
        BatchBuilder::new(reader, kind, writer, context, &self.observations)
    }
}

/// Tells whether a body is an array of records. In a body of lines `[` may also start a text
/// prefix, so there an object must follow.
fn starts_array(body: &[u8], format: BodyFormat) -> bool {
    let Some((b'[', inside)) = body.trim_ascii_start().split_first() else { return false };
    let next = inside.trim_ascii_start().first();
    match format {
        BodyFormat::Json => true,
        BodyFormat::JsonLines => matches!(next, Some(b'{' | b']')),
        BodyFormat::Text => false,
    }
}

#[cfg(test)]
mod tests;
