//! The trash: directories of dropped partitions on their way out.
//!
//! The move into the trash is the drop: one rename, durable when it returns. The deletion behind
//! the rename may be cut short anywhere, and the next start finishes it.

use std::io;
use std::path::{Path, PathBuf};

use tierlog_model::Tiers;

use crate::layout::Layout;
use crate::{PartitionId, StoreError, files};

/// Moves the directory of a partition to the trash, durably. Returns where it is now.
pub(crate) fn move_to_trash(
    layout: &Layout,
    id: PartitionId,
    tiers: &Tiers,
) -> Result<PathBuf, StoreError> {
    let from = layout.partition(id);
    let trash = layout.trash();
    files::create_directory(layout.vfs(), &trash)?;
    let name = id.flat_name(tiers);
    let to = files::free_name(layout.vfs(), &trash, &name)?;
    match layout.vfs().rename(&from, &to) {
        Ok(()) => {}
        // It never came to the disk, or an earlier try got this far.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::io("move", &from)(error)),
    }
    files::sync_directory(layout.vfs(), &trash)?;
    files::sync_directory(layout.vfs(), &layout.days_beside(id))?;
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

/// Deletes a directory without readers.
pub(crate) fn delete(layout: &Layout, path: &Path) -> Result<(), StoreError> {
    match layout.vfs().remove_dir_all(path) {
        Ok(()) => Ok(()),
        // Already gone, in whole or in part, by an earlier run: that is what we want.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::io("delete", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tierlog_model::Tenant;

    use super::*;
    use crate::backend::{Crash, SimulatedVfs, Vfs as _};
    use crate::quarantine::quarantine;

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
        let id = PartitionId {
            tenant: Tenant::DEFAULT,
            tier: tiers.by_name("info").expect("a tier"),
            day,
        };
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
