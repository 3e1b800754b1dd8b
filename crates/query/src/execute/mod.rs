//! Runs a plan over partitions and hands matching documents to a visitor.
//!
//! Arrives: a [`crate::Plan`] and a snapshot of partitions. Leaves: blocks of documents, or whole
//! answers (search, request, export). A damaged partition never fails the rest.

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

pub use bits::BLOCK_DOCS;
pub(crate) use column::load_values;
pub use deadline::{CancelOnDrop, Deadline};
pub(crate) use dictionary::for_each_term;
pub(crate) use driver::{ScanOrder, scan};
pub use export::{Export, ExportPage};
pub(crate) use field::{Besides, FieldColumns};
pub use hits::Hit;
pub(crate) use hits::{HitSink, Kept, record_bytes};

pub use report::{PartialReason, ScanReport};
pub use request::{LevelState, LevelStatus, RequestResponse, UserRequest};
pub use search::{SearchRequest, SearchResponse, Sort, Total, TotalRelation};
pub(crate) use segment::{has_matches, segment_docs};
pub use visitor::{BlockOrder, Flow, Interest, SegmentVisitor};
