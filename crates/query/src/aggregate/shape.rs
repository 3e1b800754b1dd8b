//! Makes tantivy's answer Elasticsearch-shaped: in the order of the request, moments in
//! milliseconds with their RFC 3339 text beside them, counts as whole numbers.

use serde_json::{Map, Value, json};
use tierlog_model::Timestamp;

use super::build::Node;
use super::hidden::{self, LeftOut};
use super::ranges;
use super::registry::Kind;
use super::request::Values;

const NANOS_PER_MILLI: f64 = 1e6;

/// Returns the answer of a level in the order of its outline.
pub(super) fn level(
    outline: &[Node],
    mut results: Map<String, Value>,
    left_out: &mut LeftOut,
) -> Map<String, Value> {
    let mut shaped = Map::with_capacity(outline.len());
    for node in outline {
        if let Some(mut result) = results.remove(&node.name) {
            let take = |end: &str| results.remove(&hidden::name_of(end, &node.name));
            node.hidden.put_into(&node.owner(), &mut result, take, left_out);
            shaped.insert(node.name.clone(), aggregation(node, result, left_out));
        }
    }
    shaped
}

fn aggregation(node: &Node, mut result: Value, left_out: &mut LeftOut) -> Value {
    match node.kind {
        Kind::Filter | Kind::Missing => bucket(node, result, left_out),
        Kind::Range | Kind::DateRange => {
            if let Some(buckets) = result.get_mut("buckets") {
                *buckets = ranges::restore(&node.ranges, node.values, buckets.take());
                each_bucket(node, buckets, left_out);
            }
            result
        }
        Kind::Terms | Kind::Histogram | Kind::DateHistogram => {
            if let Some(buckets) = result.get_mut("buckets") {
                each_bucket(node, buckets, left_out);
                if let Value::Object(buckets) = buckets {
                    *buckets = by_key(std::mem::take(buckets));
                }
            }
            result
        }
        Kind::ValueCount | Kind::Cardinality => {
            whole(result.get_mut("value"));
            result
        }
        Kind::Metric | Kind::Percentiles => match node.values {
            Values::Plain => result,
            Values::Moments => moments(result),
        },
    }
}

fn each_bucket(node: &Node, buckets: &mut Value, left_out: &mut LeftOut) {
    match buckets {
        Value::Array(buckets) => {
            buckets.iter_mut().for_each(|entry| *entry = bucket(node, entry.take(), left_out));
        }
        Value::Object(buckets) => {
            buckets.values_mut().for_each(|entry| *entry = bucket(node, entry.take(), left_out));
        }
        _ => {}
    }
}

/// Puts keyed buckets, which come in no order, into the order of their numbers; moments are
/// named by their texts.
fn by_key(buckets: Map<String, Value>) -> Map<String, Value> {
    let mut numbered: Vec<(f64, String, Value)> = buckets
        .into_iter()
        .map(|(key, entry)| {
            let number = entry.get("key").and_then(Value::as_f64).unwrap_or(f64::NEG_INFINITY);
            let text = entry.get("key_as_string").and_then(Value::as_str).map(str::to_owned);
            (number, text.unwrap_or(key), entry)
        })
        .collect();
    numbered.sort_by(|left, right| left.0.total_cmp(&right.0));
    numbered.into_iter().map(|(_, key, entry)| (key, entry)).collect()
}

/// Shapes a bucket: the bucket's keys first, then the nested aggregations.
fn bucket(node: &Node, entry: Value, left_out: &mut LeftOut) -> Value {
    let Value::Object(entry) = entry else { return entry };
    let is_nested = |name: &str| {
        name.starts_with(hidden::MARK) || node.children.iter().any(|child| child.name == name)
    };
    let (nested, mut own): (Map<_, _>, Map<_, _>) =
        entry.into_iter().partition(|(name, _)| is_nested(name));
    if node.kind == Kind::DateHistogram
        && let Some(millis) = own.get("key").and_then(Value::as_f64)
    {
        own.insert("key".to_owned(), json!(millis as i64));
        own.insert("key_as_string".to_owned(), json!(text_of(millis)));
    }
    own.extend(level(&node.children, nested, left_out));
    Value::Object(own)
}

/// Rewrites nanoseconds to milliseconds and adds their texts.
fn moments(result: Value) -> Value {
    let Value::Object(result) = result else { return result };
    let mut shaped = Map::with_capacity(result.len() * 2);
    for (name, value) in result {
        match value {
            Value::Object(_) => {
                shaped.insert(name, moments(value));
            }
            Value::Number(number) if name != "count" => {
                let millis = number.as_f64().unwrap_or_default() / NANOS_PER_MILLI;
                shaped.insert(name.clone(), json!(millis));
                shaped.insert(format!("{name}_as_string"), json!(text_of(millis)));
            }
            other => {
                shaped.insert(name, other);
            }
        }
    }
    Value::Object(shaped)
}

fn text_of(millis: f64) -> String {
    Timestamp::from_micros_clamped((millis * 1e3).round() as i64).to_string()
}

fn whole(value: Option<&mut Value>) {
    if let Some(value) = value
        && let Some(number) = value.as_f64()
    {
        *value = json!(number.round() as u64);
    }
}
