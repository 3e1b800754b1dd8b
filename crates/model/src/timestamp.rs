//! A moment: microseconds since 1970 in UTC.

use serde::{Deserialize, Serialize};

/// Microseconds since the Unix epoch, UTC.
///
/// Only moments that tantivy's nanosecond dates can hold exist (1678 to 2261).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest moment that can be stored: 1678-01-01T00:00:00Z.
    pub const MIN: Timestamp = Timestamp(-9_214_560_000_000_000);
    /// The latest moment that can be stored: 2261-12-31T00:00:00Z.
    pub const MAX: Timestamp = Timestamp(9_214_560_000_000_000);

    /// Returns the moment, or `None` outside [`Timestamp::MIN`] and [`Timestamp::MAX`].
    pub fn from_micros(micros: i64) -> Option<Timestamp> {
        let timestamp = Timestamp(micros);
        (Self::MIN <= timestamp && timestamp <= Self::MAX).then_some(timestamp)
    }

    /// Returns the moment, moved into the storable range where it is outside.
    pub fn from_micros_clamped(micros: i64) -> Timestamp {
        Timestamp(micros.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Returns microseconds since the epoch.
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// Returns the moment moved by so many microseconds, kept in the storable range.
    #[must_use]
    pub fn saturating_add_micros(self, micros: i64) -> Timestamp {
        Self::from_micros_clamped(self.0.saturating_add(micros))
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(moment: jiff::Timestamp) -> Timestamp {
        Timestamp::from_micros_clamped(moment.as_microsecond())
    }
}

impl std::fmt::Display for Timestamp {
    /// RFC 3339 in UTC with microseconds: `2026-11-20T14:05:09.123456Z`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(moment) => write!(formatter, "{moment:.6}"),
            Err(_) => write!(formatter, "{}us", self.0),
        }
    }
}
