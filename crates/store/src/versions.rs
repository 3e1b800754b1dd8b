//! Versions of the files on the disk: a data directory with any unknown version is refused with
//! that number, before any change.
//!
//! Only numbers are looked at here. What does not read at all is damage, and is met by whoever
//! reads it: each of these files is read again when its turn comes.

use std::path::Path;

use crate::backend::Vfs;
use crate::catalogue::Catalogue;
use crate::format::check_version;
use crate::layout::{DaysDirectory, Layout};
use crate::partition::{PartitionDirectory, check_partition_version};
use crate::{PartitionId, StoreError, files, side_by_side, wal};

/// Partitions that are worth the start of another thread to read them: one takes a tenth of a
/// millisecond.
const PARTITIONS_PER_THREAD: usize = 256;

/// Looks at everything that says its version, and takes sealed partitions up on the way: they are
/// most of a year, and are read once so.
pub(crate) fn check_all(layout: &Layout, catalogue: &Catalogue) -> Result<(), StoreError> {
    let vfs = layout.vfs();
    for path in [layout.stamp(), layout.replay()] {
        check_file(vfs, &path)?;
    }
    wal::check_versions(vfs, layout.root())?;
    let (directories, _) = layout.days_directories().unwrap_or_default();
    let mut partitions = Vec::new();
    for DaysDirectory { tenant, tier, path } in directories {
        let tier = catalogue.tiers().by_name(&tier);
        for name in files::list_names(vfs, &path).unwrap_or_default() {
            let directory = PartitionDirectory::new(layout.shared_vfs(), path.join(&name));
            let id = tier.zip(name.parse().ok());
            partitions.push((directory, id.map(|(tier, day)| PartitionId { tenant, tier, day })));
        }
    }
    let checked = side_by_side::map(&partitions, PARTITIONS_PER_THREAD, |(directory, id)| {
        // Any other partition is checked here, and read later.
        if id.is_some_and(|id| catalogue.load_sealed(id)) {
            return Ok(());
        }
        check_partition_version(directory)
    });
    checked.into_iter().collect()
}

fn check_file(vfs: &dyn Vfs, path: &Path) -> Result<(), StoreError> {
    vfs.read(path).map_or(Ok(()), |json| check_version(&json, path))
}
