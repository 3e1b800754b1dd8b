//! Latency of each kind of query, over HTTP on loopback, one at a time.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tierlog::client::{Client, Endpoint};
use tierlog::output::{Format, Palette, Table, render_table};

use crate::corpus::Corpus;

/// Repetitions of a query: enough for a 99th percentile.
const REPETITIONS: usize = 200;

/// A slow query is repeated for so long only.
const TIME_MAX: Duration = Duration::from_secs(3);

/// Latencies of every kind over partitions of one state.
pub(crate) struct Latencies {
    state: &'static str,
    kinds: Vec<(&'static str, Vec<Duration>)>,
}

/// One kind of query: the n-th repetition asks this.
struct Kind {
    name: &'static str,
    ask: Box<dyn Fn(usize) -> Ask>,
}

enum Ask {
    Get(Endpoint),
    Post(&'static str, Value),
}

fn search(name: &'static str, body: Value) -> Kind {
    Kind { name, ask: Box::new(move |_| Ask::Post("/api/v1/search", body.clone())) }
}

fn aggregate(name: &'static str, aggs: &Value) -> Kind {
    let body = json!({ "aggs": aggs });
    Kind { name, ask: Box::new(move |_| Ask::Post("/api/v1/aggregate", body.clone())) }
}

fn request(name: &'static str, id: impl Fn(usize) -> String + 'static) -> Kind {
    let ask = move |number| Ask::Get(Endpoint::new("/api/v1/requests").segment(&id(number)));
    Kind { name, ask: Box::new(ask) }
}

/// Every kind, in the order of the report.
fn kinds(corpus: &Corpus) -> Vec<Kind> {
    let ids = corpus.request_ids.clone();
    let known_id =
        move |number: usize| ids.get(number % ids.len().max(1)).cloned().unwrap_or_default();
    let minutes = json!({"field": "timestamp", "fixed_interval": "1m"});
    vec![
        request("request id", known_id),
        request("request id that is not there", |number| format!("{number:032x}")),
        Kind {
            name: "user id, newest 100",
            ask: Box::new(|number| {
                Ask::Post("/api/v1/users", json!({"user_id": (number + 1).to_string()}))
            }),
        },
        search("everything, newest 100", json!({})),
        search("level:>=error, newest 100", json!({"q": "level:>=error"})),
        search("a word, newest 100", json!({"q": "timeout"})),
        search("a phrase, newest 100", json!({"q": "\"connection pool exhausted\""})),
        search("path:/courses/*, newest 100", json!({"q": "path:/courses/*"})),
        search(
            "status and duration, newest 100",
            json!({"q": "status_code:[500 TO 599] AND duration_ms:>1000"}),
        ),
        search("level:>=warning, only counted", json!({"q": "level:>=warning", "limit": 0})),
        aggregate(
            "count by minute and level",
            &json!({"time": {"date_histogram": minutes,
            "aggs": {"level": {"terms": {"field": "level"}}}}}),
        ),
        aggregate(
            "p50, p95, p99 by endpoint",
            &json!({"by": {"terms": {"field": "endpoint", "size": 50},
            "aggs": {"duration": {"percentiles": {"field": "duration_ms", "percents": [50, 95, 99]}}}}}),
        ),
        aggregate("top users", &json!({"by": {"terms": {"field": "user_id"}}})),
        Kind {
            name: "histogram by minute",
            ask: Box::new(|_| {
                Ask::Get(Endpoint::new("/api/v1/histogram").parameter("interval", "1m"))
            }),
        },
    ]
}

/// Asks every kind of query.
pub(crate) fn latencies(
    state: &'static str,
    client: &Client,
    corpus: &Corpus,
) -> Result<Latencies> {
    let mut measured = Vec::new();
    for kind in kinds(corpus) {
        let times = repeat(&kind, client).with_context(|| format!("ask for {}", kind.name))?;
        measured.push((kind.name, times));
    }
    Ok(Latencies { state, kinds: measured })
}

fn repeat(kind: &Kind, client: &Client) -> Result<Vec<Duration>> {
    let give_up = Instant::now() + TIME_MAX;
    let mut times = Vec::with_capacity(REPETITIONS);
    // The first answer opens files and fills caches; it counts in none of the figures.
    for number in 0..=REPETITIONS {
        let ask = (kind.ask)(number);
        let started = Instant::now();
        match &ask {
            Ask::Get(endpoint) => client.get(endpoint)?,
            Ask::Post(path, body) => client.post(&Endpoint::new(path), body)?,
        };
        if number > 0 {
            times.push(started.elapsed());
        }
        if Instant::now() > give_up && !times.is_empty() {
            break;
        }
    }
    times.sort_unstable();
    Ok(times)
}

/// Returns the table of latencies, milliseconds.
pub(crate) fn table(latencies: &[Latencies]) -> String {
    let mut columns = vec!["query, ms".to_owned()];
    for part in latencies {
        columns.extend([format!("{} p50", part.state), format!("{} p99", part.state)]);
    }
    let names = latencies.first().map(|part| part.kinds.iter().map(|(name, _)| *name));
    let rows = names.into_iter().flatten().enumerate().map(|(position, name)| {
        let mut row = vec![json!(name)];
        for part in latencies {
            let times = part.kinds.get(position).map_or(&[][..], |(_, times)| times);
            row.extend([at(times, 50), at(times, 99)]);
        }
        row
    });
    let table = Table { columns, rows: rows.collect() };
    render_table(&table, Format::Pretty, Palette::Plain)
}

/// Returns a percentile of sorted times, milliseconds.
fn at(sorted: &[Duration], percent: usize) -> Value {
    let position = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    match sorted.get(position) {
        Some(time) => json!((time.as_secs_f64() * 1e5).round() / 100.0),
        None => Value::Null,
    }
}
