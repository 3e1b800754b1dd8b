//! A moment, then a level among a few parts, then the message: what most loggers print.
//!
//! ```text
//! 2026-08-21 14:05:09,123 - shop.cart - ERROR - refused          Python
//! 2026-08-21 14:05:09.123 | ERROR    | shop.cart:pay:12 - x      loguru
//! 2026-08-21 14:05:09.123 ERROR 7 --- [main] c.e.Shop : x        Spring Boot
//! 2026-08-21 14:05:09.123 [main] ERROR c.e.Shop - x              logback, log4j
//! 2026-08-21 14:05:09,123 ERROR [c.e.Shop] (main) x              Quarkus, WildFly
//! [2026-08-21 14:05:09,123] ERROR in app: x                      Flask
//! [2026-08-21T14:05:09,123][ERROR][o.e.n.Node ] [n-1] x          Elasticsearch
//! 2026-08-21T14:05:09Z ERR x                                     zerolog
//! 2026-08-21T14:05:09Z ERROR request{id=1}: c::shop: x           Rust's tracing
//! 2026-08-21T14:05:09Z⇥ERROR⇥shop/pay.go:12⇥x                    zap
//! 2026/08/21 14:05:09 x                                          Go
//! ```
//!
//! A line that begins with a moment is a log line. Its level is taken where a logger would have
//! written it, never from the prose behind it.

use std::borrow::Cow;

use tierlog_model::Timestamp;

use super::cursor::Cursor;
use super::record::TextRecord;
use super::{level, moment, rust, sql, zap};

/// Parts that may stand between moment and level: process, thread, logger and a marker.
const PARTS_BEFORE_MAX: usize = 4;

/// Reads a line that begins with a moment, in brackets or without.
pub(super) fn read<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    let in_brackets = cursor.skip("[");
    let time = moment(&mut cursor)?;
    if in_brackets {
        cursor.literal("]")?;
    }
    let record = TextRecord::new("timed").time(time);
    if cursor.rest().starts_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    match levelled(cursor, record.clone()) {
        Some(record) => Some(sql::with_duration(record)),
        None => {
            let rest = message_after(cursor);
            // A moment at the end of a line has no message.
            if rest.is_empty() { None } else { record.message(rest) }
        }
    }
}

/// Reads a moment of any form that has a date.
fn moment<'a>(cursor: &mut Cursor<'a>) -> Option<Cow<'a, str>> {
    moment::iso(cursor).or_else(|| moment::common_log(cursor)).or_else(|| moment::day_first(cursor))
}

/// Reads what stands behind the moment, when a level is among it.
pub(super) fn levelled<'a>(
    mut cursor: Cursor<'a>,
    record: TextRecord<'a>,
) -> Option<TextRecord<'a>> {
    let mut record = record;
    for _ in 0..=PARTS_BEFORE_MAX {
        separators(&mut cursor);
        if let Some(word) = level_here(&mut cursor) {
            return tail(cursor, record.level(word));
        }
        record = part_before(&mut cursor, record)?;
    }
    None
}

/// Reads a level that stands here: capitals, in brackets, or of any case before a separator.
fn level_here<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    if let Some(word) = level::bracketed(cursor).or_else(|| level::capitals(cursor)) {
        return Some(word);
    }
    let mut ahead = *cursor;
    let word = ahead.take_while(|c| c.is_ascii_alphabetic());
    let behind = ahead.rest().trim_start_matches(' ');
    let is_apart = ahead.rest().starts_with([':', '\t', '|']) || behind.starts_with(['|', '-']);
    if word.is_empty() || !is_apart || !level::is_word(word) {
        return None;
    }
    *cursor = ahead;
    Some(word)
}

/// Reads a part between moment and level.
fn part_before<'a>(cursor: &mut Cursor<'a>, record: TextRecord<'a>) -> Option<TextRecord<'a>> {
    if cursor.rest().starts_with('[') {
        return Some(bracket(cursor.within("[", "]")?, record));
    }
    if cursor.rest().starts_with('(') {
        return Some(bracket(cursor.within("(", ")")?, record));
    }
    // Any other part is one word, and prose has more of them than there are parts.
    let word = cursor.word()?;
    match word {
        _ if word.bytes().all(|byte| byte.is_ascii_digit()) => Some(record.count("process", word)),
        // A sentence begins with a capital; a logger's name that does has more than one part.
        _ if is_name(word) && (looks_dotted(word) || !word.starts_with(char::is_uppercase)) => {
            Some(record.text("logger", word))
        }
        _ => None,
    }
}

/// Says what a part in brackets is: a process, a logger with a line, or a thread.
fn bracket<'a>(inside: &'a str, record: TextRecord<'a>) -> TextRecord<'a> {
    let inside = inside.trim();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if is_number(inside) {
        return match record.has("process") {
            true => record.count("thread", inside),
            false => record.count("process", inside),
        };
    }
    if let Some((name, line)) = inside.rsplit_once(':')
        && is_name(name)
        && is_number(line)
    {
        return record.text("logger", name).count("line", line);
    }
    if looks_dotted(inside) && !record.has("logger") {
        return record.text("logger", inside);
    }
    match record.has("thread") {
        true => record,
        false => record.text("thread", inside),
    }
}

