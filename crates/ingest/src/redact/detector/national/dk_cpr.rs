//! Register numbers of Denmark: `010180-1234`.
//!
//! Date of birth and four digits; numbers of since 2007 have no check digit (CPR-kontoret), so a
//! word or name is asked for.

use super::super::checks::{is_day_of_year, number, part};
use super::super::worded::Worded;
use super::PLACEHOLDER;

/// See the module.
pub(in crate::redact) static DK_CPR: Worded = Worded {
    name: "dk_cpr",
    placeholder: PLACEHOLDER,
    example: "CPR 010180-1234",
    words: &["cpr", "person nummer", "cprnr", "cprnummer"],
    needles: &["cpr", "person_n", "personn", "person-n", "person n"],
    shapes: &["dddddddddd", "dddddd dddd"],
    is_valid,
    ..Worded::BASE
};

fn is_valid(signs: &[u8]) -> bool {
    signs.len() == 10
        && number(signs).is_some()
        && is_day_of_year(part(signs, 0..2), part(signs, 2..4))
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("CPR 010180-1234", "CPR [NATIONAL_ID]"),
            ("cpr=0101801234", "cpr=[NATIONAL_ID]"),
            (r#"{"cprNummer":"010180-1234"}"#, r#"{"cprNummer":"[NATIONAL_ID]"}"#),
        ] {
            check(&DK_CPR, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(&DK_CPR, &["010180-1234", "CPR 320180-1234", "CPR 010180-12345"]);
    }
}
