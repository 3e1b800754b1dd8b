//! `missing`: a bucket of the records without a field.

use serde_json::Value;

use crate::aggregate::inside::Matching;
use crate::aggregate::kind::{Aggregation, Kind};
use crate::aggregate::options::{Options, Refused};
use crate::aggregate::request::Reading;
use crate::expr::Expr;

/// The kind.
pub(super) const KIND: Kind = Kind { name: "missing", has_buckets: true, read };

fn read(given: Value, reading: &mut Reading<'_>) -> Result<Box<dyn Aggregation>, Refused> {
    let mut options = Options::of(KIND.name, given)?;
    let name = reading.field_name(&mut options)?;
    options.finish()?;
    Ok(Matching::boxed(Expr::Exists(name).negated()))
}
