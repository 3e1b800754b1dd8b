//! The scalars inside a field that is an array: each is a value of the field or of a path below.

use tierlog_model::{Value, limits};

/// Returns every scalar of a JSON text under its dotted name.
pub(super) fn elements(name: &str, text: &str) -> Vec<(String, Value<'static>)> {
    let mut elements = Vec::new();
    if let Ok(json) = serde_json::from_str::<serde_json::Value>(text) {
        flatten(name.to_owned(), json, &mut elements);
    }
    elements
}

/// Depth is bounded: the decoder refused anything nested deeper than its limit.
fn flatten(name: String, json: serde_json::Value, elements: &mut Vec<(String, Value<'static>)>) {
    use serde_json::Value as Json;
    match json {
        Json::Null => {}
        Json::Bool(value) => elements.push((name, Value::Bool(value))),
        Json::String(text) => elements.push((name, Value::Str(text.into()))),
        Json::Number(number) => elements.push((name, number_value(&number))),
        Json::Array(items) => {
            for item in items {
                flatten(name.clone(), item, elements);
            }
        }
        Json::Object(entries) => {
            for (key, item) in entries {
                if name.len() + key.len() < limits::ELEMENT_NAME_BYTES_MAX {
                    flatten(format!("{name}.{key}"), item, elements);
                }
            }
        }
    }
}

fn number_value(number: &serde_json::Number) -> Value<'static> {
    if let Some(integer) = number.as_i64() {
        Value::I64(integer)
    } else if let Some(integer) = number.as_u64() {
        Value::U64(integer)
    } else {
        match number.as_f64() {
            Some(float) if float.is_finite() => Value::F64(float),
            _ => Value::Str(number.to_string().into()),
        }
    }
}
