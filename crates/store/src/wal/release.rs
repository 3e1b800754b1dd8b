//! Removes segments whose records are all in the indexes. Usable from any thread.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::WalError;
use super::list::SegmentList;
use crate::backend::Vfs;

/// Handle that releases segments while another thread writes.
#[derive(Clone, Debug)]
pub struct WalReleaser {
    vfs: Arc<dyn Vfs>,
    directory: PathBuf,
    segments: SegmentList,
}

impl WalReleaser {
    pub(super) fn new(vfs: Arc<dyn Vfs>, directory: PathBuf, segments: SegmentList) -> WalReleaser {
        WalReleaser { vfs, directory, segments }
    }

    /// Returns the number of the oldest record that the log may still hold.
    pub fn first_seq(&self) -> u64 {
        self.segments.snapshot().first().map_or(0, |segment| segment.first_seq)
    }

    /// Removes the segments all of whose records have numbers before `seq`, never the active
    /// one. Returns how many went.
    ///
    /// The caller has committed every index that holds those records and synced their
    /// directories: from here on the log cannot give them back.
    pub fn release_before(&self, seq: u64) -> Result<usize, WalError> {
        // The list is not locked while files are removed: the writer needs it to rotate.
        let gone = self.segments.wholly_before(seq);
        if gone.is_empty() {
            return Ok(0);
        }
        // ORDER: oldest first, so that a failure in between leaves a log without holes.
        for segment in &gone {
            match self.vfs.remove_file(&segment.path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(WalError::io("remove", &segment.path)(error)),
            }
            self.segments.remove(std::slice::from_ref(segment));
        }
        self.vfs.sync_dir(&self.directory).map_err(WalError::io("sync", &self.directory))?;
        Ok(gone.len())
    }
}
