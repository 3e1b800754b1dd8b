//! Precise coordinates, by the name of the field: `latitude`, `geo.lon`, `coordinates`.
//!
//! Four decimals of a degree are ten meters; with fewer a street or a town is meant, and the value
//! stays. Latencies are called `lat` too, and are seldom written with so many.

use super::named_value::NamedValue;
use crate::redact::named::Names;
use crate::redact::whole::Whole;

/// See the module.
pub(in crate::redact) static COORDINATES: NamedValue = NamedValue {
    name: "coordinates",
    placeholder: "[LOCATION]",
    example: "latitude=48.85837 longitude=2.29448",
    names: Names::Exactly(&[
        "latitude",
        "longitude",
        "lat",
        "lng",
        "lon",
        "lat lng",
        "lat lon",
        "lat long",
        "coordinate",
        "coords",
        "geo",
        "gps",
        "geo point",
        "geo location",
        "geolocation",
        "gps location",
        "location",
    ]),
    keys: &[
        "latitude",
        "longitude",
        "lat=",
        "lat:",
        "lat\"",
        "lat'",
        "lat\\",
        "lng=",
        "lng:",
        "lng\"",
        "lng'",
        "lng\\",
        "lon=",
        "lon:",
        "lon\"",
        "lon'",
        "lon\\",
        "latl",
        "lat_l",
        "lat,",
        "coordinate",
        "coords",
        "geo",
        "gps",
        "location",
    ],
    is_value,
    bare_bytes,
};

/// Fewest decimals of a precise coordinate.
const DECIMALS_MIN: usize = 4;

/// Largest longitude.
const DEGREES_MAX: f64 = 180.0;

fn is_value(value: Whole<'_>) -> bool {
    match value {
        Whole::Text(text) => is_point(text),
        Whole::Fraction(number) => is_precise(&number.to_string()),
        Whole::Flag | Whole::Number(_) | Whole::Nested | Whole::EmptyNested => false,
    }
}

/// Tells whether a text is one coordinate, or two with a comma or space between.
fn is_point(text: &str) -> bool {
    let text = text.trim().strip_prefix("geo:").unwrap_or(text.trim());
    let text = text.trim_matches(['(', ')', '[', ']']);
    let numbers: Vec<&str> = text.split([',', ';', ' ']).filter(|part| !part.is_empty()).collect();
    matches!(numbers.len(), 1 | 2) && numbers.iter().all(|number| is_precise(number))
}

fn is_precise(number: &str) -> bool {
    let number = number.trim_end_matches(['°', 'N', 'S', 'E', 'W']);
    let Some((_, decimals)) = number.split_once('.') else { return false };
    let degrees: Option<f64> = number.parse().ok();
    degrees.is_some_and(|degrees| degrees.abs() <= DEGREES_MAX)
        && decimals.len() >= DECIMALS_MIN
        && decimals.bytes().all(|byte| byte.is_ascii_digit())
}

/// A pair in a text: `48.85837, 2.29448`.
fn bare_bytes(rest: &str) -> Option<usize> {
    let is_part = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+');
    let number = |from: usize| {
        let bytes = rest.as_bytes().get(from..).unwrap_or_default();
        from + bytes.iter().take_while(|byte| is_part(**byte)).count()
    };
    let open = usize::from(rest.starts_with('('));
    let first = number(open);
    let gap = rest.get(first..)?.bytes().take_while(|b| matches!(b, b',' | b' ')).count();
    let second = number(first + gap);
    let has_comma = rest.get(first..first + gap)?.contains(',');
    let end = if has_comma && second > first + gap { second } else { first };
    let written = rest.get(..end)?.trim_end_matches(['.', '-', '+']);
    (written.len() > open)
        .then_some(written.len() + usize::from(open == 1 && rest.get(end..)?.starts_with(')')))
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched, check_value};
    use super::*;

    #[test]
    fn precise_places_are_replaced() {
        for (text, expected) in [
            ("latitude=48.85837 longitude=2.29448", "latitude=[LOCATION] longitude=[LOCATION]"),
            (r#"{"lat":48.85837,"lng":2.29448}"#, r#"{"lat":"[LOCATION]","lng":"[LOCATION]"}"#),
            ("coordinates: 48.85837, 2.29448 seen", "coordinates: [LOCATION] seen"),
            ("location=48.85837,2.29448&z=1", "location=[LOCATION]&z=1"),
            ("gps=(48.85837, 2.29448)", "gps=[LOCATION]"),
        ] {
            check(&COORDINATES, text, expected);
        }
        for (name, value, expected) in [
            ("latitude", Whole::Fraction(48.85837), true),
            ("geo.lon", Whole::Fraction(-122.4194), true),
            ("latitude", Whole::Fraction(48.8), false),
            ("location", Whole::Text("48.85837,2.29448"), true),
            ("location", Whole::Text("Paris"), false),
            ("duration", Whole::Fraction(48.85837), false),
            ("lon", Whole::Fraction(234.5678), false),
        ] {
            check_value(&COORDINATES, name, value, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &COORDINATES,
            &[
                "latitude=48.8 location=/srv/a location: https://example.org/1.234,5.678",
                "lat=12.35 precision=17.12345 translation: 48.85837",
                "location=main.rs:12 geo=eu",
            ],
        );
    }
}
