//! The intake: the one way in. A protocol gives the items one by one, each with defaults; a
//! redacted batch leaves, with the verdicts on the items in order.
//!
//! ```text
//! json(bytes)     ┐
//! text(bytes)     ├─ normalise ─ redact ─▶ batch, outcomes
//! fields(|sink|)  ┘
//! ```
//!
//! An item is what its protocol calls a message, event, document or log record. A rejected item
//! becomes a dead letter in its place, redacted like a record. Nothing leaves before
//! [`Intake::finish`].

mod outcomes;
mod verdicts;

use std::borrow::Cow;
use std::ops::ControlFlow;

use tierlog_model::limits::REPORTED_ERRORS_MAX;
use tierlog_model::{LineRun, Present, RecordFields, RejectReason, Tenant, Timestamp};
use tierlog_problem::Rejection;

pub use outcomes::{OUTCOME_RUNS_MAX, Outcome, OutcomeRun, Outcomes};
pub use verdicts::{PreparedBatch, Verdicts};

use crate::decode::Reject;
use crate::elements::objects;
use crate::field_names::{FieldNames, FieldNamesPool};
use crate::normalise::{
    Context, FieldSink, IngestConfig, LineKind, LineReader, Meanings, Reading, RecordDefaults,
    Spelling,
};
use crate::observations::{Notes, Observations};
use crate::redact::{DeadLetter, Disposition, RedactingWriter};

/// Bytes of a record in a batch beside text and defaults: header, moment, level, and of a dead
/// letter the reason and the place of the fault.
pub(crate) const RECORD_BYTES: usize = 128;

/// Bytes of a batch that its records may take beside the text of their items: lines of one letter
/// are worth eighty bytes each, and their batch is as large as a batch of ordinary lines.
pub(crate) const ADDED_BYTES_MAX: usize = 1 << 20;

/// Everything about a batch beside its items.
pub(crate) struct IntakeContext<'i> {
    /// The settings.
    pub(crate) config: &'i IngestConfig,
    /// The present: the moment of items that name none.
    pub(crate) present: Present,
    /// What the server notices about its records.
    pub(crate) observations: &'i Observations,
    /// Where the memory of names goes back to.
    pub(crate) names: &'i FieldNamesPool,
    /// Bytes beside the text of items at which the batch is full.
    pub(crate) added_bytes_max: usize,
}

/// Takes the items of one batch.
pub struct Intake<'i> {
    reader: &'i mut LineReader,
    context: IntakeContext<'i>,
    /// What names mean, by the numbers of the writer's interner.
    meanings: Meanings,
    batch: Gathered<'i>,
    /// Number of the last item.
    position: u64,
}

/// What the items so far have become.
struct Gathered<'i> {
    writer: RedactingWriter<'i>,
    notes: Notes,
    /// See [`ADDED_BYTES_MAX`].
    added_bytes: usize,
    record_count: u32,
    runs: Vec<LineRun>,
    verdicts: Verdicts,
    outcomes: Outcomes,
}

impl std::fmt::Debug for Intake<'_> {
    /// The batch holds records, so none is shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Intake").field("position", &self.position).finish_non_exhaustive()
    }
}

