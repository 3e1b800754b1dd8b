//! What can go wrong in the write-ahead log, named by operation.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

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
    #[error("{path} has wal format version {found}, this program reads version {expected}")]
    FormatVersion {
        /// The segment.
        path: PathBuf,
        /// The version that its header names.
        found: u8,
        /// The version that this program writes.
        expected: u8,
    },
}

impl WalError {
    /// Returns a closure that names a failed file operation, for `map_err`.
    pub(crate) fn io(
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
    pub(crate) fn is_exhaustion(&self) -> bool {
        let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOMEM].map(Errno::raw_os_error);
        let code = self.io_error().and_then(io::Error::raw_os_error);
        code.is_some_and(|code| exhausted.contains(&code))
    }

    /// Tells whether the failure is a lack of space.
    pub(crate) fn is_no_space(&self) -> bool {
        match self {
            WalError::DiskFull { .. } => true,
            WalError::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            WalError::Poisoned { .. } | WalError::FormatVersion { .. } => false,
        }
    }
}
