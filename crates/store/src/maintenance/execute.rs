//! Carries the choices of all planners out, in an order that a crash cannot spoil.
//!
//! Drop: tombstone, rename into `trash/`, sync both directories, delete. After a crash the next
//! start finishes what the tombstone says, and empties `trash/`.
//!
//! Seal: merge inside the index (tantivy replaces meta.json atomically), id filter, seal.json. A
//! crash in between leaves a partition without a seal, which is hot and is sealed again.
//!
//! Check: every file is compared with its checksum. Damage goes into quarantine; where only what a
//! seal derives is damaged, the next seal makes it anew.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use metrics::counter;
use serde::Serialize;
use tierlog_model::{Clock as _, metric_names};

use super::planner::Choice;
use super::{DropReason, Expiry, Maintenance, SealObstacle, SealPlan, look_lasting, reserve};
use crate::partition::{Damaged, write_seal};
use crate::{PartitionId, StoreError, trash};

/// What sealing a partition did.
#[derive(Clone, Debug, Serialize)]
pub struct Sealed {
    /// What was planned, with the bytes before.
    #[serde(flatten)]
    pub plan: SealPlan,
    /// Bytes afterwards.
    pub bytes_after: u64,
}

/// What became of a choice.
#[derive(Clone, Debug)]
pub(super) enum Done {
    /// The partition is gone.
    Dropped(Expiry),
    /// The partition is sealed.
    Sealed(Sealed),
    /// The partition was compared with its checksums, and what had to follow was done.
    Checked,
    /// Nothing: the disk has no room now.
    Left,
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checked {
    /// Every byte is as it was written, or the partition has gone.
    Whole,
    /// It was damaged, and is in quarantine or loses what a seal derived.
    Mended,
}

/// Returns what was dropped.
pub(super) fn dropped(done: Vec<Done>) -> Vec<Expiry> {
    let expiry = |done| match done {
        Done::Dropped(expiry) => Some(expiry),
        Done::Sealed(_) | Done::Checked | Done::Left => None,
    };
    done.into_iter().filter_map(expiry).collect()
}

impl Maintenance {
    /// Carries choices out. A choice that fails keeps no other waiting: the first failure is
    /// reported at the end.
    pub(super) fn carry_out(&self, choices: Vec<Choice>) -> Result<Vec<Done>, StoreError> {
        let (mut all, mut failed) = (Vec::new(), None);
        for choice in choices {
            match self.carry_out_one(choice) {
                Ok(done) => all.push(done),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(all), Err)
    }

    /// Carries one choice out.
    pub(super) fn carry_out_one(&self, choice: Choice) -> Result<Done, StoreError> {
        match choice {
            Choice::Drop(expiry) => self.expire(&expiry).map(|()| Done::Dropped(expiry)),
            Choice::Seal(plan) => self.seal(plan),
            Choice::Check(id) => self.check(id).map(|_| Done::Checked),
        }
    }

    fn expire(&self, expiry: &Expiry) -> Result<(), StoreError> {
        let reason = expiry.reason;
        // ORDER: said before it is gone: a crash in between must not hide it. A day that is said
        // to be gone and stays for now is the smaller lie. What cannot be said does not go: its
        // tombstone would not find room either.
        if reason != DropReason::Retention {
            self.with_reserve(|| self.early.add(expiry.id))?;
        }
        self.with_reserve(|| {
            let trashed = self.indexer.drop_partition(expiry.id)?;
            trash::delete(&self.layout, &trashed)
        })?;
        counter!(
            metric_names::EXPIRED, "tier" => expiry.tier.clone(), "reason" => reason.as_str()
        )
        .increment(1);
        let tenant = expiry.id.tenant.name();
        let (tier, day, records, bytes) = (&expiry.tier, expiry.day, expiry.records, expiry.bytes);
        match reason {
            DropReason::Retention => {
                tracing::info!(%tenant, %tier, %day, records, bytes, "drop partition");
            }
            DropReason::Pressure | DropReason::DeadLettersMax => {
                let reason = reason.as_str();
                tracing::warn!(%tenant, %tier, %day, records, bytes, reason, "drop partition early");
            }
        }
        Ok(())
    }

    /// Takes a step, once more from the reserve: what is to free room must not fail for the want
    /// of some.
    fn with_reserve(&self, step: impl Fn() -> Result<(), StoreError>) -> Result<(), StoreError> {
        match step() {
            Err(error) if error.is_no_room() && reserve::give_up(&self.layout) => step(),
            done => done,
        }
    }

    fn seal(&self, plan: SealPlan) -> Result<Done, StoreError> {
        let tenant = plan.id.tenant.name();
        // The sealed segment stands beside the others until it replaces them.
        let needed = plan.bytes.saturating_add(self.settings.pressure.hard_bytes);
        if self.free_bytes().is_ok_and(|free| free < needed) {
            let (tier, day) = (&plan.tier, plan.day);
            tracing::warn!(%tenant, %tier, %day, "no room to seal; it stays hot");
            self.failed_seals.note(plan.id, SealObstacle::NoRoom, self.clock.now());
            return Ok(Done::Left);
        }
        let bytes_after = match self.try_to_seal(plan.id) {
            Ok(bytes_after) => bytes_after,
            Err(StoreError::Closing) => return Err(StoreError::Closing),
            Err(error) => return self.note_failed_seal(plan.id, error),
        };
        self.failed_seals.forget(plan.id);
        counter!(metric_names::SEALED).increment(1);
        tracing::info!(
            %tenant, tier = %plan.tier, day = %plan.day, records = plan.records,
            bytes_before = plan.bytes, bytes_after, "seal partition"
        );
        Ok(Done::Sealed(Sealed { plan, bytes_after }))
    }

    /// Seals a partition. Returns its bytes afterwards.
    fn try_to_seal(&self, id: PartitionId) -> Result<u64, StoreError> {
        // Damaged bytes may make the search engine panic: that is one partition, not the round.
        match catch_unwind(AssertUnwindSafe(|| self.merge_and_seal(id))) {
            Ok(sealed) => sealed,
            Err(_) => Err(StoreError::Malformed {
                path: PathBuf::from(id.name(self.catalogue.tiers())),
                problem: "sealing it panicked".to_owned(),
            }),
        }
    }

    fn merge_and_seal(&self, id: PartitionId) -> Result<u64, StoreError> {
        self.indexer.merge_partition(id)?;
        let gone = || StoreError::NoPartition(id.name(self.catalogue.tiers()));
        let partition = self.catalogue.partition(id).ok_or_else(gone)?;
        let view = partition.view()?;
        // Late records may have added segments meanwhile; the merged one is the largest.
        let segments = view.segments().iter().map(|segment| segment.reader());
        if let Some(segment) = segments.max_by_key(|segment| segment.max_doc()) {
            write_seal(partition.directory(), segment)?;
        }
        self.catalogue.refresh(id)?;
        Ok(partition.stats().bytes)
    }

    /// Looks at why a partition could not be sealed. Damage goes into quarantine at once; anything
    /// else is tried again at the next round, and health says so until it succeeds.
    fn note_failed_seal(&self, id: PartitionId, error: StoreError) -> Result<Done, StoreError> {
        if self.check(id)? == Checked::Whole {
            self.failed_seals.note(id, SealObstacle::of(&error), self.clock.now());
        } else {
            self.failed_seals.forget(id);
        }
        Err(error)
    }

    fn check(&self, id: PartitionId) -> Result<Checked, StoreError> {
        let Some(partition) = self.catalogue.partition(id) else { return Ok(Checked::Whole) };
        let Some(look) = look_lasting(&self.catalogue, &partition)? else {
            return Ok(Checked::Whole);
        };
        if look.damage.is_empty() {
            return Ok(Checked::Whole);
        }
        for problem in &look.check.problems {
            tracing::error!(partition = partition.name(), %problem, "damaged partition");
        }
        if look.damage.iter().all(|damage| damage.of == Damaged::Derived) {
            partition.unseal()?;
            self.catalogue.refresh(id)?;
        } else {
            partition.close_reader();
            self.indexer.put_aside(id)?;
        }
        Ok(Checked::Mended)
    }
}
