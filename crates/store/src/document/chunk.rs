//! Records as tantivy visits them: many in one piece of memory.
//!
//! tantivy asks each document three times for its values: for the inverted index, for the
//! columns and for the document store. A [`ChunkDocument`] is a number in a shared [`Chunk`], and
//! what it answers is borrowed from there: nothing is allocated or freed for one record.

use std::iter::Empty;
use std::sync::Arc;

use tantivy::DateTime;
use tantivy::schema::Field;
use tantivy::schema::document::{
    Document, ReferenceValue, ReferenceValueLeaf, Value as TantivyValue,
};
use tierlog_model::{Level, NameId, Timestamp};

use super::pool::ChunkPool;
use super::template::Apart;
use super::{FieldNames, NameKind};
use crate::schema::{IndexFields, index_fields};

/// Encoded bytes after which a chunk is full: what a core's cache holds.
const CHUNK_BYTES: usize = 128 << 10;

/// Records after which a chunk is full, however small they are.
const CHUNK_RECORDS_MAX: usize = 1_024;

/// Buffers beyond this were grown by an exceptional record and are not kept.
const KEPT_BYTES_MAX: usize = 4 * CHUNK_BYTES;

/// A range of one of the buffers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    pub(super) fn is_empty(self) -> bool {
        self.start == self.end
    }

    fn of<T>(self, items: &[T]) -> &[T] {
        items.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    pub(super) fn of_text(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// A value whose text lies in the chunk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Flat {
    Text(Span),
    I64(i64),
    U64(u64),
    F64(f64),
    Bool(bool),
}

/// A named value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) name: Span,
    pub(super) value: Flat,
}

/// One record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) timestamp: Timestamp,
    pub(super) level: Level,
    pub(super) seq: u64,
    pub(super) texts: Span,
    pub(super) text_names: Span,
    /// In `text`; empty when the message has none.
    pub(super) template: Span,
    pub(super) columns: Span,
    pub(super) beside: Span,
    pub(super) stored: Span,
}

/// What a name of the batch means in a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownName {
    /// Where it lies.
    pub(super) span: Span,
    /// Whether it may be a column.
    pub(super) is_admitted: bool,
    /// What it says about its text.
    pub(super) kind: NameKind,
}

/// The memory of a chunk.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// By number: names of the batch that the records are of, as far as they were met.
    pub(super) names: Vec<Option<KnownName>>,
    /// The table of these names. Records of several batches may come one after the other.
    table_of_names: usize,
    pub(super) rows: Vec<Row>,
    /// Names and texts of all records.
    pub(super) text: String,
    /// What is tokenised.
    pub(super) texts: Vec<Entry>,
    /// Names of the text fields of a record, each once.
    pub(super) text_names: Vec<Span>,
    /// What is kept in columns.
    pub(super) columns: Vec<Entry>,
    /// What is kept in columns beside those.
    pub(super) beside: Vec<Entry>,
    /// What only the document store holds.
    pub(super) stored: Vec<u8>,
    /// Of one record, while its number of stored fields is not known.
    pub(super) stored_fields: Vec<u8>,
    /// State of one record while its fields are sorted into columns.
    pub(super) apart: Apart,
    /// Encoded bytes of the records so far.
    pub(super) encoded_bytes: usize,
}

impl Buffers {
    /// Forgets the names of another batch than the one of the next record.
    #[inline]
    pub(super) fn read_names_of(&mut self, table: usize) {
        if self.table_of_names != table {
            self.names.clear();
            self.table_of_names = table;
        }
    }

    pub(super) fn clear(&mut self) {
        self.names.clear();
        self.table_of_names = 0;
        self.rows.clear();
        self.text.clear();
        self.texts.clear();
        self.text_names.clear();
        self.columns.clear();
        self.beside.clear();
        self.stored.clear();
        self.stored_fields.clear();
        self.encoded_bytes = 0;
    }

    pub(super) fn are_worth_keeping(&self) -> bool {
        let entries = self.columns.capacity() + self.texts.capacity() + self.beside.capacity();
        self.text.capacity() <= KEPT_BYTES_MAX
            && self.stored.capacity() <= KEPT_BYTES_MAX
            && self.stored_fields.capacity() <= KEPT_BYTES_MAX
            && entries * size_of::<Entry>() <= KEPT_BYTES_MAX
            && self.names.capacity() * size_of::<Option<KnownName>>() <= KEPT_BYTES_MAX
    }

