//! PHP's error log and Monolog, which Laravel and Symfony use.
//!
//! ```text
//! PHP Fatal error:  Uncaught Exception: x in /a.php:3
//! [21-Aug-2026 14:05:09 UTC] PHP Warning:  Undefined variable $x in /a.php on line 3
//! [2026-08-21 14:05:09] production.ERROR: refused {"id":1}
//! ```

use tierlog_model::{Level, Timestamp, fields};

use super::cursor::Cursor;
use super::record::TextRecord;
use super::timed::is_name;
use super::{level, moment};

/// Kinds of PHP's errors, and what they mean to the store.
const KINDS: [(&str, Level); 10] = [
    ("Fatal error", Level::Critical),
    ("Parse error", Level::Critical),
    ("Core error", Level::Critical),
    ("Compile error", Level::Critical),
    ("Recoverable fatal error", Level::Error),
    ("Warning", Level::Warning),
    ("Core warning", Level::Warning),
    ("Notice", Level::Info),
    ("Deprecated", Level::Info),
    ("Strict Standards", Level::Info),
];

/// Reads a line of PHP's own log.
pub(super) fn error<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    let mut record = TextRecord::new("php");
    if cursor.skip("[") {
        let time = moment::day_first(&mut cursor)?;
        // Any zone of the database may stand here; an annotation names it to the reader.
        let zone = cursor.until("] ")?.trim();
        record = match zone {
            "" => record.time(time),
            zone => record.time(format!("{time}[{zone}]")),
        };
    }
    cursor.literal("PHP ")?;
    let message = cursor.rest();
    let kind = cursor.until(":")?;
    let (written, level) = KINDS.iter().find(|(name, _)| *name == kind)?;
    record.level_of(*level, written).message(message)
}

/// Reads a line of Monolog.
pub(super) fn monolog<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    cursor.literal("[")?;
    let time = moment::iso(&mut cursor)?;
    cursor.literal("] ")?;
    let channel = cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    cursor.literal(".")?;
    let word = level::capitals(&mut cursor)?;
    cursor.literal(": ")?;
    if !is_name(channel) {
        return None;
    }
    let message = cursor.rest().trim_end_matches(" []");
    TextRecord::new("monolog").level(word).time(time).text(fields::LOGGER, channel).message(message)
}
