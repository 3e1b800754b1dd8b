//! The job: retention and compaction at start and then every interval.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tierlog_model::Clock;

use super::{CompactScope, Maintenance};

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
    clock: Arc<dyn Clock>,
    interval: Duration,
    grace: Duration,
) -> std::io::Result<MaintenanceThread> {
    let (stop, stopped) = sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("maintenance".to_owned())
        .spawn(move || run(&maintenance, clock.as_ref(), interval, grace, &stopped))?;
    Ok(MaintenanceThread { stop, thread })
}

fn run(
    maintenance: &Maintenance,
    clock: &dyn Clock,
    interval: Duration,
    grace: Duration,
    stopped: &Receiver<()>,
) {
    loop {
        // A step that fails is tried again at the next round: nothing of it was half done.
        if let Err(error) = maintenance.run_retention(clock.now()) {
            tracing::error!(%error, "retention stopped half way");
        }
        if let Err(error) = maintenance.compact(CompactScope::Settled(grace)) {
            tracing::error!(%error, "compaction stopped half way");
        }
        match stopped.recv_timeout(interval) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
