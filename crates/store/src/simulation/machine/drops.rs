//! What the machine drops: days that are over, and days before their time when there is no room.

use tierlog_model::Timestamp;

use super::Machine;
use crate::backend::SimulatedVfs;
use crate::simulation::invariant::{Invariant, Violation};
use crate::simulation::ledger::{Event, Spec};
use crate::{Expiry, PartitionId};

/// Tiers of which days may go early, by the settings of the machine.
const EARLY_TIERS: [&str; 2] = ["debug", "info"];

impl Machine {
    /// Drops what is over. An error leaves the rest for the next round.
    pub(in crate::simulation) fn retain(&mut self) -> Result<(), Violation> {
        let now = self.now();
        self.expire(now);
        let Some(process) = &mut self.process else { return Ok(()) };
        let dropped = process.maintenance.run_retention(now).unwrap_or_default();
        // What waits to be indexed was not in the partition yet.
        let waiting = process.waiting();
        for expiry in dropped {
            if !self.settings.tiers.is_expired(expiry.id.tier, expiry.id.day, now) {
                let detail = format!("{:?} at {now}", expiry.id);
                return Err(Violation::new(Invariant::NothingYoungerDropped, detail));
            }
            self.note_dropped(expiry.id, &waiting);
        }
        self.end_if_halted();
        Ok(())
    }

    /// Notes that a partition was dropped, with all of it that did not wait to be indexed.
    fn note_dropped(&mut self, id: PartitionId, waiting: &[u64]) {
        let change = self.vfs.change_count();
        let tiers = &self.settings.tiers;
        for number in self.ledger.numbers(|spec| spec.partition(tiers) == id) {
            if !waiting.contains(&number) {
                self.ledger.note(number, Event::Dropped, change);
            }
        }
    }

    /// Lets the disk run so full that some days go before their time; then there is room again.
    pub(in crate::simulation) fn relieve(&mut self, free_bytes: u64) -> Result<(), Violation> {
        let Some(process) = &self.process else { return Ok(()) };
        process.maintenance.forget_last_drop();
        let waiting = process.waiting();
        let begun = self.vfs.change_count();
        let days = process.store.catalogue.partitions();
        let days: Vec<PartitionId> = days.iter().map(|partition| partition.id()).collect();
        for id in days {
            self.begin_early_drop(id, &waiting);
        }
        let used: u64 = self.vfs.files().iter().map(|(_, bytes)| *bytes).sum();
        self.vfs.set_capacity(used.saturating_add(free_bytes));
        let dropped = self.process.as_ref().map(|process| process.maintenance.relieve());
        self.vfs.set_capacity(SimulatedVfs::CAPACITY_BYTES);
        if let Some(Ok(dropped)) = dropped {
            self.end_early_drops(&dropped, begun, &waiting)?;
        }
        self.end_if_halted();
        Ok(())
    }

    /// Notes that a day may be dropped, if the tier allows early drops.
    fn begin_early_drop(&mut self, id: PartitionId, waiting: &[u64]) {
        let tiers = &self.settings.tiers;
        if !EARLY_TIERS.contains(&tiers.policy(id.tier).name.as_str()) {
            return;
        }
        let is_meant = |spec: &Spec| spec.partition(tiers) == id && !waiting.contains(&spec.number);
        let change = self.vfs.change_count();
        self.ledger.leave_early(id, self.settings.durability, is_meant, change);
    }

    fn end_early_drops(
        &mut self,
        dropped: &[Expiry],
        begun: u64,
        waiting: &[u64],
    ) -> Result<(), Violation> {
        for expiry in dropped {
            if !EARLY_TIERS.contains(&expiry.tier.as_str()) {
                let detail = format!("{} of {}", expiry.tier, expiry.day);
                return Err(Violation::new(Invariant::OnlyTheLeastGoesEarly, detail));
            }
            self.note_dropped(expiry.id, waiting);
        }
        let days: Vec<PartitionId> = dropped.iter().map(|expiry| expiry.id).collect();
        self.ledger.end_early(&days, begun, self.vfs.change_count());
        Ok(())
    }

    /// Checks that early drops are recorded.
    pub(super) fn check_early(&self) -> Result<(), Violation> {
        let Some(process) = &self.process else { return Ok(()) };
        let early = process.maintenance.early_drops();
        let is_said =
            |id: &PartitionId| early.through(id.tenant, id.tier).is_some_and(|day| day >= id.day);
        match self.ledger.went_early().find(|id| !is_said(id)) {
            None => Ok(()),
            Some(id) => {
                let detail = format!("{} went early", id.name(self.tiers()));
                Err(Violation::new(Invariant::GoneIsSaid, detail))
            }
        }
    }

    /// Notes which records the store may drop when it looks at the clock now.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let change = self.vfs.change_count();
        let tiers = &self.settings.tiers;
        let over = |spec: &Spec| {
            let id = spec.partition(tiers);
            tiers.is_expired(id.tier, id.day, now)
        };
        for number in self.ledger.numbers(over) {
            self.ledger.note(number, Event::Expired, change);
        }
    }
}
