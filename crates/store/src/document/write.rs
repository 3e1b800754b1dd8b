//! A record becomes a row of a chunk.

use std::borrow::Cow;

use tierlog_model::{DecodeError, EncodedField, EncodedRecord, Value, fields, limits};

use super::arrays::{Element, elements};
use super::chunk::{Buffers, Chunk, Entry, Flat, KnownName, Row, Span};
use super::template::{self, Apart, Columns, SeenTemplates};
use super::{FieldNames, NameKind, Place, place};

/// Column of a record whose fields could not be read.
const UNDECODABLE: &str = "_undecodable";

/// Longest encoding of a number before what is stored: of bytes of slots, and of fields.
const COUNT_BYTES_MAX: usize = 5;

impl Chunk {
    /// Appends a record. The names of the partition's fields bound its columns; a message is kept
    /// as a template when the partition had one like it.
    pub(crate) fn push(
        &mut self,
        seq: u64,
        record: &EncodedRecord<'_>,
        names: &mut FieldNames,
        templates: &mut SeenTemplates,
    ) {
        let mut start = Start::of(&self.buffers);
        if let Err(error) = write_fields(&mut self.buffers, record, names, templates, &mut start) {
            // The WAL checked the bytes and the hand-off takes only encoded records, so this is a
            // bug of ours. The record keeps its place and says what happened.
            tracing::error!(seq, %error, "record does not decode");
            start.roll_back(&mut self.buffers);
            add_column(&mut self.buffers, UNDECODABLE, Flat::Bool(true));
        }
        let row = start.row(&self.buffers, seq, record);
        self.buffers.rows.push(row);
        self.buffers.encoded_bytes += record.byte_len();
    }
}

/// Where a record starts in each buffer.
struct Start {
    text: usize,
    texts: usize,
    text_names: usize,
    /// The template of the message, once it is there.
    template: Span,
    columns: usize,
    stored: usize,
}

impl Start {
    fn of(buffers: &Buffers) -> Start {
        Start {
            text: buffers.text.len(),
            texts: buffers.texts.len(),
            text_names: buffers.text_names.len(),
            template: Span::default(),
            columns: buffers.columns.len(),
            stored: buffers.stored.len(),
        }
    }

    fn roll_back(&mut self, buffers: &mut Buffers) {
        self.template = Span::default();
        // Names that were met here go with the text.
        buffers.names.clear();
        buffers.text.truncate(self.text);
        buffers.texts.truncate(self.texts);
        buffers.text_names.truncate(self.text_names);
        buffers.columns.truncate(self.columns);
        buffers.stored.truncate(self.stored);
    }

    fn row(&self, buffers: &Buffers, seq: u64, record: &EncodedRecord<'_>) -> Row {
        let span = |start: usize, end: usize| Span { start: start as u32, end: end as u32 };
        Row {
            timestamp: record.timestamp(),
            level: record.level(),
            seq,
            texts: span(self.texts, buffers.texts.len()),
            text_names: span(self.text_names, buffers.text_names.len()),
            template: self.template,
            columns: span(self.columns, buffers.columns.len()),
            stored: span(self.stored, buffers.stored.len()),
        }
    }
}

