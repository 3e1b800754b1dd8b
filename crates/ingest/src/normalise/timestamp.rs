//! Moments in any usual spelling become a [`Timestamp`].
//!
//! RFC 3339 with `T` or space, Python's `2026-08-21 14:05:09,123`, unix seconds, milliseconds,
//! microseconds or nanoseconds by magnitude, as number or as text, and the forms of
//! [`rare_forms`](super::rare_forms). A text without a zone is read in the configured zone.

use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::{Offset, TimeZone};
use tierlog_model::{Timestamp, Value};

use super::convert::trimmed;
use super::duration::Unit;
use super::rare_forms::{Rare, read_rare};

/// Smaller numbers are no unix time: seconds had this number in 1973, and what is smaller is a
/// count or a duration under a name that is also used for times.
const SECONDS_FROM: f64 = 1e8;
/// Unix seconds reach this number in the year 5138, milliseconds had it in 1973.
const SECONDS_BELOW: f64 = 1e11;
/// See [`SECONDS_BELOW`]; microseconds had it in 1973.
const MILLISECONDS_BELOW: f64 = 1e14;
/// See [`SECONDS_BELOW`]; nanoseconds had it in 1973.
const MICROSECONDS_BELOW: f64 = 1e17;

/// Longest text that can be a moment, with room for a zone's name.
const TEXT_BYTES_MAX: usize = 64;

const PARSER: DateTimeParser = DateTimeParser::new();

/// A moment as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The moment.
    pub(crate) timestamp: Timestamp,
    /// How it was meant.
    pub(crate) exactness: Exactness,
}

/// Whether the value alone determines the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exactness {
    /// A number since 1970, or a text with a zone.
    Exact,
    /// A text without a zone: the zone was assumed.
    Naive,
}

/// Returns the moment of a value, or the fault of the value, which is never quoted. Numbers are in
/// the unit, where one is given.
pub(crate) fn read_timestamp(
    value: &Value<'_>,
    unit: Option<Unit>,
    zone: &TimeZone,
) -> Result<Moment, &'static str> {
    match value {
        Value::I64(number) => from_integer(*number, unit).map(exact),
        Value::U64(_) => Err("timestamp is beyond the year 2261"),
        Value::F64(number) => from_float(*number, unit).map(exact),
        Value::Str(text) => from_text(trimmed(text), unit, zone),
        Value::Bool(_) | Value::Json(_) => Err("timestamp is neither text nor number"),
    }
}

fn exact(timestamp: Timestamp) -> Moment {
    Moment { timestamp, exactness: Exactness::Exact }
}

/// Returns the unit that a number since 1970 has by its magnitude.
fn unit_of(size: f64) -> Result<Unit, &'static str> {
    match size {
        _ if size.is_nan() || size <= 0.0 => Err("unix timestamp is zero or negative"),
        _ if size < SECONDS_FROM => Err("number is too small for a unix timestamp"),
        _ if size < SECONDS_BELOW => Ok(Unit::Seconds),
        _ if size < MILLISECONDS_BELOW => Ok(Unit::Milliseconds),
        _ if size < MICROSECONDS_BELOW => Ok(Unit::Microseconds),
        _ => Ok(Unit::Nanoseconds),
    }
}

fn from_integer(number: i64, unit: Option<Unit>) -> Result<Timestamp, &'static str> {
    let by_size = unit_of(number as f64);
    let micros = match unit.map_or(by_size, Ok)? {
        Unit::Nanoseconds => number / 1_000,
        Unit::Microseconds => number,
        Unit::Milliseconds => number.saturating_mul(1_000),
        Unit::Seconds | Unit::Minutes | Unit::Hours => number.saturating_mul(1_000_000),
    };
    storable(micros)
}

fn from_float(number: f64, unit: Option<Unit>) -> Result<Timestamp, &'static str> {
    let by_size = unit_of(number);
    let micros = match unit.map_or(by_size, Ok)? {
        Unit::Nanoseconds => (number / 1e3).round(),
        Unit::Microseconds => number.round(),
        Unit::Milliseconds => (number * 1e3).round(),
        // Whole seconds and fraction apart: their product would lose the last microsecond.
        Unit::Seconds | Unit::Minutes | Unit::Hours => {
            number.trunc() * 1e6 + (number.fract() * 1e6).round()
        }
    };
    // The cast saturates, and what saturates is not storable.
    storable(micros as i64)
}

