//! Observations of ingest about accepted lines, told only by health: unknown level words, and
//! streams whose clocks seem to be in another zone.
//!
//! Arrives: notes of each batch, few and bounded. Leaves: a [`Report`] for health. Words and names
//! are content of lines; both are cut and redacted before any report. Nothing is kept over a
//! restart; the report says since when it counts.

mod clocks;
mod levels;
mod services;

use std::sync::{Arc, Mutex, PoisonError};

use metrics::{counter, gauge};
use tierlog_model::{Level, Timestamp, fields, metric_names};

use clocks::StreamClocks;
use levels::UnknownLevels;
pub(crate) use services::BatchServices;
use services::Services;

use crate::normalise::Reading;
use crate::redact::Redactor;

/// Observations of one batch, or of all batches.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    levels: UnknownLevels,
    clocks: StreamClocks,
}

impl Notes {
    /// Notes what is worth telling about a record that arrives now.
    #[inline]
    pub(crate) fn note(&mut self, reading: &Reading<'_>, now: Timestamp) {
        // Fast path: levels are known, and times name their zone.
        if reading.has_unknown_level || reading.has_naive_time {
            self.note_odd(reading, now);
        }
    }

    fn note_odd(&mut self, reading: &Reading<'_>, now: Timestamp) {
        let text = |name: &str| reading.record.get_str(name).unwrap_or_default();
        if reading.has_unknown_level {
            self.levels.note(text(fields::LEVEL_TEXT));
        }
        if reading.has_naive_time {
            let stream = [text(fields::SERVICE), text(fields::HOST)];
            self.clocks.note(stream, reading.record.timestamp, now);
        }
    }
}

/// What was noticed since the start.
#[derive(Debug)]
pub(crate) struct Observations {
    since: Timestamp,
    notes: Mutex<Notes>,
    services: Arc<Services>,
}

/// A level word that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLevel {
    /// The word as it was written, redacted, at most 32 bytes.
    pub word: String,
    /// Records that had it.
    pub records: u64,
}

/// A stream whose times that name no zone lie a steady number of quarter hours off their arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShiftedClock {
    /// Service of the stream, redacted; empty where none is named.
    pub service: String,
    /// Host of the stream, redacted; empty where none is named.
    pub host: String,
    /// How far ahead of their arrival the times are read, minutes; negative when behind.
    pub ahead_minutes: i64,
    /// Records that showed it.
    pub records: u64,
}

/// What ingest noticed since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// When counting began.
    pub since: Timestamp,
    /// Level that records of an unknown level word were given.
    pub stored_as: Level,
    /// Records of an unknown level word.
    pub unknown_level_records: u64,
    /// The words, the most frequent first; words beyond the first 32 are not listed.
    pub unknown_levels: Vec<UnknownLevel>,
    /// Streams that seem to be in another zone.
    pub shifted_clocks: Vec<ShiftedClock>,
}

impl Observations {
    /// Starts to count.
    pub(crate) fn new(since: Timestamp, redactor: Arc<Redactor>) -> Observations {
        gauge!(metric_names::SHIFTED_CLOCKS).set(0.0);
        counter!(metric_names::UNKNOWN_LEVELS).absolute(0);
        let services = Arc::new(Services::new(redactor));
        Observations { since, notes: Mutex::default(), services }
    }

    /// Redacts the names of further services as other settings say.
    pub(crate) fn redact_with(&self, redactor: &Arc<Redactor>) {
        self.services.redact_with(redactor);
    }

    /// Returns the notes on the services of a batch that arrives now.
    pub(crate) fn services(&self, now: Timestamp) -> BatchServices {
        BatchServices::new(&self.services, now)
    }

    /// Takes over what a batch noticed.
    pub(crate) fn take(&self, batch: Notes) {
        // Fast path: most batches notice nothing.
        if batch.levels.is_empty() && batch.clocks.is_empty() {
            return;
        }
        counter!(metric_names::UNKNOWN_LEVELS).increment(batch.levels.records());
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.levels.merge(&batch.levels);
        notes.clocks.merge(batch.clocks);
        gauge!(metric_names::SHIFTED_CLOCKS).set(notes.clocks.shifted().count() as f64);
    }
}

/// Tells what was noticed.
#[derive(Clone, Debug)]
pub struct Reporter {
    observations: Arc<Observations>,
    redactor: Arc<Redactor>,
    stored_as: Level,
}

impl Reporter {
    pub(crate) fn new(
        observations: Arc<Observations>,
        redactor: Arc<Redactor>,
        stored_as: Level,
    ) -> Reporter {
        Reporter { observations, redactor, stored_as }
    }

    /// Returns what was noticed so far.
    pub fn report(&self) -> Report {
        let Reporter { observations, redactor, stored_as } = self;
        let notes = observations.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown_levels = notes
            .levels
            .by_count()
            .map(|(word, records)| UnknownLevel { word: redactor.redact_text(word), records });
        let shifted_clocks = notes.clocks.shifted().map(|stream| ShiftedClock {
            service: redactor.redact_text(stream.service()),
            host: redactor.redact_text(stream.host()),
            ahead_minutes: stream.ahead_minutes(),
            records: stream.records(),
        });
        Report {
            since: observations.since,
            stored_as: *stored_as,
            unknown_level_records: notes.levels.records(),
            unknown_levels: unknown_levels.collect(),
            shifted_clocks: shifted_clocks.collect(),
        }
    }
}
