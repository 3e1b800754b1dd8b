//! The move into quarantine: what does not read back leaves its place, and is kept whole.
//!
//! Maintenance tells of the entries, and drops old ones.
//!
//! ```text
//! quarantine/<partition>.<n>           a partition; what it held is missing from answers
//! quarantine/<partition>.<n>.rebuilt   a partition that the log has given back whole
//! quarantine/<anything else>           of the log (`wal-*.part`), a tombstone, a journal
//! quarantine/acknowledged/<name>       the same, and nobody is told of it any more
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tierlog_model::Tiers;

use crate::layout::Layout;
use crate::{PartitionId, StoreError, files};

/// Directory of what was acknowledged.
pub(crate) const ACKNOWLEDGED: &str = "acknowledged";

/// How the name of a partition ends whose records the log has given back.
const REBUILT: &str = "rebuilt";

/// Puts a directory that cannot be read aside, durably. Returns where it is now.
pub(crate) fn quarantine(layout: &Layout, from: &Path, name: &str) -> Result<PathBuf, StoreError> {
    let quarantine = layout.quarantine();
    files::create_directory(layout.vfs(), &quarantine)?;
    let to = files::free_name(layout.vfs(), &quarantine, &name.replace('/', "."))?;
    layout.vfs().rename(from, &to).map_err(StoreError::io("move", from))?;
    files::sync_directory(layout.vfs(), &quarantine)?;
    from.parent().map_or(Ok(()), |parent| files::sync_directory(layout.vfs(), parent))?;
    Ok(to)
}

/// Keeps a copy of a damaged file, durably. What takes the file's place is the caller's.
pub(crate) fn keep(layout: &Layout, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let quarantine = layout.quarantine();
    files::create_directory(layout.vfs(), &quarantine)?;
    let to = files::free_name(layout.vfs(), &quarantine, name)?;
    files::write_atomically(layout.vfs(), &to, bytes)
}

/// A partition in quarantine, as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QuarantinedPartition {
    pub(crate) id: PartitionId,
    /// The log has given all of its records back.
    pub(crate) is_rebuilt: bool,
}

/// Returns which partition a name under `quarantine/` is of.
pub(crate) fn partition_of(name: &str, tiers: &Tiers) -> Option<QuarantinedPartition> {
    let (id, rest) = PartitionId::split_flat(name, tiers)?;
    let mut rest = rest?.split('.');
    rest.next()?.parse::<u32>().ok()?;
    Some(QuarantinedPartition { id, is_rebuilt: rest.next() == Some(REBUILT) })
}

/// Returns the names of entries without an acknowledgement.
pub(crate) fn entries(layout: &Layout) -> Result<Vec<String>, StoreError> {
    let mut names = files::list_names(layout.vfs(), &layout.quarantine())?;
    names.retain(|name| name != ACKNOWLEDGED);
    Ok(names)
}

/// Returns the partitions whose records are missing, without an acknowledgement.
pub(crate) fn missing_partitions(layout: &Layout, tiers: &Tiers) -> BTreeSet<PartitionId> {
    let names = entries(layout).unwrap_or_default();
    let partitions = names.iter().filter_map(|name| partition_of(name, tiers));
    partitions.filter(|found| !found.is_rebuilt).map(|found| found.id).collect()
}

/// Says durably that the log gives back every record of a partition in quarantine: none is
/// missing.
pub(crate) fn mark_rebuilt(layout: &Layout, path: &Path) -> Result<(), StoreError> {
    let to = path.with_added_extension(REBUILT);
    layout.vfs().rename(path, &to).map_err(StoreError::io("move", path))?;
    files::sync_directory(layout.vfs(), &layout.quarantine())
}
