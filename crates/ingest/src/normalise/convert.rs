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

/// How a value stands to the target that its name spells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It cannot stand for the target.
    No,
    /// It may, perhaps in another form.
    SomeForm,
    /// It may, and under the target's own name [`converted`] has nothing to do.
    AsItIs,
}

impl Fit {
    fn some_form_if(fits: bool) -> Fit {
        if fits { Fit::SomeForm } else { Fit::No }
    }

    fn as_it_is_if(fits: bool) -> Fit {
        if fits { Fit::AsItIs } else { Fit::No }
    }
}

/// Tells how a value stands to the target that its name spells. Under the own name, what does not
/// fit stands for the target when nothing else does.
pub(super) fn fit(alias: &Alias, value: &Value<'_>) -> Fit {
    match alias.target {
        Target::Timestamp => Fit::some_form_if(!matches!(value, Value::Bool(_) | Value::Json(_))),
        Target::Level => Fit::SomeForm,
        Target::Message if alias.hint == Hint::Bytes => {
            let is_text = matches!(value, Value::Str(_));
            Fit::some_form_if(is_text || text_of_bytes(value).is_some())
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
        | Target::ErrorMessage => {
            Fit::as_it_is_if(matches!(value, Value::Str(text) if !text.is_empty()))
        }
        Target::Release => match value {
            Value::Str(text) => Fit::as_it_is_if(!text.is_empty()),
            Value::I64(_) | Value::U64(_) | Value::F64(_) => Fit::SomeForm,
            Value::Bool(_) | Value::Json(_) => Fit::No,
        },
        // `ip` and `source.ip` name many things, an address is one of them.
        Target::ClientIp => match value {
            Value::Str(text) => fit_of_address(text),
            Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) | Value::Json(_) => {
                Fit::No
            }
        },
        Target::Stacktrace => Fit::some_form_if(match value {
            Value::Str(text) if alias.hint == Hint::Trace => is_trace(text),
            Value::Str(text) => !text.is_empty(),
            Value::Json(_) => lines_of(value).is_some() || derive::is_structured(value),
            Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => false,
        }),
        Target::RequestId | Target::TraceId | Target::SpanId | Target::UserId => ids::fit(value),
        Target::StatusCode => match value {
            Value::I64(code) => Fit::as_it_is_if(STATUS_CODES.contains(code)),
            _ => Fit::some_form_if(
                status_code(value).is_some_and(|code| STATUS_CODES.contains(&code)),
            ),
        },
        Target::DurationMs => match (value, unit_of(alias)) {
            (Value::F64(number), Some(Unit::Milliseconds)) => Fit::as_it_is_if(number.is_finite()),
            (_, unit) => Fit::some_form_if(read_duration(value, unit).is_some()),
        },
    }
}

/// Returns the value in the target's type; `None` when it is, or when it cannot be.
pub(super) fn converted<'a>(alias: &Alias, value: &Value<'a>) -> Option<Value<'a>> {
    match alias.target {
        Target::Message => match value {
            Value::Json(_) if alias.hint == Hint::Bytes => {
                text_of_bytes(value).map(|text| Value::Str(text.into()))
            }
            Value::Str(text) if alias.rank > 0 || alias.trust == Trust::Shape => {
                let has_line_end = text.ends_with(LINE_ENDS);
                has_line_end.then(|| Value::Str(cut(text, |text| text.trim_end_matches(LINE_ENDS))))
            }
            Value::Str(_) | Value::Json(_) => None,
            Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => Some(as_text(value)),
        },
        Target::RequestId | Target::TraceId | Target::SpanId | Target::UserId => {
            ids::converted(value)
        }
        Target::StatusCode => status_code(value).map(Value::I64),
        Target::DurationMs => read_duration(value, unit_of(alias)).map(Value::F64),
        Target::Release => match value {
            Value::Str(_) => None,
            Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) | Value::Json(_) => {
                Some(as_text(value))
            }
        },
        Target::Stacktrace => lines_of(value).map(|text| Value::Str(text.into())),
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
        | Target::ErrorMessage => None,
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

/// Returns a value as text.
pub(super) fn as_text<'a>(value: &Value<'a>) -> Value<'a> {
    Value::Str(match value {
        Value::Str(text) | Value::Json(text) => text.clone(),
        Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => {
            Cow::Owned(text_of(value).into_owned())
        }
    })
}

/// Returns a part of a text, which borrows from where the text does.
pub(super) fn cut<'a>(text: &Cow<'a, str>, part: impl Fn(&str) -> &str) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(part(text)),
        Cow::Owned(text) => Cow::Owned(part(text).to_owned()),
    }
}

/// Returns a text without white space at its ends.
#[inline]
pub(super) fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        // Fast path: nearly every short text begins and ends with a letter, a digit or a sign.
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

/// Docker keeps the line end that the application wrote.
const LINE_ENDS: [char; 2] = ['\n', '\r'];

/// Tells how a text stands to an internet address; one with a port gives the port up.
fn fit_of_address(text: &str) -> Fit {
    let address = trimmed(text);
    match address.parse::<IpAddr>() {
        Ok(_) if address.len() == text.len() => Fit::AsItIs,
        Ok(_) => Fit::SomeForm,
        Err(_) => Fit::some_form_if(address.parse::<SocketAddr>().is_ok()),
    }
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
pub(super) fn unit_of(alias: &Alias) -> Option<Unit> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::aliases::{AliasTable, NameHash};
    use super::*;

    /// Values of every type, including the values that a target changes.
    fn values() -> impl Strategy<Value = Value<'static>> {
        let text = prop_oneof![
            "[ -]?[a-z0-9:.]{0,6}[ \n]?",
            "[0-9]{1,3}(\\.[0-9]{1,3}){3}(:80)?",
            prop::sample::select(vec!["::1", "[::1]:80", "200", "12.5", "1.5s", "-", ""])
                .prop_map(str::to_owned),
        ];
        prop_oneof![
            text.prop_map(|text| Value::Str(text.into())),
            any::<i64>().prop_map(Value::I64),
            (90_i64..1_010).prop_map(Value::I64),
            any::<u64>().prop_map(Value::U64),
            any::<f64>().prop_map(Value::F64),
            (100_i32..600).prop_map(|code| Value::F64(f64::from(code))),
            any::<bool>().prop_map(Value::Bool),
            prop::sample::select(vec![r#"["a"]"#, r#"["a","b"]"#, "[]", r#"{"id":1}"#, "[1]"])
                .prop_map(|json| Value::Json(json.into())),
        ]
    }

    proptest! {
        #[test]
        fn what_fits_as_it_is_stays_as_it_is(
            target in prop::sample::select(Target::ALL.to_vec()),
            value in values(),
        ) {
            let name = target.name();
            let table = AliasTable::standard();
            let entry = table.find(NameHash::START.extend(name), "", name);
            let alias = entry.and_then(|entry| entry.alias).expect("every target's own name");
            if fit(&alias, &value) == Fit::AsItIs {
                prop_assert_eq!(converted(&alias, &value).unwrap_or_else(|| value.clone()), value);
            }
        }
    }

    #[test]
    fn white_space_is_taken_off_as_the_standard_library_does() {
        for text in ["", "a", " ", "ab", " ab", "ab\n", "\u{a0}ab", "ab\u{2003}", "é", " é ", "-"]
        {
            assert_eq!(trimmed(text), text.trim(), "{text:?}");
        }
    }
}
