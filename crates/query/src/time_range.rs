//! The span of time that a query asks about, and how its two ends are written.
//!
//! Arrives: text of a client. Leaves: a half-open span in microseconds. The present moment is an
//! argument, never asked for here.

use std::fmt;

use jiff::civil;
use jiff::tz::TimeZone;
use tierlog_model::Timestamp;

use crate::QueryError;
use crate::parse::Bound;

/// A half-open span: `start <= timestamp < end`; an end that is absent is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// First moment inside.
    pub start: Option<Timestamp>,
    /// First moment after.
    pub end: Option<Timestamp>,
}

impl TimeRange {
    /// Reads the parameters `start` and `end`; an empty text is an open end.
    pub fn read(
        start: Option<&str>,
        end: Option<&str>,
        now: Timestamp,
    ) -> Result<TimeRange, QueryError> {
        let read = |name: &'static str, text: Option<&str>| match text.map(str::trim) {
            None | Some("") => Ok(None),
            Some(text) => read_moment(text, now).map(Some).ok_or_else(|| {
                let message = "expected RFC 3339, unix seconds (or ms, us, ns), now or now-1h";
                QueryError::Parameter { name, message: message.to_owned() }
            }),
        };
        Ok(TimeRange { start: read("start", start)?, end: read("end", end)? })
    }

    /// Returns the span that holds one microsecond.
    pub fn at(moment: Timestamp) -> TimeRange {
        TimeRange { start: Some(moment), end: Some(moment.saturating_add_micros(1)) }
    }

    /// Returns the span between two bounds.
    pub fn between(lower: Bound<Timestamp>, upper: Bound<Timestamp>) -> TimeRange {
        let start = match lower {
            Bound::Included(moment) => Some(moment),
            Bound::Excluded(moment) => Some(moment.saturating_add_micros(1)),
            Bound::Unbounded => None,
        };
        let end = match upper {
            Bound::Included(moment) => Some(moment.saturating_add_micros(1)),
            Bound::Excluded(moment) => Some(moment),
            Bound::Unbounded => None,
        };
        TimeRange { start, end }
    }

    /// Tells whether a moment is inside.
    pub fn contains(&self, moment: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= moment) && self.end.is_none_or(|end| moment < end)
    }

    /// Tells whether everything from `first` to `last`, both included, is inside.
    pub fn covers(&self, first: Timestamp, last: Timestamp) -> bool {
        self.contains(first) && self.contains(last)
    }

    /// Tells whether something from `first` to `last`, both included, may be inside.
    pub fn overlaps(&self, first: Timestamp, last: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= last) && self.end.is_none_or(|end| first < end)
    }

    /// Returns what is in both spans.
    #[must_use]
    pub fn intersection(&self, other: &TimeRange) -> TimeRange {
        let later = |left: Option<Timestamp>, right: Option<Timestamp>| match (left, right) {
            (Some(left), Some(right)) => Some(left.max(right)),
            (one, other) => one.or(other),
        };
        let earlier = |left: Option<Timestamp>, right: Option<Timestamp>| match (left, right) {
            (Some(left), Some(right)) => Some(left.min(right)),
            (one, other) => one.or(other),
        };
        TimeRange { start: later(self.start, other.start), end: earlier(self.end, other.end) }
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(start) = self.start {
            write!(formatter, "{start}")?;
        }
        formatter.write_str("..")?;
        match self.end {
            Some(end) => write!(formatter, "{end}"),
            None => Ok(()),
        }
    }
}

/// Reads a moment: RFC 3339 (`T` or space, UTC when it names no zone), a day, unix time as
/// seconds, milliseconds, microseconds or nanoseconds by magnitude, or relative to the present:
/// `now`, `now-1h`, `-15m`, `now-1d/d` (rounded down to the unit after the slash).
pub fn read_moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    let offset = text.strip_prefix("now").or_else(|| text.starts_with('-').then_some(text));
    match offset {
        Some(offset) => relative(offset, now),
        None => unix(text).or_else(|| calendar(text)),
    }
}

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Returns the length in microseconds of a span's unit.
fn unit(name: &str) -> Option<i64> {
    Some(match name {
        "us" => 1,
        "ms" => 1_000,
        "s" => SECOND,
        "m" | "min" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        "w" => 7 * DAY,
        _ => return None,
    })
}

