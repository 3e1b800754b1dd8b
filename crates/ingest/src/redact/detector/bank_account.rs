//! Numbers of bank accounts and of banks beside them: `sort code 20-00-00`, `routing number
//! 021000021`.
//!
//! Any digits will do, so a word right before the number or a name is asked for; `account` alone is
//! that of a customer or of a cloud. An IBAN is the work of `iban`.

use super::worded::{Gap, Worded};
use crate::redact::named::Names;

/// See the module.
pub(in crate::redact) static BANK_ACCOUNT: Worded = Worded {
    name: "bank_account",
    placeholder: "[BANK_ACCOUNT]",
    example: "sort code 20-00-00 account number 55779911",
    words: &[
        "bank account",
        "account number",
        "account no",
        "acct number",
        "acct no",
        "a/c no",
        "sort code",
        "sortcode",
        "routing number",
        "routing no",
        "ABA",
        "bsb",
        "clabe",
        "ifsc",
        "kontonummer",
        "bankleitzahl",
        "blz",
        "transit number",
        "numero de compte",
        "numero de cuenta",
        "numero conto",
    ],
    needles: &[
        "bank account",
        "bank_account",
        "bankaccount",
        "bank-account",
        "account n",
        "account_n",
        "accountn",
        "account-n",
        "acct n",
        "acct_n",
        "acctn",
        "a/c no",
        "sort code",
        "sort_code",
        "sortcode",
        "sort-code",
        "routing n",
        "routing_n",
        "routingn",
        "routing-n",
        "aba ",
        "aba:",
        "aba=",
        "aba_",
        "bsb",
        "clabe",
        "ifsc",
        "kontonummer",
        "bankleitzahl",
        "blz",
        "transit n",
        "transit_n",
        "transitn",
        "numero",
    ],
    shapes: &[
        "dddddddddddddddddd",
        "ddddddddddddddddd",
        "dddddddddddddddd",
        "ddddddddddddddd",
        "dddddddddddddd",
        "ddddddddddddd",
        "dddddddddddd",
        "ddddddddddd",
        "dddddddddd",
        "ddddddddd",
        "dddddddd",
        "ddddddd",
        "dddddd",
        "dd dd dd",
        "ddd ddd",
        "ddd ddd dd",
        "dddd dddd",
        "llll0xxxxxx",
    ],
    gap: Gap::Narrow,
    is_valid: |signs| signs.iter().any(u8::is_ascii_digit),
    names: Some(Names::Exactly(&[
        "bank account",
        "bank account number",
        "bank account no",
        "account number",
        "account no",
        "account nr",
        "acct number",
        "acct no",
        "sort code",
        "routing number",
        "routing no",
        "routing",
        "aba number",
        "aba routing",
        "bsb",
        "bsb number",
        "clabe",
        "ifsc",
        "ifsc code",
        "kontonummer",
        "bankleitzahl",
        "blz",
        "transit number",
        "iban number",
    ])),
    is_named_value: Some(is_named_value),
    ..Worded::BASE
};

/// Fewest digits of a number, `20-00-00`.
const DIGITS_MIN: usize = 6;

/// Lengths with the spaces and dashes between groups.
const VALUE_BYTES: std::ops::RangeInclusive<usize> = 6..=40;

fn is_named_value(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'/');
    VALUE_BYTES.contains(&text.len())
        && text.bytes().all(is_sign)
        && text.bytes().filter(u8::is_ascii_digit).count() >= DIGITS_MIN
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn numbers_of_accounts_are_replaced() {
        for (text, expected) in [
            (
                "sort code 20-00-00 account number 55779911",
                "sort code [BANK_ACCOUNT] account number [BANK_ACCOUNT]",
            ),
            ("routing_number=021000021", "routing_number=[BANK_ACCOUNT]"),
            (
                r#"{"accountNumber":"000123456789","n":1}"#,
                r#"{"accountNumber":"[BANK_ACCOUNT]","n":1}"#,
            ),
            (r#"{"account_number": 123456789}"#, r#"{"account_number": "[BANK_ACCOUNT]"}"#),
            (
                "BSB 062-000, Kontonummer: 1234567",
                "BSB [BANK_ACCOUNT], Kontonummer: [BANK_ACCOUNT]",
            ),
            ("IFSC HDFC0001234", "IFSC [BANK_ACCOUNT]"),
        ] {
            check(&BANK_ACCOUNT, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &BANK_ACCOUNT,
            &[
                "account 123456789012, account_id=123456789012",
                "account number is missing, routing to 10.0.0.1",
                "account number of order 12",
                "database 12345678, sort code",
                "aba 12345678",
            ],
        );
    }
}
