//! Rust's loggers: env_logger, and the text format of `tracing`.
//!
//! ```text
//! [2026-08-21T14:05:09Z ERROR shop::cart] refused
//! 2026-08-21T14:05:09.123456Z ERROR request{request_id="r-1"}:db: shop::cart: refused
//! ```

use std::borrow::Cow;

use tierlog_model::Timestamp;

use super::cursor::Cursor;
use super::record::TextRecord;
use super::timed::is_name;
use super::{level, logfmt, moment};

/// Spans of a line; further ones stay in the message.
const SPANS_MAX: usize = 16;

/// Reads a line of env_logger.
pub(super) fn env_logger<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    cursor.literal("[")?;
    let mut record = TextRecord::new("env_logger");
    if let Some(time) = moment::iso(&mut cursor) {
        cursor.literal(" ")?;
        record = record.time(time);
    }
    record = record.level(level::capitals(&mut cursor)?);
    cursor.gap()?;
    let target = cursor.until("]").filter(|target| is_name(target))?;
    cursor.literal(" ")?;
    record.text("logger", target).message(cursor.rest())
}

/// Reads the spans behind the level of a line of `tracing`, the target, and the message. Fields
/// of spans keep their names; those of an inner span stand for the outer's.
pub(super) fn spans<'a>(mut cursor: Cursor<'a>, record: &TextRecord<'a>) -> Option<TextRecord<'a>> {
    // Fast path: the first span has fields, or the line is like any other logger's.
    let first = memchr::memchr2(b'{', b' ', cursor.rest().as_bytes())?;
    if cursor.rest().as_bytes().get(first) != Some(&b'{') {
        return None;
    }
    let mut fields: Vec<(Cow<'a, str>, _)> = Vec::new();
    let mut names = Vec::new();
    while names.len() < SPANS_MAX && !cursor.rest().starts_with(' ') {
        let name = cursor.take_while(|c| !matches!(c, '{' | ':' | ' ' | '"'));
        if !is_name(name) {
            return None;
        }
        names.push(name);
        if cursor.skip("{") {
            let inside = inside(&mut cursor)?;
            for (name, value) in logfmt::pairs(inside)? {
                fields.retain(|(known, _)| *known != name);
                fields.push((name, value));
            }
        }
        cursor.literal(":")?;
    }
    cursor.literal(" ")?;
    let target = cursor.until(": ").filter(|target| is_name(target))?;
    let mut record = record.clone().text("logger", target);
    record = record.text("span", names.join(":"));
    record.fields.extend(fields);
    record.message(cursor.rest())
}

/// Returns the text up to the brace that closes a span; quoted values may hold others.
fn inside<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let text = cursor.rest();
    let (mut is_quoted, mut is_escaped) = (false, false);
    let end = text.find(|c: char| {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '}' if !is_quoted => return true,
            _ => {}
        }
        false
    })?;
    let inside = text.get(..end)?;
    *cursor = Cursor::new(text.get(end + 1..)?);
    Some(inside)
}
