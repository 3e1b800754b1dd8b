//! Documents become records again: columns first, then what only the document store has.

use std::borrow::Cow;

use serde::Deserialize;
use tantivy::columnar::{Column, ColumnarReader, DynamicColumn, DynamicColumnHandle, StrColumn};
use tantivy::index::SegmentComponent;
use tantivy::schema::{TantivyDocument, Value as _};
use tantivy::{DateTime, DocId, SegmentReader};
use tierlog_model::{Level, Record, RecordKind, Timestamp, Value, fields};

use crate::StoreError;
use crate::schema::{ATTRIBUTES, LEVEL, SEQ, TEXT_FIELDS, TIMESTAMP, index_fields};

/// Separates the segments of a JSON path in a column's name.
const PATH_SEPARATOR: char = '\u{1}';

/// Blocks of the document store that one read keeps inflated: hits of one page are neighbours.
const STORE_CACHE_BLOCKS: usize = 4;

/// Fields that a reader wants to see first, in this order; the others follow by name.
const SHOWN_FIRST: [&str; 15] = [
    fields::SERVICE,
    fields::LOGGER,
    fields::MESSAGE,
    fields::REQUEST_ID,
    fields::TRACE_ID,
    fields::SPAN_ID,
    fields::USER_ID,
    fields::METHOD,
    fields::PATH,
    fields::ENDPOINT,
    fields::STATUS_CODE,
    fields::DURATION_MS,
    fields::HOST,
    fields::SOURCE,
    fields::LEVEL_TEXT,
];

/// A record of the store.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRecord {
    /// Its number: unique, in the order of acknowledgement.
    pub seq: u64,
    /// The record.
    pub record: Record<'static>,
}

/// Rebuilds records of one segment, in the order of `docs`.
///
/// Whether a partition holds log lines or dead letters is a matter of its tier; the records of
/// both read back as [`RecordKind::Log`].
pub fn read_records(
    reader: &SegmentReader,
    docs: &[DocId],
) -> Result<Vec<StoredRecord>, StoreError> {
    if docs.is_empty() {
        return Ok(Vec::new());
    }
    let fast_fields = reader.fast_fields();
    let timestamps: Column<DateTime> = fast_fields.date(TIMESTAMP)?;
    let numbers: Column<u64> = fast_fields.u64(SEQ)?;
    let levels = match fast_fields.str(LEVEL)? {
        Some(column) => Some(TextColumn::load(&column, docs)?),
        None => None,
    };
    let columns = open_attributes(reader, docs)?;
    let store = reader.get_store_reader(STORE_CACHE_BLOCKS).map_err(StoreError::Column)?;

    let mut records = Vec::with_capacity(docs.len());
    for &doc in docs {
        let document: TantivyDocument = store.get(doc)?;
        let level = levels.as_ref().and_then(|column| column.first(doc));
        let micros = timestamps.first(doc).map_or(0, DateTime::into_timestamp_micros);
        records.push(StoredRecord {
            seq: numbers.first(doc).unwrap_or(0),
            record: Record {
                timestamp: Timestamp::from_micros_clamped(micros),
                level: level.and_then(Level::from_name).unwrap_or(Level::Info),
                kind: RecordKind::Log,
                fields: fields_of(doc, &columns, stored_part(&document)),
            },
        });
    }
    Ok(records)
}

