//! Reads how people and programs write a moment: the one reader of parameters, query ranges,
//! aggregations and the command line.
//!
//! Arrives: text, and the present moment. Leaves: a [`Moment`], which is as long as it was written
//! exactly: a day is a day, `10:30` a minute, a unix time in milliseconds a millisecond. Moments
//! outside of what a record can have become the first or the last one; nothing overflows.

use jiff::civil;
use tierlog_model::Timestamp;

/// The error for an unreadable moment.
pub const MOMENT_FORMS: &str = "expected RFC 3339, a day or its beginning (2026-12-01T10), unix time in s, ms, us or ns, \
     now, now-1h or now-1d/d";

const SECOND: i128 = 1_000_000;
const MINUTE: i128 = 60 * SECOND;
const HOUR: i128 = 60 * MINUTE;
const DAY: i128 = 24 * HOUR;
const WEEK: i128 = 7 * DAY;

/// From the first Monday before 1970 to 1970, which began on a Thursday.
const MONDAY_TO_EPOCH: i128 = 3 * DAY;

/// Years that a number of digits alone may begin with: of later ones nobody has logs, and unix
/// time must stay unix time.
const COMPACT_YEARS: std::ops::RangeInclusive<i16> = 1970..=2261;

/// Steps of a relative moment; `now-1d/d+3h` has three.
const STEPS_MAX: usize = 16;

/// A moment as written: the first instant of the text's precision, and the first instant after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The first moment that the text means.
    pub(crate) first: Timestamp,
    /// The first moment after all that the text means; never before `first`.
    pub(crate) after: Timestamp,
}

impl Moment {
    /// Reads a moment: RFC 3339 and ISO 8601 as precisely as anybody likes (`T` or space, UTC when
    /// it names no zone, digits with or without signs between them), a day, a month, a year, unix
    /// time as seconds, milliseconds, microseconds or nanoseconds by magnitude, the forms of mail
    /// and access logs, or relative to the present: `now`, `now-1h`, `-15m`, `now-1d/d` (rounded
    /// down to the unit after the slash), `yesterday`, and `2026-12-01||+1M/d` from any other.
    pub(crate) fn read(text: &str, now: Timestamp) -> Option<Moment> {
        let text = text.trim();
        if let Some((anchor, steps)) = text.split_once("||") {
            return relative(steps, Moment::read(anchor, now)?.first);
        }
        if let Some(moment) = named(text, now) {
            return Some(moment);
        }
        digits(text).or_else(|| calendar(text)).or_else(|| foreign(text))
    }

    /// Tells whether it is longer than the shortest one: a day, an hour, a second.
    pub(crate) fn is_stretch(self) -> bool {
        self.after > self.first.saturating_add_micros(1)
    }

    /// Returns the span of micros since 1970, whatever their size.
    fn spanning(first: i128, length: i128) -> Moment {
        Moment { first: clamped(first), after: clamped(first.saturating_add(length)) }
    }
}

/// Reads a moment, and returns the first one that the text means.
pub fn read_moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    Moment::read(text, now).map(|moment| moment.first)
}

fn clamped(micros: i128) -> Timestamp {
    let micros = micros.clamp(i64::MIN.into(), i64::MAX.into());
    Timestamp::from_micros_clamped(i64::try_from(micros).unwrap_or_default())
}

/// A unit of relative moments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Fixed(i128),
    Month,
    Year,
}

fn unit(name: &str) -> Option<Unit> {
    Some(match name {
        "us" => Unit::Fixed(1),
        "ms" => Unit::Fixed(1_000),
        "s" | "sec" | "second" | "seconds" => Unit::Fixed(SECOND),
        "m" | "min" | "minute" | "minutes" => Unit::Fixed(MINUTE),
        "h" | "H" | "hour" | "hours" => Unit::Fixed(HOUR),
        "d" | "day" | "days" => Unit::Fixed(DAY),
        "w" | "week" | "weeks" => Unit::Fixed(WEEK),
        "M" | "mo" | "month" | "months" => Unit::Month,
        "y" | "year" | "years" => Unit::Year,
        _ => return None,
    })
}

