//! Start: from whatever a crash left to a store that is whole.
//!
//! Order: lock, format stamp, empty the trash, read the partitions, open the WAL (which cuts a
//! torn tail), replay what the partitions do not have, commit. No step needs a hand.

use std::fs::{File, TryLockError};

use serde::{Deserialize, Serialize};
use tierlog_model::{Day, HeldBytes};

use crate::catalogue::Catalogue;
use crate::indexer::{Indexer, Replay};
use crate::layout::Layout;
use crate::maintenance::{empty_trash, quarantine};
use crate::wal::{AppliedBatch, Wal};
use crate::{PartitionId, StoreError, files};

const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Stamp {
    format: u32,
}

/// Takes the data directory for this process. The lock goes with the process, however it ends.
pub(crate) fn lock(layout: &Layout) -> Result<File, StoreError> {
    files::create_directory(layout.root())?;
    let path = layout.lock();
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(StoreError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(layout.root().to_owned())),
        Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &path)(error)),
    }
}

/// Refuses a directory of another format before anything in it is touched; stamps a new one.
pub(crate) fn check_stamp(layout: &Layout) -> Result<(), StoreError> {
    let path = layout.stamp();
    let stamp = match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice::<Stamp>(&bytes).map_err(|error| {
            StoreError::Malformed { path: path.clone(), problem: error.to_string() }
        })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let json = format!("{{\"format\": {FORMAT}}}\n");
            return files::write_atomically(&path, json.as_bytes());
        }
        Err(error) => return Err(StoreError::io("read", &path)(error)),
    };
    if stamp.format == FORMAT {
        return Ok(());
    }
    Err(StoreError::FormatVersion { path, found: stamp.format, expected: FORMAT })
}

/// What reading the partitions found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Number after the last record that any partition has.
    pub(crate) next_seq: u64,
    /// Partitions that could not be read and were put aside.
    pub(crate) quarantined: Vec<String>,
    /// Tiers on disk that the configuration does not name: kept, not searched, not dropped.
    pub(crate) unknown_tiers: Vec<String>,
}

/// Reads every partition directory into the catalogue.
pub(crate) fn load_partitions(layout: &Layout, catalogue: &Catalogue) -> Result<Found, StoreError> {
    files::create_directory(&layout.partitions())?;
    empty_trash(layout)?;
    let mut found = Found::default();
    for tier_name in files::list_names(&layout.partitions())? {
        let Some(tier) = catalogue.tiers().by_name(&tier_name) else {
            tracing::error!(tier = %tier_name, "tier on disk is not configured; its data is kept");
            found.unknown_tiers.push(tier_name);
            continue;
        };
        for day_name in files::list_names(&layout.partitions().join(&tier_name))? {
            let Ok(day) = day_name.parse::<Day>() else { continue };
            load_partition(layout, catalogue, PartitionId { tier, day }, &mut found)?;
        }
    }
    Ok(found)
}

fn load_partition(
    layout: &Layout,
    catalogue: &Catalogue,
    id: PartitionId,
    found: &mut Found,
) -> Result<(), StoreError> {
    let directory = layout.partition(id);
    if !directory.join("meta.json").exists() {
        // A crash between the making of the directory and of the index: no record is in it.
        let discard = std::fs::remove_dir_all(&directory);
        return discard.map_err(StoreError::io("remove", &directory));
    }
    let name = id.name(catalogue.tiers());
    match catalogue.load(id) {
        Ok(partition) => {
            found.next_seq = found.next_seq.max(partition.position());
            Ok(())
        }
        Err(error @ StoreError::FormatVersion { .. }) => Err(error),
        Err(error) => {
            catalogue.remove(id);
            tracing::error!(partition = %name, %error, "put aside partition that does not open");
            quarantine(layout, &directory, &name)?;
            found.quarantined.push(name);
            Ok(())
        }
    }
}

/// Gives the partitions what the WAL has and they have not. Returns how many records were read.
pub(crate) fn replay(wal: &Wal, indexer: &Indexer) -> Result<u64, StoreError> {
    let mut records = 0;
    for entry in wal.replay(0) {
        let (first_seq, batch) = entry?;
        records += u64::from(batch.record_count());
        let applied = AppliedBatch { first_seq, batch, held: HeldBytes::default() };
        indexer.apply(&applied, Replay::Yes)?;
    }
    indexer.commit()?;
    Ok(records)
}
