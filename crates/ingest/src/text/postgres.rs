//! PostgreSQL's log on stderr.
//!
//! ```text
//! 2026-08-21 14:05:09.123 UTC [123] LOG:  duration: 12.345 ms  statement: SELECT 1
//! 2026-08-21 14:05:09.123 UTC [123] app@shop ERROR:  relation "x" does not exist
//! 2026-08-21 14:05:09.123 UTC [123] STATEMENT:  SELECT * FROM x
//! ```
//!
//! `DETAIL`, `HINT`, `STATEMENT` and their like say more about the line before them, of the same
//! process.

use std::borrow::Cow;

use tierlog_model::{Level, Timestamp, Value, fields};

use super::cursor::Cursor;
use super::moment;
use super::record::TextRecord;

/// Severities of the server, and what they mean to the store.
const SEVERITIES: [(&str, Level); 12] = [
    ("DEBUG1", Level::Debug),
    ("DEBUG2", Level::Debug),
    ("DEBUG3", Level::Debug),
    ("DEBUG4", Level::Debug),
    ("DEBUG5", Level::Debug),
    ("LOG", Level::Info),
    ("INFO", Level::Info),
    ("NOTICE", Level::Info),
    ("WARNING", Level::Warning),
    ("ERROR", Level::Error),
    ("FATAL", Level::Critical),
    ("PANIC", Level::Critical),
];

/// Labels of lines that continue the line before. Without the line before, such a line most often
/// belongs to an error.
const FURTHER: [&str; 6] = ["DETAIL", "HINT", "STATEMENT", "CONTEXT", "QUERY", "LOCATION"];

/// A line as far as all of them are the same.
struct Line<'a> {
    time: Cow<'a, str>,
    process: &'a str,
    /// What `log_line_prefix` adds: user, database, application.
    origin: &'a str,
    label: &'a str,
    text: &'a str,
}

/// Reads a line of the server.
pub(super) fn read<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let Line { time, process, origin, label, text } = parse(line)?;
    let level = match SEVERITIES.iter().find(|(severity, _)| *severity == label) {
        Some((_, level)) => *level,
        None => Level::Error,
    };
    let mut record =
        TextRecord::new("postgres").level_of(level, label).time(time).count("process", process);
    if let Some((user, database)) = origin.split_once('@') {
        record = record.text("db.user", user).text("db.name", database);
    }
    let mut cursor = Cursor::new(text);
    if cursor.skip("duration: ")
        && let Some(milliseconds) = cursor.until(" ms").and_then(|text| text.parse().ok())
    {
        record = record.value(fields::DURATION_MS, Value::F64(milliseconds));
    }
    record.message(text)
}

/// Returns the process of a line that says more about the line before it.
pub(super) fn further(line: &str) -> Option<&str> {
    let line = parse(line)?;
    FURTHER.contains(&line.label).then_some(line.process)
}

/// Returns the process of a line that others may follow.
pub(super) fn process(line: &str) -> Option<&str> {
    parse(line).map(|line| line.process)
}

fn parse(line: &str) -> Option<Line<'_>> {
    let mut cursor = Cursor::new(line);
    let time = moment::iso(&mut cursor)?;
    cursor.literal(" [")?;
    let process = cursor.digits()?;
    // `[123-4]` counts the lines of a session.
    if cursor.skip("-") {
        cursor.digits()?;
    }
    cursor.literal("]")?;
    cursor.skip(":");
    let (head, text) = cursor.rest().split_once(":  ")?;
    let (origin, label) = head.trim().rsplit_once(' ').unwrap_or(("", head.trim()));
    let is_label = FURTHER.contains(&label) || SEVERITIES.iter().any(|(name, _)| *name == label);
    is_label.then_some(Line { time, process, origin: origin.trim(), label, text })
}
