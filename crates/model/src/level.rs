//! Severity of a record: five names, ordered.

use serde::{Deserialize, Serialize};

/// Severity, from least to most severe; the order is the order of `level:>=warning`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Level {
    /// Diagnostic detail (OpenTelemetry TRACE and DEBUG).
    Debug = 0,
    /// Ordinary events (OpenTelemetry INFO, syslog notice).
    Info = 1,
    /// Unexpected but handled (OpenTelemetry WARN).
    Warning = 2,
    /// An operation failed (OpenTelemetry ERROR).
    Error = 3,
    /// The service fails (OpenTelemetry FATAL, syslog critical, alert, emergency).
    Critical = 4,
}

impl Level {
    /// Every level, least severe first.
    pub const ALL: [Level; 5] =
        [Level::Debug, Level::Info, Level::Warning, Level::Error, Level::Critical];

    /// Returns the stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
            Level::Critical => "critical",
        }
    }

    /// Returns the level of a stored number, if it is one.
    pub fn from_u8(number: u8) -> Option<Level> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Returns the level with this stored name (exactly as [`Level::as_str`] gives it).
    pub fn from_name(name: &str) -> Option<Level> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }

    /// Returns the level that a word of any common spelling and case means:
    /// `WARN`, `err`, `fatal`, `notice`, `trace`, ...
    ///
    /// Words of Python logging, syslog, OpenTelemetry, log4j, pino and Go loggers.
    pub fn from_word(word: &str) -> Option<Level> {
        const WORDS: [(&str, Level); 47] = [
            ("debug", Level::Debug),
            ("info", Level::Info),
            ("warning", Level::Warning),
            ("error", Level::Error),
            ("critical", Level::Critical),
            ("warn", Level::Warning),
            ("trace", Level::Debug),
            ("verbose", Level::Debug),
            ("fine", Level::Debug),
            ("dbg", Level::Debug),
            ("information", Level::Info),
            ("informational", Level::Info),
            ("notice", Level::Info),
            ("inf", Level::Info),
            ("log", Level::Info),
            ("wrn", Level::Warning),
            ("err", Level::Error),
            ("severe", Level::Error),
            ("exception", Level::Error),
            ("fatal", Level::Critical),
            ("panic", Level::Critical),
            ("alert", Level::Critical),
            ("emergency", Level::Critical),
            ("emerg", Level::Critical),
            ("crit", Level::Critical),
            ("dpanic", Level::Critical),
            // java.util.logging, loguru, winston, Apple's log.
            ("finer", Level::Debug),
            ("finest", Level::Debug),
            ("config", Level::Debug),
            ("success", Level::Info),
            ("silly", Level::Debug),
            ("http", Level::Debug),
            ("fault", Level::Critical),
            // PostgreSQL, where they stand for more about another line.
            ("hint", Level::Info),
            ("statement", Level::Info),
            // Words cut to three and four letters: Serilog, zerolog, logrus, .NET.
            ("ftl", Level::Critical),
            ("pnc", Level::Critical),
            ("vrb", Level::Debug),
            ("trc", Level::Debug),
            ("trac", Level::Debug),
            ("debu", Level::Debug),
            ("erro", Level::Error),
            ("fata", Level::Critical),
            ("pani", Level::Critical),
            ("trce", Level::Debug),
            ("dbug", Level::Debug),
            ("fail", Level::Error),
        ];
        let level_of = |word: &str| {
            let known = WORDS.iter().find(|(spelling, _)| spelling.eq_ignore_ascii_case(word));
            known.map(|(_, level)| *level)
        };
        level_of(word).or_else(|| level_of(word.trim()))
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.as_str())
    }
}
