//! A kind of aggregation: the contract between a request, the engine and the answer.
//!
//! ```text
//! options ─ Kind::read ─▶ Aggregation ─ run(columns) ─▶ Running { engine, beside, size }
//!                                                          │ tantivy collects, partials merge
//! Answer ◀─ Finish::answer ◀─ the final result of tantivy ◀┘
//! ```
//!
//! A kind is one file of [`kinds`](super::kinds) and one line of its list. Everything that differs
//! from kind to kind is behind these traits; no other file asks for the kind of an aggregation.

use std::fmt::Debug;

use serde_json::Value;
use tantivy::aggregation::agg_req::AggregationVariants;
use tantivy::aggregation::agg_result::AggregationResult;
use tierlog_model::fields;

use super::answer::Answer;
use super::by_time::Precounted;
use super::columns::Columns;
use super::found::Findings;
use super::growth::Size;
use super::options::Refused;
use super::request::Reading;
use crate::error::QueryError;

/// A kind of aggregation.
pub(super) struct Kind {
    /// Name in a request, Elasticsearch's.
    pub(super) name: &'static str,
    /// Whether aggregations may be nested inside.
    pub(super) has_buckets: bool,
    /// Reads what a request gives the kind.
    pub(super) read: ReadOptions,
}

/// Reads the options of a kind.
pub(super) type ReadOptions = fn(Value, &mut Reading<'_>) -> Result<Box<dyn Aggregation>, Refused>;

/// An aggregation whose options were read.
pub(super) trait Aggregation: Debug + Send + Sync {
    /// Returns the field that the aggregation computes of; `None` for whole records.
    fn field(&self) -> Option<&Field>;

    /// Returns how the aggregation runs over fields whose needs the columns know.
    fn run(&self, columns: &mut Columns<'_>) -> Result<Running, Refused>;

    /// Returns what seals may have counted beforehand, where that is all that is asked.
    fn precounted(&self) -> Option<Precounted> {
        None
    }
}

/// A field that an aggregation computes of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Canonical name.
    pub(super) name: String,
    /// The field's own column.
    pub(super) column: String,
    /// What its numbers are.
    pub(super) values: Values,
}

/// What the numbers of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// Numbers or words of the records.
    Plain,
    /// Moments: nanoseconds inside tantivy, milliseconds and RFC 3339 in answers.
    Moments,
}

impl Field {
    /// Returns the field of a canonical name; refuses text, which has no column.
    pub(super) fn of(name: String) -> Result<Field, Refused> {
        let (column, values) = match name.as_str() {
            fields::TIMESTAMP => (name.clone(), Values::Moments),
            fields::LEVEL => (name.clone(), Values::Plain),
            text if fields::TEXT_FIELDS.contains(&text) => {
                let reason = "holds text, which is indexed by word and has no values to aggregate";
                return Err(format!("field {text:?} {reason}").into());
            }
            other => (tierlog_store::attribute_column(other), Values::Plain),
        };
        Ok(Field { name, column, values })
    }

    /// Tells whether the values may lie elsewhere than in one column of the field's name.
    pub(super) fn is_attribute(&self) -> bool {
        self.column != self.name
    }
}

/// An aggregation as the engine is to run it.
#[derive(Debug)]
pub(super) struct Running {
    /// What tantivy computes.
    pub(super) engine: AggregationVariants,
    /// What tantivy computes beside.
    pub(super) beside: Vec<Beside>,
    /// How much the aggregation may grow.
    pub(super) size: Size,
    /// Makes the answer.
    pub(super) finish: Box<dyn Finish>,
}

/// An aggregation beside another one, for what the engine's result of the other leaves out.
#[derive(Debug)]
pub(super) struct Beside {
    /// End of its name.
    pub(super) end: &'static str,
    /// What tantivy computes.
    pub(super) engine: AggregationVariants,
    /// How much it may grow, where it has buckets.
    pub(super) size: Option<Size>,
}

/// Makes an answer of the engine's final result.
pub(super) trait Finish: Debug {
    /// Returns the answer; `found` has the results beside and makes the answers of what is nested.
    fn answer(
        &self,
        result: AggregationResult,
        found: &mut Findings<'_>,
    ) -> Result<Answer, QueryError>;
}

/// The engine has answered in a form of another kind.
pub(super) const FOREIGN_RESULT: QueryError =
    QueryError::Internal("the engine's result has the form of another kind");
