//! Why bytes of the write-ahead log do not read.

use tierlog_model::DecodeError;

pub use crate::wal_error::WalError;

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
