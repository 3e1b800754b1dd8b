//! Why a line was not taken as a record.

use serde::{Deserialize, Serialize};

/// The named reasons of the ingest contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// The line is not JSON, nor text that may stand for a message.
    InvalidJson,
    /// The line is JSON, but not an object.
    NotAnObject,
    /// The line is longer than the configured limit.
    TooLong,
    /// Objects and arrays are nested deeper than the limit.
    TooDeep,
    /// The record has more fields than the limit.
    TooManyFields,
    /// The line is not UTF-8.
    InvalidUtf8,
    /// The timestamp cannot be read.
    InvalidTimestamp,
    /// The record is older than its tier keeps.
    PastRetention,
    /// The record lies further ahead than clocks may differ.
    TooFarAhead,
}

impl RejectReason {
    /// Every reason, in the contract's order.
    pub const ALL: [RejectReason; 9] = [
        RejectReason::InvalidJson,
        RejectReason::NotAnObject,
        RejectReason::TooLong,
        RejectReason::TooDeep,
        RejectReason::TooManyFields,
        RejectReason::InvalidUtf8,
        RejectReason::InvalidTimestamp,
        RejectReason::PastRetention,
        RejectReason::TooFarAhead,
    ];

    /// Returns the name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            RejectReason::InvalidJson => "invalid_json",
            RejectReason::NotAnObject => "not_an_object",
            RejectReason::TooLong => "too_long",
            RejectReason::TooDeep => "too_deep",
            RejectReason::TooManyFields => "too_many_fields",
            RejectReason::InvalidUtf8 => "invalid_utf8",
            RejectReason::InvalidTimestamp => "invalid_timestamp",
            RejectReason::PastRetention => "past_retention",
            RejectReason::TooFarAhead => "too_far_ahead",
        }
    }
}

/// Reason of a dead letter that the store itself has made: the record was taken and cannot be
/// indexed. No line is ever answered with it.
pub const UNINDEXABLE: &str = "unindexable";

impl std::fmt::Display for RejectReason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}
