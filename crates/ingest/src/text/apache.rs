//! Apache's error log:
//! `[Fri Aug 21 14:05:09.123456 2026] [core:error] [pid 7:tid 8] [client 203.0.113.7:55] AH0: x`.

use tierlog_model::{Timestamp, fields};

use super::cursor::Cursor;
use super::record::TextRecord;
use super::{level, moment};

/// Reads a line of Apache's error log.
pub(super) fn read<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let mut cursor = Cursor::new(line);
    cursor.literal("[")?;
    let time = moment::weekday_first(&mut cursor)?;
    cursor.literal("] [")?;
    let (module, word) = match cursor.until("] ")?.split_once(':') {
        Some((module, word)) => (module, word),
        None => return None,
    };
    // `trace1` to `trace8`.
    if !level::is_word(word) {
        return None;
    }
    let mut record = TextRecord::new("apache").level(word).time(time).text("module", module);
    let mut ahead = cursor;
    if ahead.skip("[pid ") {
        let process = ahead.digits()?;
        ahead.until("] ")?;
        record = record.count("process", process);
        cursor = ahead;
    }
    if ahead.skip("[client ") {
        let client = ahead.until("] ")?;
        let address = client.rsplit_once(':').map_or(client, |(address, _)| address);
        record = record.text(fields::CLIENT_IP, address);
        cursor = ahead;
    }
    record.message(cursor.rest())
}
