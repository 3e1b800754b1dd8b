//! Numbers over many records: aggregations, histogram, field names and their values.
//!
//! Arrives: a [`crate::plan::Plan`] and what to compute. Leaves: an answer, bounded in buckets and
//! memory. All of it reads columns, block by block, as
//! [`SegmentVisitor`](crate::execute::SegmentVisitor)s of a scan; no record is ever rebuilt here.

mod answer;
mod build;
mod by_time;
mod chosen;
mod collect;
mod columns;
mod es_json;
mod exact;
mod field_names;
mod field_values;
mod filter;
mod found;
mod grid;
mod growth;
mod histogram;
mod inside;
mod keys;
mod kind;
mod kinds;
mod metric;
mod needs;
mod numbers;
mod options;
mod partial;
mod ranges;
mod request;
mod run;
mod segment_facts;
mod steps;
#[cfg(test)]
mod tests;
mod time;

pub(crate) use answer::{Answers, BucketKey};
pub(crate) use es_json::EsJson;
pub(crate) use field_names::{FieldList, FieldType, field_names};
pub(crate) use field_values::{FieldValue, FieldValues, VALUES_MAX, field_values, values_request};
pub(crate) use grid::HistogramBucket;
pub(crate) use histogram::{Histogram, histogram};
pub(crate) use kinds::names as kind_names;
pub(crate) use request::{Names, Request};
pub(crate) use run::{AggregateAnswer, Aggregator};

/// Column of the names of the text fields that a record has.
const TEXT_FIELDS_COLUMN: &str = "text_fields";

/// Buckets of one answer: what Elasticsearch allows (65,536), about 5 MB of JSON.
const BUCKETS_MAX: u32 = 65_536;
