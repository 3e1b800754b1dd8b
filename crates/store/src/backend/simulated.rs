//! A file system in memory that can lose power, fill up and fail on demand.
//!
//! Written bytes, synced bytes and synced names are kept apart, so that a forgotten `sync_data` or
//! `sync_dir` loses data in a test as on a machine. The disk has no randomness of its own: a
//! [`Crash`] carries the seed.

mod choices;
mod directory;
mod file;
mod held;
mod power;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tantivy::directory::Directory;
use tierlog_model::Timestamp;

pub use choices::Choices;
use directory::FaultDirectory;
use file::SimulatedFile;
pub use held::Held;
use held::Hold;
pub use power::Crash;
use tree::{FileContent, Inode, Tree};

use super::{Vfs, VfsFile};

/// One kind of call, to choose the failing calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// `create_new`.
    Create,
    /// `open_append` and `open_read`.
    Open,
    /// `read_at`.
    Read,
    /// `write_all` and `write_at`.
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
    /// Signalled when a lock file is let go.
    unlocked: Arc<Condvar>,
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
    /// Operations without effect, with the paths concerned.
    ignored: Vec<(Operation, String)>,
    /// Operations without effect at their next call on a path.
    ignored_once: Vec<(Operation, PathBuf)>,
    now: Timestamp,
    /// Held lock files of the search engine, with the holding process.
    locks: BTreeSet<PathBuf>,
    /// The disk before each change, while a test records changes.
    moments: Option<Vec<Tree>>,
    /// What the next sync of a directory waits for.
    hold: Option<Hold>,
}

impl Default for SimulatedVfs {
    fn default() -> SimulatedVfs {
        SimulatedVfs::new()
    }
}

impl SimulatedVfs {
    /// Space that a new file system claims to have.
    pub const CAPACITY_BYTES: u64 = 1 << 40;

    /// Returns an empty disk with an existing root directory `/`.
    pub fn new() -> SimulatedVfs {
        let state = State {
            tree: Tree::new(),
            epoch: 0,
            capacity_bytes: SimulatedVfs::CAPACITY_BYTES,
            change_count: 0,
            halt_at: None,
            faults: BTreeMap::new(),
            ignored: Vec::new(),
            ignored_once: Vec::new(),
            now: Timestamp::MIN,
            locks: BTreeSet::new(),
            moments: None,
            hold: None,
        };
        SimulatedVfs { state: Arc::new(Mutex::new(state)), unlocked: Arc::default() }
    }

    /// Cuts the power and restores it: handles die, faults and halts are forgotten, and what was
    /// not synced is lost as the crash says.
    pub fn crash(&self, crash: Crash) {
        let mut state = self.lock();
        power::cut(&mut state.tree, crash);
        state.epoch += 1;
        state.halt_at = None;
        state.faults.clear();
        state.locks.clear();
        self.unlocked.notify_all();
    }

    /// Returns a copy of the disk as left by a crash now.
    #[must_use]
    pub fn after(&self, crash: Crash) -> SimulatedVfs {
        let tree = self.lock().tree.clone();
        self.copy_with(tree, crash)
    }

    /// Keeps the disk of every moment from now on, for [`SimulatedVfs::after_moment`].
    pub fn keep_moments(&self) {
        self.lock().moments = Some(Vec::new());
    }

    /// Returns how many moments were kept since [`SimulatedVfs::keep_moments`]: the
    /// disk before each change.
    pub fn moment_count(&self) -> usize {
        self.lock().moments.as_ref().map_or(0, Vec::len)
    }

    /// Returns another disk: this one as a crash at a kept moment would have left it.
    pub fn after_moment(&self, moment: usize, crash: Crash) -> Option<SimulatedVfs> {
        let tree = self.lock().moments.as_ref()?.get(moment)?.clone();
        Some(self.copy_with(tree, crash))
    }

    fn copy_with(&self, tree: Tree, crash: Crash) -> SimulatedVfs {
        let copy = SimulatedVfs::new();
        {
            let (mut state, origin) = (copy.lock(), self.lock());
            state.tree = tree;
            state.ignored.clone_from(&origin.ignored);
            state.now = origin.now;
        }
        copy.crash(crash);
        copy
    }

