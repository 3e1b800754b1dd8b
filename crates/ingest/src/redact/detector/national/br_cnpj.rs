//! Numbers of legal entities in Brazil: `11.222.333/0001-81`, from July 2026 also
//! `12.ABC.345/01DE-35`.
//!
//! Twelve digits or capitals and two check digits modulo 11, where a sign counts as its ASCII code
//! less 48 (Receita Federal, IN RFB 2.229/2024). A sole trader's number names a person. With dots,
//! slash and dash a number stands alone.

use super::super::checks::{is_one_sign, modulo_11_digit};
use super::super::worded::Worded;
use super::PLACEHOLDER;
use crate::redact::printed::Forms;

/// See the module.
pub(in crate::redact) static BR_CNPJ: Worded = Worded {
    name: "br_cnpj",
    placeholder: PLACEHOLDER,
    example: "11.222.333/0001-81",
    words: &["cnpj", "cadastro nacional"],
    needles: &["cnpj", "cadastro"],
    forms: Forms::CNPJ,
    shapes: &["xxxxxxxxxxxxdd", "xx xxx xxx xxxx dd"],
    is_valid,
    ..Worded::BASE
};

/// Weights of the second check digit; the first one begins a place later.
const WEIGHTS: [u32; 13] = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];

fn is_valid(signs: &[u8]) -> bool {
    let check = |length: usize| {
        let weights = WEIGHTS.iter().skip(WEIGHTS.len() - length);
        let sum: u32 =
            signs.iter().zip(weights).map(|(sign, weight)| u32::from(sign - b'0') * weight).sum();
        b'0' + modulo_11_digit(sum) as u8
    };
    let is_sign = |sign: &u8| sign.is_ascii_uppercase() || sign.is_ascii_digit();
    signs.len() == 14
        && signs.iter().all(is_sign)
        && !is_one_sign(signs)
        && signs.get(12) == Some(&check(12))
        && signs.get(13) == Some(&check(13))
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("11.222.333/0001-81", "[NATIONAL_ID]"),
            ("12.ABC.345/01DE-35.", "[NATIONAL_ID]."),
            (
                "1 validation error for Order\ncnpj\n  String should have at most 8 characters [type=x, input_value='11222333000181', x]",
                "1 validation error for Order\ncnpj\n  String should have at most 8 characters [type=x, input_value='[NATIONAL_ID]', x]",
            ),
            ("cnpj=11222333000181", "cnpj=[NATIONAL_ID]"),
            ("CNPJ 12abc34501de35", "CNPJ [NATIONAL_ID]"),
            (r#"{"cnpj":11222333000181}"#, r#"{"cnpj":"[NATIONAL_ID]"}"#),
        ] {
            check(&BR_CNPJ, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &BR_CNPJ,
            &["11222333000181", "11.222.333/0001-82", "CNPJ 00000000000000", "12.ABC.345/01DE-36"],
        );
    }
}
