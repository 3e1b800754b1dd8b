//! Fields that compete for one target, and the order of belief among the fields.

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

/// The field of each target, by target. Times and levels are apart.
///
/// Most targets have no field: bits mark the targets with a field, and only marked targets are
/// walked. Of the fields of ordinary records most have the target's name and type already: other
/// bits leave these alone.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    slots: [Option<Candidate>; Target::ALL.len()],
    /// Targets that have a field, by their place in the slots.
    given: u32,
    /// Targets whose field may need another name or type.
    unfinished: u32,
}

/// What the end of the reading has to do about a field that a target is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    /// It may need the target's name or type.
    Give,
    /// It has both.
    Nothing,
}

const _: () = assert!(Target::ALL.len() <= u32::BITS as usize);

impl Chosen {
    /// Forgets every field.
    pub(super) fn clear(&mut self) {
        (self.given, self.unfinished) = (0, 0);
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
    pub(super) fn set(&mut self, target: Target, candidate: Candidate, finish: Finish) {
        if let Some(slot) = self.slots.get_mut(target as usize) {
            *slot = Some(candidate);
            let bit = 1 << target as u32;
            self.given |= bit;
            match finish {
                Finish::Give => self.unfinished |= bit,
                Finish::Nothing => self.unfinished &= !bit,
            }
        }
    }

    /// Notes that a chosen field may have another name by now.
    pub(super) fn unfinish(&mut self) {
        self.unfinished = u32::MAX;
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
    fn targets(&self) -> impl Iterator<Item = Target> + use<> {
        targets_of(self.given)
    }

    /// Returns those of the targets whose field may need another name or type.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = Target> + use<> {
        targets_of(self.given & self.unfinished)
    }
}

fn targets_of(mut bits: u32) -> impl Iterator<Item = Target> + use<> {
    std::iter::from_fn(move || {
        let next = Target::ALL.get(bits.trailing_zeros() as usize).copied();
        bits &= bits.wrapping_sub(1);
        next
    })
}

/// What a name claims about its field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    /// The spelling.
    pub(super) alias: Alias,
    /// How the spelling is known.
    pub(super) class: Class,
    /// Whether the name is the target's own.
    pub(super) is_own_name: bool,
}

impl Claim {
    /// Returns what a spelling claims about the field with a name.
    pub(super) fn new(alias: Alias, wrapped: Wrapped, name: &str) -> Claim {
        let is_own_name = alias.may_be_own_name() && name == alias.target.name();
        Claim { alias, class: Class::of(alias, wrapped), is_own_name }
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
    /// Position of the field named by the hint.
    pub(crate) companion: Option<usize>,
    /// The layer that it stands in.
    pub(crate) layer: Layer,
}

/// The field that the level is taken from, as far as seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LevelChoice {
    /// Position in the fields.
    pub(crate) index: usize,
    /// The level, where the value is a known level.
    pub(crate) known: Option<Level>,
    /// Its place among the others.
    pub(super) priority: Priority,
}

/// Order of the fields that spell one target: the layer, the class of the spelling, the place in
/// the list of spellings, from the highest bits of a number down, because one comparison then
/// orders two fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Priority(u32);

impl Priority {
    /// Returns the priority of a spelling in a layer.
    #[inline]
    pub(super) fn new(layer: u8, class: Class, rank: u16) -> Priority {
        Priority(u32::from(layer) << 24 | (class as u32) << 16 | u32::from(rank))
    }

    /// Tells whether the field stands in an object that only fills in.
    pub(super) fn fills_in(self) -> bool {
        self.0 >> 24 > u32::from(LAYERS_MAX)
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
    fn of(alias: Alias, wrapped: Wrapped) -> Class {
        match (alias.trust, wrapped) {
            (Trust::Configured, _) => Class::Own,
            (Trust::Shape, _) => Class::Shape,
            (Trust::Spelling, Wrapped::No) if alias.rank == 0 => Class::Own,
            (Trust::Spelling, Wrapped::No) => Class::Spelling,
            (Trust::Spelling, Wrapped::Yes) => Class::Inside,
        }
    }
}

/// The relation of a layer to earlier layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// The record, or the content of a wrapper: the content wins over the wrapper.
    Record,
    /// An object in the message of an ordinary record: fills in what the record lacks.
    Filling,
}
