//! Values of a query: numbers, bounds and ranges.

use std::cmp::Ordering;

use tierlog_model::limits;

use super::{FieldTest, Literal, Number, TextTest, ValueRange, words};
use crate::bound::Bound;

/// 2^65: beyond every integer of a record.
const INTEGER_FLOATS_BELOW: f64 = 36_893_488_147_419_103_232.0;

impl Literal {
    /// Returns the literal of a value as written.
    pub(crate) fn new(text: String) -> Literal {
        Literal { number: Number::read(&text), words: words::phrase(&text), text }
    }

    /// Returns the literal of an id: compared as text and in no other way.
    pub(crate) fn id(text: String) -> Literal {
        Literal { text, number: None, words: TextTest::Never }
    }
}

impl Number {
    /// Reads `12`, `-3`, `0.5` or `1e3`, but no word that only some parsers take for a number, such
    /// as `inf`.
    pub(crate) fn read(text: &str) -> Option<Number> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if text.len() > limits::NUMBER_BYTES_MAX {
            return None;
        }
        if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return None;
        }
        if let Ok(integer) = text.parse::<i128>() {
            return Some(Number::Integer(integer));
        }
        text.parse().ok().filter(|float: &f64| float.is_finite()).map(Number::Float)
    }

    /// Returns the number as a float, rounded to the nearest.
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Number::Integer(integer) => integer as f64,
            Number::Float(float) => float,
        }
    }

    /// Compares two numbers, exactly.
    pub(crate) fn compare(self, other: Number) -> Ordering {
        match self {
            Number::Integer(integer) => other.compare_integer(integer),
            Number::Float(float) => other.compare_float(float),
        }
    }

    /// Returns the float that is the number, if there is one.
    pub(crate) fn as_exact_f64(self) -> Option<f64> {
        Some(self.as_f64()).filter(|float| self.compare_float(*float).is_eq())
    }

    /// Returns the integer that is the number, if there is one.
    pub(crate) fn as_integer(self) -> Option<i128> {
        match self {
            Number::Integer(integer) => Some(integer),
            Number::Float(float) if float.fract() == 0.0 && float.abs() < INTEGER_FLOATS_BELOW => {
                Some(float as i128)
            }
            Number::Float(_) => None,
        }
    }

    /// Returns the smallest float that is not below the number.
    pub(crate) fn first_float_from(self) -> f64 {
        let nearest = self.as_f64();
        if self.compare_float(nearest).is_lt() { nearest.next_up() } else { nearest }
    }

    /// Returns the largest float that is not above the number.
    pub(crate) fn last_float_to(self) -> f64 {
        let nearest = self.as_f64();
        if self.compare_float(nearest).is_gt() { nearest.next_down() } else { nearest }
    }

    /// Compares a float of a record with the number, exactly: no float equals 2^53 + 1.
    pub(crate) fn compare_float(self, value: f64) -> Ordering {
        match self {
            // Stored floats and bounds are finite.
            Number::Float(float) => value.partial_cmp(&float).unwrap_or(Ordering::Equal),
            // The cast saturates, and every bound of a stored integer is far from where it does.
            Number::Integer(integer) => {
                (value.floor() as i128).cmp(&integer).then_with(|| match value.fract() == 0.0 {
                    true => Ordering::Equal,
                    false => Ordering::Greater,
                })
            }
        }
    }

    /// Compares an integer of a record with the number, exactly: 1 < 1.5, and no digit of
    /// a 64-bit integer is lost.
    pub(crate) fn compare_integer(self, value: i128) -> Ordering {
        match self {
            Number::Integer(integer) => value.cmp(&integer),
            // The cast saturates, and every stored integer is far from where it does.
            Number::Float(float) => {
                value.cmp(&(float.floor() as i128)).then_with(|| match float.fract() == 0.0 {
                    true => Ordering::Equal,
                    false => Ordering::Less,
                })
            }
        }
    }
}

/// Returns the milliseconds of a duration with its unit, `1s`; any other text as it is.
pub(crate) fn milliseconds(text: String) -> String {
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "us" | "µs" => 0.001,
        "ms" => 1.0,
        "s" => 1_000.0,
        "m" | "min" => 60_000.0,
        "h" => 3_600_000.0,
        _ => return text,
    };
    number.parse::<f64>().map_or(text, |number| (number * factor).to_string())
}

/// Returns the test for a range: of numbers when every end is one, of texts otherwise. `None`
/// when the range has no end at all.
pub(crate) fn range(lower: Bound<String>, upper: Bound<String>) -> Option<FieldTest> {
    if lower == Bound::Unbounded && upper == Bound::Unbounded {
        return None;
    }
    let number = |text: String| Number::read(&text);
    let range = match (lower.clone().try_map(number), upper.clone().try_map(number)) {
        (Some(lower), Some(upper)) => ValueRange::Numbers { lower, upper },
        _ => ValueRange::Texts { lower, upper },
    };
    Some(FieldTest::Range(range))
}
