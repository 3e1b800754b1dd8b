//! The counts of one batch, for metrics and answers.

use tierlog_model::{Ack, Receipt, RejectReason, Tenant, TenantLabels, metric_names};
use tierlog_problem::Problem;

use super::problem;
use crate::intake::Verdicts;
use crate::observations::BatchServices;

/// The counts of one batch, for metrics and answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Lines that became records now.
    pub(crate) accepted_count: u64,
    /// Records that an earlier batch of the same id had already brought.
    pub(crate) duplicate_count: u64,
    dropped_count: u64,
    rejected_by_reason: [u64; RejectReason::ALL.len()],
    services: BatchServices,
}

impl Tally {
    /// Returns the counts of a batch without repeats.
    pub(crate) fn of(verdicts: &Verdicts) -> Tally {
        Tally {
            accepted_count: verdicts.accepted_count,
            duplicate_count: 0,
            dropped_count: verdicts.policy_dropped_count,
            rejected_by_reason: verdicts.rejected_by_reason,
            services: verdicts.services.clone(),
        }
    }

    /// Returns the counts of a durable batch. Repeated lines do not count, so that records and dead
    /// letters add up to the records that the store wrote.
    pub(crate) fn settled(mut self, receipt: &Receipt) -> Tally {
        let mut repeated_count = u64::from(receipt.duplicate_count);
        if repeated_count > 0 {
            // The lines of a batch that comes again were counted with the first.
            self.dropped_count = 0;
        }
        self.duplicate_count = repeated_count.min(self.accepted_count);
        self.accepted_count -= self.duplicate_count;
        repeated_count -= self.duplicate_count;
        for rejected_count in &mut self.rejected_by_reason {
            let taken_count = repeated_count.min(*rejected_count);
            *rejected_count -= taken_count;
            repeated_count -= taken_count;
        }
        self
    }

    /// Adds the batch to the counters of its protocol when it is durable. Done with the verdict
    /// and not by who waits for it: a client that left before is in the store all the same.
    pub(crate) fn count_on_verdict(
        self,
        protocol: &'static str,
        tenant: Tenant,
    ) -> impl FnOnce(&Ack) + Send {
        move |ack| {
            if let Ok(receipt) = ack {
                self.services.count(receipt.duplicate_count > 0);
                self.settled(receipt).count(protocol, tenant);
            }
        }
    }

    /// Adds the batch to the counters of its protocol and tenant.
    pub(crate) fn count(&self, protocol: &'static str, tenant: Tenant) {
        metrics::counter!(metric_names::INGEST_ACCEPTED, "protocol" => protocol)
            .increment(self.accepted_count);
        let tenant = TenantLabels::of(tenant);
        metrics::counter!(metric_names::TENANT_ACCEPTED, "tenant" => tenant)
            .increment(self.accepted_count);
        if self.duplicate_count > 0 {
            metrics::counter!(metric_names::INGEST_DUPLICATE, "protocol" => protocol)
                .increment(self.duplicate_count);
        }
        if self.dropped_count > 0 {
            metrics::counter!(metric_names::INGEST_POLICY_DROPPED, "protocol" => protocol)
                .increment(self.dropped_count);
        }
        for (reason, count) in RejectReason::ALL.iter().zip(self.rejected_by_reason) {
            if count > 0 {
                let reason = reason.as_str();
                metrics::counter!(
                    metric_names::INGEST_REJECTED, "protocol" => protocol, "reason" => reason
                )
                .increment(count);
            }
        }
    }
}

/// Counts bytes as they were received.
pub(crate) fn count_bytes(protocol: &'static str, bytes: usize) {
    metrics::counter!(metric_names::INGEST_BYTES, "protocol" => protocol).increment(bytes as u64);
}

/// Counts a request of which nothing, or not all, was stored, by why.
pub(crate) fn count_refused(protocol: &'static str, problem: &Problem) {
    let Some(why) = problem::refusal_label(problem) else { return };
    metrics::counter!(
        metric_names::INGEST_REFUSED, "protocol" => protocol, "why" => why
    )
    .increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::IngestConfig;
    use crate::testing::ingest_of;

    const LINES: &str = "{\"n\":1}\nrubbish\n{\"n\":2}\n";

    #[test]
    fn what_is_counted_is_what_was_written() {
        let (ingest, _receiver) = ingest_of(IngestConfig::default(), 1 << 20);
        let tally = Tally::of(&ingest.prepare_lines(LINES.as_bytes()).verdicts);
        for (duplicate_count, expected) in
            [(0, (2, 0, 1)), (1, (1, 1, 1)), (2, (0, 2, 1)), (3, (0, 2, 0)), (9, (0, 2, 0))]
        {
            let receipt = Receipt { written_count: 0, duplicate_count, producer_line: None };
            let settled = tally.clone().settled(&receipt);
            let rejected_count: u64 = settled.rejected_by_reason.iter().sum();
            let counted = (settled.accepted_count, settled.duplicate_count, rejected_count);
            assert_eq!(counted, expected, "{duplicate_count}");
        }
        // Every repeated line is taken off once, whatever it was rejected for.
        for (duplicate_count, rejected) in [(4, 3), (5, 2), (6, 1), (7, 0)] {
            let mut tally = Tally { accepted_count: 4, ..tally.clone() };
            tally.rejected_by_reason.fill(0);
            for count in tally.rejected_by_reason.iter_mut().take(3) {
                *count = 1;
            }
            let receipt = Receipt { written_count: 0, duplicate_count, producer_line: None };
            let settled = tally.settled(&receipt);
            assert_eq!((settled.accepted_count, settled.duplicate_count), (0, 4));
            assert_eq!(settled.rejected_by_reason.iter().sum::<u64>(), rejected);
        }
    }
}
