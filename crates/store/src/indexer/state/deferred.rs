//! Records of quiet partitions: they wait for the next commit, without a writer.
//!
//! 50 tenants that send a line a second each have two hundred partitions of today, and a dozen
//! writers may be open. If each line opened a writer and closed another, a line would cost a
//! commit, and leave a segment. So records that find no writer wait in memory, and a commit goes
//! through their partitions a few at a time: opens, fills, commits, merges and closes each.
//!
//! What never happens here: a commit calls waiting records durable. What is not committed is in the
//! log, and going back forgets it like the content of a writer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tierlog_model::{EncodedRecord, Excerpt};

use super::super::backlog::Gathered;
use super::super::context::Context;
use super::super::wait::wait_unless;
use super::{CHUNK_WAIT_MAX, IndexState, WriterMode};
use crate::partition::{
    PartitionDirectory, PartitionWriter, Uncommitted, WriterSettings, segments_to_merge,
};
use crate::wal::LoggedBatch;
use crate::{PartitionId, StoreError};

/// How long a writer is not used until another partition gets its place.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// Partitions that a commit goes through at once: each waits for its own syncs, and takes five
/// megabytes while it is filled.
const THREADS_MAX: usize = 8;

/// Bytes of records that wait for one commit and make a partition busy: it gets the writer of the
/// partition that was unused longest. Gathered in the time between two commits, that is a megabyte
/// in a second or two.
const BUSY_BYTES: usize = 256 << 10;

/// Memory of a writer: the least that the engine takes. A quiet partition brings little.
const WRITER_BYTES: usize = 15 << 20;

/// What became of the records of a partition.
struct Written {
    id: PartitionId,
    result: Result<(), StoreError>,
    /// What the commit was to hold; `None` when the partition did not open.
    uncommitted: Option<Uncommitted>,
}

impl IndexState {
    /// Tells whether records of a partition have to wait: no writer is open for it, and none may be
    /// opened. Behind a waiting record of the partition every later record waits too.
    pub(in super::super) fn must_wait(&self, id: PartitionId) -> bool {
        // Fast path: a partition that takes lines all the time.
        if self.writers.contains_key(&id) {
            return false;
        }
        self.deferred.contains_key(&id) || !self.has_room()
    }

    fn has_room(&self) -> bool {
        self.writers.len() < self.context.settings.open_writers_max
            || self.writers.values().any(|open| {
                open.mode == WriterMode::Hot
                    && open.writer.uncommitted_records() == 0
                    && open.last_used.elapsed() >= IDLE_TIME
            })
    }

