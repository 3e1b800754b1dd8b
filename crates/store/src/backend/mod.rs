//! The seam between the store and the file system.
//!
//! Paths and bytes arrive, `io::Result`s leave. Nothing here knows what a WAL or a partition is,
//! and nothing here retries: what an error means is for the caller to decide. The contract is
//! POSIX's, stated in full because a crash test depends on every word:
//!
//! - bytes written are durable only after [`VfsFile::sync_data`] returned `Ok`;
//! - a name created, renamed or removed is durable only after [`Vfs::sync_dir`] of the directory
//!   that holds it returned `Ok`; making a file's bytes durable does not make its name durable;
//! - after `sync_data` returned an error the unsynced bytes may be gone although a later call
//!   succeeds, so the handle must not be trusted again.
//!
//! The search engine writes its files itself, through a directory that the same file system gives
//! ([`Vfs::index_directory`]): on a machine the engine's own, mapped one, in a simulation one that
//! loses what was not synced, like everything else on the simulated disk.

mod disk;
#[cfg(any(test, feature = "simulation", feature = "fuzzing"))]
mod simulated;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::Path;

use tantivy::directory::Directory;
use tierlog_model::Timestamp;

pub use disk::DiskVfs;
#[cfg(any(test, feature = "simulation", feature = "fuzzing"))]
pub use simulated::{Choices, Crash, FaultError, Held, Operation, SimulatedVfs};

/// A file system.
pub trait Vfs: Send + Sync + fmt::Debug {
    /// Creates a file for appending and reading; an existing one is an error.
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn VfsFile>>;

    /// Opens an existing file for appending and reading.
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>>;

    /// Opens an existing file for [`VfsFile::write_at`] and reading.
    fn open_in_place(&self, path: &Path) -> io::Result<Box<dyn VfsFile>>;

    /// Opens an existing file for reading.
    fn open_read(&self, path: &Path) -> io::Result<Box<dyn VfsFile>>;

    /// Gives a file or directory another name, replacing a file of that name at once.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file's name.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory and everything in it.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Creates a directory and its missing ancestors, readable by the owner only.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Returns the names in a directory, sorted.
    fn list_dir(&self, path: &Path) -> io::Result<Vec<OsString>>;

    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Returns the length of a file.
    fn file_len(&self, path: &Path) -> io::Result<u64>;

    /// Tells whether a file or directory of that name is there.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// Returns when a file's bytes last changed, by the clock of the file system.
    fn modified(&self, path: &Path) -> io::Result<Timestamp>;

    /// Opens an existing directory for the search engine's files.
    fn index_directory(&self, path: &Path) -> io::Result<Box<dyn Directory>>;

    /// Returns how many bytes an unprivileged process may still write beside a path.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;

    /// Returns the whole content of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.open_read(path)?;
        let length = usize::try_from(file.len()?).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        let read = read_up_to(file.as_ref(), 0, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }
}

/// An open file.
pub trait VfsFile: Send + Sync + fmt::Debug {
    /// Appends bytes. After an error any part of them may have been written.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Writes over bytes at an offset, of a file that [`Vfs::open_in_place`] has opened. After an
    /// error any part of them may have been written.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything written so far durable.
    fn sync_data(&mut self) -> io::Result<()>;

    /// Cuts the file, or extends it by zeros.
    fn set_len(&mut self, length: u64) -> io::Result<()>;

    /// Reads from an offset; fewer bytes than asked for, 0 only at the end of the file.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Returns the file's length.
    fn len(&self) -> io::Result<u64>;

    /// Tells whether the file has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// Fills a buffer from an offset and returns how much of it was filled: all, or up to the end of
/// the file.
pub fn read_up_to(file: &dyn VfsFile, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0_usize;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(offset + filled as u64, rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