fn storable(micros: i64) -> Result<Timestamp, &'static str> {
    Timestamp::from_micros(micros).ok_or("timestamp is outside the years 1678 to 2261")
}

fn from_text(text: &str, unit: Option<Unit>, zone: &TimeZone) -> Result<Moment, &'static str> {
    if text.is_empty() || text.len() > TEXT_BYTES_MAX {
        return Err("timestamp text is empty or too long");
    }
    // Fast path: what libraries write.
    if let Some(timestamp) = read_usual(text.as_bytes()) {
        return storable(timestamp.as_microsecond()).map(exact);
    }
    let is_number = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+'))
        && text.bytes().filter(|byte| *byte == b'-').count() < 2;
    if is_number && !is_calendar(text) {
        if let Ok(number) = text.parse::<i64>() {
            return from_integer(number, unit).map(exact);
        }
        if let Ok(number) = text.parse::<f64>() {
            return from_float(number, unit).map(exact);
        }
    }
    // The parser knows `T` and space, `.` and `,`, `Z` and offsets.
    read_pieces(text, zone)
        .or_else(|| read_pieces(&rewrite(text)?, zone))
        .or_else(|| read_rare(text).map(|rare| placed(rare, zone)))
        .or_else(|| read_pieces(without_abbreviation(text)?, zone))
        .unwrap_or(Err("timestamp text is in no known form"))
}

/// Takes the abbreviation of a zone off the end (`2026-08-21 14:05:09.123 CEST`): one stands for
/// several zones, so the time is one without a zone.
fn without_abbreviation(text: &str) -> Option<&str> {
    let (head, name) = text.rsplit_once(' ')?;
    let is_abbreviation =
        (2..=5).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_uppercase());
    is_abbreviation.then_some(head)
}

/// Tells whether digits are a date and a time (`20260821140509`), not a number since 1970: read
/// as milliseconds they would lie in the years 2600 to 2670.
fn is_calendar(text: &str) -> bool {
    text.len() == 14
        && (text.starts_with("19") || text.starts_with("20"))
        && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Places a rare form in time.
fn placed(rare: Rare, zone: &TimeZone) -> Result<Moment, &'static str> {
    match rare {
        Rare::Exact(timestamp) => storable(timestamp.as_microsecond()).map(exact),
        Rare::Naive(moment) => naive(moment, zone),
    }
}

/// Places a date and time of a zone. In the hour that a clock change skips or repeats, the usual
/// "compatible" choice.
fn naive(moment: DateTime, zone: &TimeZone) -> Result<Moment, &'static str> {
    let stamped = zone.to_ambiguous_timestamp(moment).compatible();
    let stamped = stamped.map_err(|_| "timestamp is outside the years 1678 to 2261")?;
    let timestamp = storable(stamped.as_microsecond())?;
    Ok(Moment { timestamp, exactness: Exactness::Naive })
}

/// Reads `2026-08-21T14:05:09.123+02:00`, with `T` or a space, any fraction and a zone in numbers;
/// `None` for every other form, and for the last seconds that only the parser knows.
fn read_usual(text: &[u8]) -> Option<jiff::Timestamp> {
    let (date, rest) = text.split_first_chunk::<11>()?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T' | b' '] = date else { return None };
    let [h0, h1, b':', n0, n1, b':', s0, s1] = time else { return None };
    let year = i16::from(two(*y0, *y1)?) * 100 + i16::from(two(*y2, *y3)?);
    let (month, day) = (two(*m0, *m1)?, two(*d0, *d1)?);
    let (hour, minute, second) = (two(*h0, *h1)?, two(*n0, *n1)?, two(*s0, *s1)?);
    let (nanos, zone) = read_fraction(rest)?;
    let moment = DateTime::new(year, month, day, hour, minute, second, nanos).ok()?;
    read_offset(zone)?.to_timestamp(moment).ok()
}

