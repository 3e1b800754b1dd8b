//! Keys and values inside a text: `password=x`, `user_id: 42`, `"token" : "x"`, `'pin' => 1`.
//!
//! Shared by the detectors that go by keys. Reads JSON that is whole, broken, cut, or itself
//! inside a JSON string: a quote is told by the number of backslashes before it. Every position
//! is looked at a bounded number of times.

use std::ops::Range;

use memchr::memchr2_iter;

use super::boundary::{at, before, run_end, run_start};
use super::masked::is_masked;
use crate::redact::policy::Policy;

/// Longest key; of a longer run of key characters the end is read.
const KEY_BYTES_MAX: usize = 96;

/// Most backslashes before a quote: JSON inside JSON, five deep.
const BACKSLASHES_MAX: usize = 31;

/// White space that may stand on either side of the separator.
const SPACES_MAX: usize = 8;

/// A key and the place where its value starts.
#[derive(Clone, Debug)]
pub(super) struct Key<'t> {
    /// The key without quotes.
    pub(super) name: &'t str,
    /// Where the key starts, after its quote.
    pub(super) start: usize,
    /// The quote after the key with its backslashes; empty for a bare key, and for one in the
    /// backticks of prose.
    pub(super) quote: &'t str,
    /// Whether the separator holds an equals sign.
    pub(super) is_assigned: bool,
    /// Where the value starts, quote included.
    pub(super) value_start: usize,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Between quotes; the range lies inside them.
    Quoted,
    /// A word or number.
    Bare,
    /// An object or array, brackets included.
    Nested,
}

/// Returns every key of a text.
pub(super) fn keys(text: &str) -> impl Iterator<Item = Key<'_>> {
    keys_ending(text, |_| true)
}

/// Returns every key whose last byte fulfils a condition, which spares reading the others.
pub(super) fn keys_ending(text: &str, ends: impl Fn(u8) -> bool) -> impl Iterator<Item = Key<'_>> {
    memchr2_iter(b'=', b':', text.as_bytes())
        .filter_map(move |separator| key_at(text, separator, &ends))
}

fn key_at<'t>(text: &'t str, separator: usize, ends: impl Fn(u8) -> bool) -> Option<Key<'t>> {
    let bytes = text.as_bytes();
    // A comparison, the second half of `::`, `:=` or `==`.
    if matches!(before(bytes, separator), Some(b'=' | b':' | b'!' | b'<' | b'>')) {
        return None;
    }
    let separator_end = run_end(bytes, separator, |byte| matches!(byte, b'=' | b':' | b'>'));
    let operator = text.get(separator..separator_end)?;
    if !matches!(operator, "=" | ":" | "==" | ":=" | "=>") {
        return None;
    }
    let floor = separator.saturating_sub(SPACES_MAX);
    let key_side = run_start(bytes, floor, separator, |byte| matches!(byte, b' ' | b'\t'));
    let quote_start = match before(bytes, key_side) {
        Some(b'"' | b'\'' | b'`') => {
            let quote_floor = key_side.saturating_sub(1 + BACKSLASHES_MAX);
            run_start(bytes, quote_floor, key_side - 1, |byte| byte == b'\\')
        }
        _ => key_side,
    };
    let quote = text.get(quote_start..key_side)?;
    if !before(bytes, quote_start).is_some_and(ends) {
        return None;
    }
    let start = key_start(text, quote_start, quote);
    let name = text.get(start..quote_start)?;
    let quote = if quote.ends_with('`') { "" } else { quote };
    if !name.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let spaces_max = separator_end + SPACES_MAX;
    let value_start = run_end(bytes, separator_end, |byte| {
        matches!(byte, b' ' | b'\t') || (!quote.is_empty() && byte.is_ascii_whitespace())
    })
    .min(spaces_max);
    Some(Key { name, start, quote, is_assigned: operator.contains('='), value_start })
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']')
}

