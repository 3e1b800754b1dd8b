//! Goes through the partitions that can hold matches, and hands on blocks of documents.

use std::panic::{AssertUnwindSafe, catch_unwind};

use metrics::counter;
use tantivy::{DocId, SegmentReader, TERMINATED};
use tierlog_model::metric_names;
use tierlog_store::{Catalogue, Listed, PartitionId, PartitionList, Store};

use super::bind::Target;
use super::bits::{BLOCK_DOCS, Bits, Window};
use super::node::Node;
use super::visitor::{BlockOrder, Flow, Interest, SegmentVisitor};
use super::{Deadline, ScanReport, bind};
use crate::error::QueryError;
use crate::plan::Plan;

/// Which partitions come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScanOrder {
    /// The newest day.
    NewestFirst,
    /// The oldest day.
    OldestFirst,
}

/// Partitions between two looks at the deadline while nothing is opened: passing one over takes
/// less time than a look.
const PASSED_OVER_MAX: u64 = 256;

/// Runs a plan: hands every matching document to the visitor, newest day first.
///
/// Fails with [`QueryError::Deadline`] when time runs out; what the visitor has by then is the
/// caller's to use as a partial answer or not.
pub(crate) fn scan_newest(
    store: &Store,
    plan: &Plan,
    deadline: &Deadline,
    visitor: &mut dyn SegmentVisitor,
) -> Result<ScanReport, QueryError> {
    let mut report = ScanReport::of(store, plan);
    scan(plan, store.catalogue(), ScanOrder::NewestFirst, deadline, visitor, &mut report)?;
    Ok(report)
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
    let list = catalogue.list(plan.tenant);
    let before = (report.skipped, report.opened);
    let scan = &mut PartitionScan { plan, catalogue, list: &list, deadline, visitor, report };
    let done = match order {
        ScanOrder::NewestFirst => scan.each(list.iter()),
        ScanOrder::OldestFirst => scan.each(list.iter().rev()),
    };
    // What is in quarantine is missing, whether it would have matched or not.
    for id in catalogue.lost(plan.tenant) {
        let PartitionId { tenant: _, tier, day } = id;
        if plan.tiers.contains(&tier) && plan.range.overlaps(day.start(), day.end()) {
            report.note_quarantined(&id.name(catalogue.tiers()));
        }
    }
    // Counted once a scan: finding a counter takes longer than passing over a partition.
    let partitions = |outcome: &'static str, number: u64| {
        counter!(metric_names::QUERY_PARTITIONS, "outcome" => outcome).increment(number);
    };
    partitions("filtered", report.skipped - before.0);
    partitions("opened", report.opened - before.1);
    done
}

struct PartitionScan<'s> {
    plan: &'s Plan,
    catalogue: &'s Catalogue,
    list: &'s PartitionList,
    deadline: &'s Deadline,
    visitor: &'s mut dyn SegmentVisitor,
    report: &'s mut ScanReport,
}

impl PartitionScan<'_> {
    fn each<'l>(&mut self, partitions: impl Iterator<Item = &'l Listed>) -> Result<(), QueryError> {
        let mut passed_over = 0;
        for partition in partitions {
            if passed_over % PASSED_OVER_MAX == 0 {
                self.deadline.check()?;
            }
            passed_over += 1;
            if !self.plan.may_match(partition) {
                self.report.skipped += 1;
                continue;
            }
            match self.visitor.partition(partition)? {
                Flow::Continue => {}
                Flow::SkipSegment => continue,
                Flow::Stop => break,
            }
            passed_over = 0;
            self.deadline.check()?;
            self.report.opened += 1;
            match self.guarded(partition) {
                Ok(Flow::Stop) => break,
                Ok(Flow::Continue | Flow::SkipSegment) => {}
                Err(error) if is_unreadable(&error) => {
                    // It may have expired since the list was made, or be damaged; the other
                    // partitions still answer.
                    let name = partition.partition().name();
                    tracing::warn!(partition = name, %error, "skip unreadable partition");
                    self.report.note_unreadable(name);
                    self.catalogue.suspect(partition.id());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Damaged bytes may make the search engine panic; the other partitions still answer.
    fn guarded(&mut self, partition: &Listed) -> Result<Flow, QueryError> {
        match catch_unwind(AssertUnwindSafe(|| self.partition(partition))) {
            Ok(flow) => flow,
            Err(_) => Err(QueryError::Unreadable(partition.partition().name().to_owned())),
        }
    }

    fn partition(&mut self, partition: &Listed) -> Result<Flow, QueryError> {
        let view = self.catalogue.open(self.list, partition.partition())?;
        for segment in view.segments() {
            let target = Target::open(partition.facts(), segment);
            let node = bind::bind(self.plan, target, self.deadline)?;
            if matches!(node, Node::Nothing) {
                continue;
            }
            match self.deadline.metered(|| self.visitor.begin(segment))? {
                Flow::Continue => {}
                Flow::SkipSegment => continue,
                Flow::Stop => return Ok(Flow::Stop),
            }
            let flow = scan_segment(node, segment.reader(), self.deadline, self.visitor)?;
            if self.deadline.metered(|| self.visitor.end())? == Flow::Stop || flow == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }
}

fn is_unreadable(error: &QueryError) -> bool {
    matches!(
        error,
        QueryError::Store(_)
            | QueryError::Index(_)
            | QueryError::File(_)
            | QueryError::Unreadable(_)
    )
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
        let interest = self.visitor.span(window.start..window.end)?;
        if interest == Interest::Skip {
            return Ok(Flow::Continue);
        }
        let alive = alive_docs(self.segment, window);
        let found = self.node.evaluate(window, &alive)?;
        if interest == Interest::Count {
            return match found.count() {
                0 => Ok(Flow::Continue),
                matches => self.visitor.count(matches),
            };
        }
        self.docs.clear();
        found.append_docs(window, &mut self.docs);
        if self.docs.is_empty() {
            return Ok(Flow::Continue);
        }
        self.deadline.metered(|| self.visitor.block(&self.docs))
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
