//! Messages as templates: the text shared with other messages, and the values of each message.
//!
//! Arrives: a message and the columns of its record. Leaves: a template, in which a value that the
//! record has in a column is the name of its field and any other number is a slot, and the texts
//! of the slots. A service has a few hundred templates, so they are a dictionary column, and the
//! document store keeps little more than slots.
//!
//! ```text
//! GET /courses/29 answered 200 in 3 hops
//! GET <path> answered <status_code> in <slot> hops        slots: 3
//!
//! template := (plain text | 0x01 field name 0x02 | 0x03)*
//! slots    := text (0x03 text)*
//! ```
//!
//! What was taken apart reads back to the byte. The index has the words of values and slots; those
//! of the plain text are found by way of the template.

use std::fmt::Write;

use tierlog_model::Value;
use twox_hash::XxHash3_64;

use super::chunk::{Entry, Flat, Span};
use crate::words::is_always_run;

/// Before the name of a field whose value stands here.
const FIELD_START: char = '\u{1}';
/// After it.
const FIELD_END: char = '\u{2}';
/// Where the next slot stands, and between the slots.
const SLOT: char = '\u{3}';

/// Longer messages are stored as they are: they are texts of their own rather than templates.
const MESSAGE_BYTES_MAX: usize = 512;

/// Shorter texts are found by chance: what stands for them would be longer.
const VALUE_BYTES_MIN: usize = 3;

/// Digits of the largest number that every column holds exactly.
const DIGITS_MAX: usize = 15;

/// Templates that a partition remembers while it is written (32 KiB): services have hundreds.
const REMEMBERED: usize = 4_096;

/// The columns of a record, whose values its message may repeat.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns<'a> {
    /// Name and value of each.
    pub(super) entries: &'a [Entry],
    /// Where their texts lie.
    pub(super) text: &'a str,
}

/// What is looked for in a message.
struct KnownValues<'a> {
    columns: Columns<'a>,
    /// Bits of the first bytes of texts.
    first_bytes: [u64; 4],
}

