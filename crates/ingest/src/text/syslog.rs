//! syslog: with a priority, in the forms of RFC 5424 and RFC 3164, or in the form of files.
//!
//! ```text
//! <165>1 2026-08-21T14:05:09.123Z web-1 shop 7 ID47 - refused
//! <34>Aug 21 14:05:09 web-1 sshd[7]: refused
//! <3>refused                                             systemd: a level alone
//! Aug 21 14:05:09 web-1 sshd[7]: refused
//! 2026-08-21T14:05:09.123456+00:00 web-1 sshd[7]: refused
//! ```
//!
//! The message is the program's own line and is read in its turn.

use tierlog_model::{Level, Timestamp, fields};

use super::cursor::Cursor;
use super::moment;
use super::record::TextRecord;

/// Highest priority: 24 facilities of eight severities.
const PRIORITY_MAX: i64 = 191;

/// Reads a line with a priority.
pub(super) fn priority<'a>(line: &'a str, now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    let digits = cursor.within("<", ">").filter(|text| text.len() <= 3)?;
    let number: i64 = digits.parse().ok().filter(|number| (0..=PRIORITY_MAX).contains(number))?;
    let level = match number % 8 {
        0..=2 => Level::Critical,
        3 => Level::Error,
        4 => Level::Warning,
        5 | 6 => Level::Info,
        _ => Level::Debug,
    };
    let record = TextRecord::new("syslog").level_of(level, digits);
    if let Some(record) = structured(cursor, record.clone()) {
        return Some(record);
    }
    if let Some(record) = headed(cursor, record.clone(), now) {
        return Some(record);
    }
    // A number in angle brackets before any text is a priority only where it is a severity.
    if number > 7 || cursor.rest().trim().is_empty() {
        return None;
    }
    record.carried(cursor.rest())
}

/// Reads `1 TIME HOST APP PROCID MSGID SD MSG`.
fn structured<'a>(mut cursor: Cursor<'a>, record: TextRecord<'a>) -> Option<TextRecord<'a>> {
    cursor.literal("1 ")?;
    let record = match cursor.skip("-") {
        true => record,
        false => record.time(moment::iso(&mut cursor)?),
    };
    cursor.literal(" ")?;
    let mut part = || -> Option<&'a str> {
        let word = cursor.word()?;
        cursor.literal(" ")?;
        Some(word)
    };
    let record = record.text(fields::HOST, part()?).text(fields::SERVICE, part()?);
    let record = record.count("process", part()?).text("message_id", part()?);
    let rest = elements(cursor.rest())?;
    record.carried(rest.trim_start_matches(' ').trim_start_matches('\u{feff}'))
}

/// Passes the structured data: `-`, or elements in brackets in which quotes protect.
fn elements(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('-') {
        return Some(rest);
    }
    let mut cursor = Cursor::new(text);
    while cursor.skip("[") {
        loop {
            cursor.take_while(|c| c != '"' && c != ']');
            if cursor.skip("]") {
                break;
            }
            cursor.quoted()?;
        }
    }
    (cursor.rest().len() < text.len()).then(|| cursor.rest())
}

/// Reads a line as files keep it.
pub(super) fn file<'a>(line: &'a str, now: Timestamp) -> Option<TextRecord<'a>> {
    headed(Cursor::new(line), TextRecord::new("syslog_file"), now)
}

/// Reads `TIME HOST PROGRAM[PROCESS]: MESSAGE`.
fn headed<'a>(
    mut cursor: Cursor<'a>,
    record: TextRecord<'a>,
    now: Timestamp,
) -> Option<TextRecord<'a>> {
    let time = match moment::month_first(&mut cursor, now) {
        Some(time) => time,
        // Only the `T` form: with a space, the host could be any word of a message.
        None if cursor.rest().as_bytes().get(10) == Some(&b'T') => moment::iso(&mut cursor)?,
        None => return None,
    };
    cursor.literal(" ")?;
    let host = cursor.word()?;
    cursor.literal(" ")?;
    let tag = cursor.until(": ")?;
    let (program, process) = match tag.strip_suffix(']').and_then(|tag| tag.split_once('[')) {
        Some((program, process)) => (program, Some(process)),
        None => (tag, None),
    };
    let is_program = !program.is_empty()
        && program.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
    let is_host = host.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'));
    if !is_program || !is_host || host.ends_with(':') {
        return None;
    }
    let mut record = record.time(time).text(fields::HOST, host).text(fields::SERVICE, program);
    if let Some(process) = process {
        record = record.count("process", process);
    }
    record.carried(cursor.rest())
}
