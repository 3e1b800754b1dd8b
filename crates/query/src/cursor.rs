//! Where a page of hits ended: opaque text for the client, a position in the order for us.
//!
//! ```text
//! base64url of: sort u8, timestamp i64 BE (us), seq u64 BE
//!   sort 0 newest first, 1 oldest first: nothing more
//!   sort 2 by a field ascending, 3 descending: hash of the field u64 BE, value
//! value := 0 (none) | 1 u8 (truth) | 2 i128 BE (integer) | 3 f64 BE | 4 text
//! ```
//!
//! Moment and record number never change, so a page that starts after a cursor neither repeats
//! nor skips what was there before, however much was added meanwhile.

use data_encoding::BASE64URL_NOPAD;
use tierlog_model::Timestamp;
use tierlog_model::limits::COLUMN_TEXT_BYTES_MAX;

use crate::error::QueryError;
use crate::expr::Number;
use crate::sort::{Direction, FieldPlace, Sort, SortValue};

const CURSOR_BYTES: usize = 17;

/// The last hit of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Order of the hits.
    pub(crate) sort: Sort,
    /// Moment of the last hit.
    pub(crate) timestamp: Timestamp,
    /// Record number of the last hit.
    pub(crate) seq: u64,
}

impl Cursor {
    /// Returns the text for the client.
    pub(crate) fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(CURSOR_BYTES);
        bytes.push(match self.sort {
            Sort::NewestFirst => 0,
            Sort::OldestFirst => 1,
        });
        bytes.extend_from_slice(&self.timestamp.as_micros().to_be_bytes());
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// Reads the text of a client for an order.
    pub(crate) fn decode_in(text: &str, sort: Sort) -> Result<Cursor, QueryError> {
        Cursor::decode(text).and_then(|cursor| match cursor.sort == sort {
            true => Ok(cursor),
            false => Err(QueryError::Cursor),
        })
    }

    /// Reads the text of a client.
    pub(crate) fn decode(text: &str) -> Result<Cursor, QueryError> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| QueryError::Cursor)?;
        let bytes: [u8; CURSOR_BYTES] = bytes.try_into().map_err(|_| QueryError::Cursor)?;
        let [sort, rest @ ..] = bytes;
        let (micros, seq) = rest.split_first_chunk::<8>().ok_or(QueryError::Cursor)?;
        let seq = seq.first_chunk::<8>().ok_or(QueryError::Cursor)?;
        Ok(Cursor {
            sort: match sort {
                0 => Sort::NewestFirst,
                1 => Sort::OldestFirst,
                _ => return Err(QueryError::Cursor),
            },
            timestamp: Timestamp::from_micros(i64::from_be_bytes(*micros))
                .ok_or(QueryError::Cursor)?,
            seq: u64::from_be_bytes(*seq),
        })
    }
}

/// The last hit of a page in an order by a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldCursor {
    /// Hash of the field's name.
    field: u64,
    direction: Direction,
    place: FieldPlace,
}

/// The hash that tells fields apart: a cursor of one field is refused in an order by another.
fn field_hash(field: &str) -> u64 {
    tierlog_model::id_hash("sort", field)
}

impl FieldCursor {
    /// Returns the cursor of a place in an order.
    pub(crate) fn new(field: &str, direction: Direction, place: FieldPlace) -> FieldCursor {
        FieldCursor { field: field_hash(field), direction, place }
    }

    /// Returns the place, if the cursor is of this order.
    pub(crate) fn place_in(
        self,
        field: &str,
        direction: Direction,
    ) -> Result<FieldPlace, QueryError> {
        match self.field == field_hash(field) && self.direction == direction {
            true => Ok(self.place),
            false => Err(QueryError::Cursor),
        }
    }

