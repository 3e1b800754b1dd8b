//! Values of HTTP headers in running text: what belongs to `Authorization:` and to `Cookie:` behind
//! the first word.
//!
//! A scheme takes its credentials along: one word, or parameters divided by commas; of a scheme
//! that nobody knows, everything to the end of the line or to the next key is credentials. A cookie
//! takes along the cookies and attributes after it.

use std::ops::Range;

use super::boundary::{at, run_end};
use super::masked::mask_len;
use super::pair::{Key, next_is_key};
use super::prose::is_prose_word;
use crate::redact::keys::Words;

/// Schemes with one word of credentials.
const WORD_SCHEMES: [&str; 22] = [
    "bearer",
    "basic",
    "token",
    "apikey",
    "api-key",
    "negotiate",
    "ntlm",
    "key",
    "jwt",
    "ssws",
    "splunk",
    "kerberos",
    "sso-key",
    "genie-key",
    "dpop",
    "sharedkey",
    "sharedkeylite",
    "bot",
    "discogs",
    "klaviyo-api-key",
    "gpg",
    "mac-token",
];

/// Schemes with parameters.
const PARAMETER_SCHEMES: [&str; 9] = [
    "digest",
    "oauth",
    "hawk",
    "aws4-hmac-sha256",
    "signature",
    "mac",
    "hmac",
    "scram-sha-256",
    "aws4-hmac-sha512",
];

/// Schemes that are no words of language, under any key.
const MARKED_SCHEMES: [&str; 8] =
    ["bearer", "basic", "digest", "negotiate", "ntlm", "oauth", "hawk", "aws4-hmac-sha256"];

/// Longest name of a scheme that nobody knows.
const SCHEME_BYTES_MAX: usize = 24;

/// Returns where the value of a header ends whose first word is given; the end of the word when
/// the key is no such header.
pub(super) fn header_end(text: &str, key: &Key<'_>, first: &Range<usize>) -> usize {
    let words = Words::of(key.name);
    if words.letters().ends_with("cookie") {
        return cookies_end(text.as_bytes(), first.end);
    }
    let word = text.get(first.clone()).unwrap_or_default();
    let is_one_of = |schemes: &[&str]| schemes.iter().any(|one| one.eq_ignore_ascii_case(word));
    let is_header = words.letters().ends_with("authorization");
    if !is_header && !is_one_of(&MARKED_SCHEMES) {
        return first.end;
    }
    let is_parameterised = is_one_of(&PARAMETER_SCHEMES);
    if is_parameterised && let Some(end) = parameters_end(text.as_bytes(), first.end) {
        return end;
    }
    if is_parameterised || is_one_of(&WORD_SCHEMES) {
        return word_end(text, first.end);
    }
    let is_name = word.len() <= SCHEME_BYTES_MAX
        && word.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'));
    match is_header && is_name && !is_prose_word(word) {
        true => line_end(text, first.end),
        false => first.end,
    }
}

/// Returns the end of the word behind a scheme.
fn word_end(text: &str, scheme_end: usize) -> usize {
    let bytes = text.as_bytes();
    let start = run_end(bytes, scheme_end, |byte| byte == b' ');
    let end = run_end(bytes, start, is_header_byte);
    let word = text.get(start..end).unwrap_or_default();
    let mask = mask_len(word);
    if mask > 0 {
        return start + mask;
    }
    let kept = word.trim_end_matches([',', ';', ')', ']', '}', '.']);
    // `auth=basic user=ada`: the next key is no credential; base64 ends with equals signs.
    let is_key = kept.trim_end_matches('=').contains('=') || kept.ends_with(':');
    if start == scheme_end || is_key { scheme_end } else { start + kept.len() }
}

/// Returns the end of `username="a", response="b"`; `None` when no parameter follows.
fn parameters_end(bytes: &[u8], scheme_end: usize) -> Option<usize> {
    let mut end = scheme_end;
    loop {
        let start = run_end(bytes, end, |byte| byte == b' ');
        let stop = run_end(bytes, start, |byte| !byte.is_ascii_whitespace());
        let word = bytes.get(start..stop).unwrap_or_default();
        if start == end || !word.contains(&b'=') {
            return (end > scheme_end).then_some(end);
        }
        let kept = word.len() - word.iter().rev().take_while(|b| b")]}.;,".contains(b)).count();
        end = start + kept;
        if word.last() != Some(&b',') {
            return Some(end);
        }
        end = stop;
    }
}

/// Returns the end of credentials of an unknown scheme: the line's, a closing quote's, or where
/// the next key begins.
fn line_end(text: &str, scheme_end: usize) -> usize {
    let bytes = text.as_bytes();
    let mut end = scheme_end;
    loop {
        let is_gap = at(bytes, end) == Some(b' ');
        let start = run_end(bytes, end, |byte| byte == b' ');
        let stop = run_end(bytes, start, is_header_byte);
        if !is_gap || stop == start || next_is_key(bytes, start) {
            return end;
        }
        let word = text.get(start..stop).unwrap_or_default();
        let kept = word.trim_end_matches([',', ';', ')', ']', '}']);
        end = start + kept.len();
        if kept.len() < word.len() {
            return end;
        }
    }
}

fn is_header_byte(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b'\\' | b'<')
}

/// Days of a cookie's date: `Expires=Wed, 21 Oct 2026 07:28:00 GMT` has spaces.
const DATE_BYTES_MAX: usize = 32;

/// Returns where a list of cookies ends, `a=1; b=2; Path=/`.
fn cookies_end(bytes: &[u8], first_end: usize) -> usize {
    let mut end = first_end;
    while at(bytes, end) == Some(b';') {
        let start = run_end(bytes, end + 1, |byte| byte == b' ');
        let stop = run_end(bytes, start, |byte| is_header_byte(byte) && byte != b';');
        if stop == start {
            break;
        }
        end = date_end(bytes, start, stop);
    }
    end
}

fn date_end(bytes: &[u8], start: usize, stop: usize) -> usize {
    let attribute = bytes.get(start..stop).unwrap_or_default();
    let is_date = attribute.get(..8).is_some_and(|name| name.eq_ignore_ascii_case(b"expires="));
    let window = bytes.get(stop..bytes.len().min(stop + DATE_BYTES_MAX)).unwrap_or_default();
    let zone = memchr::memmem::find(window, b" GMT").filter(|_| is_date);
    zone.map_or(stop, |zone| stop + zone + " GMT".len())
}

#[cfg(test)]
mod tests {
    use super::super::pair::keys;
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let key = keys(text).next().expect("a key");
        let start = key.value_start;
        let first = start..run_end(text.as_bytes(), start, |b| !b" ;,".contains(&b));
        assert_eq!(text.get(start..header_end(text, &key, &first)), Some(expected), "{text}");
    }

    #[test]
    fn a_header_is_read_to_its_end_and_not_beyond() {
        check("Authorization: Bearer abc.def next", "Bearer abc.def");
        check("Authorization: Basic YTpi, status 200", "Basic YTpi");
        check("authorization: Custom abc def", "Custom abc def");
        check("Authorization: Custom abc def status=200", "Custom abc def");
        check("Authorization: Custom abc\nHost: x", "Custom abc");
        check(
            "Authorization: Digest username=\"a\", response=\"b\" next",
            "Digest username=\"a\", response=\"b\"",
        );
        check("auth=basic user=ada", "basic");
        check("Cookie: a=1; b=2;c=3 GET", "a=1; b=2;c=3");
        check(
            "Set-Cookie: a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/ x",
            "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/",
        );
        check("x-trace: abc def", "abc");
    }
}
