//! Redacted records on their way to the store, in the form in which the WAL keeps them.
//!
//! ```text
//! batch := record* names
//! ```
//!
//! See [`crate::EncodedRecord`] and [`crate::NameTable`] for the two. The same bytes go through
//! the hand-off, the WAL and the indexer: nothing is encoded twice.

use std::sync::Arc;

use bytes::Bytes;

use crate::encode::write_fields;
use crate::encoded::{EncodedRecord, write_record};
use crate::names::{NameId, NameIndex, NameTable};
use crate::{
    BatchId, BufferPool, DecodeError, LineRun, ProducerLines, Record, RetryKey, SenderId, Tenant,
    Timestamp,
};

/// The first and the last moment of some records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first moment.
    pub earliest: Timestamp,
    /// The last moment.
    pub latest: Timestamp,
}

impl Span {
    /// Returns the span of a moment.
    pub fn of(moment: Timestamp) -> Span {
        Span { earliest: moment, latest: moment }
    }

    /// Returns the span of two spans together.
    #[must_use]
    pub fn with(self, other: Span) -> Span {
        let (earliest, latest) = (self.earliest.min(other.earliest), self.latest.max(other.latest));
        Span { earliest, latest }
    }
}

/// Writes records into the form above.
#[derive(Debug, Default)]
pub struct BatchWriter {
    bytes: Vec<u8>,
    names: NameIndex,
    record_count: u32,
    span: Option<Span>,
    /// Where the buffer goes back to.
    pool: Arc<BufferPool>,
}

impl BatchWriter {
    /// Returns a writer with room for so many bytes, in a buffer of the pool.
    pub fn with_room(bytes: usize, pool: &Arc<BufferPool>) -> BatchWriter {
        let (bytes, pool) = (pool.take(bytes), Arc::clone(pool));
        BatchWriter { bytes, pool, ..BatchWriter::default() }
    }

    /// Appends a record.
    pub fn push(&mut self, record: &Record<'_>) {
        self.push_named(record, |names, _, name| names.intern(name));
    }

    /// Appends a record, asking for the number of each field's name by its position: a caller
    /// that knows which names follow each other finds it sooner.
    pub fn push_named(
        &mut self,
        record: &Record<'_>,
        mut id_of: impl FnMut(&mut NameIndex, usize, &str) -> NameId,
    ) {
        let BatchWriter { bytes, names, record_count, span, pool: _ } = self;
        let id_of = |position: usize, name: &str| id_of(names, position, name);
        write_record(record, |out| write_fields(&record.fields, id_of, out), bytes);
        *record_count += 1;
        let moment = Span::of(record.timestamp);
        *span = Some(span.map_or(moment, |span| span.with(moment)));
    }

    /// Returns how many records were appended.
    pub fn record_count(&self) -> u32 {
        self.record_count
    }

    /// Returns how many bytes were written.
    pub fn byte_len(&self) -> usize {
        self.bytes.len() + self.names.byte_len()
    }
}

/// Records that went through redaction. Only these fit through the hand-off to the store, so
/// raw text cannot reach the disk.
#[derive(Clone, Debug)]
pub struct RedactedBatch {
    bytes: Bytes,
    names: Arc<NameTable>,
    /// Where the records end and the names begin.
    records_end: usize,
    record_count: u32,
    span: Option<Span>,
    tenant: Tenant,
    id: Option<BatchId>,
    sender: SenderId,
    lines: Option<ProducerLines>,
    /// In order; every other record is one line.
    runs: Arc<[LineRun]>,
}

/// The word of a caller that the text of a batch is redacted. Every way to make a
/// [`RedactedBatch`] of records or bytes takes one:
///
/// ```compile_fail,E0061
/// # use tierlog_model::{BatchWriter, RedactedBatch};
/// RedactedBatch::from_redacted(BatchWriter::default(), None);
/// ```
///
/// A token is neither copied nor put together elsewhere:
///
/// ```compile_fail,E0423
/// # use tierlog_model::{BatchWriter, Redacted, RedactedBatch};
/// RedactedBatch::from_redacted(BatchWriter::default(), None, Redacted(()));
/// ```
#[derive(Debug)]
pub struct Redacted(());

