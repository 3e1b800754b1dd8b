//! Gathers the records of one batch: lines arrive in order, records and dead letters leave, and
//! for each it is known of which lines it was made.

use std::borrow::Cow;

use tierlog_model::limits::REPORTED_ERRORS_MAX;
use tierlog_model::{LineRun, RejectReason};
use tierlog_problem::Rejection;

use super::{Held, PreparedBatch, StreamReader, Verdicts};
use crate::decode::Reject;
use crate::elements::objects;
use crate::frame::content;
use crate::join::is_plain_object;
use crate::joiner::{Joined, Next};
use crate::normalise::{Context, LineKind};
use crate::observations::{Notes, Observations};
use crate::redact::{DeadLetter, RedactingWriter};

/// Gathers the records of one batch.
pub(super) struct BatchBuilder<'b> {
    reader: &'b mut StreamReader,
    kind: LineKind,
    writer: RedactingWriter<'b>,
    observations: &'b Observations,
    notes: Notes,
    context: Context<'b>,
    line_number: u64,
    record_count: u32,
    runs: Vec<LineRun>,
    verdicts: Verdicts,
}

impl<'b> BatchBuilder<'b> {
    /// Returns a builder without a line.
    pub(super) fn new(
        reader: &'b mut StreamReader,
        kind: LineKind,
        writer: RedactingWriter<'b>,
        context: Context<'b>,
        observations: &'b Observations,
    ) -> BatchBuilder<'b> {
        BatchBuilder {
            reader,
            kind,
            writer,
            observations,
            notes: Notes::default(),
            context,
            line_number: 0,
            record_count: 0,
            runs: Vec::new(),
            verdicts: Verdicts::new(observations.services(context.present.now)),
        }
    }

    /// Counts lines from behind this one on.
    pub(super) fn behind_line(self, line_number: u64) -> BatchBuilder<'b> {
        BatchBuilder { line_number, ..self }
    }

    /// Returns the number of the last line that was taken.
    pub(super) fn line_number(&self) -> u64 {
        self.line_number
    }

    /// Returns how many records and dead letters the batch holds.
    pub(super) fn record_count(&self) -> u32 {
        self.record_count
    }

    /// Takes one line. A blank one only counts in the numbering.
    pub(super) fn line(&mut self, line: &[u8]) {
        self.line_number += 1;
        let text = content(line);
        if text.is_empty() {
            self.reader.joiner.blank();
            return;
        }
        // Fast path: an object where no group is open is read where it stands.
        if is_plain_object(text) && !self.reader.joiner.is_open() {
            return self.whole(text);
        }
        if text.len() > self.context.config.limits.line_bytes_max {
            self.pass_groups();
            return self.whole(text);
        }
        let next = self.reader.joiner.take(text, self.line_number);
        self.take_ready();
        match next {
            Next::Waiting => {}
            Next::WaitingThenLine => self.whole(text),
        }
    }

    /// Takes one element of an array, or a body that is one object.
    pub(super) fn element(&mut self, element: &[u8]) {
        self.line_number += 1;
        let text = element.strip_prefix(crate::frame::BYTE_ORDER_MARK).unwrap_or(element);
        let text = text.trim_ascii();
        if !text.is_empty() {
            self.whole(text);
        }
    }

    /// Counts a line of which only the head was kept.
    pub(super) fn too_long(&mut self, head: &[u8]) {
        self.line_number += 1;
        self.pass_groups();
        self.verdicts.line_count += 1;
        self.reject(head, self.line_number, self.line_too_long());
    }

    /// Closes the batch. What becomes of lines that more may belong to was said.
    pub(super) fn finish(mut self, held: Held) -> PreparedBatch {
        match held {
            Held::Kept => {}
            Held::Cut => self.reader.joiner.cut(),
            Held::Closed => self.reader.joiner.close(),
        }
        self.take_ready();
        self.observations.take(self.notes);
        let verdicts = Verdicts { redacted_count: self.writer.redacted_count(), ..self.verdicts };
        PreparedBatch { batch: self.writer.finish(None).with_runs(self.runs), verdicts }
    }

    fn pass_groups(&mut self) {
        self.reader.joiner.pass();
        self.take_ready();
    }

    /// Reads a line that nothing belongs to.
    fn whole(&mut self, text: &[u8]) {
        let number = self.line_number;
        self.verdicts.line_count += 1;
        if text.len() > self.context.config.limits.line_bytes_max {
            self.reject(text, number, self.line_too_long());
            return;
        }
        if let Err(reject) = self.read(text) {
            self.several(text, number, reject);
        }
    }

    /// Reads a line that is no record: objects may stand behind each other in it.
    fn several(&mut self, text: &[u8], number: u64, reject: Reject) {
        let objects = match reject.reason {
            RejectReason::InvalidJson => objects(text),
            _ => None,
        };
        let Some(objects) = objects else {
            self.reject(text, number, reject);
            return;
        };
        let first_record = self.record_count;
        for object in &objects {
            if let Err(reject) = self.read(object) {
                self.reject(object, number, reject);
            }
        }
        let record_count = self.record_count - first_record;
        if record_count != 1 {
            self.runs.push(LineRun { first_record, record_count, line_count: 1 });
        }
    }

    /// Reads the texts whose groups are whole: together they are a run of lines.
    fn take_ready(&mut self) {
        let ready = self.reader.joiner.ready();
        let line_count: u32 = ready.iter().map(|joined| joined.line_count).sum();
        let first_record = self.record_count;
        for joined in &ready {
            self.joined(joined);
        }
        let record_count = self.record_count - first_record;
        if record_count != line_count {
            self.runs.push(LineRun { first_record, record_count, line_count });
        }
    }

    fn joined(&mut self, joined: &Joined) {
        let further_count = u64::from(joined.line_count) - 1;
        self.verdicts.line_count += further_count + 1;
        match self.read(&joined.bytes) {
            Ok(()) => self.verdicts.joined_count += further_count,
            Err(reject) => {
                self.verdicts.rejected_joined_count += further_count;
                self.reject(&joined.bytes, joined.line, reject);
            }
        }
    }

    fn read(&mut self, text: &[u8]) -> Result<(), Reject> {
        let lines = &mut self.reader.lines;
        let read = match lines.read_noticing(text, self.kind, self.context) {
            Ok(reading) => {
                self.notes.note(&reading, self.context.present.now);
                self.verdicts.services.note(&reading.record.fields);
                self.verdicts.accepted_count += 1;
                self.record_count += 1;
                Ok(self.writer.push(reading.record))
            }
            Err(reject) => Err(reject),
        };
        lines.shrink(text.len());
        read.map(|memory| lines.recycle(memory))
    }

    fn line_too_long(&self) -> Reject {
        let limit = self.context.config.limits.line_bytes_max;
        Reject::new(RejectReason::TooLong, format!("longer than {limit} bytes"))
    }

    fn reject(&mut self, line: &[u8], number: u64, reject: Reject) {
        let Reject { reason, detail, service } = reject;
        let service = service.as_deref().or(self.context.defaults.service.as_deref());
        self.verdicts.services.note_rejected(service, reason);
        self.writer.push_dead_letter(DeadLetter {
            arrival: self.context.arrival,
            reason,
            detail: detail.clone(),
            line: Cow::Borrowed(line),
            service: self.context.defaults.service.as_deref(),
            source: self.context.defaults.source.as_deref(),
        });
        self.record_count += 1;
        if let Some(count) = self.verdicts.rejected_by_reason.get_mut(reason as usize) {
            *count += 1;
        }
        if self.verdicts.rejections.len() < REPORTED_ERRORS_MAX {
            self.verdicts.rejections.push(Rejection { line: number, reason, detail });
        }
    }
}
