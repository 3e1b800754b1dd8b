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
use super::seal::Seal;
use super::verified_file::SealedFiles;
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
    sealed: SealedFiles,
}

impl ReadDirectory {
    /// Opens the directory of a partition.
    pub(super) fn open(files: &PartitionDirectory) -> Result<ReadDirectory, StoreError> {
        let sealed = SealedFiles::default();
        Ok(ReadDirectory { files: files.clone(), inner: files.open()?, sealed })
    }

    /// Returns the directory with the checksums of a seal, with which the files of the seal are
    /// compared when they are read. `before` says what was compared already.
    pub(super) fn with_seal(mut self, seal: &Seal, before: Option<&SealedFiles>) -> ReadDirectory {
        self.sealed = SealedFiles::of(&seal.files, &before.cloned().unwrap_or_default());
        self
    }

    /// Returns the files whose checksums are compared when they are read.
    pub(super) fn sealed(&self) -> &SealedFiles {
        &self.sealed
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
        let handle = match self.read_small(path) {
            Some(bytes) => Arc::new(OwnedBytes::new(bytes)),
            None => self.inner.get_file_handle(path)?,
        };
        Ok(self.sealed.guard(&path.to_string_lossy(), handle))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::DiskVfs;

    const LARGE: usize = READ_BYTES_MAX as usize + 1;

    fn scratch(files: &[(&str, usize)]) -> (tempfile::TempDir, ReadDirectory) {
        let directory = tempfile::tempdir().expect("temporary directory");
        for (name, bytes) in files {
            std::fs::write(directory.path().join(name), vec![b'a'; *bytes]).expect("written");
        }
        let files = PartitionDirectory::new(Arc::new(DiskVfs), directory.path().to_owned());
        let opened = ReadDirectory::open(&files).expect("opened");
        (directory, opened)
    }

    #[test]
    fn small_files_are_read_and_large_ones_mapped() {
        let (scratch, directory) = scratch(&[("a.term", LARGE - 1), ("b.term", LARGE)]);
        for (name, is_read) in [("a.term", true), ("b.term", false)] {
            let handle = directory.get_file_handle(Path::new(name)).expect("opened");
            // Written over in place: a map shows it, what was read before does not.
            let path = scratch.path().join(name);
            let mut file = std::fs::File::options().write(true).open(path).expect("opened");
            std::io::Write::write_all(&mut file, b"b").expect("written");
            let bytes = handle.read_bytes(0..handle.len()).expect("bytes");
            let expected = if is_read { b'a' } else { b'b' };
            assert_eq!(bytes.as_slice().first(), Some(&expected), "{name}");
        }
    }

    #[test]
    fn columns_that_a_merge_has_removed_are_found_while_they_are_open() {
        let (scratch, directory) = scratch(&[("a.fast", 9)]);
        let open = directory.get_file_handle(Path::new("a.fast")).expect("opened");
        std::fs::remove_file(scratch.path().join("a.fast")).expect("removed");
        let again = directory.get_file_handle(Path::new("a.fast")).expect("found");
        assert_eq!((open.len(), again.len()), (9, 9));
    }

    #[test]
    fn nothing_is_changed_and_the_list_of_writers_is_not_there() {
        let (scratch, directory) = scratch(&[("meta.json", 2), (OWN_FILES, 2)]);
        assert!(directory.atomic_read(Path::new("meta.json")).is_err(), "it has no checksum");
        let meta = crate::checked::with_checksum(b"{}");
        std::fs::write(scratch.path().join("meta.json"), meta).expect("written");
        assert_eq!(directory.atomic_read(Path::new("meta.json")).expect("read"), b"{}");
        assert!(directory.atomic_read(Path::new(OWN_FILES)).is_err());
        assert!(directory.delete(Path::new("meta.json")).is_err());
        assert!(directory.open_write(Path::new("new")).is_err());
        assert!(directory.atomic_write(Path::new("meta.json"), b"x").is_err());
        assert!(directory.exists(Path::new("meta.json")).expect("looked at"));
        assert_eq!(std::fs::read_dir(scratch.path()).expect("listed").count(), 2);
    }
}
