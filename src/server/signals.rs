//! SIGTERM and SIGINT: the first asks the server to stop, the second ends the process. SIGHUP: the
//! configuration is read again.

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Exit code of a process that a second signal ended: 128 and the number of SIGTERM.
const ENDED: i32 = 128 + 15;

/// The signal that asks the server to read its configuration again.
#[derive(Debug)]
pub(crate) struct ReloadSignal(Signal);

impl ReloadSignal {
    /// Takes SIGHUP over from the system, whose answer to it is death.
    pub(crate) fn new() -> Result<ReloadSignal> {
        Ok(ReloadSignal(signal(SignalKind::hangup()).context("listen for SIGHUP")?))
    }

    /// Waits for the next one. Cancel-safe.
    pub(crate) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// The signals that ask the server to stop.
#[derive(Debug)]
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Takes the signals over from the system, whose answer to them is death.
    pub(crate) fn new() -> Result<StopSignals> {
        Ok(StopSignals {
            terminate: signal(SignalKind::terminate()).context("listen for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("listen for SIGINT")?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Ends the process at the next one. What was acked is in the WAL.
    pub(crate) fn exit_on_next(mut self) {
        tokio::spawn(async move {
            self.next().await;
            tracing::warn!("second signal, exit at once");
            std::process::exit(ENDED);
        });
    }
}
