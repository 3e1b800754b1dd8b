//! Documents become records again: columns first, then what only the document store has.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use tantivy::columnar::{
    Cardinality, Column, ColumnType, ColumnarReader, DynamicColumn, DynamicColumnHandle,
    MonotonicallyMappableToU64, StrColumn,
};
use tantivy::index::SegmentComponent;
use tantivy::schema::{TantivyDocument, Value as _};
use tantivy::{DateTime, DocId, SegmentReader};
use tierlog_model::{Level, Record, RecordKind, Timestamp, Value, fields};

use super::beside::{ERROR_WORDS, PAIR, PAIRED_WORDS, read_pair, value_of};
use super::template::{put_together, slot};
use super::texts::{TextColumn, Texts};
use super::{Beside, pair_column};
use crate::StoreError;
use crate::schema::{
    ATTRIBUTES, BESIDE, LEVEL, SEQ, TEMPLATE, TEXT_FIELDS, TIMESTAMP, index_fields,
};

/// Separates the segments of a JSON path in a column's name.
const PATH_SEPARATOR: char = '\u{1}';

/// Blocks of the document store that one read keeps inflated: hits of one page are neighbours.
const STORE_CACHE_BLOCKS: usize = 4;

/// Bytes of dictionaries that one open segment keeps: its templates and a few dozen small columns.
/// They count in the budget of open readers.
const KEPT_DICTIONARIES_BYTES_MAX: usize = 1 << 20;

/// Columns of every record: moment, number, level, template.
const BUILT_IN_COLUMNS: usize = 4;

/// Memory of an open column, measured: readers of values and of presence, and of a text column
/// the directory of its dictionary.
const COLUMN_BYTES: usize = 768;

/// Fields that a reader wants to see first, in this order; the others follow by name.
const SHOWN_FIRST: [&str; 22] = [
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
    fields::ROUTE,
    fields::STATUS_CODE,
    fields::DURATION_MS,
    fields::ERROR_TYPE,
    fields::ERROR_MESSAGE,
    fields::CLIENT_IP,
    fields::ENVIRONMENT,
    fields::RELEASE,
    fields::HOST,
    fields::SOURCE,
    fields::LEVEL_TEXT,
    fields::STACKTRACE,
];

/// Documents whose moments [`RecordReader::moment_bounds`] bounds together.
pub const BOUND_DOCS: usize = 4_096;

/// The stored number of 1970, for a record without a moment: no version of ours wrote one.
const NO_MOMENT: u64 = 1 << 63;

/// A record of the store.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRecord {
    /// Its number: unique, in the order of acknowledgement.
    pub seq: u64,
    /// The record.
    pub record: Record<'static>,
}

/// The columns that records are ordered by. Cheap to clone.
#[derive(Clone)]
pub struct OrderColumns {
    /// Nanoseconds, as the column's order-preserving numbers.
    pub moments: Column<u64>,
    /// Numbers of the records.
    pub numbers: Column<u64>,
}

impl fmt::Debug for OrderColumns {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OrderColumns")
    }
}

impl OrderColumns {
    /// Opens them.
    pub(crate) fn open(segment: &SegmentReader) -> Result<OrderColumns, StoreError> {
        let fast_fields = segment.fast_fields();
        let moments = fast_fields.u64_lenient_for_type(Some(&[ColumnType::DateTime]), TIMESTAMP)?;
        let moments = match moments {
            Some((moments, _)) => moments,
            None => Column::build_empty_column(segment.max_doc()),
        };
        Ok(OrderColumns { moments, numbers: fast_fields.u64(SEQ)? })
    }
}

/// Rebuilds records of one segment. Its columns and small dictionaries are opened once: opening
/// them costs more than reading the few records of a look-up.
pub struct RecordReader {
    segment: SegmentReader,
    order: OrderColumns,
    /// Oldest and youngest moment of each [`BOUND_DOCS`] documents.
    bounds: OnceLock<Vec<(Timestamp, Timestamp)>>,
    levels: Option<TextColumn>,
    templates: Option<TextColumn>,
    /// Every dynamic column, in the order of [`rank`].
    columns: Vec<(Cow<'static, str>, ValueColumn)>,
    /// Values of names without a column.
    pairs: Option<TextColumn>,
    /// Bytes that kept dictionaries may still take.
    dictionary_bytes_left: AtomicUsize,
}

impl fmt::Debug for RecordReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RecordReader({})", self.segment.segment_id())
    }
}

impl RecordReader {
    /// Opens the columns of a segment.
    pub fn open(segment: &SegmentReader) -> Result<RecordReader, StoreError> {
        RecordReader::with_order(segment, OrderColumns::open(segment)?)
    }

