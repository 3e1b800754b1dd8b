//! Tax numbers of Portugal: `123456789`.
//!
//! Nine digits, the last one a check digit modulo 11 (Decreto-Lei 14/2013). Every eleventh number
//! passes, so a word or name is asked for.

use super::super::checks::{digits, is_one_sign, modulo_11_digit, weighted};
use super::super::worded::Worded;
use super::PLACEHOLDER;

/// See the module.
pub(in crate::redact) static PT_NIF: Worded = Worded {
    name: "pt_nif",
    placeholder: PLACEHOLDER,
    example: "NIF 123456789",
    words: &["nif", "contribuinte", "numero fiscal"],
    needles: &["nif ", "nif:", "nif=", "nif\"", "nif'", "nif_", "nif-", "contribuinte", "numero"],
    digit_run: 9,
    shapes: &["ddddddddd", "ddd ddd ddd"],
    is_valid,
    ..Worded::BASE
};

const WEIGHTS: [u32; 8] = [9, 8, 7, 6, 5, 4, 3, 2];

fn is_valid(signs: &[u8]) -> bool {
    let Some(digits) = digits(signs).filter(|digits| digits.len() == 9) else { return false };
    let check = modulo_11_digit(weighted(&digits, &WEIGHTS));
    !signs.starts_with(b"0") && !is_one_sign(signs) && digits.last() == Some(&check)
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("NIF 123456789", "NIF [NATIONAL_ID]"),
            ("nif=123 456 789;", "nif=[NATIONAL_ID];"),
            ("contribuinte: 123456789", "contribuinte: [NATIONAL_ID]"),
            (r#"{"nif":123456789}"#, r#"{"nif":"[NATIONAL_ID]"}"#),
        ] {
            check(&PT_NIF, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(&PT_NIF, &["123456789", "NIF 123456788"]);
    }
}