    /// Returns the text for the client.
    pub(crate) fn encode(&self) -> String {
        let FieldPlace { value, timestamp, seq } = &self.place;
        let mut bytes = vec![match self.direction {
            Direction::Ascending => 2,
            Direction::Descending => 3,
        }];
        bytes.extend_from_slice(&timestamp.as_micros().to_be_bytes());
        bytes.extend_from_slice(&seq.to_be_bytes());
        bytes.extend_from_slice(&self.field.to_be_bytes());
        match value {
            None => bytes.push(0),
            Some(SortValue::Bool(value)) => bytes.extend_from_slice(&[1, u8::from(*value)]),
            Some(SortValue::Number(Number::Integer(integer))) => {
                bytes.push(2);
                bytes.extend_from_slice(&integer.to_be_bytes());
            }
            Some(SortValue::Number(Number::Float(float))) => {
                bytes.push(3);
                bytes.extend_from_slice(&float.to_be_bytes());
            }
            Some(SortValue::Text(text)) => {
                bytes.push(4);
                bytes.extend_from_slice(text.as_bytes());
            }
        }
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// Reads the text of a client.
    pub(crate) fn decode(text: &str) -> Result<FieldCursor, QueryError> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| QueryError::Cursor)?;
        FieldCursor::read(&bytes).ok_or(QueryError::Cursor)
    }

    fn read(bytes: &[u8]) -> Option<FieldCursor> {
        let (direction, rest) = bytes.split_first()?;
        let direction = match direction {
            2 => Direction::Ascending,
            3 => Direction::Descending,
            _ => return None,
        };
        let (micros, rest) = rest.split_first_chunk::<8>()?;
        let (seq, rest) = rest.split_first_chunk::<8>()?;
        let (field, rest) = rest.split_first_chunk::<8>()?;
        let (kind, value) = rest.split_first()?;
        let value = match (kind, value) {
            (0, []) => None,
            (1, [value]) => Some(SortValue::Bool(*value != 0)),
            (2, value) => {
                let integer = i128::from_be_bytes(value.try_into().ok()?);
                Some(SortValue::Number(Number::Integer(integer)))
            }
            (3, value) => {
                let float = f64::from_be_bytes(value.try_into().ok()?);
                float.is_finite().then_some(Some(SortValue::Number(Number::Float(float))))?
            }
            (4, text) if text.len() <= COLUMN_TEXT_BYTES_MAX => {
                Some(SortValue::Text(std::str::from_utf8(text).ok()?.to_owned()))
            }
            _ => return None,
        };
        let place = FieldPlace {
            value,
            timestamp: Timestamp::from_micros(i64::from_be_bytes(*micros))?,
            seq: u64::from_be_bytes(*seq),
        };
        Some(FieldCursor { field: u64::from_be_bytes(*field), direction, place })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back(micros in -1_000_000_000_000_000_i64..4_000_000_000_000_000, seq: u64, newest: bool) {
            let sort = if newest { Sort::NewestFirst } else { Sort::OldestFirst };
            let timestamp = Timestamp::from_micros_clamped(micros);
            let cursor = Cursor { sort, timestamp, seq };
            prop_assert_eq!(Cursor::decode(&cursor.encode()).expect("valid"), cursor);
        }

        #[test]
        fn any_text_is_read_or_refused(text: String, bytes: Vec<u8>) {
            for text in [text, BASE64URL_NOPAD.encode(&bytes)] {
                let _ = (Cursor::decode(&text), FieldCursor::decode(&text));
            }
        }

        #[test]
        fn a_cursor_of_a_field_reads_back_in_its_order_alone(
            micros in -1_000_000_000_000_000_i64..4_000_000_000_000_000, seq: u64,
            value in prop_oneof![
                Just(None),
                any::<bool>().prop_map(|value| Some(SortValue::Bool(value))),
                any::<i64>().prop_map(|value| Some(SortValue::Number(Number::Integer(value.into())))),
                (-1e9_f64..1e9).prop_map(|value| Some(SortValue::Number(Number::Float(value)))),
                "[a-zäß]{0,40}".prop_map(|value| Some(SortValue::Text(value))),
            ],
        ) {
            let timestamp = Timestamp::from_micros_clamped(micros);
            let place = FieldPlace { value, timestamp, seq };
            let cursor = FieldCursor::new("path", Direction::Descending, place.clone());
            let read = || FieldCursor::decode(&cursor.encode()).expect("valid");
            prop_assert_eq!(read().place_in("path", Direction::Descending).expect("its own"), place);
            prop_assert!(read().place_in("path", Direction::Ascending).is_err());
            prop_assert!(read().place_in("host", Direction::Descending).is_err());
            prop_assert!(Cursor::decode(&cursor.encode()).is_err());
        }
    }

    #[test]
    fn a_foreign_text_is_refused() {
        for text in ["", "AA", "////", "AgAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(Cursor::decode(text).is_err(), "{text}");
        }
    }
}