impl<'a> KnownValues<'a> {
    fn new(columns: Columns<'a>) -> KnownValues<'a> {
        let mut first_bytes = [0; 4];
        for entry in columns.entries {
            if let Flat::Text(span) = entry.value
                && let Some(first) = span.of_text(columns.text).bytes().next()
                && let Some(word) = first_bytes.get_mut(usize::from(first >> 6))
            {
                *word |= 1 << (first & 63);
            }
        }
        KnownValues { columns, first_bytes }
    }

    /// Returns the field whose value stands at the start of a text, and its length.
    fn at_start_of(&self, text: &str) -> Option<(&'a str, usize)> {
        let first = text.bytes().next()?;
        let word = self.first_bytes.get(usize::from(first >> 6)).copied().unwrap_or(0);
        let found = if word >> (first & 63) & 1 == 1 { self.text(text) } else { None };
        let found = found.or_else(|| first.is_ascii_digit().then(|| self.integer(text)).flatten());
        let (name, len) = found?;
        let name = name.of_text(self.columns.text);
        (!has_marks(name)).then_some((name, len))
    }

    /// The longest text wins: a path may start with another one.
    fn text(&self, start: &str) -> Option<(Span, usize)> {
        let fits = |value: &str| {
            value.len() >= VALUE_BYTES_MIN
                && start.strip_prefix(value).is_some_and(|rest| ends_between(value, rest))
        };
        let texts = self.columns.entries.iter().filter_map(|entry| match entry.value {
            Flat::Text(span) => {
                let value = span.of_text(self.columns.text);
                fits(value).then_some((entry.name, value.len()))
            }
            Flat::I64(_) | Flat::U64(_) | Flat::F64(_) | Flat::Bool(_) => None,
        });
        texts.max_by_key(|(_, len)| *len)
    }

    fn integer(&self, start: &str) -> Option<(Span, usize)> {
        let len = start.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(start.len());
        let digits = start.get(..len)?;
        // With a leading zero, what is printed again would be shorter.
        let is_plain = len <= DIGITS_MAX && (len == 1 || !digits.starts_with('0'));
        if !is_plain || !ends_between(digits, start.get(len..).unwrap_or_default()) {
            return None;
        }
        let number: i64 = digits.parse().ok()?;
        let is_it = |entry: &&Entry| matches!(entry.value, Flat::I64(value) if value == number);
        self.columns.entries.iter().find(is_it).map(|entry| (entry.name, len))
    }
}

/// What a message becomes.
#[derive(Debug, Default)]
pub(super) struct Apart {
    /// What it shares with others.
    pub(super) template: String,
    /// Texts of its slots.
    pub(super) slots: String,
    /// Texts of the slots and of repeated values: the words beyond the template's own.
    pub(super) own: String,
}

impl Apart {
    pub(super) fn clear(&mut self) {
        self.template.clear();
        self.slots.clear();
        self.own.clear();
    }
}

/// Takes a message apart. False leaves the message to the document store: the text is long, or
/// holds bytes that are reserved here.
pub(super) fn take_apart(message: &str, columns: Columns<'_>, apart: &mut Apart) -> bool {
    apart.clear();
    let Apart { template, slots, own } = apart;
    if message.len() > MESSAGE_BYTES_MAX || has_marks(message) {
        return false;
    }
    let known = KnownValues::new(columns);
    let bytes = message.as_bytes();
    let mut slot_count = 0;
    let mut plain = 0;
    let mut at = 0;
    while let Some(rest) = message.get(at..)
        && let Some(&byte) = bytes.get(at)
    {
        if let Some((name, len)) = known.at_start_of(rest) {
            template.push_str(message.get(plain..at).unwrap_or_default());
            template.push(FIELD_START);
            template.push_str(name);
            template.push(FIELD_END);
            append_word(own, rest.get(..len).unwrap_or_default());
            at += len;
            plain = at;
        } else if !is_inner(byte) {
            at += 1;
        } else {
            let (len, has_digit) = word(rest);
            if has_digit {
                template.push_str(message.get(plain..at).unwrap_or_default());
                template.push(SLOT);
                if slot_count > 0 {
                    slots.push(SLOT);
                }
                let text = rest.get(..len).unwrap_or_default();
                slots.push_str(text);
                append_word(own, text);
                slot_count += 1;
                plain = at + len;
            }
            at += len;
        }
    }
    template.push_str(message.get(plain..).unwrap_or_default());
    true
}

/// Values and slots end where words do: apart from each other they have the words that they have
/// in the message.
fn append_word(own: &mut String, text: &str) {
    if !own.is_empty() {
        own.push(' ');
    }
    own.push_str(text);
}

/// Returns the length of the word that a text starts with, and whether it has a digit. Behind the
/// first digit, a slot goes on over the signs inside numbers, addresses and moments.
fn word(text: &str) -> (usize, bool) {
    let bytes = text.as_bytes();
    let mut has_digit = false;
    let mut last = None;
    let mut len = 0;
    while let Some(&byte) = bytes.get(len) {
        // Fast path: between letters and digits of ASCII no script changes.
        if byte.is_ascii_alphanumeric() && last.is_none_or(|last: char| last.is_ascii()) {
            has_digit |= byte.is_ascii_digit();
            last = Some(char::from(byte));
            len += 1;
            continue;
        }
        let next = if byte.is_ascii() { Some(char::from(byte)) } else { char_at(text, len) };
        let Some(next) = next else { break };
        let goes_on = match is_inner(byte) {
            true => !last.is_some_and(|last| is_change(last, next)),
            false => {
                let is_joint = has_digit && matches!(byte, b'.' | b':' | b'-' | b'_');
                is_joint
                    && bytes.get(len + 1).is_some_and(|after| is_inner(*after))
                    && !char_at(text, len + 1).is_some_and(is_always_run)
            }
        };
        if !goes_on {
            break;
        }
        has_digit |= byte.is_ascii_digit();
        last = Some(next);
        len += next.len_utf8();
    }
    (len, has_digit)
}

fn char_at(text: &str, position: usize) -> Option<char> {
    text.get(position..)?.chars().next()
}

/// Tells whether a word at the end of one text still ends there before a following text.
fn ends_between(before: &str, after: &str) -> bool {
    let Some(next) = after.chars().next() else { return true };
    let is_inner = !next.is_ascii() || next.is_ascii_alphanumeric();
    // Fast path: between characters of ASCII no script changes.
    if next.is_ascii() && before.as_bytes().last().is_none_or(u8::is_ascii) {
        return !is_inner;
    }
    !is_inner || before.chars().next_back().is_some_and(|last| is_change(last, next))
}

/// Tells whether a word ends between two characters that are in words: `3` and `次` are two.
fn is_change(last: char, next: char) -> bool {
    last.is_ascii_alphanumeric() && is_always_run(next)
        || next.is_ascii_alphanumeric() && is_always_run(last)
}

fn has_marks(text: &str) -> bool {
    text.bytes().any(|byte| (FIELD_START as u8..=SLOT as u8).contains(&byte))
}

/// Letters, digits and whatever is not ASCII: a word neither starts nor ends between two of them,
/// unless the [script changes](is_change).
fn is_inner(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// A piece of a template.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part<'t> {
    /// Verbatim text of the message.
    Plain(&'t str),
    /// The value of a field.
    Field(&'t str),
    /// A slot, by number.
    Slot(usize),
}

/// Returns the pieces of a template. A mark that is not closed is plain text: no version of ours
/// wrote one.
pub(super) fn parts(template: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = template;
    let mut slot = 0;
    std::iter::from_fn(move || {
        if let Some(tail) = rest.strip_prefix(SLOT) {
            rest = tail;
            slot += 1;
            return Some(Part::Slot(slot - 1));
        }
        let named = rest.strip_prefix(FIELD_START).and_then(|named| named.split_once(FIELD_END));
        if let Some((name, tail)) = named {
            rest = tail;
            return Some(Part::Field(name));
        }
        let first = rest.chars().next()?.len_utf8();
        let end =
            rest.get(first..)?.find([FIELD_START, SLOT]).map_or(rest.len(), |end| first + end);
        let (plain, tail) = rest.split_at_checked(end)?;
        rest = tail;
        Some(Part::Plain(plain))
    })
}

/// Returns a slot's text.
pub(super) fn slot(slots: &str, number: usize) -> Option<&str> {
    slots.split(SLOT).nth(number)
}

/// Returns the message of a template; `None` when a field that it names has no value.
pub(super) fn put_together<'v>(
    template: &str,
    slots: &str,
    value_of: impl Fn(&str) -> Option<Value<'v>>,
) -> Option<String> {
    let mut message = String::with_capacity(template.len() + slots.len());
    for part in parts(template) {
        match part {
            Part::Plain(text) => message.push_str(text),
            Part::Field(name) => write_value(&value_of(name)?, &mut message),
            Part::Slot(number) => message.push_str(slot(slots, number)?),
        }
    }
    Some(message)
}

/// Writes what the message had: only texts and integers were taken out of it. An integer is a
/// float by now if its column is one.
pub(super) fn write_value(value: &Value<'_>, message: &mut String) {
    // Writing to a string cannot fail.
    let _ = match value {
        Value::Str(text) | Value::Json(text) => {
            message.push_str(text);
            Ok(())
        }
        Value::I64(number) => write!(message, "{number}"),
        Value::U64(number) => write!(message, "{number}"),
        Value::F64(number) => write!(message, "{number:.0}"),
        Value::Bool(value) => write!(message, "{value}"),
    };
}

/// Templates that a partition had before, by hash. A message that is like no other is stored: in
/// a dictionary it would cost more.
#[derive(Debug)]
pub(crate) struct SeenTemplates(Box<[u64]>);

impl Default for SeenTemplates {
    fn default() -> SeenTemplates {
        SeenTemplates(vec![0; REMEMBERED].into_boxed_slice())
    }
}

impl SeenTemplates {
    /// Tells whether the template is remembered, and remembers it from now on.
    pub(super) fn saw(&mut self, template: &str) -> bool {
        let hash = XxHash3_64::oneshot(template.as_bytes());
        let Some(place) = self.0.get_mut(hash as usize % REMEMBERED) else { return false };
        std::mem::replace(place, hash) == hash
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::words::NormalText;

    const TEXTS: [(&str, &str); 6] = [
        ("method", "GET"),
        ("path", "/courses/29"),
        ("section", "/courses"),
        ("title", "Fran\u{e7}ais d\u{e9}butant"),
        ("upstream", "video-cdn:443"),
        ("odd\u{2}name", "oddity"),
    ];
    const INTEGERS: [(&str, i64); 2] = [("status_code", 200), ("attempt", 0)];

    fn value_of(name: &str) -> Option<Value<'static>> {
        let text = TEXTS.iter().find(|(known, _)| *known == name);
        let integer = INTEGERS.iter().find(|(known, _)| *known == name);
        let text = text.map(|(_, text)| Value::Str((*text).into()));
        text.or_else(|| integer.map(|(_, number)| Value::I64(*number)))
    }

    /// Takes a message apart with the columns above.
    fn apart(message: &str) -> Option<(String, String)> {
        let mut text = String::new();
        let mut add = |added: &str| {
            let start = text.len() as u32;
            text.push_str(added);
            Span { start, end: text.len() as u32 }
        };
        let mut entries = Vec::new();
        for (name, value) in TEXTS {
            entries.push(Entry { name: add(name), value: Flat::Text(add(value)) });
        }
        for (name, number) in INTEGERS {
            entries.push(Entry { name: add(name), value: Flat::I64(number) });
        }
        let mut apart = Apart::default();
        let columns = Columns { entries: &entries, text: &text };
        let is_apart = take_apart(message, columns, &mut apart);
        if is_apart {
            check_words(message, &apart);
        }
        is_apart.then_some((apart.template, apart.slots))
    }

    /// Every word of a message belongs to a slot or to the template.
    fn check_words(message: &str, apart: &Apart) {
        let words =
            |text| -> Vec<String> { NormalText::of(text).words().map(str::to_owned).collect() };
        let mut found = words(&apart.own);
        for part in parts(&apart.template) {
            if let Part::Plain(text) = part {
                found.extend(words(text));
            }
        }
        let mut expected = words(message);
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }

    fn check(message: &str, expected: &Expect) {
        let (template, slots) = apart(message).expect("short and plain");
        assert_eq!(put_together(&template, &slots, value_of).as_deref(), Some(message));
        let shown =
            |text: &str| text.replace(FIELD_START, "<").replace(FIELD_END, ">").replace(SLOT, "|");
        expected.assert_eq(&format!("{} ; {}", shown(&template), shown(&slots)));
    }

    #[test]
    fn values_of_columns_become_their_names_and_numbers_slots() {
        check(
            "GET /courses/29 answered 200 in 3800 ms",
            &expect!["<method> <path> answered <status_code> in | ms ; 3800"],
        );
        check("/courses/290 is not /courses", &expect!["<section>/| is not <section> ; 290"]);
        check("Served: Fran\u{e7}ais d\u{e9}butant", &expect!["Served: <title> ; "]);
        check("GETTING 2000 007 0", &expect!["GETTING | | <attempt> ; 2000|007"]);
        check(
            "at 2026-11-20 10:00:01.25, 7b7beb6a-09",
            &expect!["at | |, | ; 2026-11-20|10:00:01.25|7b7beb6a-09"],
        );
        check(
            "Upstream video-cdn:443 and video-cdn:44",
            &expect!["Upstream <upstream> and video-cdn:| ; 44"],
        );
        check("", &expect![" ; "]);
        check(
            "\u{7528}\u{6237}42\u{767b}\u{5f55}\u{5931}\u{8d25}200\u{6b21}\u{ff0c}GET\u{7b2c}7.\u{9875}",
            &expect!["用户|登录失败<status_code>次，GET第|.页 ; 42|7"],
        );
        check("caf\u{e9}7 x\u{301}7\u{9875} 4\u{338f}", &expect!["| |页 | ; café7|x́7|4㎏"]);
    }

    #[test]
    fn what_would_be_misread_is_left_alone() {
        assert_eq!(apart("a \u{1}path\u{2}"), None);
        assert_eq!(apart(&"a".repeat(513)), None);
        assert_eq!(apart("oddity"), Some(("oddity".to_owned(), String::new())));
        assert_eq!(put_together("<\u{1}gone\u{2}>", "", |_| None), None);
        assert_eq!(put_together("\u{3} \u{3}", "1", |_| None), None);
        assert_eq!(put_together("\u{1}path", "", value_of).as_deref(), Some("\u{1}path"));
    }

    #[test]
    fn a_template_is_new_once() {
        let mut seen = SeenTemplates::default();
        assert!(!seen.saw("a \u{3}"));
        assert!(seen.saw("a \u{3}"));
        assert!(!seen.saw("b \u{3}"));
    }

    proptest! {
        #[test]
        fn every_message_reads_back(
            parts in prop::collection::vec(
                prop_oneof![
                    Just("GET".to_owned()), Just("/courses/29".to_owned()), Just("200".to_owned()),
                    Just("video-cdn:443".to_owned()), Just("Fran\u{e7}ais d\u{e9}butant".to_owned()),
                    "[0-9a-f.:_/-]{1,6}", "\\PC{0,4}",
                    "[\u{4e00}-\u{4e03}\u{3042}\u{ac00}\u{e01}\u{e31}\u{3099}\u{338f}\u{301}0-9a.-]{1,5}", Just(" ".to_owned()),
                    "[\u{300}-\u{30f}\u{200d}=<>\u{ff65}-\u{ff9f}\u{e01}-\u{e4e}\u{1f1e6}-\u{1f1e9}]{1,4}",
                ],
                0..12,
            ),
        ) {
            let message = parts.concat();
            if let Some((template, slots)) = apart(&message) {
                prop_assert_eq!(put_together(&template, &slots, value_of), Some(message));
            }
        }
    }
}
