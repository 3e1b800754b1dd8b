//! The backfill lane: records of old days, a partition at a time.
//!
//! A pass takes what waits, or a window of the log, of which as much as may be in memory is read
//! at a time, sorted by partition. Each partition is lent, opened, filled, committed and closed
//! by one of a few threads, without the indexer's lock: fresh records are indexed meanwhile. When
//! a pass fails, everything that is not committed is read again from the log, as in the fresh
//! lane; a partition's position says which of its records are indexed already.
//!
//! What never happens here: a partition is left with records that are not committed.

mod borrowed;
mod sink;
mod thread;
mod window;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tierlog_model::{Excerpt, metric_names};

use self::borrowed::Borrowed;
pub(super) use self::sink::SupervisedBackfill;
pub(crate) use self::thread::spawn_backfill;
use super::Indexer;
use super::backlog::{Gathered, Lane, Work};
use super::state::IndexState;
use crate::{PartitionId, StoreError};

/// Partitions that a pass works on at once, besides the settings' bound. A partition of a year in
/// random order takes 20 ms of CPU in a window and waits for a dozen syncs of 4 ms, so four keep
/// one core of two busy; each has a writer of 15 MB.
const THREADS_MAX: usize = 4;

/// How long a store that closes goes on with a pass: what is left then costs the next start more
/// than the end of this one.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(2);

/// What a pass came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// There was nothing to do.
    Idle,
    /// All of its records are committed.
    Done,
    /// The store is about to close: the rest waits in the WAL.
    Left,
}

impl Indexer {
    /// Indexes what waits for the backfill lane, as far as one pass goes.
    pub(crate) fn backfill(&self) -> Result<Pass, StoreError> {
        let step = self.context.progress.begin_step(Lane::Backfill)?;
        let work = self.lock().backlog().take();
        let Some(work) = work else { return step.end(Ok(Pass::Idle)) };
        step.end(self.work_off(work))
    }

    fn work_off(&self, work: Work) -> Result<Pass, StoreError> {
        let pass = match work {
            Work::Waiting(gathered) => self.index_gathered(gathered)?,
            Work::Unread(range) => self.index_window(range)?,
        };
        if pass == Pass::Left {
            return Ok(Pass::Left);
        }
        let mut state = self.lock_unless_stalled()?;
        state.backlog().finish();
        self.publish_backlog(&mut state);
        state.release()?;
        state.finish_rebuilds()?;
        Ok(Pass::Done)
    }

    /// Takes the lock, unless the lane has to go back: then nothing that a pass has read or
    /// committed says what is pending.
    fn lock_unless_stalled(&self) -> Result<MutexGuard<'_, IndexState>, StoreError> {
        let state = self.lock();
        self.refuse_stalled_backfill()?;
        Ok(state)
    }

    fn refuse_stalled_backfill(&self) -> Result<(), StoreError> {
        let failure = self.context.progress.stalled(Lane::Backfill);
        failure.map_or(Ok(()), |failure| Err(failure.refusal()))
    }

    /// Indexes gathered records, several partitions at once. The first failure ends it.
    pub(super) fn index_gathered(&self, gathered: Gathered) -> Result<Pass, StoreError> {
        let threads = self.context.settings.commit_threads_max.min(THREADS_MAX).min(gathered.len());
        let queue = Mutex::new(gathered.into_iter());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || -> Result<Pass, StoreError> {
            while let Some((id, excerpts)) = next() {
                if self.context.stop.has_lasted(CLOSE_TIME_MAX) {
                    return Ok(Pass::Left);
                }
                if let Err(error) = self.index_partition(id, &excerpts) {
                    // The other threads end after their current partition.
                    while next().is_some() {}
                    return Err(error);
                }
            }
            Ok(Pass::Done)
        };
        if threads <= 1 {
            return work();
        }
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let mut whole = Ok(Pass::Done);
            for worker in workers {
                match worker.join().map_err(|_| StoreError::ThreadEnded("backfill")).flatten() {
                    Ok(Pass::Done | Pass::Idle) => {}
                    Ok(Pass::Left) => whole = whole.and(Ok(Pass::Left)),
                    Err(error) => whole = whole.and(Err(error)),
                }
            }
            whole
        })
    }

    /// Adds records to their partition and commits.
    fn index_partition(&self, id: PartitionId, excerpts: &[Excerpt]) -> Result<(), StoreError> {
        let context = &self.context;
        let mut records = Vec::new();
        for record in excerpts.iter().flat_map(Excerpt::records) {
            records.push(record?);
        }
        if context.clock.is_over(id) {
            metrics::counter!(metric_names::REPLAY_EXPIRED).increment(records.len() as u64);
            return Ok(());
        }
        let mut borrowed = Borrowed::new(self, id)?;
        let indexed = match context.catalogue.partition(id) {
            Some(partition) => {
                if !borrowed.lent().is_synced {
                    // ORDER: a killed process may have committed what is seen and not durable;
                    // it must be before the WAL forgets the records.
                    partition.directory().sync()?;
                }
                partition.position()
            }
            None => 0,
        };
        let dropped = borrowed.lent().dropped;
        self.lock().count_read_again(id, dropped, &records);
        records.retain(|(seq, _)| *seq >= indexed && *seq >= dropped);
        if !records.is_empty() {
            borrowed.index(&records)?;
            borrowed.merge()?;
        }
        borrowed.give_back();
        Ok(())
    }

    /// Publishes the state of the backlog.
    fn publish_backlog(&self, state: &mut IndexState) {
        self.context.progress.move_to(|positions| state.backlog().publish(positions));
    }

    fn rewind_backfill(&self) -> Result<u64, StoreError> {
        let mut state = self.lock();
        let from = state.rewind_backfill()?;
        self.publish_backlog(&mut state);
        Ok(from)
    }

    /// Notes that all records of old days before a number are committed, read from the log.
    fn end_reading(&self, until: u64) -> Result<(), StoreError> {
        let mut state = self.lock_unless_stalled()?;
        state.backlog().note_read(until);
        state.backlog().finish();
        self.publish_backlog(&mut state);
        state.release()?;
        state.finish_rebuilds()
    }
}
