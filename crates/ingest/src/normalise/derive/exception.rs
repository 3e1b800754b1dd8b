//! The class and the text of an error, read out of what a runtime prints about it.
//!
//! One file a runtime knows its form. Of a chain of errors the one counts that was raised last,
//! because it is what the application failed with: Python and PHP print it last, Java, .NET and
//! Node print it first. Classes stay as printed, with the package: one class is one value.

use memchr::memmem;

use super::{calls, go, php, python, ruby, runtimes, rust};

/// An error as a runtime prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exception<'t> {
    /// Its class.
    pub(super) kind: &'t str,
    /// Its text, perhaps empty.
    pub(super) message: &'t str,
}

impl<'t> Exception<'t> {
    /// Returns an error whose text is trimmed.
    pub(super) fn new(kind: &'t str, message: &'t str) -> Exception<'t> {
        Exception { kind, message: message.trim() }
    }

    /// Returns what stands in a text from the error's own text on, which is a part of it. The
    /// place decides, not the words: `x` stands in `RuntimeException: x` twice.
    pub(super) fn message_onwards(&self, text: &'t str) -> Option<&'t str> {
        let place = self.message.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
        text.get(place..)
    }
}

/// Longest text that is read: a trace says what it is about at its start or at its end, and what
/// lies between is looked at a bounded number of times.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// Reads the text of a field that holds an error: a trace, or `Class: text` alone.
pub(super) fn read(text: &str) -> Option<Exception<'_>> {
    let text = text.trim();
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    read_trace(text).or_else(|| python::read_parts(text)).or_else(|| {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let header = header(first).filter(|header| names_error(header.kind))?;
        // Rails writes class and text as two elements of a list.
        let message = if header.message.is_empty() { rest } else { header.message };
        Some(Exception::new(header.kind, message))
    })
}

/// Reads a trace, and believes the trace when the class may be a class.
fn read_trace(text: &str) -> Option<Exception<'_>> {
    read_form(text).filter(|found| (1..=KIND_BYTES_MAX).contains(&found.kind.len()))
}

/// Reads a trace in the form of its runtime. The cheap test of each form comes first.
fn read_form(text: &str) -> Option<Exception<'_>> {
    if has(text, python::MARK) {
        return python::read(text);
    }
    if has(text, rust::MARK) {
        return rust::read(text);
    }
    if has(text, go::MARK) {
        return go::read(text);
    }
    php::read(text)
        .or_else(|| calls::read(text))
        .or_else(|| ruby::read(text))
        .or_else(|| runtimes::read(text))
}

/// Returns the trace that a message of several lines holds, from its first line on, and its error.
pub(super) fn find(message: &str) -> Option<(&str, Exception<'_>)> {
    if message.len() > TEXT_BYTES_MAX || !may_hold_trace(message) {
        return None;
    }
    let trace = [python::start, rust::start, go::start, php::start, calls::start, ruby::start]
        .iter()
        .find_map(|start| start(message))
        .or_else(|| runtimes::start(message))
        .and_then(|start| message.get(start..))?;
    Some((trace, read_trace(trace.trim())?))
}

/// Tells whether a message may hold a trace: traces have several lines, except for the panics and
/// fatal errors that some runtimes print on one.
fn may_hold_trace(message: &str) -> bool {
    let starts = |start: &str| message.starts_with(start);
    memchr::memchr(b'\n', message.as_bytes()).is_some() || starts("thread '") || starts("PHP ")
}

/// Tells whether a text holds another.
pub(super) fn has(text: &str, wanted: &str) -> bool {
    memmem::find(text.as_bytes(), wanted.as_bytes()).is_some()
}

/// Returns where the line begins that a position lies in.
pub(super) fn line_start(text: &str, position: usize) -> usize {
    let before = text.get(..position).unwrap_or_default();
    before.rfind('\n').map_or(0, |line_break| line_break + 1)
}

