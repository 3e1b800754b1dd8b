//! Severity in any usual spelling, word or number, becomes a [`Level`].

use tierlog_model::{Level, Value};

use super::convert::trimmed;
use super::level_form::read_decorated;

/// How numbers under a name count severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LevelScale {
    /// pino and bunyan (10 trace ... 60 fatal); below 8 GELF's, which are syslog's.
    Pino,
    /// Python's logging (10 debug ... 50 critical).
    Python,
    /// syslog (0 emergency ... 7 debug); above, OpenTelemetry's, and from 100 Google Cloud's.
    Syslog,
    /// OpenTelemetry (1 trace ... 24 fatal).
    OpenTelemetry,
    /// Monolog (100 debug ... 600 emergency).
    Monolog,
    /// MongoDB's and glog's first letters (`D1`, `I`, `W`, `E`, `F`), beside words.
    Letters,
}

impl LevelScale {
    /// Returns the scale of numbers under a field name.
    pub(crate) fn of_name(name: &str) -> LevelScale {
        match name {
            "levelno" => LevelScale::Python,
            "severity" | "syslog.severity" | "log.syslog.severity.code" => LevelScale::Syslog,
            "severity_number" | "severitynumber" => LevelScale::OpenTelemetry,
            _ => LevelScale::Pino,
        }
    }

    /// Returns the scale's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            LevelScale::Pino => "pino's numbers",
            LevelScale::Python => "Python's numbers",
            LevelScale::Syslog => "syslog's numbers",
            LevelScale::OpenTelemetry => "OpenTelemetry's numbers",
            LevelScale::Monolog => "Monolog's numbers",
            LevelScale::Letters => "letters",
        }
    }

    /// Returns the level of a letter, where the scale has letters.
    fn letter(self, text: &str) -> Option<Level> {
        if self != LevelScale::Letters || text.len() > 2 {
            return None;
        }
        Some(match text.bytes().next()? {
            b'D' | b'V' => Level::Debug,
            b'I' => Level::Info,
            b'W' => Level::Warning,
            b'E' => Level::Error,
            b'F' | b'C' => Level::Critical,
            _ => return None,
        })
    }

    /// Returns the level of a number; a number between two standard ones is the more severe.
    pub(super) fn level(self, number: i64) -> Option<Level> {
        match self {
            LevelScale::Pino => match number {
                0..=7 => LevelScale::Syslog.level(number),
                8..=20 => Some(Level::Debug),
                21..=30 => Some(Level::Info),
                31..=40 => Some(Level::Warning),
                41..=50 => Some(Level::Error),
                51.. => Some(Level::Critical),
                _ => None,
            },
            LevelScale::Python => match number {
                1..=10 => Some(Level::Debug),
                11..=20 => Some(Level::Info),
                21..=30 => Some(Level::Warning),
                31..=40 => Some(Level::Error),
                41.. => Some(Level::Critical),
                _ => None,
            },
            LevelScale::Syslog => match number {
                0..=2 => Some(Level::Critical),
                3 => Some(Level::Error),
                4 => Some(Level::Warning),
                5..=6 => Some(Level::Info),
                7 => Some(Level::Debug),
                8..=24 => LevelScale::OpenTelemetry.level(number),
                100..=199 => Some(Level::Debug),
                200..=399 => Some(Level::Info),
                400..=499 => Some(Level::Warning),
                500..=599 => Some(Level::Error),
                600..=800 => Some(Level::Critical),
                _ => None,
            },
            LevelScale::Monolog => match number {
                1..=100 => Some(Level::Debug),
                101..=250 => Some(Level::Info),
                251..=300 => Some(Level::Warning),
                301..=400 => Some(Level::Error),
                401..=600 => Some(Level::Critical),
                _ => None,
            },
            LevelScale::Letters => None,
            LevelScale::OpenTelemetry => match number {
                1..=8 => Some(Level::Debug),
                9..=12 => Some(Level::Info),
                13..=16 => Some(Level::Warning),
                17..=20 => Some(Level::Error),
                21..=24 => Some(Level::Critical),
                _ => None,
            },
        }
    }
}

/// Returns the level that a value means, or `None` when nobody knows.
pub(crate) fn read_level(value: &Value<'_>, scale: LevelScale) -> Option<Level> {
    match value {
        Value::Str(text) => {
            let text = trimmed(text);
            Level::from_word(text).or_else(|| scale.letter(text)).or_else(|| match text.parse() {
                Ok(number) => scale.level(number),
                Err(_) => read_decorated(text),
            })
        }
        Value::I64(number) => scale.level(*number),
        // The next whole number up: 30.5 lies between 30 and 40 and is the more severe.
        Value::F64(number) if number.abs() < 1e9 => scale.level(number.ceil() as i64),
        Value::F64(_) | Value::U64(_) | Value::Bool(_) | Value::Json(_) => None,
    }
}

