//! Fields that a record has in all but name: `error_type`, `error_message` and `stacktrace` out of
//! what a runtime prints, `path` without its query, `route` out of `path`.
//!
//! Arrives: the fields of a record, named. Leaves: the same with what could be derived. The
//! application's own fields always win, and no text is lost: a part cut from a field is kept under
//! a name of its own.

mod address;
mod calls;
mod exception;
mod go;
mod php;
mod python;
mod request_line;
mod route;
mod ruby;
mod runtimes;
mod rust;
mod structured;

use std::borrow::Cow;
use std::ops::Range;

use tierlog_model::{Value, fields as field_names};

pub(super) use request_line::request_line;

use super::candidate::Chosen;
use super::collect::Field;
use super::names;
use super::targets::Target;

/// Longest `error_message`: what is longer repeats the trace, which is kept whole.
const ERROR_MESSAGE_BYTES_MAX: usize = 1_024;

/// Where the fields are that others are derived from or that others are derived for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Text of the event.
    pub(super) message: Option<usize>,
    /// URL path.
    pub(super) path: Option<usize>,
    /// Whether a route or an endpoint is given.
    pub(super) has_route: bool,
    /// Class of an error.
    pub(super) error_type: Option<usize>,
    /// Text of an error.
    pub(super) error_message: Option<usize>,
    /// Calls that led to an error.
    pub(super) stacktrace: Option<usize>,
    /// An error as JSON, under its own name.
    pub(super) structured: Option<usize>,
}

impl Known {
    /// Returns where the fields are that were chosen for their targets.
    pub(super) fn of(best: &Chosen, fields: &[Field<'_>]) -> Known {
        let at = |target: Target| best.of(target).map(|candidate| candidate.index);
        let trace = at(Target::Stacktrace).and_then(|at| Some((at, fields.get(at)?)));
        let (mut stacktrace, mut structured) = (None, None);
        match trace {
            Some((at, (_, Value::Json(_)))) => structured = Some(at),
            Some((at, (name, _))) if name == field_names::STACKTRACE => stacktrace = Some(at),
            Some(_) | None => {}
        }
        Known {
            message: at(Target::Message),
            path: at(Target::Path),
            has_route: best.has(Target::Route) || best.has(Target::Endpoint),
            error_type: at(Target::ErrorType),
            error_message: at(Target::ErrorMessage),
            stacktrace,
            structured,
        }
    }
}

/// Adds what can be derived. Positions of fields stay; what is added comes last.
pub(super) fn complete(fields: &mut Vec<Field<'_>>, known: Known) {
    if let Some(path) = known.path {
        take_path_apart(fields, path);
        if !known.has_route {
            add_route(fields, path);
        }
    }
    let has_error = known.error_type.is_some()
        || known.error_message.is_some()
        || known.stacktrace.is_some()
        || known.structured.is_some();
    if has_error {
        complete_error(fields, known);
    } else if let Some(message) = known.message {
        complete_from_message(fields, message, known);
    }
}

/// Tells whether a value is an error as JSON.
pub(super) fn is_structured(value: &Value<'_>) -> bool {
    matches!(value, Value::Json(json) if structured::read(json).is_some())
}

/// Tells whether a field that spells a trace is none: an error as JSON, whose members are fields
/// below it, or a stack of another kind (`stack: "production"`).
pub(super) fn keeps_own_name((name, value): &Field<'_>) -> bool {
    match value {
        Value::Json(_) => is_structured(value),
        Value::Str(text) => {
            let is_vague = name.rsplit('.').next().is_some_and(|n| n.eq_ignore_ascii_case("stack"));
            is_vague && !text.trim().contains('\n') && exception::read(text).is_none()
        }
        Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => false,
    }
}

fn complete_error(fields: &mut Vec<Field<'_>>, known: Known) {
    if known.error_type.is_some() && known.error_message.is_some() && known.stacktrace.is_some() {
        return;
    }
    if let Some(error) = known.structured.and_then(|at| structured::read(text_at(fields, at)?)) {
        let parts = [
            (field_names::ERROR_TYPE, error.kind, known.error_type),
            (field_names::ERROR_MESSAGE, error.message, known.error_message),
            (field_names::STACKTRACE, error.trace, known.stacktrace),
        ];
        for (name, text, given) in parts {
            if let (Some(text), None) = (text, given) {
                add(fields, name, text);
            }
        }
        return;
    }
    if let Some(position) = known.stacktrace {
        let Some(text) = text_at(fields, position) else { return };
        match exception::read(text) {
            Some(error) => {
                let (kind, message) = (error.kind.to_owned(), error.message.to_owned());
                return add_error(fields, known, kind, &message);
            }
            // `"exception": "connection refused"` has no calls.
            None if known.error_message.is_none() && !text.trim().contains('\n') => {
                return rename(fields, position, field_names::ERROR_MESSAGE);
            }
            None => {}
        }
    }
    if let (Some(position), None) = (known.error_message, known.error_type)
        && complete_from_error_message(fields, position, known)
    {
        return;
    }
    if let Some(message) = known.message {
        complete_from_message(fields, message, known);
    }
}

/// Reads an error's text with a class and perhaps calls; tells whether there was a class.
fn complete_from_error_message(fields: &mut Vec<Field<'_>>, position: usize, known: Known) -> bool {
    let Some(text) = text_at(fields, position) else { return false };
    let Some(error) = exception::read(text) else { return false };
    let (kind, message) = (error.kind.to_owned(), bounded(error.message).to_owned());
    let has_calls = text.trim().contains('\n');
    add(fields, field_names::ERROR_TYPE, kind);
    if has_calls && known.stacktrace.is_none() {
        rename(fields, position, field_names::STACKTRACE);
        if !message.is_empty() {
            add(fields, field_names::ERROR_MESSAGE, message);
        }
    } else if !has_calls
        && !message.is_empty()
        && let Some((_, value)) = fields.get_mut(position)
    {
        // Class and text together are what was written.
        *value = Value::Str(Cow::Owned(message));
    }
    true
}

fn complete_from_message(fields: &mut Vec<Field<'_>>, position: usize, known: Known) {
    let Some((trace, error)) = text_at(fields, position).and_then(exception::find) else { return };
    let (kind, message) = (error.kind.to_owned(), error.message.to_owned());
    let trace = known.stacktrace.is_none().then(|| trace.to_owned());
    add_error(fields, known, kind, &message);
    if let Some(trace) = trace {
        add(fields, field_names::STACKTRACE, trace);
    }
}

fn add_error(fields: &mut Vec<Field<'_>>, known: Known, kind: String, message: &str) {
    if known.error_type.is_none() {
        add(fields, field_names::ERROR_TYPE, kind);
    }
    if known.error_message.is_none() && !message.is_empty() {
        add(fields, field_names::ERROR_MESSAGE, bounded(message).to_owned());
    }
}

fn bounded(message: &str) -> &str {
    message.get(..message.floor_char_boundary(ERROR_MESSAGE_BYTES_MAX)).unwrap_or(message)
}

/// Leaves the path alone under `path`; the query, the fragment and the whole of an address with a
/// host are kept under the names that OpenTelemetry gives them.
fn take_path_apart(fields: &mut Vec<Field<'_>>, position: usize) {
    let Some((_, Value::Str(text))) = fields.get(position) else { return };
    let Some(parts) = address::split(text) else { return };
    let text = text.clone();
    let cut = |range: Range<usize>| match &text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(range).unwrap_or_default()),
        Cow::Owned(text) => Cow::Owned(text.get(range).unwrap_or_default().to_owned()),
    };
    let path = match cut(parts.path) {
        // `https://example.org` asks for the root.
        path if path.is_empty() => Cow::Borrowed("/"),
        path => path,
    };
    let query = parts.query.map(cut);
    let fragment = parts.fragment.map(cut);
    if let Some((_, value)) = fields.get_mut(position) {
        *value = Value::Str(path);
    }
    let kept = [
        (field_names::URL_FULL, parts.is_absolute.then_some(text)),
        (field_names::URL_QUERY, query),
        (field_names::URL_FRAGMENT, fragment),
    ];
    for (name, part) in kept {
        if let Some(part) = part.filter(|part| !part.is_empty()) {
            keep(fields, name, part);
        }
    }
}

