//! Hidden aggregations: each runs beside an aggregation of the request and measures what the
//! engine's own result leaves out.
//!
//! | hidden | says |
//! |---|---|
//! | the [`PARTS`](super::exact::PARTS) | sum and extremes to the last digit |
//! | `skipped` | how many values were no numbers |
//! | `distinct` | how many values there are, while they are few |
//!
//! Their names begin with a character that no client's name may begin with.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::exact::Exact;
use super::keys::{compare_keys, read_key};
use super::registry::Kind;

/// First character of a hidden name.
pub(super) const MARK: char = '\u{0}';

/// Hidden aggregation that counts values without a number.
pub(super) const SKIPPED: &str = "skipped";

/// Hidden aggregation that lists values for an exact count.
pub(super) const DISTINCT: &str = "distinct";

/// Largest `precision_threshold`: as in Elasticsearch, and a key more than that still fits the
/// bound on buckets.
pub(super) const PRECISION_MAX: u64 = 40_000;

/// Standard error of an estimated `cardinality`: 1.04 over the root of 2,048 registers.
const CARDINALITY_ERROR: f64 = 0.023;

/// Returns the name of a hidden aggregation.
pub(super) fn name_of(end: &str, name: &str) -> String {
    format!("{MARK}{end}{MARK}{name}")
}

/// The hidden aggregations beside an aggregation of the outline.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    /// The parts of exact numbers.
    pub(super) exact: bool,
    /// The number of values left out.
    pub(super) skipped: bool,
    /// Its keys are written with their kinds.
    pub(super) keys: bool,
    /// Most values counted one by one.
    pub(super) distinct_max: Option<u64>,
    /// The order of its keys, which the engine does not know.
    pub(super) by_key: Option<ByKey>,
}

/// How buckets are ordered by their keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByKey {
    /// What comes first.
    pub(super) first: First,
    /// Buckets that are left.
    pub(super) size: usize,
}

/// The key that comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    Smallest,
    Largest,
}

/// Values that no aggregation computed with, by field.
#[derive(Debug, Default)]
pub(super) struct LeftOut(BTreeMap<(String, usize), u64>);

impl LeftOut {
    /// Counts values of a field, as one aggregation of the outline found them.
    fn add(&mut self, field: &str, node: usize, count: u64) {
        *self.0.entry((field.to_owned(), node)).or_default() += count;
    }

    /// Returns the fields, each with the most that an aggregation left out.
    pub(super) fn fields(self) -> BTreeMap<String, u64> {
        let mut fields: BTreeMap<String, u64> = BTreeMap::new();
        for ((field, _), count) in self.0 {
            let most = fields.entry(field).or_default();
            *most = count.max(*most);
        }
        fields
    }
}

/// The aggregation that hidden ones are of.
pub(super) struct Owner<'n> {
    pub(super) kind: Kind,
    pub(super) engine_name: &'static str,
    pub(super) field: &'n str,
    pub(super) number: usize,
}

impl Hidden {
    /// Puts the results of hidden aggregations into the visible result; `take` finds a hidden
    /// result by name ending.
    pub(super) fn put_into(
        &self,
        owner: &Owner<'_>,
        result: &mut Value,
        mut take: impl FnMut(&str) -> Option<Value>,
        left_out: &mut LeftOut,
    ) {
        let Value::Object(result) = result else { return };
        if self.exact {
            Exact::of(&mut take).put_into(owner.engine_name, result);
        }
        if self.skipped
            && let Some(count) = take(SKIPPED).and_then(|skipped| skipped.get("value")?.as_f64())
            && count > 0.0
        {
            result.insert(SKIPPED.to_owned(), json!(count as u64));
            left_out.add(owner.field, owner.number, count as u64);
        }
        if self.keys {
            self.read_keys(result);
        }
        if owner.kind == Kind::Cardinality {
            self.count_distinct(result, take(DISTINCT));
        }
    }

    fn read_keys(&self, result: &mut Map<String, Value>) {
        let Some(Value::Array(buckets)) = result.get_mut("buckets") else { return };
        for bucket in buckets.iter_mut().filter_map(Value::as_object_mut) {
            read_key(bucket);
        }
        let Some(ByKey { first, size }) = self.by_key else { return };
        let key = |bucket: &Value| bucket.get("key").cloned().unwrap_or_default();
        buckets.sort_by(|left, right| {
            let ordering: Ordering = compare_keys(&key(left), &key(right));
            if first == First::Largest { ordering.reverse() } else { ordering }
        });
        let cut = buckets.split_off(size.min(buckets.len()));
        let count = |bucket: &Value| bucket.get("doc_count").and_then(Value::as_u64).unwrap_or(0);
        let others: u64 = cut.iter().map(count).sum();
        if let Some(other) = result.get_mut("sum_other_doc_count") {
            *other = json!(other.as_u64().unwrap_or(0) + others);
        }
    }

    fn count_distinct(&self, result: &mut Map<String, Value>, listed: Option<Value>) {
        let listed = listed.and_then(|listed| {
            let others = listed.get("sum_other_doc_count")?.as_u64()?;
            let count = listed.get("buckets")?.as_array()?.len() as u64;
            (others == 0 && count <= self.distinct_max?).then_some(count)
        });
        if let Some(count) = listed {
            result.insert("value".to_owned(), json!(count));
        }
        result.insert("exact".to_owned(), json!(listed.is_some()));
        if listed.is_none() {
            result.insert("relative_error".to_owned(), json!(CARDINALITY_ERROR));
        }
    }
}
