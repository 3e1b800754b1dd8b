//! The directory of a partition: its files, and the index that the search engine keeps in it.
//!
//! A file system and a path arrive; bytes, names and the engine's own directory leave. Everything
//! that reads or changes a partition's files does it through here, so that a simulated disk can
//! stand under the whole of it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, Lock, OwnedBytes, WatchCallback, WatchHandle, WritePtr,
};

use super::lease::{Lease, Tenancy};
use super::store_file;
use crate::backend::Vfs;
use crate::{StoreError, files};

/// The engine's list of segments: whoever replaces it commits.
const META_FILE: &str = "meta.json";

/// The engine's list of the files that it may remove.
const MANAGED_FILE: &str = ".managed.json";

/// How the names of files with deletions end.
const DELETES_SUFFIX: &str = ".del";

/// How many letters name a segment, in front of a file's extension.
const SEGMENT_NAME_LETTERS: usize = 32;

/// How the engine's temporary files begin.
const TEMPORARY_PREFIX: &str = ".tmp";

/// Where a partition lies, and on which file system.
#[derive(Clone, Debug)]
pub(crate) struct PartitionDirectory {
    vfs: Arc<dyn Vfs>,
    path: PathBuf,
}

impl PartitionDirectory {
    pub(crate) fn new(vfs: Arc<dyn Vfs>, path: PathBuf) -> PartitionDirectory {
        PartitionDirectory { vfs, path }
    }

    pub(crate) fn vfs(&self) -> &dyn Vfs {
        self.vfs.as_ref()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of a file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Tells whether an index was made here.
    pub(crate) fn has_index(&self) -> Result<bool, StoreError> {
        let path = self.file(META_FILE);
        self.vfs.exists(&path).map_err(StoreError::io("inspect", &path))
    }

    /// Tells whether a crash cut the making of the index short: there is nothing but what the
    /// engine writes before the first meta file. Anything else without a meta file is damage.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.names().is_ok_and(|names| names.iter().all(|name| name.starts_with('.')))
    }

    /// Returns when the index last changed, by the clock of the file system.
    pub(crate) fn changed(&self) -> io::Result<tierlog_model::Timestamp> {
        self.vfs.modified(&self.file(META_FILE))
    }

    /// Makes the directory and its tier's; both are durable when this returns.
    pub(crate) fn create(&self) -> Result<(), StoreError> {
        if let Some(tier) = self.path.parent() {
            files::create_directory(self.vfs(), tier)?;
        }
        files::create_directory(self.vfs(), &self.path)
    }

    /// Makes the names in it durable.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        files::sync_directory(self.vfs(), &self.path)
    }

    /// Removes what an end without a commit left: temporary files of the engine, and files of
    /// segments that neither the engine's list nor the meta file names. Only before a writer is
    /// opened: the one that has the partition open makes such files.
    pub(crate) fn remove_leftovers(&self) -> Result<(), StoreError> {
        // What does not read back is damage, and says nothing about files.
        let managed = self.read(MANAGED_FILE)?.unwrap_or_default();
        let managed = serde_json::from_slice::<HashSet<String>>(&managed).ok();
        let meta = self.read(META_FILE)?.unwrap_or_default();
        let meta = serde_json::from_slice::<ListedSegments>(&meta).ok();
        let named = managed.zip(meta);
        for name in self.names()? {
            let is_named = named.as_ref().is_none_or(|(managed, meta)| {
                managed.contains(&name) || !is_of_segment(&name) || meta.names(&name)
            });
            if name.starts_with(TEMPORARY_PREFIX) || !is_named {
                files::remove_file(self.vfs(), &self.file(&name))?;
            }
        }
        Ok(())
    }

    /// Opens the directory for the search engine, to read it.
    pub(crate) fn open(&self) -> Result<Box<dyn Directory>, StoreError> {
        self.open_within(Tenancy::default())
    }

    /// Opens the directory for a writer of the search engine, which changes it only as long as
    /// the lease lasts.
    pub(crate) fn lease(&self) -> Result<(Box<dyn Directory>, Lease), StoreError> {
        let (lease, tenancy) = Lease::new();
        Ok((self.open_within(tenancy)?, lease))
    }

    fn open_within(&self, tenancy: Tenancy) -> Result<Box<dyn Directory>, StoreError> {
        let inner = self.vfs.index_directory(&self.path);
        let inner = inner.map_err(StoreError::io("open", &self.path))?;
        Ok(Box::new(OrderedDirectory { inner, tenancy, managed: Arc::default() }))
    }

    /// Returns the bytes of a file; `None` when it is not there.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.file(name);
        match self.vfs.read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }

    /// Returns the bytes of a file, mapped where the file system can; `None` when it is not
    /// there.
    pub(crate) fn map(&self, name: &str) -> Result<Option<OwnedBytes>, StoreError> {
        let path = self.file(name);
        let handle = match self.open()?.get_file_handle(Path::new(name)) {
            Ok(handle) => handle,
            Err(OpenReadError::FileDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(StoreError::io("map", &path)(io::Error::other(error))),
        };
        let bytes = handle.read_bytes(0..handle.len()).map_err(StoreError::io("map", &path))?;
        Ok(Some(bytes))
    }

    /// Replaces a file so that after a crash it is either the old or the new one, whole.
    pub(crate) fn write_atomically(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        files::write_atomically(self.vfs(), &self.file(name), bytes)
    }

    /// Removes a file, durably.
    pub(crate) fn remove(&self, name: &str) -> Result<(), StoreError> {
        files::remove_file(self.vfs(), &self.file(name))?;
        self.sync()
    }

    /// Returns the names of its files, sorted.
    pub(crate) fn names(&self) -> Result<Vec<String>, StoreError> {
        files::list_names(self.vfs(), &self.path)
    }

    /// Returns the bytes of its files. Files that vanish meanwhile count nothing: merges remove
    /// what they replaced.
    pub(crate) fn bytes(&self) -> Result<u64, StoreError> {
        let names = self.names()?;
        Ok(names.iter().filter_map(|name| self.vfs.file_len(&self.file(name)).ok()).sum())
    }
}

