//! What a record has beside the columns of its fields: values that a field's own column would
//! change or could not hold.
//!
//! Overflowing values lie in a single dynamic field of the schema, and a look at the field
//! recognises a segment without such values:
//!
//! | column | holds |
//! |---|---|
//! | `integer.<name>` | integers beyond 2^53: a column that also has floats would round them |
//! | `unsigned.<name>` | integers above `i64::MAX`: a column that also has negatives would round them |
//! | `long.<name>` | the stamps of long texts, whose text is in the document store |
//! | `pair` | names that have no column of their own, each with its value |
//!
//! ```text
//! stamp := beginning of the text (128 bytes, or up to three fewer: whole characters) hash (16)
//! pair  := length of the name (6 hexadecimal digits) name kind value
//! kind  := 'b' 0 or 1 | 'f' 16 digits | 'i' 17 digits | 'l' stamp | 's' text
//! ```
//!
//! The values of a name are neighbours in the dictionary of `pair`, sorted by kind; numbers are
//! written so that their texts have their order. A name without a column thus answers every query
//! of a column, by its part of one dictionary.

use std::fmt::Write;
use std::ops::Range;

use tantivy::SegmentReader;
use tierlog_model::limits::COLUMN_TEXT_BYTES_MAX;
use tierlog_model::{Value, limits};
use twox_hash::XxHash3_128;

use crate::StoreError;
use crate::schema::{BESIDE, beside_column};

/// Column of pairs of names and values.
pub(super) const PAIR: &str = "pair";

/// Where the words of long texts without a column of their own are indexed. No field has the name:
/// one with such a sign has no column.
pub(super) const PAIRED_WORDS: &str = "\u{2}";

/// Where the words of short texts about errors are indexed, for who names no field: one place,
/// because every place costs a query of words a look.
pub(super) const ERROR_WORDS: &str = "\u{3}";

/// Characters of a hash: 96 bits, six a character.
const HASH_CHARACTERS: usize = 16;

/// Digits of the length of a name.
const LENGTH_DIGITS: usize = 6;

/// Digits of an integer, counted from the smallest that there is.
const INTEGER_DIGITS: usize = 17;

/// The smallest integer of a record.
const INTEGER_MIN: i128 = i64::MIN as i128;

/// A column beside a field's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Integers beyond 2^53, of 64 bits with a sign.
    Integer,
    /// Integers above `i64::MAX`.
    Unsigned,
    /// Stamps of long texts.
    Long,
}

impl Beside {
    /// Every kind.
    pub const ALL: [Beside; 3] = [Beside::Integer, Beside::Unsigned, Beside::Long];

    /// Returns what stands before a field's name.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Beside::Integer => "integer.",
            Beside::Unsigned => "unsigned.",
            Beside::Long => "long.",
        }
    }

    /// Returns the kind that a path is of, and the name of the field.
    pub(super) fn of_path(path: &str) -> Option<(Beside, &str)> {
        Beside::ALL.into_iter().find_map(|kind| Some((kind, path.strip_prefix(kind.prefix())?)))
    }

    /// Returns the name under which the engine finds the column of a field.
    pub fn column(self, name: &str) -> String {
        beside_column(&format!("{}{name}", self.prefix()))
    }
}

/// Returns the name under which the engine finds the column of pairs.
pub fn pair_column() -> String {
    beside_column(PAIR)
}

/// Tells whether a segment has anything beside its fields' own columns. Few have.
pub fn has_beside(segment: &SegmentReader) -> Result<bool, StoreError> {
    Ok(!segment.fast_fields().dynamic_subpath_column_handles(BESIDE)?.is_empty())
}

/// Tells whether a column can have a name: the engine's paths have signs of their own.
pub fn has_column_name(name: &str) -> bool {
    !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_control())
}

/// Returns the stamp of a long text: a prefix that answers most queries, and a hash that
/// distinguishes texts of the same prefix.
pub fn long_stamp(text: &str) -> String {
    let mut stamp = String::with_capacity(COLUMN_TEXT_BYTES_MAX + HASH_CHARACTERS);
    append_stamp(text, &mut stamp);
    stamp
}

