//! `stats`: how many numbers there are, their sum, extremes and average.

use serde_json::Value;
use tantivy::aggregation::agg_req::AggregationVariants;
use tantivy::aggregation::agg_result::MetricResult;
use tantivy::aggregation::metric::StatsAggregation;

use crate::aggregate::answer::Figures;
use crate::aggregate::kind::{Aggregation, Kind};
use crate::aggregate::metric::{self, Metric, Shown};
use crate::aggregate::options::Refused;
use crate::aggregate::request::Reading;

/// The kind.
pub(super) const KIND: Kind = Kind { name: "stats", has_buckets: false, read };

fn read(given: Value, reading: &mut Reading<'_>) -> Result<Box<dyn Aggregation>, Refused> {
    metric::read_plain(KIND.name, given, reading, Summary)
}

#[derive(Clone, Debug)]
struct Summary;

impl Metric for Summary {
    fn engine(&self, field: String, missing: Option<f64>) -> AggregationVariants {
        AggregationVariants::Stats(StatsAggregation { field, missing })
    }

    fn figures(&self, result: MetricResult, shown: &Shown) -> Option<Figures> {
        let MetricResult::Stats(stats) = result else { return None };
        Some(shown.summary(&stats))
    }
}
