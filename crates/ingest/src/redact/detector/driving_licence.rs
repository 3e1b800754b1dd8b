//! Numbers of driving licences, under a word or name that says so.
//!
//! Every country and state of the United States has a form of its own, from seven digits to the
//! sixteen signs of the United Kingdom (`MORGA657054SM9IJ`, DVLA INF1D); a word right before the
//! number or a name is asked for.

use super::worded::{Gap, Worded};
use crate::redact::named::Names;

/// Words and names, one list for both.
const WORDS: &[&str] = &[
    "driving licence",
    "driving license",
    "drivers license",
    "drivers licence",
    "driver license",
    "driver licence",
    "driver's license",
    "driver's licence",
    "führerschein",
    "fuehrerschein",
    "führerscheinnummer",
    "permis de conduire",
    "licencia de conducir",
    "patente di guida",
    "rijbewijs",
    "carteira de motorista",
];

/// See the module.
pub(in crate::redact) static DRIVING_LICENCE: Worded = Worded {
    name: "driving_licence",
    placeholder: "[DRIVING_LICENCE]",
    example: "driving licence MORGA657054SM9IJ",
    words: WORDS,
    needles: &[
        "licence",
        "license",
        "hrerschein",
        "uehrerschein",
        "permis",
        "licencia",
        "patente",
        "rijbewijs",
        "carteira",
    ],
    shapes: &[
        "xxxxxxxxxxxxxxxx",
        "xddddddddddddd",
        "xxxxxxxxxxxxx",
        "xdddddddddddd",
        "xxxxxxxxxxx",
        "dddddddddd",
        "xdddddddd",
        "xxxxxxxx",
        "xddddddd",
        "ddddddd",
        "xddd dddd dddd",
        "x dddd dddd dddd",
        "lddd dddd ddddd",
    ],
    gap: Gap::Narrow,
    is_valid: has_digits,
    names: Some(Names::Numbers(&[
        "driving licence",
        "driving license",
        "drivers license",
        "drivers licence",
        "driver license",
        "driver licence",
        "dl number",
        "fuehrerschein",
        "fuhrerschein",
        "permis de conduire",
        "licencia de conducir",
        "patente di guida",
        "rijbewijs",
    ])),
    is_named_value: Some(is_named_value),
    ..Worded::BASE
};

/// Fewest digits: `MORGA657054SM9IJ` has seven, of New Hampshire five.
const DIGITS_MIN: usize = 5;

fn has_digits(signs: &[u8]) -> bool {
    signs.iter().filter(|sign| sign.is_ascii_digit()).count() >= DIGITS_MIN
}

/// Lengths with the spaces and dashes between groups.
const VALUE_BYTES: std::ops::RangeInclusive<usize> = 6..=24;

fn is_named_value(text: &str) -> bool {
    let is_sign =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'.' | b'/');
    VALUE_BYTES.contains(&text.len()) && text.bytes().all(is_sign) && has_digits(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn numbers_of_licences_are_replaced() {
        for (text, expected) in [
            ("driving licence MORGA657054SM9IJ", "driving licence [DRIVING_LICENCE]"),
            ("driver's license no. D1234567", "driver's license no. [DRIVING_LICENCE]"),
            ("drivers_license=B072RRE2I55", "drivers_license=[DRIVING_LICENCE]"),
            (
                r#"{"driverLicenseNumber":"S123-4567-8901"}"#,
                r#"{"driverLicenseNumber":"[DRIVING_LICENCE]"}"#,
            ),
            ("Führerschein: B072RRE2I55.", "Führerschein: [DRIVING_LICENCE]."),
        ] {
            check(&DRIVING_LICENCE, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &DRIVING_LICENCE,
            &[
                "MORGA657054SM9IJ license D1234567",
                "driver license check 12345678 passed, license=MIT",
                "driving licence: valid",
                "[DRIVING_LICENCE] 1234567",
            ],
        );
    }
}
