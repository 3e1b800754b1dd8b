//! Numbers that count beside a word, under a name, or in a printed form of their own.
//!
//! The frame of every national id and its like: a number with a check digit passes one time in ten
//! by chance, so bare digits count only where a word or the name of a field says what they are:
//! `cpf=52998224725`, `NHS number 943 476 5919`. A printed form with letters or groups of its own
//! (`529.982.247-25`) stands alone where ordinary numbers never look so. One file a kind holds the
//! facts; the frame reads the text.

use std::ops::Range;

use memchr::{memchr2_iter, memmem};

use super::Detector;
use super::boundary::{at, before, run_end};
use super::quoted::replace_number;
use crate::redact::canary::Canary;
use crate::redact::claim::Claim;
use crate::redact::named::Names;
use crate::redact::policy::Policy;
use crate::redact::printed::{Forms, each};
use crate::redact::shape::{Signs, signs_at};
use crate::redact::span::Found;
use crate::redact::trigger::Trigger;
use crate::redact::whole::Whole;

/// What is known about a kind of numbers.
pub(in crate::redact) struct Worded {
    /// Name of the detector.
    pub(super) name: &'static str,
    /// What stands in place of a number.
    pub(super) placeholder: &'static str,
    /// A text with a number that is a find.
    pub(super) example: &'static str,
    /// Words beside a number, and names of fields, that make the number count. What is written in
    /// capitals here is a word of a language too, and counts in prose in capitals only.
    pub(super) words: &'static [&'static str],
    /// A fragment of each word, for the prefilter.
    pub(super) needles: &'static [&'static str],
    /// Digits in a row that each number beside a word has; 0 for numbers with letters.
    pub(super) digit_run: u32,
    /// Forms that need no word.
    pub(super) forms: Forms,
    /// Shapes beside a word, see [`crate::redact::shape`]; the first one without dividers.
    pub(super) shapes: &'static [&'static str],
    /// How near to a word its number stands.
    pub(super) gap: Gap,
    /// Tells whether letters and digits, in upper case, are a number of the kind.
    pub(super) is_valid: fn(&[u8]) -> bool,
    /// Names under which a value counts, where they are not the words.
    pub(super) names: Option<Names>,
    /// Tells whether a text under such a name is a find, where more than numbers of the shapes are.
    pub(super) is_named_value: Option<fn(&str) -> bool>,
}

/// The distance between a word and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// A few words, and a number of another kind: the number has a check digit of its own.
    Wide,
    /// Words that join a word to its number, `is`, `no`: any number would do.
    Narrow,
}

impl Worded {
    /// What most kinds have in common.
    pub(super) const BASE: Worded = Worded {
        name: "",
        placeholder: "",
        example: "",
        words: &[],
        needles: &[],
        digit_run: 0,
        forms: Forms::NONE,
        shapes: &[],
        gap: Gap::Wide,
        is_valid: |_| false,
        names: None,
        is_named_value: None,
    };
}

/// How far behind a word its number may end the search: `cpf of the customer (11 digits): `.
const AFTER_BYTES: usize = 40;

/// How far behind a number the next one of a list begins.
const LIST_BYTES: usize = 12;

/// Words, and numbers of another kind, that may stand between a word and its number.
const OTHER_WORDS_MAX: usize = 5;
const OTHER_NUMBERS_MAX: usize = 1;

/// Words that join a word to its number: `passport no. is`.
const LINKS: [&[u8]; 22] = [
    b"is",
    b"was",
    b"no",
    b"nr",
    b"num",
    b"number",
    b"numbers",
    b"id",
    b"code",
    b"value",
    b"of",
    b"on",
    b"the",
    b"nummer",
    b"numero",
    b"some",
    b"just",
    b"optional",
    b"string",
    b"str",
    b"secretstr",
    b"password",
];

/// Text between a number and a word behind the number: `529... (CPF)`.
const BEFORE_GAPS: [&[u8]; 10] = [
    b" (",
    b" [",
    b" is your ",
    b" is the ",
    b" is a ",
    b" is my ",
    b" as your ",
    b" as the ",
    b" as ",
    b" ",
];

