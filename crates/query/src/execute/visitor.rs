//! The contract between the driver, which finds matching documents, and those who use them.

use tantivy::{DocId, SegmentReader};
use tierlog_store::Partition;

use crate::QueryError;

/// What the driver does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Goes on.
    Continue,
    /// Leaves the rest of the segment; `end` is still called for it, unless `begin` said so.
    SkipSegment,
    /// Leaves everything; `end` is still called for the segment, unless `begin` said so.
    Stop,
}

/// Uses the documents of a scan, segment by segment, newest day first.
pub trait SegmentVisitor {
    /// Decides before a partition is opened whether it is worth it; the cheapest place to stop.
    fn partition(&mut self, partition: &Partition) -> Result<Flow, QueryError> {
        let _ = partition;
        Ok(Flow::Continue)
    }

    /// Prepares for a segment (opens its columns).
    fn begin(&mut self, partition: &Partition, segment: &SegmentReader)
    -> Result<Flow, QueryError>;

    /// Takes matching documents: ascending, never empty, at most [`super::BLOCK_DOCS`], none
    /// twice, none deleted.
    fn block(&mut self, docs: &[DocId]) -> Result<Flow, QueryError>;

    /// Finishes the segment.
    fn end(&mut self) -> Result<Flow, QueryError>;
}
