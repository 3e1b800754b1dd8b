//! Texts of records, read for what the index cannot say: whether words stand one after the other,
//! whether a word fits of which the index has a part only, and whether signs are there.
//!
//! Arrives: a document that may have what is sought, as the index says. Leaves: whether it has. The
//! index has no positions: they cost a tenth of a partition, and a template answers for all of its
//! messages when what is sought stands in its plain text. Otherwise only those values are read that
//! the words can reach. The caller chooses the documents.

use std::collections::HashMap;
use std::fmt;

use tantivy::columnar::{Column, DynamicColumn, StrColumn};
use tantivy::schema::TantivyDocument;
use tantivy::store::StoreReader;
use tantivy::{DocId, SegmentReader};
use tierlog_model::{Value, fields, is_error_text, limits};

use super::arrays::elements;
use super::beside::{ERROR_WORDS, PAIRED_WORDS, PairValue, read_pair};
use super::read::{ColumnKind, Stored, field_columns};
use super::template::{Part, parts, put_together, write_value};
use crate::StoreError;
use crate::schema::{TEMPLATE, attribute_column};
use crate::words::{NormalText, Phrase, Signs};

/// Blocks of the document store that stay inflated: documents are asked for in order, or in
/// windows from the last to the first.
const STORE_CACHE_BLOCKS: usize = 4;

/// Templates, or texts of a column, that are remembered; then all are forgotten.
const REMEMBERED_MAX: usize = 4_096;

/// What a text is read for.
pub enum Sought {
    /// Words that stand one after the other.
    Phrase(Phrase),
    /// One word that fits.
    Word(Box<dyn Fn(&str) -> bool + Send>),
    /// Signs as they are.
    Signs(Signs),
}

impl fmt::Debug for Sought {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sought::Phrase(phrase) => phrase.fmt(formatter),
            Sought::Word(_) => formatter.write_str("Word"),
            Sought::Signs(signs) => signs.fmt(formatter),
        }
    }
}

impl Sought {
    /// Returns how many words one after the other are sought.
    fn words(&self) -> usize {
        match self {
            Sought::Phrase(phrase) => phrase.words().len(),
            Sought::Word(_) => 1,
            Sought::Signs(_) => 0,
        }
    }

    fn fits(&self, place: usize, word: &str) -> bool {
        match self {
            Sought::Phrase(phrase) => phrase.fits(place, word),
            Sought::Word(fits) => fits(word),
            Sought::Signs(_) => false,
        }
    }

    fn stands_in(&self, text: &str) -> bool {
        let text = NormalText::of(text);
        match self {
            Sought::Phrase(phrase) => phrase.stands_in(&text),
            Sought::Word(fits) => text.words().any(fits),
            Sought::Signs(signs) => signs.stand_in(&text),
        }
    }
}

/// Searches one field of a segment's records.
pub struct TextReader {
    segment: SegmentReader,
    path: String,
    sought: Sought,
    /// Of messages.
    templates: Option<StrColumn>,
    shapes: HashMap<u64, Shape>,
    columns: HashMap<String, Vec<FieldColumn>>,
    /// Of short texts about errors, once they are opened.
    errors: Option<Vec<ErrorColumn>>,
    store: Option<StoreReader>,
}

impl fmt::Debug for TextReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TextReader({}: {:?})", self.path, self.sought)
    }
}

impl TextReader {
    /// Opens what reads a field.
    pub fn open(
        segment: &SegmentReader,
        path: &str,
        sought: Sought,
    ) -> Result<TextReader, StoreError> {
        let templates = match path {
            fields::MESSAGE => segment.fast_fields().str(TEMPLATE)?,
            _ => None,
        };
        Ok(TextReader {
            segment: segment.clone(),
            path: path.to_owned(),
            sought,
            templates,
            shapes: HashMap::new(),
            columns: HashMap::new(),
            errors: None,
            store: None,
        })
    }

    /// Tells whether a document has what is sought.
    pub fn matches(&mut self, doc: DocId) -> Result<bool, StoreError> {
        let template = self.templates.as_ref().and_then(|column| column.ords().first(doc));
        let Some(template) = template else {
            return match self.path == ERROR_WORDS {
                true => self.error_text_matches(doc),
                false => self.whole_text_matches(doc),
            };
        };
        // Taken out while values are read for it.
        let shape = match self.shapes.remove(&template) {
            Some(shape) => shape,
            None => self.read_shape(template)?,
        };
        let matches = match (&shape.in_plain_text, &self.sought) {
            (Some(found), _) => *found,
            (None, Sought::Signs(_)) => self.assembled_matches(doc, &shape)?,
            (None, Sought::Phrase(_) | Sought::Word(_)) => self.message_matches(doc, &shape)?,
        };
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
        let is_found = parts(&template).any(|part| match part {
            Part::Plain(plain) => self.sought.stands_in(plain),
            Part::Field(_) | Part::Slot(_) => false,
        });
        let has_values = parts(&template).any(|part| !matches!(part, Part::Plain(_)));
        let in_plain_text = (is_found || !has_values).then_some(is_found);
        Ok(Shape { parts: parts(&template).map(ShapePart::of).collect(), template, in_plain_text })
    }

