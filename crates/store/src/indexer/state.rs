//! The open writers and how far they are.

mod checkout;
mod deferred;
mod drops;
mod merges;
mod rebuilds;
mod rewind;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tantivy::FutureResult;
use tantivy::index::SegmentMeta;
use tierlog_model::{EncodedRecord, Excerpt};

pub(super) use self::checkout::{Lent, Returned};
use self::merges::HotMerge;
use super::backlog::{Backlog, Gathered, Lane};
use super::context::Context;
use crate::partition::{PartitionDirectory, PartitionWriter, RecordSelection, Uncommitted};
use crate::rebuild::Rebuilding;
use crate::tombstone::Tombstones;
use crate::wal::LoggedBatch;
use crate::{PartitionId, StoreError};

/// How long no chunk comes back before the writers are asked whether they still take any: longer
/// than it takes to write a segment.
pub(super) const CHUNK_WAIT_MAX: Duration = Duration::from_secs(1);

/// Whether a batch is new or read back from the WAL after a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replay {
    /// Straight from the WAL thread.
    No,
    /// Read back: partitions may have its records already, or may have expired.
    Yes,
}

/// Which records of a batch are added.
#[derive(Clone, Debug)]
enum Wanted {
    /// Every one.
    All,
    /// Records of a range of numbers, as far as their partitions lack them.
    Lacking(Range<u64>),
}

/// What an open writer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriterMode {
    /// Takes records.
    Hot,
    /// Merges everything into the sealed form, and takes records that arrive late.
    Sealing,
}

#[derive(Debug)]
struct OpenWriter {
    writer: PartitionWriter,
    mode: WriterMode,
    merges: HotMerges,
    last_used: Instant,
}

/// Whether a writer's segments are merged before the seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HotMerges {
    Yes,
    /// One has failed, and the next would fail in the same way: at every commit, for a core's half
    /// second each.
    Failed,
}

impl OpenWriter {
    fn new(writer: PartitionWriter, mode: WriterMode) -> OpenWriter {
        OpenWriter { writer, mode, merges: HotMerges::Yes, last_used: Instant::now() }
    }
}

/// Guarded by the indexer's lock.
#[derive(Debug)]
pub(crate) struct IndexState {
    context: Arc<Context>,
    /// The merge under way. Declared before the writers, so that the merge ends first.
    merge: Option<HotMerge>,
    writers: BTreeMap<PartitionId, OpenWriter>,
    /// Records that no writer was open for, by partition: the next commit indexes them.
    deferred: Gathered,
    /// Positions of partitions that are not open, as far as they were asked for.
    positions: BTreeMap<PartitionId, u64>,
    /// Partitions whose last commit may have been made and not been taken up, with what it was
    /// to hold: they are looked at before the WAL is read again.
    in_doubt: BTreeMap<PartitionId, Uncommitted>,
    tombstones: Tombstones,
    /// Of partitions that went while records of theirs were to be read again: the number from
    /// which on these are not counted yet.
    uncounted_from: BTreeMap<PartitionId, u64>,
    /// Partitions whose writer the backfill lane has, with the only right to change them.
    away: BTreeSet<PartitionId>,
    /// Records of old days that are in no partition yet.
    backlog: Backlog,
    /// Partitions in quarantine whose records are being read again.
    rebuilding: Vec<Rebuilding>,
}

impl IndexState {
    pub(super) fn new(context: Arc<Context>, tombstones: Tombstones) -> IndexState {
        let backlog = Backlog::new(context.first_fresh_day());
        IndexState {
            context,
            merge: None,
            writers: BTreeMap::new(),
            deferred: Gathered::new(),
            positions: BTreeMap::new(),
            in_doubt: BTreeMap::new(),
            tombstones,
            uncounted_from: BTreeMap::new(),
            away: BTreeSet::new(),
            backlog,
            rebuilding: Vec::new(),
        }
    }

    pub(super) fn backlog(&mut self) -> &mut Backlog {
        &mut self.backlog
    }

