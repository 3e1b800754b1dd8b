//! Personal identity codes of Finland: `131052-308T`.
//!
//! Date of birth, the sign of the century (`+`, `-` and U to Y, A to F), three digits, and a check
//! sign: the nine digits modulo 31 (Digital and Population Data Services Agency; Valtioneuvoston
//! asetus 690/2022). The form is like no other: it stands alone.

use super::super::checks::{is_day_of_year, number, part};
use super::super::worded::Worded;
use super::PLACEHOLDER;
use crate::redact::printed::Forms;

/// See the module.
pub(in crate::redact) static FI_HETU: Worded = Worded {
    name: "fi_hetu",
    placeholder: PLACEHOLDER,
    example: "131052-308T",
    words: &["hetu", "henkilötunnus", "henkilotunnus", "sotu"],
    needles: &["hetu", "henkil", "sotu"],
    forms: Forms::HETU,
    shapes: &["dddddd~dddx", "dddddddddx"],
    is_valid,
    ..Worded::BASE
};

const CHECKS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";

fn is_valid(signs: &[u8]) -> bool {
    // A century that is a letter is a sign, a century that divides is none.
    let (date, rest) = (part(signs, 0..6), signs.get(6..).unwrap_or_default());
    let rest = match rest {
        [b'A'..=b'F' | b'U'..=b'Y', rest @ ..] => rest,
        rest => rest,
    };
    let [individual @ .., check] = rest else { return false };
    let Some(number) = number(&[date, individual].concat()) else { return false };
    individual.len() == 3
        && is_day_of_year(part(date, 0..2), part(date, 2..4))
        && CHECKS.get((number % 31) as usize) == Some(check)
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("131052-308T", "[NATIONAL_ID]"),
            ("HETU 131052A308T,", "HETU [NATIONAL_ID],"),
            ("hetu=131052-308t", "hetu=[NATIONAL_ID]"),
            (r#"{"henkilotunnus":"131052+308T"}"#, r#"{"henkilotunnus":"[NATIONAL_ID]"}"#),
        ] {
            check(&FI_HETU, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &FI_HETU,
            &[
                "131052-308U",
                "321352-308T",
                "131052-308",
                "131052-308TX 1131052-308T",
                "131052308T",
            ],
        );
    }
}