impl Redacted {
    /// Vouches that the records or bytes beside this token hold no raw text.
    ///
    /// INVARIANT: `tests/it/tidy.rs` lists every place outside of tests that names this function.
    pub fn vouch() -> Redacted {
        Redacted(())
    }
}

impl RedactedBatch {
    /// Closes a batch of redacted records.
    pub fn from_redacted(
        writer: BatchWriter,
        id: Option<BatchId>,
        redacted: Redacted,
    ) -> RedactedBatch {
        let BatchWriter { mut bytes, names, record_count, span, pool } = writer;
        let names = Arc::new(names.into_table());
        let records_end = bytes.len();
        names.write(&mut bytes);
        let bytes = pool.freeze(bytes);
        RedactedBatch {
            id,
            span,
            ..RedactedBatch::of_parts(bytes, names, records_end, record_count, redacted)
        }
    }

    /// Returns a batch of nobody in particular.
    fn of_parts(
        bytes: Bytes,
        names: Arc<NameTable>,
        records_end: usize,
        record_count: u32,
        _: Redacted,
    ) -> RedactedBatch {
        RedactedBatch {
            bytes,
            names,
            records_end,
            record_count,
            span: None,
            tenant: Tenant::DEFAULT,
            id: None,
            sender: SenderId::default(),
            lines: None,
            runs: Arc::default(),
        }
    }

    /// Returns a batch of one record that stands for a record of a redacted batch: each value was
    /// redacted, or comes from the program.
    pub fn in_place_of(record: &Record<'_>, redacted: Redacted) -> RedactedBatch {
        let mut writer = BatchWriter::default();
        writer.push(record);
        Self::from_redacted(writer, None, redacted)
    }

    /// Returns the batch under an id.
    #[must_use]
    pub fn with_id(self, id: BatchId) -> RedactedBatch {
        RedactedBatch { id: Some(id), ..self }
    }

    /// Returns the batch with runs of lines that count otherwise than one record a line.
    #[must_use]
    pub fn with_runs(self, runs: Vec<LineRun>) -> RedactedBatch {
        debug_assert!(runs.is_sorted_by_key(|run| run.first_record), "runs are in order");
        RedactedBatch { runs: runs.into(), ..self }
    }

    /// Returns the batch with the name of its sender.
    #[must_use]
    pub fn with_sender(self, sender: SenderId) -> RedactedBatch {
        RedactedBatch { sender, ..self }
    }

    /// Returns the batch as a batch of a tenant.
    #[must_use]
    pub fn of_tenant(self, tenant: Tenant) -> RedactedBatch {
        RedactedBatch { tenant, ..self }
    }

    /// Returns the tenant of all records of the batch.
    pub fn tenant(&self) -> Tenant {
        self.tenant
    }

    /// Returns who sent the batch, as the retry window counts senders.
    pub fn sender(&self) -> SenderId {
        self.sender
    }

    /// Returns a span that the moments of all records lie in; `None` without records.
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    /// Returns how many lines the records were made of.
    pub fn line_count(&self) -> u32 {
        let difference = |sum: u32, run: &LineRun| {
            sum.saturating_add(run.line_count).saturating_sub(run.record_count)
        };
        self.runs.iter().fold(self.record_count, difference)
    }

    /// Returns how many records the first lines are, or nothing when those lines end inside of a
    /// run: then no record can be left out and none kept.
    pub fn records_of_first_lines(&self, line_count: u64) -> Option<u32> {
        let (mut lines, mut records) = (0_u64, 0_u32);
        for run in self.runs.iter() {
            let single_count = run.first_record.saturating_sub(records);
            if lines + u64::from(single_count) >= line_count {
                break;
            }
            lines += u64::from(single_count) + u64::from(run.line_count);
            records = run.first_record.saturating_add(run.record_count);
            if lines > line_count {
                return None;
            }
        }
        let left = u32::try_from(line_count.saturating_sub(lines)).ok()?;
        Some(records.saturating_add(left)).filter(|records| *records <= self.record_count)
    }