fn add_route(fields: &mut Vec<Field<'_>>, path: usize) {
    let Some(route) = text_at(fields, path).and_then(route::fold) else { return };
    if is_free(fields, field_names::ROUTE) {
        fields.push((Cow::Borrowed(field_names::ROUTE), Value::Str(Cow::Owned(route))));
    }
}

/// Adds a part of what was written. A field of the same name with another value makes room.
fn keep<'a>(fields: &mut Vec<Field<'a>>, name: &'static str, part: Cow<'a, str>) {
    if let Some(taken) = fields.iter().position(|(other, _)| other == name) {
        if matches!(fields.get(taken), Some((_, Value::Str(text))) if *text == part) {
            return;
        }
        names::displace(fields, taken);
    }
    fields.push((Cow::Borrowed(name), Value::Str(part)));
}

/// Adds what was derived, unless the application has a field of that name.
fn add(fields: &mut Vec<Field<'_>>, name: &'static str, text: String) {
    if is_free(fields, name) {
        fields.push((Cow::Borrowed(name), Value::Str(Cow::Owned(text))));
    }
}

fn rename(fields: &mut [Field<'_>], position: usize, name: &'static str) {
    if is_free(fields, name)
        && let Some((own, _)) = fields.get_mut(position)
    {
        *own = Cow::Borrowed(name);
    }
}

fn is_free(fields: &[Field<'_>], name: &str) -> bool {
    fields.iter().all(|(other, _)| other != name)
}

fn text_at<'f>(fields: &'f [Field<'_>], position: usize) -> Option<&'f str> {
    match fields.get(position)? {
        (_, Value::Str(text) | Value::Json(text)) => Some(text),
        (_, Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_)) => None,
    }
}

#[cfg(test)]
mod tests;
