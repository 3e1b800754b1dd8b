//! A rejected line, as answers and problems list rejected lines.

use std::borrow::Cow;

use serde::Serialize;
use tierlog_model::RejectReason;
use utoipa::ToSchema;

/// A line that was not taken as a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Rejection {
    /// Position in the body, from 1: of the line, or of the element of an array.
    pub line: u64,
    /// The named reason.
    #[schema(value_type = String, example = "invalid_json")]
    pub reason: RejectReason,
    /// What exactly is wrong; never quotes the line.
    #[schema(value_type = String)]
    pub detail: Cow<'static, str>,
}
