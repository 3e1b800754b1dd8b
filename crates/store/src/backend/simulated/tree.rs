//! Inodes of the simulated disk: what is seen now beside what a power cut would leave.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use tierlog_model::Timestamp;

const ROOT: usize = 0;

/// Every inode ever made. A clone shares the bytes of files until they change.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    inodes: Vec<Inode>,
}

#[derive(Clone, Debug)]
pub(super) enum Inode {
    File(FileContent),
    Directory(Directory),
}

impl Inode {
    pub(super) fn directory() -> Inode {
        Inode::Directory(Directory::default())
    }
}

/// Bytes of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct FileContent {
    /// What reads see.
    pub(super) current: Arc<Vec<u8>>,
    /// What is surely on the disk.
    pub(super) synced: Arc<Vec<u8>>,
    /// When it last changed.
    pub(super) modified: Timestamp,
    /// Changes from `synced` to `current`, without changes lost by a failed sync.
    pub(super) pending: Vec<Change>,
}

/// One unsynced change of a file.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    SetLength(u64),
}

impl Change {
    pub(super) fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Write { offset, bytes } => {
                // Where a failed sync forgot what came before, a write leaves a hole of zeros
                // or goes over bytes that were believed to be cut off.
                let end = offset + bytes.len();
                content.resize(content.len().max(end), 0);
                if let Some(target) = content.get_mut(*offset..end) {
                    target.copy_from_slice(bytes);
                }
            }
            Change::SetLength(length) => {
                content.resize(usize::try_from(*length).unwrap_or(usize::MAX), 0);
            }
        }
    }
}

impl FileContent {
    pub(super) fn change(&mut self, change: Change, now: Timestamp) {
        change.apply(Arc::make_mut(&mut self.current));
        self.pending.push(change);
        self.modified = now;
    }

    pub(super) fn append(&mut self, bytes: &[u8], now: Timestamp) {
        self.change(Change::Write { offset: self.current.len(), bytes: bytes.to_vec() }, now);
    }

    pub(super) fn sync(&mut self) {
        // A failed sync may have forgotten changes, so the two are not simply made equal.
        let synced = Arc::make_mut(&mut self.synced);
        for change in self.pending.drain(..) {
            change.apply(synced);
        }
    }
}

/// Names in a directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    /// What is seen.
    pub(super) current: BTreeMap<OsString, usize>,
    /// What is surely on the disk.
    pub(super) synced: BTreeMap<OsString, usize>,
    /// Changes that lead from `synced` to `current`.
    pub(super) pending: Vec<NameChange>,
}

/// One unsynced change of a directory. A rename inside one directory happens at once or not at
/// all; one that leaves a directory is a change of each.
#[derive(Clone, Debug)]
pub(super) enum NameChange {
    Set { name: OsString, id: usize },
    Remove { name: OsString },
    Rename { from: OsString, to: OsString, id: usize },
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<OsString, usize>) {
        match self {
            NameChange::Set { name, id } => {
                names.insert(name.clone(), *id);
            }
            NameChange::Remove { name } => {
                names.remove(name);
            }
            NameChange::Rename { from, to, id } => {
                names.remove(from);
                names.insert(to.clone(), *id);
            }
        }
    }
}

impl Directory {
    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.current);
        self.pending.push(change);
    }

    pub(super) fn sync(&mut self) {
        self.synced.clone_from(&self.current);
        self.pending.clear();
    }

    /// Becomes what is on the disk when only the chosen changes got there.
    pub(super) fn lose(&mut self, mut kept: impl FnMut(usize) -> bool) {
        for (number, change) in self.pending.drain(..).enumerate() {
            if kept(number) {
                change.apply(&mut self.synced);
            }
        }
        self.current.clone_from(&self.synced);
    }
}

impl Tree {
    pub(super) fn new() -> Tree {
        Tree { inodes: vec![Inode::directory()] }
    }

    pub(super) fn inodes_mut(&mut self) -> impl Iterator<Item = &mut Inode> {
        self.inodes.iter_mut()
    }

