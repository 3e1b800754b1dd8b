//! Whether a word reads as an id: asked of segments of paths, of words behind the names of ids, and
//! of keys below the field of a user. Pure, and knows nothing of records.

/// Shortest token of letters and digits in no order that is an id. Words that end in numbers
/// (`utf8`, `sha256sum`) are shorter.
const TOKEN_BYTES_MIN: usize = 16;

/// Shortest hexadecimal id: a short commit hash has seven or eight digits.
const HEX_BYTES_MIN: usize = 8;

/// Digits in a row that number a thing inside a segment (`order-12345`); years have four.
const NUMBER_BYTES_MIN: usize = 5;

/// Tells whether a word reads as an id: a number, a UUID, hexadecimal, a long token, an address.
pub fn reads_as_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    let count = |wanted: fn(&u8) -> bool| bytes.iter().filter(|byte| wanted(byte)).count();
    let digits = count(u8::is_ascii_digit);
    if text.contains('@') || (digits > 0 && text.to_ascii_lowercase().contains("%40")) {
        return true;
    }
    if digits == 0 {
        return false;
    }
    let is_token = bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"_-=~".contains(b));
    let bare = text.trim_matches(['{', '}']);
    let hex_digits = bare.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    // `face-2-face` is words; UUIDs and dates have more digits.
    let is_hex = hex_digits && bare.len() >= HEX_BYTES_MIN && (digits >= 3 || !bare.contains('-'));
    if digits == bytes.len() || is_hex {
        return true;
    }
    is_token && (longest_number(bytes) >= NUMBER_BYTES_MIN || is_mixed(bytes))
}

/// Tells whether a long token is letters and digits in no order: several groups of digits, or
/// capitals and small letters in turn.
fn is_mixed(bytes: &[u8]) -> bool {
    let groups = bytes.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit());
    let number_groups = groups.filter(|group| group.first().is_some_and(u8::is_ascii_digit));
    let has_capital = bytes.iter().any(u8::is_ascii_uppercase);
    let has_word_breaks = bytes.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let is_long = bytes.len() >= TOKEN_BYTES_MIN;
    is_long && number_groups.count() >= 2 && (has_capital || !has_word_breaks)
}

fn longest_number(bytes: &[u8]) -> usize {
    let runs = bytes.split(|byte| !byte.is_ascii_digit());
    runs.map(<[u8]>::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_words() {
        for id in ["42", "3f9c2ab1", "ada@example.org", "ORD-2026-000123", "V1StGXR8_Z5jdHi6B-myT"]
        {
            assert!(reads_as_id(id), "{id}");
        }
        for word in ["courses", "v1", "oauth2", "sha256sum", "face-2-face", "deadbeef"] {
            assert!(!reads_as_id(word), "{word}");
        }
    }
}
