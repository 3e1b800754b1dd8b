//! The kinds of query that are asked, over HTTP on loopback, one at a time.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tierlog::client::{Client, Endpoint};

/// One kind of query: the n-th repetition asks the n-th of its variants.
pub(crate) struct Shape {
    /// What the report calls it.
    pub(crate) name: &'static str,
    ask: Box<dyn Fn(usize) -> Ask>,
}

enum Ask {
    Get(Endpoint),
    Post(&'static str, Value),
}

impl Shape {
    /// Asks once and returns how long the answer took.
    pub(crate) fn time(&self, client: &Client, number: usize) -> Result<Duration> {
        let ask = (self.ask)(number);
        let started = Instant::now();
        let answer = match &ask {
            Ask::Get(endpoint) => client.get(endpoint),
            Ask::Post(path, body) => client.post(&Endpoint::new(path), body),
        };
        answer.with_context(|| format!("ask for {}", self.name))?;
        Ok(started.elapsed())
    }

    fn search(name: &'static str, body: Value) -> Shape {
        Shape { name, ask: Box::new(move |_| Ask::Post("/api/v1/search", body.clone())) }
    }

    fn aggregate(name: &'static str, aggs: &Value) -> Shape {
        let body = json!({ "aggs": aggs });
        Shape { name, ask: Box::new(move |_| Ask::Post("/api/v1/aggregate", body.clone())) }
    }

    fn request(name: &'static str, id: impl Fn(usize) -> String + 'static) -> Shape {
        let ask = move |number| Ask::Get(Endpoint::new("/api/v1/requests").segment(&id(number)));
        Shape { name, ask: Box::new(ask) }
    }
}

/// Returns every kind, in the order of the reports. Request ids are some that are there; the
/// interval is that of counts over time.
pub(crate) fn shapes(request_ids: &[String], interval: &str) -> Vec<Shape> {
    let ids = request_ids.to_vec();
    let known_id =
        move |number: usize| ids.get(number % ids.len().max(1)).cloned().unwrap_or_default();
    let mut shapes = vec![
        Shape::request("request id", known_id),
        Shape::request("request id that is not there", |number| format!("{number:032x}")),
        Shape {
            name: "user id, newest 100",
            ask: Box::new(|number| {
                Ask::Post("/api/v1/users", json!({"user_id": (number + 1).to_string()}))
            }),
        },
    ];
    shapes.extend(searches());
    shapes.extend(aggregations(interval));
    shapes
}

fn searches() -> Vec<Shape> {
    vec![
        Shape::search("everything, newest 100", json!({})),
        Shape::search("level:>=error, newest 100", json!({"q": "level:>=error"})),
        Shape::search("a word, newest 100", json!({"q": "timeout"})),
        Shape::search("a phrase, newest 100", json!({"q": "\"connection pool exhausted\""})),
        Shape::search("path:/courses/*, newest 100", json!({"q": "path:/courses/*"})),
        Shape::search(
            "status and duration, newest 100",
            json!({"q": "status_code:[500 TO 599] AND duration_ms:>1000"}),
        ),
        Shape::search("level:>=warning, only counted", json!({"q": "level:>=warning", "limit": 0})),
    ]
}

fn aggregations(interval: &str) -> Vec<Shape> {
    let by_time = json!({"field": "timestamp", "fixed_interval": interval});
    let percentiles = json!({"field": "duration_ms", "percents": [50, 95, 99]});
    let histogram = Endpoint::new("/api/v1/histogram").parameter("interval", interval);
    vec![
        Shape::aggregate(
            "count by time and level",
            &json!({"time": {"date_histogram": by_time,
                "aggs": {"level": {"terms": {"field": "level"}}}}}),
        ),
        Shape::aggregate(
            "p50, p95, p99 by endpoint",
            &json!({"by": {"terms": {"field": "endpoint", "size": 50},
                "aggs": {"duration": {"percentiles": percentiles}}}}),
        ),
        Shape::aggregate("top users", &json!({"by": {"terms": {"field": "user_id"}}})),
        Shape { name: "histogram by time", ask: Box::new(move |_| Ask::Get(histogram.clone())) },
    ]
}

/// Returns a percentile of sorted times, milliseconds.
pub(crate) fn percentile_ms(sorted: &[Duration], percent: usize) -> Option<f64> {
    let position = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    Some(sorted.get(position)?.as_secs_f64() * 1e3)
}

/// Returns the ids of every so-manieth line.
pub(crate) fn sample_request_ids(text: &[u8], lines_per_sample: usize) -> Vec<String> {
    let lines = text.split(|byte| *byte == b'\n').step_by(lines_per_sample);
    let values = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    values.filter_map(|line| Some(line.get("request_id")?.as_str()?.to_owned())).collect()
}
