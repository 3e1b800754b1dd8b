//! Keys inside a text, with the place where each value starts: `password=x`, `user_id: 42`,
//! `"token" : "x"`, `'pin' => 1`, `["pin"] = 1`, `:pin "1"`.
//!
//! Shared by the detectors that go by keys; [`super::value`] reads what follows. Reads JSON that is
//! whole, broken, cut, or itself inside a JSON string: a quote is told by the number of
//! backslashes before it. Every position is looked at a bounded number of times.

use memchr::memchr2_iter;

use super::boundary::{at, before, run_end, run_start};

/// Longest key; of a longer run of key characters the end is read.
const KEY_BYTES_MAX: usize = 96;

/// Most backslashes before a quote: JSON inside JSON, five deep.
pub(super) const BACKSLASHES_MAX: usize = 31;

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
    /// What stands between key and value.
    pub(super) separator: Separator,
    /// Where the value starts, quote included.
    pub(super) value_start: usize,
}

/// What stands between a key and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    /// A sign with an equals sign, a comma of a list, or the space behind a flag.
    Data,
    /// A colon, as prose has too.
    Colon,
    /// A space or a word of language.
    Word,
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
    if let Some(key) = keyword_at(text, separator) {
        return Some(key).filter(|key| key.name.bytes().last().is_some_and(ends));
    }
    let separator_end = run_end(bytes, separator, |byte| matches!(byte, b'=' | b':' | b'>'));
    let operator = text.get(separator..separator_end)?;
    if !matches!(operator, "=" | ":" | "==" | ":=" | "=>") {
        return None;
    }
    let floor = separator.saturating_sub(SPACES_MAX);
    let key_side = run_start(bytes, floor, separator, |byte| matches!(byte, b' ' | b'\t'));
    // An element by its key: `_POST["pin"] = 1`.
    let is_element = before(bytes, key_side) == Some(b']') && {
        let inside = key_side.checked_sub(1).and_then(|bracket| before(bytes, bracket));
        matches!(inside, Some(b'"' | b'\''))
    };
    let key_side = key_side - usize::from(is_element);
    let quote_start = quote_start(bytes, key_side);
    let quote = text.get(quote_start..key_side)?;
    if !before(bytes, quote_start).is_some_and(ends) {
        return None;
    }
    let start = key_start(text, quote_start, quote);
    let name = text.get(start..quote_start)?;
    // Beside an element and beside backticks stands code or prose, and no JSON.
    let quote = if is_element || quote.ends_with('`') { "" } else { quote };
    if !name.bytes().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii()) {
        return None;
    }
    let may_break = !quote.is_empty() || is_element || operator == "=>";
    let spaces_max = separator_end + SPACES_MAX;
    let value_start = run_end(bytes, separator_end, |byte| {
        matches!(byte, b' ' | b'\t') || (may_break && byte.is_ascii_whitespace())
    })
    .min(spaces_max);
    let separator = if operator.contains('=') { Separator::Data } else { Separator::Colon };
    Some(Key { name, start, quote, separator, value_start })
}

/// Returns where the quote with its backslashes starts that ends at a position, or the position.
pub(super) fn quote_start(bytes: &[u8], end: usize) -> usize {
    match before(bytes, end) {
        Some(b'"' | b'\'' | b'`') => {
            let floor = end.saturating_sub(1 + BACKSLASHES_MAX);
            run_start(bytes, floor, end - 1, |byte| byte == b'\\')
        }
        _ => end,
    }
}

/// Reads a keyword of a Lisp, whose colon stands before the key: `:pin "1"`.
fn keyword_at(text: &str, colon: usize) -> Option<Key<'_>> {
    let bytes = text.as_bytes();
    let opens = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'{' | b'(' | b'[' | b',');
    if at(bytes, colon) != Some(b':') || !before(bytes, colon).is_none_or(opens) {
        return None;
    }
    let start = colon + 1;
    let window = bytes.get(..bytes.len().min(start + KEY_BYTES_MAX)).unwrap_or(bytes);
    let end =
        run_end(window, start, |byte| byte.is_ascii_alphanumeric() || b"_-./?".contains(&byte));
    let value_start = run_end(bytes, end, |byte| byte == b' ').min(end + SPACES_MAX);
    let quote = run_end(bytes, value_start, |byte| byte == b'\\');
    let has_value = value_start > end && at(bytes, quote) == Some(b'"');
    let name = text.get(start..end).filter(|name| has_value && !name.is_empty())?;
    Some(Key { name, start, quote: "", separator: Separator::Data, value_start })
}

pub(super) fn is_key_byte(byte: u8) -> bool {
    // Names are written in every alphabet.
    !byte.is_ascii()
        || byte.is_ascii_alphanumeric()
        || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']')
}

pub(super) fn key_start(text: &str, end: usize, quote: &str) -> usize {
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

/// Longest key that is recognised behind a comma.
const NEXT_KEY_BYTES_MAX: usize = 48;

pub(super) fn next_is_key(bytes: &[u8], start: usize) -> bool {
    let start = run_end(bytes, start, |byte| byte == b' ');
    let window = bytes.get(..bytes.len().min(start + NEXT_KEY_BYTES_MAX)).unwrap_or(bytes);
    let end = run_end(window, start, |byte| is_key_byte(byte) || matches!(byte, b'"' | b'\''));
    start < end && matches!(at(bytes, end), Some(b'=' | b':'))
}

#[cfg(test)]
mod tests {
    use tierlog_model::Pseudonyms;

    use super::super::check::policy;
    use super::super::value::value;
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let policy = policy(&Pseudonyms::off());
        let found: Vec<(&str, &str)> = keys(text)
            .filter_map(|key| {
                let read = value(text, &key, &policy)?;
                Some((key.name, text.get(read.range)?))
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
        check(r#"{:user "a" :pin "1 2"}"#, &[("user", "a"), ("pin", "1 2")]);
        check(r#"_POST["pin"] = "x"; d['otp']=1"#, &[("pin", "x"), ("otp", "1")]);
        check("[pin] => x\n[otp] =>\n  y", &[("[pin]", "x"), ("[otp]", "y")]);
    }
}
