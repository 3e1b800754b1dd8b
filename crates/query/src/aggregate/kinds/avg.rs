//! `avg`: the average of numbers.

use serde_json::Value;
use tantivy::aggregation::agg_req::AggregationVariants;
use tantivy::aggregation::agg_result::MetricResult;
use tantivy::aggregation::metric::AverageAggregation;

use crate::aggregate::answer::Figures;
use crate::aggregate::kind::{Aggregation, Kind};
use crate::aggregate::metric::{self, Metric, Shown};
use crate::aggregate::options::Refused;
use crate::aggregate::request::Reading;

/// The kind.
pub(super) const KIND: Kind = Kind { name: "avg", has_buckets: false, read };

fn read(given: Value, reading: &mut Reading<'_>) -> Result<Box<dyn Aggregation>, Refused> {
    metric::read_plain(KIND.name, given, reading, Avg)
}

#[derive(Clone, Debug)]
struct Avg;

impl Metric for Avg {
    fn engine(&self, field: String, missing: Option<f64>) -> AggregationVariants {
        AggregationVariants::Average(AverageAggregation { field, missing })
    }

    fn figures(&self, result: MetricResult, shown: &Shown) -> Option<Figures> {
        let MetricResult::Average(result) = result else { return None };
        Some(vec![("value", shown.average(result.value))])
    }
}
