//! Which days went before their time, so that answers can say so.
//!
//! Days of a tier go oldest first, so the last one says it for all before it. The file is small
//! and only grows by tiers; a day whose time is over anyway says nothing new and is harmless.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tierlog_model::{Day, Tenant, TierId, Tiers};

use crate::layout::Layout;
use crate::{PartitionId, StoreError, files};

/// The content of `early-drops.json`: the last dropped day by tenant and name of the tier.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct EarlyFile {
    through: BTreeMap<Tenant, BTreeMap<String, Day>>,
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
        let read = files::read_checked(layout.vfs(), &layout.early_drops());
        let file = read.ok().flatten().and_then(|json| serde_json::from_slice(&json).ok());
        let file = Mutex::new(file.unwrap_or_default());
        EarlyDrops { layout: layout.clone(), tiers: tiers.clone(), file }
    }

    /// Returns the last day of a tenant's tier that went early.
    pub(crate) fn through(&self, tenant: Tenant, tier: TierId) -> Option<Day> {
        self.lock().through.get(&tenant)?.get(&self.tiers.policy(tier).name).copied()
    }

    /// Returns the last day that went early, by tenant and tier.
    pub(crate) fn all(&self) -> BTreeMap<Tenant, BTreeMap<String, Day>> {
        self.lock().through.clone()
    }

    /// Remembers that a day goes early.
    pub(crate) fn add(&self, id: PartitionId) -> Result<(), StoreError> {
        let path = self.layout.early_drops();
        let mut file = self.lock();
        let mut next = file.clone();
        let name = self.tiers.policy(id.tier).name.clone();
        let through = next.through.entry(id.tenant).or_default().entry(name).or_insert(id.day);
        *through = (*through).max(id.day);
        let json = serde_json::to_vec(&next).map_err(|error| StoreError::Malformed {
            path: path.clone(),
            problem: error.to_string(),
        })?;
        files::write_checked(self.layout.vfs(), &path, &json)?;
        *file = next;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, EarlyFile> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use super::*;
    use crate::backend::{Crash, SimulatedVfs, Vfs as _};

    #[test]
    fn the_last_day_of_each_tier_is_remembered_over_a_crash() {
        let vfs = SimulatedVfs::new();
        vfs.create_dir_all(Path::new("/data")).expect("a directory");
        vfs.sync_dir(Path::new("/")).expect("synced");
        let tiers = Tiers::standard();
        let layout = Layout::new(Arc::new(vfs.clone()), PathBuf::from("/data"), tiers.clone());
        let [debug, info] = ["debug", "info"].map(|name| tiers.by_name(name).expect("a tier"));
        let day = |text: &str| text.parse::<Day>().expect("a day");
        let early = EarlyDrops::open(&layout, &tiers);
        assert_eq!((early.through(Tenant::DEFAULT, debug), early.all().len()), (None, 0));
        for (tier, text) in [
            (debug, "2026-11-03"),
            (debug, "2026-11-05"),
            (info, "2026-11-01"),
            (debug, "2026-11-04"),
        ] {
            early
                .add(PartitionId { tenant: Tenant::DEFAULT, tier, day: day(text) })
                .expect("durable");
        }
        vfs.crash(Crash::DropUnsynced);
        for early in [early, EarlyDrops::open(&layout, &tiers)] {
            assert_eq!(early.through(Tenant::DEFAULT, debug), Some(day("2026-11-05")));
            assert_eq!(early.through(Tenant::DEFAULT, info), Some(day("2026-11-01")));
            let all = early.all();
            let of_tenant = all.get(&Tenant::DEFAULT).expect("days of the tenant");
            let names: Vec<&String> = of_tenant.keys().collect();
            assert_eq!(names, ["debug", "info"]);
        }
        vfs.corrupt(&layout.early_drops(), |bytes| bytes.truncate(3)).expect("cut");
        assert!(EarlyDrops::open(&layout, &tiers).all().is_empty());
    }
}