pub(super) fn append_stamp(text: &str, stamp: &mut String) {
    stamp.push_str(text.get(..text.floor_char_boundary(COLUMN_TEXT_BYTES_MAX)).unwrap_or(text));
    let mut hash = XxHash3_128::oneshot(text.as_bytes());
    for _ in 0..HASH_CHARACTERS {
        // `0` and the next 63 characters of ASCII: no control character among them.
        stamp.push(char::from(b'0' + (hash & 63) as u8));
        hash >>= 6;
    }
}

/// Returns the beginning of the text that a stamp stands for.
pub fn stamp_beginning(stamp: &str) -> &str {
    stamp.get(..stamp.len().saturating_sub(HASH_CHARACTERS)).unwrap_or_default()
}

/// The value of a pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PairValue<'t> {
    /// `true` or `false`.
    Bool(bool),
    /// An integer, exactly.
    Integer(i128),
    /// Any other number.
    Float(f64),
    /// A text that is not long.
    Text(&'t str),
    /// The stamp of a long text.
    Long(&'t str),
}

impl PairValue<'_> {
    /// Returns the character of its kind.
    fn kind(self) -> char {
        match self {
            PairValue::Bool(_) => 'b',
            PairValue::Float(_) => 'f',
            PairValue::Integer(_) => 'i',
            PairValue::Long(_) => 'l',
            PairValue::Text(_) => 's',
        }
    }
}

/// Returns what the pairs of a name begin with.
pub fn pair_start(name: &str) -> String {
    let mut start = String::with_capacity(LENGTH_DIGITS + name.len());
    append_start(name, &mut start);
    start
}

fn append_start(name: &str, out: &mut String) {
    // A `String` takes what is written.
    let _ = write!(out, "{:0LENGTH_DIGITS$x}", name.len());
    out.push_str(name);
}

/// Appends a pair.
pub(super) fn append_pair(name: &str, value: PairValue<'_>, out: &mut String) {
    append_start(name, out);
    append_value(value, out);
}

/// Returns the pair of a name and a value.
pub fn pair(name: &str, value: PairValue<'_>) -> String {
    let mut pair = String::new();
    append_pair(name, value, &mut pair);
    pair
}

fn append_value(value: PairValue<'_>, out: &mut String) {
    out.push(value.kind());
    // A `String` takes what is written.
    let _ = match value {
        PairValue::Bool(value) => write!(out, "{}", u8::from(value)),
        PairValue::Integer(integer) => {
            write!(out, "{:0INTEGER_DIGITS$x}", integer.saturating_sub(INTEGER_MIN).max(0))
        }
        PairValue::Float(float) => write!(out, "{:016x}", tantivy::f64_to_u64(float)),
        PairValue::Text(text) | PairValue::Long(text) => write!(out, "{text}"),
    };
}

/// Reads a pair; `None` for what is none.
pub fn read_pair(pair: &str) -> Option<(&str, PairValue<'_>)> {
    let name = name_of(pair)?;
    let value = read_value(pair.get(name.end..)?)?;
    Some((pair.get(name)?, value))
}

/// Returns where the name of a pair stands.
fn name_of(pair: &str) -> Option<Range<usize>> {
    let length = usize::from_str_radix(pair.get(..LENGTH_DIGITS)?, 16).ok()?;
    Some(LENGTH_DIGITS..LENGTH_DIGITS.checked_add(length)?)
}

/// Reads the value behind a name.
pub fn read_value(text: &str) -> Option<PairValue<'_>> {
    let (kind, value) = (text.get(..1)?, text.get(1..)?);
    Some(match kind {
        "b" => PairValue::Bool(value == "1"),
        "f" => PairValue::Float(tantivy::u64_to_f64(u64::from_str_radix(value, 16).ok()?)),
        "i" => PairValue::Integer(i128::from_str_radix(value, 16).ok()?.checked_add(INTEGER_MIN)?),
        "l" => PairValue::Long(value),
        "s" => PairValue::Text(value),
        _ => return None,
    })
}

