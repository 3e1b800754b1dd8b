//! The directory of a partition: its files, and the index that the search engine keeps in it.
//!
//! A file system and a path arrive; bytes, names and the engine's own directory leave. Everything
//! that reads or changes a partition's files does it through here, so that a simulated disk can
//! stand under the whole of it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, Lock, OwnedBytes, WatchCallback, WatchHandle, WritePtr,
};

use super::checksum::verify_engine_file;
use super::engine_list::ListedSegment;
use super::lease::{Lease, Tenancy};
use super::store_file;
use crate::backend::Vfs;
use crate::checked::{Content, with_checksum};
use crate::layout::Layout;
use crate::{PartitionId, StoreError, files};

/// The engine's list of segments: whoever replaces it commits.
const META_FILE: &str = "meta.json";

/// The engine's list of the files that it may remove.
const MANAGED_FILE: &str = ".managed.json";

/// How many letters name a segment, in front of a file's extension.
const SEGMENT_NAME_LETTERS: usize = 32;

/// How the engine's temporary files begin.
const TEMPORARY_PREFIX: &str = ".tmp";

/// Where a partition lies, and on which file system.
#[derive(Clone, Debug)]
pub(crate) struct PartitionDirectory {
    vfs: Arc<dyn Vfs>,
    path: Arc<Path>,
}

impl PartitionDirectory {
    pub(crate) fn new(vfs: Arc<dyn Vfs>, path: PathBuf) -> PartitionDirectory {
        PartitionDirectory { vfs, path: path.into() }
    }

    /// Returns the directory of a partition.
    pub(crate) fn of(layout: &Layout, id: PartitionId) -> PartitionDirectory {
        PartitionDirectory::new(layout.shared_vfs(), layout.partition(id))
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

    /// Makes the directory and those of its tier and tenant; all are durable when this returns.
    pub(crate) fn create(&self) -> Result<(), StoreError> {
        let tier = self.path.parent();
        let tenant = tier.and_then(Path::parent);
        for directory in [tenant, tier, Some(&*self.path)].into_iter().flatten() {
            files::create_directory(self.vfs(), directory)?;
        }
        Ok(())
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
        let managed = self.read_json::<HashSet<String>>(MANAGED_FILE)?;
        let named = managed.zip(self.read_json::<ListedSegments>(META_FILE)?);
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

    /// Returns what a list of the engine says; `None` when it is gone or does not read back.
    fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let file = self.read(name)?.unwrap_or_default();
        Ok(Content::of(&file).whole().and_then(|json| serde_json::from_slice(json).ok()))
    }

    /// Opens the directory for the search engine, to read it.
    pub(crate) fn open(&self) -> Result<Box<dyn Directory>, StoreError> {
        self.open_within(Tenancy::default(), Reads::AsTheyAre)
    }

    /// Opens the directory for a writer of the search engine, which changes it only as long as
    /// the lease lasts. What a writer reads becomes what it writes (a merge, a seal, a deletion),
    /// with a new checksum: so each file is compared with its own one when it is opened here.
    pub(crate) fn lease(&self) -> Result<(Box<dyn Directory>, Lease), StoreError> {
        let (lease, tenancy) = Lease::new();
        Ok((self.open_within(tenancy, Reads::Verified)?, lease))
    }

    fn open_within(
        &self,
        tenancy: Tenancy,
        reads: Reads,
    ) -> Result<Box<dyn Directory>, StoreError> {
        let inner = self.vfs.index_directory(&self.path);
        let inner = inner.map_err(StoreError::io("open", &self.path))?;
        let managed = Arc::default();
        Ok(Box::new(OrderedDirectory { files: self.clone(), inner, tenancy, managed, reads }))
    }

    /// Returns the engine's list of its own files as the names in the directory have it.
    fn own_files(&self) -> io::Result<Vec<u8>> {
        let names = self.names().map_err(io::Error::other)?;
        let own: Vec<&String> =
            names.iter().filter(|name| *name == META_FILE || is_of_segment(name)).collect();
        serde_json::to_vec(&own).map_err(io::Error::other)
    }

    /// Returns the bytes of the engine's list of segments, with their checksum.
    pub(super) fn read_meta(&self) -> Option<Vec<u8>> {
        self.read(META_FILE).ok().flatten()
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

    /// Returns the bytes of each of its files. Files that vanish meanwhile are left out: merges
    /// remove replaced segments.
    pub(crate) fn lengths(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let names = self.names()?.into_iter();
        let length = |name: String| Some((self.vfs.file_len(&self.file(&name)).ok()?, name));
        Ok(names.filter_map(length).map(|(bytes, name)| (name, bytes)).collect())
    }
}

/// What is done with a file before the engine reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// Nothing: a search reads a few blocks of it, and a scrub looks at the whole.
    AsTheyAre,
    /// All of it is compared with its checksum.
    Verified,
}

/// The engine's directory, which keeps the order that a crash needs: the engine replaces its meta
/// file without a sync of the directory, and then removes the files that the old one names. When
/// the removals reached the disk before the replacement, the partition would be lost. So the
/// replacement is durable before it returns; and when a commit returns, it is durable too. What a
/// writer leaves behind when it goes changes nothing any more.
///
/// The engine has checksums in the files of segments; its two lists get theirs here.
#[derive(Clone, Debug)]
struct OrderedDirectory {
    files: PartitionDirectory,
    inner: Box<dyn Directory>,
    tenancy: Tenancy,
    /// The engine's list of the files that it may remove, when it was not written yet. The engine
    /// writes it anew before each file that it makes: seven files, syncs and renames for a segment
    /// of a few records. Written once, with the sync before the meta file, it is there for every
    /// file that the meta file names; [`PartitionDirectory::remove_leftovers`] finds the others.
    managed: Arc<Mutex<Option<Vec<u8>>>>,
    reads: Reads,
}

impl OrderedDirectory {
    /// Writes the engine's list if it waits. One that fails is tried again with the next sync.
    fn write_managed(&self) -> io::Result<()> {
        let mut managed = self.managed();
        if let Some(list) = managed.as_deref() {
            self.inner.atomic_write(Path::new(MANAGED_FILE), &with_checksum(list))?;
        }
        *managed = None;
        Ok(())
    }

