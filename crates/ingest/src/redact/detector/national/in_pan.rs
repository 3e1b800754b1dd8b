//! Permanent account numbers of India, of taxes: `ABCPE1234F`.
//!
//! Five letters, the fourth of which is the kind of holder, four digits, and a letter (Income Tax
//! Department, Rule 114). The check letter's rule is not published, so a word or name is asked for.

use super::super::checks::part;
use super::super::worded::Worded;
use super::PLACEHOLDER;

/// See the module.
pub(in crate::redact) static IN_PAN: Worded = Worded {
    name: "in_pan",
    placeholder: PLACEHOLDER,
    example: "PAN ABCPE1234F",
    words: &["PAN", "pan card", "pancard", "permanent account"],
    needles: &[
        "pan:",
        "pan=",
        "pan ",
        "pan\"",
        "pan'",
        "pan_n",
        "pan_c",
        "pann",
        "pancard",
        "pan-",
        "permanent account",
    ],
    shapes: &["lllllddddl"],
    is_valid,
    ..Worded::BASE
};

/// Kinds of holders: persons, companies, firms, trusts, governments and others.
const HOLDERS: &[u8; 12] = b"ABCEFGHJKLPT";

fn is_valid(signs: &[u8]) -> bool {
    let (letters, digits) = (part(signs, 0..5), part(signs, 5..9));
    signs.len() == 10
        && letters.iter().all(u8::is_ascii_uppercase)
        && letters.get(3).is_some_and(|holder| HOLDERS.contains(holder))
        && digits.iter().all(u8::is_ascii_digit)
        && signs.last().is_some_and(u8::is_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("PAN ABCPE1234F", "PAN [NATIONAL_ID]"),
            ("pan=abcpe1234f,", "pan=[NATIONAL_ID],"),
            (r#"{"panNumber":"ABCPE1234F"}"#, r#"{"panNumber":"[NATIONAL_ID]"}"#),
            ("PAN card no. ABCPE1234F", "PAN card no. [NATIONAL_ID]"),
        ] {
            check(&IN_PAN, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &IN_PAN,
            &[
                "ABCPE1234F",
                "pan ABCPE1234F",
                "PAN ABCDE1234F",
                "PAN 4111111111111111",
                "span: ABCPE1234F",
            ],
        );
    }
}
