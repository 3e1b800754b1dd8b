//! Payment cards: `4111 1111 1111 1111`.
//!
//! Three tests, all of them: the issuer's prefix, the exact length that the issuer uses, and the
//! Luhn digit. Digits stand together, or in the groups that are printed on cards, divided by one
//! space or dash each. Not a card: a number inside a longer word, hexadecimal or decimal number.
//! Times never match: no issuer begins with 1, as times in s, ms, us and ns will until 2033.

use super::boundary::{at, before, is_lone_number, run_end};
use super::{Detector, Trigger};
use crate::redact::policy::Policy;
use crate::redact::span::Found;

/// See the module.
pub(in crate::redact) struct Card;

/// What stands in place of a card.
pub(in crate::redact) const PLACEHOLDER: &str = "[CARD]";

/// Issuers: range of the leading digits, how many digits lead, and the lengths in use.
const ISSUERS: [(u32, u32, u32, &[usize]); 20] = [
    (4, 4, 1, &[13, 16, 19]),               // Visa
    (51, 55, 2, &[16]),                     // Mastercard
    (2221, 2720, 4, &[16]),                 // Mastercard
    (34, 34, 2, &[15]),                     // American Express
    (37, 37, 2, &[15]),                     // American Express
    (6011, 6011, 4, &[16, 19]),             // Discover
    (644, 649, 3, &[16, 19]),               // Discover
    (65, 65, 2, &[16, 19]),                 // Discover, RuPay
    (300, 305, 3, &[14, 16]),               // Diners Club
    (3095, 3095, 4, &[14, 16]),             // Diners Club
    (36, 36, 2, &[14, 16]),                 // Diners Club
    (38, 39, 2, &[14, 16]),                 // Diners Club
    (3528, 3589, 4, &[16, 19]),             // JCB
    (62, 62, 2, &[16, 17, 18, 19]),         // UnionPay
    (81, 82, 2, &[16, 17, 18, 19]),         // UnionPay, RuPay
    (2200, 2204, 4, &[16, 17, 18, 19]),     // Mir
    (5018, 5018, 4, &[13, 15, 16, 18, 19]), // Maestro
    (5020, 5038, 4, &[13, 15, 16, 18, 19]), // Maestro
    (6304, 6304, 4, &[13, 15, 16, 18, 19]), // Maestro
    (6759, 6763, 4, &[13, 15, 16, 18, 19]), // Maestro
];

/// Fewest and most digits of any card.
const DIGITS_MIN: usize = 13;
const DIGITS_MAX: usize = 19;

/// Groups in which cards are printed, longest first.
const LAYOUTS: [&[usize]; 6] =
    [&[4, 4, 4, 4, 3], &[6, 13], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4], &[4, 4, 4, 1]];

impl Detector for Card {
    fn name(&self) -> &'static str {
        "card"
    }

    fn placeholder(&self) -> &'static str {
        PLACEHOLDER
    }

    fn trigger(&self) -> Trigger {
        Trigger { digit_run: DIGITS_MIN as u32, ..Trigger::ANY }
    }

    fn find(&self, text: &str, _policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        let mut position = 0;
        while position < bytes.len() {
            let start = run_end(bytes, position, |byte| !byte.is_ascii_digit());
            let end = run_end(bytes, start, |byte| byte.is_ascii_digit());
            let together = bytes.get(start..end).unwrap_or_default();
            if is_lone_number(bytes, start, end) && is_card(together) {
                replace(text, start..end, found);
            } else if let Some(group_end) = grouped_end(bytes, start, end) {
                found.replace(start..group_end);
                position = group_end;
                continue;
            }
            position = end;
        }
    }
}

