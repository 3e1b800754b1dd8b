//! Tests of a field that has no column of its own: its values are neighbours in the dictionary of
//! the column of pairs.

use tantivy::SegmentReader;
use tantivy::columnar::StrColumn;
use tierlog_model::limits::COLUMN_TEXT_BYTES_MAX;
use tierlog_store::{PairValue, pair, pair_start, read_value};

use super::Deadline;
use super::column::{Accept, ColumnTest, Ordinals};
use super::dictionary::for_each_term;
use super::long_text::{self, Stamps};
use super::node::{Join, Node};
use crate::error::QueryError;
use crate::expr::{FieldTest, Literal};

/// Returns the node of a test on a field among the pairs.
pub(super) fn field_node(
    segment: &SegmentReader,
    column: &StrColumn,
    name: &str,
    test: &FieldTest,
    deadline: &Deadline,
) -> Result<Node, QueryError> {
    let start = pair_start(name);
    let mut ordinals = Ordinals::default();
    if let FieldTest::AnyOf(literals) = test {
        for pair in literals.iter().flat_map(|literal| equal_pairs(name, literal)) {
            if let Some(ordinal) = column.dictionary().term_ord(pair)? {
                ordinals.insert(ordinal);
            }
        }
    } else {
        for_each_term(column.dictionary(), start.as_bytes(), deadline, |pair, ordinal| {
            let value = pair.get(start.len()..).and_then(read_value);
            let passes = value.is_some_and(|value| match value {
                PairValue::Bool(value) => test.passes_bool(value),
                PairValue::Integer(integer) => test.passes_integer(integer),
                PairValue::Float(float) => test.passes_float(float),
                PairValue::Text(text) => test.passes_text(text),
                // A stamp says too little of a long text.
                PairValue::Long(_) => false,
            });
            if passes {
                ordinals.insert(ordinal);
            }
        })?;
    }
    let stamps = format!("{start}l");
    let stamps = Stamps { segment, name, column, start: &stamps };
    let mut any = Join::any_of();
    any.push(ColumnTest::node(column.ords().clone(), Accept::Ordinals(ordinals)));
    any.push(long_text::field_node(stamps, test, deadline)?);
    Ok(any.finish())
}

/// Returns the node of the condition that a field is among the pairs.
pub(super) fn exists_node(column: &StrColumn, name: &str) -> Result<Node, QueryError> {
    let accept = long_text::starting_with(column, pair_start(name).as_bytes())?;
    Ok(ColumnTest::node(column.ords().clone(), accept))
}

/// Returns the pairs whose values equal a literal as a text, a number or a truth value.
fn equal_pairs(name: &str, literal: &Literal) -> Vec<String> {
    let mut values = Vec::new();
    if literal.text.len() <= COLUMN_TEXT_BYTES_MAX {
        values.push(PairValue::Text(&literal.text));
    }
    match literal.text.as_str() {
        "true" => values.push(PairValue::Bool(true)),
        "false" => values.push(PairValue::Bool(false)),
        _ => {}
    }
    if let Some(number) = literal.number {
        let is_stored = |integer: &i128| (i64::MIN.into()..=u64::MAX.into()).contains(integer);
        values.extend(number.as_integer().filter(is_stored).map(PairValue::Integer));
        if let Some(float) = number.as_exact_f64() {
            values.push(PairValue::Float(float));
            if float == 0.0 {
                // Both zeros are one number.
                values.push(PairValue::Float(-float));
            }
        }
    }
    values.into_iter().map(|value| pair(name, value)).collect()
}