/// Returns a value as a pair holds it; an array has members instead, a long text its stamp.
pub(super) fn pair_value<'v>(value: &'v Value<'_>) -> Option<PairValue<'v>> {
    Some(match value {
        Value::Bool(value) => PairValue::Bool(*value),
        Value::I64(integer) => PairValue::Integer(i128::from(*integer)),
        Value::U64(integer) => PairValue::Integer(i128::from(*integer)),
        Value::F64(float) => PairValue::Float(*float),
        Value::Str(text) if text.len() <= limits::COLUMN_TEXT_BYTES_MAX => PairValue::Text(text),
        Value::Str(_) | Value::Json(_) => return None,
    })
}

/// Returns the value of a record that a pair holds; a long text is read from where it is stored.
pub(super) fn value_of(value: PairValue<'_>) -> Option<Value<'static>> {
    Some(match value {
        PairValue::Bool(value) => Value::Bool(value),
        PairValue::Integer(integer) => match i64::try_from(integer) {
            Ok(integer) => Value::I64(integer),
            Err(_) => Value::U64(u64::try_from(integer).ok()?),
        },
        PairValue::Float(float) => Value::F64(float),
        PairValue::Text(text) => Value::Str(text.to_owned().into()),
        PairValue::Long(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value<'static>> {
        prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::I64),
            (i64::MAX as u64 + 1..).prop_map(Value::U64),
            (-1e300_f64..1e300).prop_map(Value::F64),
            "\\PC{0,40}".prop_map(|text| Value::Str(text.into())),
        ]
    }

    proptest! {
        #[test]
        fn a_pair_reads_back(name in "\\PC{0,40}|[\u{0}-\u{3}.]{0,5}", value in value()) {
            let written = pair(&name, pair_value(&value).expect("a scalar"));
            prop_assert!(written.starts_with(&pair_start(&name)));
            let (read, back) = read_pair(&written).expect("a pair");
            prop_assert_eq!(read, name);
            prop_assert_eq!(value_of(back), Some(value));
        }

        #[test]
        fn numbers_stand_in_their_order(left: i64, right: u64, low in -1e9_f64..1e9, high in -1e9_f64..1e9) {
            let integer = |number: i128| pair("n", PairValue::Integer(number));
            let (left, right) = (i128::from(left), i128::from(right));
            prop_assert_eq!(integer(left).cmp(&integer(right)), left.cmp(&right));
            let float = |number: f64| pair("n", PairValue::Float(number));
            prop_assert_eq!(float(low).cmp(&float(high)), low.total_cmp(&high));
        }

        #[test]
        fn no_text_is_a_pair_by_chance_that_panics(text in "\\PC{0,30}|00000[0-9]\\PC{0,9}") {
            let _ = read_pair(&text);
        }
    }

    #[test]
    fn names_do_not_mix() {
        let names = ["a", "aa", "a\u{0}", "as", "", "b"];
        for (name, other) in
            names.iter().flat_map(|name| names.iter().map(move |other| (name, other)))
        {
            let written = pair(name, PairValue::Text("abc"));
            assert_eq!(written.starts_with(&pair_start(other)), name == other);
        }
    }

    #[test]
    fn a_stamp_has_the_beginning_and_tells_texts_apart() {
        let text = format!("/api/{}\u{e9}{}", "x".repeat(122), "y".repeat(40));
        let stamp = long_stamp(&text);
        assert_eq!(stamp_beginning(&stamp), &text[..127], "no half character");
        assert_eq!(stamp.len(), 127 + HASH_CHARACTERS);
        assert_ne!(stamp, long_stamp(&format!("{text}z")));
        assert_eq!(stamp_beginning("short"), "");
    }

    #[test]
    fn signs_of_the_engine_are_in_no_name_of_a_column() {
        assert!(
            ["a.b", "a\\b", "_overflow", "beside.pair", "\u{e9}"].into_iter().all(has_column_name)
        );
        assert!(
            ["", "a\u{1}b", "\u{0}", PAIRED_WORDS].into_iter().all(|name| !has_column_name(name))
        );
    }
}