/// Reads a fraction of a second as nanoseconds, if there is one, and returns what follows it.
fn read_fraction(rest: &[u8]) -> Option<(i32, &[u8])> {
    let Some((b'.' | b',', digits)) = rest.split_first() else { return Some((0, rest)) };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, zone) = digits.split_at(length);
    let missing = u32::try_from(NANO_DIGITS.checked_sub(length)?).ok()?;
    let number = digits.iter().fold(0, |number, digit| number * 10 + i32::from(digit - b'0'));
    (length > 0).then(|| (number * 10_i32.pow(missing), zone))
}

/// Digits of a fraction that counts nanoseconds.
const NANO_DIGITS: usize = 9;

/// Reads `Z`, `+02:00` or `+0200`.
fn read_offset(zone: &[u8]) -> Option<Offset> {
    let (sign, digits) = match zone {
        b"Z" => return Some(Offset::UTC),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let ([h0, h1, b':', m0, m1] | [h0, h1, m0, m1]) = digits else { return None };
    let (hours, minutes) = (two(*h0, *h1)?, two(*m0, *m1)?);
    let is_usual = hours < 24 && minutes < 60;
    let seconds = sign * (i32::from(hours) * 3_600 + i32::from(minutes) * 60);
    is_usual.then(|| Offset::from_seconds(seconds).ok()).flatten()
}

fn two(tens: u8, ones: u8) -> Option<i8> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| (byte - b'0') as i8);
    Some(digit(tens)? * 10 + digit(ones)?)
}

/// Reads date, time and offset; `None` when the text has another form.
fn read_pieces(text: &str, zone: &TimeZone) -> Option<Result<Moment, &'static str>> {
    let pieces = PARSER.parse_pieces(text).ok()?;
    let moment = DateTime::from_parts(pieces.date(), pieces.time().unwrap_or_default());
    let stamped = match pieces.to_numeric_offset() {
        Some(offset) => offset.to_timestamp(moment),
        None => match pieces.to_time_zone().ok().flatten() {
            Some(named) => named.to_ambiguous_timestamp(moment).compatible(),
            None => return Some(naive(moment, zone)),
        },
    };
    let out_of_range = Err("timestamp is outside the years 1678 to 2261");
    Some(stamped.map_or(out_of_range, |stamped| storable(stamped.as_microsecond()).map(exact)))
}

