//! Which days went before their time, so that answers can say so.
//!
//! Days of a tier go oldest first, so the last one says it for all before it. The file is small
//! and only grows by tiers; a day whose time is over anyway says nothing new and is harmless.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tierlog_model::{Day, TierId, Tiers};

use crate::layout::Layout;
use crate::{PartitionId, StoreError, files};

/// What `early-drops.json` holds: the last dropped day by the name of its tier.
#[derive(Debug, Default, Serialize, Deserialize)]
struct EarlyFile {
    through: BTreeMap<String, Day>,
}

/// The last day of each tier that went early.
#[derive(Debug)]
pub(crate) struct EarlyDrops {
    layout: Layout,
    tiers: Tiers,
    file: Mutex<EarlyFile>,
}

impl EarlyDrops {
    /// Reads what went early before. A file that does not read back costs a hint in answers.
    pub(crate) fn open(layout: &Layout, tiers: &Tiers) -> EarlyDrops {
        let read = layout.vfs().read(&layout.early_drops());
        let file = read.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let file = Mutex::new(file.unwrap_or_default());
        EarlyDrops { layout: layout.clone(), tiers: tiers.clone(), file }
    }

    /// Returns the last day of a tier that went early.
    pub(crate) fn through(&self, tier: TierId) -> Option<Day> {
        self.lock().through.get(&self.tiers.policy(tier).name).copied()
    }

    /// Returns the last day of every tier that went early.
    pub(crate) fn all(&self) -> BTreeMap<String, Day> {
        self.lock().through.clone()
    }

    /// Remembers that a day goes early.
    pub(crate) fn add(&self, id: PartitionId) -> Result<(), StoreError> {
        let path = self.layout.early_drops();
        let mut file = self.lock();
        let name = self.tiers.policy(id.tier).name.clone();
        let through = file.through.entry(name).or_insert(id.day);
        *through = (*through).max(id.day);
        let json = serde_json::to_vec(&*file).map_err(|error| StoreError::Malformed {
            path: path.clone(),
            problem: error.to_string(),
        })?;
        files::write_atomically(self.layout.vfs(), &path, &json)
    }

    fn lock(&self) -> MutexGuard<'_, EarlyFile> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
