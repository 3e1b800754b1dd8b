//! gunicorn's own log: `[2026-08-21 14:05:09 +0000] [123] [INFO] Listening at: ...`.

use tierlog_model::Timestamp;

use super::cursor::Cursor;
use super::record::TextRecord;
use super::{level, moment};

/// Reads a line of gunicorn's error log.
pub(super) fn read<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    cursor.literal("[")?;
    let time = moment::iso(&mut cursor)?;
    cursor.literal("] [")?;
    let process = cursor.digits()?;
    cursor.literal("] ")?;
    let word = level::bracketed(&mut cursor)?;
    let message = cursor.rest().strip_prefix(' ')?;
    TextRecord::new("gunicorn").level(word).time(time).count("process", process).message(message)
}
