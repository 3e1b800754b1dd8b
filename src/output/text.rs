//! Makes text from logs harmless for a terminal: what it would obey becomes visible instead.
//!
//! Escape sequences can recolour, move the cursor, retitle a window or answer as if typed;
//! direction marks can make a line read as another. Both are how an attacker who controls a
//! user agent reaches the engineer who reads the log.

use std::fmt::Write as _;

/// Tells whether a terminal would act on a character instead of showing it.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Appends text as one line.
pub(super) fn push_line(out: &mut String, text: &str) {
    for character in text.chars() {
        if acts(character) {
            push_visible(out, character);
        } else {
            out.push(character);
        }
    }
}

/// Appends text with its line breaks, every line indented; ends with a line break.
pub(super) fn push_block(out: &mut String, text: &str, indent: usize) {
    for line in text.trim_end().lines() {
        let _ = write!(out, "{:indent$}", "");
        for character in line.chars() {
            match character {
                '\t' => out.push_str("    "),
                character if acts(character) => push_visible(out, character),
                character => out.push(character),
            }
        }
        out.push('\n');
    }
}

fn push_visible(out: &mut String, character: char) {
    let _ = match character {
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        '\0'..='\u{ff}' => write!(out, "\\x{:02x}", character as u32),
        _ => write!(out, "\\u{{{:x}}}", character as u32),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> String {
        let mut out = String::new();
        push_line(&mut out, text);
        out
    }

    #[test]
    fn what_a_terminal_obeys_becomes_visible() {
        assert_eq!(line("plain text, ünïcode 😀"), "plain text, ünïcode 😀");
        assert_eq!(line("\u{1b}[2J\u{1b}]0;title\u{7}"), "\\x1b[2J\\x1b]0;title\\x07");
        assert_eq!(line("a\r\nb\tc\u{9b}31m"), "a\\r\\nb\\tc\\x9b31m");
        assert_eq!(line("admin\u{202e}gnp.exe"), "admin\\u{202e}gnp.exe");
    }

    #[test]
    fn a_block_keeps_its_lines_and_nothing_else_that_acts() {
        let mut out = String::new();
        push_block(&mut out, "a\n\tb\u{1b}[0m\r\n\n", 2);
        assert_eq!(out, "  a\n      b\\x1b[0m\n");
    }

    proptest::proptest! {
        #[test]
        fn no_text_leaves_anything_that_acts(text: String) {
            assert!(!line(&text).chars().any(acts));
            let mut out = String::new();
            push_block(&mut out, &text, 4);
            assert!(!out.chars().any(|character| acts(character) && character != '\n'));
        }
    }
}
