//! Keeps the first hits of a scan in the order of a field's values, and counts the others.
//!
//! Memory holds the kept places, as many as one page may have, whatever the number of matches: the
//! driver meters them, and the query's lease of `memory.hits` covers them.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use tantivy::columnar::MonotonicallyMappableToU64;
use tantivy::{DateTime, DocId};
use tierlog_model::Timestamp;
use tierlog_store::{OpenSegment, OrderColumns};

use super::collect::HitPlace;
use super::sort_values::SortValues;
use super::visitor::{Flow, SegmentVisitor};
use crate::error::QueryError;
use crate::sort::{Direction, FieldPlace};

/// A document that may be shown; the greatest comes last.
pub(super) struct Ranked {
    direction: Direction,
    pub(super) rank: FieldPlace,
    pub(super) place: HitPlace,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> Ordering {
        self.rank.compare(&other.rank, self.direction)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

/// Collects the first `limit` documents after a place.
pub(super) struct FieldCollector<'f> {
    field: &'f str,
    direction: Direction,
    after: Option<FieldPlace>,
    limit: usize,
    /// The last of the kept ones is on top.
    kept: BinaryHeap<Ranked>,
    segments: Vec<Arc<OpenSegment>>,
    pub(super) total: u64,
    current: Option<FieldOrder>,
}

struct FieldOrder {
    segment: Arc<OpenSegment>,
    /// Position in [`FieldCollector::segments`], once a document is kept.
    position: Option<usize>,
    order: OrderColumns,
    values: SortValues,
}

impl<'f> FieldCollector<'f> {
    /// Returns a collector that saw nothing yet.
    pub(super) fn new(
        field: &'f str,
        direction: Direction,
        after: Option<FieldPlace>,
        limit: usize,
    ) -> FieldCollector<'f> {
        FieldCollector {
            field,
            direction,
            after,
            limit,
            kept: BinaryHeap::new(),
            segments: Vec::new(),
            total: 0,
            current: None,
        }
    }

    /// Returns the kept documents in order, and the segments that they lie in.
    pub(super) fn into_kept(self) -> (Vec<Ranked>, Vec<Arc<OpenSegment>>) {
        (self.kept.into_sorted_vec(), self.segments)
    }

    fn consider(&mut self, columns: &mut FieldOrder, doc: DocId) -> Result<(), QueryError> {
        let direction = self.direction;
        let micros = columns
            .order
            .moments
            .first(doc)
            .map_or(0, |moment| DateTime::from_u64(moment).into_timestamp_micros());
        let rank = FieldPlace {
            value: columns.values.of(doc)?,
            timestamp: Timestamp::from_micros_clamped(micros),
            seq: columns.order.numbers.first(doc).unwrap_or(0),
        };
        let comes_before = |place: &FieldPlace| rank.compare(place, direction) != Ordering::Greater;
        if self.after.as_ref().is_some_and(comes_before) {
            return Ok(());
        }
        if self.kept.len() >= self.limit {
            match self.kept.peek() {
                Some(last) if rank.compare(&last.rank, direction).is_lt() => {}
                Some(_) | None => return Ok(()),
            }
            self.kept.pop();
        }
        // Only segments with hits are held open, or a year of them would be.
        let segment = *columns.position.get_or_insert_with(|| {
            self.segments.push(Arc::clone(&columns.segment));
            self.segments.len() - 1
        });
        self.kept.push(Ranked { direction, rank, place: HitPlace { segment, doc } });
        Ok(())
    }
}

impl SegmentVisitor for FieldCollector<'_> {
    fn begin(&mut self, segment: &Arc<OpenSegment>) -> Result<Flow, QueryError> {
        self.current = Some(FieldOrder {
            segment: Arc::clone(segment),
            position: None,
            order: segment.order()?.clone(),
            values: SortValues::open(segment.reader(), self.field, self.direction)?,
        });
        Ok(Flow::Continue)
    }

    fn block(&mut self, docs: &[DocId]) -> Result<Flow, QueryError> {
        let Some(mut columns) = self.current.take() else { return Ok(Flow::SkipSegment) };
        self.total += docs.len() as u64;
        if self.limit > 0 {
            for doc in docs {
                self.consider(&mut columns, *doc)?;
            }
        }
        self.current = Some(columns);
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> Result<Flow, QueryError> {
        self.current = None;
        Ok(Flow::Continue)
    }
}
