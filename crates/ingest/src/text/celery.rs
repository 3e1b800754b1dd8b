//! Celery's worker and task logs.
//!
//! ```text
//! [2026-08-21 14:05:09,123: INFO/MainProcess] Task shop.pay[6b1c..] succeeded in 0.12s: None
//! [2026-08-21 14:05:09,123: INFO/ForkPoolWorker-1] shop.pay[6b1c..]: charged
//! ```

use tierlog_model::{Timestamp, Value, fields};

use super::cursor::Cursor;
use super::record::TextRecord;
use super::timed::is_name;
use super::{level, moment};

/// Reads a line of a Celery worker.
pub(super) fn read<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    cursor.literal("[")?;
    let time = moment::iso(&mut cursor)?;
    cursor.literal(": ")?;
    let word = level::capitals(&mut cursor)?;
    cursor.literal("/")?;
    let process = cursor.until("]")?;
    let record = TextRecord::new("celery").level(word).time(time).text("process_name", process);
    let message = cursor.rest().strip_prefix(' ').unwrap_or(cursor.rest());
    task(message, record.clone()).unwrap_or(record).message(message)
}

/// Adds name, id and duration of the task in a message.
fn task<'a>(message: &'a str, record: TextRecord<'a>) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(message);
    let is_about = cursor.skip("Task ");
    let name = cursor.until("[")?;
    let id = cursor.until("]")?;
    let is_task = is_name(name) && !id.is_empty() && is_name_of_task(id);
    if !is_task || !(is_about || cursor.rest().starts_with(':')) {
        return None;
    }
    let record = record.text(fields::LOGGER, name).text("task_name", name).text("task_id", id);
    let Some(seconds) = cursor.until(" in ").and_then(|_| cursor.until("s:")) else {
        return Some(record);
    };
    Some(match seconds.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() => {
            record.value(fields::DURATION_MS, Value::F64((seconds * 1e9).round() / 1e6))
        }
        Ok(_) | Err(_) => record,
    })
}

fn is_name_of_task(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
