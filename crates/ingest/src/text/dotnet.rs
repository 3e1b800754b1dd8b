//! .NET's console logger: `fail: Shop.Cart[12]`, the message on the next line.

use tierlog_model::{Level, Timestamp, fields};

use super::cursor::Cursor;
use super::record::TextRecord;
use super::timed::is_name;

/// Reads the first line of an event; its message follows, indented.
pub(super) fn read<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let (word, rest) = line.split_at_checked(4)?;
    let level = match word {
        "trce" | "dbug" => Level::Debug,
        "info" => Level::Info,
        "warn" => Level::Warning,
        "fail" => Level::Error,
        "crit" => Level::Critical,
        _ => return None,
    };
    let mut cursor = Cursor::new(rest);
    cursor.literal(": ")?;
    let category = cursor.until("[")?;
    let event = cursor.digits()?;
    cursor.literal("]")?;
    if !is_name(category) || !(cursor.rest().is_empty() || cursor.rest().starts_with(' ')) {
        return None;
    }
    TextRecord::new("dotnet")
        .level_of(level, word)
        .text(fields::LOGGER, category)
        .count("event_id", event)
        .message(cursor.rest().trim_start())
}
