//! `key=value` pairs: Go's slog and logrus, Heroku's router, HashiCorp and Grafana programs.
//!
//! ```text
//! time=2026-08-21T14:05:09.123Z level=ERROR msg="refused" request_id=r-1
//! at=error code=H12 method=GET path="/x" fwd="203.0.113.7" connect=1ms service=30000ms status=503
//! ```
//!
//! A line is taken only when all of it is pairs and a level, a message or a moment is among them.

use std::borrow::Cow;

use tierlog_model::{Timestamp, Value, fields};

use super::cursor::Cursor;
use super::level;
use super::record::TextRecord;

/// Names of which one must be there: other texts of pairs are no log lines.
const TELLING: [&str; 10] =
    ["level", "lvl", "severity", "msg", "message", "at", "time", "ts", "timestamp", "when"];

/// Pairs of a line; further ones leave the line a text.
const PAIRS_MAX: usize = 100;

/// Longest key: longer ones are text that holds a sign of equality.
const KEY_BYTES_MAX: usize = 64;

/// A key and its value.
type Pair<'a> = (Cow<'a, str>, Value<'a>);

/// Reads a line of pairs only.
pub(super) fn read<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    // Fast path: the first word of a line of pairs holds the first sign of equality.
    let first = memchr::memchr2(b'=', b' ', line.as_bytes())?;
    if line.as_bytes().get(first) != Some(&b'=') {
        return None;
    }
    let pairs = pairs(line)?;
    let telling = |name: &str| TELLING.contains(&name);
    if pairs.len() < 2 || !pairs.iter().any(|(name, _)| telling(name)) {
        return None;
    }
    let mut record = TextRecord::new("logfmt");
    let mut message = None;
    for (name, value) in pairs {
        match (name.as_ref(), value) {
            ("msg" | "message", Value::Str(text)) if message.is_none() => message = Some(text),
            // Heroku's `at` is a level in its router and a place in its other lines.
            ("at", Value::Str(word)) if level::is_word(&word) => {
                record.fields.push((Cow::Borrowed(fields::LEVEL), Value::Str(word)));
            }
            // The name of the moment in logfmter's manual.
            ("when", Value::Str(moment)) => {
                record.fields.push((Cow::Borrowed("time"), Value::Str(moment)));
            }
            ("fwd", Value::Str(address)) => {
                record.fields.push((Cow::Borrowed(fields::CLIENT_IP), Value::Str(address)));
            }
            ("service", Value::Str(took)) if is_duration(&took) => {
                record.fields.push((Cow::Borrowed(fields::DURATION_MS), Value::Str(took)));
            }
            (_, value) => record.fields.push((name, value)),
        }
    }
    record.message(message.unwrap_or(Cow::Borrowed(line)))
}

/// Reads pairs up to the end of a text; nothing when other text is among them.
pub(super) fn pairs(text: &str) -> Option<Vec<Pair<'_>>> {
    let mut cursor = Cursor::new(text);
    let mut pairs = Vec::new();
    loop {
        cursor.spaces();
        if cursor.rest().is_empty() {
            return (!pairs.is_empty()).then_some(pairs);
        }
        if pairs.len() == PAIRS_MAX {
            return None;
        }
        let key = cursor.take_while(is_key_sign);
        let is_key = key.len() <= KEY_BYTES_MAX
            && key.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '@'));
        if !is_key {
            return None;
        }
        cursor.literal("=")?;
        let value = match cursor.quoted() {
            Some(text) => Value::Str(unescaped(text)),
            None => bare(cursor.take_while(|c| !c.is_ascii_whitespace())),
        };
        if !cursor.rest().is_empty() && !cursor.rest().starts_with([' ', '\t']) {
            return None;
        }
        pairs.push((Cow::Borrowed(key), value));
    }
}

fn is_key_sign(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '@' | '#')
}

/// Returns a value without quotes in its type. Digits that a number would not give back, such as
/// a leading zero, stay text.
fn bare(text: &str) -> Value<'_> {
    match text {
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    if let Ok(number) = text.parse::<i64>()
        && number.to_string() == text
    {
        return Value::I64(number);
    }
    if text.contains('.')
        && let Ok(number) = text.parse::<f64>()
        && number.to_string() == text
    {
        return Value::F64(number);
    }
    Value::Str(Cow::Borrowed(text))
}

/// Returns a quoted text as it was meant.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    match serde_json::from_str::<String>(&format!("\"{text}\"")) {
        Ok(text) => Cow::Owned(text),
        Err(_) => Cow::Borrowed(text),
    }
}

fn is_duration(text: &str) -> bool {
    text.strip_suffix("ms").is_some_and(|number| number.parse::<f64>().is_ok())
}