    fn managed(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.managed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the list of the engine's own files: the written one, or when that is damaged or
    /// gone, one of the names that are there. It only serves to remove what no segment needs.
    fn read_own_files(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let written = self.inner.atomic_read(path);
        if let Some(json) = written.as_ref().ok().and_then(|file| Content::of(file).whole()) {
            return Ok(json.to_vec());
        }
        if written.is_ok() {
            let path = self.files.file(MANAGED_FILE);
            tracing::warn!(path = %path.display(), "make the list of files anew: it is damaged");
        }
        let names = self.files.own_files();
        names.map_err(|error| OpenReadError::wrap_io_error(error, path.to_owned()))
    }
}

impl Directory for OrderedDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        if self.reads == Reads::Verified {
            let whole = self.files.file(&path.to_string_lossy());
            verify_engine_file(self.files.vfs(), &whole)
                .map_err(|error| OpenReadError::wrap_io_error(error.into_io(), path.to_owned()))?;
        }
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
        if path == Path::new(MANAGED_FILE) {
            return self.read_own_files(path);
        }
        let file = self.inner.atomic_read(path)?;
        match Content::of(&file).whole() {
            Some(json) => Ok(json.to_vec()),
            None => {
                let error = io::Error::new(io::ErrorKind::InvalidData, "checksum mismatch");
                Err(OpenReadError::wrap_io_error(error, path.to_owned()))
            }
        }
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        let _held = self.tenancy.hold()?;
        if path == Path::new(MANAGED_FILE) {
            *self.managed() = Some(data.to_owned());
            return Ok(());
        }
        if path != Path::new(META_FILE) {
            return self.inner.atomic_write(path, &with_checksum(data));
        }
        self.inner.atomic_write(path, &with_checksum(&compact(data)))?;
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

impl ListedSegments {
    /// Tells whether a file is one of a listed segment.
    fn names(&self, name: &str) -> bool {
        self.segments.iter().any(|segment| segment.has_file(name))
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
