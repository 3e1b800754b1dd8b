//! klog and glog, by which Kubernetes and many Go and C++ programs log.
//!
//! ```text
//! I0821 14:05:09.123456    7 server.go:42] Serving
//! E0821 14:05:09.123456    7 server.go:42] "Failed" err="timeout" pod="shop/web-1"
//! ```

use tierlog_model::{Level, Timestamp};

use super::cursor::Cursor;
use super::record::TextRecord;
use super::{logfmt, moment};

/// Reads a line of klog.
pub(super) fn read<'a>(line: &'a str, now: Timestamp) -> Option<TextRecord<'a>> {
    let (letter, rest) = line.split_at_checked(1)?;
    let level = match letter {
        "I" => Level::Info,
        "W" => Level::Warning,
        "E" => Level::Error,
        "F" => Level::Critical,
        _ => return None,
    };
    let mut cursor = Cursor::new(rest);
    let time = moment::klog(&mut cursor, now)?;
    cursor.gap()?;
    let thread = cursor.digits()?;
    cursor.gap()?;
    let (place, message) = cursor.rest().split_once("] ")?;
    let (file, number) = place.rsplit_once(':')?;
    let mut record = TextRecord::new("klog").level_of(level, letter).time(time);
    record = record.count("thread", thread).text("file", file).count("line", number);
    let mut structured = Cursor::new(message);
    if let Some(text) = structured.quoted()
        && let Some(pairs) = logfmt::pairs(structured.rest())
    {
        record.fields.extend(pairs);
        return record.message(logfmt::unescaped(text));
    }
    record.message(message)
}
