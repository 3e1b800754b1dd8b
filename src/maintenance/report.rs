//! What maintenance reports, as JSON and as the command line reads it back.

use serde::{Deserialize, Serialize};
use tierlog_model::Timestamp;
use tierlog_store::{Expiry, PartitionState, Sealed};
use utoipa::ToSchema;

/// What each tier holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RetentionStatus {
    /// Tiers in configured order, the dead letters last.
    pub(crate) tiers: Vec<TierStatus>,
}

/// What one tier holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct TierStatus {
    /// Name of the tier.
    pub(crate) tier: String,
    /// Days that a record is kept.
    pub(crate) days: u32,
    /// Levels that belong to it.
    pub(crate) levels: Vec<String>,
    /// Partitions, one a day.
    pub(crate) partitions: u64,
    /// Records in them.
    pub(crate) records: u64,
    /// Bytes on disk.
    pub(crate) bytes: u64,
    /// First day that is kept.
    pub(crate) oldest: Option<String>,
    /// Last day that is kept.
    pub(crate) newest: Option<String>,
    /// When the oldest day may be dropped, RFC 3339.
    pub(crate) next_expiry: Option<String>,
}

/// Whether partitions were looked at or dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Nothing was changed.
    Planned,
    /// They are gone.
    Dropped,
}

/// What retention drops at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RetentionPlan {
    /// Whether it was done.
    pub(crate) phase: Phase,
    /// The moment that the plan is for, RFC 3339.
    pub(crate) now: String,
    /// Partitions, tier by tier, oldest first.
    pub(crate) partitions: Vec<Dropped>,
    /// Records in them together.
    pub(crate) records: u64,
    /// Bytes that are freed together.
    pub(crate) bytes: u64,
}

/// One partition that expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Dropped {
    /// Its tenant.
    pub(crate) tenant: String,
    /// Name of its tier.
    pub(crate) tier: String,
    /// Its day.
    pub(crate) day: String,
    /// Records in it.
    pub(crate) records: u64,
    /// Bytes that it frees.
    pub(crate) bytes: u64,
    /// Since when it may be dropped, RFC 3339.
    pub(crate) expires: String,
}

impl RetentionPlan {
    pub(super) fn new(phase: Phase, now: Timestamp, expired: Vec<Expiry>) -> RetentionPlan {
        RetentionPlan {
            phase,
            now: now.to_string(),
            records: expired.iter().map(|expiry| expiry.records).sum(),
            bytes: expired.iter().map(|expiry| expiry.bytes).sum(),
            partitions: expired
                .into_iter()
                .map(|expiry| Dropped {
                    tenant: expiry.id.tenant.name().to_owned(),
                    tier: expiry.tier,
                    day: expiry.day.to_string(),
                    records: expiry.records,
                    bytes: expiry.bytes,
                    expires: expiry.expires,
                })
                .collect(),
        }
    }
}

/// Which partitions a compaction may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// Those whose day is over.
    ClosedDays,
    /// Today's too.
    All,
}

/// What compaction sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct CompactReport {
    /// Partitions, oldest first.
    pub(crate) sealed: Vec<Compacted>,
    /// Bytes before together.
    pub(crate) bytes_before: u64,
    /// Bytes afterwards together.
    pub(crate) bytes_after: u64,
}

/// One sealed partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Compacted {
    /// Its tenant.
    pub(crate) tenant: String,
    /// Name of its tier.
    pub(crate) tier: String,
    /// Its day.
    pub(crate) day: String,
    /// Records in it.
    pub(crate) records: u64,
    /// Bytes before.
    pub(crate) bytes_before: u64,
    /// Bytes afterwards.
    pub(crate) bytes_after: u64,
}

impl CompactReport {
    pub(super) fn new(sealed: Vec<Sealed>) -> CompactReport {
        CompactReport {
            bytes_before: sealed.iter().map(|sealed| sealed.plan.bytes).sum(),
            bytes_after: sealed.iter().map(|sealed| sealed.bytes_after).sum(),
            sealed: sealed
                .into_iter()
                .map(|sealed| Compacted {
                    tenant: sealed.plan.id.tenant.name().to_owned(),
                    tier: sealed.plan.tier,
                    day: sealed.plan.day.to_string(),
                    records: sealed.plan.records,
                    bytes_before: sealed.plan.bytes,
                    bytes_after: sealed.bytes_after,
                })
                .collect(),
        }
    }
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct VerifyReport {
    /// Whether every byte is as it was written.
    pub(crate) ok: bool,
    /// Whole frames in the write-ahead log.
    pub(crate) wal_frames: u64,
    /// What is wrong with the write-ahead log.
    pub(crate) wal_problems: Vec<String>,
    /// Every partition.
    pub(crate) partitions: Vec<VerifiedPartition>,
}

/// What the check of one partition found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct VerifiedPartition {
    /// `<tenant>/<tier>/<yyyy-mm-dd>`.
    pub(crate) partition: String,
    /// `hot` or `sealed`.
    pub(crate) state: String,
    /// Records in it.
    pub(crate) records: u64,
    /// Bytes in it.
    pub(crate) bytes: u64,
    /// What is wrong; empty when all is well.
    pub(crate) problems: Vec<String>,
}

impl VerifyReport {
    pub(super) fn new(report: tierlog_store::VerifyReport) -> VerifyReport {
        VerifyReport {
            ok: report.ok,
            wal_frames: report.wal_frames,
            wal_problems: report.wal_problems,
            partitions: report
                .partitions
                .into_iter()
                .map(|check| VerifiedPartition {
                    partition: check.partition,
                    state: match check.state {
                        PartitionState::Hot => "hot".to_owned(),
                        PartitionState::Sealed => "sealed".to_owned(),
                    },
                    records: check.records,
                    bytes: check.bytes,
                    problems: check.problems,
                })
                .collect(),
        }
    }
}

/// What lies in quarantine and nobody has acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct QuarantineList {
    /// How many entries there are.
    pub(crate) count: u64,
    /// Their bytes together.
    pub(crate) bytes: u64,
    /// The first hundred of them.
    pub(crate) items: Vec<QuarantineItem>,
}

/// One entry of the quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct QuarantineItem {
    /// Its name under `quarantine/`.
    #[schema(example = "default.info.2026-11-20.0")]
    pub(crate) entry: String,
    /// `<tenant>/<tier>/<yyyy-mm-dd>` of a partition; the entry of anything else.
    #[schema(example = "default/info/2026-11-20")]
    pub(crate) of: String,
    /// Whether records are missing from answers because of it; false where the write-ahead log
    /// has given all of them back.
    pub(crate) missing: bool,
    /// Its bytes.
    pub(crate) bytes: u64,
}

/// What was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct QuarantineAcknowledged {
    /// The entries.
    pub(crate) acknowledged: Vec<String>,
}

impl QuarantineList {
    pub(super) fn new(report: tierlog_store::QuarantineReport) -> QuarantineList {
        let item = |item: tierlog_store::Quarantined| QuarantineItem {
            entry: item.entry,
            of: item.name,
            missing: item.missing,
            bytes: item.bytes,
        };
        QuarantineList {
            count: report.count,
            bytes: report.bytes,
            items: report.items.into_iter().map(item).collect(),
        }
    }
}
