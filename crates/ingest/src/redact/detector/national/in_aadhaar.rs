//! Aadhaar numbers of India: `2363 4567 8901`.
//!
//! Twelve digits, the first one from 2 to 9, the last one Verhoeff's (UIDAI, Aadhaar Enrolment and
//! Update specification). One in ten numbers of twelve digits passes, and columns of numbers have
//! the same groups, so a word or name is asked for.

use super::super::checks::has_verhoeff;
use super::super::worded::Worded;
use super::PLACEHOLDER;

/// See the module.
pub(in crate::redact) static IN_AADHAAR: Worded = Worded {
    name: "in_aadhaar",
    placeholder: PLACEHOLDER,
    example: "Aadhaar 9975 4323 1948",
    words: &["aadhaar", "aadhar", "adhaar", "uidai"],
    needles: &["aadhaar", "aadhar", "adhaar", "uidai"],
    shapes: &["dddddddddddd", "dddd dddd dddd"],
    is_valid,
    ..Worded::BASE
};

fn is_valid(signs: &[u8]) -> bool {
    signs.len() == 12 && matches!(signs.first(), Some(b'2'..=b'9')) && has_verhoeff(signs)
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("Aadhaar 9975 4323 1948", "Aadhaar [NATIONAL_ID]"),
            ("aadhaar_number=957491186250", "aadhaar_number=[NATIONAL_ID]"),
            (r#"{"aadhaarNumber":"9975-4323-1948"}"#, r#"{"aadhaarNumber":"[NATIONAL_ID]"}"#),
        ] {
            check(&IN_AADHAAR, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &IN_AADHAAR,
            &[
                "9975 4323 1948",
                "Aadhaar 9975 4323 1949",
                "aadhaar 0975 4323 1948",
                "served 4096 8192 2048",
            ],
        );
    }
}
