//! nginx's error log.
//!
//! ```text
//! 2026/08/21 14:05:09 [error] 7#8: *9 connect() failed, client: 203.0.113.7, server: shop,
//!     request: "GET /x HTTP/1.1", upstream: "http://127.0.0.1:8000/x", host: "shop.example"
//! ```

use tierlog_model::{Timestamp, fields};

use super::cursor::Cursor;
use super::record::TextRecord;
use super::{access, level, moment};

/// Reads a line of nginx's error log.
pub(super) fn read<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    let time = moment::iso(&mut cursor)?;
    cursor.literal(" ")?;
    let word = level::bracketed(&mut cursor)?;
    cursor.literal(" ")?;
    let process = cursor.digits()?;
    cursor.literal("#")?;
    cursor.digits()?;
    cursor.literal(": ")?;
    let mut record = TextRecord::new("nginx").level(word).time(time).count("process", process);
    let mut message = cursor;
    if message.skip("*") {
        record = record.count("connection", message.digits()?);
        message.gap()?;
    }
    let message = message.rest();
    let named = |name: &str| {
        let (_, rest) = message.split_once(name)?;
        Some(rest.split(", ").next().unwrap_or(rest))
    };
    let server = named(", server: ").filter(|server| !server.contains('"'));
    record = record.some_text(fields::CLIENT_IP, named(", client: ")).some_text("server", server);
    if let Some((_, rest)) = message.split_once(", request: ")
        && let Some(request) = access::request(&mut Cursor::new(rest))
    {
        record = request.add(record);
    }
    let quoted = |name: &str| Cursor::new(message.split_once(name)?.1).quoted();
    record = record.some_text("upstream", quoted(", upstream: "));
    record.message(message)
}
