//! A file system in memory that can lose power, fill up and fail on demand.
//!
//! It keeps apart what was written, what was synced and which names were synced, so that a
//! forgotten `sync_data` or `sync_dir` loses data in a test as it would on a machine. Nothing
//! here is random by itself: a [`Crash`] carries its seed.

mod power;
mod tree;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use power::Crash;
use tree::{Change, FileContent, Inode, Tree};

use super::{Vfs, VfsFile};

/// Space that a new file system claims to have.
const CAPACITY_BYTES: u64 = 1 << 40;

/// One kind of call, for choosing which fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// `create_new`.
    Create,
    /// `open_append` and `open_read`.
    Open,
    /// `read_at`.
    Read,
    /// `write_all`.
    Write,
    /// `sync_data`.
    SyncData,
    /// `set_len`.
    SetLen,
    /// `rename`.
    Rename,
    /// `remove_file` and `remove_dir_all`.
    Remove,
    /// `create_dir_all`.
    CreateDir,
    /// `list_dir`, `file_len`, `len`, `exists`, `free_bytes`.
    Inspect,
    /// `sync_dir`.
    SyncDir,
}

impl Operation {
    /// Tells whether the call changes the disk; only these are counted by
    /// [`SimulatedVfs::halt_after`].
    fn is_change(self) -> bool {
        !matches!(self, Operation::Open | Operation::Read | Operation::Inspect)
    }
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultError {
    /// EIO. A failed `sync_data` also forgets what it should have made durable, as Linux does.
    Io,
    /// ENOSPC.
    NoSpace,
}

impl FaultError {
    fn to_io(self) -> io::Error {
        match self {
            FaultError::Io => io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error()),
            FaultError::NoSpace => {
                io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error())
            }
        }
    }
}

/// The simulated file system. Clones share one disk.
#[derive(Clone, Debug)]
pub struct SimulatedVfs {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    tree: Tree,
    /// Counts power cuts: a handle from before one is dead.
    epoch: u64,
    capacity_bytes: u64,
    change_count: u64,
    halt_at: Option<u64>,
    /// Operation to how many more succeed before one fails, and how.
    faults: BTreeMap<Operation, (u64, FaultError)>,
    ignored: Option<Operation>,
}

impl Default for SimulatedVfs {
    fn default() -> SimulatedVfs {
        SimulatedVfs::new()
    }
}

impl SimulatedVfs {
    /// Returns an empty disk with an existing root directory `/`.
    pub fn new() -> SimulatedVfs {
        let state = State {
            tree: Tree::new(),
            epoch: 0,
            capacity_bytes: CAPACITY_BYTES,
            change_count: 0,
            halt_at: None,
            faults: BTreeMap::new(),
            ignored: None,
        };
        SimulatedVfs { state: Arc::new(Mutex::new(state)) }
    }

    /// Cuts the power and restores it: handles die, faults and halts are forgotten, and what was
    /// not synced is lost as the crash says.
    pub fn crash(&self, crash: Crash) {
        let mut state = self.lock();
        power::cut(&mut state.tree, crash);
        state.epoch += 1;
        state.halt_at = None;
        state.faults.clear();
    }

    /// Returns another disk: this one as a crash now would leave it.
    #[must_use]
    pub fn after(&self, crash: Crash) -> SimulatedVfs {
        let copy = SimulatedVfs::new();
        copy.lock().tree = self.lock().tree.clone();
        copy.crash(crash);
        copy
    }

    /// Lets so many of an operation succeed and then one fail.
    pub fn fail_after(&self, operation: Operation, successes: u64, error: FaultError) {
        self.lock().faults.insert(operation, (successes, error));
    }

    /// Disarms every fault that has not happened yet.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Lets so many changes of the disk succeed; then every call fails until the next crash.
    pub fn halt_after(&self, changes: u64) {
        let mut state = self.lock();
        state.halt_at = Some(state.change_count + changes);
    }

    /// Returns how many changes of the disk were made.
    pub fn change_count(&self) -> u64 {
        self.lock().change_count
    }

    /// Makes an operation do nothing and claim success: a disk or a program that lies. Tests
    /// use it to prove that they would notice.
    pub fn ignore(&self, operation: Operation) {
        self.lock().ignored = Some(operation);
    }

    /// Sets how many bytes all files together may have; beyond that, writes fail with ENOSPC.
    pub fn set_capacity(&self, bytes: u64) {
        self.lock().capacity_bytes = bytes;
    }

    /// Changes stored bytes in place, as bit rot does, durable at once.
    pub fn corrupt(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut state = self.lock();
        let id = state.tree.find(path)?;
        let file = state.tree.file_mut(id)?;
        change(&mut file.current);
        file.synced = file.current.clone();
        file.pending.clear();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, id: usize, epoch: u64) -> Box<dyn VfsFile> {
        Box::new(SimulatedFile { vfs: self.clone(), id, epoch })
    }
}

/// What the caller of an operation does next.
enum Admission {
    Perform,
    Ignore,
}

