//! The `ranges` of `range` and `date_range`.
//!
//! tantivy adds ranges of its own until all numbers are covered, and names ranges by rounded
//! numbers. So every range of the request travels under its number, and the answer is put
//! together again from those.

use serde_json::{Map, Value, json};
use tierlog_model::Timestamp;

use super::request::Values;
use super::time_options::moment;

/// Most ranges of an aggregation: more rows than a person reads.
const RANGES_MAX: usize = 1_000;

/// One range of a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Range {
    /// Key in the answer.
    pub(super) key: String,
    /// First value inside.
    pub(super) from: Option<f64>,
    /// First value after.
    pub(super) to: Option<f64>,
}

/// Reads the ranges and leaves in the options what tantivy is told.
pub(super) fn rewrite(
    values: Values,
    options: &mut Map<String, Value>,
    now: Timestamp,
) -> Result<Vec<Range>, String> {
    let Some(Value::Array(given)) = options.remove("ranges") else {
        return Err("\"ranges\" must be an array".to_owned());
    };
    if given.is_empty() || given.len() > RANGES_MAX {
        return Err(format!("\"ranges\" must be 1 to {RANGES_MAX} ranges"));
    }
    let ranges: Vec<Range> =
        given.iter().map(|range| read(values, range, now)).collect::<Result<_, _>>()?;
    let numbered = ranges.iter().enumerate().map(|(number, range)| {
        let mut told = Map::new();
        told.insert("key".to_owned(), json!(number.to_string()));
        for (name, end) in [("from", range.from), ("to", range.to)] {
            if let Some(end) = end {
                told.insert(name.to_owned(), json!(end));
            }
        }
        Value::Object(told)
    });
    options.insert("ranges".to_owned(), numbered.collect());
    Ok(ranges)
}

fn read(values: Values, range: &Value, now: Timestamp) -> Result<Range, String> {
    let Value::Object(range) = range else {
        return Err("a range must be an object".to_owned());
    };
    if let Some(name) = range.keys().find(|name| !["key", "from", "to"].contains(&name.as_str())) {
        return Err(format!("a range has no {name:?}"));
    }
    let (from, from_text) = end(values, range.get("from"), now)?;
    let (to, to_text) = end(values, range.get("to"), now)?;
    let key = match range.get("key") {
        None => format!("{from_text}-{to_text}"),
        Some(Value::String(key)) => key.clone(),
        Some(_) => return Err("the key of a range must be a text".to_owned()),
    };
    match (from, to) {
        (Some(from), Some(to)) if from >= to => Err("a range must begin before it ends".to_owned()),
        _ => Ok(Range { key, from, to }),
    }
}

/// Returns an end as the engine compares it and as a key shows it.
fn end(
    values: Values,
    end: Option<&Value>,
    now: Timestamp,
) -> Result<(Option<f64>, String), String> {
    let end = match end {
        None | Some(Value::Null) => return Ok((None, "*".to_owned())),
        Some(end) => end,
    };
    match values {
        Values::Moments => {
            let moment = moment(end, now)?;
            Ok((Some(moment.as_micros() as f64 * 1e3), moment.to_string()))
        }
        Values::Plain => {
            let number = match end {
                Value::Number(number) => number.as_f64(),
                Value::String(text) => text.parse().ok(),
                _ => None,
            };
            let number = number.filter(|number| number.is_finite());
            let number = number.ok_or("the ends of a range must be numbers")?;
            // As Elasticsearch writes them: `500.0`.
            Ok((Some(number), format!("{number:?}")))
        }
    }
}

/// Puts the buckets of an answer into the order and under the keys of the request.
pub(super) fn restore(ranges: &[Range], values: Values, buckets: Value) -> Value {
    match buckets {
        Value::Array(buckets) => {
            let mut found: Vec<Option<Value>> = vec![None; ranges.len()];
            for bucket in buckets {
                let number = bucket.get("key").and_then(Value::as_str).and_then(number_of);
                if let Some(slot) = number.and_then(|number| found.get_mut(number)) {
                    *slot = Some(bucket);
                }
            }
            let restored = ranges
                .iter()
                .zip(found)
                .filter_map(|(range, bucket)| Some(named(range, values, bucket?)));
            Value::Array(restored.collect())
        }
        Value::Object(mut buckets) => {
            let restored = ranges.iter().enumerate().filter_map(|(number, range)| {
                let bucket = buckets.remove(&number.to_string())?;
                Some((range.key.clone(), named(range, values, bucket)))
            });
            Value::Object(restored.collect())
        }
        other => other,
    }
}

/// Only keys that we gave are bare numbers; those of the engine's own ranges have a dash.
fn number_of(key: &str) -> Option<usize> {
    key.parse().ok()
}

fn named(range: &Range, values: Values, bucket: Value) -> Value {
    let Value::Object(bucket) = bucket else { return bucket };
    let mut named = Map::with_capacity(bucket.len() + 2);
    named.insert("key".to_owned(), json!(range.key));
    for (name, end) in [("from", range.from), ("to", range.to)] {
        let Some(end) = end else { continue };
        match values {
            Values::Plain => {
                named.insert(name.to_owned(), json!(end));
            }
            Values::Moments => {
                let micros = (end / 1e3).round() as i64;
                named.insert(name.to_owned(), json!(micros.div_euclid(1_000)));
                let text = Timestamp::from_micros_clamped(micros).to_string();
                named.insert(format!("{name}_as_string"), json!(text));
            }
        }
    }
    let own = ["key", "from", "to", "from_as_string", "to_as_string"];
    let rest = bucket.into_iter().filter(|(name, _)| !own.contains(&name.as_str()));
    named.extend(rest);
    Value::Object(named)
}
