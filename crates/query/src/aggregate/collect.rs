//! Feeds the documents of a scan to tantivy's aggregation engine, segment by segment, and merges
//! what comes out at once, so that memory holds one segment's buckets and the merged ones.
//!
//! What the engine is about to allocate at one go is reserved before ([`Growth`]); the driver
//! meters what it has allocated, and checks that between blocks.

use std::sync::Arc;

use tantivy::aggregation::agg_req::Aggregations;
use tantivy::aggregation::intermediate_agg_result::PruneMode;
use tantivy::aggregation::{AggContextParams, AggregationError, AggregationSegmentCollector};
use tantivy::collector::SegmentCollector;
use tantivy::{DocId, TantivyError};
use tierlog_store::OpenSegment;

use super::growth::Growth;
use super::needs::{FieldNeeds, NumberKinds};
use super::partial::Partial;
use super::segment_facts::{SegmentFacts, ValueCounts};
use crate::error::QueryError;
use crate::execute::{Deadline, Flow, SegmentVisitor};

/// Bytes that the engine may make ready at one go without a look at the segment's columns.
const READY_BYTES_FREE: u64 = 8 << 20;

/// A request and the bounds of its run.
#[derive(Clone, Copy)]
pub(super) struct Run<'r> {
    pub(super) aggregations: &'r Aggregations,
    pub(super) context: &'r AggContextParams,
    /// What would matter to the request, by field.
    pub(super) matters: &'r FieldNeeds,
    /// What the request reckons with.
    pub(super) known: &'r FieldNeeds,
    pub(super) growth: &'r Growth,
    pub(super) deadline: &'r Deadline,
}

/// Aggregates the documents of a scan.
pub(super) struct AggregateVisitor<'r> {
    run: Run<'r>,
    segment: Option<Collecting>,
    segments: u32,
    /// What was merged so far.
    pub(super) merged: Partial,
    /// What a segment has shown that the request does not reckon with: nothing was computed from
    /// there on.
    pub(super) news: FieldNeeds,
    seen: NumberKinds,
}

/// A segment that is being collected.
struct Collecting {
    segment: Arc<OpenSegment>,
    collector: AggregationSegmentCollector,
    values: ValueCounts,
    /// Bytes that the query held before.
    held_bytes: u64,
    /// Pairs of a document and a bucket, at most.
    pairs: u64,
}

impl<'r> AggregateVisitor<'r> {
    /// Returns a visitor that saw nothing yet.
    pub(super) fn new(run: Run<'r>) -> AggregateVisitor<'r> {
        AggregateVisitor {
            run,
            segment: None,
            segments: 0,
            merged: Partial::default(),
            news: FieldNeeds::default(),
            seen: NumberKinds::default(),
        }
    }

    /// Reserves room for results. Where there is none, what was merged so far is cut to what a
    /// segment may report, which the answer's own bound on the error of counts says.
    fn reserve_or_prune(&mut self, ahead_bytes: u64) -> Result<(), QueryError> {
        let Run { aggregations, deadline, .. } = self.run;
        if deadline.reserve(ahead_bytes).is_ok() {
            return Ok(());
        }
        self.merged.prune(aggregations, PruneMode::Intermediate)?;
        deadline.reserve(ahead_bytes)
    }

    /// An error of the engine while the query is to end comes of that: conditions of filters are
    /// searched inside of the engine.
    fn error(&self, error: TantivyError) -> QueryError {
        self.run.deadline.check().err().unwrap_or_else(|| engine_error(error))
    }
}

impl SegmentVisitor for AggregateVisitor<'_> {
    fn begin(&mut self, segment: &Arc<OpenSegment>) -> Result<Flow, QueryError> {
        let Run { aggregations, context, matters, known, growth, deadline } = self.run;
        self.news = matters.news(segment, known, &mut self.seen)?;
        if !self.news.is_empty() {
            return Ok(Flow::Stop);
        }
        if growth.ready_bytes() > READY_BYTES_FREE {
            deadline.reserve(growth.ready_bytes_in(&SegmentFacts::of(segment))?)?;
        }
        let held_bytes = deadline.held_bytes();
        let collector = AggregationSegmentCollector::from_agg_req_and_reader(
            aggregations,
            segment.reader(),
            self.segments,
            context,
        );
        self.segments += 1;
        self.segment = Some(Collecting {
            segment: Arc::clone(segment),
            collector: collector.map_err(|error| self.error(error))?,
            values: ValueCounts::of(segment, &growth.fields())?,
            held_bytes,
            pairs: 0,
        });
        Ok(Flow::Continue)
    }

    fn block(&mut self, docs: &[DocId]) -> Result<Flow, QueryError> {
        let Run { growth, deadline, .. } = self.run;
        let Some(Collecting { collector, values, pairs, .. }) = &mut self.segment else {
            return Ok(Flow::SkipSegment);
        };
        // Fast path: one value a document makes one pair at each depth.
        if values.are_single() {
            collector.collect_block(docs);
            *pairs += docs.len() as u64;
            return Ok(Flow::Continue);
        }
        let mut rest = docs;
        while !rest.is_empty() {
            let (count, made) = growth.slice(rest, values)?;
            let (slice, behind) = rest.split_at(count);
            collector.collect_block(slice);
            *pairs += made;
            rest = behind;
            deadline.check_memory()?;
        }
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> Result<Flow, QueryError> {
        let Run { growth, deadline, .. } = self.run;
        let Some(Collecting { segment, collector, held_bytes, pairs, .. }) = self.segment.take()
        else {
            return Ok(Flow::Continue);
        };
        let collected = deadline.held_bytes().saturating_sub(held_bytes);
        let mut ahead = growth.result_bytes(collected, pairs);
        if deadline.reserve(ahead).is_err() {
            let facts = SegmentFacts::of(&segment);
            ahead = ahead.min(growth.result_bytes_in(collected, pairs, &facts)?);
            self.reserve_or_prune(ahead)?;
        }
        let results = collector.harvest().map_err(|error| self.error(error))?;
        let result_bytes = deadline.held_bytes().saturating_sub(held_bytes);
        tracing::trace!(collected, ahead, result_bytes, "made results of a segment");
        deadline.check_memory()?;
        self.merged.merge(Partial::of_segment(results))?;
        Ok(Flow::Continue)
    }
}

/// What the engine's own estimate of memory is called in errors.
pub(super) const MEMORY: &str = "aggregation memory in bytes";

/// Tells errors of the request from errors of the index.
pub(super) fn engine_error(error: TantivyError) -> QueryError {
    use AggregationError as Aggregation;
    match error {
        TantivyError::AggregationError(Aggregation::MemoryExceeded { limit, .. }) => {
            let limit = limit.get_bytes() as usize;
            QueryError::TooExpensive { what: MEMORY, limit }
        }
        TantivyError::AggregationError(Aggregation::BucketLimitExceeded { limit, .. }) => {
            QueryError::TooExpensive { what: "buckets", limit: limit as usize }
        }
        TantivyError::AggregationError(
            Aggregation::InvalidRequest(message) | Aggregation::InternalError(message),
        )
        | TantivyError::InvalidArgument(message) => QueryError::Parameter { name: "aggs", message },
        TantivyError::AggregationError(Aggregation::DateHistogramParseError(error)) => {
            QueryError::Parameter { name: "aggs", message: error.to_string() }
        }
        other => QueryError::Index(other),
    }
}
