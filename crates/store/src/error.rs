//! What can go wrong in the store, named by operation.

use std::path::{Path, PathBuf};

use rustix::io::Errno;

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
        /// On which partition, as `tenant/tier/day`.
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
    Wal(#[from] crate::wal_error::WalError),
    /// The partition is gone: it expired, or was never there.
    #[error("partition {0} is not in the store")]
    NoPartition(String),
    /// The store is about to close, and the work can be done after the next start.
    #[error("store is closing, the work is left for the next start")]
    Closing,
    /// Indexing waits for room or reads the log again; what was acked is in the log.
    #[error("indexing waits: {0}")]
    Stalled(String),
    /// The partition was damaged and is in quarantine: it is indexed again from the log.
    #[error("partition {0} was damaged, and is indexed again from the log")]
    Quarantined(String),
    /// The batch has no record of that number.
    #[error("no such record")]
    NoRecord,
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

    /// Tells whether the process ran out of something, which says nothing about the data.
    pub(crate) fn is_exhaustion(&self) -> bool {
        self.is_one_of(&[Errno::MFILE, Errno::NFILE, Errno::NOMEM])
    }

    /// Tells whether a file is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        self.io_error().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    }

    /// Tells whether there was no room on the disk: it can be tried again when there is.
    pub(crate) fn is_no_room(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        let kind = self.io_error().map(std::io::Error::kind);
        let full = matches!(self, StoreError::Wal(crate::wal_error::WalError::DiskFull { .. }));
        full || matches!(kind, Some(StorageFull | QuotaExceeded))
            || self.is_one_of(&[Errno::NOSPC, Errno::DQUOT])
    }

    /// Tells whether the failure is one of the operating system's.
    fn is_one_of(&self, errors: &[Errno]) -> bool {
        let code = self.io_error().and_then(std::io::Error::raw_os_error);
        let code = code.or_else(|| match self {
            StoreError::Index { source, .. } | StoreError::Segment(source) => code_in_text(source),
            _ => None,
        });
        code.is_some_and(|code| errors.iter().any(|error| error.raw_os_error() == code))
    }

    /// Tells whether what was read cannot be what was written.
    pub(crate) fn is_damage(&self) -> bool {
        use std::io::ErrorKind::{InvalidData, NotFound, UnexpectedEof};
        use tantivy::TantivyError as Engine;
        use tantivy::directory::error::OpenReadError;
        match self {
            StoreError::Malformed { .. } | StoreError::Record(_) => true,
            StoreError::Index { source, .. } | StoreError::Segment(source) => {
                let known = matches!(
                    source,
                    Engine::DataCorruption(_)
                        | Engine::IncompatibleIndex(_)
                        | Engine::OpenReadError(
                            OpenReadError::FileDoesNotExist(_)
                                | OpenReadError::IncompatibleIndex(_)
                        )
                );
                known
                    || self.io_error().is_some_and(|error| {
                        matches!(error.kind(), InvalidData | NotFound | UnexpectedEof)
                    })
            }
            StoreError::Column(error) => {
                matches!(error.kind(), InvalidData | NotFound | UnexpectedEof)
            }
            _ => false,
        }
    }

    /// Returns the file system's error at the bottom of the failure, if there is one: the search
    /// engine's errors hold it without naming it as their source.
    pub(crate) fn io_error(&self) -> Option<&std::io::Error> {
        match self {
            StoreError::Io { source, .. } => Some(source),
            StoreError::Column(source) => Some(source),
            StoreError::Index { source, .. } | StoreError::Segment(source) => engine_io(source),
            StoreError::Wal(error) => error.io_error(),
            StoreError::Locked(_)
            | StoreError::FormatVersion { .. }
            | StoreError::Malformed { .. }
            | StoreError::Record(_)
            | StoreError::NoPartition(_)
            | StoreError::Closing
            | StoreError::Stalled(_)
            | StoreError::Quarantined(_)
            | StoreError::NoRecord
            | StoreError::ThreadEnded(_) => None,
        }
    }

    /// Returns the failure as one of the file system's, for the search engine.
    pub(crate) fn into_io(self) -> std::io::Error {
        match self {
            StoreError::Io { source, .. } => source,
            other if other.is_damage() => {
                std::io::Error::new(std::io::ErrorKind::InvalidData, other.to_string())
            }
            other => std::io::Error::other(other.to_string()),
        }
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

fn engine_io(error: &tantivy::TantivyError) -> Option<&std::io::Error> {
    use tantivy::TantivyError as Engine;
    use tantivy::directory::error::{LockError, OpenDirectoryError, OpenReadError, OpenWriteError};
    match error {
        Engine::IoError(source)
        | Engine::OpenReadError(OpenReadError::IoError { io_error: source, .. })
        | Engine::OpenWriteError(OpenWriteError::IoError { io_error: source, .. })
        | Engine::OpenDirectoryError(OpenDirectoryError::IoError { io_error: source, .. })
        | Engine::LockFailure(LockError::IoError(source), _) => Some(source),
        _ => None,
    }
}

/// Some errors of the search engine hold the one of the file system as text only.
fn code_in_text(error: &tantivy::TantivyError) -> Option<i32> {
    let text = error.to_string();
    let (_, rest) = text.rsplit_once("(os error ")?;
    rest.split(')').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_known_in_whatever_it_is_wrapped() {
        let full = || std::io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error());
        let index = |source| StoreError::index("commit", "default/info/2026-11-20")(source);
        let engine = tantivy::TantivyError::InternalError(full().to_string());
        for error in [
            StoreError::io("write", Path::new("file"))(full()),
            StoreError::Column(full()),
            index(full().into()),
            index(engine),
        ] {
            assert!(error.is_no_room() && !error.is_exhaustion(), "{error}");
        }
        let files = std::io::Error::from_raw_os_error(Errno::MFILE.raw_os_error());
        let error = index(tantivy::TantivyError::SystemError(files.to_string()));
        assert!(error.is_exhaustion() && !error.is_no_room() && !error.is_damage(), "{error}");
    }
}
