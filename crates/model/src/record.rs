//! One log line as an object: a moment, a level and named values.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Level, Timestamp};

/// What a record is to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum RecordKind {
    /// A log line.
    Log = 0,
    /// A line that was rejected, redacted, with the reason.
    DeadLetter = 1,
}

/// One log line. Borrows from the input or from the batch that it was read from.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<'a> {
    /// When the event happened.
    pub timestamp: Timestamp,
    /// Its severity.
    pub level: Level,
    /// Whether it is a log line or a dead letter.
    pub kind: RecordKind,
    /// Everything else by name, nested objects by dotted path, in the order of the input.
    /// A name stands at most once; neither `timestamp` nor `level` stands here.
    pub fields: RecordFields<'a>,
}

/// Named values.
pub type RecordFields<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

/// Value of a field. There is no null: a field that is null is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value<'a> {
    /// `true` or `false`.
    Bool(bool),
    /// An integer that fits 64 bits with a sign.
    I64(i64),
    /// An integer above `i64::MAX`.
    U64(u64),
    /// Any other finite number.
    F64(f64),
    /// Text. Also numbers that no 64-bit type holds, `NaN` and infinities.
    #[serde(borrow)]
    Str(Cow<'a, str>),
    /// An array, or an empty object, as compact JSON text: kept whole, its scalars searchable.
    #[serde(borrow)]
    Json(Cow<'a, str>),
}

/// Bytes in another form than a record of this version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside a record.
    #[error("record ends early")]
    Truncated,
    /// The header holds a number that is no level, kind or moment.
    #[error("record header holds an unknown {0}")]
    Header(&'static str),
    /// The names of the batch cannot be read, or a field has none of them.
    #[error("batch names {0}")]
    Names(&'static str),
    /// The fields cannot be read.
    #[error("record fields: {0}")]
    Fields(postcard::Error),
}

impl<'a> Record<'a> {
    /// Returns the value of a field.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    /// Returns the text of a field that holds text.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Str(text) => Some(text),
            Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) | Value::Json(_) => None,
        }
    }

    /// Returns about how many bytes the record takes in memory when it owns all of its texts.
    pub fn memory_bytes(&self) -> usize {
        let field_bytes = |(name, value): &(Cow<'_, str>, Value<'_>)| {
            let text_bytes = match value {
                Value::Str(text) | Value::Json(text) => text.len(),
                Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => 0,
            };
            size_of::<(Cow<'_, str>, Value<'_>)>() + name.len() + text_bytes
        };
        size_of::<Record<'_>>() + self.fields.iter().map(field_bytes).sum::<usize>()
    }

    /// Returns the record with every borrowed part copied.
    pub fn into_owned(self) -> Record<'static> {
        let fields = self
            .fields
            .into_iter()
            .map(|(name, value)| (Cow::Owned(name.into_owned()), value.into_owned()))
            .collect();
        Record { timestamp: self.timestamp, level: self.level, kind: self.kind, fields }
    }

    /// Returns the memory of the fields, without a field, for another record.
    pub fn into_memory(self) -> RecordFields<'static> {
        // Collecting happens in place; there is nothing to collect.
        self.fields.into_iter().map_while(|_| None).collect()
    }
}

impl Value<'_> {
    /// Returns the value with its text copied.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Bool(value) => Value::Bool(value),
            Value::I64(value) => Value::I64(value),
            Value::U64(value) => Value::U64(value),
            Value::F64(value) => Value::F64(value),
            Value::Str(text) => Value::Str(Cow::Owned(text.into_owned())),
            Value::Json(text) => Value::Json(Cow::Owned(text.into_owned())),
        }
    }
}

impl Serialize for Record<'_> {
    /// Writes the object of the query contract: `timestamp`, `level`, then the fields, flat.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(self.fields.len() + 2))?;
        map.serialize_entry(crate::fields::TIMESTAMP, &self.timestamp.to_string())?;
        map.serialize_entry(crate::fields::LEVEL, self.level.as_str())?;
        for (name, value) in &self.fields {
            map.serialize_entry(name.as_ref(), &PlainValue(value))?;
        }
        map.end()
    }
}

/// Serializes a value as the JSON that it stands for (the derive on [`Value`] is the WAL form).
struct PlainValue<'v, 'a>(&'v Value<'a>);

impl Serialize for PlainValue<'_, '_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::I64(value) => serializer.serialize_i64(*value),
            Value::U64(value) => serializer.serialize_u64(*value),
            Value::F64(value) => serializer.serialize_f64(*value),
            Value::Str(text) => serializer.serialize_str(text),
            Value::Json(text) => match serde_json::value::RawValue::from_string(text.to_string()) {
                Ok(raw) => raw.serialize(serializer),
                Err(_) => serializer.serialize_str(text),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_on_without_fields() {
        let text = String::from("of a line");
        let mut fields: RecordFields<'_> = Vec::with_capacity(18);
        fields.push((Cow::Borrowed(text.as_str()), Value::Str(Cow::Owned(text.clone()))));
        let place = fields.as_ptr().addr();
        let record =
            Record { timestamp: Timestamp::MIN, level: Level::Info, kind: RecordKind::Log, fields };
        let memory = record.into_memory();
        drop(text);
        assert!(memory.is_empty() && memory.capacity() >= 18);
        assert_eq!(memory.as_ptr().addr(), place, "no allocation");
    }
}