    pub(super) fn apply(&mut self, batch: &LoggedBatch, replay: Replay) -> Result<(), StoreError> {
        let range = batch.range();
        let wanted = match replay {
            Replay::No => Wanted::All,
            Replay::Yes => Wanted::Lacking(range.clone()),
        };
        self.add_batch(batch, &wanted, range)
    }

    /// Adds the fresh records of a batch to their partitions, and puts those of old days into the
    /// backlog. The wanted records have numbers of this range, and all that comes before its end is
    /// applied then.
    fn add_batch(
        &mut self,
        batch: &LoggedBatch,
        wanted: &Wanted,
        range: Range<u64>,
    ) -> Result<(), StoreError> {
        let end = range.end;
        self.note_read(Lane::Fresh, &range);
        // The others were routed before, and are the backlog's to read again.
        self.note_read(Lane::Backfill, &(range.start.max(self.backlog.routed())..end));
        let Lanes { fresh, old } = self.sort(batch, wanted)?;
        for (id, mut records) in fresh {
            if matches!(wanted, Wanted::Lacking(_)) {
                records = self.not_yet_indexed(id, records)?;
            }
            if records.is_empty() {
                continue;
            }
            if self.must_wait(id) {
                self.defer(id, batch, &records);
            } else {
                self.add(id, &records)?;
            }
        }
        // Last: a batch of which a fresh record failed comes again, and is routed then.
        self.backlog.route(old, batch.batch.names_byte_len(), end);
        self.context.progress.move_to(|positions| {
            positions.applied = end;
            self.backlog.publish(positions);
        });
        Ok(())
    }

