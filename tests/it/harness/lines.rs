//! Sample lines.

use std::time::Duration;

use serde_json::{Value, json};
use tierlog_model::{Clock as _, SystemClock, Timestamp};

/// Returns a moment before now.
pub(crate) fn ago(duration: Duration) -> Timestamp {
    SystemClock.now().saturating_add_micros(-(duration.as_micros() as i64))
}

/// Returns a moment after now.
pub(crate) fn from_now(duration: Duration) -> Timestamp {
    SystemClock.now().saturating_add_micros(duration.as_micros() as i64)
}

/// Returns one JSON line with the members of an object, newline included.
pub(crate) fn line(members: &Value) -> String {
    format!("{members}\n")
}

/// Returns lines with distinct values of `number`, newlines included.
pub(crate) fn numbered(numbers: std::ops::Range<u64>) -> String {
    numbers
        .map(|number| line(&json!({"level": "info", "message": "numbered", "number": number})))
        .collect()
}
