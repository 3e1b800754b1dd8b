//! Keeps the first hits of a scan in the asked order, and counts the others.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tantivy::columnar::Column;
use tantivy::{DateTime, DocId, SegmentReader};
use tierlog_model::Timestamp;
use tierlog_store::{Partition, index_fields};

use super::visitor::{Flow, SegmentVisitor};
use super::{Sort, Total, TotalRelation};
use crate::{Cursor, Expr, Plan, QueryError};

/// How far matches are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    /// Every match.
    All,
    /// Every match until there are so many; from then on only while hits are missing.
    UpTo(u64),
    /// Not beyond what the hits need.
    Needless,
}

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
pub(super) struct Candidate {
    pub(super) rank: Rank,
    /// Position in [`Collector::segments`].
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
    pub(super) segments: Vec<SegmentReader>,
    total: u64,
    relation: TotalRelation,
    current: Option<Columns>,
}

struct Columns {
    segment: SegmentReader,
    /// Position in [`Collector::segments`], once a candidate is kept.
    place: Option<usize>,
    moments: Column<DateTime>,
    numbers: Column<u64>,
    can_contribute: bool,
    buffer: Vec<Option<DateTime>>,
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
        }
    }

    pub(super) fn total(&self) -> Total {
        Total { value: self.total, relation: self.relation }
    }

    /// Marks the total as a lower bound: something was not looked at.
    pub(super) fn mark_incomplete(&mut self) {
        self.relation = TotalRelation::Gte;
    }

    /// Returns the kept documents in order, and the segments that they lie in.
    pub(super) fn into_kept(self) -> (Vec<Candidate>, Vec<SegmentReader>) {
        // Ascending `Reverse` is descending rank: the order in which hits are shown.
        let kept = self.kept.into_sorted_vec();
        (kept.into_iter().map(|Reverse(candidate)| candidate).collect(), self.segments)
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
    fn partition(&mut self, partition: &Partition) -> Result<Flow, QueryError> {
        let stats = partition.stats();
        let day = partition.id().day;
        let earliest = stats.earliest.unwrap_or(day.start());
        let latest = stats.latest.unwrap_or(day.end());
        if self.can_contribute(earliest, latest) {
            return Ok(Flow::Continue);
        }
        if !self.must_count() {
            self.relation = TotalRelation::Gte;
            return Ok(Flow::SkipSegment);
        }
        if self.plan.expr == Expr::All && self.plan.range.covers(earliest, latest) {
            self.total += stats.records;
            return Ok(Flow::SkipSegment);
        }
        Ok(Flow::Continue)
    }

    fn begin(
        &mut self,
        _partition: &Partition,
        segment: &SegmentReader,
    ) -> Result<Flow, QueryError> {
        let handles = index_fields();
        let name = |field| segment.schema().get_field_name(field);
        let moments = segment.fast_fields().date(name(handles.timestamp))?;
        let moment = |date: DateTime| Timestamp::from_micros_clamped(date.into_timestamp_micros());
        let can_contribute =
            self.can_contribute(moment(moments.min_value()), moment(moments.max_value()));
        if !can_contribute && !self.must_count() {
            self.relation = TotalRelation::Gte;
            return Ok(Flow::SkipSegment);
        }
        self.current = Some(Columns {
            segment: segment.clone(),
            place: None,
            moments,
            numbers: segment.fast_fields().u64(name(handles.seq))?,
            can_contribute,
            buffer: Vec::new(),
        });
        Ok(Flow::Continue)
    }

    fn block(&mut self, docs: &[DocId]) -> Result<Flow, QueryError> {
        let Some(mut columns) = self.current.take() else { return Ok(Flow::SkipSegment) };
        self.total += docs.len() as u64;
        if columns.can_contribute {
            columns.buffer.clear();
            columns.buffer.resize(docs.len(), None);
            columns.moments.first_vals(docs, &mut columns.buffer);
            for (doc, date) in docs.iter().zip(&columns.buffer) {
                let micros = date.map_or(0, DateTime::into_timestamp_micros);
                let best = Rank::new(self.sort, micros, self.sort.best_seq());
                if self.threshold().is_some_and(|least| best < least) {
                    continue;
                }
                let seq = columns.numbers.first(*doc).unwrap_or(0);
                let rank = Rank::new(self.sort, micros, seq);
                if self.after.is_none_or(|after| rank < after) {
                    // Only segments with hits are held open, or a year of them would be.
                    let segment = *columns.place.get_or_insert_with(|| {
                        self.segments.push(columns.segment.clone());
                        self.segments.len() - 1
                    });
                    self.keep(Candidate { rank, segment, doc: *doc });
                }
            }
        }
        let goes_on = columns.can_contribute || self.must_count();
        self.current = Some(columns);
        if goes_on {
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
