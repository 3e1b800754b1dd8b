//! The answer to a request whose every line is durable.

use serde::Serialize;

use crate::pipeline::Rejection;

/// Body of `200`: every line is durable, as a record or, redacted, as a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct IngestAnswer {
    /// Lines that became records.
    pub accepted: u64,
    /// Lines that became dead letters.
    pub rejected: u64,
    /// Values and parts of values that were replaced because they are personal or secret.
    pub redacted: u64,
    /// Records that an earlier request with the same `Tierlog-Batch-Id` had already brought.
    pub duplicate: u64,
    /// What the acknowledgement promises: `fsync`, `interval:50ms` or `none`.
    #[schema(example = "fsync")]
    pub durability: String,
    /// The first 100 rejected lines.
    pub errors: Vec<Rejection>,
}
