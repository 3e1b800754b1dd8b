//! Parts that several answers share.

use std::time::Instant;

use serde::Serialize;
use utoipa::ToSchema;

use crate::Expired;

/// Returns milliseconds since a moment, as answers report them.
pub(super) fn took_ms(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A level whose records the asked range has partly or wholly outlived.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExpiredLevel {
    /// The level.
    #[schema(example = "debug")]
    level: &'static str,
    /// Records of the level are kept from this moment on.
    #[schema(format = DateTime)]
    since: String,
}

impl From<Expired> for ExpiredLevel {
    fn from(expired: Expired) -> ExpiredLevel {
        ExpiredLevel { level: expired.level.as_str(), since: expired.since.to_string() }
    }
}