/// Quotes, brackets and spaces between a key and the divider of the value.
const KEY_END_BYTES: usize = 8;

impl Detector for Worded {
    fn name(&self) -> &'static str {
        self.name
    }

    fn placeholder(&self) -> &'static str {
        self.placeholder
    }

    fn about(&self) -> &'static str {
        "form and check digits of the kind, as printed or beside a word or name of the kind"
    }

    fn canary(&self) -> Canary {
        Canary::Text(self.example)
    }

    fn trigger(&self) -> Trigger {
        Trigger {
            needles: self.needles,
            keys: self.needles,
            digit_run: self.digit_run,
            forms: self.forms,
            ..Trigger::ANY
        }
    }

    fn names(&self) -> Names {
        self.names.unwrap_or(Names::Numbers(self.words))
    }

    fn text(&self, text: &str, policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        if !self.forms.is_empty() {
            each(bytes, self.forms, |range, shape| {
                if self.is_number(bytes, range.start, shape) {
                    found.replace(range);
                }
            });
        }
        for word in self.words {
            for range in occurrences(bytes, word) {
                if !is_in_placeholder(text, range.clone(), policy) {
                    self.find_after(text, range.end, found);
                    self.find_before(text, range.start, found);
                    self.find_in_fault(text, range.end, found);
                }
            }
        }
    }

    fn value(&self, value: Whole<'_>, _claim: Claim) -> bool {
        match value {
            Whole::Text(text) => match self.is_named_value {
                Some(is_value) => is_value(text),
                None => {
                    Signs::of(text.trim()).is_some_and(|signs| (self.is_valid)(signs.as_bytes()))
                }
            },
            Whole::Number(number) => match self.is_named_value {
                Some(is_value) => is_value(&number.to_string()),
                None => self.is_whole_number(number),
            },
            Whole::Flag | Whole::Fraction(_) | Whole::Nested | Whole::EmptyNested => false,
        }
    }
}

impl Worded {
    /// Tells whether a whole number is of the kind. Zeros in front are lost in a number.
    fn is_whole_number(&self, number: u64) -> bool {
        let may_be_digits = |shape: &&&str| shape.bytes().all(|sign| matches!(sign, b'd' | b'x'));
        let of_digits = self.shapes.iter().filter(may_be_digits);
        of_digits
            .filter_map(|shape| Signs::of_number(number, shape.len()))
            .any(|signs| (self.is_valid)(signs.as_bytes()))
    }

    fn is_number(&self, bytes: &[u8], start: usize, shape: &str) -> bool {
        signs_at(bytes, start, shape).is_some_and(|signs| (self.is_valid)(signs.as_bytes()))
    }

    /// Returns where the number ends that begins at a position.
    fn number_end(&self, bytes: &[u8], start: usize) -> Option<usize> {
        self.shapes.iter().find_map(|shape| {
            let end = start + shape.len();
            let ends = |byte: Option<u8>| !byte.is_some_and(is_word);
            let has_more = matches!(at(bytes, end), Some(b'-' | b'.'))
                && at(bytes, end + 1).is_some_and(|byte| byte.is_ascii_digit());
            let is_it = ends(at(bytes, end)) && !has_more && self.is_number(bytes, start, shape);
            is_it.then_some(end)
        })
    }