    /// Returns the inode of a path.
    pub(super) fn find(&self, path: &Path) -> io::Result<usize> {
        let mut id = ROOT;
        for component in path.components() {
            match component {
                Component::Normal(name) => {
                    let next = self.directory(id)?.current.get(name);
                    id = *next.ok_or(io::ErrorKind::NotFound)?;
                }
                Component::RootDir | Component::CurDir => {}
                Component::ParentDir | Component::Prefix(_) => {
                    return Err(io::ErrorKind::InvalidInput.into());
                }
            }
        }
        Ok(id)
    }

    /// Adds an inode under a new name.
    pub(super) fn insert(&mut self, path: &Path, inode: Inode) -> io::Result<usize> {
        let (parent, name) = self.locate(path)?;
        if self.directory(parent)?.current.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = self.inodes.len();
        self.inodes.push(inode);
        self.directory_mut(parent)?.change(NameChange::Set { name: name.to_owned(), id });
        Ok(id)
    }

    pub(super) fn unlink(&mut self, path: &Path) -> io::Result<()> {
        let (parent, name) = self.locate(path)?;
        let directory = self.directory_mut(parent)?;
        if !directory.current.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        directory.change(NameChange::Remove { name: name.to_owned() });
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let id = self.find(from)?;
        let (parent, name) = self.locate(to)?;
        let (old_parent, old_name) = self.locate(from)?;
        let to = name.to_owned();
        if parent == old_parent {
            let from = old_name.to_owned();
            self.directory_mut(parent)?.change(NameChange::Rename { from, to, id });
        } else {
            self.unlink(from)?;
            self.directory_mut(parent)?.change(NameChange::Set { name: to, id });
        }
        Ok(())
    }

    /// Empties what no directory knows any more, not even one that a power cut would bring back.
    pub(super) fn sweep(&mut self) {
        let mut reached = vec![false; self.inodes.len()];
        let mut waiting = vec![ROOT];
        while let Some(id) = waiting.pop() {
            let Some(mark) = reached.get_mut(id).filter(|mark| !**mark) else { continue };
            *mark = true;
            if let Some(Inode::Directory(directory)) = self.inodes.get(id) {
                waiting.extend(directory.current.values().chain(directory.synced.values()));
            }
        }
        for (inode, reached) in self.inodes.iter_mut().zip(reached) {
            if !reached {
                *inode = Inode::File(FileContent::default());
            }
        }
    }

    pub(super) fn file_mut(&mut self, id: usize) -> io::Result<&mut FileContent> {
        match self.inodes.get_mut(id) {
            Some(Inode::File(content)) => Ok(content),
            Some(Inode::Directory(_)) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn directory(&self, id: usize) -> io::Result<&Directory> {
        match self.inodes.get(id) {
            Some(Inode::Directory(directory)) => Ok(directory),
            Some(Inode::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn directory_mut(&mut self, id: usize) -> io::Result<&mut Directory> {
        match self.inodes.get_mut(id) {
            Some(Inode::Directory(directory)) => Ok(directory),
            Some(Inode::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Returns the bytes of all files that still have a name.
    pub(super) fn used_bytes(&self) -> u64 {
        let mut bytes = 0;
        let mut waiting = vec![ROOT];
        while let Some(id) = waiting.pop() {
            match self.inodes.get(id) {
                Some(Inode::File(content)) => bytes += content.current.len() as u64,
                Some(Inode::Directory(directory)) => waiting.extend(directory.current.values()),
                None => {}
            }
        }
        bytes
    }

    /// Returns every named file with its length.
    pub(super) fn files(&self) -> Vec<(PathBuf, u64)> {
        let mut files = Vec::new();
        let mut waiting = vec![(PathBuf::from("/"), ROOT)];
        while let Some((path, id)) = waiting.pop() {
            match self.inodes.get(id) {
                Some(Inode::File(content)) => files.push((path, content.current.len() as u64)),
                Some(Inode::Directory(directory)) => {
                    let entries = directory.current.iter();
                    waiting.extend(entries.map(|(name, id)| (path.join(name), *id)));
                }
                None => {}
            }
        }
        files.sort();
        files
    }

    fn locate<'p>(&self, path: &'p Path) -> io::Result<(usize, &'p OsStr)> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        Ok((self.find(parent)?, name))
    }
}
