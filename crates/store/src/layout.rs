//! Where things lie in the data directory, which the process that has the store open has locked.
//!
//! ```text
//! tierlog.json                      {"format": 2}
//! wal/                              write-ahead log
//! partitions/<tier>/<yyyy-mm-dd>/   one tantivy index, and when sealed: seal.json, ids.filter,
//!                                   minutes.counts
//! tombstones/<tier>.<yyyy-mm-dd>    {"position": n}: records before n were dropped
//! trash/                            dropped partitions on their way out
//! quarantine/                       what could not be read, until its time is over
//! quarantine/acknowledged/          what somebody knows of
//! clock.json                        what retention believes of the clock
//! early-drops.json                  {"through": {"<tier>": day}}: days that went before their time
//! replay.json                       dead letters that are being replayed
//! clean-stop                        the last stop was an orderly one; gone while the store is open
//! reserve                           room that is given up when the disk is full
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tierlog_model::Tiers;

use crate::PartitionId;
use crate::backend::Vfs;
use crate::partition::PartitionDirectory;

/// Paths of one data directory, and the file system that it is on.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    vfs: Arc<dyn Vfs>,
    root: PathBuf,
    tiers: Tiers,
}

impl Layout {
    pub(crate) fn new(vfs: Arc<dyn Vfs>, root: PathBuf, tiers: Tiers) -> Layout {
        Layout { vfs, root, tiers }
    }

    pub(crate) fn vfs(&self) -> &dyn Vfs {
        self.vfs.as_ref()
    }

    pub(crate) fn shared_vfs(&self) -> Arc<dyn Vfs> {
        Arc::clone(&self.vfs)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn stamp(&self) -> PathBuf {
        self.root.join("tierlog.json")
    }

    pub(crate) fn partitions(&self) -> PathBuf {
        self.root.join("partitions")
    }

    pub(crate) fn tier(&self, id: PartitionId) -> PathBuf {
        self.partitions().join(&self.tiers.policy(id.tier).name)
    }

    pub(crate) fn partition(&self, id: PartitionId) -> PathBuf {
        self.tier(id).join(id.day.to_string())
    }

    pub(crate) fn directory(&self, id: PartitionId) -> PartitionDirectory {
        PartitionDirectory::new(self.shared_vfs(), self.partition(id))
    }

    pub(crate) fn tombstones(&self) -> PathBuf {
        self.root.join("tombstones")
    }

    pub(crate) fn tombstone(&self, id: PartitionId) -> PathBuf {
        self.tombstones().join(format!("{}.{}", self.tiers.policy(id.tier).name, id.day))
    }

    pub(crate) fn trash(&self) -> PathBuf {
        self.root.join("trash")
    }

    pub(crate) fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    pub(crate) fn clock(&self) -> PathBuf {
        self.root.join("clock.json")
    }

    pub(crate) fn clock_copy(&self) -> PathBuf {
        self.root.join("clock.copy.json")
    }

    pub(crate) fn early_drops(&self) -> PathBuf {
        self.root.join("early-drops.json")
    }

    pub(crate) fn replay(&self) -> PathBuf {
        self.root.join("replay.json")
    }

    pub(crate) fn clean_stop(&self) -> PathBuf {
        self.root.join("clean-stop")
    }

    pub(crate) fn reserve(&self) -> PathBuf {
        self.root.join("reserve")
    }
}
