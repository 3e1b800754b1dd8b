//! Merges of hot partitions, one at a time over all of them.
//!
//! Arrives: the moment after a commit. Leaves: at most one merge under way. Each partition's
//! engine would merge by itself, so that the memory of a busy moment grew with the number of open
//! partitions, and each merge took a core away from the lines that arrive.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tantivy::FutureResult;
use tantivy::index::{SegmentId, SegmentMeta};

use super::super::wait::wait_unless;
use super::{HotMerges, IndexState, WriterMode};
use crate::partition::segments_to_merge;
use crate::{PartitionId, StoreError};

/// A merge under way, in a thread of the engine. A drop waits for the end of the merge, half a
/// second.
///
/// ORDER: the merge ends before the writer goes. A later merge could list nothing (see the
/// partition's lease), and the work would be lost, with another merge beside it.
pub(super) struct HotMerge {
    id: PartitionId,
    /// `None` once its outcome was taken.
    result: Option<FutureResult<Option<SegmentMeta>>>,
}

impl HotMerge {
    /// Returns the outcome when it has ended.
    fn poll(&mut self) -> Option<tantivy::Result<Option<SegmentMeta>>> {
        let result = self.result.as_mut()?;
        let Poll::Ready(merged) = pin!(result).poll(&mut Context::from_waker(Waker::noop())) else {
            return None;
        };
        self.result = None;
        Some(merged)
    }
}

impl Drop for HotMerge {
    fn drop(&mut self) {
        // Not by the wait of the engine, which panics after a poll.
        let ended = self.result.take().and_then(|result| wait_unless(result, || false));
        if let Some(Err(error)) = ended {
            tracing::warn!(%error, "merge was left");
        }
    }
}

impl std::fmt::Debug for HotMerge {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("HotMerge").field("id", &self.id).finish_non_exhaustive()
    }
}

impl IndexState {
    /// Takes up the merge that has ended, if one has, and starts the most urgent one.
    pub(super) fn merge_hot(&mut self) -> Result<(), StoreError> {
        if let Some(merge) = &mut self.merge {
            let Some(merged) = merge.poll() else { return Ok(()) };
            let id = merge.id;
            self.merge = None;
            if let Err(error) = merged {
                // The segments are still listed, and searched: nothing is lost but the work.
                // The reason may be damage, for which maintenance looks.
                tracing::warn!(partition = %id.name(&self.context.tiers), %error, "merge was left");
                self.context.catalogue.suspect(id);
                if let Some(open) = self.writers.get_mut(&id) {
                    open.merges = HotMerges::Failed;
                }
            }
            // The list of segments has changed without a commit. A partition that was dropped
            // or put aside meanwhile has none.
            if self.context.catalogue.partition(id).is_some() {
                self.context.catalogue.refresh(id)?;
            }
        }
        if let Some((id, segments)) = self.most_urgent()
            && let Some(open) = self.writers.get_mut(&id)
        {
            let result = Some(open.writer.start_merge(&segments));
            self.merge = Some(HotMerge { id, result });
        }
        Ok(())
    }

    /// Waits for the merge of a partition whose writer is about to go.
    pub(super) fn end_merge(&mut self, id: PartitionId) {
        if self.merge.as_ref().is_some_and(|merge| merge.id == id) {
            self.merge = None;
        }
    }

    /// Returns the partition of the merge under way.
    #[cfg(test)]
    pub(in super::super) fn merging(&self) -> Option<PartitionId> {
        self.merge.as_ref().map(|merge| merge.id)
    }

    /// Returns the open partition that has the most segments to merge.
    fn most_urgent(&self) -> Option<(PartitionId, Vec<SegmentId>)> {
        let hot = self
            .writers
            .iter()
            .filter(|(_, open)| open.mode == WriterMode::Hot && open.merges == HotMerges::Yes);
        hot.filter_map(|(id, _)| {
            let facts = self.context.catalogue.partition(*id)?.facts();
            Some((*id, segments_to_merge(facts.segments())))
        })
        .filter(|(_, segments)| !segments.is_empty())
        .max_by_key(|(_, segments)| segments.len())
    }
}
