//! The segment that takes frames: the file, and the number of durable bytes.
//!
//! The writer decides which error poisons the log; no decision is made here. What is undone here is
//! undone completely or reported.

use std::path::{Path, PathBuf};

use tierlog_model::Timestamp;
use tracing::warn;

use super::WalError;
use super::frame::encode_window;
use super::list::Segment;
use super::mark::LogPlace;
use super::segment::{SEGMENT_HEADER_BYTES, encode_header};
use super::window::RetryWindow;
use crate::backend::{Vfs, VfsFile};

/// The segment that takes frames.
#[derive(Debug)]
pub(super) struct Active {
    file: Box<dyn VfsFile>,
    path: PathBuf,
    first_seq: u64,
    written_bytes: u64,
    synced_bytes: u64,
    /// Bytes of header and window: a segment with only these is not closed.
    head_bytes: u64,
}

/// What a segment begins with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'w> {
    /// Number up to which the log before has given numbers to records.
    pub(super) follows: u64,
    pub(super) window: &'w RetryWindow,
    pub(super) now: Timestamp,
}

impl Active {
    /// Creates a segment and makes it durable, name and all; undone when that does not work.
    pub(super) fn create(
        vfs: &dyn Vfs,
        directory: &Path,
        segment: &Segment,
        Head { follows, window, now }: Head<'_>,
    ) -> Result<Active, WalError> {
        let path = &segment.path;
        let disk_full = |operation| WalError::DiskFull { operation, path: path.clone() };
        let mut file = match vfs.create_new(path).map_err(WalError::io("create", path)) {
            Ok(file) => file,
            Err(error) if error.is_no_space() => return Err(disk_full("create")),
            Err(error) => return Err(error),
        };
        let mut head = encode_header(segment.first_seq, follows, now);
        if window.len() > 0 {
            encode_window(&mut head, segment.first_seq, now, &window.encode());
        }
        if let Err(error) = file.write_all(&head).map_err(WalError::io("write", path)) {
            let removed = vfs.remove_file(path).map_err(WalError::io("remove", path));
            let undone = error.is_no_space() && removed.is_ok();
            return Err(if undone { disk_full("write") } else { error });
        }
        // ORDER: bytes, then the name, then the first frame that anyone relies on.
        let synced = file
            .sync_data()
            .map_err(WalError::io("sync", path))
            .and_then(|()| vfs.sync_dir(directory).map_err(WalError::io("sync", directory)));
        if let Err(error) = synced {
            // No record lies in the segment yet, and the next process must not take the file for
            // durable.
            let _ = vfs.remove_file(path);
            return Err(error);
        }
        Ok(Active::synced(file, segment, head.len() as u64, head.len() as u64))
    }

    /// Opens the last segment of a former process for appending. The next record of the log has
    /// the number `next_seq`.
    pub(super) fn reopen(
        vfs: &dyn Vfs,
        segment: &Segment,
        next_seq: u64,
        window: &RetryWindow,
        now: Timestamp,
    ) -> Result<Active, WalError> {
        let path = &segment.path;
        let mut file = vfs.open_append(path).map_err(WalError::io("open", path))?;
        let mut length = file.len().map_err(WalError::io("inspect", path))?;
        if length == SEGMENT_HEADER_BYTES as u64 && window.len() > 0 {
            // A crash tore the window off while the segment was made.
            let mut frame = Vec::new();
            encode_window(&mut frame, segment.first_seq, now, &window.encode());
            match file.write_all(&frame).map_err(WalError::io("write", path)) {
                Ok(()) => length += frame.len() as u64,
                Err(error) if error.is_no_space() => {
                    // Retries may be forgotten early; a full disk must not keep us from
                    // starting.
                    file.set_len(length).map_err(WalError::io("cut", path))?;
                    warn!(%error, "wal segment begins without the retry window");
                }
                Err(error) => return Err(error),
            }
        }
        // ORDER: a killed process may have left frames that are seen but not durable. They
        // become so before a retry of one of them is acknowledged as a duplicate.
        file.sync_data().map_err(WalError::io("sync", path))?;
        // A segment without records is not closed: the next one would have its name.
        let is_empty = segment.first_seq == next_seq;
        let head_bytes = if is_empty { length } else { SEGMENT_HEADER_BYTES as u64 };
        Ok(Active::synced(file, segment, length, head_bytes))
    }

    fn synced(file: Box<dyn VfsFile>, segment: &Segment, length: u64, head_bytes: u64) -> Active {
        let (path, first_seq) = (segment.path.clone(), segment.first_seq);
        Active { file, path, first_seq, written_bytes: length, synced_bytes: length, head_bytes }
    }

    /// Returns how far the segment is written, when the next record has a number.
    pub(super) fn place(&self, next_seq: u64) -> LogPlace {
        LogPlace { segment: self.first_seq, bytes: self.written_bytes, below: next_seq }
    }

    pub(super) fn has_unsynced(&self) -> bool {
        self.synced_bytes < self.written_bytes
    }

    /// Tells whether so many more bytes belong into another segment.
    pub(super) fn is_full(&self, more_bytes: usize, segment_bytes: u64) -> bool {
        let has_frames = self.written_bytes > self.head_bytes;
        has_frames && self.written_bytes + more_bytes as u64 > segment_bytes
    }

    /// Appends frames. After [`WalError::DiskFull`] the file is as before; after any other
    /// error it must not be used again.
    pub(super) fn write(&mut self, frames: &[u8]) -> Result<(), WalError> {
        let Err(error) = self.file.write_all(frames) else {
            self.written_bytes += frames.len() as u64;
            return Ok(());
        };
        let error = WalError::io("write", &self.path)(error);
        if !error.is_no_space() {
            return Err(error);
        }
        // No sync was tried on the failed bytes, so cutting them off leaves a sound file.
        let length = self.written_bytes;
        self.file
            .set_len(length)
            .and_then(|()| self.file.sync_data())
            .map_err(WalError::io("cut", &self.path))?;
        self.synced_bytes = length;
        Err(WalError::DiskFull { operation: "write", path: self.path.clone() })
    }

    /// Makes everything written so far durable. After an error it must not be used again.
    pub(super) fn sync(&mut self) -> Result<(), WalError> {
        self.file.sync_data().map_err(WalError::io("sync", &self.path))?;
        self.synced_bytes = self.written_bytes;
        Ok(())
    }

    /// Cuts off what was not synced, as far as a failing disk lets us.
    pub(super) fn cut_unsynced(&mut self) {
        // A failure of the cut leaves the file as before.
        let _ = self.file.set_len(self.synced_bytes);
    }
}
