//! Moments as texts write them become texts that the reading of timestamps knows.
//!
//! | written | by |
//! |---|---|
//! | `2026-08-21 14:05:09,123`, `2026/08/21 14:05:09`, `2026-08-21T14:05:09.5+02:00` | most |
//! | `2026-08-21 14:05:09.123 CEST` | PostgreSQL |
//! | `21/Aug/2026:14:05:09 +0000`, `21/Aug/2026 14:05:09` | access logs, Django's runserver |
//! | `21 Aug 2026 14:05:09.123`, `21-Aug-2026 14:05:09` | Redis, PHP, Tomcat |
//! | `Fri Aug 21 14:05:09.123456 2026` | Apache |
//! | `Aug 21 14:05:09`, `0821 14:05:09.123456` | syslog, klog: without a year |
//!
//! A moment is returned only when it is one (`2026-02-30` is none): a text is never refused for
//! its time. A moment without a zone stays without; which zone is meant is for the reading of
//! timestamps to say. A moment without a year lies in the year that brings it nearest to now.

use std::borrow::Cow;

use jiff::civil::Date;
use tierlog_model::Timestamp;

use super::cursor::Cursor;

/// Names of months in C's locale.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Names of days in C's locale.
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Names of zones with one offset everywhere. `CST`, `IST` and `BST` mean several zones and are not
/// here.
const ZONES: [(&str, &str); 16] = [
    ("UTC", "+00:00"),
    ("GMT", "+00:00"),
    ("Z", "+00:00"),
    ("WET", "+00:00"),
    ("WEST", "+01:00"),
    ("CET", "+01:00"),
    ("CEST", "+02:00"),
    ("EET", "+02:00"),
    ("EEST", "+03:00"),
    ("MSK", "+03:00"),
    ("EST", "-05:00"),
    ("EDT", "-04:00"),
    ("PST", "-08:00"),
    ("PDT", "-07:00"),
    ("JST", "+09:00"),
    ("AEST", "+10:00"),
];

/// Digits of a fraction that counts nanoseconds.
const FRACTION_DIGITS_MAX: usize = 9;

/// Reads `2026-08-21 14:05:09,123`, with `T` or a space, `-` or `/`, any fraction, and a zone as
/// an offset or a name.
pub(super) fn iso<'a>(cursor: &mut Cursor<'a>) -> Option<Cow<'a, str>> {
    let start = cursor.rest();
    // Fast path: a line that begins with other bytes is refused by two comparisons.
    let separator = match start.as_bytes() {
        [b'0'..=b'9', b'0'..=b'9', _, _, separator @ (b'-' | b'/'), ..] => *separator,
        _ => return None,
    };
    let separator = if separator == b'-' { "-" } else { "/" };
    let mut ahead = *cursor;
    let year = ahead.fixed(4)?;
    ahead.literal(separator)?;
    let month = ahead.fixed(2)?;
    ahead.literal(separator)?;
    let day = ahead.fixed(2)?;
    date(year, month, day)?;
    if !ahead.skip(" ") {
        ahead.literal("T")?;
    }
    clock(&mut ahead)?;
    let civil = between(start, ahead)?;
    let zone = zone(&mut ahead);
    let text = match zone {
        Zone::Stands => Cow::Borrowed(between(start, ahead)?),
        Zone::Named(offset) => Cow::Owned(format!("{civil}{offset}")),
    };
    *cursor = ahead;
    Some(text)
}

/// Reads `21/Aug/2026:14:05:09 +0000` and `21/Aug/2026 14:05:09`.
pub(super) fn common_log<'a>(cursor: &mut Cursor<'a>) -> Option<Cow<'a, str>> {
    let mut ahead = *cursor;
    let day = ahead.fixed(2)?;
    ahead.literal("/")?;
    let month = month(&mut ahead)?;
    ahead.literal("/")?;
    let year = ahead.fixed(4)?;
    if !ahead.skip(":") {
        ahead.literal(" ")?;
    }
    let text = dated(year, month, day, &mut ahead)?;
    *cursor = ahead;
    Some(Cow::Owned(text))
}

/// Reads `21 Aug 2026 14:05:09.123` and `21-Aug-2026 14:05:09`.
pub(super) fn day_first<'a>(cursor: &mut Cursor<'a>) -> Option<Cow<'a, str>> {
    let mut ahead = *cursor;
    let day = ahead.fixed(2)?;
    let separator = if ahead.skip("-") { "-" } else { " " };
    if separator == " " {
        ahead.literal(separator)?;
    }
    let month = month(&mut ahead)?;
    ahead.literal(separator)?;
    let year = ahead.fixed(4)?;
    ahead.literal(" ")?;
    let text = dated(year, month, day, &mut ahead)?;
    *cursor = ahead;
    Some(Cow::Owned(text))
}