/// Reads what begins with a word or a sign: the present and what lies before and after.
fn named(text: &str, now: Timestamp) -> Option<Moment> {
    if let Some(steps) = text.strip_prefix("now") {
        return relative(steps, now);
    }
    let day = |steps: &str| relative(steps, now);
    match text {
        "today" => return day("/d"),
        "yesterday" => return day("-1d/d"),
        "tomorrow" => return day("+1d/d"),
        _ => {}
    }
    if let Some(span) = text.strip_suffix("ago") {
        return relative(&format!("-{}", span.trim()), now);
    }
    if text.starts_with(['-', '+']) {
        return relative(text, now);
    }
    None
}

/// Goes some steps from a moment: `-1h30m`, `+1d`, `/d`, one after the other.
fn relative(steps: &str, from: Timestamp) -> Option<Moment> {
    let mut micros = i128::from(from.as_micros());
    let mut length = 1;
    let mut rest = steps;
    let mut sign = None;
    for _ in 0..STEPS_MAX {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else {
            return Some(Moment::spanning(micros, length));
        };
        match first {
            '+' | '-' => {
                sign = Some(if first == '-' { -1_i128 } else { 1 });
                rest = rest.get(1..)?.trim_start();
            }
            '/' => {
                let name = leading(rest.get(1..)?, |c| c.is_ascii_alphabetic());
                rest = rest.get(1 + name.len()..)?;
                (micros, length) = rounded(micros, unit(name)?);
                sign = None;
                continue;
            }
            _ => {}
        }
        let count = leading(rest, |c| c.is_ascii_digit());
        let after = rest.get(count.len()..)?.trim_start();
        let name = leading(after, |c| c.is_ascii_alphabetic());
        rest = after.get(name.len()..)?;
        let count = count.parse::<i64>().ok()?;
        micros = stepped(micros, sign?.checked_mul(i128::from(count))?, unit(name)?);
        length = 1;
    }
    None
}

