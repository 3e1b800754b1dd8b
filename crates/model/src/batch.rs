//! Redacted records on their way to the store, in the form in which the WAL keeps them.
//!
//! ```text
//! batch  := record*
//! record := length u32 LE   bytes that follow
//!           timestamp i64 LE  microseconds since 1970
//!           level u8          Level as number
//!           kind u8           RecordKind as number
//!           fields            postcard: Vec<(name, Value)>
//! ```
//!
//! The header has a fixed place so that a record is routed without reading its fields. The same
//! bytes go through the hand-off, the WAL and the indexer: nothing is encoded twice.

use std::borrow::Cow;

use bytes::{BufMut, Bytes};
use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};

use crate::encode::write_fields;
use crate::{DecodeError, Level, Record, RecordKind, Timestamp, Value};

const LENGTH_BYTES: usize = 4;
const HEADER_BYTES: usize = 10;

/// Stands for the name that a client gave to a batch, so that a retry is recognised
/// (`Tierlog-Batch-Id`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BatchId(String);

/// Bytes of the hash that a batch id keeps: no two of a day's batches collide.
const BATCH_ID_HASH_BYTES: usize = 16;

impl BatchId {
    /// Returns the id of a client's name for a batch, or `None` when the name is empty, longer
    /// than [`crate::limits::BATCH_ID_BYTES_MAX`] or not printable ASCII.
    ///
    /// It is a hash: the id goes into the WAL, and what a client puts into a header has not gone
    /// through redaction.
    pub fn of_client(name: &str) -> Option<BatchId> {
        let hash = Sha256::digest(BatchId::new(name)?.0.as_bytes());
        let kept = hash.get(..BATCH_ID_HASH_BYTES)?;
        Some(BatchId(BASE32_NOPAD.encode(kept)))
    }

