//! Forms of moments that some servers and older libraries write, where a text can mean one
//! moment only. Forms in which day and month could be exchanged are not among them.

use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::fmt::strtime::BrokenDownTime;

/// What a text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rare {
    /// A moment.
    Exact(jiff::Timestamp),
    /// A date and time of an unnamed zone.
    Naive(DateTime),
}

/// Forms with an offset.
const EXACT_FORMS: [&str; 1] = [
    // The common log format, in which web servers write their access logs.
    "%d/%b/%Y:%H:%M:%S %z",
];

/// Forms without one.
const NAIVE_FORMS: [&str; 5] = [
    // C's asctime, date(1) in UTC, log4j's DATE, nginx' $time_local without its offset, and the
    // digits alone.
    "%a %b %e %H:%M:%S %Y",
    "%d %b %Y %H:%M:%S%.f",
    "%d/%b/%Y:%H:%M:%S",
    "%d/%b/%Y %H:%M:%S%.f",
    "%Y%m%d%H%M%S",
];

const RFC_2822: DateTimeParser = DateTimeParser::new();

/// Reads a text of a rare form.
#[cold]
pub(super) fn read_rare(text: &str) -> Option<Rare> {
    if let Some(inside) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
        return dot_net(inside);
    }
    if let Ok(zoned) = RFC_2822.parse_zoned(text) {
        return Some(Rare::Exact(zoned.timestamp()));
    }
    for form in EXACT_FORMS {
        let read = BrokenDownTime::parse(form, text).and_then(|read| read.to_timestamp());
        if let Ok(timestamp) = read {
            return Some(Rare::Exact(timestamp));
        }
    }
    let point = text.replacen(',', ".", 1);
    for form in NAIVE_FORMS {
        let read = BrokenDownTime::parse(form, &point).and_then(|read| read.to_datetime());
        if let Ok(moment) = read {
            return Some(Rare::Naive(moment));
        }
    }
    let read = BrokenDownTime::parse("%a %b %e %H:%M:%S UTC %Y", text);
    let moment = read.and_then(|read| read.to_datetime()).ok()?;
    jiff::tz::Offset::UTC.to_timestamp(moment).ok().map(Rare::Exact)
}

/// Reads what stands in `/Date(1760000000123+0200)/`: milliseconds, whatever the offset.
fn dot_net(inside: &str) -> Option<Rare> {
    let digits = inside.split(['+', '-']).next()?;
    jiff::Timestamp::from_millisecond(digits.parse().ok()?).ok().map(Rare::Exact)
}
