//! An open file of the simulated disk. It dies with the power.

use std::io;
use std::path::PathBuf;
use std::sync::MutexGuard;

use super::tree::Change;
use super::{Admission, FaultError, Operation, SimulatedVfs, State};
use crate::backend::VfsFile;

#[derive(Debug)]
pub(super) struct SimulatedFile {
    pub(super) vfs: SimulatedVfs,
    pub(super) path: PathBuf,
    pub(super) id: usize,
    pub(super) epoch: u64,
}

impl SimulatedFile {
    fn admit(&self, operation: Operation) -> io::Result<(MutexGuard<'_, State>, Admission)> {
        let mut state = self.vfs.lock();
        if state.epoch != self.epoch {
            return Err(io::Error::other("file handle from before the power cut"));
        }
        let admission = state.admit(operation, &self.path)?;
        Ok((state, admission))
    }
}

impl VfsFile for SimulatedFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (mut state, _) = self.admit(Operation::Write)?;
        let fits = bytes.len().min(usize::try_from(state.free_bytes()).unwrap_or(usize::MAX));
        let (written, now) = (bytes.get(..fits).unwrap_or(bytes), state.now);
        state.tree.file_mut(self.id)?.append(written, now);
        if fits < bytes.len() { Err(FaultError::NoSpace.to_io()) } else { Ok(()) }
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let (mut state, _) = self.admit(Operation::Write)?;
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let length = state.tree.file_mut(self.id)?.current.len();
        let grows = (offset + bytes.len()).saturating_sub(length);
        if grows as u64 > state.free_bytes() {
            return Err(FaultError::NoSpace.to_io());
        }
        let now = state.now;
        let change = Change::Write { offset, bytes: bytes.to_vec() };
        state.tree.file_mut(self.id)?.change(change, now);
        Ok(())
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
        let now = state.now;
        state.tree.file_mut(self.id)?.change(Change::SetLength(length), now);
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
