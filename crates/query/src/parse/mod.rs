//! From the text of a query to a condition.
//!
//! Arrives: `q`, the pseudonym keys, the present moment. Leaves: an [`Expr`]. The steps are
//! `prepare` (clauses and positions), the grammar crate (structure), `compile` (meaning). Nothing
//! here knows partitions; nothing here panics on any text.

mod compile;
mod expr;
pub(crate) mod fields;
mod level;
mod lexemes;
mod literal;
mod passes;
mod pattern;
mod prepare;
mod simplify;
mod words;

#[cfg(test)]
pub(crate) mod tests;

pub use expr::{Bound, Expr, FieldTest, LevelSet, Literal, Number, TextTest, ValueRange};
pub use pattern::{Pattern, Wildcard};
use tantivy_query_grammar::parse_query;
use tierlog_model::{Pseudonyms, Timestamp};
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
pub fn parse(query: &str, pseudonyms: &Pseudonyms, now: Timestamp) -> Result<Compiled, QueryError> {
    let prepared = prepare::prepare(query)?;
    if prepared.clauses.is_empty() {
        return Ok(Compiled { expr: Expr::All, warnings: Warnings::default() });
    }
    let tree = parse_query(&prepared.text).map_err(|_| unreadable(&prepared))?;
    let mut compiler = compile::Compiler {
        clauses: &prepared.clauses,
        pseudonyms,
        now,
        warnings: Warnings::default(),
    };
    let expr = compiler.tree(tree)?;
    Ok(Compiled { expr, warnings: compiler.warnings })
}

/// Finds the clause that the grammar refuses: the structure around the clauses is sound by
/// construction.
fn unreadable(prepared: &prepare::Prepared) -> QueryError {
    let refused = prepared.clauses.iter().find(|clause| {
        let text = prepared.text.get(clause.written.clone()).unwrap_or_default();
        parse_query(text).is_err()
    });
    let position = refused.map_or(0, |clause| clause.position);
    QueryError::syntax(position, "this clause cannot be read; quote values that hold signs")
}
