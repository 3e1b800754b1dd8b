//! A record becomes a document.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::iter::Empty;

use tantivy::DateTime;
use tantivy::schema::TantivyDocument;
use tantivy::schema::document::{ReferenceValue, ReferenceValueLeaf, Value as TantivyValue};
use tierlog_model::{EncodedRecord, Record, Value, fields, id_hash, limits};
use twox_hash::XxHash3_64;

use super::{Place, place};
use crate::schema::{id_bucket, index_fields};

/// Returns the document of a record. The names of the partition's fields bound its columns.
pub(crate) fn to_document(
    seq: u64,
    encoded: &EncodedRecord,
    names: &mut FieldNames,
) -> TantivyDocument {
    match encoded.decode() {
        Ok(record) => document(seq, &record, names),
        Err(error) => {
            // The WAL checked the bytes and the hand-off takes only encoded records, so this is a
            // bug of ours. The record keeps its place and says what happened.
            tracing::error!(seq, %error, "record does not decode");
            undecodable(seq, encoded)
        }
    }
}

/// Field names of one partition, by hash.
#[derive(Debug, Default)]
pub(crate) struct FieldNames(HashSet<u64, BuildHasherDefault<AsIs>>);

impl FieldNames {
    /// Tells whether a field may be a column: it is known, or there is room for one more name.
    pub(crate) fn admit(&mut self, name: &str) -> bool {
        let hash = XxHash3_64::oneshot(name.as_bytes());
        if self.0.contains(&hash) {
            return true;
        }
        self.0.len() < limits::FIELDS_PER_PARTITION_MAX && self.0.insert(hash)
    }
}

/// The keys are hashes already.
#[derive(Debug, Default)]
pub(crate) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = XxHash3_64::oneshot(bytes);
    }
    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// A value as tantivy visits it, borrowed from the record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Node<'a> {
    Str(&'a str),
    I64(i64),
    U64(u64),
    F64(f64),
    Bool(bool),
    Object(&'a [(&'a str, Node<'a>)]),
}

impl<'a> TantivyValue<'a> for Node<'a> {
    type ArrayIter = Empty<Node<'a>>;
    type ObjectIter = std::iter::Copied<std::slice::Iter<'a, (&'a str, Node<'a>)>>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        match *self {
            Node::Str(text) => ReferenceValue::Leaf(ReferenceValueLeaf::Str(text)),
            Node::I64(number) => ReferenceValue::Leaf(ReferenceValueLeaf::I64(number)),
            Node::U64(number) => ReferenceValue::Leaf(ReferenceValueLeaf::U64(number)),
            Node::F64(number) => ReferenceValue::Leaf(ReferenceValueLeaf::F64(number)),
            Node::Bool(value) => ReferenceValue::Leaf(ReferenceValueLeaf::Bool(value)),
            Node::Object(entries) => ReferenceValue::Object(entries.iter().copied()),
        }
    }
}

