//! Lines become a redacted batch and a verdict for every line. Synchronous and free of sockets:
//! sources and benches call the same functions.

mod body;
mod line_items;
mod lines;
mod splitter;

use std::sync::Arc;

use tierlog_model::memory::MemoryPart;
use tierlog_model::{BULK_BYTES_MIN, Clock, HandoffSender, Present, RejectReason, Tenant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::body_room::BodyRoom;
use crate::field_names::{FieldNames, FieldNamesPool};
use crate::frame::Lines;
use crate::intake::{
    ADDED_BYTES_MAX, Intake, IntakeContext, PreparedBatch, RECORD_BYTES, Verdicts,
};
use crate::interner::Interner;
use crate::join::OtherText;
use crate::joiner::Joiner;
use crate::normalise::{
    Context, IngestConfig, LineKind, LineReader, Meanings, RecordDefaults, Spelling,
};
use crate::observations::{Observations, Reporter};
use crate::redact::{Explained, Names, RedactingWriter, Redactor};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use body::read_body;
pub(crate) use body::{BodyItems, BodyReader, OpenBody, Piece, PieceBounds, Read, Step, Window};
pub(crate) use line_items::{ItemFinder, LineItems};
pub(crate) use lines::LineIntake;
pub(crate) use splitter::Item;

/// Which part of the room of bodies connections may hold together of lines that are longer than
/// one read and not whole yet: a thousand clients that send a mebibyte without an end would be a
/// gibibyte, and leave no room for requests.
const LONG_READS_SHARE: u64 = 4;
/// However long a line may be, so many connections get on with theirs at a time.
const LONG_READS_MIN: usize = 4;
/// However short: more than the cores keep up with.
const LONG_READS_MAX: usize = 256;

/// Bytes at which lines are counted before they are read: what is expected of a batch decides how
/// it waits, and its true length is counted afterwards.
const SAMPLE_BYTES: usize = 1 << 10;

/// Most room that a batch is given before its lines are read. Lines nearly always shrink on their
/// way into a batch; a longer batch grows by doubling.
const BATCH_ROOM_BYTES_MAX: usize = 1 << 20;

/// The context of every source. One for all sources, shared by [`Arc`].
#[derive(Debug)]
pub struct Ingest {
    config: IngestConfig,
    redactor: Arc<Redactor>,
    handoff: HandoffSender,
    clock: Arc<dyn Clock>,
    observations: Arc<Observations>,
    names: FieldNamesPool,
    /// What request bodies hold together.
    pub(crate) body_room: BodyRoom,
    /// Permits of connections to buffer more than one read of an unfinished line.
    pub(crate) long_reads: Arc<Semaphore>,
    /// Permits to decode large pieces on a thread: one for each core.
    decoding: Arc<Semaphore>,
    /// Permits for small pieces, which never queue behind large pieces.
    decoding_small: Arc<Semaphore>,
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

impl LineKind {
    /// Returns the fate of text of no known format.
    pub(crate) fn other_text(self) -> OtherText {
        match self {
            LineKind::Json | LineKind::Object => OtherText::Rejected,
            LineKind::Text => OtherText::Message,
        }
    }
}

/// What is done with lines that more may belong to, when a piece of a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// They are kept for the next piece.
    Kept,
    /// Held lines leave; a continuation becomes another text.
    Cut,
    /// Held lines leave, and every group is closed.
    Closed,
}

impl Ingest {
    /// Returns the context of all sources. Received bytes are leased from `bodies` until a batch
    /// exists.
    pub fn new(
        config: IngestConfig,
        redactor: Arc<Redactor>,
        handoff: HandoffSender,
        bodies: MemoryPart,
        clock: Arc<dyn Clock>,
    ) -> Ingest {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let long_reads_bytes = usize::try_from(bodies.limit_bytes() / LONG_READS_SHARE);
        let long_reads =
            long_reads_bytes.unwrap_or(usize::MAX) / config.limits.line_bytes_max.max(1);
        let long_reads = long_reads.clamp(LONG_READS_MIN, LONG_READS_MAX);
        Ingest {
            config,
            observations: Arc::new(Observations::new(clock.now(), Arc::clone(&redactor))),
            redactor,
            handoff,
            clock,
            names: FieldNamesPool::default(),
            body_room: BodyRoom::new(bodies),
            long_reads: Arc::new(Semaphore::new(long_reads)),
            decoding: Arc::new(Semaphore::new(cores)),
            decoding_small: Arc::new(Semaphore::new(cores)),
        }
    }

    /// Returns an ingest with other settings. Everything else is shared with this one: the way to
    /// the store, the room for bodies, the turns to decode, the observations.
    #[must_use]
    pub fn reconfigured(&self, config: IngestConfig, redactor: Arc<Redactor>) -> Ingest {
        self.observations.redact_with(&redactor);
        Ingest {
            config,
            redactor,
            // What names mean follows from the settings.
            names: FieldNamesPool::default(),
            handoff: self.handoff.clone(),
            clock: Arc::clone(&self.clock),
            observations: Arc::clone(&self.observations),
            body_room: self.body_room.clone(),
            long_reads: Arc::clone(&self.long_reads),
            decoding: Arc::clone(&self.decoding),
            decoding_small: Arc::clone(&self.decoding_small),
        }
    }

    /// Reads JSON lines that are all there into one batch: the whole way of a line without a
    /// source around it.
    pub fn prepare_lines(&self, text: &[u8]) -> PreparedBatch {
        let defaults = RecordDefaults::default();
        let (mut reader, mut joiner) = (
            LineReader::new(&self.config),
            Joiner::new(LineKind::Json.other_text(), self.config.limits.line_bytes_max),
        );
        let mut intake = self.intake(&mut reader, text.len(), ADDED_BYTES_MAX);
        let mut taking = LineIntake::new(&mut intake, &mut joiner, LineKind::Json, &defaults);
        Lines::new(text).for_each(|line| taking.line(line));
        taking.end(Held::Closed);
        intake.finish()
    }

    /// Reads the items of a protocol into one batch with room for the given bytes.
    pub fn prepare(&self, bytes: usize, give: impl FnOnce(&mut Intake<'_>)) -> PreparedBatch {
        let mut reader = LineReader::new(&self.config);
        let mut intake = self.intake(&mut reader, bytes, ADDED_BYTES_MAX);
        give(&mut intake);
        intake.finish()
    }

    /// Returns the reporter of observations about lines. Holds no way to the store.
    pub fn reporter(&self) -> Reporter {
        let observations = Arc::clone(&self.observations);
        Reporter::new(observations, Arc::clone(&self.redactor), self.config.unknown_level)
    }

    /// Returns who takes personal data out of the records.
    pub fn redactor(&self) -> &Arc<Redactor> {
        &self.redactor
    }

    /// Reads one line as the record that would be stored of it, with an explanation of each find.
    /// Nothing is stored, counted or logged.
    pub fn explain<T>(
        &self,
        line: &[u8],
        defaults: &RecordDefaults,
        tenant: Tenant,
        tell: impl FnOnce(Explained<'_>) -> T,
    ) -> Result<T, RejectReason> {
        if line.len() > self.config.limits.line_bytes_max {
            return Err(RejectReason::TooLong);
        }
        let mut reader = LineReader::new(&self.config);
        let (mut interner, mut meanings) = (Interner::default(), Meanings::default());
        let present = self.present();
        let arrival = present.now;
        let context = Context { config: &self.config, defaults, arrival, present };
        let spelling = Spelling::new(&mut interner, &mut meanings);
        let record = reader.read(line, LineKind::Object, context, spelling);
        let record = record.map_err(|reject| reject.reason)?;
        Ok(tell(self.redactor.filter(tenant).record(record)))
    }

    /// Returns the settings.
    pub(crate) fn config(&self) -> &IngestConfig {
        &self.config
    }

    /// Returns the present.
    pub(crate) fn present(&self) -> Present {
        self.clock.present()
    }

    /// Opens a batch with room for the given bytes.
    pub(crate) fn redacting_writer(&self, bytes: usize, names: Names) -> RedactingWriter<'_> {
        self.redactor.batch_with(bytes.min(BATCH_ROOM_BYTES_MAX), names)
    }

    /// Returns the memories of names that no batch has.
    pub(crate) fn names(&self) -> &FieldNamesPool {
        &self.names
    }

    /// Waits for the turn of a piece of so many bytes to be decoded on a thread. Cancel-safe.
    pub(crate) async fn turn(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let turns = match bytes {
            0..BULK_BYTES_MIN => &self.decoding_small,
            BULK_BYTES_MIN.. => &self.decoding,
        };
        Arc::clone(turns).acquire_owned().await.ok()
    }

    /// Returns the verdicts on no line.
    pub(crate) fn no_verdicts(&self) -> Verdicts {
        Verdicts::new(self.observations.services(self.clock.now()))
    }

    /// Returns the way to the store.
    pub(crate) fn handoff(&self) -> &HandoffSender {
        &self.handoff
    }

    /// Opens a batch for the given input bytes; `added_bytes_max` bounds the bytes of records
    /// beside the input.
    pub(crate) fn intake<'i>(
        &'i self,
        reader: &'i mut LineReader,
        input_bytes: usize,
        added_bytes_max: usize,
    ) -> Intake<'i> {
        let present = self.clock.present();
        let FieldNames { redaction, meanings } = self.names.take();
        let writer = self.redacting_writer(input_bytes, redaction);
        let (config, observations, names) = (&self.config, &*self.observations, &self.names);
        let context = IntakeContext { config, present, observations, names, added_bytes_max };
        Intake::new(reader, writer, meanings, context)
    }
}

/// Returns how many bytes lines become probably, together with the records that they are.
pub(crate) fn estimate(lines: &[u8], defaults: &RecordDefaults) -> usize {
    let sample = lines.get(..SAMPLE_BYTES).unwrap_or(lines);
    let sampled = memchr::memchr2_iter(b'\n', b'{', sample).count().max(1);
    let items = sampled.saturating_mul(lines.len() / sample.len().max(1) + 1);
    let added_bytes = items.saturating_mul(RECORD_BYTES + defaults.byte_len());
    let bounds = PieceBounds::USUAL;
    lines.len().min(bounds.bytes).saturating_add(added_bytes.min(bounds.added_bytes))
}

#[cfg(test)]
mod tests;
