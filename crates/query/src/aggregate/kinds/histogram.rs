//! `histogram`: buckets by number, of equal width.

use serde_json::Value;
use tantivy::aggregation::agg_req::AggregationVariants;
use tantivy::aggregation::bucket::HistogramAggregation;

use crate::aggregate::columns::{Columns, Digits, NumberColumns};
use crate::aggregate::kind::{Aggregation, Field, Kind, Running, Values};
use crate::aggregate::numbers::NumberForm;
use crate::aggregate::options::{Options, Refused, float};
use crate::aggregate::request::Reading;
use crate::aggregate::steps::{Stepped, Steps, size_of};

/// The kind.
pub(super) const KIND: Kind = Kind { name: "histogram", has_buckets: true, read };

/// Narrower buckets than this have numbers that a float no longer tells apart.
const INTERVAL_MIN: f64 = 1e-6;

fn read(given: Value, reading: &mut Reading<'_>) -> Result<Box<dyn Aggregation>, Refused> {
    let mut options = Options::of(KIND.name, given)?;
    let field = reading.field(&mut options)?;
    if field.values == Values::Moments {
        return Err("moments have a histogram of their own, by date".into());
    }
    let interval = options.number("interval")?.filter(|interval| *interval >= INTERVAL_MIN);
    let wanted = || format!("\"interval\" must be a number of at least {INTERVAL_MIN}");
    let interval = interval.ok_or_else(wanted)?;
    let offset = options.number("offset")?;
    let steps = Steps::take(&mut options, |end| {
        float(end).ok_or_else(|| "the ends of bounds must be numbers".into())
    })?;
    options.finish()?;
    Ok(Box::new(NumberHistogram { field, interval, offset, steps }))
}

#[derive(Debug)]
struct NumberHistogram {
    field: Field,
    interval: f64,
    offset: Option<f64>,
    steps: Steps,
}

impl Aggregation for NumberHistogram {
    fn field(&self) -> Option<&Field> {
        Some(&self.field)
    }

    fn run(&self, columns: &mut Columns<'_>) -> Result<Running, Refused> {
        let NumberHistogram { field, interval, offset, steps } = self;
        let NumberColumns { column, beside, .. } =
            columns.numbers(field, NumberForm::AsStored, Digits::OfFloats);
        let engine = HistogramAggregation {
            field: column,
            interval: *interval,
            offset: *offset,
            min_doc_count: steps.min_doc_count,
            hard_bounds: steps.hard_bounds,
            extended_bounds: steps.extended_bounds,
            keyed: false,
            is_normalized_to_ns: false,
        };
        Ok(Running {
            engine: AggregationVariants::Histogram(engine),
            beside,
            size: size_of(*interval),
            finish: Box::new(Stepped { values: field.values, listing: steps.listing }),
        })
    }
}
