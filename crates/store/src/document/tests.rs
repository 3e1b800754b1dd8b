//! What goes in comes out: records through an index in memory.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tantivy::columnar::Cardinality;
use tantivy::directory::Directory as _;
use tantivy::index::SegmentComponent;
use tantivy::indexer::{NoMergePolicy, UserOperation};
use tantivy::{Index, IndexWriter, SegmentReader};
use tierlog_model::{
    BatchWriter, Level, Record, RecordKind, Redacted, RedactedBatch, Timestamp, Value,
};

use super::{
    Beside, ChunkDocument, ChunkPool, ColumnKind, FieldNames, SeenTemplates, StoredRecord,
    field_columns, read_records, text_paths,
};
use crate::schema::{register_analyzer, schema};

fn record(fields: Vec<(&str, Value<'static>)>) -> Record<'static> {
    Record {
        timestamp: Timestamp::from_micros_clamped(1_790_000_000_123_456),
        level: Level::Error,
        kind: RecordKind::Log,
        fields: fields.into_iter().map(|(name, value)| (name.to_owned().into(), value)).collect(),
    }
}

fn index(records: &[Record<'static>]) -> Index {
    index_batches(&[records])
}

/// Indexes the records of several batches in one chunk, as a lane does that gathers them.
fn index_batches(batches: &[&[Record<'static>]]) -> Index {
    let mut index = Index::create_in_ram(schema());
    register_analyzer(&mut index);
    let encode = |records: &&[Record<'static>]| {
        let mut batch = BatchWriter::default();
        records.iter().for_each(|record| batch.push(record));
        RedactedBatch::from_redacted(batch, None, Redacted::vouch())
    };
    let batches: Vec<RedactedBatch> = batches.iter().map(encode).collect();
    let mut writer: IndexWriter<ChunkDocument> =
        index.writer_with_num_threads(1, 15_000_000).expect("writer");
    writer.set_merge_policy(Box::new(NoMergePolicy));
    let mut names = FieldNames::default();
    let mut templates = SeenTemplates::default();
    let mut chunk = Arc::new(ChunkPool::default()).take(Duration::ZERO).expect("a chunk");
    for (seq, record) in batches.iter().flat_map(RedactedBatch::records).enumerate() {
        chunk.push(seq as u64, &record.expect("just encoded"), &mut names, &mut templates);
    }
    writer.run(chunk.into_documents().map(UserOperation::Add)).expect("added");
    writer.commit().expect("committed");
    index
}

#[test]
fn records_of_several_batches_keep_their_own_names() {
    let fields = |names: [&'static str; 3]| {
        record(names.map(|name| (name, Value::Str(format!("value of {name}").into()))).into())
    };
    let orders =
        [["alpha", "beta", "gamma"], ["gamma", "alpha", "beta"], ["beta", "gamma", "alpha"]];
    let records = orders.map(fields);
    let batches: Vec<&[Record<'static>]> = records.iter().map(std::slice::from_ref).collect();
    let index = index_batches(&batches);
    let found: Vec<Record<'static>> =
        read_all(&index).into_iter().map(|stored| sorted(stored.record)).collect();
    assert_eq!(found, records.map(sorted));
}

fn read_all(index: &Index) -> Vec<StoredRecord> {
    let searcher = index.reader().expect("reader").searcher();
    let mut records = Vec::new();
    for segment in searcher.segment_readers() {
        let docs: Vec<u32> = (0..segment.max_doc()).collect();
        records.extend(read_records(segment, &docs).expect("readable"));
    }
    records.sort_by_key(|record| record.seq);
    records
}

fn sorted(mut record: Record<'static>) -> Record<'static> {
    record.fields.sort_by(|(left, _), (right, _)| left.cmp(right));
    record
}

/// The message is a template from the second time on; `attempt` is a float column once merged.
#[test]
fn messages_read_back_from_their_templates() {
    let message = |path: &str, attempt: Value<'static>, text: String| {
        let path = Value::Str(path.to_owned().into());
        record(vec![("message", Value::Str(text.into())), ("path", path), ("attempt", attempt)])
    };
    let mut records: Vec<Record<'static>> = (0..5_i64)
        .map(|n| {
            let path = format!("/courses/{n}");
            let text = format!("GET {path} failed 1000{n} times, attempt {n} of 5, \u{e9}t\u{e9}");
            message(&path, Value::I64(n), text)
        })
        .collect();
    records.push(message("/a", Value::F64(2.5), "attempt 2.5 of /a".into()));
    records.push(record(vec![
        ("message", Value::Str("attempt 3 of /x".into())),
        ("context.attempt", Value::I64(3)),
        ("context", Value::Json("[{\"attempt\":4}]".into())),
        ("path", Value::Str("/x".into())),
    ]));
    records.push(records.last().expect("just pushed").clone());
    let index = index(&records);
    let back: Vec<Record<'static>> =
        read_all(&index).into_iter().map(|stored| stored.record).collect();
    for (back, original) in back.iter().zip(&records) {
        assert_eq!(back.get_str("message"), original.get_str("message"));
    }
    let searcher = index.reader().expect("reader").searcher();
    let segment = searcher.segment_readers().first().expect("a segment");
    let templates = segment.fast_fields().str("template").expect("readable").expect("there");
    assert_eq!(templates.ords().index.get_cardinality(), Cardinality::Optional);
    assert_eq!(templates.num_terms(), 2);
}

#[test]
fn every_kind_of_value_keeps_its_type_and_digits() {
    let original = record(vec![
        ("message", Value::Str("Payment failed".into())),
        ("user_id", Value::Str("u_abcd_x".into())),
        ("path", Value::Str("/api/v1/pay".into())),
        ("empty", Value::Str("".into())),
        ("exc_info", Value::Str("Traceback (most recent call last):\n".repeat(20).into())),
        ("status_code", Value::I64(502)),
        ("snowflake", Value::I64(1_541_815_603_606_036_481)),
        ("huge", Value::U64(u64::MAX)),
        ("duration_ms", Value::F64(12.0)),
        ("retried", Value::Bool(true)),
        ("context.course", Value::Str("cs101".into())),
        ("tags", Value::Json("[\"a\",\"b\",3]".into())),
        ("items", Value::Json("[{\"sku\":\"x\",\"n\":1},{\"sku\":\"y\",\"n\":2}]".into())),
        ("nothing", Value::Json("{}".into())),
        ("items.total", Value::I64(2)),
        ("back\\slash", Value::Str("kept".into())),
    ]);
    let index = index(std::slice::from_ref(&original));
    let back = read_all(&index);
    assert_eq!(back.len(), 1);
    let back = back.into_iter().next().expect("one").record;
    let shown: Vec<&str> = back.fields.iter().take(3).map(|(name, _)| name.as_ref()).collect();
    assert_eq!(shown, ["message", "user_id", "path"]);
    assert_eq!(sorted(back), sorted(original));

    let searcher = index.reader().expect("reader").searcher();
    let segment = searcher.segment_reader(0);
    assert_eq!(text_paths(segment).expect("readable"), ["exc_info", "message"]);
    let columns = field_columns(segment).expect("readable");
    let has = |kind: ColumnKind, name: &str| {
        columns.iter().any(|(found, column, _)| *found == kind && column == name)
    };
    assert!(has(ColumnKind::Own, "items.sku") && has(ColumnKind::Own, "context.course"));
    assert!(has(ColumnKind::Beside(Beside::Integer), "snowflake"));
    assert!(has(ColumnKind::Beside(Beside::Unsigned), "huge"));
    assert!(has(ColumnKind::Beside(Beside::Long), "exc_info"));
    assert!(!has(ColumnKind::Own, "snowflake") && !has(ColumnKind::Own, "exc_info"));
}

#[test]
fn names_beyond_the_bound_come_back_under_their_names() {
    let fields_max = tierlog_model::limits::FIELDS_PER_PARTITION_MAX;
    let names: Vec<String> = (0..fields_max).map(|number| format!("f{number}")).collect();
    let many = names.iter().map(|name| (name.as_str(), Value::I64(7))).collect();
    let long = "no column has all of this text. ".repeat(9);
    let late = record(vec![
        ("message", Value::Str("a message".into())),
        ("request_id", Value::Str("r-1".into())),
        ("late.number", Value::I64(-7)),
        ("late.float", Value::F64(-0.25)),
        ("late.wide", Value::I64(676_996_931_091_701_603)),
        ("late.huge", Value::U64(u64::MAX)),
        ("late.truth", Value::Bool(false)),
        ("late.text", Value::Str("a text".into())),
        ("late.long", Value::Str(long.into())),
        ("late.array", Value::Json("[{\"deep\":1},\"x\",2.5,null]".into())),
        ("late.array.beside", Value::I64(3)),
        ("late.empty", Value::Json("[]".into())),
        ("Late.Number", Value::Str("another name".into())),
        ("f0", Value::Str("known".into())),
    ]);
    let index = index(&[record(many), late.clone()]);
    let back: Vec<Record<'static>> =
        read_all(&index).into_iter().map(|stored| stored.record).collect();
    assert_eq!(back[0].fields.len(), fields_max);
    assert_eq!(sorted(back[1].clone()), sorted(late));

    let searcher = index.reader().expect("reader").searcher();
    let segment = searcher.segment_reader(0);
    let columns = field_columns(segment).expect("readable");
    let own = columns.iter().filter(|(kind, ..)| *kind == ColumnKind::Own).count();
    // `f0` has a column of numbers and one of texts.
    assert_eq!(own, fields_max + 2, "request_id beside them");
}

fn value() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::I64),
        (-1000_i64..1000).prop_map(Value::I64),
        (i64::MAX as u64 + 1..).prop_map(Value::U64),
        (-1e9_f64..1e9).prop_map(|number| Value::F64(number + 0.5)),
        ".{0,200}".prop_map(|text| Value::Str(text.into())),
        Just(Value::Json("[1,2.5,\"x\",{\"k\":true},null]".into())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Types mix freely: each field of each record draws its own. An integer may come back as a
    /// float where its column has floats; its value is the same.
    #[test]
    fn random_records_come_back(
        rows in prop::collection::vec(
            prop::collection::btree_map("[a-e]", value(), 0..5), 1..30),
    ) {
        let records: Vec<Record<'static>> = rows
            .into_iter()
            .map(|row| record(vec![]).with(row))
            .collect();
        let back = read_all(&index(&records));
        prop_assert_eq!(back.len(), records.len());
        for (back, original) in back.into_iter().zip(records) {
            let back = sorted(back.record);
            let original = sorted(original);
            prop_assert_eq!(back.fields.len(), original.fields.len());
            for ((name, value), (expected_name, expected)) in back.fields.iter().zip(&original.fields) {
                prop_assert_eq!(name, expected_name);
                match (value, expected) {
                    (Value::F64(float), Value::I64(integer)) => {
                        prop_assert!(integer.unsigned_abs() <= 1 << 53, "a column keeps every digit");
                        prop_assert_eq!(*float, *integer as f64);
                    }
                    (value, expected) => prop_assert_eq!(value, expected),
                }
            }
        }
    }
}

trait With {
    fn with(self, row: std::collections::BTreeMap<String, Value<'static>>) -> Self;
}

impl With for Record<'static> {
    fn with(mut self, row: std::collections::BTreeMap<String, Value<'static>>) -> Self {
        self.fields = row.into_iter().map(|(name, value)| (name.into(), value)).collect();
        self
    }
}

/// A writer asks for the names of columns before any checksum was compared.
#[test]
fn no_flipped_bit_in_the_list_of_columns_asks_for_all_memory() {
    /// Bytes at the end of a file of columns in which lengths and numbers stand.
    const END_BYTES: usize = 256;
    let index = index(&[record(vec![("a", Value::I64(1)), ("b", Value::Bool(true))])]);
    let segment = index.searchable_segments().expect("segments").remove(0);
    let path = segment.relative_path(SegmentComponent::FastFields);
    let whole = index.directory().atomic_read(&path).expect("columns");
    let from = whole.len().saturating_sub(END_BYTES) * 8;
    for bit in from..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        index.directory().atomic_write(&path, &flipped).expect("flipped");
        // An error, a panic or other names: the checksum tells. What must not happen ends the
        // process, and with it this test.
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| {
            SegmentReader::open(&segment).ok().map(|reader| field_columns(&reader).map(drop))
        }));
    }
}
