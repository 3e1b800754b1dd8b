//! Values in the form of the WAL, written and read by hand.
//!
//! Arrives: the fields of a record, or their bytes. Leaves: exactly the bytes that postcard has
//! for them (property tests compare the two), without the passes through a serializer: this runs
//! for every value of every line.

use std::borrow::Cow;

use bytes::BufMut;

use crate::Value;
use crate::names::NameId;
use crate::varint::{VARINT_BYTES_MAX, take_text, take_varint, write_text, write_varint};

/// Most bytes of a field besides the text: the number of the name, the variant and a number.
const FIELD_BYTES_MAX: usize = 2 * VARINT_BYTES_MAX + 1;

/// Appends fields, each with the number of its name.
pub(crate) fn write_fields(
    fields: &[(Cow<'_, str>, Value<'_>)],
    mut id_of: impl FnMut(usize, &str) -> NameId,
    out: &mut Vec<u8>,
) {
    let text_bytes = |(_, value): &(Cow<'_, str>, Value<'_>)| match value {
        Value::Str(text) | Value::Json(text) => text.len(),
        Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => 0,
    };
    let text: usize = fields.iter().map(text_bytes).sum();
    out.reserve(VARINT_BYTES_MAX + fields.len() * FIELD_BYTES_MAX + text);
    write_varint(fields.len() as u64, out);
    for (position, (name, value)) in fields.iter().enumerate() {
        write_varint(id_of(position, name).number() as u64, out);
        write_value(value, out);
    }
}

/// The variants stand in the order of [`Value`].
fn write_value(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Bool(value) => out.extend_from_slice(&[0, u8::from(*value)]),
        Value::I64(value) => {
            out.push(1);
            // Zigzag: small magnitudes of either sign are short.
            write_varint((value << 1 ^ value >> 63) as u64, out);
        }
        Value::U64(value) => {
            out.push(2);
            write_varint(*value, out);
        }
        Value::F64(value) => {
            out.push(3);
            out.put_f64_le(*value);
        }
        Value::Str(text) => {
            out.push(4);
            write_text(text, out);
        }
        Value::Json(text) => {
            out.push(5);
            write_text(text, out);
        }
    }
}

/// Reads a value. `None` leaves the bytes to postcard, which reads the few forms that are not
/// read here, and says what is wrong with the others.
#[inline]
pub(crate) fn take_value(bytes: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let (variant, rest) = bytes.split_first()?;
    Some(match variant {
        0 => match rest.split_first()? {
            (0, rest) => (Value::Bool(false), rest),
            (1, rest) => (Value::Bool(true), rest),
            _ => return None,
        },
        1 => {
            let (zigzag, rest) = take_varint(rest)?;
            (Value::I64((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)), rest)
        }
        2 => take_varint(rest).map(|(number, rest)| (Value::U64(number), rest))?,
        3 => {
            let (bytes, rest) = rest.split_first_chunk::<8>()?;
            (Value::F64(f64::from_le_bytes(*bytes)), rest)
        }
        4 => take_text(rest).map(|(text, rest)| (Value::Str(Cow::Borrowed(text)), rest))?,
        5 => take_text(rest).map(|(text, rest)| (Value::Json(Cow::Borrowed(text)), rest))?,
        _ => return None,
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
            (-200_i64..200).prop_map(Value::I64),
            any::<u64>().prop_map(Value::U64),
            any::<f64>().prop_map(Value::F64),
            ".{0,300}".prop_map(|text| Value::Str(text.into())),
            ".{0,20}".prop_map(|text| Value::Json(text.into())),
        ]
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_postcard(
            fields in prop::collection::vec((0_u32..300, value()), 0..300),
        ) {
            let named: Vec<(Cow<'_, str>, Value<'_>)> =
                fields.iter().map(|(_, value)| ("name".into(), value.clone())).collect();
            let id = |position: usize, _: &str| {
                let number = fields.get(position).map_or(0, |(number, _)| u64::from(*number));
                NameId::from_number(number).expect("small")
            };
            let mut written = vec![7];
            write_fields(&named, id, &mut written);
            let expected = postcard::to_extend(&fields, vec![7]).expect("a growing buffer");
            prop_assert_eq!(written, expected);
        }

        #[test]
        fn a_value_reads_back(value in value(), tail: Vec<u8>) {
            let mut bytes = Vec::new();
            write_value(&value, &mut bytes);
            bytes.extend_from_slice(&tail);
            match take_value(&bytes) {
                Some((back, rest)) => {
                    // Compared as text: a number that is none is not equal to itself.
                    prop_assert_eq!(format!("{back:?}"), format!("{value:?}"));
                    prop_assert_eq!(rest, tail);
                }
                None => prop_assert!(matches!(value, Value::I64(_) | Value::U64(_))),
            }
        }
    }
}
