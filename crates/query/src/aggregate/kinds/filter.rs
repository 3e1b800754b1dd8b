//! `filter`: a bucket of the records that meet a query.

use serde_json::Value;

use crate::aggregate::inside::Matching;
use crate::aggregate::kind::{Aggregation, Kind};
use crate::aggregate::options::Refused;
use crate::aggregate::request::Reading;

/// The kind.
pub(super) const KIND: Kind = Kind { name: "filter", has_buckets: true, read };

#[expect(clippy::needless_pass_by_value, reason = "every kind is given its options")]
fn read(given: Value, reading: &mut Reading<'_>) -> Result<Box<dyn Aggregation>, Refused> {
    Ok(Matching::boxed(reading.condition(&given)?))
}