/// Joins what the columns and the document store have of one record, in the order of [`rank`].
fn fields_of(
    doc: DocId,
    columns: &[(Cow<'static, str>, ValueColumn)],
    stored: Vec<(Cow<'static, str>, Value<'static>)>,
) -> Vec<(Cow<'static, str>, Value<'static>)> {
    let mut fields = Vec::with_capacity(columns.len() + stored.len());
    for (name, column) in columns {
        if !is_covered(name, &stored)
            && let Some(value) = column.first(doc)
        {
            fields.push((name.clone(), value));
        }
    }
    // The columns come in order already, and few fields are stored.
    for (name, value) in stored {
        let position = fields.partition_point(|(earlier, _)| rank(earlier) < rank(&name));
        fields.insert(position, (name, value));
    }
    fields
}

/// Returns the columns of a segment's dynamic fields by dotted name, sorted; a name stands once
/// for each type that it has.
pub fn attribute_columns(
    reader: &SegmentReader,
) -> Result<Vec<(String, DynamicColumnHandle)>, StoreError> {
    let file = reader
        .open_read(SegmentComponent::FastFields)
        .map_err(|error| StoreError::Column(std::io::Error::other(error)))?;
    let columnar = ColumnarReader::open(file).map_err(StoreError::Column)?;
    let mut columns = Vec::with_capacity(columnar.num_columns());
    for (name, handle) in columnar.list_columns().map_err(StoreError::Column)? {
        let Some(path) = name.strip_prefix(ATTRIBUTES) else { continue };
        let Some(path) = path.strip_prefix(PATH_SEPARATOR) else { continue };
        columns.push((path.replace(PATH_SEPARATOR, "."), handle));
    }
    Ok(columns)
}

/// Returns the names of the text fields that a segment has words of, sorted.
pub fn text_paths(reader: &SegmentReader) -> Result<Vec<String>, StoreError> {
    let Some(column) = reader.fast_fields().str(TEXT_FIELDS)? else { return Ok(Vec::new()) };
    let mut names = Vec::with_capacity(column.num_terms());
    for ordinal in 0..column.num_terms() as u64 {
        let mut name = String::new();
        column.ord_to_str(ordinal, &mut name).map_err(StoreError::Column)?;
        names.push(name);
    }
    Ok(names)
}

/// Opens every dynamic column for a few documents, in the order of [`rank`].
fn open_attributes(
    reader: &SegmentReader,
    docs: &[DocId],
) -> Result<Vec<(Cow<'static, str>, ValueColumn)>, StoreError> {
    let mut columns = Vec::new();
    for (name, handle) in attribute_columns(reader)? {
        let column = match handle.open().map_err(StoreError::Column)? {
            DynamicColumn::Bool(column) => ValueColumn::Bool(column),
            DynamicColumn::I64(column) => ValueColumn::I64(column),
            DynamicColumn::U64(column) => ValueColumn::U64(column),
            DynamicColumn::F64(column) => ValueColumn::F64(column),
            DynamicColumn::Str(column) => ValueColumn::Text(TextColumn::load(&column, docs)?),
            // Records have no such values.
            DynamicColumn::IpAddr(_) | DynamicColumn::DateTime(_) | DynamicColumn::Bytes(_) => {
                continue;
            }
        };
        columns.push((Cow::Owned(name), column));
    }
    columns.sort_by(|(left, _), (right, _)| rank(left).cmp(&rank(right)));
    Ok(columns)
}

enum ValueColumn {
    Bool(Column<bool>),
    I64(Column<i64>),
    U64(Column<u64>),
    F64(Column<f64>),
    Text(TextColumn),
}

impl ValueColumn {
    fn first(&self, doc: DocId) -> Option<Value<'static>> {
        match self {
            ValueColumn::Bool(column) => column.first(doc).map(Value::Bool),
            ValueColumn::I64(column) => column.first(doc).map(Value::I64),
            ValueColumn::U64(column) => column.first(doc).map(unsigned),
            ValueColumn::F64(column) => column.first(doc).map(Value::F64),
            ValueColumn::Text(column) => {
                column.first(doc).map(|text| Value::Str(Cow::Owned(text.to_owned())))
            }
        }
    }
}

/// A column of u64 holds small integers too, when the segment has one large one.
fn unsigned(number: u64) -> Value<'static> {
    i64::try_from(number).map_or(Value::U64(number), Value::I64)
}

/// The texts of a column for a few documents.
///
/// They are looked up together, in the order of the dictionary: each of its blocks is inflated
/// once, however many of the documents need it.
struct TextColumn {
    ordinals: Column<u64>,
    /// The ordinals that occur, sorted, and the text of each.
    known: Vec<u64>,
    texts: Vec<Box<str>>,
}

impl TextColumn {
    fn load(column: &StrColumn, docs: &[DocId]) -> Result<TextColumn, StoreError> {
        let ordinals = column.ords().clone();
        let mut known: Vec<u64> = docs.iter().filter_map(|doc| ordinals.first(*doc)).collect();
        known.sort_unstable();
        known.dedup();
        let mut texts = Vec::with_capacity(known.len());
        column
            .dictionary()
            .sorted_ords_to_term_cb(&known, |term| {
                texts.push(String::from_utf8_lossy(term).into_owned().into_boxed_str());
            })
            .map_err(StoreError::Column)?;
        Ok(TextColumn { ordinals, known, texts })
    }

    fn first(&self, doc: DocId) -> Option<&str> {
        let position = self.known.binary_search(&self.ordinals.first(doc)?).ok()?;
        self.texts.get(position).map(AsRef::as_ref)
    }
}

/// Reads the stored remainder; one that does not decode is treated as absent, so that the
/// columns of the record still answer.
fn stored_part(document: &TantivyDocument) -> Vec<(Cow<'static, str>, Value<'static>)> {
    #[derive(Deserialize)]
    struct Field<'a>(#[serde(borrow)] Cow<'a, str>, #[serde(borrow)] Value<'a>);
    let Some(bytes) = document.get_first(index_fields().stored).and_then(|value| value.as_bytes())
    else {
        return Vec::new();
    };
    let fields: Vec<Field<'_>> = postcard::from_bytes(bytes).unwrap_or_default();
    fields
        .into_iter()
        .map(|Field(name, value)| (Cow::Owned(name.into_owned()), value.into_owned()))
        .collect()
}

/// Tells whether the stored part already has the field, or the array that the column's values
/// were taken from.
fn is_covered(column: &str, stored: &[(Cow<'static, str>, Value<'static>)]) -> bool {
    stored.iter().any(|(name, value)| match column.strip_prefix(name.as_ref()) {
        Some("") => true,
        Some(rest) => rest.starts_with('.') && matches!(value, Value::Json(_)),
        None => false,
    })
}

fn rank(name: &str) -> (usize, &str) {
    let position = SHOWN_FIRST.iter().position(|shown| *shown == name);
    (position.unwrap_or(SHOWN_FIRST.len()), name)
}
