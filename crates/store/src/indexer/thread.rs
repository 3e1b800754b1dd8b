//! The thread that feeds the indexer from Q2 and commits in time.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Indexer, Replay};
use crate::StoreError;
use crate::wal::{AppliedBatch, WriteStateHandle};

/// Commits take at most one part in this many of the time: under load they come less often, so
/// that segments grow and merges stay few.
const COMMIT_TIME_SHARE: u32 = 4;

/// How long the thread sleeps when nothing is uncommitted and nothing arrives.
const IDLE_WAIT: Duration = Duration::from_secs(3600);

/// Starts the thread. It ends when Q2 is closed, after a last commit, or at the first error:
/// then the store refuses writes, and what was acked waits in the WAL for the next start.
pub(crate) fn spawn(
    indexer: Arc<Indexer>,
    queue: Receiver<AppliedBatch>,
    write_state: WriteStateHandle,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("indexer".to_owned()).spawn(move || {
        let end = EndOnDrop(&indexer);
        if let Err(error) = run(&indexer, &queue) {
            tracing::error!(%error, "indexing stopped; the store refuses writes");
            write_state.poison(&format!("indexing stopped: {error}"));
        }
        drop(end);
    })
}

/// Tells waiting threads even when this one panics.
struct EndOnDrop<'i>(&'i Indexer);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn run(indexer: &Indexer, queue: &Receiver<AppliedBatch>) -> Result<(), StoreError> {
    let mut commit_due: Option<Instant> = None;
    let mut last_commit = Duration::ZERO;
    loop {
        let wait =
            commit_due.map_or(IDLE_WAIT, |due| due.saturating_duration_since(Instant::now()));
        match queue.recv_timeout(wait) {
            Ok(batch) => {
                indexer.apply(&batch, Replay::No)?;
                let interval =
                    indexer.settings.commit_interval.max(last_commit * (COMMIT_TIME_SHARE - 1));
                commit_due.get_or_insert_with(|| Instant::now() + interval);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return indexer.commit(),
        }
        if commit_due.is_some_and(|due| due <= Instant::now()) {
            let started = Instant::now();
            indexer.commit()?;
            last_commit = started.elapsed();
            commit_due = None;
        }
    }
}
