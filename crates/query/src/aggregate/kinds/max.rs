//! `max`: the largest number.

use serde_json::Value;
use tantivy::aggregation::agg_req::AggregationVariants;
use tantivy::aggregation::agg_result::MetricResult;
use tantivy::aggregation::metric::MaxAggregation;

use crate::aggregate::answer::Figures;
use crate::aggregate::kind::{Aggregation, Kind};
use crate::aggregate::metric::{self, Metric, Shown};
use crate::aggregate::options::Refused;
use crate::aggregate::request::Reading;

/// The kind.
pub(super) const KIND: Kind = Kind { name: "max", has_buckets: false, read };

fn read(given: Value, reading: &mut Reading<'_>) -> Result<Box<dyn Aggregation>, Refused> {
    metric::read_plain(KIND.name, given, reading, Max)
}

#[derive(Clone, Debug)]
struct Max;

impl Metric for Max {
    fn engine(&self, field: String, missing: Option<f64>) -> AggregationVariants {
        AggregationVariants::Max(MaxAggregation { field, missing })
    }

    fn figures(&self, result: MetricResult, shown: &Shown) -> Option<Figures> {
        let MetricResult::Max(result) = result else { return None };
        Some(vec![("value", shown.max(result.value))])
    }
}
