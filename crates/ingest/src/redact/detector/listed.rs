//! Keys that stand before their values in a list: `("cookie", "x")`, `['Cookie', 'x']`,
//! `["--password", "x"]`, `{password,<<"x">>}`.
//!
//! Lists of names look alike: `["password", "email"]`. So a pair has brackets of its own, or its
//! key is a flag or the name of a header, and a value that reads as a name is none.

use memchr::memchr_iter;

use super::boundary::{at, before, run_end, run_start};
use super::pair::{Key, Separator, is_key_byte, key_start, quote_start};
use super::value::quoted;

/// Longest name of a header or field, as which a value may read.
const NAME_BYTES_MAX: usize = 24;

/// White space between a key and its value: elements of a list may have a line each.
const SPACES_MAX: usize = 24;

/// Longest key without quotes.
const ATOM_BYTES_MAX: usize = 48;

/// Returns every key of a list.
pub(super) fn listed(text: &str) -> impl Iterator<Item = Key<'_>> {
    memchr_iter(b',', text.as_bytes()).filter_map(|comma| listed_at(text, comma))
}

fn listed_at(text: &str, comma: usize) -> Option<Key<'_>> {
    let bytes = text.as_bytes();
    let quote_start = quote_start(bytes, comma);
    let quote = text.get(quote_start..comma)?;
    let value_start = run_end(bytes, comma + 1, |byte| byte.is_ascii_whitespace());
    if value_start > comma + 1 + SPACES_MAX {
        return None;
    }
    let start = match quote {
        "" => atom_start(bytes, comma)?,
        quote => {
            let start = key_start(text, quote_start, quote);
            let opening = text.get(..start)?.ends_with(quote);
            opening.then_some(start)?
        }
    };
    // Binaries of Erlang have brackets of their own.
    let value_at = value_start + 2 * usize::from(text.get(value_start..)?.starts_with("<<"));
    let inside = quoted(text, value_at)?;
    let written = text.get(inside.clone())?;
    let key = text.get(start..quote_start)?;
    let name = key.trim_start_matches('-');
    let is_pair = match key.starts_with('-') {
        true => !written.starts_with('-'),
        false => is_pair(bytes, start - quote.len(), inside.end, [name, written]),
    };
    let has_letters = name.bytes().any(|byte| byte.is_ascii_alphabetic());
    (is_pair && has_letters).then_some(Key {
        name,
        start,
        quote: "",
        separator: Separator::Data,
        value_start: value_at,
    })
}

/// Returns where the key without quotes starts that a tuple opens with.
fn atom_start(bytes: &[u8], comma: usize) -> Option<usize> {
    let floor = comma.saturating_sub(ATOM_BYTES_MAX);
    let start = run_start(bytes, floor, comma, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (start < comma && before(bytes, start) == Some(b'{')).then_some(start)
}

/// Tells whether two elements are a name and its value. The key starts with its quote, the value
/// ends before its quote.
fn is_pair(bytes: &[u8], key_start: usize, value_end: usize, [name, value]: [&str; 2]) -> bool {
    if value.eq_ignore_ascii_case(name) {
        return false;
    }
    let letters = |byte: u8| matches!(byte, b'b' | b'u' | b'B' | b'U');
    let prefix = run_start(bytes, key_start.saturating_sub(1), key_start, letters);
    let open = before(bytes, prefix);
    let closing = run_end(bytes, value_end, |byte| b"\\\"'`> ".contains(&byte));
    let is_tuple = matches!(open, Some(b'(' | b'[' | b'{'))
        && matches!(at(bytes, closing), Some(b')' | b']' | b'}'));
    let outer = before(
        bytes,
        run_start(bytes, prefix.saturating_sub(4), prefix.max(1) - 1, |byte| {
            byte.is_ascii_whitespace()
        }),
    );
    let is_nested = is_tuple && matches!(outer, Some(b'(' | b'[' | b'{' | b','));
    let is_header = name.contains('-')
        || ["cookie", "authorization"].iter().any(|header| header.eq_ignore_ascii_case(name));
    is_nested || ((is_tuple || is_header) && !is_name(value))
}

/// Tells whether a value reads as the name of a field or header.
fn is_name(value: &str) -> bool {
    value.len() < NAME_BYTES_MAX
        && value.bytes().all(|byte| is_key_byte(byte) && !byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let found: Vec<(&str, &str)> = listed(text)
            .map(|key| {
                let inside = quoted(text, key.value_start).expect("a text");
                (key.name, text.get(inside).expect("whole characters"))
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn pairs_are_told_from_lists_of_names() {
        check(
            "[(b'host', b'x.org'), (b'cookie', b'a=1')]",
            &[("host", "x.org"), ("cookie", "a=1")],
        );
        check("['Host', 'x', 'Cookie', 'a=1']", &[("Cookie", "a=1")]);
        check(r#"["run","--password","a b"]"#, &[("password", "a b")]);
        check(r#"[\"--token\", \"x\"]"#, &[("token", "x")]);
        check(r#"{password,<<"x1">>}"#, &[("password", "x1")]);
        check(r#"[["password", "letters"]]"#, &[("password", "letters")]);
        check(r#"("password", "x1")"#, &[("password", "x1")]);
        check(r#"["password", "email", "cookie"] ("token", "Token") ["--a", "--b"]"#, &[]);
        check("a, b, 'c', 4", &[]);
    }
}
