//! Versions of what is on disk: a data directory of which any part has an unknown one is refused
//! with that number, before anything in it is changed.
//!
//! Only numbers are looked at here. What does not read at all is damage, and is met by whoever
//! reads it: each of these files is read again when its turn comes.

use std::path::Path;

use crate::backend::Vfs;
use crate::format::check_version;
use crate::layout::Layout;
use crate::partition::{PartitionDirectory, check_partition_version};
use crate::{StoreError, files, wal};

/// Looks at everything that says its version.
pub(crate) fn check_all(layout: &Layout) -> Result<(), StoreError> {
    let vfs = layout.vfs();
    for path in [layout.stamp(), layout.replay()] {
        check_file(vfs, &path)?;
    }
    wal::check_versions(vfs, layout.root())?;
    let (directories, _) = layout.days_directories().unwrap_or_default();
    for days in directories {
        for day in files::list_names(vfs, &days.path).unwrap_or_default() {
            let directory = PartitionDirectory::new(layout.shared_vfs(), days.path.join(day));
            check_partition_version(&directory)?;
        }
    }
    Ok(())
}

fn check_file(vfs: &dyn Vfs, path: &Path) -> Result<(), StoreError> {
    vfs.read(path).map_or(Ok(()), |json| check_version(&json, path))
}
