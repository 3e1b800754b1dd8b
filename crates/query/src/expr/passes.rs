//! What the tests of an [`super::Expr`] say about one value: the single definition that the index
//! and the record filter share.

use std::borrow::Cow;
use std::cmp::Ordering;

use tierlog_store::NormalText;

use super::{FieldTest, Number, TextTest, ValueRange};
use crate::bound::Bound;

impl FieldTest {
    /// Tells whether a text passes that is compared whole, whatever its length.
    pub(crate) fn passes_text(&self, text: &str) -> bool {
        match self {
            FieldTest::AnyOf(literals) => literals.iter().any(|literal| literal.text == text),
            FieldTest::Wildcard { value, .. } => value.matches(text),
            FieldTest::Regex(pattern) => pattern.matches_value(text),
            FieldTest::Addresses(ranges) => ranges.iter().any(|range| range.is_in(text)),
            FieldTest::Range(ValueRange::Texts { lower, upper }) => {
                within(lower, upper, |bound| text.cmp(bound.as_str()))
            }
            FieldTest::Range(ValueRange::Numbers { .. }) => match Number::read(text) {
                Some(Number::Integer(integer)) => self.passes_integer(integer),
                Some(Number::Float(float)) => self.passes_float(float),
                None => false,
            },
        }
    }

    /// Tells whether an integer passes.
    pub(crate) fn passes_integer(&self, integer: i128) -> bool {
        match self {
            FieldTest::AnyOf(literals) => literals
                .iter()
                .filter_map(|literal| literal.number)
                .any(|number| number.compare_integer(integer) == Ordering::Equal),
            FieldTest::Range(ValueRange::Numbers { lower, upper }) => {
                within(lower, upper, |bound| bound.compare_integer(integer))
            }
            FieldTest::Range(ValueRange::Texts { .. }) | FieldTest::Addresses(_) => false,
            FieldTest::Wildcard { .. } | FieldTest::Regex(_) => {
                self.passes_text(&integer.to_string())
            }
        }
    }

    /// Tells whether a float passes. Its text is the shortest one, without a needless `.0`: the
    /// same number must not read differently because a neighbour in its column has a fraction.
    pub(crate) fn passes_float(&self, float: f64) -> bool {
        match self {
            FieldTest::AnyOf(literals) => literals
                .iter()
                .filter_map(|literal| literal.number)
                .any(|number| number.compare_float(float).is_eq()),
            FieldTest::Range(ValueRange::Numbers { lower, upper }) => {
                within(lower, upper, |bound| bound.compare_float(float))
            }
            FieldTest::Range(ValueRange::Texts { .. }) | FieldTest::Addresses(_) => false,
            FieldTest::Wildcard { .. } | FieldTest::Regex(_) => {
                self.passes_text(&float.to_string())
            }
        }
    }

    /// Tells whether a truth value passes: by its name.
    pub(crate) fn passes_bool(&self, value: bool) -> bool {
        match self {
            FieldTest::Range(_) | FieldTest::Addresses(_) => false,
            FieldTest::AnyOf(_) | FieldTest::Wildcard { .. } | FieldTest::Regex(_) => {
                self.passes_text(if value { "true" } else { "false" })
            }
        }
    }

    /// Tells whether a tokenised text passes.
    pub(crate) fn passes_words(&self, text: &NormalText<'_>) -> bool {
        self.words().iter().any(|test| test.passes(text))
    }

    /// Returns the tests of tokenised text, one of which must pass.
    pub(crate) fn words(&self) -> Vec<Cow<'_, TextTest>> {
        match self {
            FieldTest::AnyOf(literals) => {
                literals.iter().map(|literal| Cow::Borrowed(&literal.words)).collect()
            }
            FieldTest::Wildcard { words, .. } => vec![Cow::Borrowed(words)],
            FieldTest::Regex(pattern) => vec![Cow::Owned(TextTest::WordRegex(pattern.clone()))],
            FieldTest::Range(_) | FieldTest::Addresses(_) => Vec::new(),
        }
    }
}

impl TextTest {
    /// Tells whether a text passes.
    pub(crate) fn passes(&self, text: &NormalText<'_>) -> bool {
        match self {
            TextTest::Never => false,
            TextTest::Phrase(phrase) => phrase.stands_in(text),
            TextTest::Word(pattern) => text.words().any(|word| pattern.matches(word)),
            TextTest::WordRegex(pattern) => text.words().any(|word| pattern.matches_word(word)),
            TextTest::Signs(signs) => signs.stand_in(text),
        }
    }
}

/// Tells whether a value lies within bounds; `compare` says how the value stands to a bound.
fn within<T>(lower: &Bound<T>, upper: &Bound<T>, compare: impl Fn(&T) -> Ordering) -> bool {
    let above = match lower {
        Bound::Included(bound) => compare(bound).is_ge(),
        Bound::Excluded(bound) => compare(bound).is_gt(),
        Bound::Unbounded => true,
    };
    let below = match upper {
        Bound::Included(bound) => compare(bound).is_le(),
        Bound::Excluded(bound) => compare(bound).is_lt(),
        Bound::Unbounded => true,
    };
    above && below
}
