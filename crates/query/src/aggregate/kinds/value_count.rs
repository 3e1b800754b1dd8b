//! `value_count`: how many values a field has, of whatever type.

use serde_json::Value;
use tantivy::aggregation::agg_req::AggregationVariants;
use tantivy::aggregation::agg_result::{AggregationResult, MetricResult};
use tantivy::aggregation::metric::CountAggregation;

use crate::aggregate::answer::{Answer, Figure};
use crate::aggregate::columns::Columns;
use crate::aggregate::found::{Findings, metric};
use crate::aggregate::growth::Size;
use crate::aggregate::kind::{Aggregation, FOREIGN_RESULT, Field, Finish, Kind, Running};
use crate::aggregate::options::{Options, Refused};
use crate::aggregate::request::Reading;
use crate::error::QueryError;

/// The kind.
pub(super) const KIND: Kind = Kind { name: "value_count", has_buckets: false, read };

fn read(given: Value, reading: &mut Reading<'_>) -> Result<Box<dyn Aggregation>, Refused> {
    let mut options = Options::of(KIND.name, given)?;
    let field = reading.field(&mut options)?;
    options.finish()?;
    Ok(Box::new(ValueCount { field }))
}

#[derive(Debug)]
struct ValueCount {
    field: Field,
}

impl Aggregation for ValueCount {
    fn field(&self) -> Option<&Field> {
        Some(&self.field)
    }

    fn run(&self, columns: &mut Columns<'_>) -> Result<Running, Refused> {
        let column = columns.occurrences(&self.field);
        Ok(Running {
            engine: AggregationVariants::Count(CountAggregation::from_field_name(column)),
            beside: Vec::new(),
            size: Size::of_state(16, 8),
            finish: Box::new(Whole),
        })
    }
}

#[derive(Debug)]
struct Whole;

impl Finish for Whole {
    fn answer(
        &self,
        result: AggregationResult,
        _: &mut Findings<'_>,
    ) -> Result<Answer, QueryError> {
        let MetricResult::Count(count) = metric(result)? else { return Err(FOREIGN_RESULT) };
        let count = count.value.unwrap_or_default().round() as u64;
        Ok(Answer::Figures(vec![("value", Figure::Count(count))]))
    }
}
