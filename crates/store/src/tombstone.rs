//! Tombstones: how far the records of a dropped partition went.
//!
//! When a partition is dropped, some of its records may still be in the WAL, kept there for
//! other partitions. After a crash they would be replayed and part of the partition would come
//! back. A tombstone names the first record number that was not dropped; replay skips the ones
//! before it. It goes when the WAL has forgotten them too.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tierlog_model::Tiers;

use crate::layout::Layout;
use crate::quarantine::quarantine;
use crate::{PartitionId, StoreError, files};

/// The tombstones of a store, on disk and in memory.
#[derive(Debug)]
pub(crate) struct Tombstones {
    layout: Layout,
    positions: BTreeMap<PartitionId, u64>,
}

#[derive(Serialize, Deserialize)]
struct TombstoneFile {
    position: u64,
}

impl Tombstones {
    /// Reads the tombstones that are there, and returns the names of those that had to be put
    /// aside. No crash leaves one that does not read back, and a start must not hang on one that
    /// has rotted: what it held back has expired by the clock, or goes with the next retention.
    pub(crate) fn open(
        layout: &Layout,
        tiers: &Tiers,
    ) -> Result<(Tombstones, Vec<String>), StoreError> {
        let directory = layout.tombstones();
        files::create_directory(layout.vfs(), &directory)?;
        // ORDER: a killed process may have left one that is seen but not durable; it must be
        // before anybody relies on it.
        files::sync_directory(layout.vfs(), &directory)?;
        let mut positions = BTreeMap::new();
        let mut unreadable = Vec::new();
        for name in files::list_names(layout.vfs(), &directory)? {
            let Some((id, None)) = PartitionId::split_flat(&name, tiers) else { continue };
            let path = directory.join(&name);
            match read(layout, &path) {
                Ok(file) => {
                    positions.insert(id, file.position);
                }
                Err(error) if !error.is_damage() => return Err(error),
                Err(error) => {
                    tracing::error!(tombstone = %name, %error, "put aside unreadable tombstone");
                    let name = format!("tombstones/{name}");
                    quarantine(layout, &path, &name)?;
                    unreadable.push(name);
                }
            }
        }
        Ok((Tombstones { layout: layout.clone(), positions }, unreadable))
    }

    /// Returns the first record number of a partition that was not dropped.
    pub(crate) fn position(&self, id: PartitionId) -> u64 {
        self.positions.get(&id).copied().unwrap_or(0)
    }

    /// Tells whether a partition that has everything below a position was dropped with all of it.
    pub(crate) fn cover(&self, id: PartitionId, position: u64) -> bool {
        self.positions.get(&id).is_some_and(|dropped| position <= *dropped)
    }

    /// Returns the highest position of all: no new record may have a number below it.
    pub(crate) fn highest(&self) -> u64 {
        self.positions.values().copied().max().unwrap_or(0)
    }

    /// Says durably that the records of a partition below a position are dropped.
    pub(crate) fn add(&mut self, id: PartitionId, position: u64) -> Result<(), StoreError> {
        let path = self.layout.tombstone(id);
        let json = serde_json::to_vec(&TombstoneFile { position }).map_err(|error| {
            StoreError::Malformed { path: path.clone(), problem: error.to_string() }
        })?;
        files::write_checked(self.layout.vfs(), &path, &json)?;
        self.positions.insert(id, position);
        Ok(())
    }

    /// Removes the tombstones of records that the WAL no longer has.
    pub(crate) fn release_before(&mut self, first_in_wal: u64) -> Result<(), StoreError> {
        let done: Vec<PartitionId> = self
            .positions
            .iter()
            .filter(|(_, position)| **position <= first_in_wal)
            .map(|(id, _)| *id)
            .collect();
        for id in done {
            let path = self.layout.tombstone(id);
            files::remove_file(self.layout.vfs(), &path)?;
            self.positions.remove(&id);
        }
        Ok(())
    }
}

fn read(layout: &Layout, path: &Path) -> Result<TombstoneFile, StoreError> {
    let malformed = |problem| StoreError::Malformed { path: path.to_owned(), problem };
    let json =
        files::read_checked(layout.vfs(), path)?.ok_or_else(|| malformed("has gone".to_owned()))?;
    serde_json::from_slice(&json).map_err(|error| malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use tierlog_model::Tenant;

    use super::*;
    use crate::backend::{Crash, SimulatedVfs, Vfs as _};

    fn open(vfs: &SimulatedVfs) -> Tombstones {
        let tiers = Tiers::standard();
        let layout = Layout::new(Arc::new(vfs.clone()), PathBuf::from("/data"), tiers.clone());
        Tombstones::open(&layout, &tiers).expect("readable").0
    }

    fn id(tier: &str, day: &str) -> PartitionId {
        let tier = Tiers::standard().by_name(tier).expect("a tier");
        PartitionId { tenant: Tenant::DEFAULT, tier, day: day.parse().expect("a day") }
    }

    #[test]
    fn one_stays_as_long_as_the_log_has_a_record_that_it_holds_back() {
        let vfs = SimulatedVfs::new();
        vfs.create_dir_all(Path::new("/data")).expect("a directory");
        vfs.sync_dir(Path::new("/")).expect("synced");
        let (early, late) = (id("debug", "2026-11-01"), id("info", "2026-11-01"));
        let mut tombstones = open(&vfs);
        assert_eq!((tombstones.position(early), tombstones.highest()), (0, 0));
        assert!(!tombstones.cover(early, 0));
        tombstones.add(late, 20).expect("durable");
        tombstones.add(early, 10).expect("durable");
        for _ in 0..2 {
            assert_eq!((tombstones.position(early), tombstones.position(late)), (10, 20));
            assert_eq!(tombstones.highest(), 20);
            assert!(tombstones.cover(early, 10) && !tombstones.cover(early, 11));
            assert!(!tombstones.cover(id("debug", "2026-11-02"), 0));
            drop(tombstones);
            vfs.crash(Crash::DropUnsynced);
            tombstones = open(&vfs);
        }
        // The log still has record 9, then not any more.
        tombstones.release_before(9).expect("released");
        assert_eq!(tombstones.position(early), 10);
        tombstones.release_before(10).expect("released");
        for _ in 0..2 {
            assert_eq!((tombstones.position(early), tombstones.position(late)), (0, 20));
            tombstones = open(&vfs);
        }
    }
}
