//! Sources: one file a protocol. What arrives is bytes of a socket that the root package owns;
//! what leaves is a batch in the hand-off and the protocol's own form of the verdict.
//!
//! The registry of protocols: a new one is a file here and a line in [`Protocol`], and, when it
//! speaks HTTP, a line in [`http_router`].

mod answer;
mod http;
mod problem;
mod room;
mod tcp;

use std::sync::Arc;

use tierlog_model::{Ack, Receipt, RejectReason, metric_names};
use tierlog_problem::Problem;

pub use answer::IngestAnswer;
pub use http::IngestApi;
pub use problem::refusal_names;
pub(crate) use room::BodyRoom;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use tcp::fuzz_handshake;
pub use tcp::{ConnectionError, serve_tcp_connection};

use crate::observations::BatchServices;
use crate::pipeline::{Ingest, Verdicts};

/// Every protocol, as metrics name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// JSON lines over TCP.
    Tcp,
    /// `POST /api/v1/ingest`.
    Http,
}

impl Protocol {
    fn as_str(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Http => "http",
        }
    }
}

/// Returns the routes of every push protocol that speaks HTTP.
pub fn http_router(ingest: Arc<Ingest>) -> axum::Router {
    axum::Router::new()
        .route("/api/v1/ingest", axum::routing::post(http::ingest))
        // The handler has its own cap, which configuration sets.
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(ingest)
}

/// What one batch brought, for counters and answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Lines that became records now.
    pub(crate) accepted_count: u64,
    /// Records that an earlier batch of the same id had already brought.
    pub(crate) duplicate_count: u64,
    rejected_by_reason: [u64; RejectReason::ALL.len()],
    services: BatchServices,
}

impl Tally {
    /// Returns what a batch brings if no earlier one has.
    pub(crate) fn of(verdicts: &Verdicts) -> Tally {
        Tally {
            accepted_count: verdicts.accepted_count,
            duplicate_count: 0,
            rejected_by_reason: verdicts.rejected_by_reason,
            services: verdicts.services.clone(),
        }
    }

    /// Returns what the batch brought, once it is durable. Nothing of a repeated line counts, so
    /// that records and dead letters add up to what the store wrote.
    pub(crate) fn settled(mut self, receipt: &Receipt) -> Tally {
        let mut repeated_count = u64::from(receipt.duplicate_count);
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
    pub(crate) fn count_on_verdict(self, protocol: Protocol) -> impl FnOnce(&Ack) + Send {
        move |ack| {
            if let Ok(receipt) = ack {
                self.services.count(receipt.duplicate_count > 0);
                self.settled(receipt).count(protocol);
            }
        }
    }

    fn count(&self, protocol: Protocol) {
        let protocol = protocol.as_str();
        metrics::counter!(metric_names::INGEST_ACCEPTED, "protocol" => protocol)
            .increment(self.accepted_count);
        if self.duplicate_count > 0 {
            metrics::counter!(metric_names::INGEST_DUPLICATE, "protocol" => protocol)
                .increment(self.duplicate_count);
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
pub(crate) fn count_bytes(protocol: Protocol, bytes: usize) {
    metrics::counter!(metric_names::INGEST_BYTES, "protocol" => protocol.as_str())
        .increment(bytes as u64);
}

/// Counts a request of which nothing, or not all, was stored, by why.
pub(crate) fn count_refused(protocol: Protocol, problem: &Problem) {
    let Some(why) = problem::refusal_label(problem) else { return };
    metrics::counter!(
        metric_names::INGEST_REFUSED, "protocol" => protocol.as_str(), "why" => why
    )
    .increment(1);
}

#[cfg(test)]
mod tests;
