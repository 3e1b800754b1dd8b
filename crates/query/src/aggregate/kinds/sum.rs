//! `sum`: the sum of numbers.

use serde_json::Value;
use tantivy::aggregation::agg_req::AggregationVariants;
use tantivy::aggregation::agg_result::MetricResult;
use tantivy::aggregation::metric::SumAggregation;

use crate::aggregate::answer::Figures;
use crate::aggregate::kind::{Aggregation, Kind};
use crate::aggregate::metric::{self, Metric, Shown};
use crate::aggregate::options::Refused;
use crate::aggregate::request::Reading;

/// The kind.
pub(super) const KIND: Kind = Kind { name: "sum", has_buckets: false, read };

fn read(given: Value, reading: &mut Reading<'_>) -> Result<Box<dyn Aggregation>, Refused> {
    metric::read_plain(KIND.name, given, reading, Sum)
}

#[derive(Clone, Debug)]
struct Sum;

impl Metric for Sum {
    fn engine(&self, field: String, missing: Option<f64>) -> AggregationVariants {
        AggregationVariants::Sum(SumAggregation { field, missing, none_if_no_match: None })
    }

    fn figures(&self, result: MetricResult, shown: &Shown) -> Option<Figures> {
        let MetricResult::Sum(result) = result else { return None };
        Some(vec![("value", shown.sum(result.value))])
    }
}
