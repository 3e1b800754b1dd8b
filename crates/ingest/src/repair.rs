//! JSON that strict parsers refuse becomes JSON that says the same.
//!
//! | written | by | becomes |
//! |---|---|---|
//! | `NaN`, `Infinity`, `-Infinity` outside strings | Python | `"NaN"`, ... |
//! | a number that no 64-bit type holds (`18446744073709551616`, `1e400`) | any | its digits as a string |
//! | half a surrogate pair, `\ud800` | Python | the six characters `\ud800` |
//! | `\x22`, `\xC3\xA9` | nginx's `escape=default`, Apache | the characters that the bytes are |
//! | an escape that JSON does not know (`\d`, `\'`, `\u12`) | templates | its characters |
//! | a control character in a string | templates | its escape |
//! | `"a":,`, `"a":-` | templates whose variable is empty | `null`, `"-"` |
//! | `{"a":1,}`, `[1,]` | templates | without the comma |
//!
//! One pass, no recursion. Whether the result is JSON is for the strict parser to say.

use std::borrow::Cow;

/// Words that Python's `json.dumps` writes for floats that JSON cannot hold, and what nginx writes
/// for a variable that has no value.
const VALUE_WORDS: [&[u8]; 4] = [b"NaN", b"Infinity", b"-Infinity", b"-"];

/// Returns the mended line, or `None` when there is nothing to mend.
pub(crate) fn repair(line: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(line.len() + 16);
    let mut mended = false;
    let mut rest = line;
    while let Some(&byte) = rest.first() {
        let taken = match byte {
            b'"' => copy_string(rest, &mut out, &mut mended),
            b'-' | b'0'..=b'9' | b'N' | b'I' => copy_token(rest, &mut out, &mut mended),
            b'}' | b']' | b',' => {
                mend_before(&mut out, byte, &mut mended);
                out.push(byte);
                1
            }
            _ => {
                out.push(byte);
                1
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    mended.then_some(out)
}

/// Mends what stands before the end of a value: a value that is missing becomes null, and a comma
/// behind the last one goes.
fn mend_before(out: &mut Vec<u8>, end: u8, mended: &mut bool) {
    let length = out.trim_ascii_end().len();
    match out.get(length.saturating_sub(1)) {
        Some(b':') => out.extend_from_slice(b"null"),
        Some(b',') if end != b',' => out.truncate(length - 1),
        Some(_) | None => return,
    }
    *mended = true;
}

/// Copies a string with its quotes, and repairs its escapes.
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
            b'\\' => at += copy_escape(rest, out, mended),
            0x00..=0x1f => {
                *mended = true;
                push_control(byte, out);
                at += 1;
            }
            _ => {
                let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0x00..=0x1f);
                let plain = rest.iter().position(ends).unwrap_or(rest.len());
                out.extend_from_slice(rest.get(..plain).unwrap_or_default());
                at += plain;
            }
        }
    }
    at
}

/// Copies the escape at the start of a text, and returns how much of the text it was.
fn copy_escape(text: &[u8], out: &mut Vec<u8>, mended: &mut bool) -> usize {
    match text.get(1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
            out.extend_from_slice(text.get(..2).unwrap_or(text));
            2
        }
        Some(b'u') if unicode_escape(text).is_some() => {
            let (escape, is_half) = escape_of(text);
            if is_half {
                out.push(b'\\');
                *mended = true;
            }
            out.extend_from_slice(escape);
            escape.len()
        }
        Some(b'x') if byte_escape(text).is_some() => {
            *mended = true;
            copy_bytes(text, out)
        }
        // The next byte is copied by itself: it may be one of several of a character.
        Some(_) => {
            *mended = true;
            out.extend_from_slice(b"\\\\");
            1
        }
        None => {
            out.push(b'\\');
            1
        }
    }
}

/// Writes the characters of a run of `\xHH`; bytes that are no character stay as they are written.
fn copy_bytes(text: &[u8], out: &mut Vec<u8>) -> usize {
    let (mut bytes, mut at) = (Vec::new(), 0);
    while let Some(byte) = text.get(at..).and_then(byte_escape) {
        bytes.push(byte);
        at += BYTE_ESCAPE_LEN;
    }
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' | '\\' => out.extend_from_slice(&[b'\\', character as u8]),
                '\u{0}'..='\u{1f}' => push_control(character as u8, out),
                _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        for byte in chunk.invalid() {
            out.extend_from_slice(format!("\\\\x{byte:02X}").as_bytes());
        }
    }
    at
}

/// Bytes of `\xHH`.
const BYTE_ESCAPE_LEN: usize = 4;

/// Returns the byte of a `\xHH` at the start of a text.
fn byte_escape(text: &[u8]) -> Option<u8> {
    let digits = text.strip_prefix(b"\\x")?.get(..2)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn push_control(byte: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
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
    if VALUE_WORDS.contains(&token) || is_number_beyond_64_bits(token) {
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
    fn what_templates_write_is_mended() {
        // nginx's `escape=default`.
        check(r#"{"ua":"a \x22b\x22 \x5C"}"#, Some(r#"{"ua":"a \"b\" \\"}"#));
        check(r#"{"q":"\xC3\xA9\xE2\x82\xAC"}"#, Some(r#"{"q":"é€"}"#));
        check(r#"{"q":"\x00\x16\xFF\x41"}"#, Some(r#"{"q":"\u0000\u0016\\xFFA"}"#));
        check(r#"{"q":"\\x22"}"#, None);
        check(r#"{"q":"\xZZ \d \' \u12 é\é"}"#, Some(r#"{"q":"\\xZZ \\d \\' \\u12 é\\é"}"#));
        check("{\"q\":\"a\tb\u{1b}[0m\"}", Some("{\"q\":\"a\\u0009b\\u001b[0m\"}"));
        // Variables without a value.
        check(r#"{"a":,"b":-,"c": }"#, Some(r#"{"a":null,"b":"-","c": null}"#));
        check(r#"{"a":1, }"#, Some(r#"{"a":1}"#));
        check(r#"{"a":[1,2,],}"#, Some(r#"{"a":[1,2]}"#));
        // Not ours to guess.
        check(r#"{"a":1,,"b":2}"#, None);
        check(r#"{"a":"x",:}"#, Some(r#"{"a":"x",:null}"#));
    }

    #[test]
    fn strings_and_rubbish_are_left_alone() {
        for text in [r#"{"a":"NaN 1e400"}"#, "NaNny", "1e", "", "\"", "\"\\", "{\"a\":[1,2]}"] {
            check(text, None);
        }
        check("NaN", Some("\"NaN\""));
    }
}
