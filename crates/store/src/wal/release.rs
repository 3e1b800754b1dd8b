//! What whoever indexes the log does to it: makes it durable up to what is committed, and removes
//! segments whose records are all in the indexes. Usable from any thread.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::WalError;
use super::durable::Durable;
use super::list::SegmentList;
use super::mark::Mark;
use crate::backend::Vfs;

/// Handle that syncs and releases segments while another thread writes.
#[derive(Clone, Debug)]
pub struct WalReleaser {
    vfs: Arc<dyn Vfs>,
    directory: PathBuf,
    segments: SegmentList,
    durable: Durable,
    mark: Mark,
}

impl WalReleaser {
    pub(super) fn new(
        vfs: Arc<dyn Vfs>,
        directory: PathBuf,
        segments: SegmentList,
        (durable, mark): (Durable, Mark),
    ) -> WalReleaser {
        WalReleaser { vfs, directory, segments, durable, mark }
    }

    /// Makes every record below `seq` durable; all of them have been written. An index that holds
    /// them may be committed then, and never before.
    ///
    /// A sync that fails is the end of the log, which takes no more batches. It is not the end of
    /// what was taken: the indexes can still make that durable, so the caller goes on.
    pub fn sync_below(&self, seq: u64) -> Result<(), WalError> {
        // An index would be committed into another store.
        if let Some(reason) = self.durable.moved() {
            return Err(WalError::Poisoned { reason });
        }
        // Fast path: with `fsync` nothing is indexed that is not durable.
        if self.durable.reaches(seq) || self.durable.failed().is_some() {
            return Ok(());
        }
        // ORDER: the place is read before the sync, so that the sync covers all of its bytes.
        let written = self.mark.written();
        // Segments before the last one were synced when they were closed.
        let Some(last) = self.segments.snapshot().pop() else { return Ok(()) };
        let path = &last.path;
        let mut file = match self.vfs.open_append(path).map_err(WalError::io("open", path)) {
            Ok(file) => file,
            // A later open may succeed; no record was lost.
            Err(error) if error.is_exhaustion() => return Err(error),
            Err(error) => {
                self.durable.fail(error.to_string());
                return Ok(());
            }
        };
        match file.sync_data().map_err(WalError::io("sync", path)) {
            Ok(()) => {
                self.durable.advance(seq);
                self.mark.durable(written);
            }
            Err(error) => self.durable.fail(error.to_string()),
        }
        Ok(())
    }

    /// Lets indexes be ahead of the log: a proof that the simulation would notice.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn forget_order(&self) {
        self.durable.advance(u64::MAX);
    }

    /// Returns the number below which every record is durable.
    pub fn durable_below(&self) -> u64 {
        self.durable.below()
    }

    /// Returns the number below which every record is in its index.
    pub fn indexed_below(&self) -> u64 {
        self.durable.indexed_below()
    }

    /// Returns the number of the oldest record that the log may still hold.
    pub fn first_seq(&self) -> u64 {
        self.segments.snapshot().first().map_or(0, |segment| segment.first_seq)
    }

    /// Returns how many segments the log has.
    pub(crate) fn segment_count(&self) -> usize {
        self.segments.snapshot().len()
    }

    /// Removes the segments all of whose records have numbers before `seq`, never the active
    /// one. Returns how many went.
    ///
    /// The caller has committed every index that holds those records and synced their
    /// directories: from here on the log cannot give them back.
    pub fn release_before(&self, seq: u64) -> Result<usize, WalError> {
        self.durable.note_indexed(seq);
        // The list is not locked while files are removed: the writer needs it to rotate.
        let gone = self.segments.wholly_before(seq);
        self.mark.indexed(seq);
        if gone.is_empty() {
            return Ok(0);
        }
        // ORDER: durably indexed before a segment goes, or the next start would miss its records.
        self.mark.keep()?;
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