fn key_start(text: &str, end: usize, quote: &str) -> usize {
    let bytes = text.as_bytes();
    let floor = end.saturating_sub(KEY_BYTES_MAX);
    if !quote.is_empty() {
        return run_start(bytes, floor, end, |byte| is_key_byte(byte) || byte == b' ');
    }
    let start = run_start(bytes, floor, end, is_key_byte);
    // `API key: x`, `card number: x`: the last word alone says too little.
    let word = text.get(start..end).unwrap_or_default();
    let is_vague = ["key", "number", "id", "code", "address"]
        .iter()
        .any(|vague| word.eq_ignore_ascii_case(vague));
    if is_vague && before(bytes, start) == Some(b' ') {
        return run_start(bytes, floor, start - 1, is_key_byte);
    }
    start
}

/// The same for a value that is interesting only when it is short: what lies further on is not
/// read, and objects and arrays are not at all.
pub(super) fn short_value(
    text: &str,
    key: &Key<'_>,
    bytes_max: usize,
    policy: &Policy,
) -> Option<(Range<usize>, Form)> {
    if matches!(at(text.as_bytes(), key.value_start), Some(b'{' | b'[')) {
        return None;
    }
    let window_end = text.ceil_char_boundary(key.value_start + bytes_max);
    value(text.get(..window_end)?, key, policy)
}

/// Returns the value of a key, as the range to replace and its form. `None` when there is none.
///
/// Reads to the end of the value, so the caller goes on behind it.
pub(super) fn value(text: &str, key: &Key<'_>, policy: &Policy) -> Option<(Range<usize>, Form)> {
    let bytes = text.as_bytes();
    let mut start = key.value_start;
    // Python's and Rust's `b'...'`.
    if matches!(at(bytes, start), Some(b'b' | b'u' | b'r'))
        && matches!(at(bytes, start + 1), Some(b'\'' | b'"'))
    {
        start += 1;
    }
    let quote_at = run_end(bytes, start, |byte| byte == b'\\');
    let is_quote_level = quote_at - start <= BACKSLASHES_MAX;
    if let Some(quote @ (b'"' | b'\'' | b'`')) = at(bytes, quote_at).filter(|_| is_quote_level) {
        let end = quoted_end(bytes, quote_at + 1, quote, quote_at - start);
        return Some((quote_at + 1..end, Form::Quoted));
    }
    if !key.quote.is_empty() && matches!(at(bytes, start), Some(b'{' | b'[')) {
        return Some((start..nested_end(bytes, start, key.quote), Form::Nested));
    }
    let end = bare_end(text, start, key.quote, policy);
    (start < end).then_some((start..end, Form::Bare))
}

/// Returns where a quoted text ends: at the next quote with as many backslashes as belong to its
/// own level. On level `d` a quote is written with `2^d - 1` backslashes; inside, more of them
/// stand before it. A text without an end, cut, goes to the end of the whole.
fn quoted_end(bytes: &[u8], start: usize, quote: u8, backslashes: usize) -> usize {
    let mut run = 0;
    for (offset, byte) in bytes.get(start..).unwrap_or_default().iter().enumerate() {
        if *byte == b'\\' {
            run += 1;
        } else if *byte == quote && run % (2 * (backslashes + 1)) == backslashes {
            return start + offset - run.min(backslashes);
        } else {
            run = 0;
        }
    }
    bytes.len()
}

