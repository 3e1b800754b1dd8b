//! `cardinality`: how many different values a field has, exactly up to a threshold, else estimated.

use serde_json::Value;
use tantivy::aggregation::agg_req::AggregationVariants;
use tantivy::aggregation::agg_result::{AggregationResult, BucketResult, MetricResult};
use tantivy::aggregation::bucket::TermsAggregation;
use tantivy::aggregation::metric::CardinalityAggregationReq;

use crate::aggregate::answer::{Answer, Figure};
use crate::aggregate::columns::Columns;
use crate::aggregate::found::{Findings, metric};
use crate::aggregate::growth::{BucketCount, Size};
use crate::aggregate::keys::{Keys, longest_key_bytes};
use crate::aggregate::kind::{Aggregation, Beside, FOREIGN_RESULT, Field, Finish, Kind, Running};
use crate::aggregate::needs::Needs;
use crate::aggregate::options::{Options, Refused};
use crate::aggregate::request::Reading;
use crate::error::QueryError;
use crate::expr::Number;

/// The kind.
pub(super) const KIND: Kind = Kind { name: "cardinality", has_buckets: false, read };

/// Largest `precision_threshold`: as in Elasticsearch, and a key more than that still fits the
/// bound on buckets.
const PRECISION_MAX: u64 = 40_000;

/// Aggregation beside that lists values for an exact count.
const DISTINCT: &str = "distinct";

/// Standard error of an estimate: 1.04 over the root of 2,048 registers.
const RELATIVE_ERROR: f64 = 0.023;

/// Bytes of a sketch of different values, which results make anew.
const SKETCH_BYTES: u64 = 2_300;

fn read(given: Value, reading: &mut Reading<'_>) -> Result<Box<dyn Aggregation>, Refused> {
    let mut options = Options::of(KIND.name, given)?;
    let field = reading.field(&mut options)?;
    let threshold = options.whole("precision_threshold")?.unwrap_or(0);
    if threshold > PRECISION_MAX {
        return Err(format!("\"precision_threshold\" must be {PRECISION_MAX} at most").into());
    }
    options.finish()?;
    Ok(Box::new(Cardinality { field, listed_max: threshold }))
}

#[derive(Debug)]
struct Cardinality {
    field: Field,
    /// Most different values in an exact count.
    listed_max: u64,
}

impl Aggregation for Cardinality {
    fn field(&self) -> Option<&Field> {
        Some(&self.field)
    }

    fn run(&self, columns: &mut Columns<'_>) -> Result<Running, Refused> {
        let Cardinality { field, listed_max } = self;
        let matters = Needs { keys: true, kinds: true, ..Needs::default() };
        let needs = columns.needs(field, matters);
        let column = match needs.keys {
            true => Keys::of(field, columns).registered(columns),
            false => field.column.clone(),
        };
        let key_bytes = longest_key_bytes(needs);
        let beside = (*listed_max > 0).then(|| listed(column.clone(), *listed_max, key_bytes));
        let engine = CardinalityAggregationReq::from_field_name(column);
        Ok(Running {
            engine: AggregationVariants::Cardinality(engine),
            beside: beside.into_iter().collect(),
            size: Size { content_bytes: SKETCH_BYTES, ..Size::of_state(320, 64) },
            finish: Box::new(Distinct { listed_max: *listed_max }),
        })
    }
}

/// Lists the values, to count them while they are few.
fn listed(column: String, listed_max: u64, key_bytes: u64) -> Beside {
    // A value beyond the threshold tells that there are too many.
    let size = u32::try_from(listed_max + 1).unwrap_or(u32::MAX);
    let engine = TermsAggregation {
        field: column,
        size: Some(size),
        segment_size: Some(size),
        ..TermsAggregation::default()
    };
    let buckets = BucketCount::Distinct { reported_max: listed_max + 1 };
    Beside {
        end: DISTINCT,
        engine: AggregationVariants::Terms(engine),
        size: Some(Size { slot_bytes: 4, key_bytes, ..Size::of_buckets(buckets, 160, 40) }),
    }
}

#[derive(Debug)]
struct Distinct {
    listed_max: u64,
}

impl Finish for Distinct {
    fn answer(
        &self,
        result: AggregationResult,
        found: &mut Findings<'_>,
    ) -> Result<Answer, QueryError> {
        let MetricResult::Cardinality(estimate) = metric(result)? else {
            return Err(FOREIGN_RESULT);
        };
        let listed = found.beside(DISTINCT).and_then(|listed| self.counted(&listed));
        let estimate = estimate.value.unwrap_or_default().round() as u64;
        let mut figures = vec![
            ("value", Figure::Count(listed.unwrap_or(estimate))),
            ("exact", Figure::Flag(listed.is_some())),
        ];
        if listed.is_none() {
            figures.push(("relative_error", Figure::Number(Number::Float(RELATIVE_ERROR))));
        }
        Ok(Answer::Figures(figures))
    }
}

impl Distinct {
    /// Returns how many values were listed, if all were.
    fn counted(&self, listed: &AggregationResult) -> Option<u64> {
        let AggregationResult::BucketResult(BucketResult::Terms {
            buckets,
            sum_other_doc_count: 0,
            ..
        }) = listed
        else {
            return None;
        };
        Some(buckets.len() as u64).filter(|count| *count <= self.listed_max)
    }
}
