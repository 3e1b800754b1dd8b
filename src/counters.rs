//! Every counter at zero from the start, with every set of labels that it may ever have.
//!
//! `increase()` and `rate()` see a step only between two samples: a counter that first appears with
//! its first event has made it unseen, and an alert on that event stays silent. All our label sets
//! are bounded, so each series can be there before anything happens.

use metrics::counter;
use tierlog_ingest::detector_names;
use tierlog_model::memory::MemoryUse;
use tierlog_model::{RejectReason, Tiers, metric_names as names};

/// Values of the label `protocol`.
const PROTOCOLS: [&str; 2] = ["tcp", "http"];
/// Values of the label `listener`.
const LISTENERS: [&str; 3] = ["tcp", "ingest", "query"];
/// Why a request or connection is turned away.
const REFUSALS: [&str; 1] = ["full"];
/// Why a partition is dropped.
const DROPS: [&str; 3] = ["retention", "pressure", "dead_letters_max"];
/// How dead letters are taken away one by one.
const LETTER_ENDS: [&str; 2] = ["replayed", "dropped"];
/// What a query does with a partition.
const OUTCOMES: [&str; 2] = ["filtered", "opened"];

/// Counters without labels.
const PLAIN: [&str; 8] = [
    names::UNKNOWN_LEVELS,
    names::WAL_BYTES,
    names::WAL_TORN_BYTES,
    names::WAL_CORRUPT_FRAMES,
    names::REPLAY_EXPIRED,
    names::SEALED,
    names::UNINDEXABLE_RECORDS,
    names::TAIL_MISSED,
];

/// Starts every counter at zero.
pub(crate) fn start_at_zero(tiers: &Tiers) {
    for name in PLAIN {
        counter!(name).absolute(0);
    }
    for protocol in PROTOCOLS {
        for name in [names::INGEST_ACCEPTED, names::INGEST_DUPLICATE, names::INGEST_BYTES] {
            counter!(name, "protocol" => protocol).absolute(0);
        }
        for reason in RejectReason::ALL {
            let reason = reason.as_str();
            counter!(names::INGEST_REJECTED, "protocol" => protocol, "reason" => reason)
                .absolute(0);
        }
        for why in REFUSALS {
            counter!(names::INGEST_REFUSED, "protocol" => protocol, "why" => why).absolute(0);
        }
    }
    for detector in detector_names() {
        counter!(names::REDACTIONS, "detector" => *detector).absolute(0);
    }
    for listener in LISTENERS {
        for name in
            [names::CONNECTIONS_OPENED, names::CONNECTIONS_CLOSED, names::CONNECTIONS_EVICTED]
        {
            counter!(name, "listener" => listener).absolute(0);
        }
    }
    for (_, policy) in tiers.iter() {
        let tier = policy.name.as_str();
        for name in [names::INDEXED, names::PAIRED_VALUES, names::DROPPED_UNINDEXED] {
            counter!(name, "tier" => tier.to_owned()).absolute(0);
        }
        for reason in DROPS {
            counter!(names::EXPIRED, "tier" => tier.to_owned(), "reason" => reason).absolute(0);
        }
    }
    for part in MemoryUse::ALL {
        counter!(names::MEMORY_REFUSALS, "part" => part.as_str()).absolute(0);
    }
    for how in LETTER_ENDS {
        counter!(names::DEAD_LETTERS_DROPPED, "how" => how).absolute(0);
    }
    for outcome in OUTCOMES {
        counter!(names::QUERY_PARTITIONS, "outcome" => outcome).absolute(0);
    }
}