/// The engine's directory, which keeps the order that a crash needs: the engine replaces its meta
/// file without a sync of the directory, and then removes the files that the old one names. When
/// the removals reached the disk before the replacement, the partition would be lost. So the
/// replacement is durable before it returns; and when a commit returns, it is durable too. What a
/// writer leaves behind when it goes changes nothing any more.
#[derive(Clone, Debug)]
struct OrderedDirectory {
    inner: Box<dyn Directory>,
    tenancy: Tenancy,
    /// The engine's list of the files that it may remove, when it was not written yet. The engine
    /// writes it anew before each file that it makes: seven files, syncs and renames for a segment
    /// of a few records. Written once, with the sync before the meta file, it is there for every
    /// file that the meta file names; [`PartitionDirectory::remove_leftovers`] finds the others.
    managed: Arc<Mutex<Option<Vec<u8>>>>,
}

impl OrderedDirectory {
    /// Writes the engine's list if it waits. One that fails is tried again with the next sync.
    fn write_managed(&self) -> io::Result<()> {
        let mut managed = self.managed();
        if let Some(list) = managed.as_deref() {
            self.inner.atomic_write(Path::new(MANAGED_FILE), list)?;
        }
        *managed = None;
        Ok(())
    }

    fn managed(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.managed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Directory for OrderedDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        Ok(store_file::guard(path, self.inner.get_file_handle(path)?))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        let _held = self.tenancy.hold().map_err(|error| DeleteError::IoError {
            io_error: Arc::new(error),
            filepath: path.to_owned(),
        })?;
        self.inner.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.inner.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let refused = |error| OpenWriteError::wrap_io_error(error, path.to_owned());
        let _held = self.tenancy.hold().map_err(refused)?;
        self.inner.open_write(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.inner.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        let _held = self.tenancy.hold()?;
        if path == Path::new(MANAGED_FILE) {
            *self.managed() = Some(data.to_owned());
            return Ok(());
        }
        if path != Path::new(META_FILE) {
            return self.inner.atomic_write(path, data);
        }
        self.inner.atomic_write(path, &compact(data))?;
        // ORDER: the new meta file, then whatever the engine does next.
        self.inner.sync_directory()
    }

    fn sync_directory(&self) -> io::Result<()> {
        // ORDER: the engine syncs before it replaces the meta file, so the list that names the
        // new files is durable first, whatever order the disk gives to the two renames.
        if self.tenancy.hold().is_ok() {
            self.write_managed()?;
        }
        self.inner.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.inner.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.inner.watch(callback)
    }
}

/// What the meta file says of segments.
#[derive(Deserialize)]
struct ListedSegments {
    segments: Vec<ListedSegment>,
}

#[derive(Deserialize)]
struct ListedSegment {
    /// With dashes, which file names do not have.
    segment_id: String,
    deletes: Option<Deletes>,
}

#[derive(Deserialize)]
struct Deletes {
    opstamp: u64,
}

impl ListedSegments {
    /// Tells whether a file is one of a listed segment. Deletions have a file for each commit, of
    /// which the last is listed.
    fn names(&self, name: &str) -> bool {
        self.segments.iter().any(|segment| {
            let id = segment.segment_id.replace('-', "");
            let Some(rest) = name.strip_prefix(id.as_str()) else { return false };
            let deletes = segment.deletes.as_ref();
            !rest.ends_with(DELETES_SUFFIX)
                || deletes.is_some_and(|Deletes { opstamp }| {
                    rest.trim_start_matches('.').strip_suffix(DELETES_SUFFIX)
                        == Some(opstamp.to_string().as_str())
                })
        })
    }
}

/// Tells whether a file is of a segment, by its name.
fn is_of_segment(name: &str) -> bool {
    let Some((segment, _)) = name.split_once('.') else { return false };
    segment.len() == SEGMENT_NAME_LETTERS && segment.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns JSON without the white space that people read it by: in a partition of a few hundred
/// records it is a twentieth.
fn compact(json: &[u8]) -> Cow<'_, [u8]> {
    let value = serde_json::from_slice::<serde_json::Value>(json);
    match value.and_then(|value| serde_json::to_vec(&value)) {
        Ok(compact) => Cow::Owned(compact),
        Err(_) => Cow::Borrowed(json),
    }
}
