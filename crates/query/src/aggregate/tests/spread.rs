//! A kind that is there for tests only: the proof that a kind is one file and one line of
//! [`KINDS`](crate::aggregate::kinds::KINDS).
//!
//! `spread` is how far the numbers of a field lie apart, in units that a request may choose.

use serde_json::{Value, json};
use tantivy::aggregation::agg_req::AggregationVariants;
use tantivy::aggregation::agg_result::MetricResult;
use tantivy::aggregation::metric::StatsAggregation;

use crate::aggregate::answer::Figures;
use crate::aggregate::kind::{Aggregation, Kind};
use crate::aggregate::metric::{self, Metric, Shown};
use crate::aggregate::options::{Options, Refused};
use crate::aggregate::request::Reading;

/// The kind.
pub(in crate::aggregate) const KIND: Kind = Kind { name: "spread", has_buckets: false, read };

fn read(given: Value, reading: &mut Reading<'_>) -> Result<Box<dyn Aggregation>, Refused> {
    let mut options = Options::of(KIND.name, given)?;
    let unit = options.number("unit")?.unwrap_or(1.0);
    if unit <= 0.0 {
        return Err("\"unit\" must be more than nothing".into());
    }
    metric::read(options, reading, Extent { unit })
}

#[derive(Clone, Debug)]
struct Extent {
    unit: f64,
}

impl Metric for Extent {
    fn engine(&self, field: String, missing: Option<f64>) -> AggregationVariants {
        AggregationVariants::Stats(StatsAggregation { field, missing })
    }

    fn figures(&self, result: MetricResult, shown: &Shown) -> Option<Figures> {
        let MetricResult::Stats(stats) = result else { return None };
        let spread = stats.max.zip(stats.min).map(|(max, min)| (max - min) / self.unit);
        Some(vec![("value", shown.distance(spread, 1))])
    }
}

#[tokio::test]
async fn a_kind_of_one_file_and_one_line_is_read_run_nested_and_answered() {
    let fixture = super::small().await;
    let spread = |options: Value| json!({"spread": options});
    let levels = json!({"terms": {"field": "level"}, "aggs": {
        "codes": spread(json!({"field": "status_code", "missing": 100})),
    }});
    let request = json!({"aggs": {
        "codes": spread(json!({"field": "status_code", "unit": 0.5})),
        "time": spread(json!({"field": "timestamp"})),
        "levels": levels,
    }});
    let answer = fixture.post_ok("/api/v1/aggregate", &request).await;
    let result = |path: &str| answer.pointer(&format!("/aggregations/{path}")).cloned();
    assert_eq!(result("codes"), Some(json!({"value": 599.0, "skipped": 1})), "{answer}");
    assert_eq!(result("time/value"), Some(json!(86_400_000.0)));
    assert_eq!(result("levels/buckets/0/codes/value"), Some(json!(100.5)));
    for wrong in [json!({"field": "status_code", "unit": 0}), json!({"field": "x", "units": 1})] {
        let request = json!({"aggs": {"codes": spread(wrong)}});
        let (status, problem) = fixture.post("/api/v1/aggregate", &request).await;
        assert_eq!(status.as_u16(), 400, "{problem}");
        assert!(problem["detail"].as_str().expect("a text").contains("codes: "), "{problem}");
    }
}
