//! Identity numbers of Spain: `12345678Z` of citizens (DNI), `X1234567L` of foreigners (NIE).
//!
//! Eight digits, or X, Y or Z (as 0, 1 or 2) and seven, and a letter that is the remainder modulo
//! 23 (Real Decreto 1553/2005; Orden INT/2058/2008). With a letter at both ends, or with dots or a
//! dash, a number stands alone; eight digits and a letter may be a part number.

use super::super::checks::number;
use super::super::worded::Worded;
use super::PLACEHOLDER;
use crate::redact::printed::Forms;

/// See the module.
pub(in crate::redact) static ES_DNI: Worded = Worded {
    name: "es_dni",
    placeholder: PLACEHOLDER,
    example: "DNI 12345678Z",
    words: &["dni", "NIE", "nif", "documento", "documento nacional", "documento de identidad"],
    needles: &[
        "dni",
        "nie ",
        "nie:",
        "nie=",
        "nie\"",
        "nie'",
        "nie_",
        "nie-",
        "nif ",
        "nif:",
        "nif=",
        "nif\"",
        "nif'",
        "nif_",
        "nif-",
        "documento",
    ],
    forms: Forms::DNI,
    shapes: &["ddddddddl", "lddddddd l", "ldddddddl", "dddddddd l", "dd ddd ddd l", "l ddddddd l"],
    is_valid,
    ..Worded::BASE
};

const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

fn is_valid(signs: &[u8]) -> bool {
    let [first, middle @ .., last] = signs else { return false };
    let front = match first {
        b'X' => b'0',
        b'Y' => b'1',
        b'Z' => b'2',
        first => *first,
    };
    let Some(number) = number(&[&[front], middle].concat()) else { return false };
    middle.len() == 7 && LETTERS.get((number % 23) as usize) == Some(last)
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("DNI 12345678Z", "DNI [NATIONAL_ID]"),
            ("dni=12345678z;", "dni=[NATIONAL_ID];"),
            ("X1234567L, Y1234567X", "[NATIONAL_ID], [NATIONAL_ID]"),
            ("12.345.678-Z and 12345678-Z", "[NATIONAL_ID] and [NATIONAL_ID]"),
            (r#"{"nie":"x-1234567-l"}"#, r#"{"nie":"[NATIONAL_ID]"}"#),
            ("documento de identidad: 12345678-Z", "documento de identidad: [NATIONAL_ID]"),
        ] {
            check(&ES_DNI, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &ES_DNI,
            &[
                "12345678Z",
                "DNI 12345678A",
                "X1234567A",
                "nie 12345678Z",
                "part X12345678L, xX1234567L",
            ],
        );
    }
}
