//! Merges of hot partitions, one at a time over all of them.
//!
//! Arrives: the moment after a commit. Leaves: at most one merge under way. Each partition's
//! engine would merge by itself, so that the memory of a busy moment grew with the number of open
//! partitions, and each merge took a core away from the lines that arrive.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tantivy::FutureResult;
use tantivy::index::{SegmentId, SegmentMeta};

use super::super::Indexer;
use super::{IndexState, WriterMode};
use crate::partition::segments_to_merge;
use crate::{PartitionId, StoreError};

/// A merge under way, whose thread is the engine's.
pub(super) struct HotMerge {
    id: PartitionId,
    result: FutureResult<Option<SegmentMeta>>,
}

impl std::fmt::Debug for HotMerge {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("HotMerge").field("id", &self.id).finish_non_exhaustive()
    }
}

impl IndexState {
    /// Takes up the merge that has ended, if one has, and starts the most urgent one.
    pub(super) fn merge_hot(&mut self, indexer: &Indexer) -> Result<(), StoreError> {
        if let Some(merge) = &mut self.merge {
            let mut context = Context::from_waker(Waker::noop());
            let Poll::Ready(merged) = pin!(&mut merge.result).poll(&mut context) else {
                return Ok(());
            };
            let id = merge.id;
            self.merge = None;
            if let Err(error) = merged {
                // The segments are still listed, and searched: nothing is lost but the work.
                tracing::warn!(partition = %id.name(&indexer.tiers), %error, "merge was left");
            }
            // The list of segments has changed without a commit. A partition that was dropped
            // or put aside meanwhile has none.
            if indexer.catalogue.partition(id).is_some() {
                indexer.catalogue.refresh(id)?;
            }
        }
        if let Some((id, segments)) = self.most_urgent(indexer)
            && let Some(open) = self.writers.get_mut(&id)
        {
            self.merge = Some(HotMerge { id, result: open.writer.start_merge(&segments) });
        }
        Ok(())
    }

    /// Returns the partition of the merge under way.
    #[cfg(test)]
    pub(in super::super) fn merging(&self) -> Option<PartitionId> {
        self.merge.as_ref().map(|merge| merge.id)
    }

    /// Returns the open partition that has the most segments to merge.
    fn most_urgent(&self, indexer: &Indexer) -> Option<(PartitionId, Vec<SegmentId>)> {
        let hot = self.writers.iter().filter(|(_, open)| open.mode == WriterMode::Hot);
        hot.filter_map(|(id, _)| {
            let facts = indexer.catalogue.partition(*id)?.facts();
            Some((*id, segments_to_merge(facts.segments())))
        })
        .filter(|(_, segments)| !segments.is_empty())
        .max_by_key(|(_, segments)| segments.len())
    }
}
