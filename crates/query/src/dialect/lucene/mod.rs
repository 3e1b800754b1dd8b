//! The Lucene-like query text: `level:>=error AND path:/api/*`.
//!
//! Arrives: `q`, the pseudonym keys, the present moment, the names of fields. Leaves: an [`Expr`],
//! and warnings about how the text was read. The reader knows no partitions, and no text makes the
//! reader panic.

mod clause;
mod foreign;
mod level;
mod lexemes;
mod meaning;
mod reader;
mod status;
mod stored;
mod values;

#[cfg(test)]
pub(crate) mod tests;

use super::vocabulary::Vocabulary;
use crate::error::QueryError;
use crate::expr::Expr;
use crate::warning::Warnings;

/// A query text that was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Compiled {
    /// The condition.
    pub(crate) expr: Expr,
    /// How the text was read, where that needs saying.
    pub(crate) warnings: Warnings,
}

/// Reads a query text. An empty text and `*` are everything.
pub(crate) fn parse(query: &str, vocabulary: Vocabulary<'_>) -> Result<Compiled, QueryError> {
    reader::read(query, vocabulary)
}
