//! Words for severity as log lines begin with them. Strict: a word that also begins sentences is
//! a level only in the forms that loggers write.

use super::cursor::Cursor;

/// Words that loggers write, in capitals.
const WORDS: [&str; 35] = [
    "DEBUG",
    "INFO",
    "WARNING",
    "ERROR",
    "CRITICAL",
    "WARN",
    "TRACE",
    "FATAL",
    "NOTICE",
    "SEVERE",
    "SUCCESS",
    "FINE",
    "FINER",
    "FINEST",
    "VERBOSE",
    "ALERT",
    "EMERG",
    "EMERGENCY",
    "PANIC",
    "DPANIC",
    "CRIT",
    "ERR",
    "WRN",
    "INF",
    "DBG",
    "FTL",
    "TRC",
    "VRB",
    "PNC",
    "DEBU",
    "ERRO",
    "FATA",
    "PANI",
    "TRAC",
    "INFORMATION",
];

/// Words that may stand before a colon in any case: `error: no such file`.
const BEFORE_COLON: [&str; 9] =
    ["debug", "info", "notice", "warn", "warning", "error", "err", "fatal", "critical"];

/// Longest of the words, and digits behind it.
const WORD_BYTES_MAX: usize = 14;

/// Tells whether a text is one of the words, in any case.
pub(super) fn is_word(text: &str) -> bool {
    let word = text.trim_end_matches(|c: char| c.is_ascii_digit());
    // `DEBUG1` and `INFO2` are levels; a longer number is none.
    text.len() <= word.len() + 1 && WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Reads a level in capitals that ends where the word ends.
pub(super) fn capitals<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let mut ahead = *cursor;
    let word = ahead.take_while(|c| c.is_ascii_uppercase());
    if word.len() > WORD_BYTES_MAX || !WORDS.contains(&word) {
        return None;
    }
    let digit = ahead.take_while(|c| c.is_ascii_digit());
    if digit.len() > 1 || ahead.rest().starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let text = cursor.rest().get(..word.len() + digit.len())?;
    *cursor = ahead;
    Some(text)
}

/// Reads a level of any case that a colon follows, and leaves the colon.
pub(super) fn before_colon<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let mut ahead = *cursor;
    let word = ahead.take_while(|c| c.is_ascii_alphabetic());
    let is_level = BEFORE_COLON.iter().any(|known| known.eq_ignore_ascii_case(word));
    if !is_level || !ahead.rest().starts_with(':') {
        return None;
    }
    *cursor = ahead;
    Some(word)
}

/// Reads a level of any case in brackets: `[error]`, `[INFO ]`.
pub(super) fn bracketed<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let mut ahead = *cursor;
    let word = ahead.within("[", "]")?.trim();
    if word.len() > WORD_BYTES_MAX || !is_word(word) {
        return None;
    }
    *cursor = ahead;
    Some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(read: for<'a> fn(&mut Cursor<'a>) -> Option<&'a str>, cases: &[(&str, Option<&str>)]) {
        for (text, expected) in cases {
            assert_eq!(read(&mut Cursor::new(text)), *expected, "{text}");
        }
    }

    #[test]
    fn every_word_is_a_level_of_the_store() {
        for word in WORDS.iter().chain(&BEFORE_COLON) {
            assert!(tierlog_model::Level::from_word(word).is_some(), "{word}");
        }
    }

    #[test]
    fn words_count_in_the_forms_of_loggers_only() {
        check(
            capitals,
            &[
                ("INFO x", Some("INFO")),
                ("DEBUG2 x", Some("DEBUG2")),
                ("WARNING", Some("WARNING")),
                ("ERRORS happen", None),
                ("INFO_X", None),
                ("Error x", None),
                ("ERROR404 x", None),
                ("", None),
            ],
        );
        check(
            before_colon,
            &[("error: x", Some("error")), ("Error handling: x", None), ("fine: x", None)],
        );
        check(
            bracketed,
            &[("[INFO ] x", Some("INFO")), ("[error] x", Some("error")), ("[infos] x", None)],
        );
    }
}
