//! Individual taxpayer identification numbers of the United States: `912-70-1234`.
//!
//! As a social security number, with a 9 in front and groups 50 to 65, 70 to 88, 90 to 92 and 94 to
//! 99 (IRS, Publication 1915). With its dashes a number stands alone.

use super::super::checks::{number, part};
use super::super::worded::Worded;
use super::PLACEHOLDER;
use crate::redact::printed::Forms;

/// See the module.
pub(in crate::redact) static US_ITIN: Worded = Worded {
    name: "us_itin",
    placeholder: PLACEHOLDER,
    example: "912-70-1234",
    words: &["itin", "individual taxpayer", "taxpayer identification", "taxpayer id"],
    needles: &["itin", "taxpayer"],
    forms: Forms::ITIN,
    shapes: &["ddddddddd", "ddd dd dddd"],
    is_valid,
    ..Worded::BASE
};

fn is_valid(signs: &[u8]) -> bool {
    let group = number(part(signs, 3..5)).unwrap_or_default();
    signs.len() == 9
        && number(signs).is_some()
        && signs.starts_with(b"9")
        && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("912-70-1234", "[NATIONAL_ID]"),
            ("ITIN 912701234", "ITIN [NATIONAL_ID]"),
            ("itin=912 70 1234.", "itin=[NATIONAL_ID]."),
            (r#"{"itin":912701234}"#, r#"{"itin":"[NATIONAL_ID]"}"#),
        ] {
            check(&US_ITIN, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &US_ITIN,
            &["912701234", "912-93-1234", "ITIN 812-70-1234", "912-70-12345", "912-70-1234-5"],
        );
    }
}
