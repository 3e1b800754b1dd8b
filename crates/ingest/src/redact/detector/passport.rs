//! Numbers of passports: `passport no. 533380006`, `passport_number: "C01X00T47"`.
//!
//! Up to two letters and six to nine digits in most countries (ICAO Doc 9303: nine signs in the
//! machine-readable zone). Any part number looks so, so a word right before it or a name is asked
//! for.

use super::worded::{Gap, Worded};
use crate::redact::named::Names;

/// See the module.
pub(in crate::redact) static PASSPORT: Worded = Worded {
    name: "passport",
    placeholder: "[PASSPORT]",
    example: "passport no. 533380006, valid",
    words: &[
        "passport",
        "reisepass",
        "passeport",
        "pasaporte",
        "passaporto",
        "passaporte",
        "paspoort",
    ],
    needles: &["passport", "reisepass", "passeport", "pasaporte", "passaport", "paspoort"],
    shapes: &["xxxxxxxxx", "xxxxxxxx", "xxxxxxx", "xx ddddddd", "dd dd dddddd", "l ddddddd"],
    gap: Gap::Narrow,
    is_valid,
    names: Some(Names::Numbers(&[
        "passport",
        "reisepass",
        "passeport",
        "pasaporte",
        "passaporto",
        "passaporte",
        "paspoort",
        "travel document",
    ])),
    is_named_value: Some(is_named_value),
    ..Worded::BASE
};

/// Fewest digits: passports of India and Poland have letters too, nearly all signs are digits.
const DIGITS_MIN: usize = 5;

fn is_valid(signs: &[u8]) -> bool {
    signs.iter().filter(|sign| sign.is_ascii_digit()).count() >= DIGITS_MIN
}

/// Longest number that is written with spaces.
const VALUE_BYTES: std::ops::RangeInclusive<usize> = 6..=16;

/// Fewest digits under a name: C01X00T47 has six, some have four.
const NAMED_DIGITS_MIN: usize = 4;

fn is_named_value(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'.');
    VALUE_BYTES.contains(&text.len())
        && text.bytes().all(is_sign)
        && text.bytes().filter(u8::is_ascii_digit).count() >= NAMED_DIGITS_MIN
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn numbers_of_passports_are_replaced() {
        for (text, expected) in [
            ("passport no. 533380006, valid", "passport no. [PASSPORT], valid"),
            ("passport_number=C01X00T47", "passport_number=[PASSPORT]"),
            (r#"{"passportNo":"AB1234567"}"#, r#"{"passportNo":"[PASSPORT]"}"#),
            ("Reisepass: C01X00T47", "Reisepass: [PASSPORT]"),
            ("Passport number is 925665416.", "Passport number is [PASSPORT]."),
        ] {
            check(&PASSPORT, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &PASSPORT,
            &[
                "533380006 C01X00T47",
                "passport: valid, passport.js v0.6.0, passport=true",
                "passport check of order 533380006",
                "passport expires 2031",
                "[PASSPORT] 533380006",
            ],
        );
    }
}
