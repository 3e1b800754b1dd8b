//! The `ranges` of kinds with named ranges.
//!
//! tantivy adds ranges of its own until all numbers are covered, and names ranges by rounded
//! numbers. So every range of the request travels under its number, and the answer is put
//! together again from those.

use serde_json::Value;
use tantivy::aggregation::Key as EngineKey;
use tantivy::aggregation::agg_req::AggregationVariants;
use tantivy::aggregation::agg_result::{AggregationResult, BucketEntries, BucketResult};
use tantivy::aggregation::bucket::{RangeAggregation, RangeAggregationRange};
use tierlog_model::Timestamp;

use super::answer::{Answer, BucketKey, Buckets, Figure, Inside, Listing};
use super::columns::{Columns, Digits, NumberColumns};
use super::found::Findings;
use super::growth::{BucketCount, KEY_BYTES, Size};
use super::kind::{Aggregation, FOREIGN_RESULT, Field, Finish, Running, Values};
use super::numbers::NumberForm;
use super::options::{Options, Refused, float};
use super::time::moment;
use crate::error::QueryError;

/// Most ranges of an aggregation: more rows than a person reads.
const RANGES_MAX: usize = 1_000;

/// One range of a request.
#[derive(Clone, Debug, PartialEq)]
struct Range {
    /// Key in the answer.
    key: String,
    /// First value inside.
    from: Option<f64>,
    /// First value after.
    to: Option<f64>,
}

/// An aggregation by named ranges.
#[derive(Debug)]
pub(super) struct Ranges {
    field: Field,
    ranges: Vec<Range>,
    listing: Listing,
}

impl Ranges {
    /// Reads the options that all kinds with ranges have, of a field that was read already.
    pub(super) fn read(
        mut options: Options,
        field: Field,
        now: Timestamp,
    ) -> Result<Box<dyn Aggregation>, Refused> {
        let Some(Value::Array(given)) = options.take("ranges") else {
            return Err("\"ranges\" must be an array".into());
        };
        if given.is_empty() || given.len() > RANGES_MAX {
            return Err(format!("\"ranges\" must be 1 to {RANGES_MAX} ranges").into());
        }
        let ranges = given.iter().map(|range| read_range(field.values, range, now));
        let ranges: Vec<Range> = ranges.collect::<Result<_, _>>()?;
        let listing = match options.flag("keyed")? {
            true => Listing::ByName,
            false => Listing::InOrder,
        };
        let is_twice = |(place, range): (usize, &Range)| {
            ranges.iter().take(place).any(|earlier| earlier.key == range.key)
        };
        if listing == Listing::ByName && ranges.iter().enumerate().any(is_twice) {
            return Err("two ranges have the same key".into());
        }
        options.finish()?;
        Ok(Box::new(Ranges { field, ranges, listing }))
    }
}

fn read_range(values: Values, range: &Value, now: Timestamp) -> Result<Range, Refused> {
    let Value::Object(range) = range else {
        return Err("a range must be an object".into());
    };
    if let Some(name) = range.keys().find(|name| !["key", "from", "to"].contains(&name.as_str())) {
        return Err(format!("a range has no {name:?}").into());
    }
    let (from, from_text) = end(values, range.get("from"), now)?;
    let (to, to_text) = end(values, range.get("to"), now)?;
    let key = match range.get("key") {
        None => format!("{from_text}-{to_text}"),
        Some(Value::String(key)) => key.clone(),
        Some(_) => return Err("the key of a range must be a text".into()),
    };
    match (from, to) {
        (Some(from), Some(to)) if from >= to => Err("a range must begin before it ends".into()),
        _ => Ok(Range { key, from, to }),
    }
}

/// Returns an end as the engine compares it and as a key shows it.
fn end(
    values: Values,
    end: Option<&Value>,
    now: Timestamp,
) -> Result<(Option<f64>, String), Refused> {
    let end = match end {
        None | Some(Value::Null) => return Ok((None, "*".to_owned())),
        Some(end) => end,
    };
    match values {
        Values::Moments => {
            let moment = moment(end, now)?;
            Ok((Some(moment.as_micros() as f64 * 1e3), moment.to_string()))
        }
        Values::Plain => {
            let number = float(end).ok_or("the ends of a range must be numbers")?;
            // As Elasticsearch writes them: `500.0`.
            Ok((Some(number), format!("{number:?}")))
        }
    }
}

impl Aggregation for Ranges {
    fn field(&self) -> Option<&Field> {
        Some(&self.field)
    }

    fn run(&self, columns: &mut Columns<'_>) -> Result<Running, Refused> {
        let Ranges { field, ranges, listing } = self;
        let NumberColumns { column, beside, .. } =
            columns.numbers(field, NumberForm::Floats, Digits::OfFloats);
        let numbered = ranges.iter().enumerate().map(|(number, range)| RangeAggregationRange {
            key: Some(number.to_string()),
            from: range.from,
            to: range.to,
        });
        let engine = RangeAggregation { field: column, ranges: numbered.collect(), keyed: false };
        let longest = ranges.iter().map(|range| range.key.len()).max().unwrap_or(0);
        // Those of the engine's own: before the first and after the last.
        let count = ranges.len() as u64 + 2;
        let size = Size {
            slot_bytes: 64,
            key_bytes: KEY_BYTES.max(longest as u64),
            ..Size::of_buckets(BucketCount::Fixed(count), 24 + 96 * count, 24 + 64 * count)
        };
        Ok(Running {
            engine: AggregationVariants::Range(engine),
            beside,
            size,
            finish: Box::new(Restored {
                ranges: ranges.clone(),
                values: field.values,
                listing: *listing,
            }),
        })
    }
}

/// Puts the buckets into the order and under the keys of the request.
#[derive(Debug)]
struct Restored {
    ranges: Vec<Range>,
    values: Values,
    listing: Listing,
}

impl Finish for Restored {
    fn answer(
        &self,
        result: AggregationResult,
        found: &mut Findings<'_>,
    ) -> Result<Answer, QueryError> {
        let AggregationResult::BucketResult(BucketResult::Range {
            buckets: BucketEntries::Vec(buckets),
        }) = result
        else {
            return Err(FOREIGN_RESULT);
        };
        let mut restored: Vec<Option<Inside>> = vec![None; self.ranges.len()];
        for bucket in buckets {
            // Only our own keys are bare numbers; a key of the engine has a dash.
            let EngineKey::Str(key) = &bucket.key else { continue };
            let slot = key.parse().ok().and_then(|number: usize| restored.get_mut(number));
            if let Some(slot) = slot {
                let answers = found.nested(bucket.sub_aggregation)?;
                *slot = Some(Inside { records: bucket.doc_count, answers });
            }
        }
        let list = self.ranges.iter().zip(restored);
        let list = list.filter_map(|(range, inside)| Some((self.key(range), inside?))).collect();
        let (listing, skipped) = (self.listing, found.skipped());
        Ok(Answer::Buckets(Buckets { list, listing, cut: None, skipped }))
    }
}

impl Restored {
    fn key(&self, range: &Range) -> BucketKey {
        let end = |end: Option<f64>| match (self.values, end) {
            (_, None) => Figure::None,
            (Values::Plain, end) => Figure::float(end),
            (Values::Moments, Some(nanos)) => Figure::Moment(nanos),
        };
        BucketKey::Range { name: range.key.clone(), from: end(range.from), to: end(range.to) }
    }
}