    /// Looks for the words across the parts of a message. Where they start in plain text, only
    /// what follows is read; all values are only when they start in none.
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
        // The words stand in ascending order: parts are passed once.
        let mut passed = 0;
        for next in 0..self.sought.words() {
            loop {
                let count = message.words(part, self)?.len();
                if start + next < passed + count {
                    break;
                }
                passed += count;
                part += 1;
                if part >= message.shape.parts.len() {
                    return Ok(false);
                }
            }
            let place = start + next - passed;
            // The loop reads the text: a missing text matches no condition.
            let fits = message.known_words(part).get(place);
            if !fits.is_some_and(|word| self.sought.fits(next, word)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Puts a message together: signs may stand across its parts.
    fn assembled_matches(&mut self, doc: DocId, shape: &Shape) -> Result<bool, StoreError> {
        let mut values = Vec::new();
        let mut has_slots = false;
        for part in &shape.parts {
            match part {
                ShapePart::Plain(_) => {}
                ShapePart::Field(name) => {
                    let value = self.field_text(name, doc)?;
                    values.push((name.as_str(), Value::Str(value.unwrap_or_default().into())));
                }
                ShapePart::Slot(_) => has_slots = true,
            }
        }
        let stored = if has_slots { self.stored(doc)? } else { Stored::default() };
        let value_of = |name: &str| {
            let mut named = values.iter().filter(|(known, _)| *known == name);
            named.next().map(|(_, value)| value.clone())
        };
        let message = put_together(&shape.template, stored.slots(), value_of);
        Ok(message.is_some_and(|message| self.sought.stands_in(&message)))
    }

    /// Returns the text that a field's value has in a message.
    fn field_text(&mut self, name: &str, doc: DocId) -> Result<Option<String>, StoreError> {
        for column in self.field_columns(name)? {
            if let Some(text) = column.text(doc)? {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    fn field_columns(&mut self, name: &str) -> Result<&mut [FieldColumn], StoreError> {
        if !self.columns.contains_key(name) {
            let handles =
                self.segment.fast_fields().dynamic_column_handles(&attribute_column(name))?;
            let mut columns = Vec::new();
            for handle in handles {
                columns.extend(FieldColumn::of(handle.open().map_err(StoreError::Column)?));
            }
            self.columns.insert(name.to_owned(), columns);
        }
        Ok(self.columns.get_mut(name).map(Vec::as_mut_slice).unwrap_or_default())
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

    /// Looks into short texts about errors, each on its own: columns have them.
    fn error_text_matches(&mut self, doc: DocId) -> Result<bool, StoreError> {
        let columns = match self.errors.take() {
            Some(columns) => columns,
            None => ErrorColumn::open(&self.segment)?,
        };
        for column in self.errors.insert(columns) {
            if column.any(doc, |text| self.sought.stands_in(text))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Looks into texts that are stored whole, each on its own.
    fn whole_text_matches(&mut self, doc: DocId) -> Result<bool, StoreError> {
        let stored = self.stored(doc)?;
        // Words of names without a column are in one place. Who asks there asks everywhere.
        let is_paired = self.path == PAIRED_WORDS;
        // A shorter text is a value of a column, and stored for what it is beside: it has no words.
        let is_asked = |name: &str, text: &str| {
            (is_paired || name == self.path) && text.len() > limits::COLUMN_TEXT_BYTES_MAX
        };
        let is_message = self.path == fields::MESSAGE;
        let is_in = |text: &str| self.sought.stands_in(text);
        Ok(stored.fields.iter().any(|(name, value)| match value {
            Value::Str(text) if is_message => name == fields::MESSAGE && is_in(text),
            Value::Str(text) => is_asked(name, text) && is_in(text),
            Value::Json(array) if is_paired || self.path.starts_with(name.as_ref()) => {
                elements(name, array).into_iter().any(|(name, element)| match element {
                    Value::Str(text) => is_asked(&name, &text) && is_in(&text),
                    Value::Json(_)
                    | Value::Bool(_)
                    | Value::I64(_)
                    | Value::U64(_)
                    | Value::F64(_) => false,
                })
            }
            Value::Json(_) | Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => {
                false
            }
        }))
    }
}

/// A template, read for what is sought.
struct Shape {
    template: String,
    parts: Vec<ShapePart>,
    /// Whether it stands in a plain part: then all messages have it. `None` when the values of each
    /// have to be looked at.
    in_plain_text: Option<bool>,
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

/// A message whose parts are split into words on demand. A value ends where a word does, so the
/// words of the parts are those of the message.
struct Message<'s> {
    doc: DocId,
    shape: &'s Shape,
    values: Vec<Option<Vec<String>>>,
}

impl Message<'_> {
    fn words(&mut self, part: usize, reader: &mut TextReader) -> Result<&[String], StoreError> {
        let Some(value) = self.values.get_mut(part) else { return Ok(&[]) };
        let read = match self.shape.parts.get(part) {
            Some(ShapePart::Plain(plain)) => return Ok(plain),
            _ if value.is_some() => Vec::new(),
            Some(ShapePart::Field(name)) => {
                words(&reader.field_text(name, self.doc)?.unwrap_or_default())
            }
            Some(ShapePart::Slot(number)) => {
                words(reader.stored(self.doc)?.slot(*number).unwrap_or_default())
            }
            None => Vec::new(),
        };
        Ok(value.get_or_insert(read))
    }

    /// Returns the words of a part that was read.
    fn known_words(&self, part: usize) -> &[String] {
        match (self.shape.parts.get(part), self.values.get(part)) {
            (Some(ShapePart::Plain(plain)), _) => plain,
            (_, Some(Some(value))) => value,
            _ => &[],
        }
    }
}

/// A column of texts, of which some are remembered.
struct KnownTexts {
    column: StrColumn,
    known: HashMap<u64, String>,
}

impl KnownTexts {
    fn new(column: StrColumn) -> KnownTexts {
        KnownTexts { column, known: HashMap::new() }
    }

    fn get(&mut self, ordinal: u64) -> Result<&str, StoreError> {
        if !self.known.contains_key(&ordinal) {
            let mut text = String::new();
            self.column.ord_to_str(ordinal, &mut text).map_err(StoreError::Column)?;
            if self.known.len() >= REMEMBERED_MAX {
                self.known.clear();
            }
            self.known.insert(ordinal, text);
        }
        Ok(self.known.get(&ordinal).map(String::as_str).unwrap_or_default())
    }
}

/// A column with short texts about errors, alone or among pairs of names and values.
struct ErrorColumn {
    texts: KnownTexts,
    kind: ColumnKind,
}

impl ErrorColumn {
    fn open(segment: &SegmentReader) -> Result<Vec<ErrorColumn>, StoreError> {
        let mut columns = Vec::new();
        for (kind, name, handle) in field_columns(segment)? {
            let may_hold = match kind {
                ColumnKind::Own => is_error_text(&name),
                ColumnKind::Pairs => true,
                ColumnKind::Beside(_) => false,
            };
            if may_hold
                && let DynamicColumn::Str(column) = handle.open().map_err(StoreError::Column)?
            {
                columns.push(ErrorColumn { texts: KnownTexts::new(column), kind });
            }
        }
        Ok(columns)
    }

    fn any(&mut self, doc: DocId, fits: impl Fn(&str) -> bool) -> Result<bool, StoreError> {
        let ordinals: Vec<u64> = self.texts.column.ords().values_for_doc(doc).collect();
        for ordinal in ordinals {
            let text = self.texts.get(ordinal)?;
            let is_found = match self.kind {
                ColumnKind::Own | ColumnKind::Beside(_) => fits(text),
                ColumnKind::Pairs => match read_pair(text) {
                    Some((name, PairValue::Text(text))) => is_error_text(name) && fits(text),
                    _ => false,
                },
            };
            if is_found {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A column whose values stand in messages.
enum FieldColumn {
    Text(KnownTexts),
    I64(Column<i64>),
    U64(Column<u64>),
    F64(Column<f64>),
}

impl FieldColumn {
    /// Other types are never taken out of a message.
    fn of(column: DynamicColumn) -> Option<FieldColumn> {
        match column {
            DynamicColumn::Str(column) => Some(FieldColumn::Text(KnownTexts::new(column))),
            DynamicColumn::I64(column) => Some(FieldColumn::I64(column)),
            DynamicColumn::U64(column) => Some(FieldColumn::U64(column)),
            DynamicColumn::F64(column) => Some(FieldColumn::F64(column)),
            DynamicColumn::Bool(_)
            | DynamicColumn::IpAddr(_)
            | DynamicColumn::DateTime(_)
            | DynamicColumn::Bytes(_) => None,
        }
    }

    fn text(&mut self, doc: DocId) -> Result<Option<String>, StoreError> {
        let value = match self {
            FieldColumn::Text(texts) => {
                let Some(ordinal) = texts.column.ords().first(doc) else { return Ok(None) };
                return texts.get(ordinal).map(|text| Some(text.to_owned()));
            }
            FieldColumn::I64(column) => column.first(doc).map(Value::I64),
            FieldColumn::U64(column) => column.first(doc).map(Value::U64),
            FieldColumn::F64(column) => column.first(doc).map(Value::F64),
        };
        Ok(value.map(|value| {
            let mut text = String::new();
            write_value(&value, &mut text);
            text
        }))
    }
}

fn words(text: &str) -> Vec<String> {
    NormalText::of(text).words().map(str::to_owned).collect()
}
