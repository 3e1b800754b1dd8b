//! Where things lie in the data directory, which the process that has the store open has locked.
//!
//! ```text
//! tierlog.json                      {"format": 3}
//! wal/                              write-ahead log
//! partitions/<tenant>/<tier>/<yyyy-mm-dd>/
//!                                   one tantivy index, and when sealed: seal.json, ids.filter,
//!                                   minutes.counts
//! tombstones/<tenant>.<tier>.<yyyy-mm-dd>
//!                                   {"position": n}: records before n were dropped
//! trash/                            dropped partitions on their way out
//! quarantine/                       damaged entries, until their time is over
//! quarantine/acknowledged/          entries that an engineer has acknowledged
//! clock.json                        what retention believes of the clock
//! early-drops.json                  {"through": {"<tenant>": {"<tier>": day}}}: days that went
//!                                   before their time
//! replay.json                       dead letters that are being replayed
//! reserve                           room that is given up when the disk is full
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tierlog_model::{Tenant, Tiers};

use crate::backend::Vfs;
use crate::{PartitionId, StoreError, files};

/// A directory of days, as it lies on the disk: a tier of a tenant.
#[derive(Debug)]
pub(crate) struct DaysDirectory {
    pub(crate) tenant: Tenant,
    /// Name of the tier, which may not be configured.
    pub(crate) tier: String,
    pub(crate) path: PathBuf,
}

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

    pub(crate) fn partition(&self, id: PartitionId) -> PathBuf {
        self.partitions().join(id.name(&self.tiers))
    }

    /// Returns the directory that holds the days of the partition's tier.
    pub(crate) fn days_beside(&self, id: PartitionId) -> PathBuf {
        let mut days = self.partition(id);
        days.pop();
        days
    }

    /// Returns every directory of days, and the names in the place of a tenant that name none.
    pub(crate) fn days_directories(&self) -> Result<(Vec<DaysDirectory>, Vec<String>), StoreError> {
        let (mut found, mut strange) = (Vec::new(), Vec::new());
        for name in files::list_names(self.vfs(), &self.partitions())? {
            let Ok(tenant) = Tenant::define(&name) else {
                strange.push(name);
                continue;
            };
            let tiers = self.partitions().join(&name);
            for tier in files::list_names(self.vfs(), &tiers)? {
                let path = tiers.join(&tier);
                found.push(DaysDirectory { tenant, tier, path });
            }
        }
        Ok((found, strange))
    }

    pub(crate) fn tombstones(&self) -> PathBuf {
        self.root.join("tombstones")
    }

    pub(crate) fn tombstone(&self, id: PartitionId) -> PathBuf {
        self.tombstones().join(id.flat_name(&self.tiers))
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

    pub(crate) fn reserve(&self) -> PathBuf {
        self.root.join("reserve")
    }
}
