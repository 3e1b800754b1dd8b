//! Looks for bytes that have rotted: all partitions a little at a time, and at once what a search
//! or a merge could not read and what a start had no time for. What is damaged is put into
//! quarantine, and answers say so.
//!
//! A partition is not checked before it is first opened: that would read every byte of a year for
//! one question (ADR 0018). One look in weeks is enough to find damage before the backup that
//! could mend it is gone.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use tierlog_model::Clock as _;

use super::{Maintenance, look_lasting};
use crate::partition::Damaged;
use crate::{PartitionId, StoreError};

/// Bytes of suspects that one look checks, the last one whole: a start may leave gigabytes, and
/// between two looks the job has to see to the free room of the disk.
const SUSPECT_BYTES_MAX: u64 = 256 << 20;

/// How far the scrub is.
#[derive(Debug, Default)]
pub(super) struct Scrub {
    /// Checked last; the next one is the one behind it.
    last: Option<PartitionId>,
    /// Bytes that may be read by now.
    budget: u64,
}

/// What became of a partition that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// Every byte is as it was written, or the partition has gone.
    Whole,
    /// It was damaged, and is in quarantine or loses what a seal derived.
    Mended,
}

impl Maintenance {
    /// Checks what could not be read, as far as one look goes. What is damaged is put into
    /// quarantine.
    pub(crate) fn check_suspects(&self) -> Result<(), StoreError> {
        let mut bytes = 0;
        while bytes < SUSPECT_BYTES_MAX
            && let Some(id) = self.catalogue.take_suspect()
        {
            bytes += self.catalogue.partition(id).map_or(0, |part| part.stats().bytes);
            if let Err(error) = self.check(id) {
                // It could not be said: the next look tries again.
                self.catalogue.suspect(id);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Checks partitions, as many as the time since the last call allows.
    pub(crate) fn scrub(&self, passed: Duration) -> Result<(), StoreError> {
        let rate = self.settings.scrub_bytes_per_second;
        let mut scrub = self.scrub.lock().unwrap_or_else(PoisonError::into_inner);
        scrub.budget = scrub.budget.saturating_add(rate.saturating_mul(passed.as_secs()));
        let all: BTreeSet<PartitionId> =
            self.catalogue.partitions().iter().map(|partition| partition.id()).collect();
        if scrub.last.is_none() {
            // Not always the first: a server that is often restarted would check nothing else.
            let start = self.clock.now().as_micros().unsigned_abs() % (all.len() as u64).max(1);
            scrub.last = all.iter().nth(usize::try_from(start).unwrap_or(0)).copied();
        }
        for _ in 0..all.len() {
            let last = scrub.last;
            let behind = all.iter().find(|id| last.is_none_or(|last| **id > last));
            let Some(next) = behind.or(all.first()).copied() else { break };
            let bytes = self.catalogue.partition(next).map_or(0, |part| part.stats().bytes);
            if bytes > scrub.budget {
                break;
            }
            scrub.budget -= bytes;
            scrub.last = Some(next);
            self.check(next)?;
        }
        Ok(())
    }

    /// Checks a partition. What is damaged is put into quarantine; where only what a seal derives
    /// is, the next seal makes it anew.
    pub(super) fn check(&self, id: PartitionId) -> Result<Checked, StoreError> {
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
