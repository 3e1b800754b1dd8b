//! Fields in the form of the WAL, written by hand.
//!
//! Arrives: the fields of a record. Leaves: exactly the bytes that postcard writes for them
//! (a property test compares the two), without the passes through a serializer: this runs for
//! every value of every line. Reading back is postcard's.

use std::borrow::Cow;

use bytes::BufMut;

use crate::Value;

/// Most bytes of a number in postcard's variable form.
const VARINT_BYTES_MAX: usize = 10;

/// Bytes that a value takes beside its text, at most: its variant and one number.
const VALUE_BYTES_MAX: usize = 1 + VARINT_BYTES_MAX;

/// Appends the fields of a record.
pub(crate) fn write_fields(fields: &[(Cow<'_, str>, Value<'_>)], out: &mut Vec<u8>) {
    let text_bytes = |(name, value): &(Cow<'_, str>, Value<'_>)| match value {
        Value::Str(text) | Value::Json(text) => name.len() + text.len(),
        Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => name.len(),
    };
    let text: usize = fields.iter().map(text_bytes).sum();
    out.reserve(VARINT_BYTES_MAX + fields.len() * (VARINT_BYTES_MAX + VALUE_BYTES_MAX) + text);
    write_varint(fields.len() as u64, out);
    for (name, value) in fields {
        write_text(name, out);
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

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_varint(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Seven bits a byte, the lowest first; the high bit says that more follow.
fn write_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
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
            fields in prop::collection::vec((".{0,12}", value()), 0..300),
        ) {
            let fields: Vec<(Cow<'_, str>, Value<'_>)> =
                fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
            let mut written = vec![7];
            write_fields(&fields, &mut written);
            let expected = postcard::to_extend(&fields, vec![7]).expect("a growing buffer");
            prop_assert_eq!(written, expected);
        }
    }
}