    /// Sets the time that files changed from now on say.
    pub fn set_now(&self, now: Timestamp) {
        self.lock().now = now;
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

    /// Tells whether a halt has struck.
    pub fn is_halted(&self) -> bool {
        let state = self.lock();
        state.halt_at.is_some_and(|halt_at| state.change_count >= halt_at)
    }

    /// Makes an operation do nothing and claim success: a disk or a program that lies. Tests break
    /// the disk in this way as a proof that the loss is noticed.
    pub fn ignore(&self, operation: Operation) {
        self.ignore_in(operation, "");
    }

    /// Like [`SimulatedVfs::ignore`], where the path contains a text.
    pub fn ignore_in(&self, operation: Operation, part_of_path: &str) {
        self.lock().ignored.push((operation, part_of_path.to_owned()));
    }

    /// Makes the next sync of a directory wait until the returned guard is dropped, so that a test
    /// can act before the steps behind the sync.
    pub fn hold_next_sync_dir(&self) -> Held {
        let (hold, held) = held::pair();
        self.lock().hold = Some(hold);
        held
    }

    /// Makes the next operation of a kind on a path do nothing and claim success.
    pub fn ignore_once(&self, operation: Operation, path: &Path) {
        self.lock().ignored_once.push((operation, path.to_owned()));
    }

    /// Returns every file, with its length, sorted by path.
    pub fn files(&self) -> Vec<(PathBuf, u64)> {
        self.lock().tree.files()
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
        change(Arc::make_mut(&mut file.current));
        file.synced = Arc::clone(&file.current);
        file.pending.clear();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, path: &Path, id: usize, epoch: u64) -> Box<dyn VfsFile> {
        Box::new(SimulatedFile { vfs: self.clone(), path: path.to_owned(), id, epoch })
    }
}

/// What the caller of an operation does next.
enum Admission {
    Perform,
    Ignore,
}

impl State {
    fn free_bytes(&self) -> u64 {
        // Fast path: nobody counts on a disk that has not been given a size.
        match self.capacity_bytes {
            SimulatedVfs::CAPACITY_BYTES => SimulatedVfs::CAPACITY_BYTES,
            capacity => capacity.saturating_sub(self.tree.used_bytes()),
        }
    }

    fn admit(&mut self, operation: Operation, path: &Path) -> io::Result<Admission> {
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
            if let Some(moments) = &mut self.moments {
                moments.push(self.tree.clone());
            }
        }
        let ignored = self.ignored.iter().any(|(ignored, part_of_path)| {
            *ignored == operation && path.to_string_lossy().contains(part_of_path)
        });
        let once = |(ignored, at): &(Operation, PathBuf)| *ignored == operation && at == path;
        let once = self.ignored_once.iter().position(once);
        let ignored = ignored || once.map(|once| self.ignored_once.remove(once)).is_some();
        Ok(if ignored { Admission::Ignore } else { Admission::Perform })
    }
}

impl Vfs for SimulatedVfs {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let mut state = self.lock();
        let _ = state.admit(Operation::Create, path)?;
        let file = FileContent { modified: state.now, ..FileContent::default() };
        let id = state.tree.insert(path, Inode::File(file))?;
        Ok(self.handle(path, id, state.epoch))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let mut state = self.lock();
        let _ = state.admit(Operation::Open, path)?;
        let id = state.tree.find(path)?;
        state.tree.file_mut(id)?;
        Ok(self.handle(path, id, state.epoch))
    }

    fn open_in_place(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.open_append(path)
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.open_append(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        match state.admit(Operation::Rename, from)? {
            Admission::Ignore => Ok(()),
            Admission::Perform => state.tree.rename(from, to),
        }
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        if let Admission::Ignore = state.admit(Operation::Remove, path)? {
            return Ok(());
        }
        let id = state.tree.find(path)?;
        state.tree.file_mut(id)?;
        state.tree.unlink(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let _ = state.admit(Operation::Remove, path)?;
        let id = state.tree.find(path)?;
        state.tree.directory(id)?;
        state.tree.unlink(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let _ = state.admit(Operation::CreateDir, path)?;
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
        let _ = state.admit(Operation::Inspect, path)?;
        let id = state.tree.find(path)?;
        Ok(state.tree.directory(id)?.current.keys().cloned().collect())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let hold = self.lock().hold.take();
        if let Some(hold) = hold {
            hold.wait();
        }
        let mut state = self.lock();
        match state.admit(Operation::SyncDir, path)? {
            Admission::Ignore => Ok(()),
            Admission::Perform => {
                let id = state.tree.find(path)?;
                state.tree.directory_mut(id)?.sync();
                Ok(())
            }
        }
    }

    fn file_len(&self, path: &Path) -> io::Result<u64> {
        self.open_read(path)?.len()
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let mut state = self.lock();
        let _ = state.admit(Operation::Inspect, path)?;
        Ok(state.tree.find(path).is_ok())
    }

    fn modified(&self, path: &Path) -> io::Result<Timestamp> {
        let mut state = self.lock();
        let _ = state.admit(Operation::Inspect, path)?;
        let id = state.tree.find(path)?;
        Ok(state.tree.file_mut(id)?.modified)
    }

    fn index_directory(&self, path: &Path) -> io::Result<Box<dyn Directory>> {
        let mut state = self.lock();
        let _ = state.admit(Operation::Open, path)?;
        let id = state.tree.find(path)?;
        state.tree.directory(id)?;
        Ok(Box::new(FaultDirectory::new(self.clone(), path, state.epoch)))
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let mut state = self.lock();
        let _ = state.admit(Operation::Inspect, path)?;
        Ok(state.free_bytes())
    }
}

#[cfg(test)]
mod tests;