    /// Reports the numbers behind a word.
    fn find_after(&self, text: &str, word_end: usize, found: &mut Found) {
        let bytes = text.as_bytes();
        let mut window_end = word_end + AFTER_BYTES;
        let (mut position, mut is_divided) = (word_end, false);
        let (mut words, mut numbers) = (0, 0);
        let mut last: &[u8] = b"";
        while position < window_end
            && let Some(byte) = at(bytes, position)
        {
            if !byte.is_ascii_alphanumeric() {
                match byte {
                    b',' | b';' | b'&' | b'|' | b'{' | b'\n' => is_divided = true,
                    // The next key has a value of its own, but in an error that tells of a field.
                    b'=' | b':' if is_divided => match is_fault_key(last) {
                        true => (words, window_end) = (0, window_end.max(position + AFTER_BYTES)),
                        false => return,
                    },
                    _ => {}
                }
                position += 1;
                continue;
            }
            // The rest of the word's own word: `cpf_number`, `CPFs`.
            let is_joined = position > word_end + 1 && is_joined(bytes, position);
            if !is_joined && let Some(end) = self.number_end(bytes, position) {
                replace_number(text, position..end, found);
                (position, window_end) = (end, end + LIST_BYTES);
                // In a list there are no words between numbers.
                (words, numbers, is_divided) = (OTHER_WORDS_MAX, 0, false);
                continue;
            }
            let end = run_end(bytes, position, |byte| byte.is_ascii_alphanumeric());
            let other = bytes.get(position..end).unwrap_or_default();
            match other.iter().any(u8::is_ascii_digit) {
                true => numbers += 1,
                false => words += 1,
            }
            let is_far = match self.gap {
                Gap::Wide => numbers > OTHER_NUMBERS_MAX || words > OTHER_WORDS_MAX,
                Gap::Narrow => !is_link(other),
            };
            let is_fault = is_divided && is_fault_key(other);
            if is_far && !is_fault {
                return;
            }
            last = other;
            position = end;
        }
    }

    /// Reports the number that an error about a field of the word's name gives as the wrong value.
    fn find_in_fault(&self, text: &str, word_end: usize, found: &mut Found) {
        let bytes = text.as_bytes();
        let window_end = bytes.len().min(word_end + FAULT_BYTES);
        let window = bytes.get(word_end..window_end).unwrap_or_default();
        let value = FAULT_VALUES
            .iter()
            .find_map(|key| memmem::find(window, key).map(|at| word_end + at + key.len()));
        let Some(value) = value else { return };
        let start = run_end(bytes, value, |byte| matches!(byte, b' ' | b'"' | b'\'' | b'\\'));
        if let Some(end) = self.number_end(bytes, start) {
            replace_number(text, start..end, found);
        }
    }

    /// Reports the number right before a word.
    fn find_before(&self, text: &str, word_start: usize, found: &mut Found) {
        let bytes = text.as_bytes();
        let front = bytes.get(..word_start).unwrap_or_default();
        // A word right behind any number says little where the number has no check digit.
        let gaps = BEFORE_GAPS.iter().filter(|gap| self.gap == Gap::Wide || gap.len() > 1);
        let gap = gaps.into_iter().find(|gap| front.ends_with(gap));
        let Some(end) = gap.map(|gap| word_start - gap.len()) else { return };
        let starts = self.shapes.iter().filter_map(|shape| end.checked_sub(shape.len()));
        for start in starts {
            let is_start = !before(bytes, start).is_some_and(is_word) && !is_joined(bytes, start);
            if is_start && self.number_end(bytes, start) == Some(end) {
                replace_number(text, start..end, found);
                return;
            }
        }
    }
}

/// How far behind the name of a field an error gives the wrong value, and what stands before it.
const FAULT_BYTES: usize = 240;
const FAULT_VALUES: [&[u8]; 5] =
    [b"input_value=", b"\"input\":", b"rejectedValue\":", b"rejectedValue=", b"rejected value ["];

/// Keys of an error about a field, behind the name of the field: `"msg"`, `"input"`.
const FAULT_KEYS: [&[u8]; 14] = [
    b"msg",
    b"message",
    b"type",
    b"input",
    b"value",
    b"input_value",
    b"rejected",
    b"rejectedvalue",
    b"got",
    b"actual",
    b"received",
    b"reason",
    b"error",
    b"code",
];

fn is_fault_key(word: &[u8]) -> bool {
    FAULT_KEYS.iter().any(|key| key.eq_ignore_ascii_case(word))
}

