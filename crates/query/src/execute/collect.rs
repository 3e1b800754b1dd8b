//! Keeps the first hits of a scan in the asked order, and counts the others.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;

use tantivy::columnar::{Column, MonotonicallyMappableToU64};
use tantivy::{DateTime, DocId};
use tierlog_model::Timestamp;
use tierlog_store::{BOUND_DOCS, Listed, OpenSegment, OrderColumns};

use super::BLOCK_DOCS;
use super::column::load_values;
use super::search::{Counting, Total, TotalRelation};
use super::visitor::{BlockOrder, Flow, Interest, SegmentVisitor};
use crate::cursor::Cursor;
use crate::error::QueryError;
use crate::plan::Plan;
use crate::sort::Sort;

// The spans of the driver are the spans of which the store bounds the moments.
const _: () = assert!(BLOCK_DOCS == BOUND_DOCS);

/// Place of a record in the order: greater comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    moment: i64,
    seq: u64,
}

impl Rank {
    pub(super) fn of_cursor(cursor: &Cursor) -> Rank {
        Rank::new(cursor.sort, cursor.timestamp.as_micros(), cursor.seq)
    }

    /// Moments of the model are far from `i64::MIN`, so the negation cannot overflow.
    fn new(sort: Sort, micros: i64, seq: u64) -> Rank {
        match sort {
            Sort::NewestFirst => Rank { moment: micros, seq },
            Sort::OldestFirst => Rank { moment: -micros, seq: u64::MAX - seq },
        }
    }
}

/// A document that may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    rank: Rank,
    place: HitPlace,
}

/// Where a document lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HitPlace {
    /// Position in the list of segments that the collector returns.
    pub(super) segment: usize,
    pub(super) doc: DocId,
}

/// Collects the first `limit` documents after a rank.
pub(super) struct Collector<'p> {
    plan: &'p Plan,
    sort: Sort,
    limit: usize,
    after: Option<Rank>,
    counting: Counting,
    /// The last of the kept ones is on top.
    kept: BinaryHeap<Reverse<Candidate>>,
    /// Segments of kept candidates: held open until the records are read.
    segments: Vec<Arc<OpenSegment>>,
    total: u64,
    relation: TotalRelation,
    current: Option<TimeColumns>,
    /// Moments of one block.
    buffer: Vec<u64>,
}

struct TimeColumns {
    segment: Arc<OpenSegment>,
    /// Position in [`Collector::segments`], once a candidate is kept.
    place: Option<usize>,
    /// Nanoseconds, as the column's order-preserving numbers.
    moments: Column<u64>,
    numbers: Column<u64>,
    can_contribute: bool,
}

impl<'p> Collector<'p> {
    pub(super) fn new(
        plan: &'p Plan,
        sort: Sort,
        limit: usize,
        after: Option<Rank>,
        counting: Counting,
    ) -> Collector<'p> {
        Collector {
            plan,
            sort,
            limit,
            after,
            counting,
            kept: BinaryHeap::new(),
            segments: Vec::new(),
            total: 0,
            relation: TotalRelation::Eq,
            current: None,
            buffer: Vec::new(),
        }
    }

    pub(super) fn total(&self) -> Total {
        Total { value: self.total, relation: self.relation }
    }

    /// Returns the kept documents in order, and the segments that they lie in.
    pub(super) fn into_kept(self) -> (Vec<HitPlace>, Vec<Arc<OpenSegment>>) {
        // Ascending `Reverse` is descending rank: the order in which hits are shown.
        let kept = self.kept.into_sorted_vec();
        (kept.into_iter().map(|Reverse(candidate)| candidate.place).collect(), self.segments)
    }

    /// Returns how many documents are kept, and the rank of the last.
    pub(super) fn last(&self) -> (usize, Option<Rank>) {
        (self.kept.len(), self.kept.peek().map(|Reverse(candidate)| candidate.rank))
    }

    /// Tells whether records from `earliest` to `latest` can be among the hits.
    fn can_contribute(&self, earliest: Timestamp, latest: Timestamp) -> bool {
        let (earliest, latest) = (earliest.as_micros(), latest.as_micros());
        let (best, worst) = match self.sort {
            Sort::NewestFirst => (latest, earliest),
            Sort::OldestFirst => (-earliest, -latest),
        };
        let is_after = self.after.is_none_or(|after| worst <= after.moment);
        is_after && self.limit > 0 && self.threshold().is_none_or(|least| best >= least.moment)
    }

    /// Returns the rank that a further hit has to exceed.
    fn threshold(&self) -> Option<Rank> {
        if self.kept.len() < self.limit {
            return None;
        }
        self.kept.peek().map(|Reverse(candidate)| candidate.rank)
    }

    fn must_count(&self) -> bool {
        match self.counting {
            Counting::All => true,
            Counting::UpTo(most) => self.total <= most,
            Counting::Needless => false,
        }
    }

    /// Tells whether the span that starts at a document can have hits.
    fn span_can_contribute(&self, columns: &TimeColumns, start: DocId) -> Result<bool, QueryError> {
        // The bounds of the only span are those of the segment, which can contribute.
        let is_only = columns.segment.reader().max_doc() as usize <= BOUND_DOCS;
        if is_only || (self.after.is_none() && self.threshold().is_none()) {
            return Ok(true);
        }
        let bounds = columns.segment.records()?.moment_bounds(start);
        Ok(bounds.is_none_or(|(earliest, latest)| self.can_contribute(earliest, latest)))
    }

    /// Keeps those of a block's documents that are among the first.
    fn keep_best(&mut self, columns: &mut TimeColumns, docs: &[DocId]) {
        let mut moments = std::mem::take(&mut self.buffer);
        load_values(&columns.moments, docs, &mut moments);
        let with_moments = docs.iter().copied().zip(moments.iter().map(|moment| micros(*moment)));
        // Documents stand about in order of time: best first, few of the others are kept.
        match self.sort {
            Sort::NewestFirst => with_moments.rev().for_each(|pair| self.consider(columns, pair)),
            Sort::OldestFirst => with_moments.for_each(|pair| self.consider(columns, pair)),
        }
        self.buffer = moments;
    }

    fn consider(&mut self, columns: &mut TimeColumns, (doc, micros): (DocId, i64)) {
        let best = Rank::new(self.sort, micros, self.sort.best_seq());
        if self.threshold().is_some_and(|least| best < least) {
            return;
        }
        let seq = columns.numbers.first(doc).unwrap_or(0);
        let rank = Rank::new(self.sort, micros, seq);
        if self.after.is_none_or(|after| rank < after) {
            // Only segments with hits are held open, or a year of them would be.
            let segment = *columns.place.get_or_insert_with(|| {
                self.segments.push(Arc::clone(&columns.segment));
                self.segments.len() - 1
            });
            self.keep(Candidate { rank, place: HitPlace { segment, doc } });
        }
    }

    fn keep(&mut self, candidate: Candidate) {
        if self.kept.len() < self.limit {
            self.kept.push(Reverse(candidate));
        } else if let Some(mut last) = self.kept.peek_mut()
            && last.0 < candidate
        {
            *last = Reverse(candidate);
        }
    }
}

