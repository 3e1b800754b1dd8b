//! From the text of a query to a condition.
//!
//! Arrives: `q`, the pseudonym keys, the present moment, the names of fields. Leaves: an [`Expr`],
//! and what has to be said about how the text was read. The steps are `reader` (clauses under
//! operators) and `compile` (meaning). The parser knows no partitions, and no text makes the parser
//! panic.

mod addresses;
mod clause;
mod compile;
mod expr;
pub(crate) mod fields;
mod foreign;
mod level;
mod lexemes;
mod literal;
mod passes;
mod pattern;
mod reader;
mod simplify;
mod status;
mod values;
mod vocabulary;
mod words;

#[cfg(test)]
pub(crate) mod tests;

pub use addresses::AddressRange;
pub use expr::{Bound, Expr, FieldTest, LevelSet, Literal, Number, TextTest, ValueRange};
pub use pattern::{Pattern, Wildcard};
pub use vocabulary::{AnyField, KnownFields, Spellings, Vocabulary};
pub use words::WordPattern;

use crate::{QueryError, Warnings};

/// A compiled query text.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// The condition.
    pub expr: Expr,
    /// How the text was read, where that needs saying.
    pub warnings: Warnings,
}

/// Compiles a query text. An empty text and `*` are everything.
pub fn parse(query: &str, vocabulary: Vocabulary<'_>) -> Result<Compiled, QueryError> {
    let reader::Read { tree, warnings } = reader::read(query, vocabulary)?;
    let Some(tree) = tree else { return Ok(Compiled { expr: Expr::All, warnings }) };
    let mut compiler = compile::Compiler { vocabulary, warnings };
    let expr = compiler.tree(tree)?;
    Ok(Compiled { expr, warnings: compiler.warnings })
}