/// Returns where an object or array ends.
fn nested_end(bytes: &[u8], start: usize, key_quote: &str) -> usize {
    let backslashes = key_quote.len().saturating_sub(1);
    let quote = key_quote.bytes().last().unwrap_or(b'"');
    let (mut depth, mut run, mut in_text) = (0_usize, 0_usize, false);
    for (offset, byte) in bytes.get(start..).unwrap_or_default().iter().enumerate() {
        match *byte {
            b'\\' => {
                run += 1;
                continue;
            }
            byte if byte == quote && run % (2 * (backslashes + 1)) == backslashes => {
                in_text = !in_text;
            }
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        run = 0;
        if depth == 0 && !in_text {
            return start + offset + 1;
        }
    }
    bytes.len()
}

/// Returns where a word without quotes ends: at white space, at a quote, or where the next key
/// follows after `,`, `;`, `&` or `|`. Punctuation at its end belongs to the sentence.
fn bare_end(text: &str, start: usize, key_quote: &str, policy: &Policy) -> usize {
    let bytes = text.as_bytes();
    // Beside a quoted key stands JSON or its like, where a bare value is a number or a name.
    let is_json = !key_quote.is_empty();
    let mut end = start;
    while let Some(byte) = at(bytes, end) {
        let is_end = match byte {
            b'"' | b'\'' | b'`' | b'<' => end > start,
            b'\\' => matches!(at(bytes, end + 1), Some(b'"' | b'\'' | b'\\' | b'n' | b'r' | b't')),
            b',' | b';' | b'&' | b'|' => is_json || next_is_key(bytes, end + 1),
            b'}' | b']' => is_json,
            byte => byte.is_ascii_whitespace(),
        };
        if is_end {
            break;
        }
        end += 1;
    }
    let word = text.get(start..end).unwrap_or_default();
    start
        + word
            .trim_end_matches([',', ';', '.', ')', ']', '}', '&', '|', '>'])
            .len()
            .max(placeholder_len(word, policy))
            .max(mask_len(word))
}

/// A placeholder ends with a bracket of its own.
fn placeholder_len(word: &str, policy: &Policy) -> usize {
    policy.placeholders().at_start_of(word).map_or(0, str::len)
}

/// Longest mask.
const MASK_BYTES_MAX: usize = 128;

/// Returns the length of the mask that a word begins with: a mask ends with a bracket of its own.
fn mask_len(word: &str) -> usize {
    if !word.starts_with(['[', '<', '(', '{', '$', '%']) {
        return 0;
    }
    let word = word.get(..word.floor_char_boundary(MASK_BYTES_MAX)).unwrap_or_default();
    let mut ends = word.match_indices([']', '>', ')', '}']).map(|(at, _)| at + 1);
    ends.find(|end| word.get(..*end).is_some_and(is_masked)).unwrap_or(0)
}

/// Longest key that is recognised behind a comma.
const NEXT_KEY_BYTES_MAX: usize = 48;

fn next_is_key(bytes: &[u8], start: usize) -> bool {
    let start = run_end(bytes, start, |byte| byte == b' ');
    let window = bytes.get(..bytes.len().min(start + NEXT_KEY_BYTES_MAX)).unwrap_or(bytes);
    let end = run_end(window, start, |byte| is_key_byte(byte) || matches!(byte, b'"' | b'\''));
    start < end && matches!(at(bytes, end), Some(b'=' | b':'))
}

/// Tells whether a value says that there is none, or is a word of prose after a colon.
pub(super) fn is_empty_word(value: &str) -> bool {
    let is_dots = value.bytes().all(|byte| matches!(byte, b'*' | b'.' | b'-' | b'?'));
    let empty = ["null", "none", "nil", "undefined", "true", "false", "empty", "n/a", "nan"];
    is_dots || is_masked(value) || empty.iter().any(|word| word.eq_ignore_ascii_case(value))
}

#[cfg(test)]
mod tests {
    use tierlog_model::Pseudonyms;

    use super::super::check::policy;
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let policy = policy(&Pseudonyms::off());
        let found: Vec<(&str, &str)> = keys(text)
            .filter_map(|key| {
                let (range, _) = value(text, &key, &policy)?;
                Some((key.name, text.get(range)?))
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn keys_and_values_are_read_in_every_notation() {
        check("password=x y", &[("password", "x")]);
        check("a=1, b: 2; c = '3 4'", &[("a", "1"), ("b", "2"), ("c", "3 4")]);
        check("a=x,y&z b=1&c=2", &[("a", "x,y&z"), ("b", "1"), ("c", "2")]);
        check(
            r#"{"a": "x\"y", "b" : 2, "c":{"d":"}"}}"#,
            &[("a", r#"x\"y"#), ("b", "2"), ("c", r#"{"d":"}"}"#), ("d", "}")],
        );
        check(r#"{\"a\":\"x\\\"y\",\"b\":2}"#, &[("a", r#"x\\\"y"#), ("b", "2")]);
        check(r#""a":"cut"#, &[("a", "cut")]);
        check("API key: abc.", &[("API key", "abc")]);
        check("{'pin' => 12, :otp=>34}", &[("pin", "12"), ("otp", "34")]);
        check("params[password]=b'x'", &[("params[password]", "x")]);
        check("a != b, std::path, 12:30:10, x <= 3", &[]);
    }
}
