//! JSON that strict parsers refuse becomes JSON that says the same as text.
//!
//! | written | becomes |
//! |---|---|
//! | `NaN`, `Infinity`, `-Infinity` outside strings | `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | a number that no 64-bit type holds (`18446744073709551616`, `1e400`) | its digits as a string |
//! | half a surrogate pair, `\ud800` | the six characters `\ud800` |
//!
//! One pass, no recursion. Whether the result is JSON is for the strict parser to say.

use std::borrow::Cow;

/// Words that Python's `json.dumps` writes for floats that JSON cannot hold.
const FLOAT_WORDS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];

/// Returns the mended line, or `None` when there is nothing to mend.
pub(crate) fn repair(line: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(line.len() + 16);
    let mut mended = false;
    let mut rest = line;
    while let Some(&byte) = rest.first() {
        let taken = match byte {
            b'"' => copy_string(rest, &mut out, &mut mended),
            b'-' | b'0'..=b'9' | b'N' | b'I' => copy_token(rest, &mut out, &mut mended),
            _ => {
                out.push(byte);
                1
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    mended.then_some(out)
}

/// Copies a string with its quotes; doubles the backslash of half a surrogate pair.
fn copy_string(text: &[u8], out: &mut Vec<u8>, mended: &mut bool) -> usize {
    out.push(b'"');
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        match byte {
            b'"' => {
                out.push(byte);
                return at + 1;
            }
            b'\\' => {
                let (escape, is_half) = escape_of(rest);
                if is_half {
                    out.push(b'\\');
                    *mended = true;
                }
                out.extend_from_slice(escape);
                at += escape.len();
            }
            _ => {
                let plain = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                out.extend_from_slice(rest.get(..plain).unwrap_or_default());
                at += plain;
            }
        }
    }
    at
}

/// Returns the escape at the start of a text, and whether it is half a surrogate pair.
fn escape_of(text: &[u8]) -> (&[u8], bool) {
    let first = |count: usize| text.get(..count.min(text.len())).unwrap_or(text);
    match unicode_escape(text) {
        None => (first(2), false),
        Some(0xD800..=0xDBFF) => {
            let low = text.get(6..).and_then(unicode_escape);
            match low {
                Some(0xDC00..=0xDFFF) => (first(12), false),
                _ => (first(6), true),
            }
        }
        Some(0xDC00..=0xDFFF) => (first(6), true),
        Some(_) => (first(6), false),
    }
}

/// Returns the number of a `\uXXXX` at the start of a text.
fn unicode_escape(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Copies a number or a word; in quotes when it is a value that no JSON number holds.
fn copy_token(text: &[u8], out: &mut Vec<u8>, mended: &mut bool) -> usize {
    let length = text
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'+' | b'.'))
        .unwrap_or(text.len());
    let token = text.get(..length).unwrap_or_default();
    if FLOAT_WORDS.contains(&token) || is_number_beyond_64_bits(token) {
        *mended = true;
        out.push(b'"');
        out.extend_from_slice(token);
        out.push(b'"');
    } else {
        out.extend_from_slice(token);
    }
    length
}

/// Tells whether a token is a JSON number that neither i64, u64 nor a finite f64 holds.
fn is_number_beyond_64_bits(token: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(token) else { return false };
    // serde_json keeps the digits of any number, so this asks for the grammar only.
    let Ok(number) = serde_json::from_str::<serde_json::Number>(text) else { return false };
    let digits: Cow<'_, str> = number.as_str().into();
    let is_integer = !digits.contains(['.', 'e', 'E']);
    if is_integer {
        digits.parse::<i64>().is_err() && digits.parse::<u64>().is_err()
    } else {
        digits.parse::<f64>().map_or(true, f64::is_infinite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: Option<&str>) {
        let mended = repair(input.as_bytes());
        let mended = mended.map(|bytes| String::from_utf8(bytes).expect("UTF-8 stays UTF-8"));
        assert_eq!(mended.as_deref(), expected, "{input}");
    }

    #[test]
    fn values_that_json_cannot_hold_become_text() {
        check(r#"{"a":NaN}"#, Some(r#"{"a":"NaN"}"#));
        check(r#"[-Infinity, Infinity]"#, Some(r#"["-Infinity", "Infinity"]"#));
        check(r#"{"a":18446744073709551616}"#, Some(r#"{"a":"18446744073709551616"}"#));
        check(r#"{"a":-9223372036854775809}"#, Some(r#"{"a":"-9223372036854775809"}"#));
        check(r#"{"a":1e400,"b":1E-400}"#, Some(r#"{"a":"1e400","b":1E-400}"#));
        check(r#"{"a":18446744073709551615,"b":-9223372036854775808}"#, None);
    }

    #[test]
    fn half_surrogates_become_their_escape() {
        check(r#"{"a":"\ud800"}"#, Some(r#"{"a":"\\ud800"}"#));
        check(r#"{"a":"x\uDC00y"}"#, Some(r#"{"a":"x\\uDC00y"}"#));
        check(r#"{"a":"\ud83d\ude00"}"#, None);
        check(r#"{"a":"\ud83d\ud83d\ude00"}"#, Some(r#"{"a":"\\ud83d\ud83d\ude00"}"#));
        check(r#"{"a":"\\ud800"}"#, None);
    }

    #[test]
    fn strings_and_rubbish_are_left_alone() {
        for text in [r#"{"a":"NaN 1e400"}"#, "NaNny", "1e", "-", "", "\"", "\"\\", "\"\\u12"] {
            check(text, None);
        }
        check("NaN", Some("\"NaN\""));
    }
}
