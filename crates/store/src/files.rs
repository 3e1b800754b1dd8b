//! Small durable file operations of everything but the WAL.
//!
//! Paths arrive, and what is done is durable when a function returns. What the file system is,
//! the caller says.

use std::io;
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::backend::Vfs;
use crate::checked::{Content, with_checksum};

/// Replaces a file so that after a crash it is either the old or the new one, whole.
pub(crate) fn write_atomically(vfs: &dyn Vfs, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let temporary = path.with_added_extension("tmp");
    // A crash may have left one.
    remove_file(vfs, &temporary)?;
    let mut file = vfs.create_new(&temporary).map_err(StoreError::io("create", &temporary))?;
    let written = file
        .write_all(bytes)
        .map_err(StoreError::io("write", &temporary))
        .and_then(|()| file.sync_data().map_err(StoreError::io("sync", &temporary)))
        .and_then(|()| vfs.rename(&temporary, path).map_err(StoreError::io("rename", &temporary)));
    if let Err(error) = written {
        // On a full disk it would take the room of what is tried next.
        let _ = vfs.remove_file(&temporary);
        return Err(error);
    }
    path.parent().map_or(Ok(()), |parent| sync_directory(vfs, parent))
}

/// Replaces a file of JSON, with a checksum, so that after a crash it is either the old or the new
/// one, whole.
pub(crate) fn write_checked(vfs: &dyn Vfs, path: &Path, json: &[u8]) -> Result<(), StoreError> {
    write_atomically(vfs, path, &with_checksum(json))
}

/// Returns the JSON of a file; `None` when there is none. Damage is an error.
pub(crate) fn read_checked(vfs: &dyn Vfs, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let file = match vfs.read(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("read", path)(error)),
    };
    match Content::of(&file).whole() {
        Some(json) => Ok(Some(json.to_vec())),
        None => Err(StoreError::Malformed {
            path: path.to_owned(),
            problem: "checksum mismatch".to_owned(),
        }),
    }
}

/// Removes a file if it is there. The removal is durable after the next sync of its directory.
pub(crate) fn remove_file(vfs: &dyn Vfs, path: &Path) -> Result<(), StoreError> {
    match vfs.remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::io("remove", path)(error)),
    }
}

/// Makes creations, renames and removals in a directory durable.
pub(crate) fn sync_directory(vfs: &dyn Vfs, path: &Path) -> Result<(), StoreError> {
    vfs.sync_dir(path).map_err(StoreError::io("sync", path))
}

/// Makes a directory and its parents; the new entry is durable when this returns.
pub(crate) fn create_directory(vfs: &dyn Vfs, path: &Path) -> Result<(), StoreError> {
    if vfs.exists(path).map_err(StoreError::io("inspect", path))? {
        return Ok(());
    }
    vfs.create_dir_all(path).map_err(StoreError::io("create", path))?;
    path.parent().map_or(Ok(()), |parent| sync_directory(vfs, parent))
}

/// Returns the names in a directory, sorted; a missing directory is empty.
pub(crate) fn list_names(vfs: &dyn Vfs, path: &Path) -> Result<Vec<String>, StoreError> {
    match vfs.list_dir(path) {
        Ok(names) => Ok(names.into_iter().filter_map(|name| name.into_string().ok()).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(StoreError::io("list", path)(error)),
    }
}

/// Tells whether a name is another one, or that one with something behind it.
fn is_named_after(name: &str, other: &str) -> bool {
    name.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Returns a path in a directory for a name that is not taken yet.
pub(crate) fn free_name(
    vfs: &dyn Vfs,
    directory: &Path,
    name: &str,
) -> Result<PathBuf, StoreError> {
    let taken = list_names(vfs, directory)?;
    let free = (0..=taken.len())
        .map(|number| format!("{name}.{number}"))
        .find(|candidate| !taken.iter().any(|name| is_named_after(name, candidate)));
    Ok(directory.join(free.unwrap_or_else(|| name.to_owned())))
}
