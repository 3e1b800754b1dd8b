//! Our own log and metrics.
//!
//! The log goes to stderr as text or JSON and never holds record content. Metrics are recorded
//! everywhere by the names of [`tierlog_model::metric_names`]; they are described here and read
//! at `/metrics`. This opens no port of its own.

use std::io::IsTerminal as _;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tierlog_model::metric_names::{self as names, Metric, MetricKind, MetricUnit};
use tierlog_model::{Clock as _, SystemClock};
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

/// The level of our own log; a reload changes the level.
pub(crate) struct LogLevel(Box<dyn Fn(EnvFilter) + Send + Sync>);

impl LogLevel {
    /// Shows from now on what a level, or a filter that was checked before, lets through.
    pub(crate) fn set(&self, level: &str) {
        if let Ok(filter) = EnvFilter::try_new(level) {
            (self.0)(filter);
        }
    }
}

/// Starts our own log. Once a process.
pub(crate) fn start_log(section: &LogSection) -> Result<LogLevel, TelemetryError> {
    let filter = EnvFilter::try_new(&section.level)
        .map_err(|error| TelemetryError::Log(error.to_string()))?;
    let on_terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(on_terminal);
    let text = match section.format {
        LogFormat::Auto => on_terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    // The handle is of the type of the whole subscriber, so the filter comes last. Setting a level
    // fails only for a subscriber that is gone, which has nothing to show.
    let (started, level) = if text {
        let builder = builder.with_target(false).with_env_filter(filter).with_filter_reloading();
        let handle = builder.reload_handle();
        (builder.try_init(), LogLevel(Box::new(move |filter| drop(handle.reload(filter)))))
    } else {
        let builder = builder.json().flatten_event(true);
        let builder = builder.with_env_filter(filter).with_filter_reloading();
        let handle = builder.reload_handle();
        (builder.try_init(), LogLevel(Box::new(move |filter| drop(handle.reload(filter)))))
    };
    started.map_err(|error| TelemetryError::Log(error.to_string()))?;
    Ok(level)
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

/// Notes that the server is ready now.
pub(crate) fn mark_ready() {
    let now = SystemClock.now();
    metrics::gauge!(names::START_SECONDS).set(now.as_micros() as f64 / 1_000_000.0);
    metrics::gauge!(names::BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

fn describe() {
    for Metric { name, kind, unit, help, labels: _ } in names::METRICS {
        let unit = match unit {
            MetricUnit::Count => Unit::Count,
            MetricUnit::Bytes => Unit::Bytes,
            MetricUnit::Seconds => Unit::Seconds,
        };
        match kind {
            MetricKind::Counter => describe_counter!(*name, unit, *help),
            MetricKind::Gauge => describe_gauge!(*name, unit, *help),
            MetricKind::Histogram => describe_histogram!(*name, unit, *help),
        }
    }
}
