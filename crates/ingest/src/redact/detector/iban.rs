//! International bank account numbers: `DE89 3704 0044 0532 0130 00`.
//!
//! A country of the registry, its exact length, and the remainder 1 modulo 97 (ISO 13616; SWIFT
//! IBAN Registry). Written together or in groups of four, divided by the same one or two signs
//! each, in one case.

use super::Detector;
use super::boundary::{at, before, is_word};
use crate::redact::canary::Canary;
use crate::redact::policy::Policy;
use crate::redact::printed::Forms;
use crate::redact::span::Found;
use crate::redact::trigger::Trigger;

/// See the module.
pub(in crate::redact) struct Iban;

/// Lengths of the IBAN registry, by country.
const LENGTHS: [(&[u8; 2], usize); 88] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
];

/// Digits in a row of an account number in small letters; in capitals, its form is enough.
const DIGIT_RUN: u32 = 8;

/// Words beside which an account number in small letters has fewer digits in a row.
const WORDS: &[&str] = &["iban", "account", "bank", "payout", "transfer", "creditor", "debtor"];

/// Characters of a group, and most signs between two groups.
const GROUP: usize = 4;
const DIVIDER_BYTES_MAX: usize = 2;

impl Detector for Iban {
    fn name(&self) -> &'static str {
        "iban"
    }

    fn placeholder(&self) -> &'static str {
        "[IBAN]"
    }

    fn about(&self) -> &'static str {
        "country, exact length, remainder 1 modulo 97"
    }

    fn canary(&self) -> Canary {
        Canary::Text("DE89 3704 0044 0532 0130 00")
    }

    fn trigger(&self) -> Trigger {
        Trigger { digit_run: DIGIT_RUN, forms: Forms::IBAN, enough: WORDS, ..Trigger::ANY }
    }

    fn text(&self, text: &str, _policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        let mut position = 0;
        while let Some(start) = bytes.get(position..) {
            let [first, second, third, fourth, ..] = start else { return };
            let is_start = first.is_ascii_alphabetic()
                && second.is_ascii_alphabetic()
                && third.is_ascii_digit()
                && fourth.is_ascii_digit()
                && !is_word(before(bytes, position));
            let end = is_start.then(|| iban_end(bytes, position, *first, *second)).flatten();
            if let Some(end) = end {
                found.replace(position..end);
            }
            position = end.unwrap_or(position + 1);
        }
    }
}

fn iban_end(bytes: &[u8], start: usize, first: u8, second: u8) -> Option<usize> {
    let country = [first.to_ascii_uppercase(), second.to_ascii_uppercase()];
    let (_, length) = LENGTHS.iter().find(|(name, _)| **name == country)?;
    let is_lower = first.is_ascii_lowercase();
    let mut characters: Vec<u8> = Vec::with_capacity(*length);
    let mut end = start;
    let divider = divider(bytes, start + GROUP);
    while characters.len() < *length {
        let group_is_over = !characters.is_empty() && characters.len().is_multiple_of(GROUP);
        if group_is_over && bytes.get(end..).is_some_and(|rest| rest.starts_with(divider)) {
            end += divider.len();
        }
        let byte = at(bytes, end)?;
        end += 1;
        let is_expected = match byte {
            b'0'..=b'9' => true,
            b'a'..=b'z' => is_lower,
            b'A'..=b'Z' => !is_lower,
            _ => false,
        };
        if !is_expected {
            return None;
        }
        characters.push(byte);
    }
    (!is_word(at(bytes, end)) && remainder_97(&characters) == 1).then_some(end)
}

/// Returns the bytes between the first group and the second.
fn divider(bytes: &[u8], start: usize) -> &[u8] {
    let rest = bytes.get(start..).unwrap_or_default();
    let is_sign = |byte: &&u8| byte.is_ascii() && !byte.is_ascii_alphanumeric();
    let length = rest.iter().take(DIVIDER_BYTES_MAX).take_while(is_sign).count();
    rest.get(..length).unwrap_or_default()
}

/// Returns the number modulo 97, read with the first four characters at the end and letters as
/// 10 to 35.
fn remainder_97(characters: &[u8]) -> u32 {
    let (head, tail) = characters.split_at_checked(4).unwrap_or((characters, &[]));
    tail.iter().chain(head).fold(0, |remainder, character| {
        let value = char::from(*character).to_digit(36).unwrap_or(0);
        let shift = if value < 10 { 10 } else { 100 };
        (remainder * shift + value) % 97
    })
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_accounts_are_replaced() {
        for (text, expected) in [
            ("DE89370400440532013000", "[IBAN]"),
            ("to DE89 3704 0044 0532 0130 00 today", "to [IBAN] today"),
            ("GB82 WEST 1234 5698 7654 32.", "[IBAN]."),
            ("fr1420041010050500013m02606", "[IBAN]"),
            ("NL91ABNA0417164300,MT84MALT011000012345MTLCAST001S", "[IBAN],[IBAN]"),
            ("iban=CH9300762011623852957&x", "iban=[IBAN]&x"),
            ("NO9386011117947 BE68539007547034", "[IBAN] [IBAN]"),
            ("GB82-WEST-1234-5698-7654-32!", "[IBAN]!"),
            ("DE89.3704.0044.0532.0130.00", "[IBAN]"),
            (
                "account lu280019400644750000 mt84malt011000012345mtlcast001s",
                "account [IBAN] [IBAN]",
            ),
            ("DE89  3704  0044  0532  0130  00", "[IBAN]"),
            ("DE89/3704/0044/0532/0130/00 de89_3704_0044_0532_0130_00", "[IBAN] [IBAN]"),
        ] {
            check(&Iban, text, expected);
        }
    }

    #[test]
    fn other_codes_stay() {
        check_untouched(
            &Iban,
            &[
                "DE89370400440532013001",
                "DE8937040044053201300",
                "XDE89370400440532013000",
                "DE89370400440532013000A",
                "ZZ89370400440532013000",
                "de89370400440532013000de",
                "be68539007547034be68539007547034aaaabbbb",
                "DE89  3704 0044 0532 0130 00",
                "DE89.3704-0044.0532.0130.00",
            ],
        );
    }
}
