//! Buckets of equal width: what histograms have in common.

use serde_json::Value;
use tantivy::aggregation::Key as EngineKey;
use tantivy::aggregation::agg_result::{
    AggregationResult, BucketEntries, BucketEntry, BucketResult,
};
use tantivy::aggregation::bucket::HistogramBounds;

use super::answer::{Answer, BucketKey, Buckets, Inside, Listing};
use super::found::Findings;
use super::growth::{BucketCount, Size};
use super::kind::{FOREIGN_RESULT, Finish, Values};
use super::options::{Options, Refused};
use crate::error::QueryError;
use crate::expr::Number;

/// Options that all histograms have.
#[derive(Debug)]
pub(super) struct Steps {
    pub(super) min_doc_count: Option<u64>,
    pub(super) hard_bounds: Option<HistogramBounds>,
    pub(super) extended_bounds: Option<HistogramBounds>,
    pub(super) listing: Listing,
}

impl Steps {
    /// Takes the options; `end` reads an end of bounds.
    pub(super) fn take(
        options: &mut Options,
        end: impl Fn(&Value) -> Result<f64, Refused>,
    ) -> Result<Steps, Refused> {
        Ok(Steps {
            min_doc_count: options.whole("min_doc_count")?,
            hard_bounds: bounds(options, "hard_bounds", &end)?,
            extended_bounds: bounds(options, "extended_bounds", &end)?,
            listing: match options.flag("keyed")? {
                true => Listing::ByName,
                false => Listing::InOrder,
            },
        })
    }

    /// Tells whether all options are as without any.
    pub(super) fn are_plain(&self) -> bool {
        let Steps { min_doc_count, hard_bounds, extended_bounds, listing } = self;
        let is_bounded = hard_bounds.is_some() || extended_bounds.is_some();
        min_doc_count.is_none() && !is_bounded && *listing == Listing::InOrder
    }
}

fn bounds(
    options: &mut Options,
    name: &'static str,
    end: &impl Fn(&Value) -> Result<f64, Refused>,
) -> Result<Option<HistogramBounds>, Refused> {
    let Some(bounds) = options.take(name) else { return Ok(None) };
    let (Some(min), Some(max)) = (bounds.get("min"), bounds.get("max")) else {
        return Err(format!("{name:?} needs min and max").into());
    };
    Ok(Some(HistogramBounds { min: end(min)?, max: end(max)? }))
}

/// Returns the size of a histogram with a width, as its column counts.
pub(super) fn size_of(width: f64) -> Size {
    let width = Some(width).filter(|width| *width > 0.0);
    Size { slot_bytes: 24, ..Size::of_buckets(BucketCount::Steps(width), 192, 40) }
}

/// Makes the answer of a histogram.
#[derive(Debug)]
pub(super) struct Stepped {
    pub(super) values: Values,
    pub(super) listing: Listing,
}

impl Stepped {
    fn key(&self, entry: &BucketEntry) -> Result<BucketKey, QueryError> {
        let EngineKey::F64(key) = entry.key else { return Err(FOREIGN_RESULT) };
        Ok(match self.values {
            Values::Plain => BucketKey::Number(Number::Float(key)),
            Values::Moments => BucketKey::Moment(key as i64),
        })
    }
}

impl Finish for Stepped {
    fn answer(
        &self,
        result: AggregationResult,
        found: &mut Findings<'_>,
    ) -> Result<Answer, QueryError> {
        let AggregationResult::BucketResult(BucketResult::Histogram {
            buckets: BucketEntries::Vec(entries),
        }) = result
        else {
            return Err(FOREIGN_RESULT);
        };
        let mut list = Vec::with_capacity(entries.len());
        for entry in entries {
            let key = self.key(&entry)?;
            let answers = found.nested(entry.sub_aggregation)?;
            list.push((key, Inside { records: entry.doc_count, answers }));
        }
        let (listing, skipped) = (self.listing, found.skipped());
        Ok(Answer::Buckets(Buckets { list, listing, cut: None, skipped }))
    }
}
