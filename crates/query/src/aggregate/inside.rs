//! A bucket of the records that meet a condition.

use tantivy::aggregation::agg_result::{AggregationResult, BucketResult};

use super::answer::{Answer, Inside};
use super::columns::Columns;
use super::found::Findings;
use super::growth::{BucketCount, Size};
use super::kind::{Aggregation, FOREIGN_RESULT, Field, Finish, Running};
use super::options::Refused;
use crate::error::QueryError;
use crate::expr::Expr;

/// The records that meet a condition.
#[derive(Debug)]
pub(super) struct Matching {
    condition: Expr,
}

impl Matching {
    /// Returns the aggregation of the records that meet a condition.
    pub(super) fn boxed(condition: Expr) -> Box<dyn Aggregation> {
        Box::new(Matching { condition })
    }
}

impl Aggregation for Matching {
    fn field(&self) -> Option<&Field> {
        None
    }

    fn run(&self, columns: &mut Columns<'_>) -> Result<Running, Refused> {
        Ok(Running {
            engine: columns.records(&self.condition),
            beside: Vec::new(),
            size: Size { slot_bytes: 16, ..Size::of_buckets(BucketCount::Fixed(1), 64, 16) },
            finish: Box::new(One),
        })
    }
}

#[derive(Debug)]
struct One;

impl Finish for One {
    fn answer(
        &self,
        result: AggregationResult,
        found: &mut Findings<'_>,
    ) -> Result<Answer, QueryError> {
        let AggregationResult::BucketResult(BucketResult::Filter(bucket)) = result else {
            return Err(FOREIGN_RESULT);
        };
        let answers = found.nested(bucket.sub_aggregations)?;
        Ok(Answer::Inside(Inside { records: bucket.doc_count, answers }))
    }
}
