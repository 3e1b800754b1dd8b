//! What an engineer does to dead letters: drops some, or replays them.

use super::{Story, is_kept};
use crate::simulation::ledger::Spec;
use crate::simulation::machine::{Machine, record_of};

impl Story {
    /// Drops some of the letters, or all.
    pub(super) fn drop_letters(&mut self, machine: &mut Machine) {
        let chosen = self.some_letters(machine);
        let seqs: Vec<u64> = chosen.iter().map(|(seq, _)| *seq).collect();
        machine.take_letters(&seqs);
    }

    /// Replays some of the letters, or all.
    pub(super) fn replay_letters(&mut self, machine: &mut Machine) {
        let mut chosen = self.some_letters(machine);
        for (_, spec) in &mut chosen {
            self.next_number += 1;
            *spec = record_of(spec, self.next_number);
        }
        // A replay is of one tenant.
        let tenant = chosen.first().map(|(_, record)| record.tenant);
        chosen.retain(|(_, record)| Some(record.tenant) == tenant);
        // A letter whose tier would not keep the record stays a letter.
        chosen.retain(|(_, record)| is_kept(machine, record));
        self.next_replay += 1;
        machine.replay_letters(&format!("replay-{}", self.next_replay), chosen);
    }

    fn some_letters(&mut self, machine: &mut Machine) -> Vec<(u64, Spec)> {
        let letters = machine.letters().unwrap_or_default();
        let all = self.choices.below(3) == 0;
        letters.into_iter().filter(|_| all || self.choices.below(2) == 0).collect()
    }
}
