//! Damaged partitions: out of the way, and indexed again from the log.
//!
//! A partition that does not read back goes into quarantine, and the lane of its day goes back to
//! its first record. The batches that were read since then decide whether the log had all of it.

use std::ops::Range;
use std::sync::Arc;

use super::super::backlog::Lane;
use super::super::failure::Failure;
use super::super::phase::Event;
use super::IndexState;
use crate::partition::{PartitionDirectory, last_commit};
use crate::quarantine::{mark_rebuilt, missing_partitions, quarantine};
use crate::rebuild::{Rebuild, Rebuilding};
use crate::{PartitionId, StoreError};

impl IndexState {
    /// Takes up partitions that a start has put into quarantine.
    pub(in super::super) fn rebuild(&mut self, partitions: Vec<Rebuilding>) {
        self.rebuilding.extend(partitions);
    }

    /// Puts a damaged partition into quarantine. The records of it that the WAL still has are
    /// indexed again: all of them, when the WAL has the first.
    pub(in super::super) fn put_aside(&mut self, id: PartitionId) -> Result<(), StoreError> {
        let context = Arc::clone(&self.context);
        self.end_merge(id);
        self.writers.remove(&id);
        self.deferred.remove(&id);
        self.positions.remove(&id);
        self.in_doubt.remove(&id);
        let name = id.name(&context.tiers);
        // The catalogue may know what the file does not say any more, but not what was deleted.
        let known = || context.catalogue.partition(id).map(|partition| partition.committed());
        let committed = last_commit(&PartitionDirectory::of(&context.layout, id))
            .or_else(|| known().filter(|_| id.tier != context.tiers.dead_letter()));
        let applied = context.progress.positions().applied;
        let rebuild = Rebuild::plan(id.tier, &context.tiers, committed, applied);
        if rebuild.gone_below > 0 {
            self.tombstones.add(id, rebuild.gone_below)?;
        }
        // ORDER: late before the partition is gone, or an answer in between would pass for whole;
        // and lost, in case the log does not have all of it.
        self.go_back_for(id, rebuild.from().max(context.releaser.first_seq()));
        context.catalogue.note_lost(id);
        context.catalogue.remove(id);
        let path = quarantine(&context.layout, &context.layout.partition(id), &name)?;
        context.catalogue.set_lost(missing_partitions(&context.layout, &context.tiers));
        tracing::error!(partition = %name, "put damaged partition into quarantine");
        let until = committed.map_or(applied, |committed| committed.position);
        self.rebuilding.extend(rebuild.first.map(|first| Rebuilding::new(id, path, first..until)));
        Ok(())
    }

    /// Makes the lane of a partition read the log again from a number on. The lane is stalled
    /// until its thread has gone back; a pass of the backfill lane that is under way ends.
    fn go_back_for(&mut self, id: PartitionId, from: u64) {
        let lane = self.backlog.lane_of(id.day);
        if lane == Lane::Backfill {
            self.backlog.read_again(from, id.day);
        }
        self.context.progress.move_to(|positions| match lane {
            Lane::Fresh => positions.committed = positions.committed.min(from),
            Lane::Backfill => self.backlog.publish(positions),
        });
        let name = id.name(&self.context.tiers);
        self.context.progress.note(lane, Event::StepFailed(Failure::Damaged(name)));
    }

    /// Notes that the records of a range were read from the log, those of old days for the backfill
    /// lane or not.
    pub(in super::super) fn note_read(&mut self, lane: Lane, range: &Range<u64>) {
        let backlog = &self.backlog;
        let of_lane = |rebuilding: &&mut Rebuilding| backlog.lane_of(rebuilding.day()) == lane;
        self.rebuilding.iter_mut().filter(of_lane).for_each(|rebuilding| rebuilding.read(range));
    }

    /// Takes up which partitions in quarantine the log has given back whole.
    pub(in super::super) fn finish_rebuilds(&mut self) -> Result<(), StoreError> {
        let committed = self.context.progress.positions().committed;
        let backlog = &self.backlog;
        let is_done = |rebuilding: &mut Rebuilding| match backlog.lane_of(rebuilding.day()) {
            Lane::Fresh => committed >= rebuilding.until(),
            Lane::Backfill => backlog.committed() >= rebuilding.until(),
        };
        let done: Vec<Rebuilding> = self.rebuilding.extract_if(.., is_done).collect();
        if done.is_empty() {
            return Ok(());
        }
        let layout = &self.context.layout;
        for rebuilt in done.iter().filter(|rebuilding| rebuilding.is_whole()) {
            mark_rebuilt(layout, rebuilt.path())?;
            tracing::info!(path = %rebuilt.path().display(), "the log has given all of it back");
        }
        self.context.catalogue.set_lost(missing_partitions(layout, &self.context.tiers));
        Ok(())
    }
}
