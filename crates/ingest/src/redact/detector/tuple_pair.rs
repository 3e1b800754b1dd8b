//! Columns and values of a database's complaint: `Key (email, user_id)=(a, 42) already exists.`
//!
//! Shared by the detectors that go by keys, beside [`super::pair`].

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::boundary::run_start;

/// Longest list of columns that is read.
const COLUMNS_BYTES_MAX: usize = 256;

/// What stands between columns and values. Making the searcher costs more than most searches.
static MIDDLE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b")=("));

/// Returns each column with the range of its value. A list of values that does not match the
/// columns in number belongs to the last column as a whole.
pub(super) fn tuple_pairs(text: &str) -> impl Iterator<Item = (&str, Range<usize>)> {
    MIDDLE.find_iter(text.as_bytes()).flat_map(move |middle| pairs_at(text, middle))
}

fn pairs_at(text: &str, middle: usize) -> Vec<(&str, Range<usize>)> {
    let bytes = text.as_bytes();
    let floor = middle.saturating_sub(COLUMNS_BYTES_MAX);
    let columns_start = run_start(bytes, floor, middle, |byte| !matches!(byte, b'(' | b'\n'));
    let Some(columns) = text.get(columns_start..middle) else { return Vec::new() };
    let start = middle + ")=(".len();
    let rest = text.get(start..).unwrap_or_default();
    let values = rest.split([')', '\n']).next().unwrap_or_default();
    let count = columns.split(", ").count();
    let mut position = start;
    let mut pairs = Vec::with_capacity(count);
    for (column, value) in columns.split(", ").zip(values.splitn(count, ", ")) {
        pairs.push((column.trim_matches('"'), position..position + value.len()));
        position += value.len() + ", ".len();
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_meet_their_values() {
        let text = "Key (session_key, \"user_id\")=(ab c, 42) already exists, (a)=(";
        let found: Vec<(&str, &str)> = tuple_pairs(text)
            .map(|(column, range)| (column, text.get(range).expect("whole characters")))
            .collect();
        assert_eq!(found, [("session_key", "ab c"), ("user_id", "42"), ("a", "")]);
    }
}
