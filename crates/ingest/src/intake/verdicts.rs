//! The result of an intake: a redacted batch, and the verdicts on its items.

use tierlog_model::limits::REPORTED_ERRORS_MAX;
use tierlog_model::{RedactedBatch, RejectReason};
use tierlog_problem::Rejection;

use super::Outcomes;
use crate::observations::BatchServices;

/// Lines that are ready for the hand-off, with the verdict on each.
#[derive(Debug)]
pub struct PreparedBatch {
    /// The records and dead letters.
    pub batch: RedactedBatch,
    /// What became of the lines.
    pub verdicts: Verdicts,
}

/// What became of the lines of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdicts {
    /// Records. Lines that belong together are one; a line may hold two.
    pub accepted_count: u64,
    /// Lines of records that a rule of the redaction policy asks not to be stored. A line of
    /// several objects counts when none of the objects is stored.
    pub policy_dropped_count: u64,
    /// Lines that go on with the record of another.
    pub joined_count: u64,
    /// Dead letters, by [`RejectReason::ALL`].
    pub rejected_by_reason: [u64; RejectReason::ALL.len()],
    /// Lines that go on with the dead letter of another.
    pub rejected_joined_count: u64,
    /// Lines that are not blank.
    pub line_count: u64,
    /// The first rejections.
    pub rejections: Vec<Rejection>,
    /// Values and parts of values that were replaced.
    pub redacted_count: u64,
    /// The outcome of each item, in order. Lines that were joined are one item.
    pub outcomes: Outcomes,
    /// The services that wrote the lines.
    pub(crate) services: BatchServices,
}

impl Verdicts {
    /// Returns the verdicts on no line.
    pub(crate) fn new(services: BatchServices) -> Verdicts {
        Verdicts {
            accepted_count: 0,
            policy_dropped_count: 0,
            joined_count: 0,
            rejected_by_reason: [0; RejectReason::ALL.len()],
            rejected_joined_count: 0,
            line_count: 0,
            rejections: Vec::new(),
            redacted_count: 0,
            outcomes: Outcomes::default(),
            services,
        }
    }

    /// Adds those on the lines that follow, for an answer; services are counted piece by piece.
    pub(crate) fn add(&mut self, next: Verdicts) {
        self.accepted_count += next.accepted_count;
        self.policy_dropped_count += next.policy_dropped_count;
        self.joined_count += next.joined_count;
        for (count, more) in self.rejected_by_reason.iter_mut().zip(next.rejected_by_reason) {
            *count += more;
        }
        self.rejected_joined_count += next.rejected_joined_count;
        self.line_count += next.line_count;
        let listed_max = REPORTED_ERRORS_MAX.saturating_sub(self.rejections.len());
        self.rejections.extend(next.rejections.into_iter().take(listed_max));
        self.redacted_count += next.redacted_count;
        self.outcomes.append(next.outcomes);
    }

    /// Returns how many dead letters there are.
    pub fn rejected_count(&self) -> u64 {
        self.rejected_by_reason.iter().sum()
    }

    /// Returns how many lines are in dead letters.
    pub fn rejected_line_count(&self) -> u64 {
        self.rejected_count() + self.rejected_joined_count
    }
}
