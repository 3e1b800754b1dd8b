//! Social insurance numbers of Austria: `1237 010180`.
//!
//! Three digits, a check digit modulo 11, and the date of birth (Dachverband der
//! Sozialversicherungsträger). One in three hundred numbers passes, so a word or name is asked for.

use super::super::checks::{digits, number, part, weighted};
use super::super::worded::Worded;
use super::PLACEHOLDER;

/// See the module.
pub(in crate::redact) static AT_SVNR: Worded = Worded {
    name: "at_svnr",
    placeholder: PLACEHOLDER,
    example: "SVNR 1237 010180",
    words: &["svnr", "sv nummer", "sozialversicherungsnummer", "versicherungsnummer"],
    needles: &["svnr", "sv-nummer", "sv nummer", "sv_nummer", "svnummer", "versicherungsn"],
    shapes: &["dddddddddd", "dddd dddddd"],
    is_valid,
    ..Worded::BASE
};

const WEIGHTS: [u32; 10] = [3, 7, 9, 0, 5, 8, 4, 2, 1, 6];

fn is_valid(signs: &[u8]) -> bool {
    let Some(digits) = digits(signs).filter(|digits| digits.len() == 10) else { return false };
    // Where there are no days left, the month goes on behind December.
    let month = number(part(signs, 6..8)).unwrap_or_default();
    !signs.starts_with(b"0")
        && (1..=15).contains(&month)
        && digits.get(3) == Some(&(weighted(&digits, &WEIGHTS) % 11))
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("SVNR 1237 010180", "SVNR [NATIONAL_ID]"),
            ("svnr=1237010180", "svnr=[NATIONAL_ID]"),
            ("Sozialversicherungsnummer: 1237 010180", "Sozialversicherungsnummer: [NATIONAL_ID]"),
        ] {
            check(&AT_SVNR, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &AT_SVNR,
            &["1237 010180", "SVNR 1238 010180", "svnr 0237010180", "SVNR 1237019980"],
        );
    }
}
