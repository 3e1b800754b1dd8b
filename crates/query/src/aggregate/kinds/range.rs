//! `range`: buckets by named ranges of numbers.

use serde_json::Value;

use crate::aggregate::kind::{Aggregation, Kind};
use crate::aggregate::options::{Options, Refused};
use crate::aggregate::ranges::Ranges;
use crate::aggregate::request::Reading;

/// The kind.
pub(super) const KIND: Kind = Kind { name: "range", has_buckets: true, read };

fn read(given: Value, reading: &mut Reading<'_>) -> Result<Box<dyn Aggregation>, Refused> {
    let mut options = Options::of(KIND.name, given)?;
    let field = reading.field(&mut options)?;
    Ranges::read(options, field, reading.now())
}
