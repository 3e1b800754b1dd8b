//! What every fault is given: the server under torture, and how much of it.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::shim::Shim;

/// The server under torture and the tools around it.
#[derive(Debug)]
pub(crate) struct Rig {
    /// The program.
    pub(crate) server: PathBuf,
    /// The preloaded library, or the reason for its absence.
    pub(crate) shim: Result<Shim, String>,
    /// Which directories of trials stay.
    pub(crate) keep: Keep,
}

/// Trial directories to keep after their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// None.
    Nothing,
    /// Directories of trials with violations or without an end, and directories that trials were
    /// copied from.
    Broken,
}

impl Keep {
    /// Returns a new directory of a trial.
    pub(crate) fn directory(self) -> Result<TempDir> {
        let directory = TempDir::with_prefix("tierlog-torture-").context("make a directory");
        directory.map(|mut directory| {
            directory.disable_cleanup(self == Keep::Broken);
            directory
        })
    }
}

impl Rig {
    /// Returns a rig around a server.
    pub(crate) fn new(server: PathBuf) -> Rig {
        let shim = Shim::build().map_err(|error| format!("{error:#}"));
        Rig { server, shim, keep: Keep::Nothing }
    }
}

/// How much of a fault is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// The first seed; each further run takes the next.
    pub(crate) seed: u64,
    /// Runs at most.
    pub(crate) runs: u64,
    /// When to stop, whatever is left.
    pub(crate) until: Option<Instant>,
}

impl Effort {
    /// Returns the seeds of the runs, for as long as there is time.
    pub(crate) fn seeds(self) -> impl Iterator<Item = u64> {
        let seeds = self.seed..self.seed.saturating_add(self.runs);
        seeds.take_while(move |_| self.has_time())
    }

    /// Tells whether there is time left.
    pub(crate) fn has_time(self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}