    /// Returns the meaning of a name; a new name is added to the cache.
    #[inline]
    pub(super) fn known_name(
        &mut self,
        id: NameId,
        name: &str,
        names: &mut FieldNames,
    ) -> KnownName {
        if let Some(Some(known)) = self.names.get(id.number()) {
            return *known;
        }
        self.learn_name(id, name, names)
    }

    #[cold]
    fn learn_name(&mut self, id: NameId, name: &str, names: &mut FieldNames) -> KnownName {
        let known = KnownName {
            span: self.add_text(name),
            is_admitted: names.admit(name),
            kind: NameKind::of(name),
        };
        if self.names.len() <= id.number() {
            self.names.resize(id.number() + 1, None);
        }
        if let Some(slot) = self.names.get_mut(id.number()) {
            *slot = Some(known);
        }
        known
    }

    /// Copies a text in and returns where it lies.
    pub(super) fn add_text(&mut self, text: &str) -> Span {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        Span { start, end: self.text.len() as u32 }
    }

    pub(super) fn text_of(&self, span: Span) -> &str {
        span.of_text(&self.text)
    }
}

/// Records of one partition. Its memory goes back to the pool when its last document is dropped.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(super) buffers: Buffers,
    pool: Arc<ChunkPool>,
}

impl Chunk {
    pub(super) fn new(buffers: Buffers, pool: Arc<ChunkPool>) -> Chunk {
        Chunk { buffers, pool }
    }

    /// Tells whether the chunk should be handed on. All its records are of one batch.
    pub(crate) fn is_full(&self) -> bool {
        self.buffers.encoded_bytes >= CHUNK_BYTES || self.buffers.rows.len() >= CHUNK_RECORDS_MAX
    }

    /// Returns the documents of the records, in their order.
    pub(crate) fn into_documents(self) -> impl ExactSizeIterator<Item = ChunkDocument> {
        let rows = self.buffers.rows.len() as u32;
        let chunk = Arc::new(self);
        (0..rows).map(move |row| ChunkDocument { chunk: chunk.clone(), row })
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.pool.put(std::mem::take(&mut self.buffers));
    }
}

/// One record of a chunk as a tantivy document.
#[derive(Clone, Debug)]
pub(crate) struct ChunkDocument {
    chunk: Arc<Chunk>,
    row: u32,
}

impl Document for ChunkDocument {
    type Value<'a> = Node<'a>;
    type FieldsValuesIter<'a> = FieldValues<'a>;

    fn iter_fields_and_values(&self) -> FieldValues<'_> {
        FieldValues::new(&self.chunk.buffers, self.row as usize)
    }
}

/// The values of a document, in the order of the schema's fields, in which tantivy sorts them.
pub(crate) struct FieldValues<'a> {
    handles: &'static IndexFields,
    buffers: &'a Buffers,
    /// Timestamp, level and number, one after the other.
    head: Option<(Head, &'a Row)>,
    texts: Option<Span>,
    text_names: std::slice::Iter<'a, Span>,
    template: Option<Span>,
    columns: Option<Span>,
    beside: Option<Span>,
    stored: Option<Span>,
}

/// What every document has.
#[derive(Clone, Copy, Debug)]
enum Head {
    Timestamp,
    Level,
    Seq,
}

