//! `date_range`: buckets by named ranges of time.

use serde_json::Value;

use crate::aggregate::kind::{Aggregation, Kind};
use crate::aggregate::options::{Options, Refused};
use crate::aggregate::ranges::Ranges;
use crate::aggregate::request::Reading;
use crate::aggregate::time::over_time;

/// The kind.
pub(super) const KIND: Kind = Kind { name: "date_range", has_buckets: true, read };

fn read(given: Value, reading: &mut Reading<'_>) -> Result<Box<dyn Aggregation>, Refused> {
    let mut options = Options::of(KIND.name, given)?;
    let field = reading.field(&mut options)?;
    over_time(&mut options, &field)?;
    Ranges::read(options, field, reading.now())
}
