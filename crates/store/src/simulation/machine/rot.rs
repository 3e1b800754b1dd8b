//! What the machine does about bytes that have rotted: the scrub of everything, and what is told.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Machine, tenants};
use crate::simulation::invariant::{Invariant, Violation};
use crate::simulation::ledger::{FoundRecord, Spec};
use crate::{CompactScope, Partition, PartitionId, StoreError};

/// So much that a scrub reaches everything.
const ALL_OF_IT: Duration = Duration::from_secs(1 << 40);

/// What health and answers say is missing or was damaged.
#[derive(Clone, Debug, Default)]
pub(in crate::simulation) struct Told {
    /// Partitions of which every answer says that it is not whole.
    pub(in crate::simulation) missing: BTreeSet<PartitionId>,
    /// Entries of the quarantine, which make health degraded.
    pub(in crate::simulation) entries: Vec<String>,
}

impl Machine {
    /// Compares every file with its checksum, and indexes again what the log has of what was
    /// damaged, as the threads do.
    pub(in crate::simulation) fn scrub(&mut self) -> Result<(), Violation> {
        let Some(process) = &self.process else { return Ok(()) };
        let checked = process
            .maintenance
            .check_suspects()
            .and_then(|()| process.maintenance.scrub(ALL_OF_IT));
        self.recover_lost();
        checked.map_err(|error| Violation::new(Invariant::RotIsTold, error.to_string()))
    }

    /// Reads every record that reads, as a search over everything does, before anybody has compared
    /// a checksum. No record may be another than the one that was written; a partition that does
    /// not read is told by the answer, and checked next.
    pub(in crate::simulation) fn search_rotten(&mut self) -> Result<(), Violation> {
        let Some(process) = &self.process else { return Ok(()) };
        let mut found = Vec::new();
        for partition in process.store.catalogue.partitions() {
            match read_all(&partition) {
                Ok(records) => found.extend(records),
                Err(error) if error.is_damage() => process.store.catalogue.suspect(partition.id()),
                Err(error) => {
                    return Err(Violation::new(Invariant::RotIsTold, error.to_string()));
                }
            }
        }
        self.ledger.check_payloads(&found, &self.settings.tiers)
    }

    /// Seals whatever is hot, and does what a failure asks for.
    pub(in crate::simulation) fn seal_and_recover(&mut self) {
        let Some(process) = &self.process else { return };
        let _ = process.maintenance.compact(CompactScope::All);
        self.recover_lost();
    }

    /// Does what the threads of both lanes do once another step has left records to be read again.
    fn recover_lost(&mut self) {
        let Some(process) = &self.process else { return };
        let goes_on = || !self.vfs.is_halted();
        if !process.store.indexer.recover_stalled_at_once(process.taken, &goes_on) {
            self.process = None;
        }
    }

    /// Returns what is told.
    pub(in crate::simulation) fn told(&self) -> Told {
        let Some(process) = &self.process else { return Told::default() };
        let entries = process.maintenance.quarantined().items;
        Told {
            missing: tenants()
                .into_iter()
                .flat_map(|tenant| process.store.catalogue.lost(tenant))
                .collect(),
            entries: entries.into_iter().map(|item| item.entry).collect(),
        }
    }

    /// Compares what is there with what was promised, but for records that are excused.
    pub(in crate::simulation) fn check_but(
        &mut self,
        excused: &dyn Fn(&Spec) -> bool,
    ) -> Result<(), Violation> {
        let found = self.found()?;
        self.ledger.check_but(&found, &self.settings.tiers, excused)?;
        self.ledger.settle(&found, self.vfs.change_count());
        Ok(())
    }

    /// Returns what a verification finds.
    pub(in crate::simulation) fn problems(&self) -> Vec<String> {
        let Some(process) = &self.process else { return Vec::new() };
        match crate::maintenance::check_partitions(&process.store.catalogue) {
            Ok(checks) => checks.into_iter().flat_map(|check| check.problems).collect(),
            Err(error) => vec![error.to_string()],
        }
    }
}

fn read_all(partition: &Partition) -> Result<Vec<FoundRecord>, StoreError> {
    let mut found = Vec::new();
    for segment in partition.view()?.segments() {
        let docs: Vec<u32> = segment.reader().doc_ids_alive().collect();
        let records = segment.read(&docs)?.into_iter();
        found.extend(records.map(|stored| FoundRecord { partition: partition.id(), stored }));
    }
    Ok(found)
}
