//! Lines that begin with a time of the day and no date: logback as it comes.
//!
//! ```text
//! 14:05:09.123 [main] ERROR com.example.Shop -- refused
//! ```
//!
//! The line names no day, and the moment is the moment of arrival.

use tierlog_model::Timestamp;

use super::cursor::Cursor;
use super::record::TextRecord;
use super::{moment, timed};

/// Reads a line that begins with a time and has a level among its first parts.
pub(super) fn read<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    let time = moment::time_of_day(&mut cursor)?;
    cursor.rest().strip_prefix([' ', '\t'])?;
    timed::levelled(cursor, TextRecord::new("clock").text("time_of_day", time))
}
