//! What a scan did, and what it could not do.

use serde::Serialize;

/// Why an answer is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartialReason {
    /// A partition could not be opened or read: it expired meanwhile, or is damaged.
    PartitionUnreadable,
    /// The deadline passed.
    Deadline,
    /// The records would be larger than one answer may be.
    AnswerBytes,
    /// There are more records than one answer may hold.
    AnswerRecords,
}

/// What a scan did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanReport {
    /// Why matches may be missing; empty when none are.
    pub reasons: Vec<PartialReason>,
    /// Partitions that were opened.
    pub opened: u64,
    /// Partitions that were skipped because an id filter, tier or time range excludes them.
    pub skipped: u64,
}

impl ScanReport {
    /// Tells whether matches may be missing.
    pub fn partial(&self) -> bool {
        !self.reasons.is_empty()
    }

    /// Notes a reason once.
    pub fn note(&mut self, reason: PartialReason) {
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }
}