/// Brings rarer spellings into the parser's form: `2026/08/21 14:05:09`, a space before the
/// offset, `UTC` or `GMT` for `Z`, and what Go prints of a time behind its offset.
fn rewrite(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let slashed = bytes.get(4) == Some(&b'/') && bytes.get(7) == Some(&b'/');
    let mut rewritten = if slashed { text.replacen('/', "-", 2) } else { text.to_owned() };
    // `2026-08-21 14:05:09.1 +0200 CEST m=+0.1`: the offset is the zone.
    if let Some((head, _)) = rewritten.split_once(" m=") {
        rewritten = head.to_owned();
    }
    if let Some((head, name)) = rewritten.rsplit_once(' ')
        && name.bytes().all(|byte| byte.is_ascii_uppercase())
        && head.rsplit_once(' ').is_some_and(|(_, offset)| offset.starts_with(['+', '-']))
    {
        rewritten = head.to_owned();
    }
    if let Some(head) = rewritten.strip_suffix("UTC").or_else(|| rewritten.strip_suffix("GMT")) {
        rewritten = format!("{}Z", head.trim_end());
    }
    if let Some((head, offset)) = rewritten.rsplit_once(' ')
        && offset.starts_with(['+', '-', 'Z'])
    {
        rewritten = format!("{head}{offset}");
    }
    (rewritten != text).then_some(rewritten)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_fast_path_reads_what_the_parser_reads(
            date in "(0|1|2|9)[0-9]{3}-[0-9][0-9]?-?[0-3][0-9]|2026-(0[1-9]|1[0-2])-[0-2][0-9]",
            time in "[T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9]([.,][0-9]{0,10})?",
            zone in "Z|[+-][0-2][0-9]:?[0-6][0-9]|[+-]00:?00|| Z|[a-z]",
        ) {
            let text = format!("{date}{time}{zone}");
            if let Some(read) = read_usual(text.as_bytes()) {
                let parsed = read_pieces(&text, &TimeZone::UTC);
                let read = storable(read.as_microsecond()).map(exact);
                prop_assert_eq!(Some(read), parsed, "{}", text);
            }
        }
    }

    #[test]
    fn the_usual_forms_are_read_fast() {
        for text in [
            "2026-08-21T14:05:09Z",
            "2026-08-21 14:05:09.5Z",
            "2026-11-21T04:33:17.003217+00:00",
            "2026-08-21T14:05:09.123456789-0930",
        ] {
            assert!(read_usual(text.as_bytes()).is_some(), "{text}");
        }
    }

    fn read(value: &Value<'_>) -> Result<String, &'static str> {
        read_timestamp(value, None, &TimeZone::UTC).map(|moment| moment.timestamp.to_string())
    }

    #[test]
    fn texts_of_every_form_are_read() {
        for (text, expected) in [
            ("2026-08-21T14:05:09Z", "2026-08-21T14:05:09.000000Z"),
            ("2026-08-21 14:05:09.5Z", "2026-08-21T14:05:09.500000Z"),
            ("2026-08-21t14:05:09z", "2026-08-21T14:05:09.000000Z"),
            ("2026-08-21T14:05:09.123456789+02:00", "2026-08-21T12:05:09.123456Z"),
            ("2026-08-21T14:05:09+0200", "2026-08-21T12:05:09.000000Z"),
            ("2026-08-21 14:05:09,123", "2026-08-21T14:05:09.123000Z"),
            ("2026-08-21 14:05:09", "2026-08-21T14:05:09.000000Z"),
            ("2026/08/21 14:05:09", "2026-08-21T14:05:09.000000Z"),
            ("2026-08-21 14:05:09 +0200", "2026-08-21T12:05:09.000000Z"),
            ("2026-08-21 14:05:09 UTC", "2026-08-21T14:05:09.000000Z"),
            ("2026-08-21", "2026-08-21T00:00:00.000000Z"),
            (" 2026-08-21T14:05:09Z ", "2026-08-21T14:05:09.000000Z"),
            // A leap second is the last second of a minute.
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000000Z"),
            ("21/Aug/2026:14:05:09 +0200", "2026-08-21T12:05:09.000000Z"),
            ("Fri, 21 Aug 2026 14:05:09 +0200", "2026-08-21T12:05:09.000000Z"),
            ("Fri, 21 Aug 2026 14:05:09 GMT", "2026-08-21T14:05:09.000000Z"),
            ("Fri Aug 21 14:05:09 2026", "2026-08-21T14:05:09.000000Z"),
            ("Sat Aug  1 14:05:09 2026", "2026-08-01T14:05:09.000000Z"),
            ("Fri Aug 21 14:05:09 UTC 2026", "2026-08-21T14:05:09.000000Z"),
            ("21 Aug 2026 14:05:09,123", "2026-08-21T14:05:09.123000Z"),
            ("20260821T140509Z", "2026-08-21T14:05:09.000000Z"),
            ("20260821T140509.123+0200", "2026-08-21T12:05:09.123000Z"),
            ("20260821140509", "2026-08-21T14:05:09.000000Z"),
            ("2026-08-21T14:05:09,123+0200", "2026-08-21T12:05:09.123000Z"),
            ("2026-08-21T14:05:09.1234567+02:00", "2026-08-21T12:05:09.123456Z"),
            ("2026-08-21T14:05:09.123Z[UTC]", "2026-08-21T14:05:09.123000Z"),
            ("2026-08-21T14:05:09+02:00[Europe/Berlin]", "2026-08-21T12:05:09.000000Z"),
            ("2026-08-21 14:05:09.5 +0200 CEST m=+0.012", "2026-08-21T12:05:09.500000Z"),
            ("2026-08-21 14:05:09.5 +0000 UTC", "2026-08-21T14:05:09.500000Z"),
            ("2026-08-21 14:05:09.123 CEST", "2026-08-21T14:05:09.123000Z"),
            ("/Date(1760000000123)/", "2025-10-09T08:53:20.123000Z"),
            ("/Date(1760000000123+0200)/", "2025-10-09T08:53:20.123000Z"),
            ("1760000000", "2025-10-09T08:53:20.000000Z"),
            ("1760000000.25", "2025-10-09T08:53:20.250000Z"),
            ("1760000000123456789", "2025-10-09T08:53:20.123456Z"),
        ] {
            assert_eq!(read(&Value::Str(text.into())).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn numbers_are_read_by_magnitude() {
        for (value, expected) in [
            (Value::I64(1_760_000_000), "2025-10-09T08:53:20.000000Z"),
            (Value::I64(1_760_000_000_123), "2025-10-09T08:53:20.123000Z"),
            (Value::I64(1_760_000_000_123_456), "2025-10-09T08:53:20.123456Z"),
            (Value::I64(1_760_000_000_123_456_789), "2025-10-09T08:53:20.123456Z"),
            (Value::F64(1_426_279_439.1), "2015-03-13T20:43:59.100000Z"),
            (Value::F64(1_760_000_000_123.4), "2025-10-09T08:53:20.123400Z"),
        ] {
            assert_eq!(read(&value).as_deref(), Ok(expected), "{value:?}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let text = |text: &'static str| Value::Str(text.into());
        for value in [
            Value::I64(0),
            Value::I64(-5),
            Value::I64(20_260_821),
            Value::F64(0.25),
            Value::I64(i64::MIN),
            Value::F64(-1.5),
            Value::F64(f64::MAX),
            Value::U64(u64::MAX),
            Value::Bool(true),
            Value::Json("[1]".into()),
            text(""),
            text("0"),
            text("yesterday"),
            text("9999-12-31T23:59:59Z"),
            text("0001-01-01T00:00:00Z"),
            text("2026-02-30T00:00:00Z"),
            text("2026-08-21T25:00:00Z"),
            text("12:30:00"),
            text("0.002"),
            text("08/21/2026 14:05:09"),
            text("21.08.2026 14:05:09"),
            text("/Date(x)/"),
            text("Fri Aug 21 14:05:09 CEST 2026"),
        ] {
            assert!(read(&value).is_err(), "{value:?} gave {:?}", read(&value));
        }
    }

    #[test]
    fn a_given_unit_beats_the_magnitude_and_only_texts_may_be_naive() {
        let read = |value: Value<'_>, unit| read_timestamp(&value, unit, &TimeZone::UTC);
        let text = |text: &'static str| Value::Str(text.into());
        let milliseconds = read(Value::I64(99_000_000_000), Some(Unit::Milliseconds));
        let moment = milliseconds.expect("a moment").timestamp.to_string();
        assert_eq!(moment, "1973-02-19T20:00:00.000000Z");
        for (value, exactness) in [
            (text("2026-08-21 14:05:09"), Exactness::Naive),
            (text("Fri Aug 21 14:05:09 2026"), Exactness::Naive),
            (text("20260821140509"), Exactness::Naive),
            (text("2026-08-21 14:05:09 PST"), Exactness::Naive),
            (text("2026-08-21 14:05:09Z"), Exactness::Exact),
            (text("21/Aug/2026:14:05:09 +0200"), Exactness::Exact),
            (text("1760000000"), Exactness::Exact),
            (Value::I64(1_760_000_000), Exactness::Exact),
        ] {
            assert_eq!(
                read(value.clone(), None).map(|moment| moment.exactness),
                Ok(exactness),
                "{value:?}"
            );
        }
    }

    #[test]
    fn a_text_without_zone_is_in_the_configured_one() {
        let zone = TimeZone::get("Europe/Berlin").expect("the zone database is bundled or present");
        let read = |text: &'static str| {
            let read = read_timestamp(&Value::Str(text.into()), None, &zone);
            read.map(|moment| moment.timestamp.to_string())
        };
        assert_eq!(read("2026-08-21 14:05:09,123").as_deref(), Ok("2026-08-21T12:05:09.123000Z"));
        assert_eq!(read("2026-08-21T14:05:09Z").as_deref(), Ok("2026-08-21T14:05:09.000000Z"));
        // Clocks skip from 02:00 to 03:00: the moment after the gap is meant.
        assert_eq!(read("2026-03-29 02:30:00").as_deref(), Ok("2026-03-29T01:30:00.000000Z"));
    }
}
