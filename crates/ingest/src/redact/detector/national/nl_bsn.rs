//! Citizen service numbers of the Netherlands: `111222333`.
//!
//! Nine digits whose sum with the weights 9 to 2 and -1 is divisible by 11, the "elfproef"
//! (Rijksdienst voor Identiteitsgegevens, Logisch Ontwerp BSN). Every eleventh number of nine
//! digits passes, so a word or name is asked for.

use super::super::checks::{digits, is_one_sign, weighted};
use super::super::worded::Worded;
use super::PLACEHOLDER;

/// See the module.
pub(in crate::redact) static NL_BSN: Worded = Worded {
    name: "nl_bsn",
    placeholder: PLACEHOLDER,
    example: "BSN 111222333",
    words: &["bsn", "burgerservicenummer", "sofinummer"],
    needles: &["bsn", "burgerservice", "sofin"],
    shapes: &["ddddddddd", "dddd dd ddd", "ddd ddd ddd"],
    is_valid,
    ..Worded::BASE
};

/// The last weight is -1, modulo 11.
const WEIGHTS: [u32; 9] = [9, 8, 7, 6, 5, 4, 3, 2, 10];

fn is_valid(signs: &[u8]) -> bool {
    let digits = digits(signs).filter(|digits| digits.len() == 9 && !is_one_sign(signs));
    digits.is_some_and(|digits| weighted(&digits, &WEIGHTS).is_multiple_of(11))
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("BSN 111222333", "BSN [NATIONAL_ID]"),
            ("bsn=996030827 x", "bsn=[NATIONAL_ID] x"),
            ("burgerservicenummer: 1112.22.333", "burgerservicenummer: [NATIONAL_ID]"),
            (r#"{"bsn":111222333}"#, r#"{"bsn":"[NATIONAL_ID]"}"#),
            ("BSNs 111222333, 996030827", "BSNs [NATIONAL_ID], [NATIONAL_ID]"),
        ] {
            check(&NL_BSN, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &NL_BSN,
            &["111222333", "BSN 111222334", "order 111222333", "BSN 111222333444"],
        );
    }
}
