//! Social insurance numbers of Canada: `046 454 286`.
//!
//! Nine digits in three groups, the last one Luhn's (Social Insurance Number Code of Practice). One
//! in ten numbers of nine digits passes, so a word or name is asked for.

use super::super::checks::{has_luhn, is_one_sign};
use super::super::worded::Worded;
use super::PLACEHOLDER;

/// See the module.
pub(in crate::redact) static CA_SIN: Worded = Worded {
    name: "ca_sin",
    placeholder: PLACEHOLDER,
    example: "SIN 046 454 286",
    words: &["SIN", "social insurance", "assurance sociale"],
    needles: &["sin ", "sin:", "sin=", "sin\"", "sin'", "sin_", "sin-", "insurance", "assurance"],
    digit_run: 9,
    shapes: &["ddddddddd", "ddd ddd ddd"],
    is_valid,
    ..Worded::BASE
};

fn is_valid(signs: &[u8]) -> bool {
    signs.len() == 9 && has_luhn(signs) && !is_one_sign(signs)
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("SIN 046 454 286", "SIN [NATIONAL_ID]"),
            ("--sin 046454286 'sin', 046454286", "--sin 046454286 'sin', [NATIONAL_ID]"),
            ("sin=046454286 x", "sin=[NATIONAL_ID] x"),
            ("Social Insurance Number: 046-454-286", "Social Insurance Number: [NATIONAL_ID]"),
            (
                r#"{"socialInsuranceNumber":"046454286"}"#,
                r#"{"socialInsuranceNumber":"[NATIONAL_ID]"}"#,
            ),
        ] {
            check(&CA_SIN, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &CA_SIN,
            &[
                "046 454 286",
                "SIN 046 454 287",
                "sin 046454286 of",
                "using 046454286 and",
                "SIN 000 000 000",
            ],
        );
    }
}
