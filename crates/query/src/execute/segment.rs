//! The matching documents of a segment, for callers with a segment and no scan.

use std::sync::Arc;

use tantivy::{DocId, SegmentReader};
use tierlog_store::{Listed, OpenSegment};

use super::bind::Target;
use super::driver::scan_segment;
use super::node::Node;
use super::{Deadline, Flow, SegmentVisitor, bind};
use crate::error::QueryError;
use crate::plan::Plan;

/// Returns the documents of a segment that match a plan's condition and range, ascending.
pub(crate) fn segment_docs(
    plan: &Plan,
    segment: &SegmentReader,
    deadline: &Deadline,
) -> Result<Vec<DocId>, QueryError> {
    let node = bind::bind(plan, Target::reader(segment), deadline)?;
    let mut found = FoundDocs(Vec::new());
    scan_segment(node, segment, deadline, &mut found)?;
    Ok(found.0)
}

/// Tells whether a segment of a partition may have matches, as far as its columns and dictionaries
/// say without looking at a document.
pub(crate) fn has_matches(
    plan: &Plan,
    partition: &Listed,
    segment: &OpenSegment,
    deadline: &Deadline,
) -> Result<bool, QueryError> {
    let node = bind::bind(plan, Target::open(partition.facts(), segment), deadline)?;
    Ok(!matches!(node, Node::Nothing))
}

struct FoundDocs(Vec<DocId>);

impl SegmentVisitor for FoundDocs {
    fn begin(&mut self, _: &Arc<OpenSegment>) -> Result<Flow, QueryError> {
        Ok(Flow::Continue)
    }

    fn block(&mut self, docs: &[DocId]) -> Result<Flow, QueryError> {
        self.0.extend_from_slice(docs);
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> Result<Flow, QueryError> {
        Ok(Flow::Continue)
    }
}
