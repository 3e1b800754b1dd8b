//! NHS numbers of England, Wales and the Isle of Man: `943 476 5919`.
//!
//! Ten digits in groups of three, three and four; the last one is a check digit modulo 11, and a
//! number whose check digit would be 10 is not given out (NHS Data Model and Dictionary, NHS
//! NUMBER). Telephone numbers have the same groups, so a word or name is asked for.

use super::super::checks::{digits, is_one_sign, weighted};
use super::super::worded::Worded;
use super::PLACEHOLDER;

/// See the module.
pub(in crate::redact) static UK_NHS: Worded = Worded {
    name: "uk_nhs",
    placeholder: PLACEHOLDER,
    example: "NHS number 943 476 5919",
    words: &["nhs", "nhs number", "national health service"],
    needles: &["nhs", "health service"],
    shapes: &["dddddddddd", "ddd ddd dddd"],
    is_valid,
    ..Worded::BASE
};

const WEIGHTS: [u32; 9] = [10, 9, 8, 7, 6, 5, 4, 3, 2];

fn is_valid(signs: &[u8]) -> bool {
    let Some(digits) = digits(signs).filter(|digits| digits.len() == 10) else { return false };
    let check = 11 - weighted(&digits, &WEIGHTS) % 11;
    digits.last() == Some(&(check % 11)) && !is_one_sign(signs)
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("NHS number 943 476 5919", "NHS number [NATIONAL_ID]"),
            ("nhs_no=9434765919", "nhs_no=[NATIONAL_ID]"),
            (r#"{"nhsNumber": 9434765919}"#, r#"{"nhsNumber": "[NATIONAL_ID]"}"#),
            ("patient 943-476-5919 (NHS)", "patient [NATIONAL_ID] (NHS)"),
        ] {
            check(&UK_NHS, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &UK_NHS,
            &[
                "943 476 5919 4155552671",
                "NHS number 943 476 5918",
                "nhs sync took 9434765919123 ns",
                "NHS order 1234567890 of 0000000000",
            ],
        );
    }
}
