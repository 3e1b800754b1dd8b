//! Values for a record that lacks them. They belong to the record and not to its request: each
//! document of a bulk request may have an index of its own, each resource of a trace exporter its
//! attributes. A protocol keeps one value for all records of an index or resource; the records
//! borrow the texts.

use std::borrow::Cow;

use tierlog_model::limits::FIELD_NAME_BYTES_MAX;
use tierlog_model::{Level, Value, fields};

use super::names::cleaned_name;

/// Most attributes of a resource: what OpenTelemetry's libraries keep by default.
pub const ATTRIBUTES_MAX: usize = 128;

/// Names that a record's own moment, level, and lists of detectors and tokens have.
const RESERVED: [&str; 6] = [
    fields::TIMESTAMP,
    fields::LEVEL,
    fields::REDACTED,
    fields::DETECTED,
    fields::POLICY,
    fields::PSEUDONYMS,
];

/// Values for records that lack them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordDefaults {
    /// Service of a record that names none.
    pub service: Option<String>,
    /// Level of a record that has none.
    pub level: Option<Level>,
    /// The index, stream or topic that a record was sent to, where the protocol has such.
    pub index: Option<String>,
    /// Where the record comes from, if the record does not say.
    pub source: Option<String>,
    /// Attributes of the resource behind the record.
    pub attributes: Attributes,
}

/// Attributes of a resource: fields of each record that has no field of that name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes {
    list: Vec<(Cow<'static, str>, Value<'static>)>,
    byte_len: usize,
}

/// An attribute that a resource cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttributeError {
    /// The resource has as many as it may have.
    #[error("more than {ATTRIBUTES_MAX} attributes")]
    TooMany,
    /// The name is empty or too long.
    #[error("the name of an attribute has 1 to {FIELD_NAME_BYTES_MAX} bytes")]
    Name,
    /// A record's own field has this name.
    #[error("the name of an attribute is reserved")]
    Reserved,
}

impl Attributes {
    /// Adds an attribute.
    pub fn add(&mut self, name: &str, value: Value<'static>) -> Result<(), AttributeError> {
        if self.list.len() >= ATTRIBUTES_MAX {
            return Err(AttributeError::TooMany);
        }
        let name = cleaned_name(name);
        if !(1..=FIELD_NAME_BYTES_MAX).contains(&name.len()) {
            return Err(AttributeError::Name);
        }
        if RESERVED.contains(&&*name) {
            return Err(AttributeError::Reserved);
        }
        let value_bytes = match &value {
            Value::Str(text) | Value::Json(text) => text.len(),
            Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => size_of::<u64>(),
        };
        self.byte_len += name.len() + value_bytes;
        self.list.push((Cow::Owned(name), value));
        Ok(())
    }

    /// Returns the attributes in the order in which they were added.
    pub(crate) fn list(&self) -> &[(Cow<'static, str>, Value<'static>)] {
        &self.list
    }
}

impl RecordDefaults {
    /// Tells whether the defaults add no field.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        let none = |text: &Option<String>| text.is_none();
        none(&self.service)
            && none(&self.index)
            && none(&self.source)
            && self.attributes.list.is_empty()
    }

    /// Returns the bytes that the defaults add to an empty record.
    #[inline]
    pub(crate) fn byte_len(&self) -> usize {
        let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        len(&self.service) + len(&self.index) + len(&self.source) + self.attributes.byte_len
    }
}
