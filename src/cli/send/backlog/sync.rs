//! Syncs the spool: what was written leaves the kernel's memory, soon and for many lines at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::super::spool::Spool;
use super::Backlog;
use super::state::{Disk, State};

/// How long lines wait for company before they are synced. With their own sync, and a sync under
/// way before, lines are on disk within 50 ms of their read.
const SYNC_DELAY: Duration = Duration::from_millis(15);

/// How often the state is synced beside the lines. Lines that a power cut took from the spool are
/// sent again.
const STATE_EVERY: Duration = Duration::from_secs(1);

impl Backlog {
    /// Starts the thread that syncs, where there is a spool. It ends when the backlog is closed.
    pub(in super::super) fn keep_synced(self: &Arc<Backlog>) -> Result<()> {
        if self.lock().spool.is_none() {
            return Ok(());
        }
        let backlog = Arc::clone(self);
        std::thread::Builder::new()
            .name("sync spool".to_owned())
            .spawn(move || backlog.sync_until_closed())
            .context("start a thread that syncs the spool")?;
        Ok(())
    }

    fn sync_until_closed(&self) {
        let mut state_synced_at = Instant::now();
        while self.await_writes() {
            let (file, written) = {
                let state = self.lock();
                (state.spool.as_ref().and_then(Spool::last_file), state.written)
            };
            let synced = file.map_or(Ok(()), |file| file.sync_data());
            let mut state = self.lock();
            state.synced = written;
            if let Err(error) = synced {
                state.disk = Disk::Failed;
                self.notices.say(format!(
                    "the disk of the spool fails: {error}; lines wait in memory from now on"
                ));
            }
            if state_synced_at.elapsed() >= STATE_EVERY {
                state_synced_at = Instant::now();
                if let Some(Err(error)) = state.spool.as_mut().map(Spool::sync_state) {
                    self.notices.say(format!("the state of the spool cannot be synced: {error}"));
                }
            }
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Waits for lines, and a moment for their company. Tells whether there are some.
    fn await_writes(&self) -> bool {
        let is_idle = |state: &State| state.synced == state.written;
        let mut state = self.lock();
        while is_idle(&state) {
            if state.closed {
                return false;
            }
            state = self.wait(state, None);
        }
        let until = Instant::now() + SYNC_DELAY;
        while !state.hurry && !state.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.wait(state, Some(left));
        }
        true
    }
}
