//! Partial results: each covers some of the records, and any two of the same request merge.
//!
//! A scan merges the partial results of segments as they come. Partial results of scans over
//! different records merge in the same way, wherever those scans ran, as long as the scans reckoned
//! with the same needs of fields.

use tantivy::aggregation::agg_req::Aggregations;
use tantivy::aggregation::intermediate_agg_result::{IntermediateAggregationResults, PruneMode};

use super::collect::engine_error;
use crate::error::QueryError;

/// The result of a request over some of the records.
#[derive(Debug, Default)]
pub(super) struct Partial(IntermediateAggregationResults);

impl Partial {
    /// Returns the result of a segment.
    pub(super) fn of_segment(results: IntermediateAggregationResults) -> Partial {
        Partial(results)
    }

    /// Adds the result over other records.
    pub(super) fn merge(&mut self, other: Partial) -> Result<(), QueryError> {
        self.0.merge_fruits(other.0).map_err(engine_error)
    }

    /// Cuts lists of values to the lengths that the request lets a partial or the final result
    /// have.
    pub(super) fn prune(
        &mut self,
        aggregations: &Aggregations,
        mode: PruneMode,
    ) -> Result<(), QueryError> {
        self.0.prune_intermediate_results(aggregations, mode).map_err(engine_error)
    }

    /// Returns tantivy's own form.
    pub(super) fn into_inner(self) -> IntermediateAggregationResults {
        self.0
    }
}
