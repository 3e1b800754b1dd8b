//! Some records of one batch, copied out of it: the batch can go, and the records wait.
//!
//! Encoded records and their numbers arrive, and the same leave in the same order. The names of
//! the fields are shared with the batch.

use std::sync::Arc;

use crate::encoded::EncodedRecord;
use crate::names::NameTable;
use crate::{DecodeError, RedactedBatch};

/// Some records of a batch with their numbers.
#[derive(Clone, Debug)]
pub struct Excerpt {
    bytes: Vec<u8>,
    /// One for each record.
    numbers: Vec<u64>,
    names: Arc<NameTable>,
}

impl Excerpt {
    /// Returns an excerpt of a batch without a record in it.
    pub fn of(batch: &RedactedBatch) -> Excerpt {
        Excerpt { bytes: Vec::new(), numbers: Vec::new(), names: batch.shared_names() }
    }

    /// Gives back the room that appending has left over: thousands of excerpts wait at once.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.numbers.shrink_to_fit();
    }

    /// Appends a record of the batch.
    pub fn push(&mut self, number: u64, record: &EncodedRecord<'_>) {
        record.append_to(&mut self.bytes);
        self.numbers.push(number);
    }

    /// Returns how many bytes a record and its number take in an excerpt.
    pub fn bytes_of(record: &EncodedRecord<'_>) -> usize {
        record.encoded_len() + size_of::<u64>()
    }

    /// Returns the number of the first record.
    pub fn first(&self) -> Option<u64> {
        self.numbers.first().copied()
    }

    /// Returns how many bytes the records and their numbers take.
    pub fn byte_len(&self) -> usize {
        self.bytes.len() + self.numbers.len() * size_of::<u64>()
    }

    /// Returns the records in order, with their numbers. Ends after the first error.
    pub fn records(&self) -> impl Iterator<Item = Result<(u64, EncodedRecord<'_>), DecodeError>> {
        let (mut rest, mut numbers) = (self.bytes.as_slice(), self.numbers.iter());
        std::iter::from_fn(move || {
            let number = *numbers.next()?;
            match EncodedRecord::split_from(rest, &self.names) {
                Ok((record, behind)) => {
                    rest = behind;
                    Some(Ok((number, record)))
                }
                Err(error) => {
                    numbers = [].iter();
                    Some(Err(error))
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BatchWriter, Level, Record, RecordKind, Redacted, Timestamp, Value};

    #[test]
    fn an_excerpt_holds_the_records_that_were_picked_and_outlives_the_batch() {
        let mut writer = BatchWriter::default();
        for number in 0..6_i64 {
            writer.push(&Record {
                timestamp: Timestamp::from_micros_clamped(number),
                level: Level::Error,
                kind: if number == 4 { RecordKind::DeadLetter } else { RecordKind::Log },
                fields: vec![("a".into(), Value::I64(number)), ("b".into(), Value::Bool(true))],
            });
        }
        let batch = RedactedBatch::from_redacted(writer, None, Redacted::vouch());
        let mut excerpt = Excerpt::of(&batch);
        assert_eq!((excerpt.first(), excerpt.byte_len()), (None, 0));
        let (mut expected, mut bytes) = (Vec::new(), 0);
        for (offset, record) in batch.records().enumerate().filter(|(offset, _)| offset % 2 == 0) {
            let record = record.expect("valid");
            excerpt.push(100 + offset as u64, &record);
            bytes += Excerpt::bytes_of(&record);
            expected.push((100 + offset as u64, record.decode().expect("valid").into_owned()));
        }
        drop(batch);
        assert_eq!(excerpt.byte_len(), bytes);
        let read: Vec<(u64, Record<'static>)> = excerpt
            .records()
            .map(|record| record.expect("valid"))
            .map(|(number, record)| (number, record.decode().expect("valid").into_owned()))
            .collect();
        assert_eq!(read, expected);
        assert_eq!(excerpt.first(), Some(100));
    }
}