impl State {
    fn admit(&mut self, operation: Operation) -> io::Result<Admission> {
        if self.halt_at.is_some_and(|halt_at| self.change_count >= halt_at) {
            return Err(FaultError::Io.to_io());
        }
        if let Some((successes, error)) = self.faults.get_mut(&operation) {
            if *successes == 0 {
                let error = error.to_io();
                self.faults.remove(&operation);
                return Err(error);
            }
            *successes -= 1;
        }
        if operation.is_change() {
            self.change_count += 1;
        }
        let ignored = self.ignored == Some(operation);
        Ok(if ignored { Admission::Ignore } else { Admission::Perform })
    }
}

impl Vfs for SimulatedVfs {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let mut state = self.lock();
        let _ = state.admit(Operation::Create)?;
        let id = state.tree.insert(path, Inode::File(FileContent::default()))?;
        Ok(self.handle(id, state.epoch))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let mut state = self.lock();
        let _ = state.admit(Operation::Open)?;
        let id = state.tree.find(path)?;
        state.tree.file_mut(id)?;
        Ok(self.handle(id, state.epoch))
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.open_append(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let _ = state.admit(Operation::Rename)?;
        state.tree.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let _ = state.admit(Operation::Remove)?;
        let id = state.tree.find(path)?;
        state.tree.file_mut(id)?;
        state.tree.unlink(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let _ = state.admit(Operation::Remove)?;
        let id = state.tree.find(path)?;
        state.tree.directory(id)?;
        state.tree.unlink(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let _ = state.admit(Operation::CreateDir)?;
        let mut ancestors: Vec<&Path> = path.ancestors().collect();
        ancestors.reverse();
        for ancestor in ancestors {
            match state.tree.find(ancestor) {
                Ok(id) => drop(state.tree.directory(id)?),
                Err(_) => drop(state.tree.insert(ancestor, Inode::directory())?),
            }
        }
        Ok(())
    }

    fn list_dir(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let mut state = self.lock();
        let _ = state.admit(Operation::Inspect)?;
        let id = state.tree.find(path)?;
        Ok(state.tree.directory(id)?.current.keys().cloned().collect())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        match state.admit(Operation::SyncDir)? {
            Admission::Ignore => Ok(()),
            Admission::Perform => {
                let id = state.tree.find(path)?;
                let directory = state.tree.directory_mut(id)?;
                directory.synced = directory.current.clone();
                Ok(())
            }
        }
    }

    fn file_len(&self, path: &Path) -> io::Result<u64> {
        self.open_read(path)?.len()
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let mut state = self.lock();
        let _ = state.admit(Operation::Inspect)?;
        Ok(state.tree.find(path).is_ok())
    }

    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        let mut state = self.lock();
        let _ = state.admit(Operation::Inspect)?;
        Ok(state.capacity_bytes.saturating_sub(state.tree.used_bytes()))
    }
}

#[derive(Debug)]
struct SimulatedFile {
    vfs: SimulatedVfs,
    id: usize,
    epoch: u64,
}

impl SimulatedFile {
    fn admit(&self, operation: Operation) -> io::Result<(MutexGuard<'_, State>, Admission)> {
        let mut state = self.vfs.lock();
        if state.epoch != self.epoch {
            return Err(io::Error::other("file handle from before the power cut"));
        }
        let admission = state.admit(operation)?;
        Ok((state, admission))
    }
}

impl VfsFile for SimulatedFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (mut state, _) = self.admit(Operation::Write)?;
        let free = state.capacity_bytes.saturating_sub(state.tree.used_bytes());
        let fits = bytes.len().min(usize::try_from(free).unwrap_or(usize::MAX));
        let written = bytes.get(..fits).unwrap_or(bytes);
        state.tree.file_mut(self.id)?.append(written);
        if fits < bytes.len() { Err(FaultError::NoSpace.to_io()) } else { Ok(()) }
    }

    fn sync_data(&mut self) -> io::Result<()> {
        match self.admit(Operation::SyncData) {
            Ok((mut state, Admission::Perform)) => {
                state.tree.file_mut(self.id)?.sync();
                Ok(())
            }
            Ok((_, Admission::Ignore)) => Ok(()),
            Err(error) => {
                let mut state = self.vfs.lock();
                if state.epoch == self.epoch && state.halt_at.is_none() {
                    state.tree.file_mut(self.id)?.pending.clear();
                }
                Err(error)
            }
        }
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        let (mut state, _) = self.admit(Operation::SetLen)?;
        state.tree.file_mut(self.id)?.change(Change::SetLength(length));
        Ok(())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let (mut state, _) = self.admit(Operation::Read)?;
        let content = &state.tree.file_mut(self.id)?.current;
        let rest = usize::try_from(offset).ok().and_then(|offset| content.get(offset..));
        // A slice reads as a file does: as much as fits, from where it begins.
        io::Read::read(&mut rest.unwrap_or_default(), buffer)
    }

    fn len(&self) -> io::Result<u64> {
        let (mut state, _) = self.admit(Operation::Inspect)?;
        Ok(state.tree.file_mut(self.id)?.current.len() as u64)
    }
}

#[cfg(test)]
mod tests;
