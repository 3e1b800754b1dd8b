//! Lines of text become records: what loggers and servers print when they print no JSON.
//!
//! A line arrives; its level, moment, message and obvious fields leave, or nothing when no format
//! knows the line. Formats are strict: prose must never become an error line because it begins
//! with a word for one. What a format does not understand stays in the message, whole.
//!
//! The registry is [`FORMATS`]: one visible list, and its order is precedence. A new format is a
//! file here and an entry there, with a line of it that the tests read.

mod access;
mod apache;
mod celery;
mod clock;
mod colour;
mod cursor;
mod django;
mod dotnet;
mod gunicorn;
mod heroku;
mod klog;
mod level;
mod logfmt;
mod logrus;
mod moment;
mod nginx;
mod node;
mod php;
mod postgres;
mod python;
mod record;
mod redis;
mod ruby;
mod rust;
mod sql;
mod syslog;
mod timed;
mod trace;
mod zap;

use std::borrow::Cow;

use tierlog_model::{Level, Timestamp, Value, fields};

pub(crate) use colour::without_colours;
pub(crate) use record::{Carries, TextRecord};
pub(crate) use trace::Trace;

/// Reads a line of one format.
type Read = for<'a> fn(&'a str, Timestamp) -> Option<TextRecord<'a>>;

/// A format of text lines.
struct Format {
    /// Tells by its first byte whether a line may be of the format.
    first: fn(u8) -> bool,
    read: Read,
}

const fn format(first: fn(u8) -> bool, read: Read) -> Format {
    Format { first, read }
}

fn digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

fn capital(byte: u8) -> bool {
    byte.is_ascii_uppercase()
}

fn letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic()
}

fn bracket(byte: u8) -> bool {
    byte == b'['
}

fn angle(byte: u8) -> bool {
    byte == b'<'
}

/// The first word of an access line: an address, or the name of a host.
fn host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'[')
}

fn moment_or_bracket(byte: u8) -> bool {
    digit(byte) || bracket(byte)
}

fn key(byte: u8) -> bool {
    letter(byte) || matches!(byte, b'_' | b'@')
}

/// Every format; the first format that knows a line reads the line.
static FORMATS: [Format; 29] = [
    format(bracket, celery::read),
    format(bracket, gunicorn::read),
    format(bracket, node::log4js),
    format(bracket, rust::env_logger),
    format(bracket, access::runserver),
    format(bracket, apache::read),
    format(bracket, php::monolog),
    format(bracket, php::error),
    format(digit, postgres::read),
    format(digit, nginx::read),
    format(digit, redis::read),
    format(digit, heroku::read),
    format(digit, syslog::file),
    format(digit, clock::read),
    format(host, access::combined),
    format(moment_or_bracket, timed::read),
    format(bracket, python::bracketed),
    format(angle, syslog::priority),
    format(capital, django::verbose),
    format(capital, django::response),
    format(capital, python::basic),
    format(capital, php::error),
    format(capital, klog::read),
    format(capital, logrus::read),
    format(capital, ruby::read),
    format(letter, python::colon),
    format(capital, python::simple),
    format(letter, dotnet::read),
    format(key, logfmt::read),
];

/// Returns the fields of a line in a known format.
fn read_line(line: &str, now: Timestamp) -> Option<TextRecord<'_>> {
    let first = *line.as_bytes().first()?;
    let record = FORMATS
        .iter()
        .filter(|format| (format.first)(first))
        .find_map(|format| (format.read)(line, now));
    record.or_else(|| capital(first).then(|| syslog::file(line, now)).flatten())
}

/// What may follow a line of a known format and belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing: an access line is whole.
    Nothing,
    /// Indented lines. A trace behind a line of little severity is an error that nobody caught,
    /// and must not be kept as short as that line.
    Indented,
    /// Indented lines and traces.
    Traces(Margin),
    /// These, and lines of the same process that say more: PostgreSQL's.
    Further(String),
}

impl Takes {
    /// Returns what text at the margin is to a trace behind the line.
    pub(crate) fn margin(&self) -> Margin {
        match self {
            Takes::Traces(margin) => *margin,
            Takes::Nothing | Takes::Indented | Takes::Further(_) => Margin::Apart,
        }
    }
}

/// What text at the margin that no format knows is behind the error of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Margin {
    /// A line of its own: no sign tells the lines of a log from such text.
    Apart,
    /// So many further lines of the error's message: the log's own lines begin with a head.
    OfMessage(u8),
}

/// Lines of an error's message behind its first: a database says in a handful what it refused,
/// and what a program prints behind an error is not to be taken for long.
const MESSAGE_LINES_MAX: u8 = 16;

impl Margin {
    fn behind(record: &TextRecord<'_>) -> Margin {
        let has_head = record.has("time") || matches!(record.format, "python" | "clock");
        if has_head { Margin::OfMessage(MESSAGE_LINES_MAX) } else { Margin::Apart }
    }

