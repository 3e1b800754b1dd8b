//! Register numbers of Poland: `44051401359`.
//!
//! Date of birth (the century in the month), four digits, and a check digit by the weights 1, 3, 7
//! and 9 (Ustawa o ewidencji ludności, 2010, art. 15). One in a hundred numbers of eleven digits
//! passes, so a word or name is asked for.

use super::super::checks::{digits, is_day_of_year, number, part, weighted};
use super::super::worded::Worded;
use super::PLACEHOLDER;

/// See the module.
pub(in crate::redact) static PL_PESEL: Worded = Worded {
    name: "pl_pesel",
    placeholder: PLACEHOLDER,
    example: "PESEL 44051401359",
    words: &["pesel"],
    needles: &["pesel"],
    shapes: &["ddddddddddd", "dddddd ddddd"],
    is_valid,
    ..Worded::BASE
};

const WEIGHTS: [u32; 11] = [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1];

fn is_valid(signs: &[u8]) -> bool {
    let Some(digits) = digits(signs).filter(|digits| digits.len() == 11) else { return false };
    let month = number(part(signs, 2..4)).unwrap_or_default() % 20;
    is_day_of_year(part(signs, 4..6), format!("{month:02}").as_bytes())
        && weighted(&digits, &WEIGHTS).is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("PESEL 44051401359", "PESEL [NATIONAL_ID]"),
            ("pesel=02231435189;", "pesel=[NATIONAL_ID];"),
            (r#"{"pesel":"85073021992"}"#, r#"{"pesel":"[NATIONAL_ID]"}"#),
            ("nr PESEL klienta: 44051401359", "nr PESEL klienta: [NATIONAL_ID]"),
        ] {
            check(&PL_PESEL, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &PL_PESEL,
            &["44051401359", "PESEL 44051401358", "PESEL 44134401359", "epoch 17636500001"],
        );
    }
}
