//! Our own log and metrics.
//!
//! The log goes to stderr as text or JSON and never holds record content. Metrics are recorded
//! everywhere by the names of [`tierlog_model::metric_names`]; they are described here and read
//! at `/metrics`. This opens no port of its own.

use std::io::IsTerminal as _;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tierlog_model::{Clock as _, SystemClock, metric_names as names};
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, LogSection};

/// Seconds: from a cached answer to a query at its deadline.
const SECONDS_BUCKETS: [f64; 15] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
    30.0,
];

/// Records that one fsync covers: from a lone line to the whole hand-off.
const RECORDS_BUCKETS: [f64; 9] =
    [1.0, 10.0, 50.0, 100.0, 500.0, 1_000.0, 5_000.0, 20_000.0, 100_000.0];

/// What could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum TelemetryError {
    /// The log.
    #[error("set up the log: {0}")]
    Log(String),
    /// The metrics.
    #[error("set up metrics: {0}")]
    Metrics(String),
}

/// Starts our own log. Once a process.
pub(crate) fn start_log(section: &LogSection) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&section.level)
        .map_err(|error| TelemetryError::Log(error.to_string()))?;
    let on_terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(on_terminal);
    let text = match section.format {
        LogFormat::Auto => on_terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    if text {
        builder.with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    }
    .map_err(|error| TelemetryError::Log(error.to_string()))
}

/// Makes a panic log where it happened and not what it says: the text may quote a log line.
pub(crate) fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
        tracing::error!(%place, %thread, "thread panicked");
    }));
}

/// Starts recording metrics. Once a process.
pub(crate) fn start_metrics() -> Result<PrometheusHandle, TelemetryError> {
    let failed = |error: &dyn std::fmt::Display| TelemetryError::Metrics(error.to_string());
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let records = Matcher::Full(names::WAL_GROUP_RECORDS.to_owned());
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(seconds, &SECONDS_BUCKETS)
        .and_then(|builder| builder.set_buckets_for_metric(records, &RECORDS_BUCKETS))
        .map_err(|error| failed(&error))?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| failed(&error))?;
    describe();
    Ok(handle)
}

/// Kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Every metric with its kind, unit and help text.
const DESCRIPTIONS: [(&str, Kind, Unit, &str); 39] = [
    (names::INGEST_ACCEPTED, Kind::Counter, Unit::Count, "Records taken."),
    (names::INGEST_REJECTED, Kind::Counter, Unit::Count, "Lines rejected, by reason."),
    (
        names::INGEST_DUPLICATE,
        Kind::Counter,
        Unit::Count,
        "Records that an earlier batch of the same id had already brought.",
    ),
    (names::INGEST_BYTES, Kind::Counter, Unit::Bytes, "Bytes received before inflating."),
    (
        names::INGEST_REFUSED,
        Kind::Counter,
        Unit::Count,
        "Requests or connections turned away, by why.",
    ),
    (names::UNKNOWN_LEVELS, Kind::Counter, Unit::Count, "Records whose level word nobody knows."),
    (
        names::SHIFTED_CLOCKS,
        Kind::Gauge,
        Unit::Count,
        "Streams whose times without a zone seem to be in another one than is configured.",
    ),
    (names::REDACTIONS, Kind::Counter, Unit::Count, "Personal data found and replaced."),
    (names::CONNECTIONS_OPENED, Kind::Counter, Unit::Count, "Connections accepted."),
    (names::CONNECTIONS_CLOSED, Kind::Counter, Unit::Count, "Connections ended."),
    (names::CONNECTIONS_EVICTED, Kind::Counter, Unit::Count, "Idle connections ended for others."),
    (names::MEMORY_USED_BYTES, Kind::Gauge, Unit::Bytes, "Bytes lent, by part of the budget."),
    (names::MEMORY_LIMIT_BYTES, Kind::Gauge, Unit::Bytes, "Bytes that each part may lend."),
    (names::MEMORY_REFUSALS, Kind::Counter, Unit::Count, "Work that a part had no room for."),
    (names::WAL_BYTES, Kind::Counter, Unit::Bytes, "Bytes appended to the WAL."),
    (names::WAL_SYNC_SECONDS, Kind::Histogram, Unit::Seconds, "Time of one WAL fsync."),
    (
        names::WAL_GROUP_RECORDS,
        Kind::Histogram,
        Unit::Count,
        "Records that one fsync made durable.",
    ),
    (
        names::WAL_TORN_BYTES,
        Kind::Counter,
        Unit::Bytes,
        "Bytes that a crash left torn at the end of the WAL.",
    ),
    (
        names::WAL_CORRUPT_FRAMES,
        Kind::Counter,
        Unit::Count,
        "Frames of the WAL that did not read back and were put aside.",
    ),
    (names::INDEXED, Kind::Counter, Unit::Count, "Records indexed, by tier."),
    (
        names::PAIRED_VALUES,
        Kind::Counter,
        Unit::Count,
        "Values whose names have no column of their own, by tier.",
    ),
    (
        names::DROPPED_UNINDEXED,
        Kind::Counter,
        Unit::Count,
        "Records that went with their partition before they were in its index, by tier.",
    ),
    (
        names::REPLAY_EXPIRED,
        Kind::Counter,
        Unit::Count,
        "Records of the WAL that were past their retention when they were replayed.",
    ),
    (
        names::COMMIT_SECONDS,
        Kind::Histogram,
        Unit::Seconds,
        "Time of one commit of all touched partitions.",
    ),
    (names::STORED_RECORDS, Kind::Gauge, Unit::Count, "Records in the store, by tier."),
    (names::STORED_BYTES, Kind::Gauge, Unit::Bytes, "Bytes in the store, by tier."),
    (names::PARTITIONS, Kind::Gauge, Unit::Count, "Partitions, by tier and state."),
    (names::SEALED, Kind::Counter, Unit::Count, "Partitions sealed."),
    (names::EXPIRED, Kind::Counter, Unit::Count, "Partitions dropped, by tier and reason."),
    (
        names::DEAD_LETTERS_DROPPED,
        Kind::Counter,
        Unit::Count,
        "Dead letters that were taken away one by one, replayed or dropped.",
    ),
    (
        names::CLOCK_HELD,
        Kind::Gauge,
        Unit::Count,
        "1 while the clock has jumped ahead and deletions are held.",
    ),
    (names::QUARANTINE_BYTES, Kind::Gauge, Unit::Bytes, "Bytes that were put aside."),
    (
        names::UNINDEXABLE_RECORDS,
        Kind::Counter,
        Unit::Count,
        "Records that could not be indexed and became dead letters.",
    ),
    (names::POISONED, Kind::Gauge, Unit::Count, "1 while the store refuses writes."),
    (names::QUERY_SECONDS, Kind::Histogram, Unit::Seconds, "Time of one query."),
    (
        names::QUERY_PARTITIONS,
        Kind::Counter,
        Unit::Count,
        "Partitions that queries opened or skipped.",
    ),
    (names::TAIL_MISSED, Kind::Counter, Unit::Count, "Records that slow live tails missed."),
    (names::BUILD_INFO, Kind::Gauge, Unit::Count, "1, labelled with the version."),
    (names::START_SECONDS, Kind::Gauge, Unit::Seconds, "Unix time at which the server was ready."),
];

/// Notes that the server is ready now.
pub(crate) fn mark_ready() {
    let now = SystemClock.now();
    metrics::gauge!(names::START_SECONDS).set(now.as_micros() as f64 / 1_000_000.0);
    metrics::gauge!(names::BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

fn describe() {
    for (name, kind, unit, help) in DESCRIPTIONS {
        match kind {
            Kind::Counter => describe_counter!(name, unit, help),
            Kind::Gauge => describe_gauge!(name, unit, help),
            Kind::Histogram => describe_histogram!(name, unit, help),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name that nobody described would show up in dashboards without a word of help.
    #[test]
    fn every_metric_is_described() {
        let source = include_str!("../crates/model/src/metric_names.rs");
        let declared: Vec<&str> = source
            .lines()
            .filter_map(|line| line.split_once("&str = \"")?.1.strip_suffix("\";"))
            .collect();
        assert!(declared.len() > 20);
        for name in declared {
            let found = DESCRIPTIONS.iter().find(|(described, ..)| *described == name);
            let Some((_, kind, ..)) = found else { unreachable!("{name} has no description") };
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
        }
    }
}
