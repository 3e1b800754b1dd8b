//! Redis and Valkey: `123:M 21 Aug 2026 14:05:09.123 * Ready to accept connections`.

use tierlog_model::{Level, Timestamp};

use super::cursor::Cursor;
use super::moment;
use super::record::TextRecord;

/// Reads a line of a Redis server.
pub(super) fn read<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    let process = cursor.digits()?;
    cursor.literal(":")?;
    let role = match cursor.rest().chars().next()? {
        'M' => "master",
        'S' => "replica",
        'C' => "child",
        'X' => "sentinel",
        _ => return None,
    };
    let mut cursor = Cursor::new(cursor.rest().get(1..)?);
    cursor.literal(" ")?;
    let time = moment::day_first(&mut cursor)?;
    cursor.literal(" ")?;
    let (sign, message) = cursor.rest().split_once(' ')?;
    let level = match sign {
        "." | "-" => Level::Debug,
        "*" => Level::Info,
        "#" => Level::Warning,
        _ => return None,
    };
    TextRecord::new("redis")
        .level_of(level, sign)
        .time(time)
        .count("process", process)
        .text("role", role)
        .message(message)
}
