//! The directory of a partition for those who only read.
//!
//! A partition's directory arrives; bytes of its files leave. It is opened once for what is known
//! of a partition, and opens its files as often as it is asked: opening a directory makes the
//! engine resolve its path, which is a quarter of the system calls of opening a segment. Nothing
//! here changes a file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, Lock, OwnedBytes, WatchCallback, WatchHandle, WritePtr,
};

use super::PartitionDirectory;
use crate::StoreError;

/// Name of the engine's list of its own files, which only a writer needs: it is hidden, so that
/// opening does not read it.
const OWN_FILES: &str = ".managed.json";

/// Bytes up to which a file is read into memory: a page, which mapping it would take as well, and
/// unmapping it would interrupt every thread for.
const READ_BYTES_MAX: u64 = 4 << 10;

/// Extension of the file of columns. Readers open it again when they list the columns, by when a
/// merge may have removed it: the engine still finds the map that an open segment holds.
const COLUMNS: &str = "fast";

/// The files of a partition. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct ReadDirectory {
    files: PartitionDirectory,
    inner: Box<dyn Directory>,
}

impl ReadDirectory {
    /// Opens the directory of a partition.
    pub(super) fn open(files: &PartitionDirectory) -> Result<ReadDirectory, StoreError> {
        Ok(ReadDirectory { files: files.clone(), inner: files.open()? })
    }

    /// Returns the path of a file in it.
    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.files.file(name)
    }

    /// Returns the bytes of a file that is small. What goes wrong shows when it is mapped.
    fn read_small(&self, path: &Path) -> Option<Vec<u8>> {
        if path.extension().is_some_and(|extension| extension == COLUMNS) {
            return None;
        }
        let path = self.files.path().join(path);
        let vfs = self.files.vfs();
        let is_small = vfs.file_len(&path).is_ok_and(|bytes| bytes <= READ_BYTES_MAX);
        if is_small { vfs.read(&path).ok() } else { None }
    }
}

impl Directory for ReadDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        match self.read_small(path) {
            Some(bytes) => Ok(Arc::new(OwnedBytes::new(bytes))),
            None => self.inner.get_file_handle(path),
        }
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        Err(DeleteError::FileDoesNotExist(path.to_owned()))
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.inner.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        Err(OpenWriteError::wrap_io_error(read_only(), path.to_owned()))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        if path == Path::new(OWN_FILES) {
            return Err(OpenReadError::FileDoesNotExist(path.to_owned()));
        }
        self.inner.atomic_read(path)
    }

    fn atomic_write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(read_only())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        Err(LockError::wrap_io_error(read_only()))
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.inner.watch(callback)
    }
}

fn read_only() -> io::Error {
    io::Error::from(io::ErrorKind::ReadOnlyFilesystem)
}
