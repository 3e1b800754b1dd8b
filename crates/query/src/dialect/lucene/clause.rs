//! The value of a clause, as the reader hands it on: syntax only, `meaning` makes a condition of
//! the field and the value.

use crate::bound::Bound;
use crate::expr::pattern::{PatternChar, plain_text};

/// The value of a clause, by its form.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Without quotes; may hold wildcards.
    Word(Vec<PatternChar>),
    /// Between quotes.
    Quoted(String),
    /// Between quotes, with a star behind them.
    QuotedPrefix(String),
    /// `IN [a b c]`.
    Set(Vec<String>),
    /// `[a TO b}`, or a comparison.
    Range(Bound<String>, Bound<String>),
    /// `/expression/`.
    Regex(String),
    /// `*`.
    Anything,
}

impl Value {
    /// Tells whether the value is a text without wildcards.
    pub(super) fn is_plain(&self) -> bool {
        match self {
            Value::Word(word) => plain_text(word).is_some(),
            Value::Quoted(_) => true,
            Value::QuotedPrefix(_)
            | Value::Set(_)
            | Value::Range(..)
            | Value::Regex(_)
            | Value::Anything => false,
        }
    }
}
