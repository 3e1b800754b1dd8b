//! Terminal colours are taken off a text before it is read: escape sequences say nothing that a
//! search would look for, and stand between the letters that it does look for.

use std::borrow::Cow;

/// The byte that begins an escape sequence.
const ESCAPE: u8 = 0x1b;

/// Returns a text without escape sequences.
pub(crate) fn without_colours(text: &str) -> Cow<'_, str> {
    // Fast path: one vectorised pass over a text without any.
    if memchr::memchr(ESCAPE, text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = after.get(sequence_len(after)..).unwrap_or_default();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Returns how many bytes of an escape sequence follow its escape.
pub(crate) fn sequence_len(after: &str) -> usize {
    let bytes = after.as_bytes();
    match bytes.first() {
        // Control sequences: parameters, then one letter. What has no letter is no sequence.
        Some(b'[') => {
            let parameters =
                bytes.iter().skip(1).take_while(|b| (0x20..=0x3f).contains(*b)).count();
            match bytes.get(1 + parameters) {
                Some(0x40..=0x7e) => 2 + parameters,
                Some(_) | None => 1,
            }
        }
        // Commands to the terminal (titles, links) end with a bell or a string terminator.
        Some(b']') => {
            let bell = memchr::memchr(0x07, bytes).map(|at| at + 1);
            let terminator = after.find("\u{1b}\\").map(|at| at + 2);
            bell.into_iter().chain(terminator).min().unwrap_or(1)
        }
        // `ESC ( B` chooses a character set, `ESC c` and its like are two bytes.
        Some(b'(' | b')') if bytes.len() > 1 && bytes.get(1).is_some_and(u8::is_ascii) => 2,
        Some(0x30..=0x7e) => 1,
        Some(_) | None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_go_and_text_stays() {
        for (text, expected) in [
            ("plain é", "plain é"),
            ("\u{1b}[31merror\u{1b}[39m: é", "error: é"),
            ("\u{1b}[1;38;5;200mx\u{1b}[0m", "x"),
            ("\u{1b}[0m", ""),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]8;;http://a\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}(Bx", "x"),
            ("a\u{1b}", "a"),
            ("a\u{1b}[", "a"),
            ("a\u{1b}[31é", "a31é"),
            ("\u{1b}é", "é"),
        ] {
            assert_eq!(without_colours(text), expected, "{text:?}");
        }
    }
}
