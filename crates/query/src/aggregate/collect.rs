//! Feeds the documents of a scan to tantivy's aggregation engine, segment by segment, and merges
//! what comes out at once, so that memory holds one segment's buckets and the merged ones.

use std::collections::BTreeSet;
use std::sync::Arc;

use tantivy::aggregation::agg_req::Aggregations;
use tantivy::aggregation::intermediate_agg_result::IntermediateAggregationResults;
use tantivy::aggregation::{AggContextParams, AggregationError, AggregationSegmentCollector};
use tantivy::collector::SegmentCollector;
use tantivy::{DocId, SegmentReader, TantivyError};
use tierlog_store::OpenSegment;

use crate::{Flow, QueryError, SegmentVisitor};

/// Aggregates the documents of a scan.
pub(super) struct AggregateVisitor<'r> {
    aggregations: &'r Aggregations,
    context: &'r AggContextParams,
    attributes: &'r BTreeSet<String>,
    segment: Option<AggregationSegmentCollector>,
    segments: u32,
    /// What was merged so far.
    pub(super) merged: IntermediateAggregationResults,
    /// Fields of the request of which some records hold long text, which is not in columns.
    pub(super) text: BTreeSet<String>,
    /// Fields of the request that have a column somewhere.
    pub(super) columns: BTreeSet<String>,
}

impl<'r> AggregateVisitor<'r> {
    /// Returns a visitor that saw nothing yet.
    pub(super) fn new(
        aggregations: &'r Aggregations,
        context: &'r AggContextParams,
        attributes: &'r BTreeSet<String>,
    ) -> AggregateVisitor<'r> {
        AggregateVisitor {
            aggregations,
            context,
            attributes,
            segment: None,
            segments: 0,
            merged: IntermediateAggregationResults::default(),
            text: BTreeSet::new(),
            columns: BTreeSet::new(),
        }
    }

    /// Notes which of the asked fields the segment has as columns, and which as text.
    fn note_fields(&mut self, segment: &SegmentReader) -> Result<(), QueryError> {
        let columns = segment.fast_fields();
        let text_fields = columns.str(super::TEXT_FIELDS_COLUMN)?;
        for field in self.attributes {
            if !self.columns.contains(field) {
                let column = tierlog_store::attribute_column(field);
                if !columns.dynamic_column_handles(&column)?.is_empty() {
                    self.columns.insert(field.clone());
                }
            }
            if let Some(text_fields) = &text_fields
                && !self.text.contains(field)
                && text_fields.dictionary().term_ord(field.as_bytes())?.is_some()
            {
                self.text.insert(field.clone());
            }
        }
        Ok(())
    }
}

impl SegmentVisitor for AggregateVisitor<'_> {
    fn begin(&mut self, segment: &Arc<OpenSegment>) -> Result<Flow, QueryError> {
        let segment = segment.reader();
        self.note_fields(segment)?;
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
