//! The answer to a request whose every line is durable.

use serde::Serialize;

use tierlog_problem::Rejection;

/// Body of `200`: every line is durable, as a record or, redacted, as a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct IngestAnswer {
    /// Lines that became records.
    pub accepted: u64,
    /// Lines among the accepted that go on with the record of another, as those of a traceback.
    /// Left out when there are none.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    pub joined: u64,
    /// Lines that were read and not stored, because a rule of the redaction policy drops their
    /// records. Left out when there are none.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    pub policy_dropped: u64,
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