/// Returns the end of a card that is printed in groups, of which the first one is given.
fn grouped_end(bytes: &[u8], start: usize, first_end: usize) -> Option<usize> {
    let separator = at(bytes, first_end).filter(|byte| matches!(byte, b' ' | b'-'))?;
    LAYOUTS.iter().find_map(|layout| {
        let mut digits: Vec<u8> = Vec::with_capacity(DIGITS_MAX);
        let mut end = start;
        for (index, group) in layout.iter().enumerate() {
            if index > 0 {
                if at(bytes, end) != Some(separator) {
                    return None;
                }
                end += 1;
            }
            let group_digits = bytes.get(end..end + group)?;
            if !group_digits.iter().all(u8::is_ascii_digit) {
                return None;
            }
            digits.extend_from_slice(group_digits);
            end += group;
        }
        // A dash on either side makes the groups part of a longer id, such as a UUID.
        let is_part = separator == b'-'
            && ((before(bytes, start) == Some(b'-')) || at(bytes, end) == Some(b'-'));
        (!is_part && is_lone_number(bytes, start, end) && is_card(&digits)).then_some(end)
    })
}

/// A bare number that is the value of a quoted key is replaced with quotes, so that JSON in a
/// text stays JSON.
fn replace(text: &str, range: std::ops::Range<usize>, found: &mut Found) {
    let before = text.get(..range.start).unwrap_or_default();
    let tail = before.get(before.len().saturating_sub(16)..).unwrap_or_default();
    let quote = tail.trim_end_matches(' ').strip_suffix(':').map(str::trim_end).and_then(|key| {
        let quote_start = key.strip_suffix('"')?.trim_end_matches('\\').len();
        key.get(quote_start..)
    });
    match quote {
        Some(quote) => found.replace_quoted(range, quote),
        None => found.replace(range),
    }
}

/// Tells whether an integer is a card number.
pub(in crate::redact) fn is_card_number(number: u64) -> bool {
    // Fast path: most numbers are far too small.
    number >= 10_u64.pow(DIGITS_MIN as u32 - 1) && is_card(number.to_string().as_bytes())
}

fn is_card(digits: &[u8]) -> bool {
    (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len()) && has_issuer(digits) && has_luhn(digits)
}

fn has_issuer(digits: &[u8]) -> bool {
    ISSUERS.iter().any(|(first, last, leading, lengths)| {
        let prefix = digits
            .iter()
            .take(*leading as usize)
            .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
        (*first..=*last).contains(&prefix) && lengths.contains(&digits.len())
    })
}

fn has_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let digit = u32::from(digit - b'0');
            match (index % 2, digit) {
                (0, digit) => digit,
                (_, 0..=4) => digit * 2,
                (_, digit) => digit * 2 - 9,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn cards_are_replaced_in_every_printed_form() {
        for (text, expected) in [
            ("4111111111111111", "[CARD]"),
            ("card 4111 1111 1111 1111 declined", "card [CARD] declined"),
            ("4111-1111-1111-1111.", "[CARD]."),
            ("3782 822463 10005", "[CARD]"),
            ("378282246310005,30569309025904", "[CARD],[CARD]"),
            ("5555555555554444/6011111111111117", "[CARD]/[CARD]"),
            ("2223003122003222 3530111333300000", "[CARD] [CARD]"),
            ("order_4111111111111111", "order_[CARD]"),
            ("(6200000000000005)", "([CARD])"),
            (r#"{"n": 4111111111111111}"#, r#"{"n": "[CARD]"}"#),
            (r#"{\"n\":4111111111111111}"#, r#"{\"n\":\"[CARD]\"}"#),
            ("n: 4111111111111111", "n: [CARD]"),
            ("on 12 4111 1111 1111 1111", "on 12 [CARD]"),
        ] {
            check(&Card, text, expected);
        }
        assert!(is_card_number(4_111_111_111_111_111));
        assert!(!is_card_number(1_763_650_000_000_000));
    }

    #[test]
    fn times_ids_and_decimals_stay() {
        check_untouched(
            &Card,
            &[
                "4111111111111112",
                "1763650000 1763650000123 1763650000123456 1763650000123456789",
                "1118710341 2005",
                "41111111111111111",
                "0x4111111111111111",
                "a4111111111111111",
                "4111111111111111e",
                "0.4111111111111111",
                "4111111111111111.25",
                "550e8400-e29b-41d4-a716-446655440000",
                "12345678-4111-1111-1111-1111-123456789012",
                "4111 1111-1111 1111",
                "8.5.1.2 10.0.0.1",
                "9999999999999995",
            ],
        );
    }
}