impl SegmentVisitor for Collector<'_> {
    fn partition(&mut self, partition: &Listed) -> Result<Flow, QueryError> {
        if self.can_contribute(partition.earliest(), partition.latest()) {
            return Ok(Flow::Continue);
        }
        if !self.must_count() {
            self.relation = TotalRelation::Gte;
            return Ok(Flow::SkipSegment);
        }
        if let Some(count) = self.plan.count_of(partition) {
            self.total += count;
            return Ok(Flow::SkipSegment);
        }
        Ok(Flow::Continue)
    }

    fn begin(&mut self, segment: &Arc<OpenSegment>) -> Result<Flow, QueryError> {
        let OrderColumns { moments, numbers } = segment.order()?.clone();
        let moment = |number| Timestamp::from_micros_clamped(micros(number));
        let can_contribute =
            self.can_contribute(moment(moments.min_value()), moment(moments.max_value()));
        if !can_contribute && !self.must_count() {
            self.relation = TotalRelation::Gte;
            return Ok(Flow::SkipSegment);
        }
        self.current = Some(TimeColumns {
            segment: Arc::clone(segment),
            place: None,
            moments,
            numbers,
            can_contribute,
        });
        Ok(Flow::Continue)
    }

    fn order(&self) -> BlockOrder {
        match self.sort {
            Sort::NewestFirst => BlockOrder::LastFirst,
            Sort::OldestFirst => BlockOrder::Ascending,
        }
    }

    fn span(&mut self, docs: Range<DocId>) -> Result<Interest, QueryError> {
        let Some(columns) = &self.current else { return Ok(Interest::Look) };
        if columns.can_contribute && self.span_can_contribute(columns, docs.start)? {
            return Ok(Interest::Look);
        }
        if self.must_count() {
            return Ok(Interest::Count);
        }
        self.relation = TotalRelation::Gte;
        Ok(Interest::Skip)
    }

    fn block(&mut self, docs: &[DocId]) -> Result<Flow, QueryError> {
        let Some(mut columns) = self.current.take() else { return Ok(Flow::SkipSegment) };
        self.keep_best(&mut columns, docs);
        self.current = Some(columns);
        self.count(docs.len() as u32)
    }

    fn count(&mut self, matches: u32) -> Result<Flow, QueryError> {
        self.total += u64::from(matches);
        let can_contribute = self.current.as_ref().is_some_and(|columns| columns.can_contribute);
        if can_contribute || self.must_count() {
            return Ok(Flow::Continue);
        }
        self.relation = TotalRelation::Gte;
        Ok(Flow::SkipSegment)
    }

    fn end(&mut self) -> Result<Flow, QueryError> {
        self.current = None;
        Ok(Flow::Continue)
    }
}

/// Returns the microseconds that a stored moment stands for.
fn micros(moment: u64) -> i64 {
    DateTime::from_u64(moment).into_timestamp_micros()
}
