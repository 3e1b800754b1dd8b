//! National telephone numbers beside a word, and in the groups of North America: `phone 020 7946
//! 0958`, `(415) 555-2671`.
//!
//! The groups stand alone where area and exchange are given out (NANPA: neither begins with 0 or
//! 1). Other national numbers look like any digits and count right behind a word. Under a key,
//! `phone` knows them all.

use std::net::Ipv4Addr;
use std::ops::Range;

use super::Detector;
use super::boundary::{at, before, is_word, run_end};
use super::phone::{is_phone_byte, is_phone_number};
use super::quoted::replace_number;
use super::worded::{is_in_placeholder, occurrences};
use crate::redact::canary::Canary;
use crate::redact::policy::Policy;
use crate::redact::printed::{Forms, each};
use crate::redact::span::Found;
use crate::redact::trigger::{Trigger, class};

/// See the module.
pub(in crate::redact) struct NationalPhone;

/// Words behind which a national number stands in prose.
const WORDS: [&str; 19] = [
    "phone",
    "phone number",
    "telephone",
    "mobile number",
    "mobile no",
    "mobile phone",
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

impl Detector for NationalPhone {
    fn name(&self) -> &'static str {
        "national_phone"
    }

    fn placeholder(&self) -> &'static str {
        "[PHONE]"
    }

    fn about(&self) -> &'static str {
        "a word right before, or the groups of North America"
    }

    fn canary(&self) -> Canary {
        Canary::Text("fax number 020 7946 0958")
    }

    fn trigger(&self) -> Trigger {
        const NEEDLES: &[&str] = &[
            " phone",
            "\"phone",
            "phone:",
            "phone=",
            "phone n",
            "phone 0",
            "phone (",
            "telephone",
            "mobile nu",
            "mobile no",
            "mobile ph",
            "msisdn",
            "tel ",
            "tel:",
            "tel.",
            "tel=",
            "cell ",
            "cell:",
            "cell=",
            "cellp",
            "fax",
            "whatsapp",
            "landline",
            "sms to",
            "sms_to",
            "call me",
            "call us",
            "telefon",
            "handy ",
            "handy:",
        ];
        Trigger { needles: NEEDLES, classes: class::DIGIT, forms: Forms::PHONE, ..Trigger::ANY }
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

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn national_numbers_are_replaced() {
        for (text, expected) in [
            ("(415) 555-2671 or 415-555-2672, 415.555.2673.", "[PHONE] or [PHONE], [PHONE]."),
            ("phone 020 7946 0958 of Ada", "phone [PHONE] of Ada"),
            (
                "Tel.: (030) 901820, mobile number is 07911 123456",
                "Tel.: [PHONE], mobile number is [PHONE]",
            ),
            ("call me at 4155552671!", "call me at [PHONE]!"),
        ] {
            check(&NationalPhone, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &NationalPhone,
            &[
                "115-555-2671 415-155-2671 1-415-555-26711 415-555-2671-1",
                "phone at 2026-11-20 10:00, mobile 10.0.0.1, fax 20.11.2026",
                "phone order 4155552671, cell A1234567 phone 12:34567890",
                "[PHONE] 4155552671",
            ],
        );
    }
}
