//! The move into quarantine: what does not read back leaves its place, and is kept whole.
//!
//! What stands in quarantine, and for how long, is maintenance's.

use std::path::{Path, PathBuf};

use crate::layout::Layout;
use crate::{StoreError, files};

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