/// Words for "no level was given": Google's, OpenTelemetry's, Python's.
const UNASSIGNED: [&str; 4] = ["default", "unspecified", "severity_number_unspecified", "notset"];

/// Tells whether a value that is no level says that none was given. Where 0 is no level, it is the
/// number of such a word.
pub(super) fn is_unassigned(value: &Value<'_>) -> bool {
    match value {
        Value::Str(text) => {
            let text = text.trim();
            text == "0" || UNASSIGNED.iter().any(|word| word.eq_ignore_ascii_case(text))
        }
        Value::I64(number) => *number == 0,
        Value::F64(_) | Value::U64(_) | Value::Bool(_) | Value::Json(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scale: LevelScale, cases: &[(i64, Option<Level>)]) {
        for (number, expected) in cases {
            assert_eq!(read_level(&Value::I64(*number), scale), *expected, "{scale:?} {number}");
            let text = Value::Str(number.to_string().into());
            assert_eq!(read_level(&text, scale), *expected, "{scale:?} {number} as text");
        }
    }

    #[test]
    fn numbers_count_by_the_scale_of_their_name() {
        use Level::{Critical, Debug, Error, Info, Warning};
        check(
            LevelScale::of_name("level"),
            &[
                (10, Some(Debug)),
                (20, Some(Debug)),
                (30, Some(Info)),
                (35, Some(Warning)),
                (40, Some(Warning)),
                (50, Some(Error)),
                (60, Some(Critical)),
                (99, Some(Critical)),
                (3, Some(Error)),
                (7, Some(Debug)),
                (-1, None),
            ],
        );
        check(
            LevelScale::of_name("levelno"),
            &[(10, Some(Debug)), (20, Some(Info)), (25, Some(Warning)), (30, Some(Warning))],
        );
        check(
            LevelScale::of_name("levelno"),
            &[(40, Some(Error)), (50, Some(Critical)), (0, None)],
        );
        check(
            LevelScale::of_name("severity"),
            &[
                (0, Some(Critical)),
                (2, Some(Critical)),
                (3, Some(Error)),
                (4, Some(Warning)),
                (5, Some(Info)),
                (6, Some(Info)),
                (7, Some(Debug)),
                (9, Some(Info)),
                (400, Some(Warning)),
                (90, None),
            ],
        );
        check(
            LevelScale::of_name("severity_number"),
            &[
                (0, None),
                (1, Some(Debug)),
                (8, Some(Debug)),
                (9, Some(Info)),
                (13, Some(Warning)),
                (17, Some(Error)),
                (21, Some(Critical)),
                (24, Some(Critical)),
                (25, None),
            ],
        );
    }

    #[test]
    fn some_words_say_that_no_level_was_given() {
        for (text, expected) in [
            ("DEFAULT", true),
            (" default ", true),
            ("SEVERITY_NUMBER_UNSPECIFIED", true),
            ("UNSPECIFIED", true),
            ("NOTSET", true),
            ("0", true),
            ("Default value", false),
            ("loud", false),
            ("00", false),
            ("", false),
        ] {
            assert_eq!(is_unassigned(&Value::Str(text.into())), expected, "{text}");
        }
        assert!(is_unassigned(&Value::I64(0)));
        assert!(!is_unassigned(&Value::I64(-1)));
    }

    #[test]
    fn words_count_in_any_case() {
        let word = |word: &'static str| read_level(&Value::Str(word.into()), LevelScale::Pino);
        for (text, expected) in [
            ("WARN", Some(Level::Warning)),
            (" Fatal ", Some(Level::Critical)),
            ("err", Some(Level::Error)),
            ("TRACE", Some(Level::Debug)),
            ("notice", Some(Level::Info)),
            ("panic", Some(Level::Critical)),
            ("\u{1b}[31merror\u{1b}[39m", Some(Level::Error)),
            ("DEBUG-4", Some(Level::Debug)),
            // Numbers are numbers, with or without a sign.
            ("-1", None),
            ("Level 45", None),
            ("loud", None),
            ("", None),
        ] {
            assert_eq!(word(text), expected, "{text}");
        }
        assert_eq!(read_level(&Value::F64(30.5), LevelScale::Pino), Some(Level::Warning));
        assert_eq!(read_level(&Value::Bool(true), LevelScale::Pino), None);
    }
}