fn is_link(word: &[u8]) -> bool {
    LINKS.iter().any(|link| link.eq_ignore_ascii_case(word))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Tells whether what starts at a position goes on from a word or number before: `7-52998224725`.
fn is_joined(bytes: &[u8], start: usize) -> bool {
    let Some(sign) = start.checked_sub(1) else { return false };
    matches!(at(bytes, sign), Some(b'-' | b'.' | b'/')) && before(bytes, sign).is_some_and(is_word)
}

/// Returns the places of a word in a text, in any case. A space of the word may be `_`, `-`, or
/// nothing, as in the names of fields.
pub(super) fn occurrences<'t>(
    bytes: &'t [u8],
    word: &'static str,
) -> impl Iterator<Item = Range<usize>> + 't {
    let first = word.bytes().next().unwrap_or(b' ');
    memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), bytes)
        .filter_map(move |start| occurrence_end(bytes, start, word).map(|end| start..end))
}

fn occurrence_end(bytes: &[u8], start: usize, word: &str) -> Option<usize> {
    let mut end = start;
    for sign in word.bytes() {
        match (sign, at(bytes, end)) {
            (b' ', Some(b' ' | b'_' | b'-')) => end += 1,
            (b' ', _) => {}
            (sign, Some(byte)) if byte.eq_ignore_ascii_case(&sign) => end += 1,
            _ => return None,
        }
    }
    let is_hump = |left: Option<u8>, right: Option<u8>| {
        left.is_some_and(|byte| byte.is_ascii_lowercase())
            && right.is_some_and(|byte| byte.is_ascii_uppercase())
    };
    let left = before(bytes, start);
    // `-Dcpf=` sets a property of a Java program.
    let is_property = bytes.get(..start).is_some_and(|front| front.ends_with(b"-D"));
    let starts = !left.is_some_and(|byte| byte.is_ascii_alphanumeric())
        || is_hump(left, at(bytes, start))
        || is_property;
    // A plural, `CPFs`.
    let end = end + usize::from(at(bytes, end) == Some(b's'));
    let right = at(bytes, end);
    let ends =
        !right.is_some_and(|byte| byte.is_ascii_alphabetic()) || is_hump(before(bytes, end), right);
    let is_ambiguous = word.starts_with(|first: char| first.is_ascii_uppercase());
    let is_meant = !is_ambiguous
        || is_in_capitals(bytes, start, word.len())
        || is_hump(before(bytes, end), right)
        || is_key(bytes, start, end);
    (starts && ends && is_meant).then_some(end)
}

fn is_in_capitals(bytes: &[u8], start: usize, length: usize) -> bool {
    bytes.get(start..start + length).is_some_and(|word| !word.iter().any(u8::is_ascii_lowercase))
}

/// Tells whether a word is a key or a part of one: `sin=`, `"sin": `, `customer_sin`.
fn is_key(bytes: &[u8], start: usize, end: usize) -> bool {
    let gap = bytes.get(end..).unwrap_or_default().iter().take(KEY_END_BYTES);
    let gap =
        gap.take_while(|byte| matches!(byte, b'"' | b'\'' | b'\\' | b' ' | b')' | b']')).count();
    let is_divider = |byte: Option<u8>| matches!(byte, Some(b'=' | b':'));
    let is_quote = |byte: Option<u8>| matches!(byte, Some(b'"' | b'\''));
    let is_joined = at(bytes, end) == Some(b'-')
        && at(bytes, end + 1).is_some_and(|byte| byte.is_ascii_alphabetic());
    is_divider(at(bytes, end + gap))
        || is_joined
        || at(bytes, end) == Some(b'_')
        || before(bytes, start) == Some(b'_')
        || (is_quote(at(bytes, end)) && is_quote(before(bytes, start)))
}

/// How far before a word its placeholder begins.
const PLACEHOLDER_BYTES: usize = 24;

/// Tells whether a word is a part of what redaction wrote, `[NATIONAL_ID]`.
pub(super) fn is_in_placeholder(text: &str, range: Range<usize>, policy: &Policy) -> bool {
    let bytes = text.as_bytes();
    let is_part = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    let word = bytes.get(..range.start).unwrap_or_default().iter().rev().take(PLACEHOLDER_BYTES);
    let open = range.start - word.take_while(|byte| is_part(**byte)).count();
    let Some(open) = open.checked_sub(1) else { return false };
    text.get(open..).is_some_and(|rest| policy.placeholders().at_start_of(rest).is_some())
}