    /// Opens the other columns of a segment.
    pub(crate) fn with_order(
        segment: &SegmentReader,
        order: OrderColumns,
    ) -> Result<RecordReader, StoreError> {
        let fast_fields = segment.fast_fields();
        Ok(RecordReader {
            segment: segment.clone(),
            order,
            bounds: OnceLock::new(),
            levels: fast_fields.str(LEVEL)?.map(TextColumn::new),
            templates: fast_fields.str(TEMPLATE)?.map(TextColumn::of_templates),
            columns: open_columns(segment)?,
            pairs: fast_fields.str(&pair_column())?.map(TextColumn::new),
            dictionary_bytes_left: AtomicUsize::new(KEPT_DICTIONARIES_BYTES_MAX),
        })
    }

    /// Returns how many columns a record is rebuilt from.
    pub fn column_count(&self) -> usize {
        self.columns.len() + BUILT_IN_COLUMNS
    }

    /// Returns about how much memory it takes: open columns, kept dictionaries, bounds.
    pub(crate) fn memory_bytes(&self) -> usize {
        let left = self.dictionary_bytes_left.load(Ordering::Relaxed);
        let bounds = self.bounds.get().map_or(0, |bounds| size_of_val(bounds.as_slice()));
        size_of::<RecordReader>()
            + (self.columns.len() + BUILT_IN_COLUMNS) * COLUMN_BYTES
            + KEPT_DICTIONARIES_BYTES_MAX.saturating_sub(left)
            + bounds
    }

    /// Returns the oldest and youngest moment of the [`BOUND_DOCS`] documents that a document is
    /// one of, counted from the segment's first. Their documents stand about in order of time, so
    /// a search for the newest needs to look at few of them.
    pub fn moment_bounds(&self, doc: DocId) -> Option<(Timestamp, Timestamp)> {
        self.bounds.get_or_init(|| self.read_bounds()).get(doc as usize / BOUND_DOCS).copied()
    }

    fn read_bounds(&self) -> Vec<(Timestamp, Timestamp)> {
        if self.order.moments.get_cardinality() != Cardinality::Full {
            return Vec::new();
        }
        let max_doc = self.segment.max_doc() as usize;
        let mut values = vec![0; BOUND_DOCS.min(max_doc)];
        let mut bounds = Vec::with_capacity(max_doc.div_ceil(BOUND_DOCS));
        for start in (0..max_doc).step_by(BOUND_DOCS) {
            values.truncate(max_doc - start);
            self.order.moments.values.get_range(start as u64, &mut values);
            let oldest = values.iter().copied().min().unwrap_or(u64::MIN);
            let youngest = values.iter().copied().max().unwrap_or(u64::MAX);
            bounds.push((moment(oldest), moment(youngest)));
        }
        bounds
    }

    /// Rebuilds records, in the order of `docs`.
    ///
    /// Whether a partition holds log lines or dead letters is a matter of its tier; the records
    /// of both read back as [`RecordKind::Log`].
    pub fn read(&self, docs: &[DocId]) -> Result<Vec<StoredRecord>, StoreError> {
        Ok(self.read_within(docs, usize::MAX)?.unwrap_or_default())
    }

    /// Rebuilds records as [`RecordReader::read`] does; `None` when they would take more than so
    /// many bytes of memory. At most a single record more is built.
    pub fn read_within(
        &self,
        docs: &[DocId],
        bytes_max: usize,
    ) -> Result<Option<Vec<StoredRecord>>, StoreError> {
        if docs.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let left = &self.dictionary_bytes_left;
        let levels = load(self.levels.as_ref(), docs, left)?;
        let templates = load(self.templates.as_ref(), docs, left)?;
        let mut columns = Vec::with_capacity(self.columns.len());
        for (name, column) in &self.columns {
            columns.push((name, column.load(docs, left)?));
        }
        let pairs = self.pairs.as_ref().map(|pairs| pairs.load_all(docs, left)).transpose()?;
        let store =
            self.segment.get_store_reader(STORE_CACHE_BLOCKS).map_err(StoreError::Column)?;

        let mut records = Vec::with_capacity(docs.len());
        let mut bytes_left = bytes_max;
        for &doc in docs {
            let document: TantivyDocument = store.get(doc)?;
            let mut stored = Stored::of(&document);
            if let Some(pairs) = &pairs {
                stored.add_pairs(pairs.all(doc));
            }
            if let Some(template) = templates.as_ref().and_then(|texts| texts.first(doc)) {
                stored.add_message(template, &columns, doc);
            }
            let level = levels.as_ref().and_then(|texts| texts.first(doc));
            let record = Record {
                timestamp: moment(self.order.moments.first(doc).unwrap_or(NO_MOMENT)),
                level: level.and_then(Level::from_name).unwrap_or(Level::Info),
                kind: RecordKind::Log,
                fields: fields_of(doc, &columns, stored.fields),
            };
            match bytes_left.checked_sub(record.memory_bytes()) {
                Some(left) => bytes_left = left,
                None => return Ok(None),
            }
            let seq = self.order.numbers.first(doc).unwrap_or(0);
            records.push(StoredRecord { seq, record });
        }
        Ok(Some(records))
    }
}

