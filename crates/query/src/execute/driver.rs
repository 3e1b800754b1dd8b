//! Goes through the partitions that can hold matches, and hands on blocks of documents.

use metrics::counter;
use tantivy::{DocId, SegmentReader, TERMINATED};
use tierlog_model::metric_names;
use tierlog_store::{Catalogue, Partition};

use super::bits::{BLOCK_DOCS, Bits, Window};
use super::node::Node;
use super::visitor::{BlockOrder, Flow, Interest, SegmentVisitor};
use super::{Deadline, PartialReason, ScanReport, bind};
use crate::{Plan, QueryError};

/// Which partitions come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScanOrder {
    /// The newest day.
    NewestFirst,
    /// The oldest day.
    OldestFirst,
}

/// Runs a plan. What was done by the time of an error stands in the report.
pub(crate) fn scan(
    plan: &Plan,
    catalogue: &Catalogue,
    order: ScanOrder,
    deadline: &Deadline,
    visitor: &mut dyn SegmentVisitor,
    report: &mut ScanReport,
) -> Result<(), QueryError> {
    let mut partitions = catalogue.partitions();
    if order == ScanOrder::OldestFirst {
        partitions.reverse();
    }
    for partition in partitions {
        deadline.check()?;
        if !plan.may_match(&partition) {
            report.skipped += 1;
            counter!(metric_names::QUERY_PARTITIONS, "outcome" => "filtered").increment(1);
            continue;
        }
        match visitor.partition(&partition)? {
            Flow::Continue => {}
            Flow::SkipSegment => continue,
            Flow::Stop => break,
        }
        report.opened += 1;
        counter!(metric_names::QUERY_PARTITIONS, "outcome" => "opened").increment(1);
        match scan_partition(plan, catalogue, &partition, deadline, visitor) {
            Ok(Flow::Stop) => break,
            Ok(Flow::Continue | Flow::SkipSegment) => {}
            Err(error) if is_unreadable(&error) => {
                // It may have expired since the catalogue was read, or be damaged; the other
                // partitions still answer.
                tracing::warn!(partition = partition.name(), %error, "skip unreadable partition");
                report.note(PartialReason::PartitionUnreadable);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_unreadable(error: &QueryError) -> bool {
    matches!(error, QueryError::Store(_) | QueryError::Index(_) | QueryError::File(_))
}

fn scan_partition(
    plan: &Plan,
    catalogue: &Catalogue,
    partition: &Partition,
    deadline: &Deadline,
    visitor: &mut dyn SegmentVisitor,
) -> Result<Flow, QueryError> {
    let searcher = catalogue.searcher(partition)?;
    for segment in searcher.segment_readers() {
        let node = bind::bind(plan, segment, deadline)?;
        if matches!(node, Node::Nothing) {
            continue;
        }
        match visitor.begin(partition, segment)? {
            Flow::Continue => {}
            Flow::SkipSegment => continue,
            Flow::Stop => return Ok(Flow::Stop),
        }
        let flow = scan_segment(node, segment, deadline, visitor)?;
        if visitor.end()? == Flow::Stop || flow == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

pub(super) fn scan_segment(
    node: Node,
    segment: &SegmentReader,
    deadline: &Deadline,
    visitor: &mut dyn SegmentVisitor,
) -> Result<Flow, QueryError> {
    let docs = Vec::with_capacity(BLOCK_DOCS);
    let mut scan = SegmentScan { node, segment, deadline, visitor, docs };
    match scan.visitor.order() {
        BlockOrder::LastFirst if scan.node.is_random_access() => scan.backwards(),
        BlockOrder::LastFirst | BlockOrder::Ascending => scan.forwards(),
    }
}

struct SegmentScan<'s> {
    node: Node,
    segment: &'s SegmentReader,
    deadline: &'s Deadline,
    visitor: &'s mut dyn SegmentVisitor,
    docs: Vec<DocId>,
}

impl SegmentScan<'_> {
    fn forwards(&mut self) -> Result<Flow, QueryError> {
        let max_doc = self.segment.max_doc();
        let mut next = 0;
        loop {
            next = self.node.next_candidate(next);
            if next == TERMINATED || next >= max_doc {
                return Ok(Flow::Continue);
            }
            let window = Window::containing(next, max_doc);
            next = window.end;
            match self.window(window)? {
                Flow::Continue => {}
                flow @ (Flow::SkipSegment | Flow::Stop) => return Ok(flow),
            }
        }
    }

    fn backwards(&mut self) -> Result<Flow, QueryError> {
        let max_doc = self.segment.max_doc();
        let mut end = max_doc;
        while let Some(last) = end.checked_sub(1) {
            let window = Window::containing(last, max_doc);
            end = window.start;
            match self.window(window)? {
                Flow::Continue => {}
                flow @ (Flow::SkipSegment | Flow::Stop) => return Ok(flow),
            }
        }
        Ok(Flow::Continue)
    }

    fn window(&mut self, window: Window) -> Result<Flow, QueryError> {
        self.deadline.check()?;
        if self.visitor.span(window.start..window.end)? == Interest::Skip {
            return Ok(Flow::Continue);
        }
        let alive = alive_docs(self.segment, window);
        let found = self.node.evaluate(window, &alive);
        self.docs.clear();
        found.append_docs(window, &mut self.docs);
        if self.docs.is_empty() {
            return Ok(Flow::Continue);
        }
        self.visitor.block(&self.docs)
    }
}

fn alive_docs(segment: &SegmentReader, window: Window) -> Bits {
    let mut bits = Bits::all(window);
    if let Some(alive) = segment.alive_bitset() {
        let mut deleted = Bits::empty();
        for doc in (window.start..window.end).filter(|doc| alive.is_deleted(*doc)) {
            deleted.insert(doc - window.start);
        }
        bits.subtract(&deleted);
    }
    bits
}
