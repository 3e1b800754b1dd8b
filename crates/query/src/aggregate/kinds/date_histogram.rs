//! `date_histogram`: buckets by time, of equal length.

use std::time::Duration;

use serde_json::Value;
use tantivy::aggregation::agg_req::AggregationVariants;
use tantivy::aggregation::bucket::DateHistogramAggregationReq;

use crate::aggregate::by_time::Precounted;
use crate::aggregate::columns::Columns;
use crate::aggregate::kind::{Aggregation, Field, Kind, Running};
use crate::aggregate::options::{Options, Refused};
use crate::aggregate::request::Reading;
use crate::aggregate::steps::{Stepped, Steps, size_of};
use crate::aggregate::time::{interval, moment, over_time};

/// The kind.
pub(super) const KIND: Kind = Kind { name: "date_histogram", has_buckets: true, read };

/// Options that give the length of a bucket.
const INTERVALS: [&str; 3] = ["fixed_interval", "calendar_interval", "interval"];

/// 1970 began on a Thursday, weeks begin on Mondays.
const WEEK_OFFSET: &str = "4d";

fn read(given: Value, reading: &mut Reading<'_>) -> Result<Box<dyn Aggregation>, Refused> {
    let mut options = Options::of(KIND.name, given)?;
    let field = reading.field(&mut options)?;
    over_time(&mut options, &field)?;
    let mut offset = options.text("offset")?;
    let length = read_length(&mut options, &mut offset)?;
    if let Some(offset) = &offset
        && interval(offset.trim_start_matches(['+', '-'])).is_none()
    {
        return Err("\"offset\" must be a length of time, such as \"-3h\"".into());
    }
    let now = reading.now();
    let steps =
        Steps::take(
            &mut options,
            |end| Ok(moment(end, now)?.as_micros().div_euclid(1_000) as f64),
        )?;
    options.finish()?;
    Ok(Box::new(DateHistogram { field, length, offset, steps }))
}

/// Reads the one length of a bucket. In UTC minutes, hours, days and weeks always have one length;
/// months do not.
fn read_length(options: &mut Options, offset: &mut Option<String>) -> Result<Duration, Refused> {
    let mut given = INTERVALS.iter().filter_map(|name| options.take(name));
    let (Some(Value::String(length)), None) = (given.next(), given.next()) else {
        return Err("exactly one interval must be given, such as \"1m\"".into());
    };
    let length = match length.as_str() {
        "second" => "1s",
        "minute" => "1m",
        "hour" => "1h",
        "day" => "1d",
        "week" | "1w" => {
            if offset.is_some() {
                return Err("a week takes no offset".into());
            }
            *offset = Some(WEEK_OFFSET.to_owned());
            "7d"
        }
        "month" | "1M" | "quarter" | "1q" | "year" | "1y" => {
            return Err("months, quarters and years are not supported".into());
        }
        other => other,
    };
    let length = interval(length).filter(|length| !length.is_zero());
    length.ok_or_else(|| "an interval is a whole number of ms, s, m, h or d".into())
}

#[derive(Debug)]
struct DateHistogram {
    field: Field,
    length: Duration,
    offset: Option<String>,
    steps: Steps,
}

impl Aggregation for DateHistogram {
    fn field(&self) -> Option<&Field> {
        Some(&self.field)
    }

    fn run(&self, _: &mut Columns<'_>) -> Result<Running, Refused> {
        let DateHistogram { field, length, offset, steps } = self;
        let engine = DateHistogramAggregationReq {
            interval: None,
            calendar_interval: None,
            field: field.column.clone(),
            format: None,
            fixed_interval: Some(format!("{}ms", length.as_millis())),
            offset: offset.clone(),
            min_doc_count: steps.min_doc_count,
            hard_bounds: steps.hard_bounds,
            extended_bounds: steps.extended_bounds,
            keyed: false,
        };
        Ok(Running {
            engine: AggregationVariants::DateHistogram(engine),
            beside: Vec::new(),
            size: size_of(length.as_nanos() as f64),
            finish: Box::new(Stepped { values: field.values, listing: steps.listing }),
        })
    }

    fn precounted(&self) -> Option<Precounted> {
        let is_plain = self.offset.is_none() && self.steps.are_plain();
        is_plain.then_some(Precounted::Time(self.length))
    }
}
