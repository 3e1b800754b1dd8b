//! The span of time that a query asks about.
//!
//! Arrives: the two ends as a client wrote them. Leaves: a half-open span in microseconds. The
//! present moment is an argument, never asked for here.

use std::fmt;

use tierlog_model::Timestamp;

use crate::bound::Bound;
use crate::error::QueryError;
use crate::moment::{MOMENT_FORMS, Moment};

/// A half-open span: `start <= timestamp < end`; an end that is absent is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeRange {
    /// First moment inside.
    pub(crate) start: Option<Timestamp>,
    /// First moment after.
    pub(crate) end: Option<Timestamp>,
}

impl TimeRange {
    /// Reads the parameters `start` and `end`; an empty text is an open end, and so is a moment
    /// beyond every record. The end is not included, unless both ends name the same day, hour or
    /// other stretch of time: then that is meant.
    pub(crate) fn read(
        start: Option<&str>,
        end: Option<&str>,
        now: Timestamp,
    ) -> Result<TimeRange, QueryError> {
        let read = |name: &'static str, text: Option<&str>| match text.map(str::trim) {
            None | Some("") => Ok(None),
            Some(text) => Moment::read(text, now)
                .map(Some)
                .ok_or_else(|| QueryError::Parameter { name, message: MOMENT_FORMS.to_owned() }),
        };
        let (start, end) = (read("start", start)?, read("end", end)?);
        if let (Some(start), Some(end)) = (start, end)
            && end.first < start.first
        {
            let message = format!("{} is before the start, {}", end.first, start.first);
            return Err(QueryError::Parameter { name: "end", message });
        }
        let is_one = start == end && start.is_some_and(Moment::is_stretch);
        let after = if is_one { end.map(|end| end.after) } else { end.map(|end| end.first) };
        Ok(TimeRange::of_ends(start.map(|start| start.first), after))
    }

    /// Returns the span between two moments; the first and last that there are stand for none.
    fn of_ends(start: Option<Timestamp>, end: Option<Timestamp>) -> TimeRange {
        TimeRange {
            start: start.filter(|start| *start > Timestamp::MIN),
            end: end.filter(|end| *end < Timestamp::MAX),
        }
    }

    /// Returns the span that a moment means.
    pub(crate) fn at(moment: Moment) -> TimeRange {
        TimeRange::of_ends(Some(moment.first), Some(moment.after))
    }

    /// Returns the span between two bounds: an included day is whole, an excluded one is not
    /// touched.
    pub(crate) fn between(lower: Bound<Moment>, upper: Bound<Moment>) -> TimeRange {
        let start = match lower {
            Bound::Included(moment) => Some(moment.first),
            Bound::Excluded(moment) => Some(moment.after),
            Bound::Unbounded => None,
        };
        let end = match upper {
            Bound::Included(moment) => Some(moment.after),
            Bound::Excluded(moment) => Some(moment.first),
            Bound::Unbounded => None,
        };
        TimeRange::of_ends(start, end)
    }

    /// Tells whether a moment is inside.
    pub(crate) fn contains(&self, moment: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= moment) && self.end.is_none_or(|end| moment < end)
    }

    /// Tells whether everything from `first` to `last`, both included, is inside.
    pub(crate) fn covers(&self, first: Timestamp, last: Timestamp) -> bool {
        self.contains(first) && self.contains(last)
    }

    /// Tells whether something from `first` to `last`, both included, may be inside.
    pub(crate) fn overlaps(&self, first: Timestamp, last: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= last) && self.end.is_none_or(|end| first < end)
    }

    /// Returns what is in both spans.
    #[must_use]
    pub(crate) fn intersection(&self, other: &TimeRange) -> TimeRange {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(start: &str, end: &str) -> Result<String, String> {
        let now = Timestamp::from_micros_clamped(1_795_000_000_000_000);
        let range = TimeRange::read(Some(start), Some(end), now);
        range.map(|range| range.to_string()).map_err(|error| error.to_string())
    }

    fn check(start: &str, end: &str, expected: &str) {
        assert_eq!(read(start, end), Ok(expected.to_owned()), "{start:?} to {end:?}");
    }

    #[test]
    fn an_end_is_not_included_unless_it_names_the_same_stretch() {
        let (first, second) = ("2026-12-01T00:00:00.000000Z", "2026-12-02T00:00:00.000000Z");
        check("2026-12-01", "2026-12-02", &format!("{first}..{second}"));
        check("20261201", "20261202", &format!("{first}..{second}"));
        check("2026-12-01", "2026-12-01", &format!("{first}..{second}"));
        check("2026-12-01", "2026-12-01T00:00:00.000000Z", &format!("{first}..{first}"));
        check("", "20261201", &format!("..{first}"));
    }

    #[test]
    fn ends_beyond_every_record_are_open() {
        check("0001-01-01", "9999-12-31T23:59:59Z", "..");
        check("2026-12-01", "9999", "2026-12-01T00:00:00.000000Z..");
        assert_eq!(
            read("9999", "").expect("a range"),
            format!("{}..", Timestamp::MAX),
            "nothing is so late"
        );
    }

    #[test]
    fn an_end_before_the_start_is_refused() {
        let error = read("now", "now-1h").expect_err("reversed");
        assert_eq!(
            error,
            "parameter end: 2026-11-18T10:06:40.000000Z is before the start, \
             2026-11-18T11:06:40.000000Z"
        );
        assert!(read("Tuesday", "").expect_err("no moment").starts_with("parameter start: "));
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
