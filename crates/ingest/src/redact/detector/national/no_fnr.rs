//! Birth numbers of Norway: `011299 99558`, and numbers of guests with the day plus 40.
//!
//! Date of birth, three digits, and two check digits modulo 11 (Skatteetaten,
//! folkeregisterforskriften § 2-2-1). Columns of numbers may look so, so a word or name is asked
//! for.

use super::super::checks::{digits, is_day_of_year, number, part, weighted};
use super::super::worded::Worded;
use super::PLACEHOLDER;

/// See the module.
pub(in crate::redact) static NO_FNR: Worded = Worded {
    name: "no_fnr",
    placeholder: PLACEHOLDER,
    example: "fødselsnummer 01129999558",
    words: &["fødselsnummer", "fodselsnummer", "person nummer", "fnr", "d nummer"],
    needles: &[
        "dselsn", "person_n", "personn", "person-n", "person n", "fnr", "d-nummer", "dnummer",
        "d_nummer",
    ],
    shapes: &["ddddddddddd", "dddddd ddddd"],
    is_valid,
    ..Worded::BASE
};

const FIRST: [u32; 10] = [3, 7, 6, 1, 8, 9, 4, 5, 2, 1];
const SECOND: [u32; 11] = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1];

fn is_valid(signs: &[u8]) -> bool {
    let Some(digits) = digits(signs).filter(|digits| digits.len() == 11) else { return false };
    let day = number(part(signs, 0..2)).unwrap_or_default();
    let day = if day > 40 { day - 40 } else { day };
    is_day_of_year(format!("{day:02}").as_bytes(), part(signs, 2..4))
        && weighted(&digits, &FIRST).is_multiple_of(11)
        && weighted(&digits, &SECOND).is_multiple_of(11)
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("fødselsnummer 01129999558", "fødselsnummer [NATIONAL_ID]"),
            ("fnr=011299 99558", "fnr=[NATIONAL_ID]"),
            (r#"{"fodselsnummer":"01129999558"}"#, r#"{"fodselsnummer":"[NATIONAL_ID]"}"#),
        ] {
            check(&NO_FNR, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(&NO_FNR, &["01129999558", "fnr=01129999559", "personnummer 45139999558"]);
    }
}
