//! The indexer as [`super::supervise`] sees it.

use std::borrow::Cow;
use std::ops::Range;
use std::time::{Duration, Instant};

use metrics::counter;
use tierlog_model::limits::DEAD_LETTER_BYTES_MAX;
use tierlog_model::{
    Clock as _, HeldBytes, Level, Record, RecordKind, Redacted, RedactedBatch, UNINDEXABLE, Value,
    fields, metric_names,
};

use super::Indexer;
use super::backlog::Lane;
use super::failure::{Failure, guarded};
use super::phase::Event;
use super::supervise::{Each, Sink};
use crate::StoreError;
use crate::wal::LoggedBatch;

/// How often a waiting indexer looks whether there is room and whether the store closes.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The fresh lane, in the form that a recovery takes.
#[derive(Debug)]
pub(super) struct SupervisedIndexer<'i>(pub(super) &'i Indexer);

impl Sink for SupervisedIndexer<'_> {
    fn rewind(&self) -> Result<u64, StoreError> {
        self.0.lock().rewind()
    }

    fn reread(&self, range: Range<u64>, each: &mut Each<'_>) -> Result<(), Failure> {
        let end = range.end;
        self.0.reread(range, each)?;
        self.0.context.progress.pass(end);
        Ok(())
    }

    fn apply(&self, batch: &LoggedBatch, range: Range<u64>) -> Result<(), StoreError> {
        self.0.change(|state| state.apply_again(batch, range))
    }

    fn commit(&self) -> Result<(), StoreError> {
        self.0.commit()
    }

    fn set_aside(&self, batch: &LoggedBatch, seq: u64) -> Result<(), StoreError> {
        self.0.set_record_aside(batch, seq)?;
        self.0.lock().skip(seq);
        Ok(())
    }

    fn give_up(&self, seq: u64) {
        tracing::error!(seq, "a record cannot be indexed, nor its dead letter: it is left out");
        self.0.lock().skip(seq);
    }

    fn note(&self, event: Event) {
        self.0.context.progress.note(Lane::Fresh, event);
    }

    fn is_closing(&self) -> bool {
        self.0.is_stopping()
    }

    fn pause(&self, time: Duration) -> bool {
        self.0.pause(time)
    }
}

/// What the recoveries of both lanes share.
impl Indexer {
    /// Gives the batches of the WAL with records in a range, in order.
    pub(super) fn reread(&self, range: Range<u64>, each: &mut Each<'_>) -> Result<(), Failure> {
        for entry in self.context.reader.replay(range) {
            let (first_seq, batch) = entry.map_err(StoreError::from)?;
            each(LoggedBatch { first_seq, batch, held: HeldBytes::default() })?;
        }
        Ok(())
    }

    /// Adds a dead letter in the place of a record that cannot be indexed, durably.
    pub(super) fn set_record_aside(&self, batch: &LoggedBatch, seq: u64) -> Result<(), StoreError> {
        tracing::error!(seq, "a record cannot be indexed: it becomes a dead letter");
        counter!(metric_names::UNINDEXABLE_RECORDS).increment(1);
        let offset = usize::try_from(seq.saturating_sub(batch.first_seq)).unwrap_or(usize::MAX);
        let letter = self.dead_letter(&batch.batch, offset);
        let letter = RedactedBatch::in_place_of(&letter, Redacted::vouch());
        let letter = letter.of_tenant(batch.batch.tenant());
        self.change(|state| state.add_letter(&letter, seq))
    }

    /// Waits before the next attempt, less when there is room sooner. Returns whether to go on.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let free_before = self.context.free_bytes();
        while Instant::now() < until {
            if self.is_stopping() {
                return false;
            }
            // Somebody has made room: no reason to wait any longer.
            let gained = self.context.free_bytes().saturating_sub(free_before);
            if gained > self.context.settings.writer.memory_bytes as u64 {
                break;
            }
            std::thread::park_timeout(LOOK_INTERVAL);
        }
        !self.is_stopping()
    }

    /// Returns the dead letter of a record that was redacted long ago. Fields that do
    /// not read back are left out.
    fn dead_letter(&self, batch: &RedactedBatch, offset: usize) -> Record<'static> {
        let decode = || -> Result<Record<'static>, StoreError> {
            let record = batch.records().nth(offset).ok_or(StoreError::NoRecord)??;
            Ok(record.decode()?.into_owned())
        };
        let original = guarded(decode).ok();
        let text = |text: String| Value::Str(Cow::Owned(text));
        let line = original.as_ref().and_then(|record| serde_json::to_string(record).ok());
        let mut letter = vec![
            (Cow::Borrowed(fields::REASON), Value::Str(Cow::Borrowed(UNINDEXABLE))),
            (Cow::Borrowed(fields::DETAIL), text("the record cannot be indexed".to_owned())),
        ];
        if let Some(mut line) = line {
            let kept = line.floor_char_boundary(DEAD_LETTER_BYTES_MAX);
            if kept < line.len() {
                line.truncate(kept);
                letter.push((Cow::Borrowed(fields::TRUNCATED), Value::Bool(true)));
            }
            letter.push((Cow::Borrowed(fields::MESSAGE), text(line)));
        }
        for name in [fields::SERVICE, fields::SOURCE] {
            if let Some(known) = original.as_ref().and_then(|record| record.get_str(name)) {
                letter.push((Cow::Borrowed(name), text(known.to_owned())));
            }
        }
        Record {
            timestamp: self.context.clock.now(),
            level: Level::Warning,
            kind: RecordKind::DeadLetter,
            fields: letter,
        }
    }
}
