//! Social security numbers of Switzerland: `756.9217.0769.85`.
//!
//! 756, nine digits, and the check digit of EAN-13 (Central Compensation Office; AHVG art. 50c).
//! With its dots a number stands alone.

use super::super::checks::{digits, weighted};
use super::super::worded::Worded;
use super::PLACEHOLDER;
use crate::redact::printed::Forms;

/// See the module.
pub(in crate::redact) static CH_AHV: Worded = Worded {
    name: "ch_ahv",
    placeholder: PLACEHOLDER,
    example: "756.9217.0769.85",
    words: &["ahv", "avs", "navs", "oasi", "sozialversicherungsnummer"],
    needles: &["ahv", "avs", "oasi", "sozialversicherung"],
    forms: Forms::AHV,
    shapes: &["ddddddddddddd", "ddd dddd dddd dd"],
    is_valid,
    ..Worded::BASE
};

const WEIGHTS: [u32; 13] = [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1];

fn is_valid(signs: &[u8]) -> bool {
    let digits = digits(signs).filter(|digits| digits.len() == 13 && signs.starts_with(b"756"));
    digits.is_some_and(|digits| weighted(&digits, &WEIGHTS).is_multiple_of(10))
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("756.9217.0769.85", "[NATIONAL_ID]"),
            ("AHV-Nr. 7569217076985", "AHV-Nr. [NATIONAL_ID]"),
            ("avs=756 9217 0769 85", "avs=[NATIONAL_ID]"),
            (r#"{"ahvNumber":7569217076985}"#, r#"{"ahvNumber":"[NATIONAL_ID]"}"#),
        ] {
            check(&CH_AHV, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &CH_AHV,
            &["7569217076985", "756.9217.0769.86", "AHV 7559217076985", "EAN 4006381333931"],
        );
    }
}
