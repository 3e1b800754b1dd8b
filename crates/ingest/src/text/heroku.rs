//! Lines of `heroku logs`: `2026-08-21T14:05:09.123456+00:00 app[web.1]: refused`.

use tierlog_model::{Timestamp, fields};

use super::cursor::Cursor;
use super::moment;
use super::record::TextRecord;

/// Reads a line whose source is a dyno; the message is the application's own line.
pub(super) fn read<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    let time = moment::iso(&mut cursor)?;
    cursor.literal(" ")?;
    let source = cursor.take_while(|c| c.is_ascii_alphanumeric() || c == '-');
    cursor.literal("[")?;
    let dyno = cursor.until("]: ")?;
    let is_dyno = !source.is_empty()
        && !dyno.is_empty()
        && dyno.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if !is_dyno {
        return None;
    }
    let record = TextRecord::new("heroku").time(time).text(fields::SOURCE, source);
    record.text("dyno", dyno).carried(cursor.rest())
}