/// Reads `Fri Aug 21 14:05:09.123456 2026`.
pub(super) fn weekday_first<'a>(cursor: &mut Cursor<'a>) -> Option<Cow<'a, str>> {
    let mut ahead = *cursor;
    let weekday = ahead.take_while(|c| c.is_ascii_alphabetic());
    if !WEEKDAYS.contains(&weekday) {
        return None;
    }
    ahead.literal(" ")?;
    let month = month(&mut ahead)?;
    ahead.gap()?;
    let day = short_day(&mut ahead)?;
    ahead.literal(" ")?;
    let start = ahead.rest();
    clock(&mut ahead)?;
    let time = between(start, ahead)?;
    ahead.literal(" ")?;
    let year = ahead.fixed(4)?;
    date(year, month, day)?;
    *cursor = ahead;
    Some(Cow::Owned(format!("{year:04}-{month:02}-{day:02} {time}")))
}

/// Reads `Aug 21 14:05:09`.
pub(super) fn month_first<'a>(cursor: &mut Cursor<'a>, now: Timestamp) -> Option<Cow<'a, str>> {
    let mut ahead = *cursor;
    let month = month(&mut ahead)?;
    ahead.gap()?;
    let day = short_day(&mut ahead)?;
    ahead.literal(" ")?;
    let text = without_year(month, day, now, &mut ahead)?;
    *cursor = ahead;
    Some(Cow::Owned(text))
}

/// Reads `0821 14:05:09.123456`, also with a year before it.
pub(super) fn klog<'a>(cursor: &mut Cursor<'a>, now: Timestamp) -> Option<Cow<'a, str>> {
    let mut ahead = *cursor;
    let digits = ahead.digits()?;
    let mut parts = Cursor::new(digits);
    let year = if digits.len() == 8 { Some(parts.fixed(4)?) } else { None };
    let (month, day) = (parts.fixed(2)?, parts.fixed(2)?);
    if !parts.rest().is_empty() {
        return None;
    }
    ahead.literal(" ")?;
    let text = match year {
        Some(year) => dated(year, month, day, &mut ahead)?,
        None => without_year(month, day, now, &mut ahead)?,
    };
    *cursor = ahead;
    Some(Cow::Owned(text))
}

/// Reads `14:05:09.123`, the time of a day that is not said.
pub(super) fn time_of_day<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let mut ahead = *cursor;
    clock(&mut ahead)?;
    let text = between(cursor.rest(), ahead)?;
    *cursor = ahead;
    Some(text)
}

