//! Runs a plan over partitions and hands matching documents to a visitor.
//!
//! Arrives: a [`crate::plan::Plan`] and a snapshot of partitions. Leaves: blocks of documents, or
//! whole answers (search, request, export). A damaged partition never fails the rest.

mod bind;
mod bits;
mod collect;
mod collect_by_field;
mod column;
mod deadline;
mod dictionary;
mod driver;
mod field;
mod hits;
mod long_text;
mod node;
mod pairs;
mod report;
mod search;
mod segment;
mod selection;
mod sort_values;
mod visitor;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use bits::BLOCK_DOCS;
pub(crate) use column::load_values;
pub(crate) use deadline::Deadline;
pub(crate) use dictionary::for_each_term;
pub(crate) use driver::scan_newest;
pub(crate) use field::{Besides, FieldColumns};
pub(crate) use hits::Hit;
pub(crate) use hits::{HitSink, Kept, record_bytes};

pub(crate) use report::{PartialReason, ScanReport};
#[cfg(test)]
pub(crate) use search::Total;
pub(crate) use search::{Counting, Found, Search, TotalRelation, search};
pub(crate) use segment::{has_matches, segment_docs};
pub(crate) use selection::Selection;
pub(crate) use visitor::{Flow, SegmentVisitor};
