//! Access lines of web servers: the client, the request, and the answer.
//!
//! ```text
//! 203.0.113.7 - ada [21/Aug/2026:14:05:09 +0000] "GET /x HTTP/1.1" 200 1234 "-" "curl/8" 0.123
//! [21/Aug/2026 14:05:09] "GET /x HTTP/1.1" 200 1234                  Django's runserver
//! 203.0.113.7 - - [21/Aug/2026 14:05:09] "GET /x HTTP/1.1" 200 -     Python's http.server
//! ```
//!
//! Common and combined log format of Apache, nginx and gunicorn, with a virtual host before it or
//! a duration behind it. A decimal number there is seconds; a whole number may be seconds or
//! microseconds and stays in the message.

use tierlog_model::{Level, Timestamp, Value, fields};

use super::cursor::Cursor;
use super::moment;
use super::record::TextRecord;

/// Request methods; another word in their place makes the line a text.
const METHODS: [&str; 13] = [
    "GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "PROPFIND",
    "PRI", "PURGE", "REPORT",
];

/// A request line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    method: &'a str,
    path: &'a str,
    protocol: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// Adds what was asked for.
    pub(super) fn add(self, record: TextRecord<'a>) -> TextRecord<'a> {
        record
            .text(fields::METHOD, self.method)
            .text(fields::PATH, self.path)
            .some_text("protocol", self.protocol)
    }
}

/// Reads `"GET /x HTTP/1.1"`.
pub(super) fn request<'a>(cursor: &mut Cursor<'a>) -> Option<Request<'a>> {
    let mut ahead = *cursor;
    let mut parts = ahead.quoted()?.split(' ');
    let (method, path) = (parts.next()?, parts.next()?);
    let protocol = parts.next();
    let is_request = METHODS.contains(&method)
        && parts.next().is_none()
        && protocol.is_none_or(|protocol| protocol.starts_with("HTTP/"));
    if !is_request || path.is_empty() {
        return None;
    }
    *cursor = ahead;
    Some(Request { method, path, protocol })
}

/// Reads an access line of common or combined log format.
pub(super) fn combined<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    let mut record = TextRecord::new("access");
    let first = cursor.word()?;
    cursor.literal(" ")?;
    let second = cursor.word()?;
    cursor.literal(" ")?;
    let mut client = first;
    let mut identity = second;
    // `vhost:443 203.0.113.7 - ada [..]`
    let mut user = user_of(&mut cursor)?;
    if !cursor.rest().starts_with('[') {
        record = record.text("vhost", first);
        (client, identity) = (second, user);
        user = user_of(&mut cursor)?;
    }
    if identity != "-" && !identity.chars().all(char::is_alphanumeric) {
        return None;
    }
    let (client, is_address) = address(client);
    let record = match is_address {
        true => record.text(fields::CLIENT_IP, client),
        false => record.text("client", client),
    };
    let mut stamp = Cursor::new(cursor.within("[", "]")?);
    let time = moment::common_log(&mut stamp).filter(|_| stamp.rest().is_empty())?;
    cursor.literal(" ")?;
    let message = cursor.rest();
    let record = record.text("remote_user", user).time(time);
    let mut ahead = cursor;
    let record = match request(&mut ahead) {
        Some(request) => request.add(record),
        // A client that speaks no HTTP still has an access line.
        None => {
            ahead.quoted()?;
            record
        }
    };
    answer(ahead, record)?.message(message)
}

/// Reads Django's runserver, which logs 4xx as warnings and 5xx as errors without saying so.
pub(super) fn runserver<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    cursor.literal("[")?;
    let time = moment::common_log(&mut cursor)?;
    cursor.literal("] ")?;
    let message = cursor.rest();
    let request = request(&mut cursor)?;
    cursor.literal(" ")?;
    let status = cursor.digits()?;
    let level = match status.as_bytes() {
        [b'5', _, _] => Level::Error,
        [b'4', _, _] => Level::Warning,
        [_, _, _] => Level::Info,
        _ => return None,
    };
    let mut record = request
        .add(TextRecord::new("runserver").level_of(level, level.as_str()).time(time))
        .text(fields::LOGGER, "django.server")
        .count(fields::STATUS_CODE, status);
    if cursor.skip(" ") {
        record = record.count("bytes", cursor.word()?);
    }
    record.message(message)
}

/// Reads the name of a user.
fn user_of<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let user = cursor.word()?;
    cursor.literal(" ")?;
    Some(user)
}

/// Reads status, size and, of the combined format, what the client said about itself.
fn answer<'a>(mut cursor: Cursor<'a>, record: TextRecord<'a>) -> Option<TextRecord<'a>> {
    cursor.literal(" ")?;
    let status = cursor.word()?;
    if status != "-" && (status.len() != 3 || !status.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let mut record = if status == "-" { record } else { record.count(fields::STATUS_CODE, status) };
    if !cursor.skip(" ") {
        return Some(record);
    }
    let size = cursor.word()?;
    match size {
        "-" => {}
        _ if size.bytes().all(|byte| byte.is_ascii_digit()) => record = record.count("bytes", size),
        _ => return None,
    }
    if let Some(referer) = quoted_next(&mut cursor) {
        record = record.text("referer", referer);
        record = record.some_text("user_agent", quoted_next(&mut cursor));
    }
    Some(timings(cursor, record))
}

fn quoted_next<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let mut ahead = *cursor;
    ahead.literal(" ")?;
    let text = ahead.quoted()?;
    *cursor = ahead;
    Some(text)
}

/// Reads what follows the combined format: `0.123`, `"203.0.113.7"` (forwarded for), `rt=0.123`.
fn timings<'a>(cursor: Cursor<'a>, record: TextRecord<'a>) -> TextRecord<'a> {
    let mut record = record;
    for part in cursor.rest().split_ascii_whitespace() {
        let seconds = match part.split_once('=') {
            None => part,
            Some(("rt" | "request_time" | "duration", seconds)) => seconds,
            Some(_) => continue,
        };
        if !record.has(fields::DURATION_MS)
            && let Some(milliseconds) = seconds_of(seconds)
        {
            record = record.value(fields::DURATION_MS, Value::F64(milliseconds));
        }
    }
    record
}

/// Reads decimal seconds as milliseconds.
fn seconds_of(text: &str) -> Option<f64> {
    let text = text.trim_matches('"');
    let is_decimal = text.contains('.')
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && text.bytes().filter(|byte| *byte == b'.').count() == 1;
    let seconds: f64 = is_decimal.then(|| text.parse().ok())??;
    Some((seconds * 1e6).round() / 1e3)
}

/// Tells whether a text is an address; returns it without brackets.
fn address(text: &str) -> (&str, bool) {
    let bare = text.trim_matches(['[', ']']);
    (bare, bare.parse::<std::net::IpAddr>().is_ok())
}
