//! The only file that carries maintenance choices out, in an order that a crash cannot spoil.
//!
//! Expire: tombstone, rename into `trash/`, sync both directories, delete. A crash before the
//! rename leaves the partition whole, and the job drops it again; a crash after it leaves files
//! in `trash/`, which the next start empties.
//!
//! Seal: merge inside the index (tantivy replaces meta.json atomically), id filter, seal.json. A
//! crash in between leaves a partition without a seal, which is hot and is sealed again.

use std::fs;
use std::path::{Path, PathBuf};

use tierlog_model::Tiers;

use crate::catalogue::Catalogue;
use crate::indexer::Indexer;
use crate::layout::Layout;
use crate::partition::write_seal;
use crate::{PartitionId, StoreError, files};

/// Drops one partition.
pub(super) fn expire(indexer: &Indexer, id: PartitionId) -> Result<(), StoreError> {
    let trashed = indexer.drop_partition(id)?;
    delete(&trashed)
}

/// Moves the directory of a partition to the trash, durably. Returns where it is now.
pub(crate) fn move_to_trash(
    layout: &Layout,
    id: PartitionId,
    tiers: &Tiers,
) -> Result<PathBuf, StoreError> {
    let from = layout.partition(id);
    let trash = layout.trash();
    files::create_directory(&trash)?;
    let name = id.name(tiers).replace('/', ".");
    let to = free_name(&trash, &name);
    if from.exists() {
        fs::rename(&from, &to).map_err(StoreError::io("move", &from))?;
        files::sync_directory(&trash)?;
        files::sync_directory(&layout.tier(id))?;
    }
    Ok(to)
}

/// Puts a directory that cannot be read aside, durably. Returns where it is now.
pub(crate) fn quarantine(layout: &Layout, from: &Path, name: &str) -> Result<PathBuf, StoreError> {
    let quarantine = layout.quarantine();
    files::create_directory(&quarantine)?;
    let to = free_name(&quarantine, &name.replace('/', "."));
    fs::rename(from, &to).map_err(StoreError::io("move", from))?;
    files::sync_directory(&quarantine)?;
    from.parent().map_or(Ok(()), files::sync_directory)?;
    Ok(to)
}

/// Deletes what earlier runs moved to the trash.
pub(crate) fn empty_trash(layout: &Layout) -> Result<(), StoreError> {
    let trash = layout.trash();
    for name in files::list_names(&trash)? {
        delete(&trash.join(name))?;
    }
    Ok(())
}

fn delete(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        // Already gone, in whole or in part, by an earlier run: that is what we want.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::io("delete", path)(error)),
    }
}

/// Seals one partition. Returns its bytes afterwards.
pub(super) fn seal(
    indexer: &Indexer,
    catalogue: &Catalogue,
    id: PartitionId,
) -> Result<u64, StoreError> {
    indexer.merge_partition(id)?;
    let partition = catalogue
        .partition(id)
        .ok_or_else(|| StoreError::NoPartition(id.name(catalogue.tiers())))?;
    let searcher = partition.searcher()?;
    // Late records may have added segments meanwhile; the merged one is the largest.
    if let Some(segment) = searcher.segment_readers().iter().max_by_key(|segment| segment.max_doc())
    {
        write_seal(partition.directory(), segment)?;
    }
    partition.refresh()?;
    Ok(partition.stats().bytes)
}

/// Returns a path for the name that is not taken yet.
fn free_name(directory: &Path, name: &str) -> PathBuf {
    let numbered = |number: u32| directory.join(format!("{name}.{number}"));
    (0..u32::MAX).map(numbered).find(|path| !path.exists()).unwrap_or_else(|| numbered(u32::MAX))
}
