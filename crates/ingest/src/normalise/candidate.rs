//! Fields that compete for one target, and the order in which they are believed.

use tierlog_model::Level;

use super::aliases::{Alias, Trust};
use super::known::Wrapped;
use super::targets::Target;
use super::wrapper::LAYERS_MAX;

/// The field that a target is taken from, as far as seen. The lower priority wins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// Position in the fields.
    pub(crate) index: usize,
    /// The spelling.
    pub(crate) alias: Alias,
    /// Its place among the others.
    pub(super) priority: Priority,
}

/// By target: the field that it is taken from. Times and levels are apart.
///
/// Most targets have none, so that bits say which do, and only these are walked.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    slots: [Option<Candidate>; Target::ALL.len()],
    /// Targets that have a field, by their place in the slots.
    given: u32,
}

const _: () = assert!(Target::ALL.len() <= u32::BITS as usize);

impl Chosen {
    /// Forgets every field.
    pub(super) fn clear(&mut self) {
        self.given = 0;
    }

    /// Tells whether a target has a field.
    #[inline]
    pub(super) fn has(&self, target: Target) -> bool {
        self.given >> target as u32 & 1 != 0
    }

    /// Returns the field that a target is taken from.
    #[inline]
    pub(super) fn of(&self, target: Target) -> Option<Candidate> {
        if !self.has(target) {
            return None;
        }
        self.slots.get(target as usize).copied().flatten()
    }

    /// Gives a target its field.
    #[inline]
    pub(super) fn set(&mut self, target: Target, candidate: Candidate) {
        if let Some(slot) = self.slots.get_mut(target as usize) {
            *slot = Some(candidate);
            self.given |= 1 << target as u32;
        }
    }

    /// Takes the field of a target away.
    pub(super) fn take(&mut self, target: Target) -> Option<Candidate> {
        let taken = self.of(target);
        self.given &= !(1 << target as u32);
        taken
    }

    /// Withdraws a field from every target.
    pub(super) fn forget(&mut self, index: usize) {
        for target in self.targets() {
            if self.of(target).is_some_and(|candidate| candidate.index == index) {
                self.take(target);
            }
        }
    }

    /// Returns the targets that have a field now, in the order of the table.
    pub(super) fn targets(&self) -> impl Iterator<Item = Target> + use<> {
        let mut left = self.given;
        std::iter::from_fn(move || {
            let next = Target::ALL.get(left.trailing_zeros() as usize).copied();
            left &= left.wrapping_sub(1);
            next
        })
    }
}

/// A field that may say when the event happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeCandidate {
    /// Position in the fields.
    pub(crate) index: usize,
    /// The spelling.
    pub(crate) alias: Alias,
    /// Its place among the others; the lowest is looked at first.
    pub(crate) priority: Priority,
    /// Position of the field that its hint names.
    pub(crate) companion: Option<usize>,
    /// The layer that it stands in.
    pub(crate) layer: Layer,
}

/// The field that the level is taken from, as far as seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LevelChoice {
    /// Position in the fields.
    pub(crate) index: usize,
    /// The level, where the value says one that is known.
    pub(crate) known: Option<Level>,
    /// Its place among the others.
    pub(super) priority: Priority,
}

/// Order of the fields that spell one target. Compared from left to right: the layer, how the
/// spelling is known, its place in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Priority {
    /// Place of the layer.
    pub(super) layer: u8,
    /// How the spelling is known.
    pub(super) class: Class,
    /// Place in its list.
    pub(super) rank: u16,
}

impl Priority {
    /// Tells whether the field stands in an object that only fills in.
    pub(super) fn fills_in(self) -> bool {
        self.layer > LAYERS_MAX
    }
}

/// How a spelling is known; the first is believed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// The contract's own name, or a name that the operator configured.
    Own,
    /// A name that the record's shape knows.
    Shape,
    /// A name of the general table.
    Spelling,
    /// A name of the general table, inside a container.
    Inside,
    /// The contract's own name, with a value that it cannot have.
    Unfit,
}

impl Class {
    /// Returns how a spelling is known.
    pub(super) fn of(alias: Alias, wrapped: Wrapped) -> Class {
        match (alias.trust, wrapped) {
            (Trust::Configured, _) => Class::Own,
            (Trust::Shape, _) => Class::Shape,
            (Trust::Spelling, Wrapped::No) if alias.rank == 0 => Class::Own,
            (Trust::Spelling, Wrapped::No) => Class::Spelling,
            (Trust::Spelling, Wrapped::Yes) => Class::Inside,
        }
    }
}

/// How a layer stands to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// The record, or what its wrapper holds: wins over what wraps it.
    Record,
    /// An object in the message of an ordinary record: fills in what the record lacks.
    Filling,
}
