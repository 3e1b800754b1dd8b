//! Small durable file operations of everything but the WAL.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::StoreError;

/// Replaces a file so that after a crash it is either the old or the new one, whole.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary).map_err(StoreError::io("create", &temporary))?;
    file.write_all(bytes).map_err(StoreError::io("write", &temporary))?;
    file.sync_data().map_err(StoreError::io("sync", &temporary))?;
    fs::rename(&temporary, path).map_err(StoreError::io("rename", &temporary))?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// Makes creations, renames and removals in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    let directory = File::open(path).map_err(StoreError::io("open", path))?;
    directory.sync_all().map_err(StoreError::io("sync", path))
}

/// Makes a directory and its parents; the new entry is durable when this returns.
pub(crate) fn create_directory(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(StoreError::io("create", path))?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// Returns the names in a directory, sorted; a missing directory is empty.
pub(crate) fn list_names(path: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("list", path)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StoreError::io("list", path))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}