    /// Returns an id that was stored, or `None` when the text cannot be one.
    pub fn new(text: &str) -> Option<BatchId> {
        let fits = (1..=crate::limits::BATCH_ID_BYTES_MAX).contains(&text.len());
        (fits && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| BatchId(text.to_owned()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Writes records into the form above.
#[derive(Debug, Default)]
pub struct BatchWriter {
    bytes: Vec<u8>,
    record_count: u32,
}

impl BatchWriter {
    /// Returns a writer with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> BatchWriter {
        BatchWriter { bytes: Vec::with_capacity(bytes), record_count: 0 }
    }

    /// Appends a record.
    pub fn push(&mut self, record: &Record<'_>) {
        let start = self.bytes.len();
        self.bytes.put_u32_le(0);
        self.bytes.put_i64_le(record.timestamp.as_micros());
        self.bytes.put_u8(record.level as u8);
        self.bytes.put_u8(record.kind as u8);
        write_fields(&record.fields, &mut self.bytes);
        let length = (self.bytes.len() - start - LENGTH_BYTES) as u32;
        if let Some(prefix) = self.bytes.get_mut(start..start + LENGTH_BYTES) {
            prefix.copy_from_slice(&length.to_le_bytes());
        }
        self.record_count += 1;
    }

    /// Returns how many records were appended.
    pub fn record_count(&self) -> u32 {
        self.record_count
    }

    /// Returns how many bytes were written.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Records that went through redaction. Only these fit through the hand-off to the store, so
/// raw text cannot reach the disk.
#[derive(Clone, Debug)]
pub struct RedactedBatch {
    bytes: Bytes,
    record_count: u32,
    id: Option<BatchId>,
}

impl RedactedBatch {
    /// Closes a batch of redacted records.
    ///
    /// INVARIANT: called by `ingest/src/redact/mod.rs` and by nothing else outside tests;
    /// `tests/it/tidy.rs` counts the callers.
    pub fn from_redacted(writer: BatchWriter, id: Option<BatchId>) -> RedactedBatch {
        RedactedBatch { bytes: Bytes::from(writer.bytes), record_count: writer.record_count, id }
    }

    /// Reads a batch back from the WAL. The bytes were redacted before they were written.
    pub fn from_wal(
        bytes: Bytes,
        record_count: u32,
        id: Option<BatchId>,
    ) -> Result<RedactedBatch, DecodeError> {
        let batch = RedactedBatch { bytes, record_count, id };
        let mut found = 0_u32;
        for record in batch.records() {
            record?;
            found += 1;
        }
        if found == record_count { Ok(batch) } else { Err(DecodeError::Truncated) }
    }

    /// Returns the encoded records.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns how many records the batch holds.
    pub fn record_count(&self) -> u32 {
        self.record_count
    }

    /// Returns the client's name for the batch.
    pub fn id(&self) -> Option<&BatchId> {
        self.id.as_ref()
    }

    /// Returns the records in order. Ends after the first error.
    pub fn records(&self) -> impl Iterator<Item = Result<EncodedRecord, DecodeError>> + use<> {
        let mut rest = self.bytes.clone();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let record = EncodedRecord::split_from(&mut rest);
            if record.is_err() {
                rest.clear();
            }
            Some(record)
        })
    }
}

/// One record of a batch, still encoded; cheap to clone and to send.
#[derive(Clone, Debug)]
pub struct EncodedRecord {
    timestamp: Timestamp,
    level: Level,
    kind: RecordKind,
    fields: Bytes,
}

impl EncodedRecord {
    fn split_from(rest: &mut Bytes) -> Result<EncodedRecord, DecodeError> {
        let length = rest.first_chunk::<LENGTH_BYTES>().ok_or(DecodeError::Truncated)?;
        let length = u32::from_le_bytes(*length) as usize;
        if length < HEADER_BYTES || rest.len() - LENGTH_BYTES < length {
            return Err(DecodeError::Truncated);
        }
        let _length = rest.split_to(LENGTH_BYTES);
        let mut fields = rest.split_to(length);
        let header = fields.split_to(HEADER_BYTES);
        let (micros, tail) = header.split_first_chunk::<8>().ok_or(DecodeError::Truncated)?;
        let &[level, kind] = tail else { return Err(DecodeError::Truncated) };
        Ok(EncodedRecord {
            timestamp: Timestamp::from_micros(i64::from_le_bytes(*micros))
                .ok_or(DecodeError::Header("timestamp"))?,
            level: Level::from_u8(level).ok_or(DecodeError::Header("level"))?,
            kind: match kind {
                0 => RecordKind::Log,
                1 => RecordKind::DeadLetter,
                _ => return Err(DecodeError::Header("kind")),
            },
            fields,
        })
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

    /// Returns the fields in order, without collecting them. Ends after the first error.
    pub fn fields(&self) -> impl Iterator<Item = Result<EncodedField<'_>, DecodeError>> {
        let mut rest: &[u8] = &self.fields;
        let mut left: Option<u32> = None;
        std::iter::from_fn(move || {
            let count = match left {
                Some(count) => Ok(count),
                None => take_from(&mut rest),
            };
            left = Some(count.as_ref().map_or(0, |count| count.saturating_sub(1)));
            let field = match count {
                Ok(0) => return None,
                Ok(_) => EncodedField::take_from(&mut rest),
                Err(error) => Err(error),
            };
            if field.is_err() {
                left = Some(0);
            }
            Some(field)
        })
    }

    /// Returns the record, borrowing its text from the batch.
    pub fn decode(&self) -> Result<Record<'_>, DecodeError> {
        let fields: Vec<(Cow<'_, str>, Value<'_>)> =
            decode_fields(&self.fields).map_err(DecodeError::Fields)?;
        Ok(Record { timestamp: self.timestamp, level: self.level, kind: self.kind, fields })
    }
}

/// One field of an encoded record.
#[derive(Clone, Debug, PartialEq)]
pub struct EncodedField<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value.
    pub value: Value<'a>,
    /// Both in their encoded form: one element of a postcard sequence of pairs.
    pub encoded: &'a [u8],
}

