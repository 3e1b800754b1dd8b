//! The most frequent values of a field.

use serde_json::{Value, json};
use tierlog_model::{Pseudonyms, Timestamp};

use super::request::{Names, Request};
use super::run::AggregateAnswer;
use crate::error::QueryError;
use crate::execute::ScanReport;

/// Most values of one answer.
pub(crate) const VALUES_MAX: usize = 1_000;

/// Values that each segment reports: ranks are exact while no segment holds more.
const SEGMENT_VALUES: usize = 10_000;

/// The most frequent values of a field.
#[derive(Debug)]
pub(crate) struct FieldValues {
    /// Values, the most frequent first.
    pub(crate) values: Vec<FieldValue>,
    /// Records whose value is not listed.
    pub(crate) other: u64,
    /// How much too small a count may be, when a field has very many values.
    pub(crate) count_error_max: u64,
    /// What the scan did.
    pub(crate) report: ScanReport,
}

/// One value.
#[derive(Debug)]
pub(crate) struct FieldValue {
    /// Text, number, `true` or `false`.
    pub(crate) value: Value,
    /// Records that have it.
    pub(crate) count: u64,
}

/// Returns the request for the most frequent values of a field, given by its canonical name.
pub(crate) fn values_request(
    field: &str,
    limit: usize,
    now: Timestamp,
) -> Result<Request, QueryError> {
    let size = limit.clamp(1, VALUES_MAX);
    let terms = json!({"field": field, "size": size, "segment_size": SEGMENT_VALUES});
    let names = Names {
        pseudonyms: &Pseudonyms::off(),
        now,
        name_of: &str::to_owned,
        condition: &|_| Err(QueryError::Internal("a list of values has no filter")),
    };
    let request = Request::read(json!({"values": {"terms": terms}}), names);
    // The caller asked for a field and no aggregation: the error names the field.
    request.map_err(|error| match error {
        QueryError::Parameter { message, .. } => QueryError::Parameter { name: "name", message },
        other => other,
    })
}

/// Returns the values in the answer to such a request.
pub(crate) fn field_values(answer: AggregateAnswer) -> Result<FieldValues, QueryError> {
    let terms = answer.aggregations.get("values");
    let number = |name: &str| terms.and_then(|terms| terms.get(name)?.as_u64()).unwrap_or(0);
    let buckets = terms.and_then(|terms| terms.get("buckets")?.as_array());
    let values = buckets.into_iter().flatten().filter_map(value_of).collect();
    Ok(FieldValues {
        values,
        other: number("sum_other_doc_count"),
        count_error_max: number("doc_count_error_upper_bound"),
        report: answer.report,
    })
}

fn value_of(bucket: &Value) -> Option<FieldValue> {
    let count = bucket.get("doc_count")?.as_u64()?;
    // Of all values only `true` and `false` have a text beside a numeric key.
    let value = match bucket.get("key_as_string").and_then(Value::as_str) {
        Some("true") => Value::Bool(true),
        Some("false") => Value::Bool(false),
        _ => bucket.get("key")?.clone(),
    };
    Some(FieldValue { value, count })
}
