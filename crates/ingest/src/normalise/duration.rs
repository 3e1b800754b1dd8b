//! Durations in any usual spelling become milliseconds.

use tierlog_model::Value;

use super::convert::trimmed;

/// Unit of a number that stands for a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// 10⁻⁹ s.
    Nanoseconds,
    /// 10⁻⁶ s.
    Microseconds,
    /// 10⁻³ s.
    Milliseconds,
    /// 1 s.
    Seconds,
    /// 60 s.
    Minutes,
    /// 3,600 s.
    Hours,
}

/// Names of durations with a fixed unit that the name does not tell.
const NAMED_UNITS: [(&str, Unit); 12] = [
    // Elastic Common Schema.
    ("event.duration", Unit::Nanoseconds),
    // OpenTelemetry's first conventions.
    ("http.server.duration", Unit::Milliseconds),
    // Names in one word, folded to lower case.
    ("durationms", Unit::Milliseconds),
    ("durationmillis", Unit::Milliseconds),
    ("elapsedms", Unit::Milliseconds),
    ("elapsedmilliseconds", Unit::Milliseconds),
    ("latencyms", Unit::Milliseconds),
    ("responsetimems", Unit::Milliseconds),
    ("executiontimems", Unit::Milliseconds),
    ("tookms", Unit::Milliseconds),
    ("durationseconds", Unit::Seconds),
    ("elapsedseconds", Unit::Seconds),
];

impl Unit {
    /// Returns the unit with a symbol or word.
    pub(crate) fn by_name(name: &str) -> Option<Unit> {
        Some(match name {
            "ns" | "nanos" | "nanoseconds" => Unit::Nanoseconds,
            // Both the micro sign and the Greek letter are in use.
            "us" | "\u{b5}s" | "\u{3bc}s" | "micros" | "microseconds" => Unit::Microseconds,
            "ms" | "millis" | "msec" | "milliseconds" => Unit::Milliseconds,
            "s" | "sec" | "secs" | "second" | "seconds" => Unit::Seconds,
            "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minutes,
            "h" | "hour" | "hours" => Unit::Hours,
            _ => return None,
        })
    }

    /// Returns the unit of numbers under a field name: the name's own convention, else the
    /// name's last word; `None` for a name that says none.
    pub(crate) fn of_field(name: &str) -> Option<Unit> {
        let named = NAMED_UNITS.iter().find(|(known, _)| *known == name).map(|(_, unit)| *unit);
        named.or_else(|| name.rsplit_once('_').and_then(|(_, word)| Unit::by_name(word)))
    }

    /// Returns the unit's symbol.
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Unit::Nanoseconds => "ns",
            Unit::Microseconds => "us",
            Unit::Milliseconds => "ms",
            Unit::Seconds => "s",
            Unit::Minutes => "min",
            Unit::Hours => "h",
        }
    }

    fn milliseconds(self) -> f64 {
        match self {
            Unit::Nanoseconds => 1e-6,
            Unit::Microseconds => 1e-3,
            Unit::Milliseconds => 1.0,
            Unit::Seconds => 1e3,
            Unit::Minutes => 60e3,
            Unit::Hours => 3_600e3,
        }
    }

    /// Converts a number. Division is exact where a product with 0.001 is not.
    fn convert(self, number: f64) -> f64 {
        match self {
            Unit::Nanoseconds => number / 1e6,
            Unit::Microseconds => number / 1e3,
            Unit::Milliseconds | Unit::Seconds | Unit::Minutes | Unit::Hours => {
                number * self.milliseconds()
            }
        }
    }
}

/// Returns a duration in milliseconds, or `None` when the value does not read as one. Without a
/// unit, only a text that says its own reads.
pub(crate) fn read_duration(value: &Value<'_>, unit: Option<Unit>) -> Option<f64> {
    let number = match value {
        Value::I64(number) => *number as f64,
        Value::U64(number) => *number as f64,
        // Nanoseconds are counted: a fraction of one was meant in another unit.
        Value::F64(number) if unit == Some(Unit::Nanoseconds) && number.fract() != 0.0 => {
            return None;
        }
        Value::F64(number) => *number,
        Value::Str(text) => return read_text(trimmed(text), unit).filter(|read| read.is_finite()),
        Value::Bool(_) | Value::Json(_) => return None,
    };
    Some(unit?.convert(number)).filter(|read| read.is_finite())
}

