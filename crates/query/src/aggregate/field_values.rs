//! The most frequent values of a field.

use super::answer::{Answer, BucketKey, Buckets, Inside};
use super::kind::{FOREIGN_RESULT, Field};
use super::kinds::Terms;
use super::options::Refused;
use super::request::Request;
use super::run::AggregateAnswer;
use crate::error::QueryError;
use crate::execute::ScanReport;

/// Most values of one answer.
pub(crate) const VALUES_MAX: usize = 1_000;

/// Values that each segment reports: ranks are exact while no segment holds more.
const SEGMENT_VALUES: u32 = 10_000;

/// Name of the only aggregation of the request.
const NAME: &str = "values";

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
    pub(crate) value: BucketKey,
    /// Records that have it.
    pub(crate) count: u64,
}

/// Returns the request for the most frequent values of a field, given by its canonical name.
pub(crate) fn values_request(field: &str, limit: usize) -> Result<Request, QueryError> {
    let size = limit.clamp(1, VALUES_MAX) as u32;
    let field = Field::of(field.to_owned()).map_err(|why| match why {
        Refused::Because(message) => QueryError::Parameter { name: "name", message },
        Refused::Error(error) => error,
    })?;
    Ok(Request::of(NAME, Box::new(Terms::most_frequent(field, size, SEGMENT_VALUES))))
}

/// Returns the values in the answer to such a request.
pub(crate) fn field_values(answer: AggregateAnswer) -> Result<FieldValues, QueryError> {
    let AggregateAnswer { answers, report, .. } = answer;
    let mut answers = answers.0.into_iter().map(|(_, answer)| answer);
    let Some(Answer::Buckets(Buckets { list, cut: Some(cut), .. })) = answers.next() else {
        return Err(FOREIGN_RESULT);
    };
    let value = |(value, Inside { records: count, .. })| FieldValue { value, count };
    Ok(FieldValues {
        values: list.into_iter().map(value).collect(),
        other: cut.others,
        count_error_max: cut.count_error_max.unwrap_or(0),
        report,
    })
}
