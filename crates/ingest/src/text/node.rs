//! log4js: `[2026-08-21T14:05:09.123] [ERROR] cart - refused`.

use tierlog_model::Timestamp;

use super::cursor::Cursor;
use super::record::TextRecord;
use super::timed::is_name;
use super::{level, moment};

/// Reads a line of log4js's basic layout. The category is one word, and only the two brackets
/// before the category tell the format from a message.
pub(super) fn log4js<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    cursor.literal("[")?;
    let time = moment::iso(&mut cursor)?;
    cursor.literal("] ")?;
    let word = level::bracketed(&mut cursor)?;
    cursor.literal(" ")?;
    let category = cursor.until(" - ").filter(|category| is_name(category))?;
    TextRecord::new("log4js").time(time).level(word).text("logger", category).message(cursor.rest())
}