fn leading(text: &str, is_part: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c: char| !is_part(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Returns the moment so many units further; months keep the day where there is one.
fn stepped(micros: i128, count: i128, unit: Unit) -> i128 {
    let months = match unit {
        Unit::Fixed(length) => return micros.saturating_add(count.saturating_mul(length)),
        Unit::Month => count,
        Unit::Year => count.saturating_mul(12),
    };
    let (date, time) = civil_of(micros);
    // A year beyond the calendar is beyond every record.
    let beyond = if months < 0 { i128::from(i64::MIN) } else { i128::from(i64::MAX) };
    let month = i128::from(date.year()) * 12 + i128::from(date.month()) - 1 + months;
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    let (Ok(year), Ok(month)) = (i16::try_from(year), i8::try_from(month)) else { return beyond };
    let Ok(first) = civil::Date::new(year, month, 1) else { return beyond };
    let day = date.day().min(first.days_in_month());
    first.with().day(day).build().map_or(beyond, |date| day_micros(date) + time)
}

/// Returns the beginning of the unit that a moment lies in, and how long that one is.
fn rounded(micros: i128, unit: Unit) -> (i128, i128) {
    let date = civil_of(micros).0;
    match unit {
        Unit::Fixed(WEEK) => {
            let monday = (micros + MONDAY_TO_EPOCH).div_euclid(WEEK) * WEEK - MONDAY_TO_EPOCH;
            (monday, WEEK)
        }
        Unit::Fixed(length) => (micros.div_euclid(length) * length, length),
        Unit::Month => (day_micros(date.first_of_month()), i128::from(date.days_in_month()) * DAY),
        Unit::Year => (day_micros(date.first_of_year()), i128::from(date.days_in_year()) * DAY),
    }
}

/// Returns the day of a moment that a record can have, and the time since midnight.
fn civil_of(micros: i128) -> (civil::Date, i128) {
    let micros = clamped(micros).as_micros();
    let epoch = civil::Date::constant(1970, 1, 1);
    let days = micros.div_euclid(DAY as i64);
    let date = epoch.saturating_add(jiff::SignedDuration::from_hours(days * 24));
    (date, i128::from(micros.rem_euclid(DAY as i64)))
}

fn day_micros(date: civil::Date) -> i128 {
    let epoch = civil::Date::constant(1970, 1, 1);
    i128::from(date.duration_since(epoch).as_secs()) * SECOND
}

/// Reads what consists of digits: a date without signs where only that makes sense, else unix time.
fn digits(text: &str) -> Option<Moment> {
    // There are no logs from before 1970: `-1` lacks its unit.
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit())
        && let Some(moment) = compact(text)
    {
        return Some(moment);
    }
    unix(text)
}

/// Reads `2026`, `202612`, `20261201`, `202612011030`, `20261201103000` or that with milliseconds.
/// Ten digits are unix seconds, which hours would be taken for.
fn compact(text: &str) -> Option<Moment> {
    let part = |range: std::ops::Range<usize>| text.get(range);
    let year = part(0..4)?;
    let number: i16 = year.parse().ok()?;
    let is_year = match text.len() {
        // Of so few digits there is no unix time that a log has.
        4 | 8 => number >= *COMPACT_YEARS.start(),
        _ => COMPACT_YEARS.contains(&number),
    };
    if !is_year {
        return None;
    }
    let iso = match text.len() {
        4 => year.to_owned(),
        6 => format!("{year}-{}", part(4..6)?),
        8 => format!("{year}-{}-{}", part(4..6)?, part(6..8)?),
        12 | 14 | 17 => {
            let seconds = part(12..14).map_or(String::new(), |digits| format!(":{digits}"));
            let millis = part(14..17).map_or(String::new(), |digits| format!(".{digits}"));
            let (month, day, hour) = (part(4..6)?, part(6..8)?, part(8..10)?);
            format!("{year}-{month}-{day}T{hour}:{}{seconds}{millis}", part(10..12)?)
        }
        _ => return None,
    };
    calendar(&iso)
}

/// Reads unix time. The magnitude tells the unit: seconds stay below 1e11 until the year 5138,
/// and milliseconds above it began in 1973.
fn unix(text: &str) -> Option<Moment> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (Ok(number), true) = (whole.parse::<i128>(), fraction.bytes().all(|b| b.is_ascii_digit()))
    else {
        // An exponent: some JSON writers make `1.795e9` of large numbers.
        let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite())?;
        return (seconds < 1e11).then(|| Moment::spanning((seconds * 1e6).round() as i128, 1));
    };
    const SMALLEST: [(i128, i128); 3] =
        [(100_000_000_000, SECOND), (100_000_000_000_000, 1_000), (100_000_000_000_000_000, 1)];
    let unit = SMALLEST.iter().find(|(below, _)| number < *below);
    let Some((_, length)) = unit.copied() else {
        return Some(Moment::spanning(number.div_euclid(1_000), 1));
    };
    let (part, length) = fraction_micros(fraction, length)?;
    Some(Moment::spanning(number.saturating_mul(length.0).saturating_add(part), length.1))
}

/// Returns the micros of the decimal digits after a unit, with the unit's own length and that of
/// the last digit.
fn fraction_micros(digits: &str, unit: i128) -> Option<(i128, (i128, i128))> {
    let (mut micros, mut length) = (0, unit);
    for digit in digits.chars() {
        length /= 10;
        micros += i128::from(digit.to_digit(10)?) * length;
    }
    Some((micros, (unit, length.max(1))))
}

/// Reads ISO 8601 from a year on: each further part may be missing, and makes the moment shorter.
fn calendar(text: &str) -> Option<Moment> {
    let mut reader = MomentReader { rest: text };
    let (date, mut length) = reader.date()?;
    let mut micros = day_micros(date);
    if reader.separator() {
        let time = reader.time()?;
        micros += time.0;
        length = time.1;
        micros -= reader.zone()?;
    }
    reader.rest.is_empty().then(|| Moment::spanning(micros, length)).or_else(|| zoned(text, length))
}

/// Reads a moment with the name of its zone, `2026-12-01T10:00[Europe/Berlin]`.
fn zoned(text: &str, length: i128) -> Option<Moment> {
    let moment = text.parse::<jiff::Zoned>().ok()?.timestamp();
    Some(Moment::spanning(moment.as_microsecond().into(), length))
}

/// Reads the forms of mail and HTTP headers, and of access logs.
fn foreign(text: &str) -> Option<Moment> {
    let of_mail = || jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
    let of_access_log = || {
        let form = "%d/%b/%Y:%H:%M:%S %z";
        jiff::fmt::strtime::parse(form, text.trim_matches(['[', ']'])).ok()?.to_timestamp().ok()
    };
    let moment = of_mail().or_else(of_access_log)?;
    Some(Moment::spanning(moment.as_microsecond().into(), SECOND))
}

