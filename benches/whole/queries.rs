//! Latency of every kind of query over few and many sealed partitions, warm and after a restart.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tempfile::TempDir;
use tierlog::client::Endpoint;

use crate::corpus::Corpus;
use crate::daemon::Daemon;
use crate::ingest::{Protocol, median, send};
use crate::measure::peak_memory_of;
use crate::results::{Better, Results};
use crate::shapes::{Shape, percentile_ms, shapes};
use crate::size::partition_bytes;
use crate::yardstick::Yardstick;

/// The column of the figure that is plotted.
pub(crate) const WARM: &str = "warm p50 ms";

/// Repetitions of a warm query: enough for a 99th percentile.
const REPETITIONS: usize = 200;

/// A slow query is repeated for so long only.
const TIME_MAX: Duration = Duration::from_secs(3);

/// Every tier of the default configuration keeps the oldest day of a year.
const TIERS: [&str; 4] = ["critical", "warning", "info", "debug"];

/// Days that every tier keeps here.
const DAYS_KEPT: u32 = 400;

/// Returns the name of the table of a corpus.
pub(crate) fn table(days: u32) -> String {
    match days {
        1 => "queries on 1 day (in MB parsed)".to_owned(),
        _ => format!("queries on {days} days (in MB parsed)"),
    }
}

/// Returns the settings of a daemon that keeps every line of a corpus of so many days.
pub(crate) fn settings_of(days: u32) -> Vec<String> {
    match days {
        1 => Vec::new(),
        _ => TIERS.map(|tier| format!("store.tiers.{tier}.days={DAYS_KEPT}")).into(),
    }
}

/// Takes a corpus in, seals it, asks everything and adds the latencies to the results.
pub(crate) fn queries(
    results: &mut Results,
    binary: &Path,
    corpus: &Corpus,
    yardstick: Yardstick,
    restarts: usize,
) -> Result<()> {
    let directory = TempDir::new().context("make a directory")?;
    let settings = settings_of(corpus.days);
    let start = || Daemon::start(binary, directory.path(), &settings);
    let daemon = start()?;
    let started = Instant::now();
    send(binary, &daemon, corpus, Protocol::Tcp)?;
    daemon.wait_for_lines(corpus.lines)?;
    let lines_per_second = corpus.lines as f64 / started.elapsed().as_secs_f64();
    let seal_cpu = daemon.seal()?;
    let partitions = partition_count(&daemon)?;
    let megabytes = partition_bytes(&daemon.data)? as f64 / 1e6;
    drop(daemon);

    let shapes = shapes(&corpus.request_ids()?, interval(corpus.days));
    let mut starts_ms = Vec::new();
    for shape in &shapes {
        let cold = cold(shape, &start, restarts, &mut starts_ms)?;
        add(results, corpus, yardstick, shape, "cold", &cold)?;
    }
    let daemon = start()?;
    let memory_at_start = peak_memory_of(daemon.id())?;
    for shape in &shapes {
        let warm = warm(shape, &daemon)?;
        add(results, corpus, yardstick, shape, "warm", &warm)?;
    }
    let row = format!("{} days, {} lines", corpus.days, corpus.lines);
    let mut sheet = results.sheet("partitions");
    sheet.add(&row, "partitions", Better::Given, partitions as f64);
    sheet.add(&row, "sealed MB", Better::Less, megabytes);
    sheet.add(&row, "taken in, lines/s", Better::More, lines_per_second);
    sheet.add(&row, "sealing CPU s", Better::Less, seal_cpu);
    sheet.add(&row, "start to ready ms", Better::Less, median(starts_ms));
    sheet.add(&row, "RSS at start MiB", Better::Less, memory_at_start);
    sheet.add(&row, "RSS after queries MiB", Better::Less, peak_memory_of(daemon.id())?);
    Ok(())
}

/// Returns the width of buckets that gives a readable number of them.
fn interval(days: u32) -> &'static str {
    match days {
        0..=1 => "1m",
        2..=60 => "1h",
        _ => "1d",
    }
}

fn add(
    results: &mut Results,
    corpus: &Corpus,
    yardstick: Yardstick,
    shape: &Shape,
    state: &str,
    times: &[Duration],
) -> Result<()> {
    let mut sheet = results.sheet(&table(corpus.days));
    let parse_ms_per_mb = yardstick.parse_s_per_mb * 1e3;
    for percent in [50, 99] {
        let ms = percentile_ms(times, percent).context("no answer was timed")?;
        sheet.add_beside(shape.name, &format!("{state} p{percent} ms"), ms, parse_ms_per_mb);
    }
    Ok(())
}

/// Returns the times of the first query after each of some restarts, sorted.
fn cold(
    shape: &Shape,
    start: &impl Fn() -> Result<Daemon>,
    restarts: usize,
    starts_ms: &mut Vec<f64>,
) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(restarts);
    for number in 0..restarts {
        let started = Instant::now();
        let daemon = start()?;
        starts_ms.push(started.elapsed().as_secs_f64() * 1e3);
        // The connection is not what is measured.
        daemon.query.get_any(&Endpoint::new("/health/live"))?;
        times.push(shape.time(&daemon.query, number)?);
    }
    times.sort_unstable();
    Ok(times)
}

/// Returns the times of a query whose files are open and whose caches are filled, sorted.
fn warm(shape: &Shape, daemon: &Daemon) -> Result<Vec<Duration>> {
    let give_up = Instant::now() + TIME_MAX;
    let mut times = Vec::with_capacity(REPETITIONS);
    shape.time(&daemon.query, 0)?;
    for number in 1..=REPETITIONS {
        times.push(shape.time(&daemon.query, number)?);
        if Instant::now() > give_up {
            break;
        }
    }
    times.sort_unstable();
    Ok(times)
}

fn partition_count(daemon: &Daemon) -> Result<usize> {
    let answer = daemon.query.get(&Endpoint::new("/api/v1/tiers"))?;
    let tiers = answer.get("tiers").and_then(Value::as_array).context("read the tiers")?;
    let lists = tiers.iter().filter_map(|tier| tier.get("partitions")?.as_array());
    Ok(lists.map(Vec::len).sum())
}
