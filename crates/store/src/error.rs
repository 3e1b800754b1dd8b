//! What can go wrong in the store, named by operation.

use std::path::{Path, PathBuf};

/// Failure of a store operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file operation failed.
    #[error("{operation} {path}: {source}")]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// Why it did not work.
        source: std::io::Error,
    },
    /// Another process holds the data directory.
    #[error("data directory {0} is in use by another process")]
    Locked(PathBuf),
    /// The data directory was written by an unknown version.
    #[error("{path} has format version {found}, this program reads version {expected}")]
    FormatVersion {
        /// The file that says so.
        path: PathBuf,
        /// The version found there.
        found: u32,
        /// The version that this program writes.
        expected: u32,
    },
    /// A file that describes the data cannot be read.
    #[error("{path}: {problem}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The index of a partition failed.
    #[error("{operation} partition {partition}: {source}")]
    Index {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On which partition, as `tier/day`.
        partition: String,
        /// The engine's error.
        source: tantivy::TantivyError,
    },
    /// A segment could not be read.
    #[error("read segment: {0}")]
    Segment(#[from] tantivy::TantivyError),
    /// A column could not be read.
    #[error("read column: {0}")]
    Column(std::io::Error),
    /// A record does not decode.
    #[error("decode record: {0}")]
    Record(#[from] tierlog_model::DecodeError),
    /// The write-ahead log failed.
    #[error(transparent)]
    Wal(#[from] crate::wal::WalError),
    /// The partition is gone: it expired, or was never there.
    #[error("partition {0} is not in the store")]
    NoPartition(String),
    /// A thread of the store ended in a panic, or the store is closed.
    #[error("store thread {0} has ended")]
    ThreadEnded(&'static str),
}

impl StoreError {
    /// Returns a closure that names a failed file operation, for `map_err`.
    pub(crate) fn io(
        operation: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> StoreError {
        let path = path.to_owned();
        move |source| StoreError::Io { operation, path, source }
    }

    /// Returns a closure that names a failed index operation, for `map_err`.
    pub(crate) fn index(
        operation: &'static str,
        partition: &str,
    ) -> impl FnOnce(tantivy::TantivyError) -> StoreError {
        let partition = partition.to_owned();
        move |source| StoreError::Index { operation, partition, source }
    }
}