/// How a zone was written.
enum Zone {
    /// As an offset, or not at all: the text stands as it is.
    Stands,
    /// By a name that means this offset.
    Named(&'static str),
}

/// Reads a zone behind a moment, if there is one.
fn zone(cursor: &mut Cursor<'_>) -> Zone {
    let mut ahead = *cursor;
    let apart = ahead.skip(" ");
    if let Some(sign) = ahead.rest().chars().next().filter(|sign| matches!(sign, '+' | '-')) {
        ahead.skip(if sign == '+' { "+" } else { "-" });
        let mut read = || -> Option<()> {
            let hours = ahead.fixed(2)?;
            ahead.skip(":");
            let minutes = ahead.fixed(2)?;
            let ends = !ahead.rest().starts_with(|c: char| c.is_ascii_alphanumeric());
            (hours < 24 && minutes < 60 && ends).then_some(())
        };
        if read().is_some() {
            *cursor = ahead;
        }
        return Zone::Stands;
    }
    let name = ahead.take_while(|c| c.is_ascii_alphabetic());
    // `T` of no zone, `Z` of Zulu: a name that touches the seconds is `Z` alone.
    let may_stand = apart || name == "Z";
    let known = ZONES.iter().find(|(zone, _)| *zone == name && may_stand);
    let ends = !ahead.rest().starts_with(|c: char| c.is_ascii_alphanumeric());
    match known {
        Some((_, offset)) if ends => {
            *cursor = ahead;
            Zone::Named(offset)
        }
        Some(_) | None => Zone::Stands,
    }
}

/// Reads `14:05:09` and a fraction.
fn clock(cursor: &mut Cursor<'_>) -> Option<()> {
    let mut ahead = *cursor;
    let hour = ahead.fixed(2)?;
    ahead.literal(":")?;
    let minute = ahead.fixed(2)?;
    ahead.literal(":")?;
    let second = ahead.fixed(2)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut fraction = ahead;
    if fraction.skip(".") || fraction.skip(",") {
        // A full stop behind the seconds may end a sentence.
        if let Some(digits) = fraction.digits() {
            if digits.len() > FRACTION_DIGITS_MAX {
                return None;
            }
            ahead = fraction;
        }
    }
    *cursor = ahead;
    Some(())
}

/// Reads a time and a zone behind a date, and returns the moment.
fn dated(year: i16, month: i16, day: i16, cursor: &mut Cursor<'_>) -> Option<String> {
    date(year, month, day)?;
    let start = cursor.rest();
    clock(cursor)?;
    let time = between(start, *cursor)?;
    let behind = cursor.rest();
    let offset = match zone(cursor) {
        Zone::Named(offset) => offset,
        Zone::Stands => between(behind, *cursor)?.trim_start(),
    };
    Some(format!("{year:04}-{month:02}-{day:02} {time}{offset}"))
}

fn without_year(month: i16, day: i16, now: Timestamp, cursor: &mut Cursor<'_>) -> Option<String> {
    let today = jiff::Timestamp::from_microsecond(now.as_micros()).ok()?;
    let today = today.to_zoned(jiff::tz::TimeZone::UTC).date();
    let distance = |date: &Date| (*date - today).get_days().unsigned_abs();
    let nearest = (-1..=1)
        .filter_map(|years| date(today.year().checked_add(years)?, month, day))
        .min_by_key(distance)?;
    dated(nearest.year(), month, day, cursor)
}

fn date(year: i16, month: i16, day: i16) -> Option<Date> {
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn month(cursor: &mut Cursor<'_>) -> Option<i16> {
    let name = cursor.take_while(|c| c.is_ascii_alphabetic());
    let position = MONTHS.iter().position(|month| *month == name)?;
    i16::try_from(position + 1).ok()
}

/// Reads a day of one or two digits.
fn short_day(cursor: &mut Cursor<'_>) -> Option<i16> {
    let digits = cursor.digits()?;
    if digits.len() > 2 {
        return None;
    }
    digits.parse().ok()
}

/// Returns the text between a place and a later one.
fn between<'a>(start: &'a str, end: Cursor<'a>) -> Option<&'a str> {
    start.get(..start.len().checked_sub(end.rest().len())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Reader = for<'a> fn(&mut Cursor<'a>) -> Option<Cow<'a, str>>;

    /// 2026-01-02T00:00:00Z: a December without a year lies before it.
    fn now() -> Timestamp {
        Timestamp::from_micros(1_767_312_000_000_000).expect("a moment")
    }

    #[track_caller]
    fn check(read: Reader, text: &str, expected: Option<(&str, &str)>) {
        let mut cursor = Cursor::new(text);
        let moment = read(&mut cursor);
        let expected_rest = expected.map_or(text, |(_, rest)| rest);
        assert_eq!(moment.as_deref(), expected.map(|(moment, _)| moment), "{text}");
        assert_eq!(cursor.rest(), expected_rest, "{text}");
    }

    #[test]
    fn moments_of_most_formats() {
        for (text, moment, rest) in [
            ("2026-08-21 14:05:09,123 x", "2026-08-21 14:05:09,123", " x"),
            ("2026/08/21 14:05:09 [error]", "2026/08/21 14:05:09", " [error]"),
            ("2026-08-21T14:05:09.5+02:00 x", "2026-08-21T14:05:09.5+02:00", " x"),
            ("2026-08-21 14:05:09 +0000]", "2026-08-21 14:05:09 +0000", "]"),
            ("2026-08-21 14:05:09.123 UTC [1]", "2026-08-21 14:05:09.123+00:00", " [1]"),
            ("2026-08-21 14:05:09 CEST x", "2026-08-21 14:05:09+02:00", " x"),
            ("2026-08-21T14:05:09Z x", "2026-08-21T14:05:09+00:00", " x"),
            ("2026-08-21 14:05:09. Then", "2026-08-21 14:05:09", ". Then"),
            ("2026-08-21 14:05:09 Zebra", "2026-08-21 14:05:09", " Zebra"),
            ("2026-08-21 14:05:09 - a", "2026-08-21 14:05:09", " - a"),
            ("2026-08-21 14:05:09 -12 a", "2026-08-21 14:05:09", " -12 a"),
        ] {
            check(iso, text, Some((moment, rest)));
        }
        for text in ["2026-02-30 14:05:09", "2026-08-21 24:05:09", "2026-08-21", "1234567890", ""] {
            check(iso, text, None);
        }
    }

    #[test]
    fn moments_with_names_of_months() {
        check(
            common_log,
            "21/Aug/2026:14:05:09 +0200] x",
            Some(("2026-08-21 14:05:09+0200", "] x")),
        );
        check(common_log, "21/Aug/2026 14:05:09] x", Some(("2026-08-21 14:05:09", "] x")));
        check(common_log, "31/Feb/2026:14:05:09 +0200", None);
        check(day_first, "21 Aug 2026 14:05:09.123 * x", Some(("2026-08-21 14:05:09.123", " * x")));
        check(
            weekday_first,
            "Fri Aug 21 14:05:09.123456 2026] x",
            Some(("2026-08-21 14:05:09.123456", "] x")),
        );
        check(weekday_first, "Fry Aug 21 14:05:09 2026", None);
    }

    #[test]
    fn a_moment_without_a_year_is_the_nearest() {
        check(
            |cursor| month_first(cursor, now()),
            "Dec 31 23:59:58 host",
            Some(("2025-12-31 23:59:58", " host")),
        );
        check(
            |cursor| month_first(cursor, now()),
            "Jan  3 00:00:01 host",
            Some(("2026-01-03 00:00:01", " host")),
        );
        check(
            |cursor| klog(cursor, now()),
            "1231 14:05:09.123456 1",
            Some(("2025-12-31 14:05:09.123456", " 1")),
        );
        check(
            |cursor| klog(cursor, now()),
            "20240229 14:05:09 1",
            Some(("2024-02-29 14:05:09", " 1")),
        );
        check(|cursor| klog(cursor, now()), "1331 14:05:09", None);
    }
}
