//! Looks for bytes that have rotted: sealed partitions a little at a time, and what a search
//! could not read at once. What is damaged is put aside, and answers say so.
//!
//! A partition is not checked before it is first opened: that would read every byte of a year for
//! one question (ADR 0018). Late records do not change a sealed segment, so one look in weeks is
//! enough to find damage before the backup that could mend it is gone.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use tierlog_model::Clock as _;

use super::{Maintenance, check_lasting};
use crate::partition::DERIVED_FILES;
use crate::{PartitionId, PartitionState, StoreError};

/// How far the scrub is.
#[derive(Debug, Default)]
pub(super) struct Scrub {
    /// Checked last; the next one is the one behind it.
    last: Option<PartitionId>,
    /// Bytes that may be read by now.
    budget: u64,
}

impl Maintenance {
    /// Checks what could not be read. What is damaged is put aside.
    pub(crate) fn check_suspects(&self) -> Result<(), StoreError> {
        for id in self.catalogue.take_suspects() {
            self.check(id)?;
        }
        Ok(())
    }

    /// Checks sealed partitions, as many as the time since the last call allows.
    pub(crate) fn scrub(&self, passed: Duration) -> Result<(), StoreError> {
        let rate = self.settings.scrub_bytes_per_second;
        let mut scrub = self.scrub.lock().unwrap_or_else(PoisonError::into_inner);
        scrub.budget = scrub.budget.saturating_add(rate.saturating_mul(passed.as_secs()));
        let sealed: BTreeSet<PartitionId> = self
            .catalogue
            .partitions()
            .iter()
            .filter(|partition| partition.state() == PartitionState::Sealed)
            .map(|partition| partition.id())
            .collect();
        if scrub.last.is_none() {
            // Not always the first: a server that is often restarted would check nothing else.
            let start = self.clock.now().as_micros().unsigned_abs() % (sealed.len() as u64).max(1);
            scrub.last = sealed.iter().nth(usize::try_from(start).unwrap_or(0)).copied();
        }
        for _ in 0..sealed.len() {
            let last = scrub.last;
            let behind = sealed.iter().find(|id| last.is_none_or(|last| **id > last));
            let Some(next) = behind.or(sealed.first()).copied() else { break };
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

    fn check(&self, id: PartitionId) -> Result<(), StoreError> {
        let Some(partition) = self.catalogue.partition(id) else { return Ok(()) };
        let Some(check) = check_lasting(&self.catalogue, &partition) else { return Ok(()) };
        let lasting = check.problems;
        if lasting.is_empty() {
            return Ok(());
        }
        for problem in &lasting {
            tracing::error!(partition = partition.name(), %problem, "damaged partition");
        }
        if lasting.iter().all(|problem| is_of_derived_file(problem)) {
            // Made from the segment, which is whole: the next seal makes it anew.
            return partition.unseal();
        }
        partition.close_reader();
        self.indexer.put_aside(id)
    }
}

/// Tells whether a problem is that of a file which the seal makes from the segment.
fn is_of_derived_file(problem: &str) -> bool {
    DERIVED_FILES.iter().any(|name| problem.contains(name))
}