fn relative(offset: &str, now: Timestamp) -> Option<Timestamp> {
    let (mut steps, rounding) = match offset.split_once('/') {
        Some((steps, rounding)) => (steps, Some(unit(rounding)?)),
        None => (offset, None),
    };
    let mut micros = now.as_micros();
    while !steps.is_empty() {
        let sign = match steps.get(..1)? {
            "-" => -1_i64,
            "+" => 1,
            _ => return None,
        };
        let step = steps.get(1..)?;
        let digits = step.bytes().take_while(u8::is_ascii_digit).count();
        let count: i64 = step.get(..digits)?.parse().ok()?;
        let rest = step.get(digits..)?;
        let name_length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let length = unit(rest.get(..name_length)?)?;
        micros = micros.saturating_add(sign.saturating_mul(count).saturating_mul(length));
        steps = rest.get(name_length..)?;
    }
    if let Some(length) = rounding {
        micros = micros.div_euclid(length).saturating_mul(length);
    }
    Some(Timestamp::from_micros_clamped(micros))
}

/// Reads unix time. The magnitude tells the unit: seconds stay below 1e11 until the year 5138,
/// and milliseconds above it began in 1973.
fn unix(text: &str) -> Option<Timestamp> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if let Ok(number) = text.parse::<i64>() {
        let micros = match number {
            ..100_000_000_000 => number.checked_mul(SECOND)?,
            100_000_000_000..100_000_000_000_000 => number.checked_mul(1_000)?,
            100_000_000_000_000..100_000_000_000_000_000 => number,
            _ => number / 1_000,
        };
        return Timestamp::from_micros(micros);
    }
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite())?;
    (seconds < 1e11).then(|| Timestamp::from_micros_clamped((seconds * 1e6).round() as i64))
}

fn calendar(text: &str) -> Option<Timestamp> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.into());
    }
    let local = match text.parse::<civil::DateTime>() {
        Ok(local) => local,
        Err(_) => text.parse::<civil::Date>().ok()?.at(0, 0, 0, 0),
    };
    Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let now = read_moment("2026-11-20T14:05:09.5Z", Timestamp::default()).expect("a moment");
        let found = read_moment(text, now).map_or("none".to_owned(), |moment| moment.to_string());
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn moments_are_read_in_every_form_of_the_contract() {
        check("2026-11-20T12:00:00Z", "2026-11-20T12:00:00.000000Z");
        check("2026-11-20T12:00:00+02:00", "2026-11-20T10:00:00.000000Z");
        check("2026-11-20 12:00:00.25", "2026-11-20T12:00:00.250000Z");
        check("2026-11-20", "2026-11-20T00:00:00.000000Z");
        check("1795000000", "2026-11-18T11:06:40.000000Z");
        check("1795000000.5", "2026-11-18T11:06:40.500000Z");
        check("1795000000123", "2026-11-18T11:06:40.123000Z");
        check("1795000000123456", "2026-11-18T11:06:40.123456Z");
        check("1795000000123456789", "2026-11-18T11:06:40.123456Z");
        check("now", "2026-11-20T14:05:09.500000Z");
        check("now-1h", "2026-11-20T13:05:09.500000Z");
        check("-90m", "2026-11-20T12:35:09.500000Z");
        check("now-7d/d", "2026-11-13T00:00:00.000000Z");
        check("now+1d-1h", "2026-11-21T13:05:09.500000Z");
        check("now-9999999999999w", "1678-01-01T00:00:00.000000Z");
    }

    #[test]
    fn anything_else_is_no_moment() {
        for text in
            ["", "nowish", "now-", "now-1", "now-1y", "yesterday", "2026-13-01", "1e99", "-"]
        {
            check(text, "none");
        }
    }

    #[test]
    fn a_range_is_half_open() {
        let moment = Timestamp::from_micros_clamped;
        let range = TimeRange { start: Some(moment(10)), end: Some(moment(20)) };
        assert!(range.contains(moment(10)) && range.contains(moment(19)));
        assert!(!range.contains(moment(9)) && !range.contains(moment(20)));
        assert!(range.covers(moment(10), moment(19)) && !range.covers(moment(10), moment(20)));
        assert!(range.overlaps(moment(0), moment(10)) && !range.overlaps(moment(20), moment(30)));
    }
}