fn read_text(text: &str, unit: Option<Unit>) -> Option<f64> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | 'P')) {
        return None;
    }
    if let Ok(number) = text.parse::<f64>() {
        return Some(unit?.convert(number));
    }
    if text.contains(':') {
        return read_clock(text);
    }
    if text.starts_with('P') {
        let span: jiff::SignedDuration = text.parse().ok()?;
        return Some(span.as_secs_f64() * 1e3);
    }
    read_parts(text)
}

/// Reads Python's `str(timedelta)`: `0:00:01.234567`.
fn read_clock(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    let mut count = 0;
    for part in text.split(':') {
        let number: f64 = part.parse().ok()?;
        seconds = seconds * 60.0 + number;
        count += 1;
    }
    (2..=3).contains(&count).then_some(seconds * 1e3)
}

/// Reads `12ms`, `1.5 s`, and Go's `1m2.5s`.
fn read_parts(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-'))?;
        let (number, tail) = rest.split_at(digits);
        let tail = tail.trim_start();
        let symbol_end =
            tail.find(|c: char| c.is_ascii_digit() || c.is_whitespace()).unwrap_or(tail.len());
        let (symbol, tail) = tail.split_at(symbol_end);
        total += Unit::by_name(symbol)?.convert(number.parse().ok()?);
        rest = tail.trim_start();
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_become_milliseconds() {
        let text = |text: &'static str| Value::Str(text.into());
        let (ns, us, ms) = (Unit::Nanoseconds, Unit::Microseconds, Unit::Milliseconds);
        let cases = [
            (Value::I64(12), Some(ms), Some(12.0)),
            (Value::F64(0.523), Some(Unit::Seconds), Some(523.0)),
            (Value::I64(1_500), Some(us), Some(1.5)),
            (Value::U64(2_500_000), Some(ns), Some(2.5)),
            (Value::F64(2_500_000.0), Some(ns), Some(2.5)),
            (Value::F64(0.25), Some(ns), None),
            (text("12"), Some(Unit::Seconds), Some(12_000.0)),
            (text("12ms"), Some(Unit::Seconds), Some(12.0)),
            (text("1.5 s"), None, Some(1_500.0)),
            (text("350\u{b5}s"), None, Some(0.35)),
            (text("1m2.5s"), None, Some(62_500.0)),
            (text("2h 1m"), None, Some(7_260_000.0)),
            (text("0:00:01.250000"), None, Some(1_250.0)),
            (text("PT1.5S"), None, Some(1_500.0)),
            (Value::I64(12), None, None),
            (Value::F64(0.5), None, None),
            (text("12"), None, None),
            (text("0.5"), None, None),
            (text("soon"), Some(ms), None),
            (text("12 parsecs"), Some(ms), None),
            (text("1:2:3:4"), Some(ms), None),
            (text(""), Some(ms), None),
            (text("NaN"), Some(ms), None),
            (text("-"), Some(ms), None),
            (Value::Bool(true), Some(ms), None),
        ];
        for (value, unit, expected) in cases {
            assert_eq!(read_duration(&value, unit), expected, "{value:?} {unit:?}");
        }
    }

    #[test]
    fn field_names_tell_their_unit_or_none() {
        let cases = [
            ("duration_ms", Some(Unit::Milliseconds)),
            ("elapsed_seconds", Some(Unit::Seconds)),
            ("latency_us", Some(Unit::Microseconds)),
            ("event.duration", Some(Unit::Nanoseconds)),
            ("durationms", Some(Unit::Milliseconds)),
            ("duration", None),
            ("request_time", None),
            ("took", None),
        ];
        for (name, unit) in cases {
            assert_eq!(Unit::of_field(name), unit, "{name}");
        }
    }
}
