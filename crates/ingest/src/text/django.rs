//! Django's `verbose` format and its relatives: level, moment, names, process, thread, message.
//!
//! ```text
//! INFO 2026-08-21 14:05:09,123 views 321 140735 Order placed           {module} {process} {thread}
//! INFO 2026-08-21 14:05:09,123 shop.views views 321 140735 Placed      {name} {module} ...
//! Internal Server Error: /api/orders                                   django.request, bare
//! ```

use tierlog_model::{Level, Timestamp, fields};

use super::cursor::Cursor;
use super::record::TextRecord;
use super::timed::{is_name, tail};
use super::{level, moment, sql};

/// Names between the moment and the process: logger, module and function.
const NAMES_MAX: usize = 3;

/// What `django.request` logs when no format is set, and at which level: the reason of every
/// answer from 400 on, and what it says of a refusal.
const RESPONSES: [(&str, Level); 19] = [
    ("Internal Server Error: ", Level::Error),
    ("Not Implemented: ", Level::Error),
    ("Bad Gateway: ", Level::Error),
    ("Service Unavailable: ", Level::Error),
    ("Gateway Timeout: ", Level::Error),
    ("Bad Request: ", Level::Warning),
    ("Unauthorized: ", Level::Warning),
    ("Payment Required: ", Level::Warning),
    ("Forbidden: ", Level::Warning),
    ("Forbidden (Permission denied): ", Level::Warning),
    ("Not Found: ", Level::Warning),
    ("Method Not Allowed: ", Level::Warning),
    ("Not Acceptable: ", Level::Warning),
    ("Conflict: ", Level::Warning),
    ("Gone: ", Level::Warning),
    ("Request Entity Too Large: ", Level::Warning),
    ("Unsupported Media Type: ", Level::Warning),
    ("Unprocessable Entity: ", Level::Warning),
    ("Too Many Requests: ", Level::Warning),
];

/// Reads a line that begins with a level and a moment.
pub(super) fn verbose<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    let word = level::capitals(&mut cursor)?;
    cursor.gap()?;
    let in_brackets = cursor.skip("[");
    let time = moment::iso(&mut cursor).or_else(|| moment::common_log(&mut cursor))?;
    if in_brackets {
        cursor.literal("]")?;
    }
    let record = TextRecord::new("django").level(word).time(time);
    numbered(cursor, &record).or_else(|| tail(cursor, record)).map(sql::with_duration)
}

/// Reads names, the process and the thread.
fn numbered<'a>(mut cursor: Cursor<'a>, record: &TextRecord<'a>) -> Option<TextRecord<'a>> {
    let mut names = Vec::with_capacity(NAMES_MAX);
    cursor.gap()?;
    while !cursor.rest().starts_with(|c: char| c.is_ascii_digit()) {
        let name = cursor.word().filter(|name| is_name(name) && names.len() < NAMES_MAX)?;
        names.push(name);
        cursor.gap()?;
    }
    let process = cursor.digits()?;
    cursor.gap()?;
    let thread = cursor.digits()?;
    let mut record = record.clone();
    record = match names.as_slice() {
        [module] => record.text("module", *module),
        [logger, module] => record.text("logger", *logger).text("module", *module),
        [logger, module, function] => {
            record.text("logger", *logger).text("module", *module).text("function", *function)
        }
        _ => record,
    };
    let message = cursor.rest();
    if !message.is_empty() {
        message.strip_prefix([' ', ':'])?;
    }
    record
        .count("process", process)
        .count("thread", thread)
        .message(message.trim_start_matches([' ', ':']))
}

/// Reads `Internal Server Error: /api/orders`.
pub(super) fn response<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let (head, level) = RESPONSES.iter().find(|(head, _)| line.starts_with(head))?;
    let path = line.strip_prefix(head)?;
    if !path.starts_with('/') || path.contains(char::is_whitespace) {
        return None;
    }
    TextRecord::new("django_response")
        .level_of(*level, level.as_str())
        .text(fields::LOGGER, "django.request")
        .text(fields::PATH, path)
        .message(line)
}
