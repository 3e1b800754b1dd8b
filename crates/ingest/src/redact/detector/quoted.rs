//! Bare numbers behind quoted keys: JSON inside a text stays JSON.

use std::ops::Range;

use crate::redact::span::Found;

/// How far before a number its quoted key ends: a quote with backslashes, a colon and a space.
const KEY_END_BYTES: usize = 16;

/// Replaces a number in a text; one that is the value of a quoted key, and has no quotes of its
/// own, gets those of the key.
pub(super) fn replace_number(text: &str, range: Range<usize>, found: &mut Found) {
    let before = text.get(..range.start).unwrap_or_default();
    let tail_start = before.floor_char_boundary(before.len().saturating_sub(KEY_END_BYTES));
    let tail = before.get(tail_start..).unwrap_or_default();
    let quote = tail.trim_end_matches(' ').strip_suffix(':').map(str::trim_end).and_then(|key| {
        let quote_start = key.strip_suffix('"')?.trim_end_matches('\\').len();
        key.get(quote_start..)
    });
    match quote {
        Some(quote) => found.replace_quoted(range, quote),
        None => found.replace(range),
    }
}
