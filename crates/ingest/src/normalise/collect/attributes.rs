//! Lists of attributes as OTLP/JSON writes them, read as the object that they stand for.
//!
//! ```text
//! "attributes": [{"key": "http.method", "value": {"stringValue": "GET"}}]
//! "attributes": {"http.method": "GET"}
//! ```
//!
//! A list of any other form stays the array that it is.

use std::borrow::Cow;
use std::slice::Iter;

use simd_json::{Node, StaticNode};
use tierlog_model::Value;

use super::super::known::Place;
use super::Collector;
use crate::decode::{Reject, read_value, write_json_text, write_static};

/// The name under which OTLP keeps attributes: of a resource, a scope or a record.
const ATTRIBUTES: &str = "attributes";

impl<'a> Collector<'a, '_> {
    /// Adds the attributes of a list and moves past the list; `false` if the next value is no such
    /// list.
    pub(super) fn attribute_list(
        &mut self,
        key: &'a str,
        nodes: &mut Iter<'_, Node<'a>>,
        place: Place,
    ) -> Result<bool, Reject> {
        if key != ATTRIBUTES {
            return Ok(false);
        }
        let mut behind = nodes.clone();
        let Some(attributes) = read_list(&mut behind).filter(|list| !list.is_empty()) else {
            return Ok(false);
        };
        *nodes = behind;
        let (inside, path_bytes) = self.enter_object(key, place);
        for (name, value) in attributes {
            self.put(name, value, inside)?;
        }
        self.leave_object(path_bytes);
        Ok(true)
    }
}

/// Reads a list of keys and values; `None` for anything else.
fn read_list<'a>(nodes: &mut Iter<'_, Node<'a>>) -> Option<Vec<(&'a str, Value<'a>)>> {
    let Some(&Node::Array { len, .. }) = nodes.next() else { return None };
    (0..len).map(|_| read_attribute(nodes)).collect()
}

fn read_attribute<'a>(nodes: &mut Iter<'_, Node<'a>>) -> Option<(&'a str, Value<'a>)> {
    let Some(Node::Object { len: 2, .. }) = nodes.next() else { return None };
    let (Some(Node::String("key")), Some(&Node::String(name))) = (nodes.next(), nodes.next())
    else {
        return None;
    };
    let Some(Node::String("value")) = nodes.next() else { return None };
    Some((name, read_any(nodes)?))
}

/// Reads OTLP's `AnyValue`.
fn read_any<'a>(nodes: &mut Iter<'_, Node<'a>>) -> Option<Value<'a>> {
    match nodes.next()? {
        // A value that is not set.
        Node::Object { len: 0, .. } => return Some(Value::Json(Cow::Borrowed("{}"))),
        Node::Object { len: 1, .. } => {}
        _ => return None,
    }
    let Some(&Node::String(kind)) = nodes.next() else { return None };
    match (kind, nodes.as_slice().first()?) {
        ("stringValue" | "bytesValue", Node::String(_))
        | ("boolValue", Node::Static(StaticNode::Bool(_)))
        | ("doubleValue", Node::Static(_) | Node::String(_))
        | ("intValue", Node::Static(StaticNode::I64(_) | StaticNode::U64(_))) => {
            Some(read_value(nodes))
        }
        // JSON's numbers hold 53 bits, so that OTLP writes integers as text.
        ("intValue", Node::String(text)) => {
            let value = match text.parse::<i64>() {
                Ok(number) => Value::I64(number),
                Err(_) => Value::Str(Cow::Borrowed(text)),
            };
            nodes.next();
            Some(value)
        }
        ("arrayValue" | "kvlistValue", Node::Object { .. }) => {
            let mut text = String::new();
            write_any(kind, nodes, &mut text)?;
            Some(Value::Json(Cow::Owned(text)))
        }
        _ => None,
    }
}

