//! zap's console encoder: columns with tabs between them.
//!
//! ```text
//! 2026-08-21T14:05:09.123Z⇥ERROR⇥shop⇥cart/pay.go:12⇥refused⇥{"request_id": "r-1"}
//! ```

use super::cursor::Cursor;
use super::record::TextRecord;
use super::timed::is_name;

/// Reads the columns behind the level: the logger's name, if it has one, the place, the message.
pub(super) fn columns<'a>(cursor: Cursor<'a>, record: &TextRecord<'a>) -> Option<TextRecord<'a>> {
    let rest = cursor.rest().strip_prefix('\t')?;
    let (first, behind) = rest.split_once('\t')?;
    if is_place(first) {
        return record.clone().text("caller", first).message(behind);
    }
    let (second, message) = behind.split_once('\t')?;
    let is_named = is_name(first) && is_place(second);
    is_named.then(|| record.clone().text("logger", first).text("caller", second))?.message(message)
}

/// Tells whether a column is a place in a source: `cart/pay.go:12`.
fn is_place(text: &str) -> bool {
    text.rsplit_once(".go:").is_some_and(|(file, line)| {
        is_name(file) && !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
    })
}
