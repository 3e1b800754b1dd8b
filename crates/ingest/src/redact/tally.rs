//! The tally: what fired, how often, and in which fields, for the batch that is read.
//!
//! Arrives: a note for each replaced value. Leaves: counts by detector for the batch, and for each
//! record the detectors and fields, from which the evidence is made. No value is noted.

use super::detector_set::{DETECTORS_MAX, DetectorSet};
use super::scope::Scope;
use super::tokens::Tokens;

/// Finds of one record whose fields are told apart; further ones count for their detector only.
const NOTES_MAX: usize = 256;

/// What fired, and how often, by detector.
pub(super) struct Tally {
    counts: [u64; DETECTORS_MAX],
    fired: DetectorSet,
    /// Position of the field that is read, in its record.
    field: usize,
    /// Of the record that is read: each find's detector and field.
    notes: Vec<Note>,
    /// The tokens of the batch, and those of the record that a search must be told of.
    pub(super) tokens: Tokens,
    /// What the policy's rules say of the record that is read; nothing without rules.
    pub(super) scope: Option<Box<Scope>>,
}

/// A find of the record that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// Position of the detector in the registry.
    pub(super) detector: usize,
    /// Position of the field in the record.
    pub(super) field: usize,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally::new(None)
    }
}

impl Tally {
    /// Returns a tally of nothing.
    pub(super) fn new(scope: Option<Box<Scope>>) -> Tally {
        let fired = DetectorSet::EMPTY;
        let (notes, tokens) = (Vec::new(), Tokens::default());
        Tally { counts: [0; DETECTORS_MAX], fired, field: 0, notes, tokens, scope }
    }

    /// Says in which field of the record finds are from now on.
    #[inline]
    pub(super) fn enter(&mut self, field: usize) {
        self.field = field;
    }

    /// Counts one replaced value of a detector.
    pub(super) fn note(&mut self, detector: usize) {
        if let Some(count) = self.counts.get_mut(detector) {
            *count += 1;
            self.fired.insert(detector);
            if self.notes.len() < NOTES_MAX {
                self.notes.push(Note { detector, field: self.field });
            }
        }
    }

    /// Returns the detectors that fired since the last call.
    pub(super) fn take_fired(&mut self) -> DetectorSet {
        self.notes.clear();
        std::mem::take(&mut self.fired)
    }

    /// Returns the finds since the detectors were last taken.
    pub(super) fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Returns how many values were replaced.
    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns how many values each detector replaced, by position.
    pub(super) fn counts(&self) -> &[u64] {
        &self.counts
    }
}
