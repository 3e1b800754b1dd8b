//! Maintenance that an engineer asks for: what retention keeps and would drop, dropping it,
//! sealing, verifying. The same reports come from a running server over HTTP ([`http`]) and from
//! a stopped server's data directory ([`offline`]).

pub(crate) mod dead_letters;
pub(crate) mod http;
pub(crate) mod offline;
mod report;
#[cfg(test)]
mod tests;

pub(crate) use report::{
    CompactReport, Phase, QuarantineAcknowledged, QuarantineItem, QuarantineList, RetentionPlan,
    RetentionStatus, Scope, TierStatus, VerifyReport,
};

use tierlog_model::Timestamp;
use tierlog_store::{CompactScope, Store, StoreError};

/// Returns every tier with its contents and the next expiry.
pub(crate) fn retention_status(store: &Store) -> RetentionStatus {
    let tiers = store.catalogue().tiers();
    let partitions = store.catalogue().partitions();
    let tier_status = |(id, policy): (tierlog_model::TierId, &tierlog_model::TierPolicy)| {
        let own = || partitions.iter().filter(|partition| partition.id().tier == id);
        let days = || own().map(|partition| partition.id().day);
        TierStatus {
            tier: policy.name.clone(),
            days: policy.days,
            levels: policy.levels.iter().map(|level| level.as_str().to_owned()).collect(),
            partitions: own().count() as u64,
            records: own().map(|partition| partition.stats().records).sum(),
            bytes: own().map(|partition| partition.stats().bytes).sum(),
            oldest: days().min().map(|day| day.to_string()),
            newest: days().max().map(|day| day.to_string()),
            next_expiry: own().map(|own| store.expires(own)).min().map(|due| due.to_string()),
        }
    };
    RetentionStatus { tiers: tiers.iter().map(tier_status).collect() }
}

/// The moment that retention is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The present as retention takes it: what was measured, and never later than the clock.
    Now,
    /// The present by the clock, which an engineer has looked at: it is believed from here on.
    TrustedNow,
    /// Another one, to try it out.
    At(Timestamp),
}

impl Moment {
    fn of(self, store: &Store) -> Timestamp {
        match self {
            Moment::Now => store.retention_now(),
            Moment::TrustedNow => {
                store.confirm_clock();
                store.retention_now()
            }
            Moment::At(moment) => moment,
        }
    }
}

/// Returns what retention would drop at a moment.
pub(crate) fn retention_plan(store: &Store, at: Moment) -> RetentionPlan {
    let now = at.of(store);
    RetentionPlan::new(Phase::Planned, now, store.plan_retention(now))
}

/// Drops what is expired at a moment. Blocks.
pub(crate) fn retention_run(store: &Store, at: Moment) -> Result<RetentionPlan, StoreError> {
    let now = at.of(store);
    Ok(RetentionPlan::new(Phase::Dropped, now, store.run_retention(now)?))
}

/// Seals partitions. Blocks.
pub(crate) fn compact(store: &Store, scope: Scope) -> Result<CompactReport, StoreError> {
    let scope = match scope {
        Scope::ClosedDays => CompactScope::ClosedDays,
        Scope::All => CompactScope::All,
    };
    Ok(CompactReport::new(store.compact(scope)?))
}

/// Checks every checksum. Blocks.
pub(crate) fn verify(store: &Store) -> Result<VerifyReport, StoreError> {
    Ok(VerifyReport::new(store.verify()?))
}

/// Lists the entries of the quarantine without acknowledgement.
pub(crate) fn quarantine_list(store: &Store) -> QuarantineList {
    QuarantineList::new(store.health().quarantine)
}

/// Takes note of an entry of the quarantine, of all entries of a partition, or of everything.
/// Blocks.
pub(crate) fn quarantine_acknowledge(
    store: &Store,
    wanted: Option<&str>,
) -> Result<QuarantineAcknowledged, StoreError> {
    Ok(QuarantineAcknowledged { acknowledged: store.acknowledge_quarantined(wanted)? })
}
