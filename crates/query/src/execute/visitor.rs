//! The contract between the driver, which finds matching documents, and the users of the documents.

use std::ops::Range;
use std::sync::Arc;

use tantivy::DocId;
use tierlog_store::{Listed, OpenSegment};

use crate::error::QueryError;

/// What the driver does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Goes on.
    Continue,
    /// Leaves the rest of the segment; `end` is still called for it, unless `begin` said so.
    SkipSegment,
    /// Leaves everything; `end` is still called for the segment, unless `begin` said so.
    Stop,
}

/// Which documents of a segment come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockOrder {
    /// The first ones.
    Ascending,
    /// The last ones where the condition allows to go backwards, the first ones elsewhere.
    /// Inside a block documents ascend.
    LastFirst,
}

/// What is of use of a span of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// The matches.
    Look,
    /// The number of matches: the driver lists none of them.
    Count,
    /// Nothing: no match would be of use.
    Skip,
}

/// Uses the documents of a scan, segment by segment, newest day first.
pub(crate) trait SegmentVisitor {
    /// Decides before a partition is opened whether it is worth it; the cheapest place to stop.
    fn partition(&mut self, partition: &Listed) -> Result<Flow, QueryError> {
        let _ = partition;
        Ok(Flow::Continue)
    }

    /// Prepares for a segment (opens its columns).
    fn begin(&mut self, segment: &Arc<OpenSegment>) -> Result<Flow, QueryError>;

    /// Tells in which order the blocks of a segment are wanted.
    fn order(&self) -> BlockOrder {
        BlockOrder::Ascending
    }

    /// Decides whether a span of documents is looked at, before its condition is evaluated. It
    /// starts at a multiple of [`super::BLOCK_DOCS`] and is at most as long.
    fn span(&mut self, docs: Range<DocId>) -> Result<Interest, QueryError> {
        let _ = docs;
        Ok(Interest::Look)
    }

    /// Takes matching documents: ascending, never empty, at most [`super::BLOCK_DOCS`], none
    /// twice, none deleted.
    fn block(&mut self, docs: &[DocId]) -> Result<Flow, QueryError>;

    /// Takes how many documents match, never none, in a span of which only the number is of use.
    fn count(&mut self, matches: u32) -> Result<Flow, QueryError> {
        let _ = matches;
        Ok(Flow::Continue)
    }

    /// Finishes the segment.
    fn end(&mut self) -> Result<Flow, QueryError>;
}
