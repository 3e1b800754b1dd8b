//! The thread that feeds the indexer from Q2 and commits in time.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::backlog::Lane;
use super::failure::{Failure, guarded};
use super::sink::SupervisedIndexer;
use super::supervise::{Lost, follow, recover};
use super::{Indexer, Replay};
use crate::wal::LoggedBatch;

/// Commits take at most one part in this many of the time: under load they come less often, so
/// that segments grow and merges stay few.
const COMMIT_TIME_SHARE: u32 = 4;

/// Longest pause before a commit that the share of time asks for. A commit through a hundred quiet
/// partitions takes a second or more, most of it for syncs, and lines are to be searchable within
/// five.
const COMMIT_PAUSE_MAX: Duration = Duration::from_secs(2);

/// Encoded records after which a commit comes early. The bound is that of the writers of all
/// partitions together (an index being built takes three times the bytes of its records), and
/// what a start after a crash has to index again: this and what waits in Q2, less than a second's
/// work. At full speed it is what arrives in 0.6 s.
pub(crate) const UNCOMMITTED_BYTES_MAX: usize = 24 << 20;

/// How often the thread looks whether somebody else's step has failed: maintenance commits too.
/// What the writers have lost then is read again, whether or not lines arrive.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What a start did not index of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// Number of the first record that was not looked at.
    pub(crate) from: u64,
    /// Number after the last record that the log had then.
    pub(crate) until: u64,
    /// Why it was left.
    pub(crate) why: LeftBy,
}

/// Why a start did not index all of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftBy {
    /// It would have taken too long.
    Time,
    /// It failed.
    Failure,
}

/// Starts the thread. It ends when Q2 is closed, after a last commit, or when nothing helps any
/// more: then the store refuses writes, and what was acked waits in the WAL for the next start.
pub(crate) fn spawn(
    indexer: Arc<Indexer>,
    queue: Receiver<LoggedBatch>,
    left: Option<Left>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("indexer".to_owned()).spawn(move || {
        let end = EndOnDrop(&indexer);
        match run(&indexer, &queue, left) {
            Ok(()) => {}
            // What comes now waits in the WAL: the senders have their acks and need no answer.
            Err(Lost::Closing) => {
                tracing::info!("the store closes; the next start indexes the rest of the log");
                while queue.recv().is_ok() {}
            }
            Err(Lost::Lasting(error)) => {
                tracing::error!(%error, "indexing stopped; the store refuses writes");
                indexer.write_state().poison(&format!("indexing stopped: {error}"));
            }
        }
        drop(end);
    })
}

/// Tells waiting threads even when this one panics.
struct EndOnDrop<'i>(&'i Indexer);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.write_state().poison("indexer thread has panicked");
        }
        self.0.end();
    }
}

fn run(indexer: &Indexer, queue: &Receiver<LoggedBatch>, left: Option<Left>) -> Result<(), Lost> {
    let sink = SupervisedIndexer(indexer);
    // Number after the last record that was taken from the queue.
    let mut taken =
        left.map_or_else(|| indexer.context.progress.positions().applied, |left| left.until);
    match left.map(|left| left.why) {
        None => {}
        Some(LeftBy::Time) => follow(&sink, taken)?,
        Some(LeftBy::Failure) => {
            let why = Failure::Broken("the start could not index all".to_owned());
            recover(&sink, taken, &why)?;
        }
    }
    let mut commit_due: Option<Instant> = None;
    let mut last_commit = Duration::ZERO;
    let mut uncommitted_bytes = 0;
    loop {
        if let Some(failure) = indexer.context.progress.stalled(Lane::Fresh) {
            recover(&sink, taken, &failure)?;
        }
        let wait = commit_due
            .map_or(LOOK_INTERVAL, |due| due.saturating_duration_since(Instant::now()))
            .min(LOOK_INTERVAL);
        match next(indexer, queue, wait) {
            Ok(batch) => {
                taken = batch.range().end;
                if let Err(failure) = guarded(|| indexer.apply(&batch, Replay::No)) {
                    recover(&sink, taken, &failure)?;
                }
                let interval = indexer
                    .context
                    .settings
                    .commit_interval
                    .max((last_commit * (COMMIT_TIME_SHARE - 1)).min(COMMIT_PAUSE_MAX));
                let due = commit_due.get_or_insert_with(|| Instant::now() + interval);
                uncommitted_bytes += batch.batch.bytes().len();
                if uncommitted_bytes >= UNCOMMITTED_BYTES_MAX {
                    *due = Instant::now();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let Err(failure) = guarded(|| indexer.commit()) else { return Ok(()) };
                return recover(&sink, taken, &failure);
            }
        }
        if commit_due.is_some_and(|due| due <= Instant::now()) {
            let started = Instant::now();
            if let Err(failure) = guarded(|| indexer.commit()) {
                recover(&sink, taken, &failure)?;
            }
            last_commit = started.elapsed();
            commit_due = None;
            uncommitted_bytes = 0;
        }
    }
}

/// Waits for the next batch, and takes none while too much of the log waits for the backfill lane.
fn next(
    indexer: &Indexer,
    queue: &Receiver<LoggedBatch>,
    wait: Duration,
) -> Result<LoggedBatch, RecvTimeoutError> {
    let context = &indexer.context;
    let is_pending = context.progress.positions().pending_from.is_some();
    let segments_max = context.settings.backlog_segments_max;
    if is_pending && context.releaser.segment_count() > segments_max && !indexer.is_stopping() {
        context.progress.await_change(wait);
        return Err(RecvTimeoutError::Timeout);
    }
    queue.recv_timeout(wait)
}