fn document(seq: u64, record: &Record<'_>, names: &mut FieldNames) -> TantivyDocument {
    let arrays = parse_arrays(record);
    let mut overflow = String::new();
    let mut columns: Vec<(&str, Node<'_>)> = Vec::with_capacity(record.fields.len());
    let mut texts: Vec<(&str, Node<'_>)> = Vec::new();
    let mut stored: Vec<(&str, &Value<'_>)> = Vec::new();

    for (name, value) in &record.fields {
        let name = name.as_ref();
        if !names.admit(name) {
            append_overflow(&mut overflow, name, value);
            continue;
        }
        match place(name, value) {
            // Below an array of the same record, the column alone could not be told from the
            // array's own members.
            Place::Column if !lies_in_array(record, name) => {
                columns.extend(leaf(value).map(|node| (name, node)));
            }
            Place::Column | Place::ColumnAndStore => {
                columns.extend(leaf(value).map(|node| (name, node)));
                stored.push((name, value));
            }
            Place::Text => {
                texts.extend(leaf(value).map(|node| (name, node)));
                stored.push((name, value));
            }
        }
    }
    for (name, element) in &arrays {
        match element {
            Element::Text(text) if text.len() > limits::COLUMN_TEXT_BYTES_MAX => {
                texts.push((name, Node::Str(text)));
            }
            // A member that gets no column is still in the array that is stored.
            element if names.admit(name) => columns.push((name, element.node())),
            _ => {}
        }
    }
    let overflow_value = Value::Str(overflow.as_str().into());
    if !overflow.is_empty() {
        texts.push((fields::OVERFLOW, Node::Str(&overflow)));
        stored.push((fields::OVERFLOW, &overflow_value));
    }
    assemble(seq, record, &columns, &texts, &stored)
}

fn lies_in_array(record: &Record<'_>, name: &str) -> bool {
    name.contains('.')
        && record.fields.iter().any(|(other, value)| {
            matches!(value, Value::Json(_))
                && name.strip_prefix(other.as_ref()).is_some_and(|rest| rest.starts_with('.'))
        })
}

fn assemble(
    seq: u64,
    record: &Record<'_>,
    columns: &[(&str, Node<'_>)],
    texts: &[(&str, Node<'_>)],
    stored: &[(&str, &Value<'_>)],
) -> TantivyDocument {
    let handles = index_fields();
    let mut document = TantivyDocument::new();
    document
        .add_date(handles.timestamp, DateTime::from_timestamp_micros(record.timestamp.as_micros()));
    document.add_text(handles.level, record.level.as_str());
    document.add_u64(handles.seq, seq);
    for name in fields::ID_FIELDS {
        if let Some(id) = record.get_str(name) {
            document.add_u64(handles.ids, id_bucket(id_hash(name, id)));
        }
    }
    if !columns.is_empty() {
        document.add_field_value(handles.attributes, Node::Object(columns));
    }
    if !texts.is_empty() {
        document.add_field_value(handles.text, Node::Object(texts));
        for (position, (name, _)) in texts.iter().enumerate() {
            if !texts.iter().take(position).any(|(earlier, _)| earlier == name) {
                document.add_text(handles.text_fields, name);
            }
        }
    }
    if !stored.is_empty()
        && let Ok(bytes) = postcard::to_allocvec(stored)
    {
        document.add_bytes(handles.stored, &bytes);
    }
    document
}

fn undecodable(seq: u64, record: &EncodedRecord) -> TantivyDocument {
    let placeholder = Record {
        timestamp: record.timestamp(),
        level: record.level(),
        kind: record.kind(),
        fields: Vec::new(),
    };
    let columns = [("_undecodable", Node::Bool(true))];
    assemble(seq, &placeholder, &columns, &[], &[])
}

fn leaf<'v>(value: &'v Value<'_>) -> Option<Node<'v>> {
    match value {
        Value::Bool(value) => Some(Node::Bool(*value)),
        Value::I64(number) => Some(Node::I64(*number)),
        Value::U64(number) => Some(Node::U64(*number)),
        Value::F64(number) => Some(Node::F64(*number)),
        Value::Str(text) => Some(Node::Str(text)),
        // The elements are added by `parse_arrays`.
        Value::Json(_) => None,
    }
}

/// A scalar found in an array.
enum Element {
    Text(String),
    I64(i64),
    U64(u64),
    F64(f64),
    Bool(bool),
}

impl Element {
    fn node(&self) -> Node<'_> {
        match self {
            Element::Text(text) => Node::Str(text),
            Element::I64(number) => Node::I64(*number),
            Element::U64(number) => Node::U64(*number),
            Element::F64(number) => Node::F64(*number),
            Element::Bool(value) => Node::Bool(*value),
        }
    }
}

/// Returns every scalar inside the record's arrays under its dotted name.
fn parse_arrays(record: &Record<'_>) -> Vec<(String, Element)> {
    let mut elements = Vec::new();
    for (name, value) in &record.fields {
        if let Value::Json(text) = value
            && let Ok(json) = serde_json::from_str::<serde_json::Value>(text)
        {
            flatten(name.to_string(), json, &mut elements);
        }
    }
    elements
}

/// Depth is bounded: the decoder refused anything nested deeper than its limit.
fn flatten(name: String, json: serde_json::Value, elements: &mut Vec<(String, Element)>) {
    use serde_json::Value as Json;
    match json {
        Json::Null => {}
        Json::Bool(value) => elements.push((name, Element::Bool(value))),
        Json::String(text) => elements.push((name, Element::Text(text))),
        Json::Number(number) => elements.push((name, number_element(&number))),
        Json::Array(items) => {
            for item in items {
                flatten(name.clone(), item, elements);
            }
        }
        Json::Object(entries) => {
            for (key, item) in entries {
                flatten(format!("{name}.{key}"), item, elements);
            }
        }
    }
}

fn number_element(number: &serde_json::Number) -> Element {
    if let Some(integer) = number.as_i64() {
        Element::I64(integer)
    } else if let Some(integer) = number.as_u64() {
        Element::U64(integer)
    } else {
        match number.as_f64() {
            Some(float) if float.is_finite() => Element::F64(float),
            _ => Element::Text(number.to_string()),
        }
    }
}

fn append_overflow(overflow: &mut String, name: &str, value: &Value<'_>) {
    if !overflow.is_empty() {
        overflow.push(' ');
    }
    overflow.push_str(name);
    overflow.push('=');
    match value {
        Value::Str(text) | Value::Json(text) => overflow.push_str(text),
        Value::Bool(value) => overflow.push_str(if *value { "true" } else { "false" }),
        Value::I64(number) => overflow.push_str(&number.to_string()),
        Value::U64(number) => overflow.push_str(&number.to_string()),
        Value::F64(number) => overflow.push_str(&number.to_string()),
    }
}
