//! SIGINT, SIGTERM and SIGHUP: the first lets what was read be sent, the second ends at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Whether and when the process was asked to stop.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop {
    asked: Arc<AtomicBool>,
    at: Arc<Mutex<Option<Instant>>>,
}

impl Stop {
    /// Returns since when it is asked to stop.
    pub(super) fn since(&self) -> Option<Duration> {
        // Fast path: asked for at every read.
        if !self.asked.load(Ordering::Acquire) {
            return None;
        }
        let at = *self.at.lock().unwrap_or_else(PoisonError::into_inner);
        at.map(|at| at.elapsed())
    }

    /// Asks the process to stop.
    pub(super) fn ask(&self) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.asked.store(true, Ordering::Release);
    }

    /// Takes the signals over from the system, whose answer to them is death. `woken` hears of the
    /// first; `ended` says what there is to say at the second, after which the process ends.
    pub(super) fn listen(
        &self,
        woken: impl Fn() + Send + 'static,
        ended: impl Fn() + Send + 'static,
    ) -> Result<()> {
        let stop = self.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .context("start a runtime for signals")?;
        let mut signals = {
            let _inside = runtime.enter();
            Signals::new()?
        };
        let wait = move || {
            runtime.block_on(signals.next());
            stop.ask();
            woken();
            let number = runtime.block_on(signals.next());
            ended();
            std::process::exit(128 + number);
        };
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(wait)
            .context("start a thread that waits for signals")?;
        Ok(())
    }
}

/// The signals that ask the sender to stop. A signal that is ignored at the start stays ignored: a
/// shell ignores SIGINT for background jobs, `nohup` ignores SIGHUP.
struct Signals {
    hangup: Option<Signal>,
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl Signals {
    fn new() -> Result<Signals> {
        let ignored = ignored_signals();
        let listen = |kind: SignalKind| -> Result<Option<Signal>> {
            let number = kind.as_raw_value();
            if ignored & (1 << (number - 1)) != 0 {
                return Ok(None);
            }
            signal(kind).map(Some).context("listen for signals")
        };
        Ok(Signals {
            hangup: listen(SignalKind::hangup())?,
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for the next signal and returns its number.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            () = received(&mut self.hangup) => SignalKind::hangup().as_raw_value(),
            () = received(&mut self.interrupt) => SignalKind::interrupt().as_raw_value(),
            () = received(&mut self.terminate) => SignalKind::terminate().as_raw_value(),
        }
    }
}

/// Waits for a signal, for ever when it is ignored. Cancel-safe.
async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Returns the signals that are ignored, a bit each; none where the system does not say.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0)
}
