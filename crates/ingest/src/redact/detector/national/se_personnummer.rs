//! Personal identity numbers of Sweden: `811228-9874`, and coordination numbers with the day plus
//! 60.
//!
//! Date of birth, `-` (`+` from the hundredth year on), three digits and Luhn's over the last ten
//! (Skatteverket, SKV 704 and 707). One in three hundred numbers passes, so a word or name is asked
//! for.

use super::super::checks::{has_luhn, is_day_of_year, number, part};
use super::super::worded::Worded;
use super::PLACEHOLDER;

/// See the module.
pub(in crate::redact) static SE_PERSONNUMMER: Worded = Worded {
    name: "se_personnummer",
    placeholder: PLACEHOLDER,
    example: "personnummer 811228-9874",
    words: &[
        "person nummer",
        "samordningsnummer",
        "personnr",
        "pnr",
        "swedish id",
        "swedish personal",
    ],
    needles: &["person_n", "personn", "person-n", "person n", "samordning", "pnr", "swedish"],
    shapes: &["dddddddddd", "dddddd~dddd", "dddddddddddd", "dddddddd~dddd"],
    is_valid,
    ..Worded::BASE
};

fn is_valid(signs: &[u8]) -> bool {
    // The century, where the year has four digits, is not part of the check.
    let (century, short) = match signs.len() {
        10 => (None, signs),
        12 => (Some(part(signs, 0..2)), part(signs, 2..12)),
        _ => return false,
    };
    let is_century = century.is_none_or(|century| matches!(century, b"18" | b"19" | b"20"));
    let day = number(part(short, 4..6)).unwrap_or_default();
    let day = if day > 60 { day - 60 } else { day };
    is_century
        && is_day_of_year(format!("{day:02}").as_bytes(), part(short, 2..4))
        && has_luhn(short)
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("personnummer 811228-9874", "personnummer [NATIONAL_ID]"),
            ("personnummer=198112289874;", "personnummer=[NATIONAL_ID];"),
            (r#"{"personnummer":"19811228-9874"}"#, r#"{"personnummer":"[NATIONAL_ID]"}"#),
            ("samordningsnummer: 811288-9871", "samordningsnummer: [NATIONAL_ID]"),
        ] {
            check(&SE_PERSONNUMMER, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &SE_PERSONNUMMER,
            &[
                "811228-9874",
                "personnummer 811228-9875",
                "personnummer 811328-9874",
                "personnummer 20261120",
            ],
        );
    }
}
