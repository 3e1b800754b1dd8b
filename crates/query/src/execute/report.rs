//! The report of a scan, with everything left undone.

use serde::Serialize;
use tierlog_model::{Span, Timestamp};
use tierlog_store::{Lateness, Store};

use crate::plan::Plan;
use crate::warning::Warnings;

/// Why an answer is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PartialReason {
    /// A partition could not be opened or read: it expired meanwhile, or is damaged.
    PartitionUnreadable,
    /// A partition of the range is in quarantine with damaged bytes: records that the log did not
    /// give back are missing, until an operator acknowledges the loss.
    PartitionQuarantined,
    /// The deadline passed.
    Deadline,
    /// The records would be larger than one answer may be.
    AnswerBytes,
    /// There are more records than one answer may hold.
    AnswerRecords,
    /// Lines that were acknowledged more than three seconds ago are not searchable yet: many of old
    /// days came at once, indexing waits, or does what a start has left it. `/health` says which.
    IndexingLate,
    /// The log was damaged, and acknowledged lines of the range are gone, or may be, until
    /// somebody acknowledges that. `/health` says how many, and of which time.
    RecordsLost,
}

/// Partitions that a report names; the reason stands for the others.
const UNREADABLE_MAX: usize = 100;

/// What a scan did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScanReport {
    /// Why matches may be missing; empty when none are.
    pub(crate) reasons: Vec<PartialReason>,
    /// Partitions that could not be read, by name.
    pub(crate) unreadable: Vec<String>,
    /// With [`PartialReason::IndexingLate`]: from this moment on no record is late; `None` when any
    /// may be.
    pub(crate) whole_from: Option<Timestamp>,
    /// Partitions that were opened.
    pub(crate) opened: u64,
    /// Partitions that were skipped because an id filter, tier or time range excludes them.
    pub(crate) skipped: u64,
    /// Warnings of the plan and of the execution.
    pub(crate) warnings: Warnings,
}

impl ScanReport {
    /// Returns the report of a scan that is about to begin.
    pub(crate) fn of(store: &Store, plan: &Plan) -> ScanReport {
        let mut report = ScanReport { warnings: plan.warnings.clone(), ..ScanReport::default() };
        // ORDER: the lateness is asked before the scan takes its partitions, so that no answer
        // passes for whole while late records are missing.
        report.note_late(store.lateness(), plan.range.start);
        let earliest = plan.range.start.unwrap_or(Timestamp::MIN);
        let latest = plan.range.end.unwrap_or(Timestamp::MAX);
        if store.lacks_records(Span { earliest, latest }) {
            report.note(PartialReason::RecordsLost);
        }
        report
    }

    /// Notes that indexing is late, if records of the asked range may be.
    fn note_late(&mut self, lateness: Option<Lateness>, start: Option<Timestamp>) {
        let Some(Lateness { whole_from }) = lateness else { return };
        let begins_before = |moment| start.is_none_or(|start| start < moment);
        if whole_from.is_none_or(begins_before) {
            self.note(PartialReason::IndexingLate);
            self.whole_from = whole_from;
        }
    }

    /// Tells whether matches may be missing.
    pub(crate) fn partial(&self) -> bool {
        !self.reasons.is_empty()
    }

    /// Notes that a partition could not be read.
    pub(crate) fn note_unreadable(&mut self, partition: &str) {
        self.note_partition(PartialReason::PartitionUnreadable, partition);
    }

    /// Notes that a partition is in quarantine.
    pub(crate) fn note_quarantined(&mut self, partition: &str) {
        self.note_partition(PartialReason::PartitionQuarantined, partition);
    }

    fn note_partition(&mut self, reason: PartialReason, partition: &str) {
        self.note(reason);
        let is_known = self.unreadable.iter().any(|known| known == partition);
        if !is_known && self.unreadable.len() < UNREADABLE_MAX {
            self.unreadable.push(partition.to_owned());
        }
    }

    /// Notes a reason once.
    pub(crate) fn note(&mut self, reason: PartialReason) {
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_late_unless_it_begins_where_all_is_whole() {
        let moment = Timestamp::from_micros_clamped;
        let check = |whole_from: Option<i64>, start: Option<i64>| {
            let mut report = ScanReport::default();
            let whole_from = whole_from.map(moment);
            report.note_late(Some(Lateness { whole_from }), start.map(moment));
            (report.partial(), report.whole_from)
        };
        assert_eq!(check(Some(10), None), (true, Some(moment(10))));
        assert_eq!(check(Some(10), Some(9)), (true, Some(moment(10))));
        assert_eq!(check(Some(10), Some(10)), (false, None));
        assert_eq!(check(None, Some(10)), (true, None));
        let mut report = ScanReport::default();
        report.note_late(None, None);
        assert!(!report.partial());
    }
}
