//! The count that every dashboard draws: `date_histogram` over the moment, by `level` or alone.
//!
//! A request arrives as it was written. For just this count our own histogram answers in the shape
//! of tantivy's answer, mostly out of the counts made at the seal. Everything else, and what the
//! histogram finds too large, is left to the engine.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tierlog_model::{Level, fields};
use tierlog_store::Store;

use super::grid::HistogramBucket;
use super::histogram::bare_histogram;
use crate::error::QueryError;
use crate::execute::{Deadline, ScanReport};
use crate::plan::Plan;

/// Aggregations in the shape of the answer, and what had to be looked into for them.
pub(super) type Counted = (Map<String, Value>, ScanReport);

/// A request that the histogram can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CountByTime {
    name: String,
    interval: Duration,
    /// Name of the count by level inside, if there is one.
    by_level: Option<String>,
}

impl CountByTime {
    /// Reads a request; `None` when it asks for anything else, or asks in another way.
    pub(super) fn read(aggs: &Value) -> Option<CountByTime> {
        let (name, body) = only(aggs)?;
        let body = body.as_object()?;
        let options = body.get("date_histogram")?.as_object()?;
        if options.len() != 2 || options.get("field")?.as_str()? != fields::TIMESTAMP {
            return None;
        }
        let interval = read_interval(options.get("fixed_interval")?.as_str()?)?;
        let by_level = match (body.len(), body.get("aggs")) {
            (1, None) => None,
            (2, Some(inside)) => Some(level_count(inside)?.to_owned()),
            _ => return None,
        };
        Some(CountByTime { name: name.to_owned(), interval, by_level })
    }

    /// Answers it; `None` when there are more buckets than our histogram has.
    pub(super) fn answer(
        &self,
        store: &Store,
        plan: &Plan,
        deadline: &Deadline,
    ) -> Result<Option<Counted>, QueryError> {
        let (buckets, report) = match bare_histogram(store, plan, self.interval, deadline) {
            Ok(counted) => counted,
            Err(QueryError::TooExpensive { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let buckets: Vec<Value> = buckets.iter().map(|bucket| self.bucket(bucket)).collect();
        let answer = Map::from_iter([(self.name.clone(), json!({ "buckets": buckets }))]);
        Ok(Some((answer, report)))
    }

    fn bucket(&self, bucket: &HistogramBucket) -> Value {
        let mut shaped = Map::new();
        shaped.insert("key_as_string".to_owned(), json!(bucket.start.to_string()));
        shaped.insert("key".to_owned(), json!(bucket.start.as_micros().div_euclid(1_000)));
        shaped.insert("doc_count".to_owned(), json!(bucket.total));
        if let Some(name) = &self.by_level {
            let mut levels: Vec<(Level, u64)> = bucket.levels.clone();
            levels.sort_by(|(left, few), (right, many)| {
                many.cmp(few).then_with(|| left.as_str().cmp(right.as_str()))
            });
            let level =
                |(level, count): &(Level, u64)| json!({"key": level.as_str(), "doc_count": count});
            let inside = json!({
                "buckets": levels.iter().map(level).collect::<Vec<Value>>(),
                "sum_other_doc_count": 0,
                "doc_count_error_upper_bound": 0,
            });
            shaped.insert(name.clone(), inside);
        }
        Value::Object(shaped)
    }
}

/// Returns the only entry of an object.
fn only(value: &Value) -> Option<(&str, &Value)> {
    let mut entries = value.as_object()?.iter();
    match (entries.next(), entries.next()) {
        (Some((name, value)), None) => Some((name, value)),
        _ => None,
    }
}

/// Returns the name of the count by level that is all that an object asks for.
fn level_count(inside: &Value) -> Option<&str> {
    let (name, body) = only(inside)?;
    let (kind, options) = only(body)?;
    let (option, field) = only(options)?;
    let is_level = kind == "terms" && option == "field" && field.as_str()? == fields::LEVEL;
    is_level.then_some(name)
}

/// Reads a whole number of one unit, as both engines do.
pub(super) fn read_interval(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u32 = number.parse().ok()?;
    let unit = match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3_600),
        "d" => Duration::from_secs(86_400),
        _ => return None,
    };
    unit.checked_mul(number).filter(|interval| !interval.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_plain_count_is_taken() {
        let time = json!({"field": "timestamp", "fixed_interval": "90s"});
        let level = json!({"terms": {"field": "level"}});
        let plain = json!({"t": {"date_histogram": time, "aggs": {"l": level}}});
        let read = CountByTime::read(&plain).expect("plain");
        assert_eq!((read.interval.as_secs(), read.by_level.as_deref()), (90, Some("l")));
        let alone = CountByTime::read(&json!({"t": {"date_histogram": time}})).expect("plain");
        assert_eq!((alone.name.as_str(), alone.by_level), ("t", None));
        for other in [
            json!({}),
            json!({"t": {"date_histogram": time}, "u": level}),
            json!({"t": {"date_histogram": {"field": "timestamp", "fixed_interval": "0s"}}}),
            json!({"t": {"date_histogram": {"field": "timestamp", "calendar_interval": "day"}}}),
            json!({"t": {"date_histogram": {"field": "timestamp", "fixed_interval": "1h", "min_doc_count": 1}}}),
            json!({"t": {"date_histogram": {"field": "when", "fixed_interval": "1h"}}}),
            json!({"t": {"date_histogram": time, "aggs": {"l": {"terms": {"field": "level", "size": 1}}}}}),
            json!({"t": {"date_histogram": time, "aggs": {"l": {"terms": {"field": "service"}}}}}),
            json!({"t": {"date_histogram": time, "aggs": {"l": level, "m": level}}}),
            json!({"t": {"date_histogram": time, "aggs": {"l": {"terms": {"field": "level"}, "aggs": {"d": level}}}}}),
            json!({"t": {"terms": {"field": "level"}}}),
        ] {
            assert_eq!(CountByTime::read(&other), None, "{other}");
        }
    }
}