    /// Sorts the wanted records of a batch by lane and partition, so that each writer is looked
    /// up once a batch.
    fn sort<'b>(&self, batch: &'b LoggedBatch, wanted: &Wanted) -> Result<Lanes<'b>, StoreError> {
        let mut lanes = Lanes { fresh: Vec::new(), old: BTreeMap::new() };
        for (offset, record) in batch.batch.records().enumerate() {
            let (record, seq) = (record?, batch.first_seq + offset as u64);
            if let Wanted::Lacking(range) = wanted
                && !range.contains(&seq)
            {
                continue;
            }
            let id = self.context.partition_of(batch.batch.tenant(), &record);
            if self.backlog.lane_of(id.day) == Lane::Backfill {
                // A record that was routed before waits there, or is done.
                if seq >= self.backlog.routed() {
                    let excerpt = lanes.old.entry(id);
                    excerpt.or_insert_with(|| Excerpt::of(&batch.batch)).push(seq, &record);
                }
                continue;
            }
            match lanes.fresh.iter_mut().rev().find(|(known, _)| *known == id) {
                Some((_, records)) => records.push((seq, record)),
                None => lanes.fresh.push((id, vec![(seq, record)])),
            }
        }
        lanes.old.values_mut().for_each(Excerpt::shrink);
        Ok(lanes)
    }

    /// Adds records to a partition.
    fn add(
        &mut self,
        id: PartitionId,
        records: &[(u64, EncodedRecord<'_>)],
    ) -> Result<(), StoreError> {
        let mut rest = records;
        while !rest.is_empty() {
            match self.context.chunks.take(CHUNK_WAIT_MAX) {
                Some(chunk) => rest = self.writer(id)?.writer.add(chunk, rest)?,
                // Every chunk may wait for a writer whose thread has ended.
                None => {
                    self.writers.values_mut().try_for_each(|open| open.writer.check_alive())?;
                }
            }
        }
        Ok(())
    }

    /// Keeps the records that a crash took from the partition. Records whose tier's days are
    /// over since are counted and left out: the partition is gone, or would go at once.
    fn not_yet_indexed<'b>(
        &mut self,
        id: PartitionId,
        mut records: Vec<(u64, EncodedRecord<'b>)>,
    ) -> Result<Vec<(u64, EncodedRecord<'b>)>, StoreError> {
        if self.context.clock.is_over(id) {
            metrics::counter!(tierlog_model::metric_names::REPLAY_EXPIRED)
                .increment(records.len() as u64);
            return Ok(Vec::new());
        }
        let indexed = self.position(id)?;
        let dropped = self.tombstones.position(id);
        self.count_read_again(id, dropped, &records);
        records.retain(|(seq, _)| *seq >= indexed && *seq >= dropped);
        Ok(records)
    }

    fn position(&mut self, id: PartitionId) -> Result<u64, StoreError> {
        if let Some(position) = self.positions.get(&id) {
            return Ok(*position);
        }
        let position = match self.context.catalogue.partition(id) {
            Some(partition) => {
                // ORDER: a killed process may have committed what is seen and not durable; it
                // must be before the WAL forgets the records.
                partition.directory().sync()?;
                partition.position()
            }
            None => 0,
        };
        self.positions.insert(id, position);
        Ok(position)
    }

    fn writer(&mut self, id: PartitionId) -> Result<&mut OpenWriter, StoreError> {
        if !self.writers.contains_key(&id) {
            self.make_room()?;
            let writer = self.open_writer(id)?;
            let open = OpenWriter::new(writer, WriterMode::Hot);
            self.writers.insert(id, open);
        }
        let open = self
            .writers
            .get_mut(&id)
            .ok_or_else(|| StoreError::NoPartition(id.name(&self.context.tiers)))?;
        open.last_used = Instant::now();
        Ok(open)
    }

    /// Closes the writer that was unused longest when the most that may be open are.
    fn make_room(&mut self) -> Result<(), StoreError> {
        while self.writers.len() >= self.context.settings.open_writers_max {
            let unused = self
                .writers
                .iter()
                .filter(|(_, open)| open.mode == WriterMode::Hot)
                .min_by_key(|(_, open)| open.last_used)
                .map(|(id, _)| *id);
            let Some(id) = unused else { return Ok(()) };
            self.close_writer(id)?;
        }
        Ok(())
    }

    fn close_writer(&mut self, id: PartitionId) -> Result<(), StoreError> {
        self.end_merge(id);
        let Some(mut open) = self.writers.remove(&id) else { return Ok(()) };
        // ORDER: in doubt before the commit, which may be made and fail all the same: without the
        // writer nothing else would remember it.
        self.in_doubt.insert(id, open.writer.uncommitted());
        if open.writer.uncommitted_records() > 0 {
            self.context.releaser.sync_below(open.writer.below())?;
            open.writer.commit()?;
            self.in_doubt.insert(id, Uncommitted::default());
        }
        drop(open);
        self.context.catalogue.refresh(id)?;
        self.in_doubt.remove(&id);
        Ok(())
    }

    pub(super) fn commit_all(&mut self) -> Result<(), StoreError> {
        let (started, context) = (Instant::now(), Arc::clone(&self.context));
        let mut dirty: Vec<(PartitionId, &mut PartitionWriter)> = self
            .writers
            .iter_mut()
            .filter(|(_, open)| open.writer.uncommitted_records() > 0)
            .map(|(id, open)| (*id, &mut open.writer))
            .collect();
        let is_dirty = !dirty.is_empty() || !self.deferred.is_empty();
        if !dirty.is_empty() {
            // ORDER: no index is ahead of the log, or what a power cut takes were not its end.
            let below = dirty.iter().map(|(_, writer)| writer.below()).max();
            context.releaser.sync_below(below.unwrap_or(0))?;
            commit_side_by_side(&mut dirty, context.settings.commit_threads_max)?;
            for (id, _) in &dirty {
                context.catalogue.refresh(*id)?;
            }
        }
        self.commit_deferred()?;
        if is_dirty {
            metrics::histogram!(tierlog_model::metric_names::COMMIT_SECONDS)
                .record(started.elapsed().as_secs_f64());
        }
        let positions = context.progress.positions();
        if positions.committed < positions.applied {
            context.progress.move_to(|positions| positions.committed = positions.applied);
            self.release()?;
        }
        self.finish_rebuilds()?;
        // A recovery commits on its way, before everything is read again.
        if positions.applied >= self.backlog.routed() {
            self.move_boundary()?;
        }
        self.merge_hot()
    }

    /// Lets the WAL forget what every partition has.
    pub(super) fn release(&mut self) -> Result<(), StoreError> {
        // ORDER: every index of both lanes is durable up to there, so the WAL may forget, and
        // only after the WAL has forgotten are tombstones of those records without use.
        let whole_below = self.context.progress.positions().whole_below();
        self.context.releaser.release_before(whole_below)?;
        self.tombstones.release_before(self.context.releaser.first_seq())
    }

    /// Moves the lanes on with the days. The fresh lane has nothing uncommitted now.
    fn move_boundary(&mut self) -> Result<(), StoreError> {
        self.backlog.move_boundary(self.context.first_fresh_day());
        let is_old = |id: &PartitionId| self.backlog.lane_of(id.day) == Lane::Backfill;
        let hot = self.writers.iter().filter(|(_, open)| open.mode == WriterMode::Hot);
        let old: Vec<PartitionId> = hot.map(|(id, _)| *id).filter(is_old).collect();
        old.into_iter().try_for_each(|id| self.close_writer(id))
    }

    pub(super) fn start_seal(
        &mut self,
        id: PartitionId,
    ) -> Result<Option<FutureResult<Option<SegmentMeta>>>, StoreError> {
        self.write_waiting(id)?;
        self.close_writer(id)?;
        let directory = PartitionDirectory::of(&self.context.layout, id);
        let name = id.name(&self.context.tiers);
        let mut writer =
            PartitionWriter::open_to_seal(&directory, &name, self.context.settings.writer)?;
        let merge = writer.start_merge_all()?;
        self.writers.insert(id, OpenWriter::new(writer, WriterMode::Sealing));
        Ok(merge)
    }

    pub(super) fn finish_seal(&mut self, id: PartitionId) -> Result<(), StoreError> {
        if let Some(open) = self.writers.get(&id) {
            open.writer.collect_garbage()?;
        }
        self.close_writer(id)
    }

    /// Deletes selected records. Returns where the partition is now, if nothing of it is left.
    pub(super) fn delete_records(
        &mut self,
        id: PartitionId,
        selection: RecordSelection,
    ) -> Result<Option<PathBuf>, StoreError> {
        self.write_waiting(id)?;
        let context = Arc::clone(&self.context);
        let Some(partition) = context.catalogue.partition(id) else { return Ok(None) };
        let position = partition.position();
        let writer = &mut self.writer(id)?.writer;
        writer.delete(selection, position)?;
        context.releaser.sync_below(writer.below())?;
        writer.commit()?;
        context.catalogue.refresh(id)?;
        // The commit took up everything that was added, and the lock is still held.
        if partition.stats().records > 0 {
            return Ok(None);
        }
        self.drop_partition(id).map(Some)
    }
}

/// Records of one partition, with their numbers.
type Group<'b> = (PartitionId, Vec<(u64, EncodedRecord<'b>)>);

/// The records of a batch by lane.
struct Lanes<'b> {
    fresh: Vec<Group<'b>>,
    old: BTreeMap<PartitionId, Excerpt>,
}

/// Commits several partitions at once: each commit waits for its own indexing thread and for
/// its own fsyncs.
fn commit_side_by_side(
    dirty: &mut [(PartitionId, &mut PartitionWriter)],
    threads_max: usize,
) -> Result<(), StoreError> {
    for together in dirty.chunks_mut(threads_max.max(1)) {
        if let [(_, alone)] = together {
            alone.commit()?;
            continue;
        }
        std::thread::scope(|scope| -> Result<(), StoreError> {
            let commits: Vec<_> =
                together.iter_mut().map(|(_, writer)| scope.spawn(|| writer.commit())).collect();
            for commit in commits {
                commit.join().map_err(|_| StoreError::ThreadEnded("commit"))??;
            }
            Ok(())
        })?;
    }
    Ok(())
}
