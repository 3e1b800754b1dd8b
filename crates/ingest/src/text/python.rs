//! Python's `logging` as `basicConfig` sets it, and formats that begin with the level.
//!
//! ```text
//! ERROR:shop.cart:refused                     basicConfig
//! INFO:     Application startup complete.     uvicorn
//! [ERROR] refused                             many
//! ERROR: refused    error: refused            many
//! ERROR refused                               Django's `simple`
//! ```

use tierlog_model::Timestamp;

use super::cursor::Cursor;
use super::record::TextRecord;
use super::timed::{is_name, tail};
use super::{level, moment};

/// Levels that may stand before the message with nothing but a space between: Django's `simple`.
const SIMPLE: [&str; 7] = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "WARN", "FATAL"];

/// Spaces by which uvicorn sets the message apart from `INFO:`.
const UVICORN_SPACES_MIN: usize = 2;

/// Reads `ERROR:shop.cart:refused`.
pub(super) fn basic<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    let word = level::capitals(&mut cursor).or_else(|| unnamed(&mut cursor))?;
    cursor.literal(":")?;
    let logger = cursor.until(":")?;
    if !is_name(logger) {
        return None;
    }
    TextRecord::new("python").level(word).text("logger", logger).message(cursor.rest())
}

/// Reads a level that has a number only: `Level 45`.
fn unnamed<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let mut ahead = *cursor;
    ahead.literal("Level ")?;
    let digits = ahead.digits()?;
    let word = cursor.rest().get(.."Level ".len() + digits.len())?;
    *cursor = ahead;
    Some(word)
}

/// Reads `[ERROR] refused`, also with a moment or names behind the level.
pub(super) fn bracketed<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    let word = level::bracketed(&mut cursor)?;
    let record = TextRecord::new("bracketed").level(word);
    if cursor.rest().trim().is_empty() {
        return None;
    }
    after_level(cursor, record)
}

/// Reads `ERROR: refused`.
pub(super) fn colon<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    let word = level::before_colon(&mut cursor).or_else(|| level::capitals(&mut cursor))?;
    cursor.literal(":")?;
    let spaces = cursor.gap().map(|()| line.len() - cursor.rest().len() - word.len() - 1)?;
    if cursor.rest().is_empty() {
        return None;
    }
    let is_uvicorn = spaces >= UVICORN_SPACES_MIN && word.bytes().all(|b| b.is_ascii_uppercase());
    if is_uvicorn && let Some(record) = uvicorn_access(cursor, word) {
        return Some(record);
    }
    TextRecord::new(if is_uvicorn { "uvicorn" } else { "colon" }).level(word).message(cursor.rest())
}

/// Reads `127.0.0.1:54321 - "GET /x HTTP/1.1" 200 OK`.
fn uvicorn_access<'a>(mut cursor: Cursor<'a>, word: &'a str) -> Option<TextRecord<'a>> {
    let message = cursor.rest();
    let client = cursor.until(" - ")?;
    let (address, _port) = client.rsplit_once(':')?;
    let request = super::access::request(&mut cursor)?;
    cursor.literal(" ")?;
    let status = cursor.digits()?;
    let record = TextRecord::new("uvicorn").level(word);
    let record = record.text("client_ip", address.trim_matches(['[', ']']));
    request.add(record).count("status_code", status).message(message)
}

/// Reads `ERROR refused`. Two words in capitals are a heading.
pub(super) fn simple<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    let word = level::capitals(&mut cursor)?;
    cursor.gap()?;
    let next = cursor.rest().split_ascii_whitespace().next()?;
    let is_heading = next.len() > 1 && next.bytes().all(|byte| byte.is_ascii_uppercase());
    if !SIMPLE.contains(&word) || is_heading {
        return None;
    }
    after_level(cursor, TextRecord::new("simple").level(word))
}

/// Reads what stands behind a level that begins a line: perhaps a moment.
fn after_level<'a>(mut cursor: Cursor<'a>, record: TextRecord<'a>) -> Option<TextRecord<'a>> {
    let before = cursor;
    cursor.spaces();
    let in_brackets = cursor.skip("[");
    let time = moment::iso(&mut cursor).or_else(|| moment::common_log(&mut cursor));
    match time {
        Some(time) if !in_brackets || cursor.skip("]") => tail(cursor, record.time(time)),
        Some(_) | None => tail(before, record),
    }
}
