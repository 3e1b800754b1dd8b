//! US social security numbers: `536-90-4399`.
//!
//! Three, two and four digits with dashes, by the rules of the issuer: no area 000, 666 or
//! 900-999, no group 00, no serial 0000. Nine digits without dashes, or with spaces, count only
//! shortly after `ssn` or `social security`. A field that is named so is the work of
//! `secret_key`.

use super::Detector;
use super::boundary::{at, before, is_lone_number, run_end};
use crate::redact::canary::Canary;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::Trigger;

/// See the module.
pub(in crate::redact) struct Ssn;

const AREA: usize = 3;
const GROUP: usize = 2;
const SERIAL: usize = 4;
const DIGITS: usize = AREA + GROUP + SERIAL;

/// How far before bare digits the word may stand: `ssn provided by the customer: `.
const CONTEXT_BYTES: usize = 30;

impl Detector for Ssn {
    fn name(&self) -> &'static str {
        "ssn"
    }

    fn placeholder(&self) -> &'static str {
        "[SSN]"
    }

    fn about(&self) -> &'static str {
        "dashes and the issuer's rules, or the key in front"
    }

    fn canary(&self) -> Canary {
        Canary::Text("ssn 219-09-1234")
    }

    fn trigger(&self) -> Trigger {
        Trigger { digit_run: DIGITS as u32, ..Trigger::ANY }
    }

    fn text(&self, text: &str, _policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        let mut position = 0;
        while position < bytes.len() {
            let start = run_end(bytes, position, |byte| !byte.is_ascii_digit());
            let run = run_end(bytes, start, |byte| byte.is_ascii_digit());
            position = run;
            let end = match (run - start, at(bytes, run)) {
                (AREA, Some(b'-')) => grouped_end(bytes, start, b'-'),
                (AREA, Some(b' ')) if has_context(bytes, start) => grouped_end(bytes, start, b' '),
                (DIGITS, _) if has_context(bytes, start) => together_end(bytes, start),
                _ => None,
            };
            if let Some(end) = end {
                found.replace(start..end);
                position = end;
            }
        }
    }
}

fn grouped_end(bytes: &[u8], start: usize, separator: u8) -> Option<usize> {
    let end = start + DIGITS + 2;
    let number = bytes.get(start..end)?;
    let (area, rest) = number.split_at_checked(AREA)?;
    let (dash, rest) = rest.split_first()?;
    let (group, rest) = rest.split_at_checked(GROUP)?;
    let (second_dash, serial) = rest.split_first()?;
    let is_divided = *dash == separator && *second_dash == separator;
    let is_part = before(bytes, start) == Some(b'-') || at(bytes, end) == Some(b'-');
    let is_valid = is_divided && !is_part && is_ssn(area, group, serial);
    (is_valid && is_lone_number(bytes, start, end)).then_some(end)
}

fn together_end(bytes: &[u8], start: usize) -> Option<usize> {
    let end = start + DIGITS;
    let (area, rest) = bytes.get(start..end)?.split_at_checked(AREA)?;
    let (group, serial) = rest.split_at_checked(GROUP)?;
    (is_ssn(area, group, serial) && is_lone_number(bytes, start, end)).then_some(end)
}

fn is_ssn(area: &[u8], group: &[u8], serial: &[u8]) -> bool {
    let is_digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let is_assigned = area != b"000" && area != b"666" && area.first() != Some(&b'9');
    let all_digits = is_digits(area) && is_digits(group) && is_digits(serial);
    all_digits && is_assigned && group != b"00" && serial != b"0000"
}

/// Words after which bare digits count.
const CONTEXT_WORDS: [&[u8]; 3] = [b"ssn", b"social security", b"social_security"];

fn has_context(bytes: &[u8], start: usize) -> bool {
    let floor = start.saturating_sub(CONTEXT_BYTES);
    let context = bytes.get(floor..start).unwrap_or_default();
    CONTEXT_WORDS.iter().any(|word| {
        let mut windows = context.windows(word.len()).enumerate();
        windows.any(|(offset, at)| {
            at.eq_ignore_ascii_case(word) && is_alone(bytes, floor + offset, word)
        })
    })
}

/// Tells whether a word stands for itself: not inside another one, and not as the placeholder of
/// the number before.
fn is_alone(bytes: &[u8], start: usize, word: &[u8]) -> bool {
    let left = before(bytes, start);
    let right = at(bytes, start + word.len());
    let is_letter = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    !is_letter(left) && !is_letter(right) && left != Some(b'[')
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("536-90-4399", "[SSN]"),
            ("from 078-05-1120, to", "from [SSN], to"),
            ("ssn=536904399", "ssn=[SSN]"),
            ("Social Security number 536 90 4399", "Social Security number [SSN]"),
            ("536-90-1203", "[SSN]"),
        ] {
            check(&Ssn, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &Ssn,
            &[
                "000-12-3456 666-12-3456 912-12-3456",
                "536-00-4399 536-90-0000",
                "536904399",
                "536 90 4399",
                "12345-0678-219-09-11119999",
                "1536-90-4399",
                "536-90-43991",
                "536-90-4399-1",
                "2026-11-20 555-867-5309",
                "x536-90-4399",
                "token=-aa_SsN0 offset=123456789",
            ],
        );
    }
}
