//! `extended_stats`: what `stats` says, and how far the numbers spread.
//!
//! The variance of a part merges with that of another by the means and counts of both (the method
//! of Chan, Golub and LeVeque), so that no digits cancel out however far the numbers lie from zero.

use serde_json::Value;
use tantivy::aggregation::agg_req::AggregationVariants;
use tantivy::aggregation::agg_result::MetricResult;
use tantivy::aggregation::metric::{ExtendedStats, ExtendedStatsAggregation, Stats};

use crate::aggregate::answer::{Figure, Figures};
use crate::aggregate::kind::{Aggregation, Kind};
use crate::aggregate::metric::{self, Metric, Shown};
use crate::aggregate::options::{Options, Refused};
use crate::aggregate::request::Reading;

/// The kind.
pub(super) const KIND: Kind = Kind { name: "extended_stats", has_buckets: false, read };

/// Standard deviations from the average to its bounds, where a request does not say: as in
/// Elasticsearch.
const SIGMA: f64 = 2.0;

fn read(given: Value, reading: &mut Reading<'_>) -> Result<Box<dyn Aggregation>, Refused> {
    let mut options = Options::of(KIND.name, given)?;
    let sigma = options.number("sigma")?.unwrap_or(SIGMA);
    if sigma < 0.0 {
        return Err("\"sigma\" must not be negative".into());
    }
    metric::read(options, reading, Spread { sigma })
}

#[derive(Clone, Debug)]
struct Spread {
    sigma: f64,
}

impl Metric for Spread {
    fn engine(&self, field: String, missing: Option<f64>) -> AggregationVariants {
        let sigma = Some(self.sigma);
        AggregationVariants::ExtendedStats(ExtendedStatsAggregation { field, missing, sigma })
    }

    fn figures(&self, result: MetricResult, shown: &Shown) -> Option<Figures> {
        let MetricResult::ExtendedStats(stats) = result else { return None };
        let ExtendedStats { count, sum, min, max, avg, .. } = *stats;
        let mut figures = shown.summary(&Stats { count, sum, min, max, avg });
        let square = |of: Option<f64>| shown.distance(of, 2);
        let distance = |of: Option<f64>| shown.distance(of, 1);
        let bound = |of: f64| shown.value(Some(of));
        let bounds = stats.std_deviation_bounds.map_or(Figure::None, |bounds| {
            Figure::Group(vec![
                ("upper", bound(bounds.upper)),
                ("lower", bound(bounds.lower)),
                ("upper_sampling", bound(bounds.upper_sampling)),
                ("lower_sampling", bound(bounds.lower_sampling)),
                ("upper_population", bound(bounds.upper_population)),
                ("lower_population", bound(bounds.lower_population)),
            ])
        });
        figures.extend([
            ("sum_of_squares", square(stats.sum_of_squares)),
            ("variance", square(stats.variance)),
            ("variance_population", square(stats.variance_population)),
            ("variance_sampling", square(stats.variance_sampling)),
            ("std_deviation", distance(stats.std_deviation)),
            ("std_deviation_population", distance(stats.std_deviation_population)),
            ("std_deviation_sampling", distance(stats.std_deviation_sampling)),
            ("std_deviation_bounds", bounds),
        ]);
        Some(figures)
    }
}
