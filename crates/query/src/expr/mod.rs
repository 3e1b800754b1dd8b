//! A condition on records as a value: dialects build it; the planner, the driver and the record
//! filter read it.
//!
//! Field names are canonical here, levels are sets, ids are in their stored forms, and text is
//! tokenised. No syntax of any dialect is left.

mod addresses;
pub(crate) mod literal;
mod passes;
pub(crate) mod pattern;
mod simplify;
pub(crate) mod words;

use tierlog_model::Level;
use tierlog_store::{Phrase, Signs};

pub(crate) use addresses::AddressRange;
pub(crate) use pattern::{Pattern, Wildcard};
pub(crate) use words::WordPattern;

use crate::bound::Bound;
use crate::time_range::TimeRange;

/// A condition on a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    /// Every record.
    All,
    /// No record.
    Nothing,
    /// All of them hold.
    And(Vec<Expr>),
    /// One of them holds.
    Or(Vec<Expr>),
    /// It does not hold.
    Not(Box<Expr>),
    /// The record's level is in the set.
    Level(LevelSet),
    /// The record's timestamp is in the span.
    Timestamp(TimeRange),
    /// The record has the field.
    Exists(String),
    /// One text field of the record (message or long text) passes the test.
    AnyText(TextTest),
    /// One value of the field passes the test.
    Field {
        /// Canonical name.
        name: String,
        /// The test.
        test: FieldTest,
    },
}

/// A test of one field's values. A field may hold several types, in different records or in one
/// array: each value is compared in its own way, and one that passes is enough.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FieldTest {
    /// Equals one of the literals.
    AnyOf(Vec<Literal>),
    /// Fits a pattern with `*` and `?`: values whole, texts such as the message by words.
    Wildcard {
        /// The pattern of a whole value.
        value: Wildcard,
        /// The pattern as words.
        words: TextTest,
    },
    /// Lies in a range.
    Range(ValueRange),
    /// Holds a network address of one of the ranges.
    Addresses(Vec<AddressRange>),
    /// Contains a match of a regular expression: values anywhere, texts such as the message within
    /// one word.
    Regex(Pattern),
}

/// A value as written in the query, and what it can equal: text whole, a text such as the message
/// as a phrase of words, a number by value, `true` and `false`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Literal {
    /// The text.
    pub(crate) text: String,
    /// The number that the text stands for.
    pub(crate) number: Option<Number>,
    /// The text as words, for the values that are tokenised.
    pub(crate) words: TextTest,
}

/// A number of a query: integers keep every digit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// An integer, wide enough that no comparison overflows.
    Integer(i128),
    /// Any other finite number.
    Float(f64),
}

/// A range of values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ValueRange {
    /// Numbers, and texts that read as numbers.
    Numbers {
        /// Lower end.
        lower: Bound<Number>,
        /// Upper end.
        upper: Bound<Number>,
    },
    /// Texts in the order of their bytes.
    Texts {
        /// Lower end.
        lower: Bound<String>,
        /// Upper end.
        upper: Bound<String>,
    },
}

/// A test of tokenised text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TextTest {
    /// Fits nothing: there is nothing in it.
    Never,
    /// The words stand one after the other. One word is a phrase of one.
    Phrase(Phrase),
    /// One word fits the pattern.
    Word(WordPattern),
    /// One word contains a match of the expression.
    WordRegex(Pattern),
    /// Signs are kept verbatim.
    Signs(Signs),
}

/// A set of levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LevelSet(u8);

impl LevelSet {
    /// No level.
    pub(crate) const EMPTY: LevelSet = LevelSet(0);
    /// Every level.
    pub(crate) const ALL: LevelSet = LevelSet((1 << Level::ALL.len()) - 1);

    /// Tells whether a level is in the set.
    pub(crate) fn contains(self, level: Level) -> bool {
        self.0 & (1 << level as u8) != 0
    }

    /// Returns the levels, least severe first.
    pub(crate) fn iter(self) -> impl Iterator<Item = Level> {
        Level::ALL.into_iter().filter(move |level| self.contains(*level))
    }

    /// Returns the levels that are in both.
    #[must_use]
    pub(crate) fn intersection(self, other: LevelSet) -> LevelSet {
        LevelSet(self.0 & other.0)
    }

    /// Returns the levels that are in either.
    #[must_use]
    pub(crate) fn union(self, other: LevelSet) -> LevelSet {
        LevelSet(self.0 | other.0)
    }

    /// Returns the levels that are not in the set.
    #[must_use]
    pub(crate) fn complement(self) -> LevelSet {
        LevelSet(!self.0 & LevelSet::ALL.0)
    }
}

impl FromIterator<Level> for LevelSet {
    fn from_iter<I: IntoIterator<Item = Level>>(levels: I) -> LevelSet {
        LevelSet(levels.into_iter().fold(0, |bits, level| bits | (1 << level as u8)))
    }
}
