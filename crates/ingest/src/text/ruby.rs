//! Ruby's Logger, which Rails uses:
//! `E, [2026-08-21T14:05:09.123456 #7] ERROR -- shop: refused`.

use tierlog_model::Timestamp;

use super::cursor::Cursor;
use super::moment;
use super::record::TextRecord;

/// Reads a line of Ruby's Logger.
pub(super) fn read<'a>(line: &'a str, _now: Timestamp) -> Option<TextRecord<'a>> {
    let (letter, rest) = line.split_at_checked(1)?;
    if !matches!(letter, "D" | "I" | "W" | "E" | "F" | "A") {
        return None;
    }
    let mut cursor = Cursor::new(rest);
    cursor.literal(", [")?;
    let time = moment::iso(&mut cursor)?;
    cursor.literal(" #")?;
    let process = cursor.digits()?;
    cursor.literal("]")?;
    cursor.gap()?;
    // `ANY` stands where no level was said.
    let word = cursor.word()?;
    cursor.literal(" -- ")?;
    let program = cursor.until(":")?;
    let record = TextRecord::new("ruby").time(time).count("process", process);
    let record = if word == "ANY" { record } else { record.level(word) };
    let message = cursor.rest().strip_prefix(' ').unwrap_or(cursor.rest());
    record.text("program", program.trim()).message(message)
}
