//! Postal addresses, by the name of the field: `street`, `address_line1`, `postal_code`.
//!
//! `address` alone is that of a host or of memory, and a city is where thousands live; neither is a
//! name of the kind.

use super::named_value::{NamedValue, row_bytes};
use crate::redact::named::Names;
use crate::redact::whole::Whole;

/// See the module.
pub(in crate::redact) static POSTAL_ADDRESS: NamedValue = NamedValue {
    name: "postal_address",
    placeholder: "[ADDRESS]",
    example: r#"{"street":"10 Downing St","zip":"SW1A 2AA"}"#,
    names: Names::Exactly(&[
        "street",
        "street name",
        "street address",
        "address line",
        "address street",
        "postal address",
        "home address",
        "billing address",
        "shipping address",
        "mailing address",
        "delivery address",
        "residential address",
        "house number",
        "postcode",
        "post code",
        "postal code",
        "zip",
        "zip code",
        "plz",
        "postleitzahl",
        "strasse",
        "hausnummer",
        "adresse postale",
        "code postal",
        "codigo postal",
        "direccion",
        "endereco",
        "indirizzo",
        "cep",
    ]),
    keys: &[
        "street",
        "address_line",
        "address-line",
        "addressline",
        "address line",
        "postal_a",
        "postal-a",
        "postala",
        "postal a",
        "home_address",
        "homeaddress",
        "home address",
        "billing_address",
        "billingaddress",
        "billing address",
        "shipping_address",
        "shippingaddress",
        "shipping address",
        "mailing_address",
        "mailingaddress",
        "delivery_address",
        "deliveryaddress",
        "residential",
        "house_number",
        "housenumber",
        "postcode",
        "post_code",
        "postal_c",
        "postal-c",
        "postalc",
        "postal c",
        "zip=",
        "zip:",
        "zip\"",
        "zip'",
        "zip_code",
        "zipcode",
        "zip code",
        "plz",
        "postleitzahl",
        "strasse",
        "hausnummer",
        "adresse",
        "code_postal",
        "codepostal",
        "codigo_postal",
        "codigopostal",
        "direccion",
        "endereco",
        "indirizzo",
        "cep=",
        "cep:",
        "cep\"",
    ],
    is_value,
    bare_bytes: |rest| row_bytes(rest, WORDS_MAX, Some(',')),
};

/// Most words of an address in a text without quotes.
const WORDS_MAX: usize = 10;

/// Longest address; more is a text about something.
const ADDRESS_BYTES_MAX: usize = 240;

/// Most digits of a postal code or house number that is written as a number.
const NUMBER_MAX: u64 = 9_999_999_999;

fn is_value(value: Whole<'_>) -> bool {
    match value {
        // A code has a digit, an address a space; a word is a flag or the name of a kind.
        Whole::Text(text) => {
            let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
            let is_row = text.trim().contains([' ', '\u{a0}']) || !text.is_ascii();
            let is_file = text.contains(['/', '\\', '@']) || text.starts_with("0x");
            text.len() <= ADDRESS_BYTES_MAX && (has_digit || is_row) && !is_file
        }
        Whole::Number(number) => number > 0 && number <= NUMBER_MAX,
        Whole::Flag | Whole::Fraction(_) | Whole::Nested | Whole::EmptyNested => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched, check_value};
    use super::*;

    #[test]
    fn addresses_under_their_names_are_replaced() {
        for (text, expected) in [
            (
                r#"{"street":"10 Downing St","zip":"SW1A 2AA"}"#,
                r#"{"street":"[ADDRESS]","zip":"[ADDRESS]"}"#,
            ),
            ("postal_code=8001 city=Zurich", "postal_code=[ADDRESS] city=Zurich"),
            ("billing_address=10 Downing Street London x=1", "billing_address=[ADDRESS] x=1"),
            (r#"{"zipCode":94107}"#, r#"{"zipCode":"[ADDRESS]"}"#),
        ] {
            check(&POSTAL_ADDRESS, text, expected);
        }
        for (name, value, expected) in [
            ("address.line1", Whole::Text("Bahnhofstrasse 1"), true),
            ("shippingAddress", Whole::Text("1 Main St, Springfield"), true),
            ("user.address.postal_code", Whole::Number(8_001), true),
            ("address", Whole::Text("10 Downing St"), false),
            ("email_address", Whole::Text("10 Downing St"), false),
            ("zip", Whole::Text("archive"), false),
            ("zip", Whole::Flag, false),
            ("street", Whole::Text("main"), false),
        ] {
            check_value(&POSTAL_ADDRESS, name, value, expected);
        }
    }

    #[test]
    fn other_addresses_stay() {
        check_untouched(
            &POSTAL_ADDRESS,
            &[
                "address=10.0.0.1:80 zip=/srv/a1.zip street=null",
                "mac address: 12 billing_address=[ADDRESS]",
                "zip: true streets paved",
            ],
        );
    }
}