impl<'i> Intake<'i> {
    /// Returns an intake without an item.
    pub(crate) fn new(
        reader: &'i mut LineReader,
        writer: RedactingWriter<'i>,
        meanings: Meanings,
        context: IntakeContext<'i>,
    ) -> Intake<'i> {
        let services = context.observations.services(context.present.now);
        let batch = Gathered {
            writer,
            notes: Notes::default(),
            added_bytes: 0,
            record_count: 0,
            runs: Vec::new(),
            verdicts: Verdicts::new(services),
            outcomes: Outcomes::default(),
        };
        Intake { reader, context, meanings, batch, position: 0 }
    }

    /// Takes an item that is a JSON object; any other text is rejected.
    pub fn json(&mut self, item: &[u8], defaults: &RecordDefaults) -> Outcome {
        self.position += 1;
        self.item(item, LineKind::Object, defaults)
    }

    /// Takes an item that is text: a line of a known format gives its fields, any other text is a
    /// message.
    pub fn text(&mut self, item: &[u8], defaults: &RecordDefaults) -> Outcome {
        self.position += 1;
        self.item(item, LineKind::Text, defaults)
    }

    /// Takes an item whose fields are typed already. Of the item as it came, a dead letter is made
    /// if its fields are rejected.
    pub fn fields<'d>(
        &mut self,
        item: &'d [u8],
        defaults: &RecordDefaults,
        fill: impl for<'f> FnOnce(&mut FieldSink<'f, 'd>),
    ) -> Outcome {
        self.position += 1;
        let read = match self.check_length(item) {
            Ok(()) => {
                let context = self.context.of(defaults);
                let interner = self.batch.writer.interner();
                let spelling = Spelling::new(interner, &mut self.meanings);
                let reading = self.reader.read_fields(fill, context, spelling);
                let now = context.present.now;
                reading.map(|reading| self.batch.push(reading, now, defaults))
            }
            Err(reject) => Err(reject),
        };
        self.reader.shrink(item.len());
        let outcome = match read {
            Ok((disposition, memory)) => {
                self.reader.recycle(memory);
                self.outcome_of(disposition, 1)
            }
            Err(reject) => self.reject_at(item, self.position, reject, defaults),
        };
        self.tell(outcome)
    }

    /// Takes an item that its protocol cannot read, as a dead letter. The detail quotes nothing of
    /// the item.
    pub fn reject(
        &mut self,
        item: &[u8],
        reason: RejectReason,
        detail: impl Into<Cow<'static, str>>,
        defaults: &RecordDefaults,
    ) -> Outcome {
        self.position += 1;
        let reject = Reject::new(reason, detail);
        let outcome = self.reject_at(item, self.position, reject, defaults);
        self.tell(outcome)
    }

    /// Tells whether the batch is full: the next item belongs to another.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.batch.added_bytes >= self.context.added_bytes_max
    }

    /// Tells whether the batch takes a further item.
    #[inline]
    pub(crate) fn flow(&self) -> ControlFlow<()> {
        if self.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Returns the number of the last item.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Says whose items follow.
    pub(crate) fn of_tenant(mut self, tenant: Tenant) -> Intake<'i> {
        self.batch.writer.of_tenant(tenant);
        self
    }

    /// Counts items from behind this one on.
    pub(crate) fn behind(self, position: u64) -> Intake<'i> {
        Intake { position, ..self }
    }

    /// Moves on to the next item and returns its number.
    #[inline]
    pub(crate) fn advance(&mut self) -> u64 {
        self.position += 1;
        self.position
    }

    /// Passes places that hold no item.
    pub(crate) fn skip(&mut self, count: u64) {
        self.position += count;
    }

    /// Returns the longest item that is read, bytes.
    #[inline]
    pub(crate) fn item_bytes_max(&self) -> usize {
        self.context.config.limits.line_bytes_max
    }

    /// Closes the batch.
    pub fn finish(self) -> PreparedBatch {
        let Gathered { writer, notes, runs, verdicts, outcomes, .. } = self.batch;
        self.context.observations.take(notes);
        let verdicts = Verdicts { redacted_count: writer.redacted_count(), outcomes, ..verdicts };
        let (batch, redaction) = writer.finish_with_names(None);
        self.context.names.give_back(FieldNames { redaction, meanings: self.meanings });
        PreparedBatch { batch: batch.with_runs(runs), verdicts }
    }

    /// Reads a line that no other line belongs to. The line may hold several objects, one behind
    /// the other.
    pub(crate) fn line(&mut self, line: &[u8], kind: LineKind, defaults: &RecordDefaults) {
        let number = self.position;
        let outcome = match self.check_length(line).and_then(|()| self.read(line, kind, defaults)) {
            Ok(disposition) => self.outcome_of(disposition, 1),
            Err(reject) => self.several(line, number, kind, reject, defaults),
        };
        self.tell(outcome);
    }

    /// Takes the head of a line that is too long.
    pub(crate) fn too_long(&mut self, head: &[u8], defaults: &RecordDefaults) {
        let reject = self.longer_than_a_line();
        let outcome = self.reject_at(head, self.position, reject, defaults);
        self.tell(outcome);
    }

    /// Reads texts that were joined of several lines each: together they are one run of lines.
    pub(crate) fn joined<'t>(
        &mut self,
        texts: impl Iterator<Item = (&'t [u8], u64, u32)>,
        kind: LineKind,
        defaults: &RecordDefaults,
    ) {
        let first_record = self.batch.record_count;
        let mut run_lines = 0;
        for (text, number, line_count) in texts {
            run_lines += line_count;
            let further_count = u64::from(line_count) - 1;
            self.batch.verdicts.line_count += further_count;
            let outcome = match self.read(text, kind, defaults) {
                Ok(Disposition::Stored) => {
                    self.batch.verdicts.joined_count += further_count;
                    Outcome::Accepted
                }
                Ok(Disposition::Dropped) => {
                    self.batch.verdicts.policy_dropped_count += u64::from(line_count);
                    Outcome::Dropped
                }
                Err(reject) => {
                    self.batch.verdicts.rejected_joined_count += further_count;
                    self.reject_at(text, number, reject, defaults)
                }
            };
            self.tell(outcome);
        }
        self.batch.end_run(first_record, run_lines);
    }

    /// Reads an item as one record.
    fn item(&mut self, item: &[u8], kind: LineKind, defaults: &RecordDefaults) -> Outcome {
        let read = self.check_length(item).and_then(|()| self.read(item, kind, defaults));
        let outcome = match read {
            Ok(disposition) => self.outcome_of(disposition, 1),
            Err(reject) => self.reject_at(item, self.position, reject, defaults),
        };
        self.tell(outcome)
    }

    /// Notes what became of an item.
    #[inline]
    fn tell(&mut self, outcome: Outcome) -> Outcome {
        self.batch.verdicts.line_count += 1;
        self.batch.outcomes.push(outcome);
        outcome
    }

    /// Returns the outcome of an item of so many lines that was read. A producer counts lines that
    /// are not stored too.
    #[inline]
    fn outcome_of(&mut self, disposition: Disposition, line_count: u32) -> Outcome {
        match disposition {
            Disposition::Stored => Outcome::Accepted,
            Disposition::Dropped => {
                self.batch.verdicts.policy_dropped_count += u64::from(line_count);
                self.batch.end_run(self.batch.record_count, line_count);
                Outcome::Dropped
            }
        }
    }

    fn several(
        &mut self,
        line: &[u8],
        number: u64,
        kind: LineKind,
        reject: Reject,
        defaults: &RecordDefaults,
    ) -> Outcome {
        let objects = match reject.reason {
            RejectReason::InvalidJson => objects(line),
            _ => None,
        };
        let Some(objects) = objects else {
            return self.reject_at(line, number, reject, defaults);
        };
        let first_record = self.batch.record_count;
        // The worst outcome of an object, but a line with a stored object is not dropped.
        let mut outcome = Outcome::Dropped;
        for object in &objects {
            let of_object = match self.read(object, kind, defaults) {
                Ok(Disposition::Stored) => Outcome::Accepted,
                Ok(Disposition::Dropped) => Outcome::Dropped,
                Err(reject) => self.reject_at(object, number, reject, defaults),
            };
            outcome = match (outcome, of_object) {
                (Outcome::Rejected(_), _) | (_, Outcome::Dropped) => outcome,
                (Outcome::Accepted | Outcome::Dropped, worse) => worse,
            };
        }
        self.batch.verdicts.policy_dropped_count += u64::from(outcome == Outcome::Dropped);
        self.batch.end_run(first_record, 1);
        outcome
    }

    #[inline]
    fn read(
        &mut self,
        text: &[u8],
        kind: LineKind,
        defaults: &RecordDefaults,
    ) -> Result<Disposition, Reject> {
        let context = self.context.of(defaults);
        let spelling = Spelling::new(self.batch.writer.interner(), &mut self.meanings);
        let read = match self.reader.read_noticing(text, kind, context, spelling) {
            Ok(reading) => Ok(self.batch.push(reading, context.present.now, defaults)),
            Err(reject) => Err(reject),
        };
        self.reader.shrink(text.len());
        read.map(|(disposition, memory)| {
            self.reader.recycle(memory);
            disposition
        })
    }

    #[inline]
    fn check_length(&self, item: &[u8]) -> Result<(), Reject> {
        if item.len() > self.item_bytes_max() { Err(self.longer_than_a_line()) } else { Ok(()) }
    }

    #[cold]
    fn longer_than_a_line(&self) -> Reject {
        let limit = self.item_bytes_max();
        Reject::new(RejectReason::TooLong, format!("longer than {limit} bytes"))
    }

    #[cold]
    fn reject_at(
        &mut self,
        item: &[u8],
        number: u64,
        reject: Reject,
        defaults: &RecordDefaults,
    ) -> Outcome {
        let Reject { reason, detail, service } = reject;
        let batch = &mut self.batch;
        let service = service.as_deref().or(defaults.service.as_deref());
        batch.verdicts.services.note_rejected(service, reason);
        batch.writer.push_dead_letter(DeadLetter {
            arrival: self.context.present.now,
            reason,
            detail: detail.clone(),
            line: Cow::Borrowed(item),
            service: defaults.service.as_deref(),
            source: defaults.source.as_deref(),
        });
        batch.count_record(defaults);
        if let Some(count) = batch.verdicts.rejected_by_reason.get_mut(reason as usize) {
            *count += 1;
        }
        if batch.verdicts.rejections.len() < REPORTED_ERRORS_MAX {
            batch.verdicts.rejections.push(Rejection { line: number, reason, detail });
        }
        Outcome::Rejected(reason)
    }
}

