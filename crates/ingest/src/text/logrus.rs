//! logrus on a terminal: `ERRO[0012] refused    request_id=r-1`.

use tierlog_model::{Level, Timestamp};

use super::cursor::Cursor;
use super::logfmt;
use super::record::TextRecord;

/// Reads a line of logrus, whose number is the seconds since its program began.
pub(super) fn read<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let (word, rest) = line.split_at_checked(4)?;
    let level = match word {
        "TRAC" | "DEBU" => Level::Debug,
        "INFO" => Level::Info,
        "WARN" => Level::Warning,
        "ERRO" => Level::Error,
        "FATA" | "PANI" => Level::Critical,
        _ => return None,
    };
    let mut cursor = Cursor::new(rest);
    cursor.literal("[")?;
    cursor.digits()?;
    cursor.literal("]")?;
    cursor.gap()?;
    let message = cursor.rest();
    let mut record = TextRecord::new("logrus").level_of(level, word);
    // Messages are padded, and pairs begin behind two spaces.
    if let Some((text, behind)) = message.split_once("  ")
        && let Some(pairs) = logfmt::pairs(behind)
    {
        record.fields.extend(pairs);
        return record.message(text);
    }
    record.message(message)
}