impl<'a> EncodedField<'a> {
    fn take_from(rest: &mut &'a [u8]) -> Result<EncodedField<'a>, DecodeError> {
        #[derive(serde::Deserialize)]
        struct Field<'a>(&'a str, #[serde(borrow)] Value<'a>);
        let start = *rest;
        let (name, value) = match take_plain_field(start) {
            Some((name, value, tail)) => {
                *rest = tail;
                (name, value)
            }
            None => {
                let Field(name, value) = take_from(rest)?;
                (name, value)
            }
        };
        let encoded = start.get(..start.len() - rest.len()).unwrap_or_default();
        Ok(EncodedField { name, value, encoded })
    }
}

/// Fast path: reads what postcard writes for a name and a value. Every field of every record
/// goes through here, and serde's visitors cost several times as much. `None` leaves the bytes
/// to postcard, which also says what is wrong with them.
fn take_plain_field(bytes: &[u8]) -> Option<(&str, Value<'_>, &[u8])> {
    let (name, rest) = take_plain_text(bytes)?;
    let (variant, rest) = rest.split_first()?;
    let (value, rest) = match variant {
        0 => match rest.split_first()? {
            (0, rest) => (Value::Bool(false), rest),
            (1, rest) => (Value::Bool(true), rest),
            _ => return None,
        },
        1 => {
            let (zigzag, rest) = take_plain_varint(rest)?;
            (Value::I64((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)), rest)
        }
        2 => take_plain_varint(rest).map(|(number, rest)| (Value::U64(number), rest))?,
        3 => {
            let (bytes, rest) = rest.split_first_chunk::<8>()?;
            (Value::F64(f64::from_le_bytes(*bytes)), rest)
        }
        4 => take_plain_text(rest).map(|(text, rest)| (Value::Str(Cow::Borrowed(text)), rest))?,
        5 => take_plain_text(rest).map(|(text, rest)| (Value::Json(Cow::Borrowed(text)), rest))?,
        _ => return None,
    };
    Some((name, value, rest))
}

fn take_plain_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = take_plain_varint(bytes)?;
    let (text, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

/// Reads numbers of up to 63 bits.
#[inline]
fn take_plain_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (position, byte) in bytes.iter().take(9).enumerate() {
        number |= u64::from(byte & 0x7F) << (7 * position);
        if byte & 0x80 == 0 {
            return Some((number, bytes.get(position + 1..)?));
        }
    }
    None
}

fn take_from<'a, T: serde::Deserialize<'a>>(rest: &mut &'a [u8]) -> Result<T, DecodeError> {
    let (value, tail) = postcard::take_from_bytes(rest).map_err(DecodeError::Fields)?;
    *rest = tail;
    Ok(value)
}

/// Reads the fields so that text is borrowed: `Cow` alone would be copied by serde's default.
fn decode_fields(bytes: &[u8]) -> Result<Vec<(Cow<'_, str>, Value<'_>)>, postcard::Error> {
    #[derive(serde::Deserialize)]
    struct Field<'a>(#[serde(borrow)] Cow<'a, str>, #[serde(borrow)] Value<'a>);
    let fields: Vec<Field<'_>> = postcard::from_bytes(bytes)?;
    Ok(fields.into_iter().map(|Field(name, value)| (name, value)).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value<'static>> {
        prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::I64),
            (i64::MAX as u64..).prop_map(Value::U64),
            (-1e300_f64..1e300).prop_map(Value::F64),
            ".{0,40}".prop_map(|text| Value::Str(text.into())),
            Just(Value::Json("[1,\"a\"]".into())),
        ]
    }

    fn record() -> impl Strategy<Value = Record<'static>> {
        (
            -1_000_000_000_000_000_i64..4_000_000_000_000_000,
            0_u8..5,
            any::<bool>(),
            prop::collection::vec(("[a-z.]{1,12}", value()), 0..8),
        )
            .prop_map(|(micros, level, dead, fields)| Record {
                timestamp: Timestamp::from_micros_clamped(micros),
                level: Level::from_u8(level).expect("a level"),
                kind: if dead { RecordKind::DeadLetter } else { RecordKind::Log },
                fields: fields.into_iter().map(|(name, value)| (name.into(), value)).collect(),
            })
    }

    proptest! {
        #[test]
        fn a_batch_reads_back_as_written(records in prop::collection::vec(record(), 0..10)) {
            let mut writer = BatchWriter::default();
            for record in &records {
                writer.push(record);
            }
            let batch = RedactedBatch::from_redacted(writer, None);
            let back = RedactedBatch::from_wal(batch.bytes().clone(), batch.record_count(), None)
                .expect("what was written is valid");
            for (record, original) in back.records().zip(&records) {
                let record = record.expect("valid");
                let fields: Vec<(Cow<'_, str>, Value<'_>)> = record
                    .fields()
                    .map(|field| field.expect("valid"))
                    .map(|field| (field.name.into(), field.value))
                    .collect();
                prop_assert_eq!(&fields, &original.fields);
            }
            let back: Vec<Record<'static>> = back
                .records()
                .map(|record| record.expect("valid").decode().expect("valid").into_owned())
                .collect();
            prop_assert_eq!(back, records);
        }

        #[test]
        fn any_bytes_are_refused_or_read_without_panic(bytes: Vec<u8>) {
            if let Ok(batch) = RedactedBatch::from_wal(Bytes::from(bytes), 1, None) {
                for record in batch.records().flatten() {
                    let decodes = record.decode().is_ok();
                    prop_assert_eq!(record.fields().all(|field| field.is_ok()), decodes);
                }
            }
        }
    }
}