/// Reads `Class: text` or `Class` as a whole line, with what runtimes write before it taken off.
pub(super) fn header(line: &str) -> Option<Exception<'_>> {
    let line = without_preamble(line.trim());
    let length = line
        .char_indices()
        .find(|(at, character)| !is_kind_char(line, *at, *character))
        .map_or(line.len(), |(at, _)| at);
    let (kind, rest) = line.split_at_checked(length)?;
    // Node: `TypeError [ERR_INVALID_ARG_TYPE]: text`.
    let rest = match rest.strip_prefix(" [").and_then(|rest| rest.split_once(']')) {
        Some((code, rest)) if !code.contains(' ') => rest,
        _ => rest,
    };
    let message = match rest.strip_prefix(':') {
        Some(message) if message.is_empty() || message.starts_with(' ') => message,
        None if rest.is_empty() => "",
        Some(_) | None => return None,
    };
    is_class(kind).then(|| Exception::new(kind, message))
}

/// Texts of runtimes before the class of an uncaught error.
const PREAMBLES: [&str; 10] = [
    "Unhandled exception. ",
    "Unhandled Exception: ",
    "Unhandled exception: ",
    "Uncaught exception: ",
    "Uncaught Exception: ",
    "Uncaught (in promise) ",
    "Uncaught ",
    "UnhandledPromiseRejectionWarning: ",
    "PHP Fatal error:  Uncaught ",
    "Fatal error: Uncaught ",
];

fn without_preamble(line: &str) -> &str {
    let mut line = line;
    // `(node:123) ` and `Exception in thread "main" `.
    if let Some(rest) = line.strip_prefix("(node:").and_then(|rest| rest.split_once(") ")) {
        line = rest.1;
    }
    if let Some((_, rest)) =
        line.strip_prefix("Exception in thread \"").and_then(|rest| rest.split_once("\" "))
    {
        line = rest;
    }
    PREAMBLES.iter().find_map(|preamble| line.strip_prefix(preamble)).unwrap_or(line)
}

/// Tells whether a character belongs to a class's name: a dotted or backslashed path, `::` of
/// Ruby and C++, `$` of Java, `+` and `` ` `` of .NET, `<locals>` of Python.
fn is_kind_char(line: &str, at: usize, character: char) -> bool {
    let rest = line.get(at..).unwrap_or_default();
    match character {
        ':' => rest.starts_with("::") || line.get(..at).unwrap_or_default().ends_with(':'),
        '.' | '\\' => rest.chars().nth(1).is_some_and(|next| next.is_alphanumeric() || next == '<'),
        _ => character.is_alphanumeric() || matches!(character, '_' | '$' | '+' | '`' | '<' | '>'),
    }
}

/// Longest name of a class.
const KIND_BYTES_MAX: usize = 200;

/// Tells whether a name may be that of a class: not a constant, a host or a word in lower case.
fn is_class(kind: &str) -> bool {
    let last = last_segment(kind);
    let starts_right = kind.starts_with(|first: char| first.is_alphabetic() || first == '_');
    let is_named = last.starts_with(char::is_uppercase) && kind.contains(char::is_lowercase);
    kind.len() <= KIND_BYTES_MAX && starts_right && (is_named || names_error(kind))
}

/// Ends of classes that are errors, in lower case.
const ERROR_ENDS: [&str; 12] = [
    "error",
    "exception",
    "throwable",
    "fault",
    "failure",
    "panic",
    "interrupt",
    "exit",
    "timeout",
    "warning",
    "abort",
    "notfound",
];

/// Tells whether the name of a class says by itself that it is an error: by its end, or by a path
/// (`requests.exceptions.SSLError`, `App\Http\Gone`) to a name that starts with a capital.
pub(super) fn names_error(kind: &str) -> bool {
    let last = last_segment(kind).trim_end_matches(|end: char| end.is_ascii_digit());
    // `ERROR: text` is a level.
    if !kind.contains(char::is_lowercase) {
        return false;
    }
    let lower = last.to_lowercase();
    let has_capital = last.starts_with(char::is_uppercase);
    let is_path = kind.len() > last.len();
    let ends_so = ERROR_ENDS.iter().any(|end| lower.ends_with(end));
    (is_path && has_capital) || (ends_so && (is_path || has_capital))
}

fn last_segment(kind: &str) -> &str {
    kind.rsplit(['.', '\\', ':', '+', '$', '>']).next().unwrap_or(kind)
}
