//! Numbers of natural persons in Brazil: `529.982.247-25`.
//!
//! Eleven digits, the last two of which are check digits modulo 11; eleven times the same digit
//! passes and is given to nobody (Receita Federal, IN RFB 2.172/2024). With dots and dash a number
//! stands alone.

use super::super::checks::{digits, is_one_sign, modulo_11_digit, weighted};
use super::super::worded::Worded;
use super::PLACEHOLDER;
use crate::redact::printed::Forms;

/// See the module.
pub(in crate::redact) static BR_CPF: Worded = Worded {
    name: "br_cpf",
    placeholder: PLACEHOLDER,
    example: "529.982.247-25",
    words: &["cpf", "cadastro de pessoa"],
    needles: &["cpf", "cadastro"],
    forms: Forms::CPF,
    shapes: &["ddddddddddd", "ddd ddd ddd dd", "ddddddddd dd"],
    is_valid,
    ..Worded::BASE
};

fn is_valid(signs: &[u8]) -> bool {
    let Some(digits) = digits(signs).filter(|digits| digits.len() == 11) else { return false };
    let check = |length: usize| {
        let weights: Vec<u32> = (2..=length as u32 + 1).rev().collect();
        modulo_11_digit(weighted(&digits, &weights))
    };
    !is_one_sign(signs) && digits.get(9) == Some(&check(9)) && digits.get(10) == Some(&check(10))
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("529.982.247-25", "[NATIONAL_ID]"),
            ("CPF: 52998224725", "CPF: [NATIONAL_ID]"),
            ("cliente_cpf=19093786580&x", "cliente_cpf=[NATIONAL_ID]&x"),
            (r#"{"cpf": 52998224725}"#, r#"{"cpf": "[NATIONAL_ID]"}"#),
            ("529 982 247 25 (CPF)", "[NATIONAL_ID] (CPF)"),
        ] {
            check(&BR_CPF, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &BR_CPF,
            &["52998224725", "529.982.247-26", "CPF 111.111.111-11", "CPF 529982247255"],
        );
    }
}
