//! Telephone numbers in international form: `+44 20 7946 0958`.
//!
//! A plus, a country code, and as many digits as numbers have (ITU-T E.164), in groups divided by
//! one space, dash, dot or in brackets. National numbers look like any other digits and count under
//! the key of a telephone number: `phone=020 7946 0958`, `"mobile": "4155552671"`; beside a word
//! they are the work of `national_phone`.

use memchr::memchr_iter;

use super::Detector;
use super::boundary::{at, before, is_word};
use crate::redact::canary::Canary;
use crate::redact::claim::Claim;
use crate::redact::keys::Words;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::Trigger;
use crate::redact::whole::Whole;

/// See the module.
pub(in crate::redact) struct Phone;

/// Ends of names, as letters, under which a national number stands.
const KEYS: [&str; 34] = [
    "phone",
    "phones",
    "phonenumber",
    "phonenumbers",
    "phoneno",
    "telephone",
    "cellphone",
    "mobile",
    "mobilenumber",
    "msisdn",
    "tel",
    "cell",
    "fax",
    "telefon",
    "telefono",
    "whatsapp",
    "whatsappnumber",
    "landline",
    "cellnumber",
    "telno",
    "telnr",
    "faxnumber",
    "smsnumber",
    "smsto",
    "callerid",
    "callernumber",
    "calledparty",
    "callingparty",
    "handynummer",
    "telefonnummer",
    "telefonnr",
    "telefone",
    "celular",
    "movil",
];

/// Fewest digits of a national number under such a name.
const NATIONAL_DIGITS_MIN: usize = 7;

/// Fewest digits with the country code (small countries have 7 behind it) and most (E.164).
const DIGITS_MIN: usize = 10;
const DIGITS_MAX: usize = 15;

impl Detector for Phone {
    fn name(&self) -> &'static str {
        "phone"
    }

    fn placeholder(&self) -> &'static str {
        "[PHONE]"
    }

    fn about(&self) -> &'static str {
        "a plus sign, a country code and the grouping, or the name of the field"
    }

    fn canary(&self) -> Canary {
        Canary::Text("call +41 79 123 45 67")
    }

    fn trigger(&self) -> Trigger {
        const KEYS: &[&str] = &[
            "phone", "mobile", "msisdn", "tel", "cell", "fax", "whatsapp", "landline", "sms",
            "caller", "calledp", "callingp", "handynum", "celular", "movil",
        ];
        Trigger { needles: &["+"], keys: KEYS, ..Trigger::ANY }
    }

    fn text(&self, text: &str, _policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        for start in memchr_iter(b'+', bytes) {
            let left = before(bytes, start);
            let is_sum = is_word(left) || matches!(left, Some(b'+' | b')'));
            if !is_sum && let Some(end) = phone_end(bytes, start + 1) {
                found.replace(start..end);
            }
        }
    }

    fn key(&self, name: &str, _policy: &Policy) -> Claim {
        let last = name.bytes().rfind(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase());
        // Fast path: the last letters of the keys above.
        if !matches!(
            last,
            Some(b'e' | b'r' | b'o' | b'n' | b's' | b'l' | b'x' | b'p' | b'd' | b'y')
        ) {
            return Claim::Silent;
        }
        let words = Words::of(name);
        let is_key = KEYS.iter().any(|key| words.ends_with_words(key));
        if is_key { Claim::Likely } else { Claim::Silent }
    }

    fn value(&self, value: Whole<'_>, _claim: Claim) -> bool {
        match value {
            Whole::Number(number) => is_phone_number(&number.to_string()),
            Whole::Text(text) => is_phone_number(text),
            Whole::Flag | Whole::Fraction(_) | Whole::Nested | Whole::EmptyNested => false,
        }
    }

    fn bare_bytes(&self, rest: &str) -> Option<usize> {
        let length = rest.bytes().take_while(|byte| is_phone_byte(*byte)).count();
        let written = rest.get(..length)?;
        Some(written.trim_end_matches(|c: char| !c.is_ascii_digit()).len())
    }
}

/// Tells whether a text, under a name that says so, is a telephone number.
pub(super) fn is_phone_number(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.bytes().all(is_phone_byte) && (NATIONAL_DIGITS_MIN..=DIGITS_MAX).contains(&digits)
}

pub(super) fn is_phone_byte(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b' ' | b'(' | b')' | b'.' | b'/')
}

fn phone_end(bytes: &[u8], start: usize) -> Option<usize> {
    if !matches!(at(bytes, start), Some(b'1'..=b'9')) {
        return None;
    }
    let mut digits = 0;
    let mut end = start;
    let mut position = start;
    while digits <= DIGITS_MAX {
        match at(bytes, position) {
            Some(b'0'..=b'9') => {
                digits += 1;
                position += 1;
                end = position;
            }
            // Brackets take a space along: `+1 (415) 555`.
            Some(b' ' | b'-' | b'.' | b'(' | b')' | b'/') if position < end + 2 => position += 1,
            _ => break,
        }
    }
    let is_part = is_word(at(bytes, end))
        || (at(bytes, end) == Some(b'.') && at(bytes, end + 1).is_some_and(|b| b.is_ascii_digit()));
    ((DIGITS_MIN..=DIGITS_MAX).contains(&digits) && !is_part).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn international_numbers_are_replaced() {
        for (text, expected) in [
            ("+442079460958", "[PHONE]"),
            ("call +1 (415) 555-2671, ask", "call [PHONE], ask"),
            ("tel:+49-30-901820.", "tel:[PHONE]."),
            ("+7.495.123.45.67", "[PHONE]"),
            ("phone=4155552671", "phone=[PHONE]"),
            ("user_phone: (415) 555-2671, x", "user_phone: [PHONE], x"),
            (r#"{"mobileNumber":"020 7946 0958","x":1}"#, r#"{"mobileNumber":"[PHONE]","x":1}"#),
            (r#"{"phone":4155552671}"#, r#"{"phone":"[PHONE]"}"#),
            ("tel: 020 7946 0958, fax=020-7946-0959", "tel: [PHONE], fax=[PHONE]"),
            ("home_cell=4155552671", "home_cell=[PHONE]"),
            (r#"{"smsTo":"07911123456"}"#, r#"{"smsTo":"[PHONE]"}"#),
        ] {
            check(&Phone, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &Phone,
            &[
                "4155552671",
                "phone=yes mobile: true phone_id=1234567890 microphone=on",
                "xylophone=4155552671 hotel=4155552671 excel: 4155552671",
                "+0200",
                "2026-11-20T10:00:00+01:00",
                "a+4420794609581",
                "+12345",
                "1++442079460958",
                "+1763650000123456789",
                "+12 passed 34 failed",
            ],
        );
    }
}
