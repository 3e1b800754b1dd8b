//! Runs a plan over partitions and hands matching documents to a visitor.
//!
//! Arrives: a [`crate::plan::Plan`] and a snapshot of partitions. Leaves: blocks of documents, or
//! whole answers (search, request, export). A damaged partition never fails the rest.

mod bind;
mod bits;
mod collect;
mod column;
mod deadline;
mod dictionary;
mod driver;
mod export;
mod field;
mod hits;
mod long_text;
mod node;
mod pairs;
mod report;
mod request;
mod search;
mod segment;
mod visitor;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use bits::BLOCK_DOCS;
pub(crate) use column::load_values;
pub(crate) use deadline::Deadline;
pub(crate) use dictionary::for_each_term;
pub(crate) use driver::{ScanOrder, scan};
pub(crate) use export::Export;
pub(crate) use field::{Besides, FieldColumns};
pub(crate) use hits::Hit;
pub(crate) use hits::{HitSink, Kept, record_bytes};

pub(crate) use report::{PartialReason, ScanReport};
pub(crate) use request::{LevelState, LevelStatus, RequestResponse, UserRequest};
pub(crate) use search::{SearchRequest, SearchResponse, Sort, Total, TotalRelation};
pub(crate) use segment::{has_matches, segment_docs};
pub(crate) use visitor::{Flow, SegmentVisitor};
