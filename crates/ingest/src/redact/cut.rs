//! Redacted texts that are too long: cut, and numbered, without changing a token.
//!
//! A token that lost its end, or got more at its end, is an id to whoever reads it: a second run
//! would make a token of the token, and the id could not be found by it.

use tierlog_model::has_token_form;

/// Returns the beginning of a redacted text: at most so many bytes, and no part of a token.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    let end = text.floor_char_boundary(bytes_max);
    let (kept, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let start = last_word_start(kept);
    let word_rest = rest.bytes().take_while(|byte| is_word(*byte)).count();
    let is_inside =
        (1..=word_rest).any(|more| text.get(start..end + more).is_some_and(has_token_form));
    if is_inside { kept.get(..start).unwrap_or_default() } else { kept }
}

/// Returns a redacted text with a number: behind it, but before one that ends with a token. Behind
/// a token even a number that stands apart may be read as the next id of a list.
pub(super) fn numbered(text: &str, number: usize) -> String {
    let ends_with_token = text.get(last_word_start(text)..).is_some_and(has_token_form);
    if ends_with_token { format!("{number} {text}") } else { format!("{text}_{number}") }
}

/// Returns where the word begins that a text ends with.
fn last_word_start(text: &str) -> usize {
    text.bytes().rposition(|byte| !is_word(byte)).map_or(0, |before| before + 1)
}

/// Tells whether a byte may be a part of a token.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::super::tests::pseudonyms;
    use super::*;

    fn token() -> String {
        pseudonyms().token_in("user_id", "4242").expect("a key")
    }

    #[test]
    fn a_token_is_kept_whole_or_not_at_all() {
        let token = token();
        let text = format!("é user_id={token}, next");
        let (start, end) = ("é user_id=".len(), "é user_id=".len() + token.len());
        for bytes_max in 0..=text.len() {
            let expected = match bytes_max {
                1 => "",
                _ if (start..end).contains(&bytes_max) => text.get(..start).expect("a boundary"),
                _ => text.get(..bytes_max).expect("a boundary"),
            };
            assert_eq!(cut(&text, bytes_max), expected, "{bytes_max}");
        }
        assert_eq!(cut(&token, token.len()), token);
        assert_eq!(cut(&token, 5), "");
        assert_eq!(cut(&format!("{token}x"), token.len()), token);
        assert_eq!(cut(&"a".repeat(100), 70).len(), 70);
    }

    #[test]
    fn a_number_is_no_part_of_a_token() {
        let token = token();
        assert_eq!(numbered("[EMAIL]", 2), "[EMAIL]_2");
        assert_eq!(numbered("", 2), "_2");
        assert_eq!(numbered(&format!("user_id={token}"), 2), format!("2 user_id={token}"));
        assert_eq!(numbered(&format!("user_id={token}.x"), 3), format!("user_id={token}.x_3"));
    }
}