impl<'a> FieldValues<'a> {
    fn new(buffers: &'a Buffers, row: usize) -> FieldValues<'a> {
        let row = buffers.rows.get(row);
        let span = |span: fn(&Row) -> Span| row.map(span).unwrap_or_default();
        let filled = |span: Span| Some(span).filter(|span| span.start < span.end);
        FieldValues {
            handles: index_fields(),
            buffers,
            head: row.map(|row| (Head::Timestamp, row)),
            texts: filled(span(|row| row.texts)),
            text_names: span(|row| row.text_names).of(&buffers.text_names).iter(),
            template: filled(span(|row| row.template)),
            columns: filled(span(|row| row.columns)),
            beside: filled(span(|row| row.beside)),
            stored: filled(span(|row| row.stored)),
        }
    }

    fn next_of_head(&mut self, head: Head, row: &'a Row) -> (Field, Node<'a>) {
        let (next, field) = match head {
            Head::Timestamp => {
                let moment = DateTime::from_timestamp_micros(row.timestamp.as_micros());
                (Some(Head::Level), (self.handles.timestamp, Node::Date(moment)))
            }
            Head::Level => (Some(Head::Seq), (self.handles.level, Node::Str(row.level.as_str()))),
            Head::Seq => (None, (self.handles.seq, Node::U64(row.seq))),
        };
        self.head = next.map(|next| (next, row));
        field
    }
}

impl<'a> Iterator for FieldValues<'a> {
    type Item = (Field, Node<'a>);

    fn next(&mut self) -> Option<(Field, Node<'a>)> {
        if let Some((head, row)) = self.head {
            return Some(self.next_of_head(head, row));
        }
        if let Some(texts) = self.texts.take() {
            return Some((self.handles.text, Node::Object(self.buffers, Kind::Texts, texts)));
        }
        if let Some(name) = self.text_names.next() {
            return Some((self.handles.text_fields, Node::Str(name.of_text(&self.buffers.text))));
        }
        if let Some(template) = self.template.take() {
            return Some((self.handles.template, Node::Str(template.of_text(&self.buffers.text))));
        }
        if let Some(columns) = self.columns.take() {
            let object = Node::Object(self.buffers, Kind::Columns, columns);
            return Some((self.handles.attributes, object));
        }
        if let Some(beside) = self.beside.take() {
            return Some((self.handles.beside, Node::Object(self.buffers, Kind::Beside, beside)));
        }
        let stored = self.stored.take()?;
        Some((self.handles.stored, Node::Bytes(stored.of(&self.buffers.stored))))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let head = match self.head {
            Some((Head::Timestamp, _)) => 3,
            Some((Head::Level, _)) => 2,
            Some((Head::Seq, _)) => 1,
            None => 0,
        };
        let single = usize::from(self.texts.is_some())
            + usize::from(self.template.is_some())
            + usize::from(self.columns.is_some())
            + usize::from(self.beside.is_some())
            + usize::from(self.stored.is_some());
        let count = head + single + self.text_names.len();
        (count, Some(count))
    }
}

/// A value of a document, borrowed from its chunk.
#[derive(Clone, Debug)]
pub(crate) enum Node<'a> {
    Date(DateTime),
    Str(&'a str),
    I64(i64),
    U64(u64),
    F64(f64),
    Bool(bool),
    Bytes(&'a [u8]),
    Object(&'a Buffers, Kind, Span),
}

/// Which of the entries of a chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Texts,
    Columns,
    Beside,
}

impl<'a> TantivyValue<'a> for Node<'a> {
    type ArrayIter = Empty<Node<'a>>;
    type ObjectIter = Entries<'a>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        ReferenceValue::Leaf(match self {
            Node::Date(moment) => ReferenceValueLeaf::Date(*moment),
            Node::Str(text) => ReferenceValueLeaf::Str(text),
            Node::I64(number) => ReferenceValueLeaf::I64(*number),
            Node::U64(number) => ReferenceValueLeaf::U64(*number),
            Node::F64(number) => ReferenceValueLeaf::F64(*number),
            Node::Bool(value) => ReferenceValueLeaf::Bool(*value),
            Node::Bytes(bytes) => ReferenceValueLeaf::Bytes(bytes),
            Node::Object(buffers, kind, span) => {
                let entries = match kind {
                    Kind::Texts => &buffers.texts,
                    Kind::Columns => &buffers.columns,
                    Kind::Beside => &buffers.beside,
                };
                let entries = span.of(entries).iter();
                return ReferenceValue::Object(Entries { text: &buffers.text, entries });
            }
        })
    }
}

/// Named values of a document.
#[derive(Clone, Debug)]
pub(crate) struct Entries<'a> {
    text: &'a str,
    entries: std::slice::Iter<'a, Entry>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a str, Node<'a>);

    fn next(&mut self) -> Option<(&'a str, Node<'a>)> {
        let entry = self.entries.next()?;
        let value = match entry.value {
            Flat::Text(span) => Node::Str(span.of_text(self.text)),
            Flat::I64(number) => Node::I64(number),
            Flat::U64(number) => Node::U64(number),
            Flat::F64(number) => Node::F64(number),
            Flat::Bool(value) => Node::Bool(value),
        };
        Some((entry.name.of_text(self.text), value))
    }
}
