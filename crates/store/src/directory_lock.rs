//! The lock on a data directory: only one process may have the store open.
//!
//! The lock is advisory and on the directory itself, by an open descriptor: removing files does not
//! get round the lock, and the kernel ends the lock with the process, however that ends. A rename
//! of the directory moves the lock along, so the holder also compares the directory under the path
//! with the locked one: another directory is another store, perhaps of another process, and must
//! not be written to.
//!
//! Not through the file-system seam: a lock is the kernel's, no power cut leaves one, and a
//! simulated disk has one process only. Network file systems may refuse to lock a directory or
//! keep such a lock on one machine only; a data directory belongs on a local one.

use std::fs::{File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// A data directory that this process holds, until the value is dropped.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    path: PathBuf,
    identity: Identity,
    _held: File,
}

/// What stays the same when a directory is renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(metadata: &Metadata) -> Identity {
        Identity { device: metadata.dev(), inode: metadata.ino() }
    }
}

impl DirectoryLock {
    /// Takes an existing directory for this process; does not wait.
    pub(crate) fn take(path: &Path) -> Result<DirectoryLock, StoreError> {
        let held = File::open(path).map_err(StoreError::io("open", path))?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", path)(error)),
        }
        let metadata = held.metadata().map_err(StoreError::io("inspect", path))?;
        let lock =
            DirectoryLock { path: path.to_owned(), identity: Identity::of(&metadata), _held: held };
        // Between opening and locking, the directory may have been replaced.
        match lock.moved() {
            None => Ok(lock),
            Some(problem) => Err(StoreError::io("lock", path)(io::Error::other(problem))),
        }
    }

    /// Tells what is wrong when the path does not lead to the locked directory any more.
    pub(crate) fn moved(&self) -> Option<String> {
        let path = self.path.display();
        match std::fs::metadata(&self.path) {
            Ok(metadata) if Identity::of(&metadata) == self.identity => None,
            Ok(_) => Some(format!("another directory has taken the place of {path}")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Some(format!("{path} was moved or removed"))
            }
            // What cannot be looked at is no other directory; writing to it will say more.
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_held_once_and_nothing_in_it_says_so() {
        let parent = tempfile::tempdir().expect("a scratch directory");
        let path = parent.path().join("data");
        std::fs::create_dir(&path).expect("a directory");
        let lock = DirectoryLock::take(&path).expect("free");
        assert!(matches!(DirectoryLock::take(&path), Err(StoreError::Locked(_))));
        assert_eq!(std::fs::read_dir(&path).expect("listed").count(), 0);
        drop(lock);
        DirectoryLock::take(&path).expect("free again");
    }

    #[test]
    fn a_symbolic_link_leads_to_the_same_lock() {
        let parent = tempfile::tempdir().expect("a scratch directory");
        let (path, link) = (parent.path().join("data"), parent.path().join("link"));
        std::fs::create_dir(&path).expect("a directory");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        let lock = DirectoryLock::take(&link).expect("free");
        assert!(matches!(DirectoryLock::take(&path), Err(StoreError::Locked(_))));
        assert_eq!(lock.moved(), None);
        std::fs::remove_file(&link).expect("a link");
        assert!(lock.moved().is_some(), "its path leads nowhere");
    }

    #[test]
    fn a_directory_that_is_moved_or_replaced_is_noticed() {
        let parent = tempfile::tempdir().expect("a scratch directory");
        let (path, aside) = (parent.path().join("data"), parent.path().join("aside"));
        std::fs::create_dir(&path).expect("a directory");
        let lock = DirectoryLock::take(&path).expect("free");
        assert_eq!(lock.moved(), None);
        std::fs::rename(&path, &aside).expect("moved");
        assert!(lock.moved().is_some_and(|problem| problem.ends_with("was moved or removed")));
        assert!(matches!(DirectoryLock::take(&aside), Err(StoreError::Locked(_))), "goes along");
        std::fs::create_dir(&path).expect("another directory");
        assert!(lock.moved().is_some_and(|problem| problem.starts_with("another directory")));
        let other = DirectoryLock::take(&path).expect("another store");
        assert_eq!(other.moved(), None);
        std::fs::remove_dir(&path).expect("removed");
        std::fs::rename(&aside, &path).expect("moved back");
        assert_eq!(lock.moved(), None, "it was only away");
    }
}
