//! What an entry of the table of shapes says, and the short forms that entries are written in.

use super::super::duration::Unit;
use super::super::level::LevelScale;
use super::super::targets::Target;

/// A record's shape: the library or product behind the record.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Short name, unique: `loguru`, `docker`.
    pub(crate) name: &'static str,
    /// The writer of such records, in a few words.
    pub(crate) about: &'static str,
    /// What must hold, all of it. The first sign must be [`Sign::Has`] or another sign of one
    /// name, and should be the rarest: shapes are looked for only where it is seen.
    pub(crate) signs: &'static [Sign],
    /// Where the fields of the contract lie. Names that stand nowhere here are read by the
    /// general table of spellings.
    pub(crate) fields: &'static [Rule],
    /// Unit of bare numbers under names that do not say theirs (`duration`, `latency`, `took`).
    pub(crate) durations: Option<Unit>,
    /// The field that holds another record, where the shape is a wrapper.
    pub(crate) wraps: Option<&'static str>,
}

impl Shape {
    /// What an entry leaves out.
    pub(super) const PLAIN: Shape =
        Shape { name: "", about: "", signs: &[], fields: &[], durations: None, wraps: None };

    /// Tells whether the entry says anything that the general table of spellings does not.
    pub(super) fn changes_reading(&self) -> bool {
        !self.fields.is_empty() || self.durations.is_some() || self.wraps.is_some()
    }
}

/// One thing that tells a shape. Names are whole dotted paths and compared like spellings:
/// any case, `-` as `_`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sign {
    /// The record has a value under this name.
    Has(&'static str),
    /// The record has a value under a name of the list.
    Any(&'static [&'static str]),
    /// The record has no value under this name.
    Lacks(&'static str),
    /// The value is a number.
    Number(&'static str),
    /// The value is a text.
    Text(&'static str),
    /// The value is exactly this text.
    Is(&'static str, &'static str),
    /// The value is a text in capitals, as `INFO`.
    Capitals(&'static str),
    /// The value is the record's first, second, ... from 0.
    At(usize, &'static str),
    /// The value is the record's last, last but one, ... from 0.
    FromEnd(usize, &'static str),
}

impl Sign {
    /// Returns the name that has to be there, if the sign is about one.
    pub(super) fn required(self) -> Option<&'static str> {
        match self {
            Sign::Has(name)
            | Sign::Number(name)
            | Sign::Text(name)
            | Sign::Is(name, _)
            | Sign::Capitals(name)
            | Sign::At(_, name)
            | Sign::FromEnd(_, name) => Some(name),
            Sign::Any(_) | Sign::Lacks(_) => None,
        }
    }

    /// Returns every name that the sign mentions.
    pub(super) fn names(&self) -> &[&'static str] {
        match self {
            Sign::Has(name)
            | Sign::Number(name)
            | Sign::Text(name)
            | Sign::Is(name, _)
            | Sign::Capitals(name)
            | Sign::Lacks(name)
            | Sign::At(_, name)
            | Sign::FromEnd(_, name) => std::slice::from_ref(name),
            Sign::Any(names) => names,
        }
    }
}

/// What a field is in a shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// The field's whole dotted path.
    pub(crate) name: &'static str,
    /// What it becomes.
    pub(crate) becomes: Becomes,
}

/// What a shape makes of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Becomes {
    /// A field of the contract, its value read as everywhere.
    Field(Target),
    /// The level, numbers and letters on this scale.
    Level(LevelScale),
    /// The duration, numbers in this unit.
    Duration(Unit),
    /// The timestamp, numbers in this unit since 1970.
    Epoch(Unit),
    /// The timestamp in whole seconds, with nanoseconds in the other field.
    SecondsAnd(&'static str),
    /// The timestamp, a text without a zone, whose zone stands in the other field.
    ZonedBy(&'static str),
    /// The message, a text or an array of its bytes.
    Bytes,
    /// The message's template, filled from the fields below this path (empty: beside it).
    Template(&'static str),
    /// The calls that led to an error, where the text is such.
    Trace,
    /// A field of the contract, of a path its last segment: `projects/p/traces/4f1c`. The whole
    /// keeps its name.
    LastSegment(Target),
    /// The method and path of a request: `GET /a HTTP/1.1`.
    RequestLine,
    /// No change: the field keeps the name, even a name with a meaning elsewhere.
    Itself,
}

/// Says that a field becomes a field of the contract.
pub(super) const fn field(name: &'static str, target: Target) -> Rule {
    Rule { name, becomes: Becomes::Field(target) }
}

/// Says that a field is the time of the record.
pub(super) const fn time(name: &'static str) -> Rule {
    field(name, Target::Timestamp)
}

/// Says that a field is the time of the record, a number in a unit since 1970.
pub(super) const fn epoch(name: &'static str, unit: Unit) -> Rule {
    Rule { name, becomes: Becomes::Epoch(unit) }
}

/// Says that a field is the level, in words or in the general numbers.
pub(super) const fn level(name: &'static str) -> Rule {
    field(name, Target::Level)
}

/// Says that a field is the level, on a scale of its own.
pub(super) const fn level_on(name: &'static str, scale: LevelScale) -> Rule {
    Rule { name, becomes: Becomes::Level(scale) }
}

/// Says that a field is the message.
pub(super) const fn message(name: &'static str) -> Rule {
    field(name, Target::Message)
}

/// Says that a field is the duration, in a unit.
pub(super) const fn duration(name: &'static str, unit: Unit) -> Rule {
    Rule { name, becomes: Becomes::Duration(unit) }
}

/// Says that a field keeps its name.
pub(super) const fn itself(name: &'static str) -> Rule {
    Rule { name, becomes: Becomes::Itself }
}

/// Declares a meaning of a field without a short form.
pub(super) const fn rule(name: &'static str, becomes: Becomes) -> Rule {
    Rule { name, becomes }
}