    /// Lets records of a batch wait for the next commit.
    pub(super) fn defer(
        &mut self,
        id: PartitionId,
        batch: &LoggedBatch,
        records: &[(u64, EncodedRecord<'_>)],
    ) {
        let mut excerpt = Excerpt::of(&batch.batch);
        records.iter().for_each(|(number, record)| excerpt.push(*number, record));
        self.deferred.entry(id).or_default().push(excerpt);
    }

    /// Returns how many records of a partition wait, and the number after the last of them.
    pub(super) fn waiting_of(&self, id: PartitionId) -> (u64, u64) {
        let waiting = self.deferred.get(&id).into_iter().flatten();
        let records = waiting.flat_map(Excerpt::records).filter_map(Result::ok);
        records.fold((0, 0), |(count, below), (number, _)| (count + 1, below.max(number + 1)))
    }

    /// Indexes the waiting records of one partition, durably: a change of the partition is next.
    pub(super) fn write_waiting(&mut self, id: PartitionId) -> Result<(), StoreError> {
        let waiting = self.deferred.remove_entry(&id);
        waiting.map_or(Ok(()), |waiting| self.write_all(Gathered::from([waiting])))
    }

    /// Indexes everything that waits, durably.
    pub(super) fn commit_deferred(&mut self) -> Result<(), StoreError> {
        let deferred = std::mem::take(&mut self.deferred);
        if deferred.is_empty() {
            return Ok(());
        }
        let bytes = |excerpts: &Vec<Excerpt>| excerpts.iter().map(Excerpt::byte_len).sum::<usize>();
        let busy = deferred.iter().filter(|(_, excerpts)| bytes(excerpts) >= BUSY_BYTES);
        let busy: Vec<PartitionId> = busy.map(|(id, _)| *id).collect();
        self.write_all(deferred)?;
        // No open writer has anything uncommitted now.
        busy.into_iter().try_for_each(|id| self.writer(id).map(drop))
    }

    /// Indexes records, several partitions at once. The first failure ends it: then the lane goes
    /// back, and the log gives all of them again.
    fn write_all(&mut self, gathered: Gathered) -> Result<(), StoreError> {
        let threads = THREADS_MAX.min(self.context.settings.commit_threads_max).min(gathered.len());
        let context = self.context.as_ref();
        let ids: Vec<PartitionId> = gathered.keys().copied().collect();
        let queue = Mutex::new(gathered.into_iter());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || {
            let mut all = Vec::new();
            while let Some((id, excerpts)) = next() {
                let written = write(context, id, &excerpts);
                if written.result.is_err() {
                    // The other threads end after their current partition.
                    while next().is_some() {}
                }
                all.push(written);
            }
            all
        };
        let written = if threads <= 1 {
            Ok(work())
        } else {
            std::thread::scope(|scope| {
                let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
                let joined = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
                joined.collect::<Result<Vec<_>, _>>().map(|all| all.into_iter().flatten().collect())
            })
        };
        let Ok(written): Result<Vec<Written>, _> = written else {
            // What a panic has left nobody knows: each partition is looked at.
            self.in_doubt.extend(ids.into_iter().map(|id| (id, Uncommitted::default())));
            return Err(StoreError::ThreadEnded("commit"));
        };
        self.take_up(written)
    }

    fn take_up(&mut self, written: Vec<Written>) -> Result<(), StoreError> {
        let mut failed = None;
        for Written { id, result, uncommitted } in written {
            let Err(error) = result else { continue };
            if let Some(uncommitted) = uncommitted {
                // It may have been made and fail all the same.
                self.in_doubt.insert(id, uncommitted);
            } else if error.is_damage() {
                let name = id.name(&self.context.tiers);
                tracing::error!(partition = %name, %error, "damaged partition");
                self.put_aside(id)?;
                failed = failed.or(Some(StoreError::Quarantined(name)));
                continue;
            }
            failed = failed.or(Some(error));
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Opens a partition, adds records, commits, merges and closes it.
fn write(context: &Context, id: PartitionId, excerpts: &[Excerpt]) -> Written {
    let mut uncommitted = None;
    let result = try_to_write(context, id, excerpts, &mut uncommitted);
    Written { id, result, uncommitted }
}

fn try_to_write(
    context: &Context,
    id: PartitionId,
    excerpts: &[Excerpt],
    uncommitted: &mut Option<Uncommitted>,
) -> Result<(), StoreError> {
    let (directory, name) = (PartitionDirectory::of(&context.layout, id), id.name(&context.tiers));
    let settings = context.settings.writer;
    let memory_bytes = settings.memory_bytes.min(WRITER_BYTES);
    let settings = WriterSettings { memory_bytes, ..settings };
    // Damaged bytes may make the search engine panic.
    let open = || PartitionWriter::open(&directory, &name, settings);
    let opened = catch_unwind(AssertUnwindSafe(open));
    let mut writer = opened.unwrap_or_else(|_| {
        let problem = "opening it panicked".to_owned();
        Err(StoreError::Malformed { path: directory.path().to_owned(), problem })
    })?;
    // From here on no failure says that the partition does not open.
    *uncommitted = Some(Uncommitted::default());
    let records = excerpts.iter().flat_map(Excerpt::records).collect::<Result<Vec<_>, _>>()?;
    let mut rest = records.as_slice();
    while !rest.is_empty() {
        match context.chunks.take(CHUNK_WAIT_MAX) {
            Some(chunk) => rest = writer.add(chunk, rest)?,
            None => writer.check_alive()?,
        }
    }
    // ORDER: no index is ahead of the log, or what a power cut takes were not its end.
    context.releaser.sync_below(writer.below())?;
    *uncommitted = Some(writer.uncommitted());
    writer.commit()?;
    *uncommitted = Some(Uncommitted::default());
    context.catalogue.refresh(id)?;
    merge(context, id, &mut writer)
}

/// Merges small segments when there are many: nobody else has this writer open, or will.
fn merge(
    context: &Context,
    id: PartitionId,
    writer: &mut PartitionWriter,
) -> Result<(), StoreError> {
    let Some(partition) = context.catalogue.partition(id) else { return Ok(()) };
    let segments = segments_to_merge(partition.facts().segments());
    if segments.is_empty() {
        return Ok(());
    }
    match wait_unless(writer.start_merge(&segments), || context.stop.is_made()) {
        Some(Ok(_)) => {}
        // The segments are still listed, and searched: nothing is lost but the work. Damage is a
        // possible reason, and maintenance looks for damage.
        Some(Err(error)) => {
            tracing::warn!(partition = partition.name(), %error, "merge was left");
            context.catalogue.suspect(id);
        }
        None => return Ok(()),
    }
    context.catalogue.refresh(id)
}
