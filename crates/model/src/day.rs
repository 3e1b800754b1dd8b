//! A UTC day: the time axis of partitions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Days since 1970-01-01, UTC. Written `2026-11-20`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(i32);

/// A text that is not `yyyy-mm-dd`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a day: {0:?} (expected yyyy-mm-dd)")]
pub struct DayError(String);

impl Day {
    /// Returns the day that contains a moment.
    pub fn containing(timestamp: Timestamp) -> Day {
        // The storable range of a timestamp is ±106 650 days, so the cast cannot truncate.
        Day(timestamp.as_micros().div_euclid(MICROS_PER_DAY) as i32)
    }

    /// Returns the first moment of the day.
    pub fn start(self) -> Timestamp {
        Timestamp::from_micros_clamped(i64::from(self.0) * MICROS_PER_DAY)
    }

    /// Returns the first moment after the day.
    pub fn end(self) -> Timestamp {
        self.plus_days(1).start()
    }

    /// Returns the day so many days later (or earlier, when negative).
    #[must_use]
    pub fn plus_days(self, days: i32) -> Day {
        Day(self.0.saturating_add(days))
    }

    /// Returns days since 1970-01-01.
    pub fn number(self) -> i32 {
        self.0
    }
}

impl Timestamp {
    /// Returns the UTC day that the moment lies in.
    pub fn day(self) -> Day {
        Day::containing(self)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.start().as_micros()) {
            Ok(moment) => {
                let date = moment.to_zoned(jiff::tz::TimeZone::UTC).date();
                write!(formatter, "{date}")
            }
            Err(_) => write!(formatter, "day {}", self.0),
        }
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Day, DayError> {
        let error = || DayError(text.to_owned());
        // Only the form that `Display` writes: partition directories must have one name each.
        if text.len() != "yyyy-mm-dd".len() {
            return Err(error());
        }
        let date: jiff::civil::Date = text.parse().map_err(|_| error())?;
        let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| error())?;
        let timestamp =
            Timestamp::from_micros(zoned.timestamp().as_microsecond()).ok_or_else(error)?;
        Ok(timestamp.day())
    }
}

impl TryFrom<String> for Day {
    type Error = DayError;

    fn try_from(text: String) -> Result<Day, DayError> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> String {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_names_itself_and_its_bounds() {
        let day: Day = "2026-11-20".parse().expect("a day");
        assert_eq!(day.to_string(), "2026-11-20");
        assert_eq!(day.start().to_string(), "2026-11-20T00:00:00.000000Z");
        assert_eq!(day.end().to_string(), "2026-11-21T00:00:00.000000Z");
        assert_eq!(day.start().day(), day);
        assert_eq!(day.end().saturating_add_micros(-1).day(), day);
        assert_eq!(Day(-1).to_string(), "1969-12-31");
        for text in ["", "2026-13-01", "2026-1-1", "trash", "2026-11-20T0"] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }
}
