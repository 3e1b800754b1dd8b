//! Phrases: whether words stand one after the other in a text of a record.
//!
//! Arrives: a document that has all the words, as the index says. Leaves: whether they follow each
//! other. The index has no positions: they cost a tenth of a partition, and a template answers for
//! all of its messages when the words stand in its plain text. Otherwise only those values are
//! read that the words can reach. Nothing here says which documents to look at.

use std::collections::HashMap;

use tantivy::columnar::{Column, DynamicColumn, StrColumn};
use tantivy::schema::TantivyDocument;
use tantivy::store::StoreReader;
use tantivy::{DocId, SegmentReader};
use tierlog_model::{Value, fields};

use super::arrays::{Element, elements};
use super::read::Stored;
use super::template::{Part, parts, write_value};
use crate::StoreError;
use crate::schema::{TEMPLATE, attribute_column, words};

/// Blocks of the document store that stay inflated: documents are asked for in order, or in
/// windows from the last to the first.
const STORE_CACHE_BLOCKS: usize = 4;

/// Templates, or texts of a column, whose words are remembered; then all are forgotten.
const REMEMBERED_MAX: usize = 4_096;

/// Verifies one phrase in one field of a segment.
pub struct PhraseReader {
    segment: SegmentReader,
    path: String,
    /// Words by their distance from the first.
    phrase: Vec<(usize, String)>,
    /// Of messages.
    templates: Option<StrColumn>,
    shapes: HashMap<u64, Shape>,
    columns: HashMap<String, Vec<FieldColumn>>,
    store: Option<StoreReader>,
}

impl PhraseReader {
    /// Opens what verifies a phrase: words with their positions, as [`crate::tokenize`] gives them.
    pub fn open(
        segment: &SegmentReader,
        path: &str,
        phrase: &[(usize, String)],
    ) -> Result<PhraseReader, StoreError> {
        let first = phrase.first().map_or(0, |(position, _)| *position);
        let distance =
            |(position, word): &(usize, String)| (position.saturating_sub(first), word.clone());
        let templates = match path {
            fields::MESSAGE => segment.fast_fields().str(TEMPLATE)?,
            _ => None,
        };
        Ok(PhraseReader {
            segment: segment.clone(),
            path: path.to_owned(),
            phrase: phrase.iter().map(distance).collect(),
            templates,
            shapes: HashMap::new(),
            columns: HashMap::new(),
            store: None,
        })
    }

    /// Tells whether a document has the phrase.
    pub fn matches(&mut self, doc: DocId) -> Result<bool, StoreError> {
        let template = self.templates.as_ref().and_then(|column| column.ords().first(doc));
        let Some(template) = template else { return self.stored_text_matches(doc) };
        // Taken out while values are read for it.
        let shape = match self.shapes.remove(&template) {
            Some(shape) => shape,
            None => self.read_shape(template)?,
        };
        let matches = shape.has_phrase || self.message_matches(doc, &shape)?;
        if self.shapes.len() >= REMEMBERED_MAX {
            self.shapes.clear();
        }
        self.shapes.insert(template, shape);
        Ok(matches)
    }

    fn read_shape(&self, ordinal: u64) -> Result<Shape, StoreError> {
        let mut template = String::new();
        if let Some(column) = &self.templates {
            column.ord_to_str(ordinal, &mut template).map_err(StoreError::Column)?;
        }
        let parts: Vec<ShapePart> = parts(&template).map(ShapePart::of).collect();
        let has_phrase = parts.iter().any(|part| match part {
            ShapePart::Plain(plain) => stands_in(&self.phrase, plain),
            ShapePart::Field(_) | ShapePart::Slot(_) => false,
        });
        Ok(Shape { parts, has_phrase })
    }