fn write_fields(
    buffers: &mut Buffers,
    record: &EncodedRecord<'_>,
    names: &mut FieldNames,
    templates: &mut SeenTemplates,
    start: &mut Start,
) -> Result<(), DecodeError> {
    let mut arrays: Vec<EncodedField<'_>> = Vec::new();
    let mut message: Option<EncodedField<'_>> = None;
    let mut overflow = String::new();
    let mut stored_count = 0_u32;
    buffers.stored_fields.clear();
    for field in record.fields() {
        let field = field?;
        let known = buffers.known_name(field.name_id, field.name, names);
        if known.is_admitted {
            stored_count += write_field(buffers, &field, known);
        } else {
            append_overflow(&mut overflow, &field);
        }
        match &field.value {
            Value::Json(_) => arrays.push(field),
            // Known by what is in columns, which has to be complete.
            Value::Str(_) if known.is_admitted && is_message(known) => message = Some(field),
            Value::Str(_) | Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => {}
        }
    }
    buffers.apart.clear();
    if let Some(message) = message {
        // A column that an array has members in does not say which value is whose.
        let first_column = if arrays.is_empty() { start.columns } else { buffers.columns.len() };
        start.template = write_template(buffers, first_column, &message, templates);
        if start.template.is_empty() {
            message.append_pair_to(&mut buffers.stored_fields);
            stored_count += 1;
        } else {
            index_own_words(buffers, start, message.name);
        }
    }
    if !arrays.is_empty() {
        stored_count += store_fields_in_arrays(buffers, record, names, &arrays)?;
        write_elements(buffers, names, &arrays);
    }
    if !overflow.is_empty() {
        add_text_value(buffers, fields::OVERFLOW, &overflow);
        let field = (fields::OVERFLOW, Value::Str(Cow::Owned(overflow)));
        let encoded = postcard::to_allocvec(&field).map_err(DecodeError::Fields)?;
        buffers.stored_fields.extend_from_slice(&encoded);
        stored_count += 1;
    }
    name_texts(buffers, start);
    store(buffers, stored_count)
}

/// Writes what `stored_part` reads: the slots of the message, then pairs of names and values.
/// Most records have neither.
fn store(buffers: &mut Buffers, field_count: u32) -> Result<(), DecodeError> {
    let Buffers { stored, apart: Apart { slots, .. }, stored_fields, .. } = buffers;
    if field_count == 0 && slots.is_empty() {
        return Ok(());
    }
    let mut number = [0_u8; COUNT_BYTES_MAX];
    let slot_bytes = slots.len() as u32;
    stored.extend_from_slice(
        postcard::to_slice(&slot_bytes, &mut number).map_err(DecodeError::Fields)?,
    );
    stored.extend_from_slice(slots.as_bytes());
    stored.extend_from_slice(
        postcard::to_slice(&field_count, &mut number).map_err(DecodeError::Fields)?,
    );
    stored.extend_from_slice(stored_fields);
    Ok(())
}

fn is_message(known: KnownName) -> bool {
    known.kind == NameKind::Text
}

/// Takes the message apart. Returns where its template lies, leaving its slots in the buffers; an
/// empty span and no slots when it has to be stored whole.
fn write_template(
    buffers: &mut Buffers,
    first_column: usize,
    message: &EncodedField<'_>,
    templates: &mut SeenTemplates,
) -> Span {
    let Value::Str(message) = &message.value else { return Span::default() };
    let Buffers { text, columns, apart, .. } = buffers;
    let entries = columns.get(first_column..).unwrap_or_default();
    let is_apart = template::take_apart(message, Columns { entries, text }, apart);
    if !is_apart || !templates.saw(&apart.template) {
        apart.clear();
        return Span::default();
    }
    let start = text.len() as u32;
    text.push_str(&apart.template);
    Span { start, end: text.len() as u32 }
}

/// Leaves to the index what the template of a message does not say.
fn index_own_words(buffers: &mut Buffers, start: &Start, name: &str) {
    let Buffers { text, texts, apart, .. } = buffers;
    let of_record = texts.get_mut(start.texts..).unwrap_or_default();
    if let Some(entry) = of_record.iter_mut().find(|entry| entry.name.of_text(text) == name) {
        let first = text.len() as u32;
        text.push_str(&apart.own);
        entry.value = Flat::Text(Span { start: first, end: text.len() as u32 });
    }
}

