//! Parts that several answers share.

use std::time::Instant;

use serde::Serialize;
use tierlog_model::Timestamp;
use utoipa::ToSchema;

use crate::execute::{PartialReason, ScanReport};
use crate::plan::Expired;
use crate::warning::{Warning, Warnings};

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

/// Whether an answer is whole, and the warnings about the answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Wholeness {
    /// Whether matches may be missing.
    partial: bool,
    /// Why they may be missing: `partition_unreadable`, `partition_quarantined`, `deadline`,
    /// `answer_bytes`, `answer_records`, `indexing_late`, `records_lost`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    partial_reasons: Vec<PartialReason>,
    /// With `indexing_late`: records of this moment and later are all there, and lines that are
    /// not searchable yet are older; absent when any may be missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, example = "2026-11-29T00:00:00.000000Z")]
    whole_from: Option<String>,
    /// Partitions that could not be read, as `tenant/tier/day`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    partial_partitions: Vec<String>,
    /// What the answer says about itself: fields that no record has, clauses in another
    /// language, values that a limit leaves out.
    #[serde(skip_serializing_if = "Warnings::is_empty")]
    #[schema(value_type = Vec<Warning>)]
    warnings: Warnings,
}

impl Wholeness {
    /// Returns the part of an answer with such reasons and warnings.
    pub(super) fn of(
        partial_reasons: Vec<PartialReason>,
        whole_from: Option<Timestamp>,
        partial_partitions: Vec<String>,
        warnings: Warnings,
    ) -> Wholeness {
        let partial = !partial_reasons.is_empty();
        let whole_from = whole_from.map(|moment| moment.to_string());
        Wholeness { partial, partial_reasons, whole_from, partial_partitions, warnings }
    }
}

impl From<ScanReport> for Wholeness {
    fn from(report: ScanReport) -> Wholeness {
        Wholeness::of(report.reasons, report.whole_from, report.unreadable, report.warnings)
    }
}