    /// Returns the margin of a message that may go on with another line.
    pub(crate) fn next(self) -> Option<Margin> {
        match self {
            Margin::Apart => None,
            Margin::OfMessage(left) => Some(Margin::OfMessage(left.checked_sub(1)?)),
        }
    }
}

/// A line of a known format, as far as joining looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known<'a> {
    /// A line of its own.
    Head(Takes),
    /// A line that carries the line of another program: who the program is, and its line.
    Carrier(String, Cow<'a, str>),
}

/// Joining does not look at moments, and the year of a line without a year is of no concern.
const ANY_MOMENT: i64 = 1_709_164_800_000_000;

/// Says of a line of a known format what may follow it.
pub(crate) fn known(line: &str) -> Option<Known<'_>> {
    let record = read_line(line, Timestamp::from_micros_clamped(ANY_MOMENT))?;
    if record.carries == Carries::Line {
        let program = record.fields.iter().filter(|(name, _)| !is_of_line(name));
        let program = program.map(|(_, value)| format!("{value:?}")).collect();
        return Some(Known::Carrier(program, record.message));
    }
    let level = record.fields.iter().find(|(name, _)| name == fields::LEVEL);
    let level = match level {
        Some((_, Value::Str(word))) => Level::from_word(word),
        Some(_) | None => None,
    };
    Some(Known::Head(match (record.format, level) {
        ("access" | "runserver", _) => Takes::Nothing,
        ("postgres", _) => Takes::Further(postgres::process(line).unwrap_or_default().to_owned()),
        (_, Some(Level::Debug | Level::Info)) => Takes::Indented,
        (_, Some(Level::Warning | Level::Error | Level::Critical) | None) => {
            Takes::Traces(Margin::behind(&record))
        }
    }))
}

/// Tells whether a field is about the line and not about the program.
fn is_of_line(name: &str) -> bool {
    matches!(name, "time" | fields::LEVEL | fields::LEVEL_TEXT | "message_id")
}

/// Tells whether a line says more about the line of PostgreSQL before it, of the same process.
pub(crate) fn is_further(line: &str, process: &str) -> bool {
    postgres::further(line) == Some(process)
}

/// Reads a text whose first line is of a known format, or that is a trace; further lines are what
/// was joined to the first. Colours are taken off.
pub(crate) fn recognise(text: Cow<'_, str>, now: Timestamp) -> Option<TextRecord<'_>> {
    match text {
        Cow::Borrowed(text) => match without_colours(text) {
            Cow::Borrowed(text) => read(text, now),
            Cow::Owned(text) => read(&text, now).map(TextRecord::into_owned),
        },
        Cow::Owned(text) => read(&without_colours(&text), now).map(TextRecord::into_owned),
    }
}

/// Reads a text of no known format: it is the message, without a trace that was joined to it.
pub(crate) fn unrecognised(text: Cow<'_, str>) -> TextRecord<'_> {
    match text {
        Cow::Borrowed(text) => match without_colours(text) {
            Cow::Borrowed(text) => read_unknown(text),
            Cow::Owned(text) => read_unknown(&text).into_owned(),
        },
        Cow::Owned(text) => read_unknown(&without_colours(&text)).into_owned(),
    }
}

fn read_unknown(text: &str) -> TextRecord<'_> {
    let (head, tail) = split_head(text);
    let record = TextRecord { message: Cow::Borrowed(head), ..TextRecord::new("text") };
    with_tail(record, text, tail)
}

fn read(text: &str, now: Timestamp) -> Option<TextRecord<'_>> {
    let (head, tail) = split_head(text);
    match read_line(head, now) {
        Some(record) if record.carries == Carries::Line => {
            // The further lines are the carried program's.
            let start = head.len().checked_sub(record.message.len())?;
            Some(TextRecord { message: Cow::Borrowed(text.get(start..)?), ..record })
        }
        Some(record) => Some(with_tail(record, text, tail)),
        None => trace::bare(text),
    }
}

fn split_head(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// Adds the lines that were joined to the first: up to a trace they are the message's.
fn with_tail<'a>(record: TextRecord<'a>, text: &'a str, tail: &'a str) -> TextRecord<'a> {
    if tail.is_empty() {
        return record;
    }
    let start = text.len() - tail.len();
    let trace = trace::start_of(tail).and_then(|at| text.get(start + at..));
    let further = tail.get(..tail.len() - trace.map_or(0, str::len)).unwrap_or_default();
    let further = further.trim_end_matches(['\n', ' ']);
    let mut record = record;
    record.message = match (record.message.is_empty(), further.is_empty()) {
        (_, true) => record.message,
        (true, false) => Cow::Owned(further.lines().map(str::trim).collect::<Vec<_>>().join("\n")),
        (false, false) => Cow::Owned(format!("{}\n{further}", record.message)),
    };
    match trace {
        None => record,
        Some(trace) => {
            if !record.has(fields::LEVEL) {
                record = record.level_of(Level::Error, Level::Error.as_str());
            }
            record.text(fields::STACKTRACE, trace)
        }
    }
}

#[cfg(test)]
mod tests;