/// Rebuilds records of one segment, in the order of `docs`, for a single read.
pub fn read_records(
    segment: &SegmentReader,
    docs: &[DocId],
) -> Result<Vec<StoredRecord>, StoreError> {
    if docs.is_empty() {
        return Ok(Vec::new());
    }
    RecordReader::open(segment)?.read(docs)
}

fn moment(stored: u64) -> Timestamp {
    Timestamp::from_micros_clamped(DateTime::from_u64(stored).into_timestamp_micros())
}

/// Joins what the columns and the document store have of one record, in the order of [`rank`].
fn fields_of(
    doc: DocId,
    columns: &[(&Cow<'static, str>, Values<'_>)],
    stored: Vec<(Cow<'static, str>, Value<'static>)>,
) -> Vec<(Cow<'static, str>, Value<'static>)> {
    let mut fields = Vec::with_capacity(columns.len() + stored.len());
    for (name, column) in columns {
        if !is_covered(name, &stored)
            && let Some(value) = column.first(doc)
        {
            fields.push(((*name).clone(), value));
        }
    }
    // The columns come in order already, and few fields are stored.
    for (name, value) in stored {
        let position = fields.partition_point(|(earlier, _)| rank(earlier) < rank(&name));
        fields.insert(position, (name, value));
    }
    fields
}

/// A column of a segment's dynamic fields, by what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Values of a field.
    Own,
    /// Values beside those.
    Beside(Beside),
    /// Names without a column, each with its value.
    Pairs,
}

/// Returns the columns of a segment's dynamic fields by dotted name, sorted within their kind; a
/// name stands once for each type that it has.
pub fn field_columns(
    reader: &SegmentReader,
) -> Result<Vec<(ColumnKind, String, DynamicColumnHandle)>, StoreError> {
    let file = reader
        .open_read(SegmentComponent::FastFields)
        .map_err(|error| StoreError::Column(std::io::Error::other(error)))?;
    let columnar = ColumnarReader::open(file).map_err(StoreError::Column)?;
    // No room by the number that the file names: a writer asks before the file was compared with
    // the checksum, and a flipped bit there would ask for all memory.
    let mut columns = Vec::new();
    for (name, handle) in columnar.list_columns().map_err(StoreError::Column)? {
        let Some((field, path)) = name.split_once(PATH_SEPARATOR) else { continue };
        let path = path.replace(PATH_SEPARATOR, ".");
        if field == ATTRIBUTES {
            columns.push((ColumnKind::Own, path, handle));
        } else if field == BESIDE && path == PAIR {
            columns.push((ColumnKind::Pairs, path, handle));
        } else if field == BESIDE
            && let Some((kind, name)) = Beside::of_path(&path)
        {
            columns.push((ColumnKind::Beside(kind), name.to_owned(), handle));
        }
    }
    Ok(columns)
}

/// Returns the names of the text fields that a segment has words of, sorted.
pub fn text_paths(reader: &SegmentReader) -> Result<Vec<String>, StoreError> {
    let Some(column) = reader.fast_fields().str(TEXT_FIELDS)? else { return Ok(Vec::new()) };
    terms(&column)
}

/// Tells whether a text field is one, and not where the words of several fields are.
pub fn is_field(text_path: &str) -> bool {
    ![PAIRED_WORDS, ERROR_WORDS].contains(&text_path)
}

/// Returns the different texts of a column, sorted, so that a text's number is its place. For
/// columns of few.
pub(crate) fn terms(column: &StrColumn) -> Result<Vec<String>, StoreError> {
    let mut terms = Vec::with_capacity(column.num_terms());
    for ordinal in 0..column.num_terms() as u64 {
        let mut term = String::new();
        column.ord_to_str(ordinal, &mut term).map_err(StoreError::Column)?;
        terms.push(term);
    }
    Ok(terms)
}

