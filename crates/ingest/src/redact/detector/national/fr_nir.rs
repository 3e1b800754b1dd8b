//! Registration numbers of France, of social security: `1 85 05 78 006 084 91`.
//!
//! Sex, year, month, department (2A and 2B in Corsica), municipality, order, and a key of two
//! digits: 97 less the remainder modulo 97, Corsica as 19 and 18 (INSEE, Code de la sécurité
//! sociale R. 161-1). In its seven groups a number stands alone.

use super::super::checks::{number, part};
use super::super::worded::Worded;
use super::PLACEHOLDER;
use crate::redact::printed::Forms;

/// See the module.
pub(in crate::redact) static FR_NIR: Worded = Worded {
    name: "fr_nir",
    placeholder: PLACEHOLDER,
    example: "2 85 05 78 006 084 41",
    words: &[
        "NIR",
        "numero de securite sociale",
        "securite sociale",
        "numéro de sécurité sociale",
        "sécurité sociale",
        "insee",
        "numero secu",
        "num secu",
        "secu",
        "sécu",
    ],
    needles: &["nir", "securite", "curit", "insee", "secu"],
    digit_run: 8,
    forms: Forms::NIR,
    shapes: &["ddddddddddddddd", "dddddxxdddddddd", "d dd dd xx ddd ddd dd", "ddddddddddddd dd"],
    is_valid,
    ..Worded::BASE
};

fn is_valid(signs: &[u8]) -> bool {
    let corsica = match part(signs, 5..7) {
        b"2A" => Some(*b"19"),
        b"2B" => Some(*b"18"),
        _ => None,
    };
    let front = match corsica {
        Some(department) => [part(signs, 0..5), &department, part(signs, 7..13)].concat(),
        None => part(signs, 0..13).to_vec(),
    };
    let (Some(front), Some(key)) = (number(&front), number(part(signs, 13..15))) else {
        return false;
    };
    let month = number(part(signs, 3..5)).unwrap_or_default();
    signs.len() == 15
        && matches!(signs.first(), Some(b'1'..=b'4' | b'7' | b'8'))
        && matches!(month, 1..=12 | 20 | 30..=42 | 50..=99)
        && key == 97 - front % 97
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("2 85 05 78 006 084 41", "[NATIONAL_ID]"),
            ("NIR 285057800608441", "NIR [NATIONAL_ID]"),
            ("nir=2 85 05 78 006 084 41,", "nir=[NATIONAL_ID],"),
            (
                "numéro de sécurité sociale : 285057800608441",
                "numéro de sécurité sociale : [NATIONAL_ID]",
            ),
            ("NIR: 185052A00608435", "NIR: [NATIONAL_ID]"),
        ] {
            check(&FR_NIR, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &FR_NIR,
            &[
                "285057800608441",
                "NIR 285057800608442",
                "nir 285057800608441",
                "2 85 05 78 006 084 42",
                "IMEI 490154203237518 by insee",
            ],
        );
    }
}
