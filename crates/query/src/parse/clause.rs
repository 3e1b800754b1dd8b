//! What a query text consists of once it is read: clauses under operators. A clause is syntax only;
//! `compile` gives the meaning.

use super::expr::Bound;
use super::pattern::PatternChar;

/// Clauses under operators.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    /// One clause.
    Clause(Clause),
    /// It does not hold.
    Not(Box<Tree>),
    /// All of them hold.
    All(Vec<Tree>),
    /// One of them holds.
    Any(Vec<Tree>),
}

impl Tree {
    /// Returns the negation.
    pub(super) fn negated(self) -> Tree {
        match self {
            Tree::Not(inner) => *inner,
            other => Tree::Not(Box::new(other)),
        }
    }
}

/// One clause of the query.
#[derive(Clone, Debug)]
pub(super) struct Clause {
    /// Field as written, without escapes; `None` for a bare word.
    pub(super) field: Option<String>,
    /// What the field is compared with, or what is looked for.
    pub(super) value: Value,
    /// Where the clause starts in the query, in bytes.
    pub(super) position: usize,
}

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
            Value::Word(word) => super::pattern::plain_text(word).is_some(),
            Value::Quoted(_) => true,
            Value::QuotedPrefix(_)
            | Value::Set(_)
            | Value::Range(..)
            | Value::Regex(_)
            | Value::Anything => false,
        }
    }
}
