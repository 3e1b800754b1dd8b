//! Words for severity in the forms in which loggers decorate them: `[ERROR]`, `error:`, colours,
//! slog's `ERROR+4`, `LogLevel.ERROR`, `lvl=error`, `<3>`.
//!
//! Signs around a word are taken off; the whole word must be a known level. `no error` and `Level
//! 45` stay unknown.

use tierlog_model::Level;

use super::level::LevelScale;
use crate::text::without_colours;

/// Longest text that can be a decorated word: colours of both kinds around the longest word.
const TEXT_BYTES_MAX: usize = 64;

/// Names before a level that only announce a level.
const KEYS: [&str; 9] = [
    "level",
    "lvl",
    "loglevel",
    "log_level",
    "severity",
    "priority",
    "logging",
    "log",
    "severity_number",
];

/// Facilities of syslog: `local0.err`.
const FACILITIES: [&str; 14] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "console", "local",
];

/// Returns the level that a decorated word means.
pub(super) fn read_decorated(text: &str) -> Option<Level> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let text = without_colours(text);
    let text = text.trim();
    if let Some(number) = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')) {
        return priority(number);
    }
    let bare = text.trim_matches(|c: char| !c.is_alphanumeric());
    word(bare).or_else(|| word(behind_key(bare)?))
}

/// Returns the level of a word, without what is added to it.
fn word(text: &str) -> Option<Level> {
    Level::from_word(text).or_else(|| Level::from_word(without_number(text)?))
}

/// Takes an offset (`ERROR+4`, `DEBUG-4`) or a step (`trace2`) off.
fn without_number(text: &str) -> Option<&str> {
    let word = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let digit_count = text.len() - word.len();
    if digit_count == 0 {
        return None;
    }
    match word.strip_suffix(['+', '-']) {
        Some(word) => Some(word),
        None => (digit_count == 1).then_some(word),
    }
}

/// Returns the text behind `level=`, `LogLevel.`, `LOG_`, `SEVERITY_NUMBER_` or a facility.
fn behind_key(text: &str) -> Option<&str> {
    let at = text.rfind(['=', ':', '.', '_'])?;
    let (key, word) = text.split_at_checked(at)?;
    let word = word.get(1..)?.trim_matches(|c: char| !c.is_alphanumeric());
    let key = key.trim_end_matches(|c: char| !c.is_alphanumeric());
    let is_key = KEYS.iter().any(|known| known.eq_ignore_ascii_case(key));
    let facility = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_facility = || FACILITIES.iter().any(|known| known.eq_ignore_ascii_case(facility));
    (is_key || is_facility()).then_some(word)
}

/// Returns the level of a priority of syslog, whose last three bits are the severity.
fn priority(number: &str) -> Option<Level> {
    let number: i64 = number.parse().ok()?;
    (0..=191).contains(&number).then(|| LevelScale::Syslog.level(number % 8))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_a_word_is_taken_off() {
        use Level::{Critical, Debug, Error, Info, Warning};
        for (text, expected) in [
            ("\u{1b}[31merror\u{1b}[39m", Error),
            ("\u{1b}[1;33mWARN \u{1b}[0m", Warning),
            ("ERROR+4", Error),
            ("DEBUG-4", Debug),
            ("INFO+2", Info),
            ("[ERROR]", Error),
            ("[ warn ]", Warning),
            ("error:", Error),
            ("(notice)", Info),
            ("*** FATAL ***", Critical),
            ("❌ error", Error),
            ("<3>", Error),
            ("<165>", Info),
            ("lvl=error", Error),
            ("level: warning", Warning),
            ("trace2", Debug),
            ("INFO2", Info),
            ("DEBUG5", Debug),
            ("LogLevel.ERROR", Error),
            ("Level.WARNING", Warning),
            ("logging.CRITICAL", Critical),
            ("LOG_ERR", Error),
            ("SEVERITY_NUMBER_WARN", Warning),
            ("SEVERITY_NUMBER_ERROR2", Error),
            ("local0.err", Error),
            ("daemon.notice", Info),
        ] {
            assert_eq!(read_decorated(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_texts_stay_unknown() {
        for text in [
            "no error",
            "error, warning",
            "info/error",
            "error12",
            "Level 45",
            "app.error",
            "my_error",
            "<999>",
            "<x>",
            "E",
            "[]",
            "",
            "+4",
            "4",
            "error+",
            "not found",
            "🙂",
        ] {
            let expected = (text == "error+").then_some(Level::Error);
            assert_eq!(read_decorated(text), expected, "{text}");
        }
        assert_eq!(read_decorated(&"[".repeat(TEXT_BYTES_MAX + 1)), None);
    }
}
