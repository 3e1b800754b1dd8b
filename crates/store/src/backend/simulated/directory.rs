//! The search engine's directory on the simulated disk.
//!
//! The engine's calls arrive, calls of the simulated file system leave, one for one as the
//! engine's own mapped directory makes them: a file is durable when its writer was ended and its
//! name when the directory was synced; an atomic write is a temporary file, a sync and a rename
//! that no sync of the directory follows.
//!
//! One difference makes a run repeatable by its seed: threads of the search engine create files at
//! moments of their own, apart from the thread that adds records. Here a file appears on the disk
//! when its writer is ended, and the list of managed files before the next change of anything else.
//! What a crash finds is what it would have found a little later on a machine. A writer that is
//! dropped without `terminate` leaves no file.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, OwnedBytes, TerminatingWrite,
    WatchCallback, WatchHandle, WritePtr,
};

use super::SimulatedVfs;
use crate::backend::Vfs as _;

/// The engine's list of the files that it may remove; written once for each file.
const MANAGED_FILE: &str = ".managed.json";

/// A directory of one epoch: after a power cut the directory is as dead as the process that opened
/// the directory.
#[derive(Clone, Debug)]
pub(super) struct FaultDirectory {
    vfs: SimulatedVfs,
    path: PathBuf,
    epoch: u64,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    /// The list of managed files, as the engine believes it written.
    managed: Option<Vec<u8>>,
    /// Files whose writers are not ended.
    open: Vec<PathBuf>,
    /// Open files: a removed file stays readable by name, as a mapped file does.
    read: BTreeMap<PathBuf, Weak<[u8]>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} open files", self.open.len())
    }
}

impl FaultDirectory {
    pub(super) fn new(vfs: SimulatedVfs, path: &Path, epoch: u64) -> FaultDirectory {
        FaultDirectory { vfs, path: path.to_owned(), epoch, shared: Arc::default() }
    }

    fn check_epoch(&self) -> io::Result<()> {
        if self.vfs.lock().epoch == self.epoch {
            return Ok(());
        }
        Err(io::Error::other("directory from before the power cut"))
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the list of managed files if it waits.
    fn settle(&self) -> io::Result<()> {
        self.check_epoch()?;
        let managed = self.lock().managed.take();
        managed.map_or(Ok(()), |list| self.replace(Path::new(MANAGED_FILE), &list))
    }

    fn replace(&self, name: &Path, bytes: &[u8]) -> io::Result<()> {
        let target = self.path.join(name);
        let mut number = 0_u32;
        let (temporary, mut file) = loop {
            let temporary = self.path.join(format!(".tmp{number}"));
            match self.vfs.create_new(&temporary) {
                Ok(file) => break (temporary, file),
                // A crash left it; the machine's names are random.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        };
        let replaced = file
            .write_all(bytes)
            .and_then(|()| file.sync_data())
            .and_then(|()| self.vfs.rename(&temporary, &target));
        if replaced.is_err() {
            // As the temporary file of the machine's directory does when it is dropped.
            let _ = self.vfs.remove_file(&temporary);
        }
        replaced
    }

    fn read_whole(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let failed = |error| OpenReadError::wrap_io_error(error, path.to_owned());
        self.check_epoch().map_err(failed)?;
        self.vfs.read(&self.path.join(path)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => OpenReadError::FileDoesNotExist(path.to_owned()),
            _ => failed(error),
        })
    }
}

impl Directory for FaultDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        if let Some(bytes) = self.lock().read.get(path).and_then(Weak::upgrade) {
            return Ok(Arc::new(OwnedBytes::new(bytes)));
        }
        let bytes: Arc<[u8]> = self.read_whole(path)?.into();
        self.lock().read.insert(path.to_owned(), Arc::downgrade(&bytes));
        Ok(Arc::new(OwnedBytes::new(bytes)))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        let failed =
            |error| DeleteError::IoError { io_error: Arc::new(error), filepath: path.to_owned() };
        self.settle().map_err(failed)?;
        self.vfs.remove_file(&self.path.join(path)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => DeleteError::FileDoesNotExist(path.to_owned()),
            _ => failed(error),
        })
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        if self.lock().open.iter().any(|open| open == path) {
            return Ok(true);
        }
        self.check_epoch()
            .and_then(|()| self.vfs.exists(&self.path.join(path)))
            .map_err(|error| OpenReadError::wrap_io_error(error, path.to_owned()))
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        match self.exists(path) {
            Ok(false) => {}
            Ok(true) => return Err(OpenWriteError::FileAlreadyExists(path.to_owned())),
            Err(error) => {
                let error = io::Error::other(error);
                return Err(OpenWriteError::wrap_io_error(error, path.to_owned()));
            }
        }
        self.lock().open.push(path.to_owned());
        let writer =
            FaultWriter { directory: self.clone(), name: path.to_owned(), bytes: Vec::new() };
        Ok(BufWriter::new(Box::new(writer)))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        if path == Path::new(MANAGED_FILE)
            && let Some(list) = &self.lock().managed
        {
            return Ok(list.clone());
        }
        self.read_whole(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.check_epoch()?;
        if path == Path::new(MANAGED_FILE) {
            self.lock().managed = Some(data.to_vec());
            return Ok(());
        }
        self.settle()?;
        self.replace(path, data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.settle()?;
        self.vfs.sync_dir(&self.path)
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        let path = self.path.join(&lock.filepath);
        let mut state = self.vfs.lock();
        while !state.locks.insert(path.clone()) {
            if !lock.is_blocking {
                return Err(LockError::LockBusy);
            }
            state = self.vfs.unlocked.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let held = HeldLock { vfs: self.vfs.clone(), path, epoch: state.epoch };
        Ok(DirectoryLock::from(Box::new(held)))
    }

    fn watch(&self, _callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        // Readers are reloaded by hand.
        Ok(WatchHandle::empty())
    }
}

/// A lock that ends with its holder, as a lock of the operating system does.
struct HeldLock {
    vfs: SimulatedVfs,
    path: PathBuf,
    epoch: u64,
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        let mut state = self.vfs.lock();
        // Another process may hold it since the crash.
        if state.epoch == self.epoch {
            state.locks.remove(&self.path);
            self.vfs.unlocked.notify_all();
        }
    }
}

/// A file that is on the disk when its writer is ended.
struct FaultWriter {
    directory: FaultDirectory,
    name: PathBuf,
    bytes: Vec<u8>,
}

impl Write for FaultWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TerminatingWrite for FaultWriter {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.directory.settle()?;
        let path = self.directory.path.join(&self.name);
        let mut file = self.directory.vfs.create_new(&path)?;
        file.write_all(&self.bytes)?;
        file.sync_data()
    }
}

impl Drop for FaultWriter {
    fn drop(&mut self) {
        self.directory.lock().open.retain(|open| *open != self.name);
    }
}
