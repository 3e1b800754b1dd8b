//! National ids of any country, by a name that says so: `national_id`, `identity_card_number`.
//!
//! The kinds before this one know their check digits; a name leaves no doubt, whatever the country.

use super::super::named_value::NamedValue;
use super::PLACEHOLDER;
use crate::redact::named::Names;
use crate::redact::whole::Whole;

/// See the module.
pub(in crate::redact) static NATIONAL_ID: NamedValue = NamedValue {
    name: "national_id",
    placeholder: PLACEHOLDER,
    example: "national_id=AB-123456",
    names: Names::Numbers(&[
        "national id",
        "national identifier",
        "national identity",
        "national insurance",
        "national registration",
        "identity card",
        "identity document",
        "identity number",
        "id card",
        "citizen",
        "citizen service",
        "personal id",
        "personal identity",
        "personal identification",
        "government id",
        "resident registration",
        "social insurance",
        "tax identification",
        "taxpayer",
        "tax id",
        "tax file",
        "tin",
    ]),
    keys: &[
        "national",
        "identity",
        "id_card",
        "idcard",
        "id card",
        "citizen",
        "personal_id",
        "personalid",
        "personal id",
        "personal identi",
        "government",
        "resident",
        "insurance",
        "tax_",
        "taxi",
        "tax i",
        "taxp",
        "taxf",
        "tax-",
        "tin=",
        "tin:",
        "tin\"",
        "tin'",
        "tin_n",
    ],
    is_value,
    bare_bytes: |_| None,
};

/// Digits of national ids, and most letters and digits.
const DIGITS_MIN: usize = 6;
const SIGNS_MAX: usize = 20;

fn is_value(value: Whole<'_>) -> bool {
    match value {
        Whole::Text(text) => {
            let signs = text.bytes().filter(u8::is_ascii_alphanumeric).count();
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b" -./".contains(&byte);
            digits >= DIGITS_MIN && signs <= SIGNS_MAX && text.bytes().all(is_sign)
        }
        Whole::Number(number) => number.to_string().len() >= DIGITS_MIN,
        Whole::Flag | Whole::Fraction(_) | Whole::Nested | Whole::EmptyNested => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched, check_value};
    use super::*;

    #[test]
    fn ids_under_their_names_are_replaced() {
        for (text, expected) in [
            ("national_id=AB-123456", "national_id=[NATIONAL_ID]"),
            (r#"{"identityCardNumber":"L01X00T472"}"#, r#"{"identityCardNumber":"[NATIONAL_ID]"}"#),
            (r#"{"taxId":123456789}"#, r#"{"taxId":"[NATIONAL_ID]"}"#),
        ] {
            check(&NATIONAL_ID, text, expected);
        }
        for (name, value, expected) in [
            ("user.nationalId", Whole::Text("S1234567D"), true),
            ("citizen_id", Whole::Number(1_234_567), true),
            ("identity", Whole::Text("arn:aws:iam::123456789012:user/ada"), false),
            ("identity", Whole::Number(1_234_567), false),
            ("identity_id", Whole::Text("550e8400-e29b-41d4-a716-446655440000"), false),
            ("tax", Whole::Number(1_234_567), false),
        ] {
            check_value(&NATIONAL_ID, name, value, expected);
        }
    }

    #[test]
    fn other_values_stay() {
        check_untouched(
            &NATIONAL_ID,
            &["national_id=none", "identity: service-12", "tax=123456.78", "[NATIONAL_ID]"],
        );
    }
}