/// Reads the parts of a calendar moment from left to right.
struct MomentReader<'t> {
    rest: &'t str,
}

impl MomentReader<'_> {
    fn take(&mut self, sign: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(sign)?;
        Some(())
    }

    /// Takes just so many digits.
    fn number(&mut self, digits: usize) -> Option<i128> {
        let text = self.rest.get(..digits)?;
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        self.rest = self.rest.get(digits..)?;
        text.parse().ok()
    }

    /// Takes `2026`, `2026-12`, `2026-12-01`, `2026/12/01` or `20261201`, and says how long it is.
    fn date(&mut self) -> Option<(civil::Date, i128)> {
        let year = i16::try_from(self.number(4)?).ok()?;
        let sign = ["-", "/"].into_iter().find(|sign| self.take(sign).is_some());
        if sign.is_none() && !self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            let date = civil::Date::new(year, 1, 1).ok()?;
            return Some((date, i128::from(date.days_in_year()) * DAY));
        }
        let month = i8::try_from(self.number(2)?).ok()?;
        let has_day = match sign {
            Some(sign) => self.take(sign).is_some(),
            None => true,
        };
        if !has_day {
            let date = civil::Date::new(year, month, 1).ok()?;
            return Some((date, i128::from(date.days_in_month()) * DAY));
        }
        let day = i8::try_from(self.number(2)?).ok()?;
        Some((civil::Date::new(year, month, day).ok()?, DAY))
    }

    fn separator(&mut self) -> bool {
        let after = self.rest.trim_start_matches(' ');
        let after = after.strip_prefix(['T', 't', '_']).unwrap_or(after);
        let is_time =
            after.len() < self.rest.len() && after.starts_with(|c: char| c.is_ascii_digit());
        if is_time {
            self.rest = after;
        }
        is_time
    }

    /// Takes `10`, `10:30`, `10:30:15`, `10:30:15.25` or that without colons, as micros since
    /// midnight and the length of the last part.
    fn time(&mut self) -> Option<(i128, i128)> {
        let hour = self.number(2)?;
        let mut micros = hour * HOUR;
        let mut length = HOUR;
        let has_colons = self.rest.starts_with(':');
        for unit in [MINUTE, SECOND] {
            let goes_on = match has_colons {
                true => self.take(":").is_some(),
                false => self.rest.starts_with(|c: char| c.is_ascii_digit()),
            };
            if !goes_on {
                break;
            }
            let number = self.number(2)?;
            // A leap second counts as the last second of its minute.
            let number = if unit == SECOND && number == 60 { 59 } else { number };
            if number > 59 {
                return None;
            }
            micros += number * unit;
            length = unit;
        }
        if length == SECOND
            && let Some(rest) = self.rest.strip_prefix(['.', ','])
        {
            let digits = leading(rest, |c| c.is_ascii_digit());
            self.rest = rest.get(digits.len()..)?;
            let (part, (_, last)) = fraction_micros(digits, SECOND)?;
            (micros, length) = (micros + part, last);
        }
        // The end of a day may be written as its 24th hour.
        (micros <= DAY).then_some((micros, length))
    }

    /// Takes `Z`, `UTC`, `+02:00`, `+0200` or nothing, as the micros that the zone is ahead.
    fn zone(&mut self) -> Option<i128> {
        let rest = self.rest.trim_start();
        if let Some(after) =
            ["Z", "z", "UTC", "GMT"].iter().find_map(|name| rest.strip_prefix(name))
        {
            self.rest = after;
            return Some(0);
        }
        let sign = match rest.chars().next() {
            Some('+') => 1,
            Some('-') => -1,
            _ => return Some(0),
        };
        self.rest = rest.get(1..)?;
        let mut ahead = self.number(2)? * HOUR;
        for unit in [MINUTE, SECOND] {
            let has_colon = self.take(":").is_some();
            if !has_colon && !self.rest.starts_with(|c: char| c.is_ascii_digit()) {
                break;
            }
            ahead += self.number(2)? * unit;
        }
        (ahead < 26 * HOUR).then_some(sign * ahead)
    }
}

#[cfg(test)]
mod tests;
