//! Payment cards: `4111 1111 1111 1111`.
//!
//! Four tests, all of them: the issuer's prefix, the exact length that the issuer uses, the Luhn
//! digit, and a sign that a card is meant. One number of 16 digits in fifty passes the first three,
//! and ids have as many digits, so the sign decides ([`crate::redact::number_use`]):
//!
//! | digits | are a card |
//! |---|---|
//! | in the groups that are printed on cards, divided by one space or dash each | always |
//! | together, under a name or beside words of cards | always |
//! | together, under a name or beside words of ids, or joined to more by `_ - / . #` | never |
//! | together, the whole of a value whose name says nothing | up to 16 digits |
//! | together, in a sentence that says nothing | never |
//!
//! Not a card: a number inside a longer word, hexadecimal or decimal number. Times never match: no
//! issuer begins with 1, as times in s, ms, us and ns will until 2033.

use super::Detector;
use super::boundary::{at, before, is_lone_number, run_end, run_start};
use super::checks::has_luhn;
use super::quoted::replace_number;
use crate::redact::canary::Canary;
use crate::redact::claim::Claim;
use crate::redact::number_use::{Around, NumberUse, around};
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::Trigger;
use crate::redact::whole::Whole;

/// See the module.
pub(in crate::redact) struct Card;

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

/// Least number of so many digits.
const NUMBER_MIN: u64 = 10_u64.pow(DIGITS_MIN as u32 - 1);

/// Most digits of a card when only the number speaks for a card. Hardly a card in use has more, and
/// decimal ids of 64 bits nearly always have.
const BARE_DIGITS_MAX: usize = 16;

/// Longest text between the numbers of one list: `, `, ` and ` has letters.
const LIST_GAP_BYTES_MAX: usize = 4;

/// Groups in which cards are printed, longest first.
const LAYOUTS: [&[usize]; 6] =
    [&[4, 4, 4, 4, 3], &[6, 13], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4], &[4, 4, 4, 1]];

impl Detector for Card {
    fn name(&self) -> &'static str {
        "card"
    }

    fn placeholder(&self) -> &'static str {
        "[CARD]"
    }

    fn about(&self) -> &'static str {
        "issuer, exact length, Luhn digit, and a sign that a card is meant"
    }

    fn canary(&self) -> Canary {
        Canary::Text("paid with 4111 1111 1111 1111")
    }

    fn trigger(&self) -> Trigger {
        Trigger { digit_run: DIGITS_MIN as u32, number_min: NUMBER_MIN, ..Trigger::ANY }
    }

    fn text(&self, text: &str, _policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        let mut signs = Signs::of(text, NumberUse::of_claim(found.claim()));
        let mut position = 0;
        while position < bytes.len() {
            let start = run_end(bytes, position, |byte| !byte.is_ascii_digit());
            let end = run_end(bytes, start, |byte| byte.is_ascii_digit());
            position = end;
            let together = bytes.get(start..end).unwrap_or_default();
            let is_long = (DIGITS_MIN..=DIGITS_MAX).contains(&together.len());
            if is_long && (is_lone_number(bytes, start, end) || is_beside_word(text, start, end)) {
                // Asked of every long number: the next one of a list goes by it.
                let may_be_card = signs.allow(start, end);
                if may_be_card && is_card(together) {
                    replace_number(text, start..end, found);
                }
            } else if let Some(group_end) = grouped_end(bytes, start, end) {
                found.replace(start..group_end);
                signs.saw(group_end, NumberUse::Card);
                position = group_end;
            }
        }
    }

    fn key(&self, name: &str, _policy: &Policy) -> Claim {
        NumberUse::of_name(name).claim()
    }

    fn value(&self, value: Whole<'_>, claim: Claim) -> bool {
        match value {
            Whole::Number(number) => is_card_number(number, NumberUse::of_claim(claim)),
            Whole::Flag
            | Whole::Fraction(_)
            | Whole::Text(_)
            | Whole::Nested
            | Whole::EmptyNested => false,
        }
    }
}

/// What speaks for the long numbers of a text, one after the other.
struct Signs<'t> {
    text: &'t str,
    of_field: NumberUse,
    has_letters: bool,
    /// End and use of the number before.
    previous: Option<(usize, NumberUse)>,
}