/// Writes the values of an array or list of keys and values as JSON. Recursion is bounded by the
/// decoder's depth limit.
fn write_any(kind: &str, nodes: &mut Iter<'_, Node<'_>>, out: &mut String) -> Option<()> {
    let Some(Node::Object { len, .. }) = nodes.next() else { return None };
    let (open, close) = if kind == "arrayValue" { ('[', ']') } else { ('{', '}') };
    out.push(open);
    // Without values, OTLP leaves the member out.
    if *len > 0 {
        let Some(Node::String("values")) = nodes.next() else { return None };
        let Some(Node::Array { len, .. }) = nodes.next() else { return None };
        for position in 0..*len {
            if position > 0 {
                out.push(',');
            }
            match kind {
                "arrayValue" => write_one(nodes, out)?,
                _ => {
                    let Some(Node::Object { len: 2, .. }) = nodes.next() else { return None };
                    let Some(Node::String("key")) = nodes.next() else { return None };
                    let Some(Node::String(name)) = nodes.next() else { return None };
                    let Some(Node::String("value")) = nodes.next() else { return None };
                    write_json_text(name, out);
                    out.push(':');
                    write_one(nodes, out)?;
                }
            }
        }
    }
    out.push(close);
    Some(())
}

fn write_one(nodes: &mut Iter<'_, Node<'_>>, out: &mut String) -> Option<()> {
    let value = read_any(nodes)?;
    match &value {
        Value::Json(text) => out.push_str(text),
        Value::Str(text) => write_json_text(text, out),
        Value::Bool(value) => write_static(StaticNode::Bool(*value), out),
        Value::I64(value) => write_static(StaticNode::I64(*value), out),
        Value::U64(value) => write_static(StaticNode::U64(*value), out),
        Value::F64(value) => write_static(StaticNode::F64(*value), out),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use crate::normalise::tests::read_json;

    /// Checks that a list is read as an object is, or as the array that the list is.
    #[track_caller]
    fn check(list: &str, same: &str) {
        let read = |attributes: &str| {
            let line = format!(
                r#"{{"timeUnixNano":"1795175990000000000","body":{{"stringValue":"x"}},"attributes":{attributes}}}"#
            );
            read_json(&line)
        };
        assert_eq!(read(list), read(same), "{list}");
    }

    #[test]
    fn a_list_of_attributes_is_the_object_that_it_stands_for() {
        check(
            r#"[{"key":"http.request.method","value":{"stringValue":"GET"}},{"key":"user.id","value":{"intValue":"42"}},{"key":"n","value":{"intValue":7}},{"key":"ok","value":{"boolValue":true}},{"key":"took","value":{"doubleValue":1.5}}]"#,
            r#"{"http.request.method":"GET","user.id":42,"n":7,"ok":true,"took":1.5}"#,
        );
        check(
            r#"[{"key":"tags","value":{"arrayValue":{"values":[{"stringValue":"a"},{"intValue":"1"},{"arrayValue":{}}]}}}]"#,
            r#"{"tags":["a",1,[]]}"#,
        );
        let record = read_json(
            r#"{"body":{"stringValue":"x"},"attributes":[{"key":"map","value":{"kvlistValue":{"values":[{"key":"a","value":{"boolValue":false}}]}}}]}"#,
        );
        let map = record.get("attributes.map").map(|value| format!("{value:?}"));
        assert_eq!(map.as_deref(), Some(r#"Json("{\"a\":false}")"#));
    }

    #[test]
    fn the_attributes_of_a_resource_name_the_service() {
        let record = read_json(
            r#"{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"body":"x"}"#,
        );
        assert_eq!(record.get_str("service"), Some("shop"));
    }

    #[test]
    fn another_list_stays_an_array() {
        for list in [
            "[]",
            "[1]",
            r#"[{"key":"a"}]"#,
            r#"[{"key":"a","value":"b"}]"#,
            r#"[{"value":{"stringValue":"b"},"key":"a"}]"#,
            r#"[{"key":"a","value":{"stringValue":1}}]"#,
            r#"[{"key":"a","value":{"stringValue":"b"}},2]"#,
            r#"[{"key":"a","value":{"arrayValue":{"values":[1]}}}]"#,
        ] {
            let record = read_json(&format!(r#"{{"msg":"x","attributes":{list}}}"#));
            let kept = record.get("attributes").map(|value| format!("{value:?}"));
            assert!(kept.is_some_and(|kept| kept.starts_with("Json(")), "{list}");
        }
    }
}
