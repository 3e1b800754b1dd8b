//! Tax file numbers of Australia: `123 456 782`.
//!
//! Nine digits (eight for some of before 1990) whose weighted sum is divisible by 11 (Australian
//! Taxation Office). Every eleventh number passes, so a word or name is asked for.

use super::super::checks::{digits, is_one_sign, weighted};
use super::super::worded::Worded;
use super::PLACEHOLDER;

/// See the module.
pub(in crate::redact) static AU_TFN: Worded = Worded {
    name: "au_tfn",
    placeholder: PLACEHOLDER,
    example: "TFN 123 456 782",
    words: &["tfn", "tax file"],
    needles: &["tfn", "tax file", "tax_file", "taxfile", "tax-file"],
    shapes: &["ddddddddd", "ddd ddd ddd", "dddddddd", "dd ddd ddd"],
    is_valid,
    ..Worded::BASE
};

const WEIGHTS: [u32; 9] = [1, 4, 3, 7, 5, 8, 6, 9, 10];
const WEIGHTS_OF_EIGHT: [u32; 8] = [10, 7, 8, 4, 6, 3, 5, 1];

fn is_valid(signs: &[u8]) -> bool {
    let Some(digits) = digits(signs).filter(|_| !is_one_sign(signs)) else { return false };
    let sum = match digits.len() {
        9 => weighted(&digits, &WEIGHTS),
        8 => weighted(&digits, &WEIGHTS_OF_EIGHT),
        _ => return false,
    };
    sum.is_multiple_of(11)
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("TFN 123 456 782", "TFN [NATIONAL_ID]"),
            ("tfn=924402685", "tfn=[NATIONAL_ID]"),
            ("tax file number is 123456782", "tax file number is [NATIONAL_ID]"),
            (r#"{"taxFileNumber":123456782}"#, r#"{"taxFileNumber":"[NATIONAL_ID]"}"#),
        ] {
            check(&AU_TFN, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(&AU_TFN, &["123 456 782", "TFN 123 456 783", "TFN 000000000"]);
    }
}
