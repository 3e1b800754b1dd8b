//! Keys and values with a space, a word or a column between them: `set api_key to x1`,
//! `the password is 'x'`, `auth_key -> x1`, `api_key|x1|`, `IDENTIFIED BY 'x'`.
//!
//! Language looks the same, so the value has to look like a secret: in quotes behind a word that
//! leads to a value, or letters and digits mixed, long where nothing but a space stands before it.

use super::boundary::{before, run_end, run_start};
use super::pair::{Key, Separator, is_key_byte, key_start, quote_start};
use super::value::quoted;

/// Words between a key and its value.
const WORDS: [&str; 6] = ["is", "to", "was", "->", "=", "as"];

/// Words of SQL before a password in quotes, and the name of what follows.
const SQL: [&str; 2] = ["IDENTIFIED BY", "PASSWORD"];
const SQL_NAME: &str = "password";

/// Shortest secret behind a word, and behind a space alone.
const LED_BYTES_MIN: usize = 6;
const BARE_BYTES_MIN: usize = 12;

/// Longest word that may be a value.
const VALUE_BYTES_MAX: usize = 512;

/// Returns the keys that no sign divides from their values.
pub(super) fn spoken(text: &str) -> impl Iterator<Item = Key<'_>> {
    let bytes = text.as_bytes();
    let gaps = bytes.iter().enumerate().filter(|(_, byte)| matches!(byte, b' ' | b'\t' | b'|'));
    gaps.filter_map(move |(gap, _)| key_before(text, gap))
}

fn key_before(text: &str, gap: usize) -> Option<Key<'_>> {
    let bytes = text.as_bytes();
    let start = gap + 1;
    let first = bytes.get(start)?;
    // Fast path: hardly a word of language begins a value.
    let is_quoted = matches!(first, b'"' | b'\'' | b'`' | b'\\');
    if !is_quoted && !may_be_secret(bytes, start) {
        return None;
    }
    let inside = match is_quoted {
        true => quoted(text, start)?,
        false => start..value_end(bytes, start),
    };
    let value = text.get(inside)?;
    let divider = before(bytes, start)?;
    let (key_end, is_led) = lead(text, gap);
    let is_sql = is_quoted
        && SQL
            .iter()
            .any(|words| text.get(..key_end).is_some_and(|before| before.ends_with(words)));
    let is_believed = match (is_quoted, is_led || divider != b' ') {
        (true, is_led) => is_led || is_sql,
        (false, true) => value.len() >= LED_BYTES_MIN && is_mixed(value),
        (false, false) => value.len() >= BARE_BYTES_MIN && is_dense(value),
    };
    if !is_believed {
        return None;
    }
    let quote_start = quote_start(bytes, key_end);
    let quote = text.get(quote_start..key_end)?;
    let key_start = key_start(text, quote_start, quote);
    let name = if is_sql { SQL_NAME } else { text.get(key_start..quote_start)? };
    let is_name = !name.is_empty() && name.bytes().all(|byte| is_key_byte(byte) || byte == b' ');
    is_name.then_some(Key {
        name,
        start: key_start,
        quote: "",
        separator: Separator::Word,
        value_start: start,
    })
}

/// Returns where the key before a gap ends, and whether a word leads from the key to the value.
fn lead(text: &str, gap: usize) -> (usize, bool) {
    let bytes = text.as_bytes();
    let word_start = run_start(bytes, gap.saturating_sub(4), gap, |byte| byte != b' ');
    let word = text.get(word_start..gap).unwrap_or_default();
    let is_word = WORDS.contains(&word) && before(bytes, word_start) == Some(b' ');
    if is_word { (word_start - 1, true) } else { (gap, false) }
}

fn value_end(bytes: &[u8], start: usize) -> usize {
    let window = bytes.get(..bytes.len().min(start + VALUE_BYTES_MAX)).unwrap_or(bytes);
    run_end(window, start, |byte| !byte.is_ascii_whitespace() && !b"|\"'`<".contains(&byte))
}

/// Tells whether a word holds more than letters.
fn may_be_secret(bytes: &[u8], start: usize) -> bool {
    let end = value_end(bytes, start);
    let word = bytes.get(start..end).unwrap_or_default();
    word.len() >= LED_BYTES_MIN && word.iter().any(|byte| !byte.is_ascii_alphabetic())
}

/// Tells whether a word has letters, and digits or signs that no path, name or sentence has.
fn is_mixed(word: &str) -> bool {
    let word = word.trim_end_matches(['.', ',', ';', ':', ')', ']']);
    let has_letter = word.bytes().any(|byte| byte.is_ascii_alphabetic());
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    has_letter && has_digit && !word.starts_with(['/', '(', '[', '{', '<']) && !word.contains("://")
}

/// Shortest stretch without a divider in a secret behind a space.
const STRETCH_BYTES_MIN: usize = 12;

/// Tells whether a word is one run of mixed letters and digits, as names of things are not.
fn is_dense(word: &str) -> bool {
    let word = word.trim_end_matches(['.', ',', ';', ':', ')', ']']);
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte);
    let stretch = |piece: &str| piece.len() >= STRETCH_BYTES_MIN && is_mixed(piece);
    word.bytes().all(is_token)
        && !word.contains(['/', '='])
        && word.split(['-', '_', '.']).any(stretch)
}

/// Where a range ends, for tests.
#[cfg(test)]
fn found(text: &str) -> Vec<(&str, std::ops::Range<usize>)> {
    let end = |start: usize| match quoted(text, start) {
        Some(inside) => inside,
        None => start..value_end(text.as_bytes(), start),
    };
    spoken(text).map(|key| (key.name, end(key.value_start))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let found: Vec<(&str, &str)> = found(text)
            .into_iter()
            .map(|(name, range)| (name, text.get(range).expect("whole characters")))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn words_lead_to_secrets() {
        check("set api_key to x1y2z3 now", &[("api_key", "x1y2z3")]);
        check("the pin is 'a b'", &[("pin", "a b")]);
        check("auth -> x1y2z3", &[("auth", "x1y2z3")]);
        check("pin\tx1y2z3\tkept", &[("pin", "x1y2z3")]);
        check("session id 0a1b2c3d4e5f6789", &[("session id", "0a1b2c3d4e5f6789")]);
        check("IDENTIFIED BY 'x'; ROLE a PASSWORD 'y'", &[("password", "x"), ("password", "y")]);
        check("pin is letters, pin to 12, a \"quoted word\"", &[]);
        check("secret kube-system/bootstrap-token-abc123 token v1.2.3-rc4", &[]);
    }
}
