//! The only file that carries maintenance choices out, in an order that a crash cannot spoil.
//!
//! Expire: tombstone, rename into `trash/`, sync both directories, delete. After a crash the next
//! start finishes what the tombstone says, and empties `trash/`.
//!
//! Seal: merge inside the index (tantivy replaces meta.json atomically), id filter, seal.json. A
//! crash in between leaves a partition without a seal, which is hot and is sealed again.

use std::io;
use std::path::{Path, PathBuf};

use tierlog_model::Tiers;

use crate::catalogue::Catalogue;
use crate::indexer::Indexer;
use crate::layout::Layout;
use crate::partition::write_seal;
use crate::{PartitionId, StoreError, files};

/// Drops one partition.
pub(super) fn expire(
    indexer: &Indexer,
    layout: &Layout,
    id: PartitionId,
) -> Result<(), StoreError> {
    let trashed = indexer.drop_partition(id)?;
    delete(layout, &trashed)
}

/// Moves the directory of a partition to the trash, durably. Returns where it is now.
pub(crate) fn move_to_trash(
    layout: &Layout,
    id: PartitionId,
    tiers: &Tiers,
) -> Result<PathBuf, StoreError> {
    let from = layout.partition(id);
    let trash = layout.trash();
    files::create_directory(layout.vfs(), &trash)?;
    let name = id.name(tiers).replace('/', ".");
    let to = free_name(layout, &trash, &name)?;
    match layout.vfs().rename(&from, &to) {
        Ok(()) => {}
        // It never came to the disk, or an earlier try got this far.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::io("move", &from)(error)),
    }
    files::sync_directory(layout.vfs(), &trash)?;
    files::sync_directory(layout.vfs(), &layout.tier(id))?;
    Ok(to)
}

/// Puts a directory that cannot be read aside, durably. Returns where it is now.
pub(crate) fn quarantine(layout: &Layout, from: &Path, name: &str) -> Result<PathBuf, StoreError> {
    let quarantine = layout.quarantine();
    files::create_directory(layout.vfs(), &quarantine)?;
    let to = free_name(layout, &quarantine, &name.replace('/', "."))?;
    layout.vfs().rename(from, &to).map_err(StoreError::io("move", from))?;
    files::sync_directory(layout.vfs(), &quarantine)?;
    from.parent().map_or(Ok(()), |parent| files::sync_directory(layout.vfs(), parent))?;
    Ok(to)
}

/// Deletes what earlier runs moved to the trash. What stays is tried again at the next start.
pub(crate) fn empty_trash(layout: &Layout) {
    let trash = layout.trash();
    let emptied = files::list_names(layout.vfs(), &trash)
        .and_then(|names| names.iter().try_for_each(|name| delete(layout, &trash.join(name))));
    if let Err(error) = emptied {
        tracing::warn!(%error, "leave dropped partition in the trash");
    }
}

/// Deletes a directory that nobody reads any more.
pub(crate) fn delete(layout: &Layout, path: &Path) -> Result<(), StoreError> {
    match layout.vfs().remove_dir_all(path) {
        Ok(()) => Ok(()),
        // Already gone, in whole or in part, by an earlier run: that is what we want.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
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
    let view = partition.view()?;
    // Late records may have added segments meanwhile; the merged one is the largest.
    let segments = view.segments().iter().map(|segment| segment.reader());
    if let Some(segment) = segments.max_by_key(|segment| segment.max_doc()) {
        write_seal(partition.directory(), segment)?;
    }
    catalogue.refresh(id)?;
    Ok(partition.stats().bytes)
}

/// Returns a path for the name that is not taken yet.
fn free_name(layout: &Layout, directory: &Path, name: &str) -> Result<PathBuf, StoreError> {
    let taken = files::list_names(layout.vfs(), directory)?;
    let free = (0..=taken.len())
        .map(|number| format!("{name}.{number}"))
        .find(|candidate| !taken.contains(candidate));
    Ok(directory.join(free.unwrap_or_else(|| name.to_owned())))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::backend::{Crash, SimulatedVfs, Vfs as _};

    /// A partition of one file, durable.
    fn make(vfs: &SimulatedVfs, layout: &Layout, id: PartitionId) {
        let directory = layout.partition(id);
        vfs.create_dir_all(&directory).expect("made");
        drop(vfs.create_new(&directory.join("file")).expect("made"));
        for above in directory.ancestors() {
            vfs.sync_dir(above).expect("synced");
        }
    }

    fn has_file(vfs: &SimulatedVfs, directory: &Path) -> bool {
        vfs.exists(&directory.join("file")).expect("a look")
    }

    #[test]
    fn what_is_moved_away_stays_away_after_a_power_cut_and_beside_what_went_before() {
        let vfs = SimulatedVfs::new();
        let tiers = Tiers::standard();
        let layout = Layout::new(Arc::new(vfs.clone()), PathBuf::from("/data"), tiers.clone());
        let day = "2026-11-01".parse().expect("a day");
        let id = PartitionId { tier: tiers.by_name("info").expect("a tier"), day };
        let trash = || move_to_trash(&layout, id, &tiers).expect("moved");
        let aside = || quarantine(&layout, &layout.partition(id), "info/x").expect("moved");
        let moves: [&dyn Fn() -> PathBuf; 2] = [&trash, &aside];
        for moved in moves {
            let mut before: Vec<PathBuf> = Vec::new();
            for _ in 0..3 {
                make(&vfs, &layout, id);
                let to = moved();
                assert!(!before.contains(&to), "{to:?} is taken");
                before.push(to);
                vfs.crash(Crash::DropUnsynced);
                assert!(!vfs.exists(&layout.partition(id)).expect("a look"));
                assert!(before.iter().all(|path| has_file(&vfs, path)), "{before:?}");
            }
        }
        // An earlier try got this far.
        trash();
    }
}