/// Puts a field where it belongs. Returns how many fields were stored.
fn write_field(buffers: &mut Buffers, field: &EncodedField<'_>, known: KnownName) -> u32 {
    let place = place(known.kind, &field.value);
    let name = known.span;
    let value = match &field.value {
        Value::Bool(value) => Some(Flat::Bool(*value)),
        Value::I64(number) => Some(Flat::I64(*number)),
        Value::U64(number) => Some(Flat::U64(*number)),
        Value::F64(number) => Some(Flat::F64(*number)),
        Value::Str(text) => Some(Flat::Text(buffers.add_text(text))),
        // The elements are added by `write_elements`.
        Value::Json(_) => None,
    };
    let entry = value.map(|value| Entry { name, value });
    match place {
        Place::Column | Place::ColumnAndStore => buffers.columns.extend(entry),
        Place::Text => buffers.texts.extend(entry),
    }
    match place {
        Place::Column => 0,
        // Stored by the caller, once the columns are known.
        Place::Text if is_message(known) => 0,
        Place::ColumnAndStore | Place::Text => {
            field.append_pair_to(&mut buffers.stored_fields);
            1
        }
    }
}

/// Stores the fields that lie below an array of the same record: from the column alone they
/// could not be told from the array's own members.
fn store_fields_in_arrays(
    buffers: &mut Buffers,
    record: &EncodedRecord<'_>,
    names: &mut FieldNames,
    arrays: &[EncodedField<'_>],
) -> Result<u32, DecodeError> {
    let mut count = 0;
    for field in record.fields() {
        let field = field?;
        let lies_in_array = arrays.iter().any(|array| {
            field.name.strip_prefix(array.name).is_some_and(|rest| rest.starts_with('.'))
        });
        if lies_in_array
            && place(NameKind::of(field.name), &field.value) == Place::Column
            && names.admit(field.name)
        {
            field.append_pair_to(&mut buffers.stored_fields);
            count += 1;
        }
    }
    Ok(count)
}

fn write_elements(buffers: &mut Buffers, names: &mut FieldNames, arrays: &[EncodedField<'_>]) {
    for array in arrays {
        let Value::Json(text) = &array.value else { continue };
        for (name, element) in elements(array.name, text) {
            match element {
                Element::Text(text) if text.len() > limits::COLUMN_TEXT_BYTES_MAX => {
                    add_text_value(buffers, &name, &text);
                }
                element if names.admit(&name) => {
                    let value = match element {
                        Element::Text(text) => Flat::Text(buffers.add_text(&text)),
                        Element::I64(number) => Flat::I64(number),
                        Element::U64(number) => Flat::U64(number),
                        Element::F64(number) => Flat::F64(number),
                        Element::Bool(value) => Flat::Bool(value),
                    };
                    add_column(buffers, &name, value);
                }
                // A member that gets no column is still in the array that is stored.
                _ => {}
            }
        }
    }
}

/// Lists the names of the record's texts, each once.
fn name_texts(buffers: &mut Buffers, start: &Start) {
    for position in start.texts..buffers.texts.len() {
        let Some(name) = buffers.texts.get(position).map(|entry| entry.name) else { return };
        let known = buffers.text_names.get(start.text_names..).unwrap_or_default();
        if !known.iter().any(|known| buffers.text_of(*known) == buffers.text_of(name)) {
            buffers.text_names.push(name);
        }
    }
}

fn add_column(buffers: &mut Buffers, name: &str, value: Flat) {
    let name = buffers.add_text(name);
    buffers.columns.push(Entry { name, value });
}

fn add_text_value(buffers: &mut Buffers, name: &str, text: &str) {
    let name = buffers.add_text(name);
    let value = Flat::Text(buffers.add_text(text));
    buffers.texts.push(Entry { name, value });
}

fn append_overflow(overflow: &mut String, field: &EncodedField<'_>) {
    if !overflow.is_empty() {
        overflow.push(' ');
    }
    overflow.push_str(field.name);
    overflow.push('=');
    match &field.value {
        Value::Str(text) | Value::Json(text) => overflow.push_str(text),
        Value::Bool(value) => overflow.push_str(if *value { "true" } else { "false" }),
        Value::I64(number) => overflow.push_str(&number.to_string()),
        Value::U64(number) => overflow.push_str(&number.to_string()),
        Value::F64(number) => overflow.push_str(&number.to_string()),
    }
}
