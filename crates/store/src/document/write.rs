//! A record becomes a row of a chunk.

use tierlog_model::{DecodeError, EncodedField, EncodedRecord, Value, is_error_text, limits};

use super::arrays::elements;
use super::beside::{self, ERROR_WORDS, PAIR, PAIRED_WORDS, PairValue, append_stamp, pair_value};
use super::chunk::{Buffers, Chunk, Entry, Flat, KnownName, Row, Span};
use super::template::{self, Apart, Columns, SeenTemplates};
use super::{Beside, FieldNames, NameKind, Place, place};

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
        self.buffers.read_names_of(record.table_of_names());
        let mut start = Start::of(&self.buffers);
        if let Err(error) = write_fields(&mut self.buffers, record, names, templates, &mut start) {
            // The WAL checked the bytes and the hand-off takes only encoded records, so this is a
            // bug of ours. The record keeps its place, with a note of the failure.
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
    beside: usize,
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
            beside: buffers.beside.len(),
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
        buffers.beside.truncate(self.beside);
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
            beside: span(self.beside, buffers.beside.len()),
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
    let mut stored_count = 0_u32;
    buffers.stored_fields.clear();
    for field in record.fields() {
        let field = field?;
        let known = buffers.known_name(field.name_id, field.name, names);
        stored_count += if known.is_admitted {
            write_field(buffers, &field, known)
        } else {
            write_paired(buffers, &field, names)
        };
        match &field.value {
            Value::Json(_) => arrays.push(field),
            // Known by what is in columns, which has to be complete.
            Value::Str(_) if known.is_admitted && is_message(known) => message = Some(field),
            Value::Str(_) | Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => {}
        }
    }
    buffers.apart.clear();
    if let Some(message) = message {
        // A column with the members of an array does not tell the order of the values.
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
        stored_count += store_fields_in_arrays(buffers, record, &arrays)?;
        write_elements(buffers, names, &arrays);
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
    let name = known.span;
    let value = match &field.value {
        Value::Bool(value) => Flat::Bool(*value),
        Value::I64(number) => Flat::I64(*number),
        Value::U64(number) => Flat::U64(*number),
        Value::F64(number) => Flat::F64(*number),
        Value::Str(text) => Flat::Text(buffers.add_text(text)),
        // The elements are added by `write_elements`.
        Value::Json(_) => return store_field(buffers, field),
    };
    match place(known.kind, &field.value) {
        Place::Column => buffers.columns.push(Entry { name, value }),
        Place::ErrorText => {
            buffers.columns.push(Entry { name, value });
            add_error_words(buffers, value);
        }
        Place::Beside(kind) => add_beside(buffers, kind, field.name, value),
        // Stored by the caller, once the columns are known.
        Place::Message => buffers.texts.push(Entry { name, value }),
        Place::LongText => {
            buffers.texts.push(Entry { name, value });
            if let Value::Str(text) = &field.value {
                add_stamp(buffers, field.name, text);
            }
            return store_field(buffers, field);
        }
        Place::Array => return store_field(buffers, field),
    }
    0
}

/// Puts a field whose name has no column among the pairs. Returns how many fields were stored.
fn write_paired(buffers: &mut Buffers, field: &EncodedField<'_>, names: &mut FieldNames) -> u32 {
    if matches!(field.value, Value::Json(_)) {
        return store_field(buffers, field);
    }
    match add_pair(buffers, field.name, &field.value, names) {
        Stays::InPair => 0,
        Stays::ToBeStored => store_field(buffers, field),
    }
}

fn store_field(buffers: &mut Buffers, field: &EncodedField<'_>) -> u32 {
    field.append_pair_to(&mut buffers.stored_fields);
    1
}

/// Stores the fields that lie below an array of the same record: from a column alone they could
/// not be told from the array's own members.
fn store_fields_in_arrays(
    buffers: &mut Buffers,
    record: &EncodedRecord<'_>,
    arrays: &[EncodedField<'_>],
) -> Result<u32, DecodeError> {
    let mut count = 0;
    for field in record.fields() {
        let field = field?;
        let lies_in_array = arrays.iter().any(|array| {
            field.name.strip_prefix(array.name).is_some_and(|rest| rest.starts_with('.'))
        });
        if !lies_in_array {
            continue;
        }
        match place(NameKind::of(field.name), &field.value) {
            Place::Column | Place::ErrorText | Place::Beside(_) => {
                count += store_field(buffers, &field);
            }
            // These are stored anyway.
            Place::Message | Place::LongText | Place::Array => {}
        }
    }
    Ok(count)
}

/// The members of arrays are values of their fields; what is shown is the array, stored whole.
fn write_elements(buffers: &mut Buffers, names: &mut FieldNames, arrays: &[EncodedField<'_>]) {
    for array in arrays {
        let Value::Json(text) = &array.value else { continue };
        for (name, element) in elements(array.name, text) {
            if names.admit(&name) {
                write_element(buffers, &name, &element);
            } else {
                add_pair(buffers, &name, &element, names);
            }
        }
    }
}

fn write_element(buffers: &mut Buffers, name: &str, element: &Value<'_>) {
    let value = match element {
        Value::Bool(value) => Flat::Bool(*value),
        Value::I64(number) => Flat::I64(*number),
        Value::U64(number) => Flat::U64(*number),
        Value::F64(number) => Flat::F64(*number),
        Value::Str(text) => {
            let is_long = text.len() > limits::COLUMN_TEXT_BYTES_MAX;
            match place(NameKind::of(name), element) {
                Place::LongText => {
                    add_text_value(buffers, name, text);
                    return add_stamp(buffers, name, text);
                }
                Place::Message if is_long => return add_text_value(buffers, name, text),
                Place::ErrorText => {
                    let value = Flat::Text(buffers.add_text(text));
                    add_error_words(buffers, value);
                    value
                }
                _ => Flat::Text(buffers.add_text(text)),
            }
        }
        // Members of members have been taken out.
        Value::Json(_) => return,
    };
    match place(NameKind::of(name), element) {
        Place::Beside(kind) => add_beside(buffers, kind, name, value),
        _ => add_column(buffers, name, value),
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

/// Indexes the words of a text that lies in the buffers already.
fn add_error_words(buffers: &mut Buffers, value: Flat) {
    let name = buffers.add_text(ERROR_WORDS);
    buffers.texts.push(Entry { name, value });
}

fn add_beside(buffers: &mut Buffers, kind: Beside, name: &str, value: Flat) {
    let start = buffers.text.len() as u32;
    buffers.text.push_str(kind.prefix());
    buffers.text.push_str(name);
    let name = Span { start, end: buffers.text.len() as u32 };
    buffers.beside.push(Entry { name, value });
}

/// Adds the stamp of a long text, by which it is compared.
fn add_stamp(buffers: &mut Buffers, name: &str, text: &str) {
    let start = buffers.text.len() as u32;
    append_stamp(text, &mut buffers.text);
    let stamp = Span { start, end: buffers.text.len() as u32 };
    add_beside(buffers, Beside::Long, name, Flat::Text(stamp));
}

/// Whether a pair has all of a value.
enum Stays {
    InPair,
    ToBeStored,
}

/// Adds a scalar whose name has no column.
fn add_pair(buffers: &mut Buffers, name: &str, value: &Value<'_>, names: &mut FieldNames) -> Stays {
    names.count_paired();
    let column = buffers.add_text(PAIR);
    let start = buffers.text.len() as u32;
    let stays = match (pair_value(value), value) {
        (None, Value::Str(text)) => {
            let stamp = beside::long_stamp(text);
            beside::append_pair(name, PairValue::Long(&stamp), &mut buffers.text);
            Stays::ToBeStored
        }
        (None, _) => return Stays::ToBeStored,
        (Some(value), _) => {
            beside::append_pair(name, value, &mut buffers.text);
            Stays::InPair
        }
    };
    let pair = Span { start, end: buffers.text.len() as u32 };
    buffers.beside.push(Entry { name: column, value: Flat::Text(pair) });
    if let Value::Str(text) = value {
        match stays {
            Stays::ToBeStored => add_text_value(buffers, PAIRED_WORDS, text),
            Stays::InPair if is_error_text(name) => add_text_value(buffers, ERROR_WORDS, text),
            Stays::InPair => {}
        }
    }
    stays
}