impl IntakeContext<'_> {
    #[inline]
    fn of<'c>(&'c self, defaults: &'c RecordDefaults) -> Context<'c> {
        let present = self.present;
        Context { config: self.config, defaults, arrival: present.now, present }
    }
}

impl Gathered<'_> {
    /// Writes a record, unless a rule drops it; returns its memory.
    #[inline]
    fn push(
        &mut self,
        reading: Reading<'_>,
        now: Timestamp,
        defaults: &RecordDefaults,
    ) -> (Disposition, RecordFields<'static>) {
        self.notes.note(&reading, now);
        self.verdicts.services.note(&reading.record.fields);
        let (disposition, memory) = self.writer.push(reading.record);
        match disposition {
            Disposition::Stored => {
                self.verdicts.accepted_count += 1;
                self.count_record(defaults);
            }
            Disposition::Dropped => self.added_bytes += RECORD_BYTES,
        }
        (disposition, memory)
    }

    #[inline]
    fn count_record(&mut self, defaults: &RecordDefaults) {
        self.record_count += 1;
        self.added_bytes += RECORD_BYTES + defaults.byte_len();
    }

    /// Notes how many lines the records since `first_record` were made of.
    fn end_run(&mut self, first_record: u32, line_count: u32) {
        let record_count = self.record_count - first_record;
        if record_count != line_count {
            self.runs.push(LineRun { first_record, record_count, line_count });
        }
    }
}

#[cfg(test)]
mod tests;
