//! Telephone numbers: `+44 20 7946 0958`, `(415) 555-2671`, `phone 020 7946 0958`.
//!
//! A plus, a country code, and as many digits as numbers have (ITU-T E.164), in groups divided by
//! one space, dash, dot or in brackets; or the groups of North America with an area and an exchange
//! that are given out (NANPA: neither begins with 0 or 1). Other national numbers look like any
//! digits and count only right behind a word, or under the key, of a telephone number.

use std::net::Ipv4Addr;
use std::ops::Range;

use memchr::memchr_iter;

use super::Detector;
use super::boundary::{at, before, is_word, run_end};
use super::quoted::replace_number;
use super::worded::{is_in_placeholder, occurrences};
use crate::redact::canary::Canary;
use crate::redact::claim::Claim;
use crate::redact::keys::Words;
use crate::redact::policy::Policy;
use crate::redact::printed::{Forms, each};
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

/// Words behind which a national number stands in prose.
const WORDS: [&str; 17] = [
    "phone",
    "phone number",
    "telephone",
    "mobile",
    "cell",
    "cellphone",
    "tel",
    "fax",
    "whatsapp",
    "landline",
    "msisdn",
    "sms to",
    "call me at",
    "call us at",
    "telefon",
    "handy",
    "telefono",
];

/// Words between the word of a telephone and the number: `phone no. is `.
const LINKS: [&str; 9] = ["number", "no", "nr", "is", "was", "at", "to", "num", "nummer"];

/// How far behind a word its number begins.
const GAP_BYTES: usize = 20;

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
        const NEEDLES: &[&str] = &[
            "+", "phone", "mobile", "msisdn", "tel ", "tel:", "tel.", "tel=", "cell ", "cell:",
            "cell=", "cellp", "fax", "whatsapp", "landline", "sms to", "sms_to", "call me",
            "call us", "telefon", "handy ", "handy:",
        ];
        Trigger { needles: NEEDLES, forms: Forms::PHONE, keys: KEYS, ..Trigger::ANY }
    }

    fn text(&self, text: &str, policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        each(bytes, Forms::PHONE, |range, _| {
            let open = range.start - usize::from(before(bytes, range.start) == Some(b'('));
            if is_north_american(bytes.get(range.clone()).unwrap_or_default()) {
                found.replace(open..range.end);
            }
        });
        for word in WORDS {
            for range in occurrences(bytes, word) {
                let number = national_after(text, range.end);
                if let Some(number) = number.filter(|_| !is_in_placeholder(text, range, policy)) {
                    replace_number(text, number, found);
                }
            }
        }
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

/// Tells whether digits in the groups of North America are a number that may be given out.
fn is_north_american(written: &[u8]) -> bool {
    let digits: Vec<u8> = written.iter().copied().filter(u8::is_ascii_digit).collect();
    let begins = |at: usize| matches!(digits.get(at), Some(b'2'..=b'9'));
    begins(0) && begins(3)
}

/// Returns the national number right behind a word that ends at a position.
fn national_after(text: &str, word_end: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut start = word_end;
    while start < word_end + GAP_BYTES {
        match at(bytes, start)? {
            b'0'..=b'9' | b'+' => break,
            byte if byte.is_ascii_alphabetic() => {
                let end = run_end(bytes, start, |byte| byte.is_ascii_alphabetic());
                let word = text.get(start..end)?;
                LINKS.iter().find(|link| link.eq_ignore_ascii_case(word))?;
                start = end;
            }
            b'\n' | b',' | b';' | b'&' | b'/' | b'%' => return None,
            _ => start += 1,
        }
    }
    // `(415) 555-2671` begins with its bracket.
    let start = if before(bytes, start) == Some(b'(') { start - 1 } else { start };
    let rest = text.get(start..text.floor_char_boundary(start + NUMBER_BYTES_MAX))?;
    let length = rest.bytes().take_while(|byte| is_phone_byte(*byte)).count();
    let written =
        rest.get(..length)?.split("  ").next()?.trim_end_matches(|c: char| !c.is_ascii_digit());
    let end = start + written.len();
    let is_whole = !is_word(at(bytes, end)) && at(bytes, end) != Some(b':');
    // A date, a version and the address of a machine have dots or dashes too.
    let is_other = written.parse::<Ipv4Addr>().is_ok() || is_date(written);
    (is_whole && !is_other && is_phone_number(written)).then_some(start..end)
}

/// Longest number with its dividers.
const NUMBER_BYTES_MAX: usize = 24;

/// Tells whether groups of digits are a date: `2026-11-20`, `20.11.2026 14`.
fn is_date(written: &str) -> bool {
    let groups: Vec<usize> =
        written.split(|c: char| !c.is_ascii_digit()).map(str::len).take(3).collect();
    let is_divided = written.contains(['-', '.', '/']);
    is_divided && matches!(groups.as_slice(), [4, 2, 2] | [2, 2, 4] | [1 | 2, 1 | 2, 4])
}

/// Tells whether a text, under a name that says so, is a telephone number.
fn is_phone_number(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.bytes().all(is_phone_byte) && (NATIONAL_DIGITS_MIN..=DIGITS_MAX).contains(&digits)
}

fn is_phone_byte(byte: u8) -> bool {
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
            ("(415) 555-2671 or 415-555-2672, 415.555.2673.", "[PHONE] or [PHONE], [PHONE]."),
            ("phone 020 7946 0958 of Ada", "phone [PHONE] of Ada"),
            (
                "Tel.: (030) 901820, mobile number is 07911 123456",
                "Tel.: [PHONE], mobile number is [PHONE]",
            ),
            ("call me at 4155552671!", "call me at [PHONE]!"),
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
                "115-555-2671 415-155-2671 1-415-555-26711 415-555-2671-1",
                "phone at 2026-11-20 10:00, mobile 10.0.0.1, fax 20.11.2026",
                "phone order 4155552671, cell A1234567 phone 12:34567890",
                "[PHONE] 4155552671",
            ],
        );
    }
}