/// Opens every dynamic column that has whole values, in the order of [`rank`].
fn open_columns(
    reader: &SegmentReader,
) -> Result<Vec<(Cow<'static, str>, ValueColumn)>, StoreError> {
    let mut columns = Vec::new();
    for (kind, name, handle) in field_columns(reader)? {
        match kind {
            ColumnKind::Own
            | ColumnKind::Beside(Beside::Integer)
            | ColumnKind::Beside(Beside::Unsigned) => {}
            // The texts are stored, and pairs are opened by their reader.
            ColumnKind::Beside(Beside::Long) | ColumnKind::Pairs => continue,
        }
        let column = match handle.open().map_err(StoreError::Column)? {
            DynamicColumn::Bool(column) => ValueColumn::Bool(column),
            DynamicColumn::I64(column) => ValueColumn::I64(column),
            DynamicColumn::U64(column) => ValueColumn::U64(column),
            DynamicColumn::F64(column) => ValueColumn::F64(column),
            DynamicColumn::Str(column) => ValueColumn::Text(TextColumn::new(column)),
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
    /// Makes the values of a few documents ready.
    fn load(&self, docs: &[DocId], left: &AtomicUsize) -> Result<Values<'_>, StoreError> {
        Ok(match self {
            ValueColumn::Bool(column) => Values::Bool(column),
            ValueColumn::I64(column) => Values::I64(column),
            ValueColumn::U64(column) => Values::U64(column),
            ValueColumn::F64(column) => Values::F64(column),
            ValueColumn::Text(column) => Values::Text(column.load(docs, left)?),
        })
    }
}

/// The values of a column for a few documents.
enum Values<'c> {
    Bool(&'c Column<bool>),
    I64(&'c Column<i64>),
    U64(&'c Column<u64>),
    F64(&'c Column<f64>),
    Text(Texts<'c>),
}

impl Values<'_> {
    fn first(&self, doc: DocId) -> Option<Value<'static>> {
        match self {
            Values::Bool(column) => column.first(doc).map(Value::Bool),
            Values::I64(column) => column.first(doc).map(Value::I64),
            Values::U64(column) => column.first(doc).map(Value::U64),
            Values::F64(column) => column.first(doc).map(Value::F64),
            Values::Text(texts) => {
                texts.first(doc).map(|text| Value::Str(Cow::Owned(text.to_owned())))
            }
        }
    }
}

fn load<'c>(
    column: Option<&'c TextColumn>,
    docs: &[DocId],
    left: &AtomicUsize,
) -> Result<Option<Texts<'c>>, StoreError> {
    column.map(|column| column.load(docs, left)).transpose()
}

/// What the document store has of a record.
#[derive(Default)]
pub(super) struct Stored {
    /// Texts of the slots of the message's template.
    slots: String,
    pub(super) fields: Vec<(Cow<'static, str>, Value<'static>)>,
}

impl Stored {
    /// Reads what is stored; what does not decode is treated as absent, so that the columns of
    /// the record still answer.
    pub(super) fn of(document: &TantivyDocument) -> Stored {
        #[derive(Deserialize)]
        struct Field<'a>(#[serde(borrow)] Cow<'a, str>, #[serde(borrow)] Value<'a>);
        let stored = document.get_first(index_fields().stored);
        let Some(bytes) = stored.and_then(|value| value.as_bytes()) else {
            return Stored::default();
        };
        let (slots, fields): (&str, Vec<Field<'_>>) =
            postcard::from_bytes(bytes).unwrap_or_default();
        let owned =
            |Field(name, value): Field<'_>| (Cow::Owned(name.into_owned()), value.into_owned());
        Stored { slots: slots.to_owned(), fields: fields.into_iter().map(owned).collect() }
    }

    /// Returns the texts of the slots.
    pub(super) fn slots(&self) -> &str {
        &self.slots
    }

    /// Returns the text of a slot.
    pub(super) fn slot(&self, number: usize) -> Option<&str> {
        slot(&self.slots, number)
    }

    /// Adds the values of names without a column, but for those of arrays.
    fn add_pairs<'t>(&mut self, pairs: impl Iterator<Item = &'t str>) {
        for pair in pairs {
            if let Some((name, value)) = read_pair(pair)
                && !is_covered(name, &self.fields)
                && let Some(value) = value_of(value)
            {
                self.fields.push((Cow::Owned(name.to_owned()), value));
            }
        }
    }

    /// Adds the message that a template stands for.
    fn add_message(&mut self, template: &str, columns: &[(&Cow<'_, str>, Values<'_>)], doc: DocId) {
        let value_of = |name: &str| {
            let named = columns.iter().filter(|(column, _)| column.as_ref() == name);
            named.into_iter().find_map(|(_, column)| column.first(doc))
        };
        if let Some(message) = put_together(template, &self.slots, value_of) {
            self.fields.push((Cow::Borrowed(fields::MESSAGE), Value::Str(Cow::Owned(message))));
        }
    }
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