/// Reads what stands behind a level: where the line was logged, and the message.
pub(super) fn tail<'a>(mut cursor: Cursor<'a>, record: TextRecord<'a>) -> Option<TextRecord<'a>> {
    if let Some(record) = zap::columns(cursor, &record) {
        return Some(record);
    }
    let before = cursor;
    separators(&mut cursor);
    if let Some(record) = spring(cursor, &record).or_else(|| rust::spans(cursor, &record)) {
        return Some(record);
    }
    let mut record = record;
    let mut has_part = false;
    // Text in brackets may begin a message; it is a part where only names stand in it.
    for _ in 0..2 {
        let part = cursor.within("[", "]").or_else(|| cursor.within("(", ")"));
        let Some(inside) = part else { break };
        if inside.is_empty() || inside.trim().contains(' ') || level::is_word(inside) {
            return record.message(message_after(before));
        }
        has_part = true;
        record = bracket(inside, record);
        separators(&mut cursor);
    }
    if let Some((record, rest)) = located(cursor, record.clone(), has_part) {
        return record.message(rest);
    }
    record.message(message_after(cursor))
}

/// Reads `7 --- [app] [main] c.e.Shop : message`.
fn spring<'a>(mut cursor: Cursor<'a>, record: &TextRecord<'a>) -> Option<TextRecord<'a>> {
    let process = cursor.digits()?;
    cursor.spaces();
    cursor.literal("--- ")?;
    let mut record = record.clone().count("process", process);
    let first = cursor.within("[", "]").map(str::trim);
    cursor.spaces();
    match (first, cursor.within("[", "]").map(str::trim)) {
        (Some(application), Some(thread)) => {
            record = record.text("service", application).text("thread", thread);
        }
        (Some(thread), None) => record = record.text("thread", thread),
        (None, _) => {}
    }
    cursor.spaces();
    // What a request is traced by, where tracing is on: `[4bf92f35...-00f067aa]`.
    let logger = cursor.word()?;
    cursor.spaces();
    cursor.literal(":")?;
    record.text("logger", logger).message(cursor.rest().strip_prefix(' ').unwrap_or(cursor.rest()))
}

/// Reads the name of a logger before `-`, `:` or `|`, or Flask's `in module:`.
fn located<'a>(
    cursor: Cursor<'a>,
    record: TextRecord<'a>,
    has_part: bool,
) -> Option<(TextRecord<'a>, &'a str)> {
    let mut ahead = cursor;
    if ahead.skip("in ") {
        let module = ahead.until(": ")?;
        return is_name(module).then(|| (record.text("module", module), ahead.rest()));
    }
    let word = ahead.word()?;
    let (name, rest) = match word.strip_suffix(':') {
        Some(name) => (name, ahead.rest().strip_prefix(' ')?),
        None => {
            ahead.spaces();
            let is_apart = ["- ", "-- ", ": ", "| "].into_iter().any(|text| ahead.skip(text));
            is_apart.then(|| (word, ahead.rest().trim_start_matches(' ')))?
        }
    };
    // loguru names module, function and line.
    if let [module, function, line] = name.split(':').collect::<Vec<_>>().as_slice()
        && is_name(module)
        && line.bytes().all(|byte| byte.is_ascii_digit())
    {
        let record = record.text("logger", *module).text("function", *function);
        return Some((record.count("line", line), rest));
    }
    if let Some((file, line)) = name.rsplit_once(':')
        && is_name(file)
        && !line.is_empty()
        && line.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Some((record.text("logger", file).count("line", line), rest));
    }
    let is_logger = is_name(name) && (has_part || looks_dotted(name)) && !record.has("logger");
    is_logger.then(|| (record.text("logger", name), rest))
}

/// Passes what stands between parts.
fn separators(cursor: &mut Cursor<'_>) {
    loop {
        let before = cursor.rest().len();
        cursor.spaces();
        let _ = cursor.skip("- ") || cursor.skip("| ") || cursor.skip(": ") || cursor.skip("|");
        if cursor.rest().len() == before {
            return;
        }
    }
}

/// Returns the message behind the last part.
fn message_after<'a>(cursor: Cursor<'a>) -> &'a str {
    let rest = cursor.rest().strip_prefix(':').unwrap_or(cursor.rest());
    let rest = rest.trim_start_matches([' ', '\t']);
    rest.strip_prefix("- ").or_else(|| rest.strip_prefix("| ")).unwrap_or(rest)
}

/// Tells whether a word can be the name of a logger, module or file.
pub(super) fn is_name(word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | '$' | ':');
    word.starts_with(|c: char| c.is_alphabetic() || c == '_') && word.chars().all(is_part)
}

/// Tells whether a name is one that prose does not have.
fn looks_dotted(name: &str) -> bool {
    let inner = name.trim_end_matches(['.', ':']);
    is_name(inner) && inner.contains(['.', '_']) && !inner.contains("..")
        || (is_name(inner) && inner.contains("::"))
}
