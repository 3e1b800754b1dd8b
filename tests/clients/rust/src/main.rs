//! Logs a known script of events through a real Rust library.
//!
//! `clients NAME [quick]` prints the library's own lines on stdout, and appends to the file named
//! by MANIFEST one JSON object an event: what a reader of the line must know. `from_ms` and
//! `to_ms` are the clock before and after the call, so the line's own time lies between them.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

/// One call of the script.
struct Event {
    level: &'static str,
    message: &'static str,
    duration_ms: Option<f64>,
    error: Option<&'static str>,
}

/// One event of each level of Rust's loggers, the error event with an error value.
const SCRIPT: [Event; 4] = [
    Event { level: "info", message: "course listed", duration_ms: Some(12.5), error: None },
    Event {
        level: "error",
        message: "payment failed",
        duration_ms: None,
        error: Some("card refused\nby the bank"),
    },
    Event {
        level: "warning",
        message: "slow \"answer\" ü of the shop",
        duration_ms: Some(1834.25),
        error: None,
    },
    Event { level: "debug", message: "cache miss", duration_ms: None, error: None },
];

fn main() {
    let name = std::env::args().nth(1).expect("a client");
    let quick = std::env::args().nth(2).is_some_and(|mode| mode == "quick");
    let manifest = std::env::var_os("MANIFEST").expect("MANIFEST names a file");
    let mut manifest = OpenOptions::new()
        .append(true)
        .create(true)
        .open(manifest)
        .expect("the manifest");
    let log = client(&name);
    for (number, event) in SCRIPT.iter().enumerate().take(if quick { 2 } else { SCRIPT.len() }) {
        let request_id = format!("r-{name}-{}", number + 1);
        let before = now_ms();
        log(event, &request_id);
        let mut expected = json!({
            "client": name, "level": event.level, "message": event.message,
            "from_ms": before, "to_ms": now_ms() + 1.0,
        });
        if name.starts_with("tracing") {
            expected["request_id"] = request_id.into();
            expected["user_id"] = 4242.into();
        }
        // The fields of an event stand among the words of a text line.
        if name == "tracing" {
            expected["duration_ms"] = json!(event.duration_ms);
        }
        writeln!(manifest, "{expected}").expect("the manifest");
    }
}

/// Sets a library up and returns the function that logs through it.
fn client(name: &str) -> fn(&Event, &str) {
    let levels = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG);
    match name {
        "tracing" => {
            levels.json().with_writer(std::io::stdout).init();
            in_span
        }
        "tracing-text" => {
            levels.with_ansi(false).with_writer(std::io::stdout).init();
            in_span
        }
        "tracing-coloured" => {
            levels.with_ansi(true).with_writer(std::io::stdout).init();
            in_span
        }
        "env_logger" => {
            env_logger::Builder::new()
                .filter_level(log::LevelFilter::Debug)
                .target(env_logger::Target::Stdout)
                .init();
            through_log
        }
        other => panic!("no client {other}"),
    }
}

/// Logs as applications with `tracing` do: ids in the span, the rest in the event.
fn in_span(event: &Event, request_id: &str) {
    let span = tracing::info_span!("request", request_id, user_id = 4242);
    let _entered = span.enter();
    let (duration_ms, error) = (event.duration_ms, event.error);
    match event.level {
        "info" => tracing::info!(duration_ms, "{}", event.message),
        "warning" => tracing::warn!(duration_ms, "{}", event.message),
        "debug" => tracing::debug!("{}", event.message),
        _ => tracing::error!(error, "{}", event.message),
    }
}

fn through_log(event: &Event, request_id: &str) {
    match event.level {
        "info" => log::info!(request_id; "{}", event.message),
        "warning" => log::warn!(request_id; "{}", event.message),
        "debug" => log::debug!(request_id; "{}", event.message),
        // env_logger escapes nothing: what stands behind a line break would be a line.
        _ => {
            let error = event.error.map(|error| error.replace('\n', " "));
            log::error!(request_id, error = error.as_deref(); "{}", event.message);
        }
    }
}

fn now_ms() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    since.as_secs_f64() * 1000.0
}
