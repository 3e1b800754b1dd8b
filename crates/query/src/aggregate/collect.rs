//! Feeds the documents of a scan to tantivy's aggregation engine, segment by segment, and merges
//! what comes out at once, so that memory holds one segment's buckets and the merged ones.

use std::sync::Arc;

use tantivy::aggregation::agg_req::Aggregations;
use tantivy::aggregation::intermediate_agg_result::IntermediateAggregationResults;
use tantivy::aggregation::{AggContextParams, AggregationError, AggregationSegmentCollector};
use tantivy::collector::SegmentCollector;
use tantivy::{DocId, TantivyError};
use tierlog_store::OpenSegment;

use super::needs::FieldNeeds;
use crate::{Flow, QueryError, SegmentVisitor};

/// Aggregates the documents of a scan.
pub(super) struct AggregateVisitor<'r> {
    aggregations: &'r Aggregations,
    context: &'r AggContextParams,
    matters: &'r FieldNeeds,
    known: &'r FieldNeeds,
    segment: Option<AggregationSegmentCollector>,
    segments: u32,
    /// What was merged so far.
    pub(super) merged: IntermediateAggregationResults,
    /// What a segment has shown that the request does not reckon with: nothing was computed from
    /// there on.
    pub(super) news: FieldNeeds,
}

impl<'r> AggregateVisitor<'r> {
    /// Returns a visitor that saw nothing yet. What would matter to the request is `matters`, what
    /// it reckons with `known`.
    pub(super) fn new(
        aggregations: &'r Aggregations,
        context: &'r AggContextParams,
        matters: &'r FieldNeeds,
        known: &'r FieldNeeds,
    ) -> AggregateVisitor<'r> {
        AggregateVisitor {
            aggregations,
            context,
            matters,
            known,
            segment: None,
            segments: 0,
            merged: IntermediateAggregationResults::default(),
            news: FieldNeeds::default(),
        }
    }
}

impl SegmentVisitor for AggregateVisitor<'_> {
    fn begin(&mut self, segment: &Arc<OpenSegment>) -> Result<Flow, QueryError> {
        self.news = self.matters.news(segment, self.known)?;
        if !self.news.is_empty() {
            return Ok(Flow::Stop);
        }
        let segment = segment.reader();
        let collector = AggregationSegmentCollector::from_agg_req_and_reader(
            self.aggregations,
            segment,
            self.segments,
            self.context,
        );
        self.segment = Some(collector.map_err(engine_error)?);
        self.segments += 1;
        Ok(Flow::Continue)
    }

    fn block(&mut self, docs: &[DocId]) -> Result<Flow, QueryError> {
        if let Some(segment) = &mut self.segment {
            segment.collect_block(docs);
        }
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> Result<Flow, QueryError> {
        if let Some(segment) = self.segment.take() {
            let results = segment.harvest().map_err(engine_error)?;
            self.merged.merge_fruits(results).map_err(engine_error)?;
        }
        Ok(Flow::Continue)
    }
}

/// Tells errors of the request from errors of the index.
pub(super) fn engine_error(error: TantivyError) -> QueryError {
    use AggregationError as Aggregation;
    match error {
        TantivyError::AggregationError(Aggregation::MemoryExceeded { limit, .. }) => {
            let limit = limit.get_bytes() as usize;
            QueryError::TooExpensive { what: "aggregation memory in bytes", limit }
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
