//! Latency of each kind of query, one at a time.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};
use tierlog::client::Client;
use tierlog::output::{Format, Palette, Table, render_table};

use crate::corpus::Corpus;
use crate::shapes::{Shape, percentile_ms, shapes};

/// Repetitions of a query: enough for a 99th percentile.
const REPETITIONS: usize = 200;

/// A slow query is repeated for so long only.
const TIME_MAX: Duration = Duration::from_secs(3);

/// Counts over the hour of the corpus are by minute.
const INTERVAL: &str = "1m";

/// Latencies of every kind over partitions of one state.
pub(crate) struct Latencies {
    state: &'static str,
    kinds: Vec<(&'static str, Vec<Duration>)>,
}

/// Asks every kind of query.
pub(crate) fn latencies(
    state: &'static str,
    client: &Client,
    corpus: &Corpus,
) -> Result<Latencies> {
    let mut kinds = Vec::new();
    for shape in shapes(&corpus.request_ids, INTERVAL) {
        let times = repeat(&shape, client)?;
        kinds.push((shape.name, times));
    }
    Ok(Latencies { state, kinds })
}

fn repeat(shape: &Shape, client: &Client) -> Result<Vec<Duration>> {
    let give_up = Instant::now() + TIME_MAX;
    let mut times = Vec::with_capacity(REPETITIONS);
    // The first answer opens files and fills caches; it counts in none of the figures.
    shape.time(client, 0)?;
    for number in 1..=REPETITIONS {
        times.push(shape.time(client, number)?);
        if Instant::now() > give_up {
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

fn at(sorted: &[Duration], percent: usize) -> Value {
    percentile_ms(sorted, percent).map_or(Value::Null, |ms| json!((ms * 100.0).round() / 100.0))
}
