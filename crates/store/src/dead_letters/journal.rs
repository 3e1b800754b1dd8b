//! The plan of a replay, durable before the replay begins.
//!
//! A replay sends letters under a batch id and takes them away once they are acknowledged. After a
//! kill, the repeated replay needs the id and the letters of the first attempt: the same letters
//! under the same id are stored once. `replay.json` says so, and is gone when nothing is under way.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tierlog_model::{Tenant, Timestamp};

use crate::format::FORMAT;
use crate::layout::Layout;
use crate::quarantine::quarantine;
use crate::{Store, StoreError, files};

/// Name of a damaged plan in quarantine.
const FILE_NAME: &str = "replay.json";

/// Letters that are being replayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingReplay {
    /// Version of this file.
    format: u32,
    /// Whose letters.
    pub tenant: Tenant,
    /// Name of the batch, as a client would give it.
    pub batch: String,
    /// When it was written.
    pub started: Timestamp,
    /// Numbers of the letters that are records now, ascending.
    pub letters: Vec<u64>,
}

impl PendingReplay {
    /// Returns the plan to send letters of a tenant under a name.
    pub fn new(
        tenant: Tenant,
        batch: String,
        started: Timestamp,
        letters: Vec<u64>,
    ) -> PendingReplay {
        PendingReplay { format: FORMAT, tenant, batch, started, letters }
    }
}

impl PendingReplay {
    /// Returns what a data directory says of a replay under way. A damaged plan goes into
    /// quarantine, and health says so: the letters are still there, and whoever replays them again
    /// may store some of them a second time.
    pub(crate) fn read(layout: &Layout) -> Result<Option<PendingReplay>, StoreError> {
        let path = layout.replay();
        let read = files::read_checked(layout.vfs(), &path).and_then(|json| {
            // The version was looked at when the store was opened.
            let parsed = json.map(|json| serde_json::from_slice(&json)).transpose();
            parsed.map_err(|error| malformed(&path, &error))
        });
        match read {
            Err(error) if error.is_damage() => {
                tracing::error!(%error, "the plan of a replay of dead letters is damaged");
                quarantine(layout, &path, FILE_NAME).map(|_| None)
            }
            read => read,
        }
    }

    /// Says it durably.
    pub(crate) fn write(&self, layout: &Layout) -> Result<(), StoreError> {
        let path = layout.replay();
        let json = serde_json::to_vec(self).map_err(|error| malformed(&path, &error))?;
        files::write_checked(layout.vfs(), &path, &json)
    }

    /// Says durably that nothing is being replayed any more.
    pub(crate) fn remove(layout: &Layout) -> Result<(), StoreError> {
        files::remove_file(layout.vfs(), &layout.replay())?;
        files::sync_directory(layout.vfs(), layout.root())
    }
}

impl Store {
    /// Returns the replay that was under way when an earlier process ended.
    pub fn pending_replay(&self) -> Result<Option<PendingReplay>, StoreError> {
        PendingReplay::read(self.layout())
    }

    /// Says durably what is about to be replayed.
    pub fn begin_replay(&self, pending: &PendingReplay) -> Result<(), StoreError> {
        pending.write(self.layout())
    }

    /// Says durably that nothing is being replayed any more.
    pub fn end_replay(&self) -> Result<(), StoreError> {
        PendingReplay::remove(self.layout())
    }
}

fn malformed(path: &std::path::Path, error: &serde_json::Error) -> StoreError {
    StoreError::Malformed { path: PathBuf::from(path), problem: error.to_string() }
}
