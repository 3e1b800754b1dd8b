//! Lines become a redacted batch and a verdict for every line. Synchronous and free of sockets:
//! sources and benches call the same functions.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use tierlog_model::limits::REPORTED_ERRORS_MAX;
use tierlog_model::{BatchId, Clock, HandoffSender, RedactedBatch, RejectReason, Timestamp};
use tokio::sync::Semaphore;

use crate::config::{Defaults, IngestConfig};
use crate::decode::Reject;
use crate::elements::{Elements, is_single_object};
use crate::frame::{BYTE_ORDER_MARK, Frame, Lines, is_blank};
use crate::normalise::{Context, LineKind, LineReader};
use crate::observations::{Notes, Observations, Reporter};
use crate::redact::{DeadLetter, RedactingWriter, Redactor};
use crate::source::BodyRoom;

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
    /// Lines that became records.
    pub accepted_count: u64,
    /// Lines that became dead letters, by [`RejectReason::ALL`].
    pub rejected_by_reason: [u64; RejectReason::ALL.len()],
    /// The first rejections.
    pub rejections: Vec<Rejection>,
    /// Values and parts of values that were replaced.
    pub redacted_count: u64,
}

impl Verdicts {
    /// Returns how many lines became dead letters.
    pub fn rejected_count(&self) -> u64 {
        self.rejected_by_reason.iter().sum()
    }

    /// Returns how many lines that are not empty were read.
    pub fn line_count(&self) -> u64 {
        self.accepted_count + self.rejected_count()
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
            redactor,
            handoff,
            observations: Arc::new(Observations::new(clock.now())),
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
        let mut reader = LineReader::new(&self.config);
        let mut builder = self.builder(&mut reader, defaults, body.len());
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        match format {
            BodyFormat::Text => {
                Lines::new(body).for_each(|line| builder.line(line, LineKind::Text));
            }
            BodyFormat::Json | BodyFormat::JsonLines if starts_array(body, format) => {
                Elements::new(body).for_each(|element| builder.line(element, LineKind::Json));
            }
            BodyFormat::Json if is_single_object(body) => builder.line(body, LineKind::Json),
            BodyFormat::Json | BodyFormat::JsonLines => {
                Lines::new(body).for_each(|line| builder.line(line, LineKind::Json));
            }
        }
        builder.finish(id)
    }

    /// Reads a piece of a stream.
    pub(crate) fn prepare_frames(
        &self,
        reader: &mut LineReader,
        reading: &Reading,
        frames: &[Frame],
    ) -> PreparedBatch {
        let bytes = frames.iter().map(Frame::byte_len).sum();
        let mut builder = self.builder(reader, &reading.defaults, bytes);
        for frame in frames {
            match frame {
                Frame::Lines(lines) => {
                    Lines::new(lines).for_each(|line| builder.line(line, reading.kind));
                }
                Frame::TooLong(head) => builder.too_long(head),
            }
        }
        builder.finish(None)
    }

    fn builder<'b>(
        &'b self,
        reader: &'b mut LineReader,
        defaults: &'b Defaults,
        input_bytes: usize,
    ) -> BatchBuilder<'b> {
        let now = self.clock.now();
        let context = Context { config: &self.config, defaults, arrival: now, now };
        BatchBuilder {
            reader,
            writer: self.redacting_writer(input_bytes),
            observations: &self.observations,
            notes: Notes::default(),
            context,
            line_number: 0,
            verdicts: Verdicts {
                accepted_count: 0,
                rejected_by_reason: [0; RejectReason::ALL.len()],
                rejections: Vec::new(),
                redacted_count: 0,
            },
        }
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

/// Gathers the records of one batch.
struct BatchBuilder<'b> {
    reader: &'b mut LineReader,
    writer: RedactingWriter<'b>,
    observations: &'b Observations,
    notes: Notes,
    context: Context<'b>,
    line_number: u64,
    verdicts: Verdicts,
}

impl BatchBuilder<'_> {
    /// Reads one line. An empty one only counts in the numbering.
    fn line(&mut self, line: &[u8], kind: LineKind) {
        self.line_number += 1;
        let text = match kind {
            LineKind::Json => line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line).trim_ascii(),
            // A mark of the byte order alone is blank to whoever numbers lines.
            LineKind::Text if is_blank(line) => &[],
            // The indentation of a text line says something.
            LineKind::Text => line.trim_ascii_end(),
        };
        if text.is_empty() {
            return;
        }
        if text.len() > self.context.config.limits.line_bytes_max {
            self.reject(text, self.line_too_long());
            return;
        }
        match self.reader.read_noticing(text, kind, self.context) {
            Ok(reading) => {
                self.notes.note(&reading, self.context.now);
                let record = reading.record;
                self.writer.push(record);
                self.verdicts.accepted_count += 1;
            }
            Err(reject) => self.reject(text, reject),
        }
        self.reader.shrink(text.len());
    }

    /// Counts a line of which only the head was kept.
    fn too_long(&mut self, head: &[u8]) {
        self.line_number += 1;
        self.reject(head, self.line_too_long());
    }

    fn line_too_long(&self) -> Reject {
        let limit = self.context.config.limits.line_bytes_max;
        Reject::new(RejectReason::TooLong, format!("longer than {limit} bytes"))
    }

    fn reject(&mut self, line: &[u8], reject: Reject) {
        let Reject { reason, detail } = reject;
        self.writer.push_dead_letter(DeadLetter {
            arrival: self.context.arrival,
            reason,
            detail: detail.clone(),
            line: Cow::Borrowed(line),
            service: self.context.defaults.service.as_deref(),
            source: self.context.defaults.source.as_deref(),
        });
        if let Some(count) = self.verdicts.rejected_by_reason.get_mut(reason as usize) {
            *count += 1;
        }
        if self.verdicts.rejections.len() < REPORTED_ERRORS_MAX {
            self.verdicts.rejections.push(Rejection { line: self.line_number, reason, detail });
        }
    }

    fn finish(self, id: Option<BatchId>) -> PreparedBatch {
        self.observations.take(self.notes);
        let verdicts = Verdicts { redacted_count: self.writer.redacted_count(), ..self.verdicts };
        PreparedBatch { batch: self.writer.finish(id), verdicts }
    }
}

#[cfg(test)]
mod tests;