impl<'t> Signs<'t> {
    fn of(text: &'t str, of_field: NumberUse) -> Signs<'t> {
        let is_letter = |byte: u8| byte.is_ascii_alphabetic() || !byte.is_ascii();
        Signs { text, of_field, has_letters: text.bytes().any(is_letter), previous: None }
    }

    /// Notes what a number was for.
    fn saw(&mut self, end: usize, number_use: NumberUse) {
        self.previous = Some((end, number_use));
    }

    /// Tells whether the number in a range may be a card. Numbers of a list are of one kind.
    fn allow(&mut self, start: usize, end: usize) -> bool {
        let (number_use, is_field) = match self.around(start, end) {
            Around::Told(told) => (told, false),
            Around::Field => (NumberUse::Unknown, true),
            Around::Nothing => (NumberUse::Unknown, !self.has_letters),
        };
        self.saw(end, number_use);
        match number_use {
            NumberUse::Id => false,
            NumberUse::Card => true,
            NumberUse::Unknown => is_field && end - start <= BARE_DIGITS_MAX,
        }
    }

    fn around(&self, start: usize, end: usize) -> Around {
        if is_beside_word(self.text, start, end) || is_track(self.text.as_bytes(), start, end) {
            return Around::Told(NumberUse::Card);
        }
        if self.of_field != NumberUse::Unknown {
            return Around::Told(self.of_field);
        }
        if let Some((before, told)) = self.previous
            && told != NumberUse::Unknown
            && start - before <= LIST_GAP_BYTES_MAX
            && !self.text.get(before..start).is_none_or(has_word)
        {
            return Around::Told(told);
        }
        // Numbers alone have no words around them, and signs between the numbers divide a list.
        if self.has_letters { around(self.text, start, end) } else { Around::Nothing }
    }
}

/// Tells whether a number stands on the second track of a card's stripe: `;4111...=2512...?`.
fn is_track(bytes: &[u8], start: usize, end: usize) -> bool {
    let expiry = run_end(bytes, end + 1, |byte| byte.is_ascii_digit());
    before(bytes, start) == Some(b';') && at(bytes, end) == Some(b'=') && expiry > end + 4
}

/// Words that stand right beside the digits of a card, without a sign between.
const GLUED_WORDS: [&str; 12] =
    ["card", "cc", "ccn", "pan", "visa", "mastercard", "amex", "usd", "eur", "gbp", "exp", "cvv"];

/// Longest word above.
const GLUED_BYTES_MAX: usize = 10;

/// Tells whether a number has letters beside it that name a card: `visa4111...`, `4111...EUR`, and
/// `%B4111...^` on the first track of a card's stripe.
fn is_beside_word(text: &str, start: usize, end: usize) -> bool {
    let bytes = text.as_bytes();
    let is_letter = |byte: u8| byte.is_ascii_alphabetic();
    let left = run_start(bytes, start.saturating_sub(GLUED_BYTES_MAX + 1), start, is_letter);
    let window = bytes.get(..bytes.len().min(end + GLUED_BYTES_MAX + 1)).unwrap_or(bytes);
    let right = run_end(window, end, is_letter);
    let is_known = |range: std::ops::Range<usize>| {
        let word = text.get(range).unwrap_or_default();
        word.is_empty() || GLUED_WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
    };
    let is_track = text.get(left..start) == Some("B")
        && before(bytes, left) == Some(b'%')
        && at(bytes, end) == Some(b'^');
    let is_digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
    let is_apart = !is_digit(before(bytes, left)) && !is_digit(at(bytes, right));
    is_track
        || (left < start || right > end)
            && is_apart
            && is_known(left..start)
            && is_known(end..right)
}

fn has_word(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// Returns the end of a card that is printed in groups, of which the first one is given.
fn grouped_end(bytes: &[u8], start: usize, first_end: usize) -> Option<usize> {
    let separator = at(bytes, first_end).filter(|byte| matches!(byte, b' ' | b'-'))?;
    LAYOUTS.iter().find_map(|layout| {
        let mut end = start;
        for (index, group) in layout.iter().enumerate() {
            if index > 0 {
                if at(bytes, end) != Some(separator) {
                    return None;
                }
                end += 1;
            }
            if !bytes.get(end..end + group)?.iter().all(u8::is_ascii_digit) {
                return None;
            }
            end += group;
        }
        // A dash on either side makes the groups part of a longer id, such as a UUID.
        let is_part = separator == b'-'
            && ((before(bytes, start) == Some(b'-')) || at(bytes, end) == Some(b'-'));
        if is_part || !is_lone_number(bytes, start, end) {
            return None;
        }
        let digits = bytes.get(start..end)?.iter().copied().filter(u8::is_ascii_digit);
        is_card(&digits.collect::<Vec<u8>>()).then_some(end)
    })
}

/// Tells whether an integer is a card number, in a field whose name says what it is for.
fn is_card_number(number: u64, number_use: NumberUse) -> bool {
    let digits = number.to_string();
    let may_be_card = match number_use {
        NumberUse::Id => false,
        NumberUse::Card => true,
        NumberUse::Unknown => digits.len() <= BARE_DIGITS_MAX,
    };
    may_be_card && is_card(digits.as_bytes())
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
            ("card_4111111111111111", "card_[CARD]"),
            ("declined: Visa ending 4111111111111111", "declined: Visa ending [CARD]"),
            ("paid with 4111111111111111, 5555555555554444", "paid with [CARD], [CARD]"),
            ("(6200000000000005)", "([CARD])"),
            (r#"{"n": 4111111111111111}"#, r#"{"n": "[CARD]"}"#),
            (r#"{\"n\":4111111111111111}"#, r#"{\"n\":\"[CARD]\"}"#),
            ("n=4111111111111111", "n=[CARD]"),
            ("card: 6200000000000000000", "card: [CARD]"),
            ("on 12 4111 1111 1111 1111", "on 12 [CARD]"),
            ("%B4111111111111111^DOE/JOHN^2512101?", "%B[CARD]^DOE/JOHN^2512101?"),
            (";4111111111111111=25121010000?", ";[CARD]=25121010000?"),
            ("visa4111111111111111 4111111111111111EUR", "visa[CARD] [CARD]EUR"),
        ] {
            check(&Card, text, expected);
        }
        for (number, number_use, expected) in [
            (4_111_111_111_111_111, NumberUse::Unknown, true),
            (4_111_111_111_111_111, NumberUse::Id, false),
            (6_200_000_000_000_000_000, NumberUse::Unknown, false),
            (6_200_000_000_000_000_000, NumberUse::Card, true),
            (1_763_650_000_000_000, NumberUse::Card, false),
        ] {
            assert_eq!(is_card_number(number, number_use), expected, "{number} {number_use:?}");
        }
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
                "order 4111111111111111 shipped",
                "trace_id=4111111111111111 x",
                r#"{\"trace_id\":\"4111111111111111\"}"#,
                "/orders/4111111111111111/items?id=4111111111111111",
                "ids: 4111111111111111, 5555555555554444",
                "blk_4111111111111111 was moved",
                "done with 6200000000000000000",
            ],
        );
    }
}
