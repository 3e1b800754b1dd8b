//! Errors that a library wrote as JSON and not as text: structlog's list of `exc_type` and
//! `exc_value`, Sentry's `values`, Rails' class and text, log4j2's list of calls.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::exception;

/// An error, as far as told by the JSON.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Structured {
    /// Its class.
    pub(super) kind: Option<String>,
    /// Its text.
    pub(super) message: Option<String>,
    /// Its calls, a line each.
    pub(super) trace: Option<String>,
}

/// Longest JSON to read; a list of calls with variables is long and tells little more.
const JSON_BYTES_MAX: usize = 256 * 1024;

/// Calls of a trace that are written out: more repeat themselves.
const CALLS_MAX: usize = 200;

const KINDS: [&str; 8] =
    ["exc_type", "type", "class", "kind", "name", "errorClass", "typeName", "exception_class"];
const MESSAGES: [&str; 6] = ["exc_value", "value", "message", "msg", "text", "exception_message"];
const CALLS: [&str; 8] = [
    "frames",
    "stacktrace",
    "stack_trace",
    "stack",
    "backtrace",
    "trace",
    "parsedStack",
    "extendedStackTrace",
];
const FILES: [&str; 6] = ["filename", "file", "fileName", "abs_path", "path", "source"];
const LINES: [&str; 4] = ["lineno", "line", "lineNumber", "line_number"];
const FUNCTIONS: [&str; 5] = ["function", "name", "method", "methodName", "func"];

/// Reads the JSON of an error's field; `None` when the JSON tells of no error.
pub(super) fn read(json: &str) -> Option<Structured> {
    if json.len() > JSON_BYTES_MAX {
        return None;
    }
    let items = match serde_json::from_str(json).ok()? {
        Value::Array(items) => items,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            return None;
        }
    };
    let objects = || items.iter().filter_map(Value::as_object);
    // structlog lists the error that was raised last first, Sentry lists it last.
    let is_sentry =
        |object: &&Map<String, Value>| object.contains_key("value") && object.contains_key("type");
    let chosen = objects().rfind(is_sentry).or_else(|| objects().find(|o| kind(o).is_some()));
    if let Some(parts) = parts(&items) {
        return Some(parts);
    }
    // Lines of text are no error as JSON, but a trace in pieces.
    objects().next()?;
    let found = match chosen {
        Some(error) => Structured {
            kind: kind(error),
            message: text_of(error, &MESSAGES),
            trace: CALLS.iter().find_map(|name| calls(error.get(*name)?)),
        },
        None => Structured { trace: call_lines(&items), ..Structured::default() },
    };
    (found != Structured::default()).then_some(found)
}

/// Reads class, text and calls as three elements, as `sys.exc_info()` comes out of an encoder.
fn parts(items: &[Value]) -> Option<Structured> {
    let [Value::String(kind), Value::String(message), rest] = items else { return None };
    if rest.is_string() {
        return None;
    }
    let written = format!("{kind}\n{message}");
    let error = exception::read(&written)?;
    Some(Structured {
        kind: Some(error.kind.to_owned()),
        message: Some(error.message.to_owned()).filter(|message| !message.is_empty()),
        trace: calls(rest),
    })
}

/// Returns the class with the module that Sentry keeps beside it, as a traceback prints it.
fn kind(error: &Map<String, Value>) -> Option<String> {
    let is_call = FILES.iter().any(|name| error.contains_key(*name));
    let kind = text_of(error, &KINDS).filter(|kind| !is_call && !kind.contains(' '))?;
    let module = error.get("module").and_then(Value::as_str).unwrap_or_default();
    let is_known = matches!(module, "" | "builtins" | "exceptions" | "__main__");
    Some(if is_known || kind.contains('.') { kind } else { format!("{module}.{kind}") })
}

fn text_of(object: &Map<String, Value>, names: &[&str]) -> Option<String> {
    let text = names.iter().find_map(|name| object.get(*name)?.as_str())?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn calls(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => call_lines(items),
        Value::Object(object) => calls(object.get("frames")?),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Writes calls a line each: as they are when they are text.
fn call_lines(items: &[Value]) -> Option<String> {
    let mut lines = String::new();
    for item in items.iter().take(CALLS_MAX) {
        match item {
            Value::String(line) => lines.push_str(line.trim_end()),
            Value::Object(call) => call_line(call, &mut lines)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return None,
        }
        lines.push('\n');
    }
    let kept = lines.trim_end().len();
    lines.truncate(kept);
    (!lines.is_empty()).then_some(lines)
}

fn call_line(call: &Map<String, Value>, lines: &mut String) -> Option<()> {
    let file = text_of(call, &FILES).or_else(|| text_of(call, &["class", "module"]))?;
    let line = LINES.iter().find_map(|name| call.get(*name)?.as_u64());
    let written = write!(lines, "  File \"{file}\"");
    debug_assert!(written.is_ok(), "a String takes any text");
    if let Some(line) = line {
        lines.push_str(", line ");
        lines.push_str(&line.to_string());
    }
    if let Some(function) = text_of(call, &FUNCTIONS) {
        lines.push_str(", in ");
        lines.push_str(&function);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, kind: &str, message: &str, trace: &str) {
        let found = read(json).expect(json);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        assert_eq!(text(&found.kind), kind, "{json}");
        assert_eq!(text(&found.message), message, "{json}");
        assert_eq!(text(&found.trace), trace, "{json}");
    }

    #[test]
    fn errors_of_every_library_are_read() {
        check(
            r#"[{"exc_type":"OrderError","exc_value":"no stock","is_cause":false,"frames":[
                {"filename":"/app/a.py","lineno":8,"name":"get","locals":{"x":"1"}}]},
                {"exc_type":"KeyError","exc_value":"'x'","is_cause":true,"frames":[]}]"#,
            "OrderError",
            "no stock",
            "  File \"/app/a.py\", line 8, in get",
        );
        check(
            r#"[{"type":"KeyError","value":"'x'","module":"builtins"},
                {"type":"IntegrityError","value":"duplicate","module":"django.db.utils",
                 "stacktrace":{"frames":[{"filename":"a.py","function":"get","lineno":8}]}}]"#,
            "django.db.utils.IntegrityError",
            "duplicate",
            "  File \"a.py\", line 8, in get",
        );
        check(
            r#"[{"class":"com.x.Orders","method":"place","file":"Orders.java","line":5}]"#,
            "",
            "",
            "  File \"Orders.java\", line 5, in place",
        );
        check(
            r#"[{"errorClass":"TypeError","message":"x","stacktrace":["at a (b.js:1)","at c"]}]"#,
            "TypeError",
            "x",
            "at a (b.js:1)\nat c",
        );
    }

    #[test]
    fn other_lists_are_no_errors() {
        for json in ["[]", "[1,2]", r#"[{"a":1}]"#, r#"{"type":"x"}"#, "[null]", "[[1]]", "x"] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
