//! The scalars inside a field that is an array: each is a value of the field or of a path below.

/// A scalar found in an array.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Element {
    Text(String),
    I64(i64),
    U64(u64),
    F64(f64),
    Bool(bool),
}

/// Returns every scalar of a JSON text under its dotted name.
pub(super) fn elements(name: &str, text: &str) -> Vec<(String, Element)> {
    let mut elements = Vec::new();
    if let Ok(json) = serde_json::from_str::<serde_json::Value>(text) {
        flatten(name.to_owned(), json, &mut elements);
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
