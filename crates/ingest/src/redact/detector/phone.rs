//! Telephone numbers in international form: `+44 20 7946 0958`.
//!
//! A plus, a country code, and as many digits as numbers have, in groups divided by one space,
//! dash, dot or in brackets. National numbers look like any other digits and stay.

use memchr::memchr_iter;

use super::boundary::{at, before, is_word};
use super::{Detector, Trigger};
use crate::redact::policy::Policy;
use crate::redact::prefilter::class;
use crate::redact::span::Found;

/// See the module.
pub(in crate::redact) struct Phone;

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

    fn trigger(&self) -> Trigger {
        Trigger { classes: class::PLUS, ..Trigger::ANY }
    }

    fn find(&self, text: &str, _policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        for start in memchr_iter(b'+', bytes) {
            let left = before(bytes, start);
            let is_sum = is_word(left) || matches!(left, Some(b'+' | b')'));
            if !is_sum && let Some(end) = phone_end(bytes, start + 1) {
                found.replace(start..end);
            }
        }
    }
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
