//! Values of a target take the type that the contract gives it.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use tierlog_model::Value;

use super::aliases::{Alias, Hint, Trust};
use super::derive;
use super::duration::{Unit, read_duration};
use super::ids;
use super::targets::Target;

/// Lowest and highest HTTP status code; `status` means many things, this range is one of them.
const STATUS_CODES: std::ops::RangeInclusive<i64> = 100..=999;

/// Tells whether a value under a spelling other than the target's own name may stand for it.
pub(super) fn may_become(alias: Alias, value: &Value<'_>) -> bool {
    match alias.target {
        Target::Timestamp => !matches!(value, Value::Bool(_) | Value::Json(_)),
        Target::Level => true,
        Target::Message if alias.hint == Hint::Bytes => {
            matches!(value, Value::Str(_)) || text_of_bytes(value).is_some()
        }
        Target::Message
        | Target::Service
        | Target::Logger
        | Target::Host
        | Target::Endpoint
        | Target::Route
        | Target::Path
        | Target::Method
        | Target::Environment
        | Target::ErrorType
        | Target::ErrorMessage => matches!(value, Value::Str(text) if !text.is_empty()),
        Target::Release => match value {
            Value::Str(text) => !text.is_empty(),
            Value::I64(_) | Value::U64(_) | Value::F64(_) => true,
            Value::Bool(_) | Value::Json(_) => false,
        },
        // `ip` and `source.ip` name many things, an address is one of them.
        Target::ClientIp => matches!(value, Value::Str(text) if is_address(text.trim())),
        Target::Stacktrace => match value {
            Value::Str(text) if alias.hint == Hint::Trace => is_trace(text),
            Value::Str(text) => !text.is_empty(),
            Value::Json(_) => lines_of(value).is_some() || derive::is_structured(value),
            Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => false,
        },
        Target::RequestId | Target::TraceId | Target::SpanId | Target::UserId => ids::may_be(value),
        Target::StatusCode => status_code(value).is_some_and(|code| STATUS_CODES.contains(&code)),
        Target::DurationMs => read_duration(value, unit_of(alias)).is_some(),
    }
}

/// Returns the value in the target's type, or as it is when it has none of it.
pub(super) fn convert<'a>(alias: Alias, value: Value<'a>) -> Value<'a> {
    match alias.target {
        Target::Message => match value {
            Value::Json(_) if alias.hint == Hint::Bytes => {
                text_of_bytes(&value).map_or(value, |text| Value::Str(text.into()))
            }
            Value::Str(text) if alias.rank > 0 || alias.trust == Trust::Shape => {
                Value::Str(trim_line_end(text))
            }
            Value::Str(_) | Value::Json(_) => value,
            Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => {
                Value::Str(Cow::Owned(text_of(&value).into_owned()))
            }
        },
        Target::RequestId | Target::TraceId | Target::SpanId | Target::UserId => {
            ids::convert(value)
        }
        Target::StatusCode => status_code(&value).map_or(value, Value::I64),
        Target::DurationMs => read_duration(&value, unit_of(alias)).map_or(value, Value::F64),
        Target::Release => Value::Str(into_text(value)),
        Target::Stacktrace => lines_of(&value).map_or(value, |text| Value::Str(text.into())),
        Target::Timestamp
        | Target::Level
        | Target::Service
        | Target::Logger
        | Target::Host
        | Target::Endpoint
        | Target::Route
        | Target::Path
        | Target::Method
        | Target::ClientIp
        | Target::Environment
        | Target::ErrorType
        | Target::ErrorMessage => value,
    }
}

/// Returns the text of a value.
pub(super) fn text_of<'v>(value: &'v Value<'_>) -> Cow<'v, str> {
    match value {
        Value::Str(text) | Value::Json(text) => Cow::Borrowed(text),
        Value::Bool(value) => Cow::Owned(value.to_string()),
        Value::I64(value) => Cow::Owned(value.to_string()),
        Value::U64(value) => Cow::Owned(value.to_string()),
        Value::F64(value) => Cow::Owned(value.to_string()),
    }
}

/// Turns a value into its text without copying text.
pub(super) fn into_text(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Str(text) | Value::Json(text) => text,
        Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => {
            Cow::Owned(text_of(&value).into_owned())
        }
    }
}

/// Takes white space off both ends.
pub(super) fn trim(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// Docker keeps the line end that the application wrote.
fn trim_line_end(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_end_matches(['\n', '\r'])),
        Cow::Owned(mut text) => {
            text.truncate(text.trim_end_matches(['\n', '\r']).len());
            Cow::Owned(text)
        }
    }
}

/// Tells whether a text is an internet address, with or without a port.
fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok()
}

/// Tells whether a long text lists calls: Python's, the JVM's and .NET's, Node's, Go's.
fn is_trace(text: &str) -> bool {
    [
        "Traceback (most recent call last)",
        "\n  File \"",
        "\n\tat ",
        "\n    at ",
        "\n   at ",
        "\ngoroutine ",
    ]
    .iter()
    .any(|sign| text.contains(sign))
}

/// Returns the text of an array of lines, as python-json-logger's `exc_info_as_array` writes
/// a traceback; `None` for every other value.
fn lines_of(value: &Value<'_>) -> Option<String> {
    let Value::Json(json) = value else { return None };
    if !json.starts_with("[\"") {
        return None;
    }
    let lines: Vec<String> = serde_json::from_str(json).ok()?;
    // Python's own pieces end with a line break, those that were split at one do not.
    let pieces: Vec<&str> = lines.iter().map(|line| line.trim_end_matches('\n')).collect();
    Some(pieces.join("\n"))
}

fn status_code(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::I64(code) => Some(*code),
        Value::F64(code) if code.fract() == 0.0 && code.abs() < 1e9 => Some(*code as i64),
        Value::Str(text) => text.trim().parse().ok(),
        Value::F64(_) | Value::U64(_) | Value::Bool(_) | Value::Json(_) => None,
    }
}

/// Returns the unit of bare numbers, where there is one.
pub(super) fn unit_of(alias: Alias) -> Option<Unit> {
    match alias.hint {
        Hint::Unit(unit) => Some(unit),
        _ => None,
    }
}

/// Returns the text of an array of bytes, as journald writes a message that is not UTF-8 or has
/// control characters; `None` for every other value.
pub(super) fn text_of_bytes(value: &Value<'_>) -> Option<String> {
    let Value::Json(json) = value else { return None };
    let bytes: Vec<u8> = serde_json::from_str(json).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
