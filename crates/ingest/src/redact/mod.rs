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

mod action;
mod canary;
mod claim;
mod clean_texts;
mod custom;
mod cut;
mod dead_letter;
mod detector;
mod detector_set;
mod engine;
mod evidence;
mod explain;
mod filter;
mod key_needles;
mod key_pairs;
mod key_terms;
mod keys;
mod name_facts;
mod named;
mod names;
mod needles;
mod number_use;
mod pattern;
mod placeholders;
mod policy;
mod policy_file;
mod prefilter;
mod printed;
mod record;
mod registry;
mod rules;
mod scope;
mod settings;
mod shape;
mod span;
mod tally;
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
    Tenant,
};

pub use action::Action;
pub use canary::CanaryError;
pub use dead_letter::DeadLetter;
pub use evidence::{EvidenceRow, Ledger};
pub use explain::Find;
pub use filter::{Explained, Filter, Filtered};
pub use policy_file::{POLICY_BYTES_MAX, PolicyFault, RedactionPolicy};
pub use registry::{UnknownDetector, detector_named, detector_names};
pub(crate) use registry::{is_detector_list, is_token_list};
pub use settings::{DetectorName, RedactionSettings};

use clean_texts::CleanTexts;
use engine::Engine;
use evidence::Evidence;
pub(crate) use names::Names;
use registry::DETECTORS;
use scope::{Explaining, Scope};
use tally::Tally;
use walk::Walk;

use crate::interner::Interner;

/// Takes personal data out of records. The sources of the server share one redactor.
pub struct Redactor {
    engine: Engine,
    /// Memory of batches.
    buffers: Arc<BufferPool>,
    /// What was found since the start of the server.
    ledger: Arc<Ledger>,
}

impl Redactor {
    /// Returns a redactor with these detectors and pseudonyms.
    pub fn new(settings: &RedactionSettings, pseudonyms: Pseudonyms) -> Redactor {
        let engine = Engine::new(DETECTORS, settings, pseudonyms);
        let ledger = Arc::new(Ledger::of(detector_names()));
        Redactor { engine, buffers: Arc::default(), ledger }
    }

    /// Counts finds in the ledger of another redactor, which this one takes over from.
    #[must_use]
    pub fn with_ledger(self, ledger: Arc<Ledger>) -> Redactor {
        Redactor { ledger, ..self }
    }

    /// Returns what was found since the start of the server.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Lets each active detector find its example. The error names those that do not: what they
    /// look for would be stored.
    pub fn check_canaries(&self) -> Result<(), CanaryError> {
        canary::check(&self.engine)
    }

    /// Returns the version of the policy file; nothing without a file.
    pub fn policy_version(&self) -> Option<&str> {
        self.engine.policy_version()
    }

    /// Returns how many rules the policy file has.
    pub fn rule_count(&self) -> usize {
        self.engine.rules().len()
    }

    /// Returns the names of the detectors that run.
    pub fn active_detectors(&self) -> Vec<&'static str> {
        self.engine.active().map(|(_, detector)| detector.name()).collect()
    }

    /// Returns a text without personal data, for what is shown of a line outside of its record.
    pub(crate) fn redact_text(&self, text: &str) -> String {
        let redacted = self.engine.redact(text, &mut Tally::default());
        redacted.unwrap_or_else(|| text.to_owned())
    }

    /// Opens a batch of the default tenant that knows no names yet.
    pub fn batch(&self) -> RedactingWriter<'_> {
        self.batch_with(0, Names::default())
    }

    /// Opens a batch with room for so many bytes, and with the names that earlier batches of the
    /// redactor have read.
    pub(crate) fn batch_with(&self, bytes: usize, mut names: Names) -> RedactingWriter<'_> {
        names.next_batch();
        let scope = Scope::new(self.engine.rules(), Explaining::Off);
        RedactingWriter {
            redactor: self,
            writer: BatchWriter::with_room(bytes, &self.buffers),
            tally: Tally::new(scope),
            names,
            clean: CleanTexts::default(),
            evidence: Evidence::default(),
        }
    }
}

impl std::fmt::Debug for Redactor {
    /// The pseudonyms hold keys, and no key is shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Redactor")
    }
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// The record is in the batch.
    Stored,
    /// A rule of the policy asks for the record not to be stored.
    Dropped,
}

/// Redacts records one by one and writes the results into a batch.
pub struct RedactingWriter<'r> {
    redactor: &'r Redactor,
    writer: BatchWriter,
    tally: Tally,
    names: Names,
    clean: CleanTexts,
    evidence: Evidence,
}

impl RedactingWriter<'_> {
    /// Says whose records follow; by default, those of callers without a key.
    pub(crate) fn of_tenant(&mut self, tenant: Tenant) {
        if let Some(scope) = self.tally.scope.as_deref_mut() {
            scope.set_tenant(tenant);
        }
    }

    /// Redacts and appends a record; returns the record's memory for the next record.
    pub fn push(&mut self, mut record: Record<'_>) -> (Disposition, RecordFields<'static>) {
        self.redact(&mut record);
        let disposition = match &self.tally.scope {
            Some(scope) if scope.drops_record() => Disposition::Dropped,
            Some(_) | None => {
                let names = &mut self.names;
                let id = |index: &mut _, position, name: &_| names.id(index, position, name);
                self.writer.push_named(&record, id);
                Disposition::Stored
            }
        };
        self.names.end_record();
        (disposition, record.into_memory())
    }

    /// Redacts a rejected line and appends it as a dead letter.
    pub fn push_dead_letter(&mut self, letter: DeadLetter<'_>) {
        // The names of a rejected line may have numbers, and nobody has judged them.
        self.names.note_suspect();
        let reason = letter.reason;
        let mut record = letter.into_record();
        self.redact(&mut record);
        if let Some(scope) = &self.tally.scope
            && (scope.drops_record() || scope.has_field_rule())
        {
            dead_letter::hide_line(&mut record);
        }
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
        let engine = &self.redactor.engine;
        self.redactor.ledger.take(self.evidence, |detector| engine.name_of(detector));
        let batch = RedactedBatch::from_redacted(self.writer, id, Redacted::vouch());
        (batch, self.names)
    }

    fn redact(&mut self, record: &mut Record<'_>) {
        let mut walk = Walk {
            engine: &self.redactor.engine,
            names: &mut self.names,
            clean: &mut self.clean,
            tally: &mut self.tally,
        };
        walk.record(record, &mut self.evidence);
    }
}
