//! One record of a batch, read in place.
//!
//! ```text
//! record := length u32 LE   bytes that follow
//!           timestamp i64 LE  microseconds since 1970
//!           level u8          Level as number
//!           kind u8           RecordKind as number
//!           fields            postcard: Vec<(number of the name, Value)>
//! ```
//!
//! The header has a fixed place so that a record is routed without reading its fields.

use std::borrow::Cow;

use bytes::BufMut;

use crate::encode::take_value;
use crate::names::{NameId, NameTable};
use crate::varint::{take_varint, write_text};
use crate::{DecodeError, Level, Record, RecordKind, Timestamp, Value};

const LENGTH_BYTES: usize = 4;
const HEADER_BYTES: usize = 10;

/// Appends a record whose fields the caller writes.
pub(crate) fn write_record(
    record: &Record<'_>,
    write_fields: impl FnOnce(&mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let start = out.len();
    out.put_u32_le(0);
    out.put_i64_le(record.timestamp.as_micros());
    out.put_u8(record.level as u8);
    out.put_u8(record.kind as u8);
    write_fields(out);
    let length = (out.len() - start - LENGTH_BYTES) as u32;
    if let Some(prefix) = out.get_mut(start..start + LENGTH_BYTES) {
        prefix.copy_from_slice(&length.to_le_bytes());
    }
}

/// One record of a batch, still encoded; cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct EncodedRecord<'b> {
    timestamp: Timestamp,
    level: Level,
    kind: RecordKind,
    fields: &'b [u8],
    names: &'b NameTable,
}

impl<'b> EncodedRecord<'b> {
    /// Returns a number that records share as long as they live and have the same table of names:
    /// the same name has the same number then.
    #[inline]
    pub fn table_of_names(&self) -> usize {
        std::ptr::from_ref(self.names).addr()
    }

    /// Reads the record at the start of the bytes; returns the record with the bytes behind.
    pub(crate) fn split_from(
        bytes: &'b [u8],
        names: &'b NameTable,
    ) -> Result<(EncodedRecord<'b>, &'b [u8]), DecodeError> {
        let truncated = DecodeError::Truncated;
        let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>().ok_or(truncated)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (record, rest) = rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        let (header, fields) =
            record.split_first_chunk::<HEADER_BYTES>().ok_or(DecodeError::Truncated)?;
        let (micros, tail) = header.split_first_chunk::<8>().ok_or(DecodeError::Truncated)?;
        let &[level, kind] = tail else { return Err(DecodeError::Truncated) };
        let record = EncodedRecord {
            timestamp: Timestamp::from_micros(i64::from_le_bytes(*micros))
                .ok_or(DecodeError::Header("timestamp"))?,
            level: Level::from_u8(level).ok_or(DecodeError::Header("level"))?,
            kind: match kind {
                0 => RecordKind::Log,
                1 => RecordKind::DeadLetter,
                _ => return Err(DecodeError::Header("kind")),
            },
            fields,
            names,
        };
        Ok((record, rest))
    }

    /// Returns when the event happened.
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// Returns the level.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Returns whether this is a log line or a dead letter.
    pub fn kind(&self) -> RecordKind {
        self.kind
    }

    /// Returns how many bytes the fields take.
    pub fn byte_len(&self) -> usize {
        self.fields.len()
    }

    /// Returns the names of the batch.
    pub fn names(&self) -> &'b NameTable {
        self.names
    }

    /// Appends the record in the encoding of the batch.
    pub(crate) fn append_to(&self, out: &mut Vec<u8>) {
        out.put_u32_le((HEADER_BYTES + self.fields.len()) as u32);
        out.put_i64_le(self.timestamp.as_micros());
        out.put_u8(self.level as u8);
        out.put_u8(self.kind as u8);
        out.put_slice(self.fields);
    }

    /// Returns how many bytes the record takes in its batch.
    pub(crate) fn encoded_len(&self) -> usize {
        LENGTH_BYTES + HEADER_BYTES + self.fields.len()
    }

    /// Returns the fields in order, without collecting them. Ends after the first error.
    pub fn fields(&self) -> Fields<'b> {
        Fields { rest: self.fields, left: None, names: self.names }
    }

    /// Returns the record, borrowing its text from the batch.
    pub fn decode(&self) -> Result<Record<'b>, DecodeError> {
        let fields: Result<Vec<(Cow<'b, str>, Value<'b>)>, DecodeError> = self
            .fields()
            .map(|field| field.map(|field| (Cow::Borrowed(field.name), field.value)))
            .collect();
        Ok(Record {
            timestamp: self.timestamp,
            level: self.level,
            kind: self.kind,
            fields: fields?,
        })
    }
}

/// The fields of an encoded record.
#[derive(Clone, Debug)]
pub struct Fields<'b> {
    rest: &'b [u8],
    /// Fields that are still to come; `None` before their number is read.
    left: Option<u64>,
    names: &'b NameTable,
}

impl<'b> Iterator for Fields<'b> {
    type Item = Result<EncodedField<'b>, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let left = match self.left {
            Some(left) => left,
            None => match take_varint(self.rest) {
                Some((count, rest)) => {
                    self.rest = rest;
                    count
                }
                None => {
                    self.left = Some(0);
                    return Some(Err(DecodeError::Truncated));
                }
            },
        };
        self.left = Some(left.checked_sub(1)?);
        let field = EncodedField::take_from(&mut self.rest, self.names);
        if field.is_err() {
            self.left = Some(0);
        }
        Some(field)
    }
}

/// One field of an encoded record.
#[derive(Clone, Debug, PartialEq)]
pub struct EncodedField<'b> {
    /// The number of its name in the batch.
    pub name_id: NameId,
    /// Its name.
    pub name: &'b str,
    /// Its value.
    pub value: Value<'b>,
    /// The value in its encoded form.
    pub encoded: &'b [u8],
}

impl<'b> EncodedField<'b> {
    #[inline]
    fn take_from(
        rest: &mut &'b [u8],
        names: &'b NameTable,
    ) -> Result<EncodedField<'b>, DecodeError> {
        let (number, start) = take_varint(rest).ok_or(DecodeError::Truncated)?;
        let name_id = NameId::from_number(number).ok_or(DecodeError::Names("are too many"))?;
        let name = names.get(name_id).ok_or(DecodeError::Names("lack one that is used"))?;
        let (value, tail) = match take_value(start) {
            Some(taken) => taken,
            None => postcard::take_from_bytes(start).map_err(DecodeError::Fields)?,
        };
        *rest = tail;
        let encoded = start.get(..start.len() - tail.len()).unwrap_or_default();
        Ok(EncodedField { name_id, name, value, encoded })
    }

    /// Appends name and value: one element of a postcard sequence of pairs.
    pub fn append_pair_to(&self, out: &mut Vec<u8>) {
        write_text(self.name, out);
        out.extend_from_slice(self.encoded);
    }
}
