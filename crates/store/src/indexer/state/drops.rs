//! Dropping a partition. Records of it that are in the WAL and not in its index go with it; they
//! were acknowledged, so they are counted, each once.

use std::path::PathBuf;

use tierlog_model::EncodedRecord;

use super::super::backlog::Lane;
use super::IndexState;
use crate::partition::PartitionDirectory;
use crate::trash::move_to_trash;
use crate::{PartitionId, StoreError};

impl IndexState {
    /// Takes a partition away. Returns where its directory is now.
    pub(in super::super) fn drop_partition(
        &mut self,
        id: PartitionId,
    ) -> Result<PathBuf, StoreError> {
        let dropped_before = self.tombstones.position(id);
        // ORDER: the tombstone is durable before the directory moves, so that a crash in between
        // cannot bring part of the partition back from the WAL; and before the writer goes, so
        // that without a tombstone nothing is lost.
        self.tombstones.add(id, self.context.progress.positions().applied)?;
        self.end_merge(id);
        self.count_unindexed(id, dropped_before);
        self.deferred.remove(&id);
        drop(self.writers.remove(&id));
        self.positions.remove(&id);
        self.in_doubt.remove(&id);
        self.context.catalogue.remove(id);
        let moved = move_to_trash(&self.context.layout, id, &self.context.tiers);
        if moved.is_err()
            && PartitionDirectory::of(&self.context.layout, id).has_index().unwrap_or(false)
        {
            // It is still there: retention sees it again and tries again. Readers must too, or
            // late records would bring it back.
            self.context.catalogue.load(id)?;
        }
        moved
    }

    /// Counts the records of a partition that goes that are not in its index.
    fn count_unindexed(&mut self, id: PartitionId, dropped_before: u64) {
        let indexed = self.context.catalogue.partition(id).map_or(0, |found| found.position());
        if self.context.progress.stalled(Lane::Fresh).is_some() {
            // Which its writer had is not known: they are met when the WAL is read again.
            self.uncounted_from.entry(id).or_insert(indexed.max(dropped_before));
            return;
        }
        let open = self.writers.get(&id).map(|open| &open.writer);
        let (uncommitted, below) =
            open.map_or((0, 0), |writer| (writer.uncommitted_records(), writer.below()));
        let (waiting, waiting_below) = self.waiting_of(id);
        self.count(id, uncommitted + waiting);
        if self.backlog.pending_from().is_some() {
            // Those that wait for the backfill lane are met there.
            let known = indexed.max(below).max(waiting_below).max(dropped_before);
            self.uncounted_from.entry(id).or_insert(known);
        } else {
            self.uncounted_from.remove(&id);
        }
    }

    /// Counts those of records that are read again which went with their partition: they are
    /// below its tombstone, and were not in its index.
    pub(in super::super) fn count_read_again(
        &mut self,
        id: PartitionId,
        dropped: u64,
        records: &[(u64, EncodedRecord<'_>)],
    ) {
        let Some(from) = self.uncounted_from.get_mut(&id) else { return };
        let gone = *from..dropped;
        let next = records.last().map_or(0, |(seq, _)| seq + 1);
        // They may be read a third time.
        *from = next.max(gone.start);
        let met = records.iter().filter(|(seq, _)| gone.contains(seq)).count();
        self.count(id, met as u64);
    }

    fn count(&self, id: PartitionId, records: u64) {
        let tier = self.context.tiers.policy(id.tier).name.clone();
        metrics::counter!(tierlog_model::metric_names::DROPPED_UNINDEXED, "tier" => tier)
            .increment(records);
    }
}
