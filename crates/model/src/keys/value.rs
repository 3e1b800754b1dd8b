//! A value of any layer of the configuration, whatever format the layer has.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A value before a key says what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A text.
    Text(String),
    /// A whole number that is not negative.
    Count(u64),
    /// `true` or `false`.
    Switch(bool),
    /// Several.
    List(Vec<Value>),
    /// A table, a fraction, a negative number: of no key.
    Other,
}

impl Value {
    /// Reads a value. Fails only where the format is broken.
    pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }

    /// Returns the text, if the value is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Count(_) | Value::Switch(_) | Value::List(_) | Value::Other => None,
        }
    }

    /// Returns the number, if the value is one.
    pub(super) fn as_count(&self) -> Option<u64> {
        match self {
            Value::Count(count) => Some(*count),
            Value::Text(_) | Value::Switch(_) | Value::List(_) | Value::Other => None,
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        Value::read(deserializer)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value of the configuration")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_u64<E>(self, count: u64) -> Result<Value, E> {
        Ok(Value::Count(count))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(u64::try_from(number).map_or(Value::Other, Value::Count))
    }

    fn visit_u128<E>(self, count: u128) -> Result<Value, E> {
        Ok(u64::try_from(count).map_or(Value::Other, Value::Count))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Value, E> {
        Ok(u64::try_from(number).map_or(Value::Other, Value::Count))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_bool<E>(self, is_on: bool) -> Result<Value, E> {
        Ok(Value::Switch(is_on))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}
