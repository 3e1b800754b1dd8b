//! The thread of the backfill lane.
//!
//! It waits until records of old days are pending, lets more of them come for a moment, and works
//! off what is there. It ends behind the fresh lane's thread, with everything indexed that a
//! moment is enough for; the rest waits in the WAL.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::super::Indexer;
use super::super::backlog::Lane;
use super::super::failure::guarded;
use super::super::phase::Event;
use super::super::supervise::{Lost, recover};
use super::{Pass, SupervisedBackfill};

/// Longest time for which records are gathered before a pass. A pass costs a partition the same
/// for one line as for a thousand, so a long one is followed by as long a wait; what a pass
/// brings is searchable after that wait and the next pass.
const GATHER_TIME_MAX: Duration = Duration::from_secs(5);

/// How much the lane's threads stand back when a core is wanted: live lines and searches first.
const NICENESS: i32 = 10;

/// Starts the thread.
pub(crate) fn spawn_backfill(indexer: Arc<Indexer>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("backfill".to_owned()).spawn(move || {
        // Threads started by the lane, threads of the search engine included, inherit the priority.
        // Without it the lane only takes more of the cores.
        if let Err(error) = rustix::process::nice(NICENESS) {
            tracing::debug!(%error, "the backfill lane runs at ordinary priority");
        }
        let end = EndOnDrop(&indexer);
        match run(&indexer) {
            Ok(()) => {}
            Err(Lost::Closing) => {
                tracing::info!("the store closes; the next start indexes the rest of the old days");
            }
            Err(Lost::Lasting(error)) => {
                tracing::error!(%error, "indexing of old days stopped; the store refuses writes");
                indexer.write_state().poison(&format!("indexing of old days stopped: {error}"));
            }
        }
        drop(end);
    })
}

/// Wakes waiting threads even when the lane's thread panics.
struct EndOnDrop<'i>(&'i Indexer);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.write_state().poison("backfill thread has panicked");
        }
        self.0.context.progress.note(Lane::Backfill, Event::Ends);
    }
}

fn run(indexer: &Indexer) -> Result<(), Lost> {
    let progress = &indexer.context.progress;
    let sink = SupervisedBackfill::new(indexer);
    let mut last_pass = Duration::ZERO;
    loop {
        if let Some(failure) = progress.stalled(Lane::Backfill) {
            recover(&sink, progress.positions().applied, &failure)?;
        }
        progress.await_pending();
        if progress.stalled(Lane::Backfill).is_some() {
            continue;
        }
        if !indexer.lock().backlog().has_unread() {
            let gather_time = indexer.context.settings.commit_interval.max(last_pass);
            progress.await_wish(gather_time.min(GATHER_TIME_MAX));
        }
        let has_ended = progress.has_ended(Lane::Fresh);
        let started = Instant::now();
        match guarded(|| indexer.backfill()) {
            Ok(Pass::Done) => last_pass = started.elapsed(),
            Ok(Pass::Idle) if has_ended => return Ok(()),
            Ok(Pass::Idle) => {}
            Ok(Pass::Left) => return Err(Lost::Closing),
            Err(failure) => recover(&sink, progress.positions().applied, &failure)?,
        }
    }
}
