//! Makes text from logs harmless for a terminal: what it would obey becomes visible instead.
//!
//! Escape sequences can recolour, move the cursor, retitle a window or answer as if typed;
//! direction marks can make a line read as another. Both are how an attacker who controls a
//! user agent reaches the engineer who reads the log.

use std::fmt::Write as _;

/// Tells whether a terminal would act on a character instead of showing it: control characters,
/// Unicode's bidirectional controls, line and paragraph separators, and format characters that show
/// nothing. The joiners U+200C and U+200D are part of how emoji and Persian are written, and stay.
pub(super) fn acts(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Returns a value as one line of JSON in which every character that a terminal would act on is
/// escaped: the same value for a program, harmless when it is looked at.
pub(super) fn json(value: &impl serde::Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string(value)?;
    // Fast path: serde_json has escaped all such characters of ASCII but DEL.
    if text.is_ascii() && !text.contains('\u{7f}') {
        return Ok(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        // Outside of a text, JSON has none of them.
        if acts(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    Ok(out)
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
        assert_eq!(line("a\u{61c}b\u{feff}c\u{e0041}"), "a\\u{61c}b\\u{feff}c\\u{e0041}");
        let written = "👩\u{200d}💻 می\u{200c}خواهم ❤\u{fe0f}";
        assert_eq!(line(written), written);
    }

    #[test]
    fn every_bidirectional_control_of_unicode_acts() {
        let controls =
            icu_properties::CodePointSetData::new::<icu_properties::props::BidiControl>();
        let controls: Vec<char> =
            controls.iter_ranges().flatten().filter_map(char::from_u32).collect();
        assert!(controls.len() >= 12, "{controls:?}");
        assert!(controls.iter().all(|control| acts(*control)), "{controls:?}");
    }

    #[test]
    fn json_is_the_same_value_without_a_character_that_acts() {
        for text in [
            "plain",
            "ünïcode 😀",
            "\u{1b}[2J \u{7f} \u{9b}31m",
            "admin\u{202e}gnp.exe\u{2028}",
            "tag \u{e0041} and \"quotes\" \\ \n",
        ] {
            let value = serde_json::json!({text: [text]});
            let written = json(&value).expect("JSON");
            assert!(!written.chars().any(acts), "{written}");
            let read: serde_json::Value = serde_json::from_str(&written).expect("JSON");
            assert_eq!(read, value);
        }
        let tag = json(&"\u{e0041}\u{202e}").expect("JSON");
        assert_eq!(tag, "\"\\udb40\\udc41\\u202e\"");
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