    /// Returns the batch with the numbers of its producer's lines.
    #[must_use]
    pub fn with_lines(self, lines: ProducerLines) -> RedactedBatch {
        RedactedBatch { lines: Some(lines), ..self }
    }

    /// Reads a batch back from the WAL. The bytes were redacted before they were written.
    pub fn from_wal(
        bytes: Bytes,
        record_count: u32,
        id: Option<BatchId>,
        redacted: Redacted,
    ) -> Result<RedactedBatch, DecodeError> {
        let (names, records) = NameTable::split_from(&bytes)?;
        let (names, records_end) = (Arc::new(names), records.len());
        let batch = RedactedBatch::of_parts(bytes, names, records_end, record_count, redacted);
        let (mut found, mut span) = (0_u32, None::<Span>);
        for record in batch.records() {
            let moment = Span::of(record?.timestamp());
            span = Some(span.map_or(moment, |span| span.with(moment)));
            found += 1;
        }
        if found == record_count {
            Ok(RedactedBatch { id, span, ..batch })
        } else {
            Err(DecodeError::Truncated)
        }
    }

    /// Returns the encoded batch.
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

    /// Returns which lines of a producer the batch holds.
    pub fn lines(&self) -> Option<&ProducerLines> {
        self.lines.as_ref()
    }

    /// Returns by what the batch is recognised when it is sent again.
    pub fn retry_key(&self) -> Option<RetryKey> {
        match (&self.lines, &self.id) {
            (Some(lines), _) => {
                let last = lines.last(self.line_count());
                Some(RetryKey::Lines { producer: lines.producer, last })
            }
            (None, Some(id)) => Some(RetryKey::Batch(*id)),
            (None, None) => None,
        }
    }

    /// Returns the batch without its first records, durable already; the cut falls between two
    /// runs.
    #[must_use]
    pub fn without_first(self, count: u32) -> RedactedBatch {
        let count = count.min(self.record_count);
        let skipped = self.records().take(count as usize).flatten();
        let skipped: usize = skipped.map(|record| record.encoded_len()).sum();
        let skipped = skipped.min(self.records_end);
        let known = self.runs.iter().take_while(|run| run.first_record < count);
        let (known_records, known_lines) = known.fold((0, 0), |(records, lines), run| {
            (records + run.record_count, lines + run.line_count)
        });
        let line_count = u64::from(count.saturating_sub(known_records) + known_lines);
        let first = |lines: ProducerLines| ProducerLines {
            first: lines.first.saturating_add(line_count),
            ..lines
        };
        let later = self.runs.iter().filter(|run| run.first_record >= count);
        let later = later.map(|run| LineRun { first_record: run.first_record - count, ..*run });
        let runs = later.collect();
        RedactedBatch {
            bytes: self.bytes.slice(skipped..),
            names: self.names,
            records_end: self.records_end - skipped,
            record_count: self.record_count - count,
            // Those of the records that went too: a span says where records may lie.
            span: self.span,
            tenant: self.tenant,
            id: self.id,
            sender: self.sender,
            lines: self.lines.map(first),
            runs,
        }
    }

    /// Returns the names of the batch's fields.
    pub fn names(&self) -> &NameTable {
        &self.names
    }

    /// Returns the names of the batch's fields, to be kept without the batch.
    pub(crate) fn shared_names(&self) -> Arc<NameTable> {
        Arc::clone(&self.names)
    }

    /// Returns how many bytes the names of the batch's fields take.
    pub fn names_byte_len(&self) -> usize {
        self.bytes.len().saturating_sub(self.records_end)
    }

    /// Returns the records in order. Ends after the first error.
    pub fn records(&self) -> impl Iterator<Item = Result<EncodedRecord<'_>, DecodeError>> {
        let mut position = BatchPosition::default();
        std::iter::from_fn(move || self.record_at(&mut position))
    }

    /// Returns the record at a position and moves the position behind it. The position ends
    /// after the first error.
    pub fn record_at(
        &self,
        position: &mut BatchPosition,
    ) -> Option<Result<EncodedRecord<'_>, DecodeError>> {
        let rest = self.bytes.get(position.0..self.records_end).filter(|rest| !rest.is_empty())?;
        match EncodedRecord::split_from(rest, &self.names) {
            Ok((record, _)) => {
                position.0 += record.encoded_len();
                Some(Ok(record))
            }
            Err(error) => {
                position.0 = self.records_end;
                Some(Err(error))
            }
        }
    }
}

