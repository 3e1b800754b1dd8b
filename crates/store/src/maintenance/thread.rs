//! The job: retention, trimming and compaction at start and then every interval; a look at the
//! free room every second.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{CompactScope, Maintenance};
use crate::StoreError;

/// How often the free room is looked at: a disk takes a gigabyte in a few seconds, and a look is
/// one system call.
const ROOM_INTERVAL: Duration = Duration::from_secs(1);

/// The running job. Dropping it asks the thread to end; [`MaintenanceThread::stop`] also waits.
#[derive(Debug)]
pub(crate) struct MaintenanceThread {
    stop: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl MaintenanceThread {
    /// Ends the job after the step under way.
    pub(crate) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("maintenance thread panicked");
        }
    }

    /// Tells whether the thread still runs.
    pub(crate) fn is_alive(&self) -> bool {
        !self.thread.is_finished()
    }
}

/// Starts the job.
pub(crate) fn spawn(
    maintenance: Arc<Maintenance>,
    interval: Duration,
    grace: Duration,
) -> std::io::Result<MaintenanceThread> {
    let (stop, stopped) = sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("maintenance".to_owned())
        .spawn(move || run(&maintenance, interval, grace, &stopped))?;
    Ok(MaintenanceThread { stop, thread })
}

fn run(maintenance: &Maintenance, interval: Duration, grace: Duration, stopped: &Receiver<()>) {
    let mut round_due = Instant::now();
    loop {
        // Before retention: what is expired goes first, and may be enough.
        if round_due <= Instant::now() {
            round(maintenance, grace);
            attempt("scrub", || maintenance.scrub(interval));
            round_due = Instant::now() + interval;
        }
        attempt("make room", || maintenance.relieve().map(drop));
        attempt("look at what could not be read", || maintenance.check_suspects());
        let wait = round_due.saturating_duration_since(Instant::now()).min(ROOM_INTERVAL);
        match stopped.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn round(maintenance: &Maintenance, grace: Duration) {
    let now = maintenance.clock().oldest_present();
    attempt("retention", || maintenance.run_retention(now).map(drop));
    attempt("trimming", || maintenance.trim());
    attempt("compaction", || maintenance.compact(CompactScope::Settled(grace)).map(drop));
}

/// A step that fails is tried again at the next round: nothing of it was half done. One that
/// panics must not end the job, or nothing would ever be dropped again.
fn attempt(step: &str, work: impl FnOnce() -> Result<(), StoreError>) {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(step, %error, "maintenance stopped half way"),
        Err(_) => tracing::error!(step, "maintenance panicked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_panics_does_not_end_the_job() {
        attempt("test", || unreachable!("a step"));
        attempt("test", || Err(StoreError::ThreadEnded("test")));
    }
}
