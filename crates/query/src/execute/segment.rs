//! The matching documents of one segment, for those who have a segment and no scan.

use std::sync::Arc;

use tantivy::{DocId, SegmentReader};
use tierlog_store::OpenSegment;

use super::bind::Target;
use super::driver::scan_segment;
use super::{Deadline, Flow, SegmentVisitor, bind};
use crate::{Plan, QueryError};

/// Returns the documents of a segment that match a plan's condition and range, ascending.
pub(crate) fn segment_docs(
    plan: &Plan,
    segment: &SegmentReader,
    deadline: &Deadline,
) -> Result<Vec<DocId>, QueryError> {
    let node = bind::bind(plan, Target::reader(segment), deadline)?;
    let mut found = Found(Vec::new());
    scan_segment(node, segment, deadline, &mut found)?;
    Ok(found.0)
}

struct Found(Vec<DocId>);

impl SegmentVisitor for Found {
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