/// A place between two records of a batch; the default is before the first.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchPosition(usize);

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use bytes::BufMut;
    use proptest::prelude::*;

    use super::*;
    use crate::{Level, RecordKind, Timestamp, Value};

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
            let batch = RedactedBatch::from_redacted(writer, None, Redacted::vouch());
            let back = RedactedBatch::from_wal(batch.bytes().clone(), batch.record_count(), None, Redacted::vouch())
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
        fn a_batch_without_its_first_records_is_the_rest(
            records in prop::collection::vec(record(), 0..8),
            skipped in 0_u32..10,
        ) {
            let batch_of = |records: &[Record<'_>]| {
                let mut writer = BatchWriter::default();
                records.iter().for_each(|record| writer.push(record));
                RedactedBatch::from_redacted(writer, None, Redacted::vouch())
            };
            let rest = batch_of(&records).without_first(skipped);
            let expected = batch_of(records.get(skipped as usize..).unwrap_or_default());
            // The names of the records that are gone stay, so bytes differ.
            let read = |batch: &RedactedBatch| {
                let back = RedactedBatch::from_wal(batch.bytes().clone(), batch.record_count(), None, Redacted::vouch())
                    .expect("what was written is valid");
                back.records()
                    .map(|record| record.expect("valid").decode().expect("valid").into_owned())
                    .collect::<Vec<Record<'static>>>()
            };
            prop_assert_eq!(read(&rest), read(&expected));
            prop_assert_eq!(rest.record_count(), expected.record_count());
        }

        /// The model lays the lines out one by one, then takes the first few.
        #[test]
        fn lines_are_counted_as_when_they_are_laid_out(
            parts in prop::collection::vec((1_u32..4, 1_u32..4), 0..8),
            asked in 0_u64..20,
        ) {
            let (mut writer, mut runs) = (BatchWriter::default(), Vec::new());
            // For every line the record in front of which it may be cut.
            let mut cuts = vec![Some(0)];
            for (record_count, line_count) in parts {
                let first_record = writer.record_count();
                if (record_count, line_count) != (1, 1) {
                    runs.push(LineRun { first_record, record_count, line_count });
                }
                for _ in 0..record_count {
                    writer.push(&Record {
                        timestamp: Timestamp::from_micros_clamped(1),
                        level: Level::Info,
                        kind: RecordKind::Log,
                        fields: Vec::new(),
                    });
                }
                cuts.extend((1..line_count).map(|_| None));
                cuts.push(Some(writer.record_count()));
            }
            let batch = RedactedBatch::from_redacted(writer, None, Redacted::vouch()).with_runs(runs);
            prop_assert_eq!(batch.line_count() as usize, cuts.len() - 1);
            let expected = cuts.get(asked as usize).copied().flatten();
            prop_assert_eq!(batch.records_of_first_lines(asked), expected);
            if let Some(records) = expected {
                let rest = batch.clone().without_first(records);
                prop_assert_eq!(u64::from(rest.line_count()) + asked, u64::from(batch.line_count()));
            }
        }

        #[test]
        fn any_bytes_are_refused_or_read_without_panic(mut bytes: Vec<u8>, names: bool) {
            if names {
                // Else nearly nothing gets past the length of the names.
                let (length, header) = (bytes.len() as u32 + 10, [0_u8; 10]);
                bytes.splice(0..0, length.to_le_bytes().into_iter().chain(header));
                bytes.extend_from_slice(b"\x01a\x01b");
                bytes.put_u32_le(4);
            }
            if let Ok(batch) = RedactedBatch::from_wal(Bytes::from(bytes), 1, None, Redacted::vouch()) {
                for record in batch.records().flatten() {
                    let decodes = record.decode().is_ok();
                    prop_assert_eq!(record.fields().all(|field| field.is_ok()), decodes);
                }
            }
        }
    }
}
