//! Memory that a reader hands on from one record to the next.
//!
//! The memory is room only: no part of a record stays behind.

use tierlog_model::RecordFields;

use super::candidate::{Chosen, TimeCandidate};
use super::known::Sense;
use super::names::NameFilter;

/// Fields that the first record of a reader has room for. The next ones have the same memory.
const FIELDS_USUAL: usize = 24;

/// Most fields whose memory is kept for the next record: more are rare, and would hold memory for
/// as long as their connection lives.
const KEPT_FIELDS_MAX: usize = 64;

/// A field with a meaningful name, until the layer is settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Note {
    /// Position in the fields.
    pub(super) index: usize,
    /// What the name means.
    pub(super) sense: Sense,
}

/// Memory of a collector that is used again for the next record.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    fields: RecordFields<'static>,
    /// Fields of the current layer with meaningful names.
    pub(super) notes: Vec<Note>,
    /// Fields that may say when the event happened.
    pub(super) times: Vec<TimeCandidate>,
    /// The field of each target, by target.
    pub(super) best: Chosen,
    /// Positions of fields that are not kept.
    pub(super) dropped: Vec<usize>,
    /// The names that fields may have.
    pub(super) seen: NameFilter,
}

impl Scratch {
    /// Forgets the record before, and returns room for the fields of the next one.
    pub(super) fn begin(&mut self) -> RecordFields<'static> {
        self.notes.clear();
        self.times.clear();
        self.best.clear();
        self.dropped.clear();
        self.seen.clear();
        let mut fields = std::mem::take(&mut self.fields);
        fields.reserve(FIELDS_USUAL);
        fields
    }

    /// Takes the memory of a record's fields.
    pub(crate) fn recycle(&mut self, fields: RecordFields<'static>) {
        if fields.capacity() <= KEPT_FIELDS_MAX {
            self.fields = fields;
        }
    }
}