    /// Looks for the phrase across the parts of a message. Where it starts in plain text, only
    /// what follows is read; all values are only when it starts in none.
    fn message_matches(&mut self, doc: DocId, shape: &Shape) -> Result<bool, StoreError> {
        let mut message = Message { doc, shape, values: vec![None; shape.parts.len()] };
        for is_plain in [true, false] {
            for part in 0..shape.parts.len() {
                if matches!(shape.parts.get(part), Some(ShapePart::Plain(_))) != is_plain {
                    continue;
                }
                for start in 0..message.words(part, self)?.len() {
                    if self.starts_at(&mut message, part, start)? {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    fn starts_at(
        &mut self,
        message: &mut Message<'_>,
        mut part: usize,
        start: usize,
    ) -> Result<bool, StoreError> {
        // Words of the phrase stand in ascending order: parts are passed once.
        let mut passed = 0;
        for next in 0..self.phrase.len() {
            let Some(distance) = self.phrase.get(next).map(|(distance, _)| *distance) else {
                break;
            };
            loop {
                let count = message.words(part, self)?.len();
                if start + distance < passed + count {
                    break;
                }
                passed += count;
                part += 1;
                if part >= message.shape.parts.len() {
                    return Ok(false);
                }
            }
            let place = start + distance - passed;
            let found = message.words(part, self)?.get(place).cloned();
            if found.as_ref() != self.phrase.get(next).map(|(_, word)| word) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the words of a field's value.
    fn field_words(&mut self, name: &str, doc: DocId) -> Result<Vec<String>, StoreError> {
        if !self.columns.contains_key(name) {
            let handles =
                self.segment.fast_fields().dynamic_column_handles(&attribute_column(name))?;
            let mut columns = Vec::new();
            for handle in handles {
                columns.extend(FieldColumn::of(handle.open().map_err(StoreError::Column)?));
            }
            self.columns.insert(name.to_owned(), columns);
        }
        for column in self.columns.get_mut(name).into_iter().flatten() {
            if let Some(words) = column.words(doc)? {
                return Ok(words);
            }
        }
        Ok(Vec::new())
    }

    fn stored(&mut self, doc: DocId) -> Result<Stored, StoreError> {
        let store = match self.store.take() {
            Some(store) => store,
            None => {
                self.segment.get_store_reader(STORE_CACHE_BLOCKS).map_err(StoreError::Column)?
            }
        };
        let document: TantivyDocument = store.get(doc)?;
        self.store = Some(store);
        Ok(Stored::of(&document))
    }

    /// Looks into texts that are stored whole, each on its own.
    fn stored_text_matches(&mut self, doc: DocId) -> Result<bool, StoreError> {
        let stored = self.stored(doc)?;
        let is_in = |text: &str| stands_in(&self.phrase, &words(text));
        Ok(stored.fields.iter().any(|(name, value)| match value {
            Value::Str(text) => *name == self.path && is_in(text),
            Value::Json(array) if self.path.starts_with(name.as_ref()) => {
                elements(name, array).into_iter().any(|(name, element)| match element {
                    Element::Text(text) => name == self.path && is_in(&text),
                    Element::I64(_) | Element::U64(_) | Element::F64(_) | Element::Bool(_) => false,
                })
            }
            Value::Json(_) | Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => {
                false
            }
        }))
    }
}

/// A template, read for a phrase.
struct Shape {
    parts: Vec<ShapePart>,
    /// Whether the phrase stands in a plain part: then all messages have it.
    has_phrase: bool,
}

enum ShapePart {
    /// Words of plain text.
    Plain(Vec<String>),
    /// The value of a field.
    Field(String),
    /// A slot, by number.
    Slot(usize),
}

impl ShapePart {
    fn of(part: Part<'_>) -> ShapePart {
        match part {
            Part::Plain(text) => ShapePart::Plain(words(text)),
            Part::Field(name) => ShapePart::Field(name.to_owned()),
            Part::Slot(number) => ShapePart::Slot(number),
        }
    }
}

/// A message whose parts become words as they are needed. A value ends where a word does, so the
/// words of the parts are those of the message.
struct Message<'s> {
    doc: DocId,
    shape: &'s Shape,
    values: Vec<Option<Vec<String>>>,
}

impl Message<'_> {
    fn words(&mut self, part: usize, reader: &mut PhraseReader) -> Result<&[String], StoreError> {
        let Some(value) = self.values.get_mut(part) else { return Ok(&[]) };
        let read = match self.shape.parts.get(part) {
            Some(ShapePart::Plain(plain)) => return Ok(plain),
            _ if value.is_some() => Vec::new(),
            Some(ShapePart::Field(name)) => reader.field_words(name, self.doc)?,
            Some(ShapePart::Slot(number)) => {
                words(reader.stored(self.doc)?.slot(*number).unwrap_or_default())
            }
            None => Vec::new(),
        };
        Ok(value.get_or_insert(read))
    }
}

/// A column whose values stand in messages.
enum FieldColumn {
    Text { column: StrColumn, known: HashMap<u64, Vec<String>> },
    I64(Column<i64>),
    U64(Column<u64>),
    F64(Column<f64>),
}

impl FieldColumn {
    /// Other types are never taken out of a message.
    fn of(column: DynamicColumn) -> Option<FieldColumn> {
        match column {
            DynamicColumn::Str(column) => Some(FieldColumn::Text { column, known: HashMap::new() }),
            DynamicColumn::I64(column) => Some(FieldColumn::I64(column)),
            DynamicColumn::U64(column) => Some(FieldColumn::U64(column)),
            DynamicColumn::F64(column) => Some(FieldColumn::F64(column)),
            DynamicColumn::Bool(_)
            | DynamicColumn::IpAddr(_)
            | DynamicColumn::DateTime(_)
            | DynamicColumn::Bytes(_) => None,
        }
    }

    fn words(&mut self, doc: DocId) -> Result<Option<Vec<String>>, StoreError> {
        let value = match self {
            FieldColumn::Text { column, known } => {
                let Some(ordinal) = column.ords().first(doc) else { return Ok(None) };
                if let Some(words) = known.get(&ordinal) {
                    return Ok(Some(words.clone()));
                }
                let mut text = String::new();
                column.ord_to_str(ordinal, &mut text).map_err(StoreError::Column)?;
                if known.len() >= REMEMBERED_MAX {
                    known.clear();
                }
                let words = words(&text);
                known.insert(ordinal, words.clone());
                return Ok(Some(words));
            }
            FieldColumn::I64(column) => column.first(doc).map(Value::I64),
            FieldColumn::U64(column) => column.first(doc).map(Value::U64),
            FieldColumn::F64(column) => column.first(doc).map(Value::F64),
        };
        Ok(value.map(|value| {
            let mut text = String::new();
            write_value(&value, &mut text);
            words(&text)
        }))
    }
}

/// Tells whether a phrase stands somewhere among words.
fn stands_in(phrase: &[(usize, String)], words: &[String]) -> bool {
    (0..words.len()).any(|start| {
        phrase.iter().all(|(distance, word)| words.get(start + distance) == Some(word))
    })
}
