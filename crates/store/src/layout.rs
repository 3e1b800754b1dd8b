//! Where things lie in the data directory.
//!
//! ```text
//! LOCK                              held by the process that has the store open
//! tierlog.json                      {"format": 1}
//! wal/                              write-ahead log
//! partitions/<tier>/<yyyy-mm-dd>/   one tantivy index, and when sealed: seal.json, ids.filter
//! tombstones/<tier>.<yyyy-mm-dd>    {"position": n}: records before n were dropped
//! trash/                            dropped partitions on their way out
//! quarantine/                       what could not be read, put aside
//! ```

use std::path::{Path, PathBuf};

use tierlog_model::Tiers;

use crate::PartitionId;

/// Paths of one data directory.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
    tiers: Tiers,
}

impl Layout {
    pub(crate) fn new(root: PathBuf, tiers: Tiers) -> Layout {
        Layout { root, tiers }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("LOCK")
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
}
