//! Redaction: the one way from a record to the hand-off.
//!
//! Arrives: normalised records and rejected lines, with whatever personal data they hold. Leaves:
//! a [`RedactedBatch`]. Nothing that a detector finds passes, neither in a value nor in a name
//! nor in a rejected line, and nothing of it is ever logged: metrics carry counts by detector.
//!
//! - [`registry`] lists the detectors; [`detector`] has one file each, over [`trigger`],
//!   [`claim`] and [`whole`], the words in which detectors are asked.
//! - [`prefilter`] tells in one pass which detectors a text needs, nearly always none; [`needles`]
//!   finds the words for the prefilter.
//! - [`engine`] reads one text, [`view`] shows the text decoded, [`span`] rewrites and [`cut`]
//!   shortens the text.
//! - [`printed`] finds ids in forms of their own by their [`shape`]; [`named`] is the one table of
//!   names that detectors know.
//! - [`keys`] tells secrets by the name of their field, [`policy`] adds the configuration and the
//!   [`placeholders`], [`number_use`] tells cards from ids.
//! - [`walk`] is the way over values, of [`record`]s and of the [`tree`] of an array; [`names`]
//!   remembers the [`name_facts`], [`clean_texts`] and [`tokens`] what a batch has met of values
//!   and ids; [`unique_names`] keeps redacted names apart.

mod claim;
mod clean_texts;
mod cut;
mod dead_letter;
mod detector;
mod detector_set;
mod engine;
mod key_pairs;
mod key_terms;
mod keys;
mod name_facts;
mod named;
mod names;
mod needles;
mod number_use;
mod placeholders;
mod policy;
mod prefilter;
mod printed;
mod record;
mod registry;
mod settings;
mod shape;
mod span;
mod tokens;
mod tree;
mod trigger;
mod unique_names;
mod view;
mod walk;
mod whole;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tierlog_model::metric_names::REDACTIONS;
use tierlog_model::{
    BatchId, BatchWriter, BufferPool, Pseudonyms, Record, RecordFields, Redacted, RedactedBatch,
};

pub use dead_letter::DeadLetter;
pub(crate) use registry::is_detector_list;
pub use registry::{UnknownDetector, detector_named, detector_names};
pub use settings::{DetectorName, RedactionSettings};

use clean_texts::CleanTexts;
use engine::{Engine, Tally};
pub(crate) use names::Names;
use registry::DETECTORS;
use tokens::TokenCache;
use walk::Walk;

use crate::interner::Interner;

/// Takes personal data out of records. The sources of the server share one redactor.
pub struct Redactor {
    engine: Engine,
    /// Memory of batches.
    buffers: Arc<BufferPool>,
}

impl Redactor {
    /// Returns a redactor with these detectors and pseudonyms.
    pub fn new(settings: &RedactionSettings, pseudonyms: Pseudonyms) -> Redactor {
        let engine = Engine::new(DETECTORS, settings, pseudonyms);
        Redactor { engine, buffers: Arc::default() }
    }

    /// Returns a text without personal data, for what is shown of a line outside of its record.
    pub(crate) fn redact_text(&self, text: &str) -> String {
        let redacted = self.engine.redact(text, &mut Tally::default());
        redacted.unwrap_or_else(|| text.to_owned())
    }

    /// Opens a batch that knows no names yet.
    pub fn batch(&self) -> RedactingWriter<'_> {
        self.batch_with(0, Names::default())
    }

    /// Opens a batch with room for so many bytes, and with the names that earlier batches of the
    /// redactor have read.
    pub(crate) fn batch_with(&self, bytes: usize, mut names: Names) -> RedactingWriter<'_> {
        names.next_batch();
        RedactingWriter {
            redactor: self,
            writer: BatchWriter::with_room(bytes, &self.buffers),
            tally: Tally::default(),
            names,
            clean: CleanTexts::default(),
            tokens: TokenCache::default(),
        }
    }
}

impl std::fmt::Debug for Redactor {
    /// The pseudonyms hold keys, and no key is shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Redactor")
    }
}

/// Redacts records one by one and writes the results into a batch.
pub struct RedactingWriter<'r> {
    redactor: &'r Redactor,
    writer: BatchWriter,
    tally: Tally,
    names: Names,
    clean: CleanTexts,
    tokens: TokenCache,
}

impl RedactingWriter<'_> {
    /// Redacts and appends a record; returns the record's memory for the next record.
    pub fn push(&mut self, mut record: Record<'_>) -> RecordFields<'static> {
        self.redact(&mut record);
        let names = &mut self.names;
        self.writer.push_named(&record, |index, position, name| names.id(index, position, name));
        names.end_record();
        record.into_memory()
    }

    /// Redacts a rejected line and appends it as a dead letter.
    pub fn push_dead_letter(&mut self, letter: DeadLetter<'_>) {
        // The names of a rejected line may have numbers, and nobody has judged them.
        self.names.note_suspect();
        let reason = letter.reason;
        let mut record = letter.into_record();
        self.redact(&mut record);
        dead_letter::shorten(&mut record, reason);
        self.writer.push(&record);
        self.names.end_record();
    }

    /// Returns how many values and places in texts were replaced; pseudonyms do not count.
    pub fn redacted_count(&self) -> u64 {
        self.tally.total()
    }

    /// Returns how many records were appended.
    pub fn record_count(&self) -> u32 {
        self.writer.record_count()
    }

    /// Returns how many bytes the batch holds.
    pub fn byte_len(&self) -> usize {
        self.writer.byte_len()
    }

    /// Returns the names of fields as numbers, for those who read the next record.
    pub(crate) fn interner(&mut self) -> &mut Interner {
        self.names.interner()
    }

    /// Closes the batch.
    pub fn finish(self, id: Option<BatchId>) -> RedactedBatch {
        self.finish_with_names(id).0
    }

    /// Closes the batch; returns the memory of names beside the batch.
    pub(crate) fn finish_with_names(self, id: Option<BatchId>) -> (RedactedBatch, Names) {
        let detectors = self.redactor.engine.detectors().iter();
        for (detector, count) in detectors.zip(self.tally.counts()).filter(|(_, count)| **count > 0)
        {
            metrics::counter!(REDACTIONS, "detector" => detector.name()).increment(*count);
        }
        let batch = RedactedBatch::from_redacted(self.writer, id, Redacted::vouch());
        (batch, self.names)
    }

    fn redact(&mut self, record: &mut Record<'_>) {
        let mut walk = Walk {
            engine: &self.redactor.engine,
            names: &mut self.names,
            clean: &mut self.clean,
            tokens: &mut self.tokens,
            tally: &mut self.tally,
        };
        walk.record(record);
    }
}
