//! `clock.json`: what is believed of the time, kept across restarts.
//!
//! ```text
//! clock.json, clock.copy.json := {"belief", "uptime", "next_seq", "scales"}, with a checksum
//! ```
//!
//! Two files of the same content, written one after the other: without them the store would know
//! no more than the newest moment in its log. A file that is damaged is as good as none, and is
//! written anew at once.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tierlog_model::Uptime;

use super::guard::Belief;
use super::scales::Scales;
use crate::layout::Layout;
use crate::{StoreError, files};

/// The belief about the time, with its witnesses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    /// What is believed of the present.
    pub(super) belief: Belief,
    /// The uptime then.
    pub(super) uptime: Uptime,
    /// The number of the next record then: what the log has from it on was written later.
    pub(super) next_seq: u64,
    /// What records were dated by.
    pub(super) scales: Scales,
}

impl Memory {
    /// Reads what an earlier process has written down.
    pub(super) fn read(layout: &Layout) -> Option<Memory> {
        paths(layout).iter().find_map(|path| read(layout, path))
    }

    /// Writes it down.
    pub(super) fn write(&self, layout: &Layout) -> Result<(), StoreError> {
        for path in paths(layout) {
            let json = serde_json::to_vec(self).map_err(|error| StoreError::Malformed {
                path: path.clone(),
                problem: error.to_string(),
            })?;
            files::write_checked(layout.vfs(), &path, &json)?;
        }
        Ok(())
    }
}

fn paths(layout: &Layout) -> [PathBuf; 2] {
    [layout.clock(), layout.clock_copy()]
}

fn read(layout: &Layout, path: &Path) -> Option<Memory> {
    let malformed = |problem: String| StoreError::Malformed { path: path.to_owned(), problem };
    let read = files::read_checked(layout.vfs(), path).and_then(|json| {
        let memory = json.map(|json| serde_json::from_slice(&json)).transpose();
        memory.map_err(|error| malformed(error.to_string()))
    });
    read.unwrap_or_else(|error| {
        tracing::warn!(%error, "what was believed of the time does not read back");
        None
    })
}
