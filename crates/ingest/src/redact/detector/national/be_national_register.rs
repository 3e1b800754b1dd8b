//! National register numbers of Belgium: `85.07.30-033.28`.
//!
//! Date of birth, order, and 97 less the remainder modulo 97 of the nine digits before, with a 2 in
//! front for those born from 2000 on (Arrêté royal du 3 avril 1984). With its dots and dash a
//! number stands alone.

use super::super::checks::{number, part};
use super::super::worded::Worded;
use super::PLACEHOLDER;
use crate::redact::printed::Forms;

/// See the module.
pub(in crate::redact) static BE_NATIONAL_REGISTER: Worded = Worded {
    name: "be_national_register",
    placeholder: PLACEHOLDER,
    example: "85.07.30-033.28",
    words: &[
        "rijksregisternummer",
        "rijksregister",
        "registre national",
        "national register",
        "nrn",
        "niss",
        "insz",
    ],
    needles: &[
        "rijksregister",
        "registre",
        "national register",
        "national_register",
        "nationalregister",
        "nrn",
        "niss",
        "insz",
    ],
    forms: Forms::NATIONAL_REGISTER,
    shapes: &["ddddddddddd", "dd dd dd ddd dd"],
    is_valid,
    ..Worded::BASE
};

fn is_valid(signs: &[u8]) -> bool {
    let (Some(front), Some(check)) = (number(part(signs, 0..9)), number(part(signs, 9..11))) else {
        return false;
    };
    let month = number(part(signs, 2..4)).unwrap_or_default() % 20;
    let after_2000 = 2_000_000_000;
    signs.len() == 11
        && month <= 12
        && (check == 97 - front % 97 || check == 97 - (after_2000 + front) % 97)
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("85.07.30-033.28", "[NATIONAL_ID]"),
            ("rijksregisternummer 85073003328", "rijksregisternummer [NATIONAL_ID]"),
            ("INSZ: 12.01.01-001.63", "INSZ: [NATIONAL_ID]"),
            (
                r#"{"nationalRegisterNumber":"85073003328"}"#,
                r#"{"nationalRegisterNumber":"[NATIONAL_ID]"}"#,
            ),
        ] {
            check(&BE_NATIONAL_REGISTER, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &BE_NATIONAL_REGISTER,
            &["85073003328", "85.07.30-033.29", "INSZ 85137003328", "version 85.07.30-033"],
        );
    }
}
