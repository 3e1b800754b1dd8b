//! National insurance numbers of the United Kingdom: `AB 12 34 56 C`.
//!
//! Two letters, six digits, and a letter from A to D. D, F, I, Q, U and V are in no prefix, O is
//! not its second letter, and BG, GB, KN, NK, NT, TN and ZZ are not given out (HMRC, NIM39110).
//! There is no check digit, but ordinary text has no such words: a number in capitals stands alone.

use super::super::worded::Worded;
use super::PLACEHOLDER;
use crate::redact::printed::Forms;

/// See the module.
pub(in crate::redact) static UK_NINO: Worded = Worded {
    name: "uk_nino",
    placeholder: PLACEHOLDER,
    example: "AB 12 34 56 C",
    words: &["nino", "national insurance", "ni number", "ni no"],
    needles: &["nino", "insurance", "ni number", "ni no", "ni_n", "ninumber"],
    forms: Forms::NINO,
    shapes: &["llddddddl", "ll dd dd dd l", "ll dddddd l"],
    is_valid,
    ..Worded::BASE
};

/// Prefixes that are not given out.
const UNUSED: [&[u8; 2]; 7] = [b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"];

fn is_valid(signs: &[u8]) -> bool {
    let [first, second, digits @ .., last] = signs else { return false };
    let is_letter = |sign: &u8| sign.is_ascii_uppercase() && !b"DFIQUV".contains(sign);
    is_letter(first)
        && is_letter(second)
        && *second != b'O'
        && !UNUSED.contains(&&[*first, *second])
        && digits.len() == 6
        && digits.iter().all(u8::is_ascii_digit)
        && matches!(last, b'A'..=b'D')
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("AB 12 34 56 C", "[NATIONAL_ID]"),
            ("NINO AB123456C.", "NINO [NATIONAL_ID]."),
            ("nino=ab123456c&x", "nino=[NATIONAL_ID]&x"),
            (
                "National Insurance number: QQ 12 34 56 C, JG 10 37 59 A",
                "National Insurance number: QQ 12 34 56 C, [NATIONAL_ID]",
            ),
            (
                r#"{"nationalInsuranceNumber":"jg103759a"}"#,
                r#"{"nationalInsuranceNumber":"[NATIONAL_ID]"}"#,
            ),
            ("JG103759A", "[NATIONAL_ID]"),
        ] {
            check(&UK_NINO, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &UK_NINO,
            &[
                "GB123456A DA123456A AO123456A AB123456E",
                "ab123456c",
                "xAB123456C AB123456CD AB1234567",
                "[NATIONAL_ID] nino: none",
                "Windows KB123456 AB-12",
            ],
        );
    }
}
