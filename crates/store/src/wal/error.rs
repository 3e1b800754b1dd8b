//! What can go wrong in the write-ahead log, named by operation.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use tierlog_model::DecodeError;

use super::segment::FORMAT_VERSION;

/// Failure of a WAL operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalError {
    /// A file operation failed. Never skipped: it does not say what is on the disk.
    #[error("{operation} {path}: {source}")]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// Why it did not work.
        source: io::Error,
    },
    /// There is no room; what was begun has been undone and the log can be used again.
    #[error("{operation} {path}: disk is full")]
    DiskFull {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On which file or directory.
        path: PathBuf,
    },
    /// A write or sync failed before; the log takes no more batches.
    #[error("wal refuses writes: {reason}")]
    Poisoned {
        /// The first failure.
        reason: String,
    },
    /// The segment was written by another version of the program.
    #[error("{path} has wal format version {found}, this program reads version {}", FORMAT_VERSION)]
    FormatVersion {
        /// The segment.
        path: PathBuf,
        /// The version that its header names.
        found: u8,
    },
}

impl WalError {
    /// Returns a closure that names a failed file operation, for `map_err`.
    pub(super) fn io(
        operation: &'static str,
        path: &Path,
    ) -> impl FnOnce(io::Error) -> WalError + use<> {
        let path = path.to_owned();
        move |source| WalError::Io { operation, path, source }
    }

    /// Returns the file system's error, if the failure is one.
    pub(crate) fn io_error(&self) -> Option<&io::Error> {
        match self {
            WalError::Io { source, .. } => Some(source),
            WalError::DiskFull { .. }
            | WalError::Poisoned { .. }
            | WalError::FormatVersion { .. } => None,
        }
    }

    /// Tells whether the process ran out of files or memory: nothing was tried on the disk.
    pub(super) fn is_exhaustion(&self) -> bool {
        let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOMEM].map(Errno::raw_os_error);
        let code = self.io_error().and_then(io::Error::raw_os_error);
        code.is_some_and(|code| exhausted.contains(&code))
    }

    /// Tells whether the failure is a lack of space.
    pub(super) fn is_no_space(&self) -> bool {
        match self {
            WalError::DiskFull { .. } => true,
            WalError::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            WalError::Poisoned { .. } | WalError::FormatVersion { .. } => false,
        }
    }
}

/// Why bytes are not a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The file ends inside the frame.
    #[error("file ends inside the frame")]
    Incomplete,
    /// A length is impossible.
    #[error("impossible length")]
    Length,
    /// The checksum does not match.
    #[error("checksum mismatch")]
    Checksum,
    /// The kind or the codec is not of this version.
    #[error("unknown kind or codec")]
    Unknown,
    /// The record number lies before that of an earlier frame.
    #[error("record number out of order")]
    Sequence,
    /// The segment's header is damaged.
    #[error("damaged segment header")]
    SegmentHeader,
    /// The key of a batch or an entry of the retry window is not one.
    #[error("malformed retry key")]
    RetryKey,
    /// The name of a tenant is none.
    #[error("malformed tenant")]
    Tenant,
    /// The payload does not decompress to the length that the header gives.
    #[error("payload does not decompress")]
    Decompress,
    /// The records do not decode.
    #[error("records: {0}")]
    Records(#[from] DecodeError),
}
