//! Dead letters of the machine: taken away, and replayed as records.
//!
//! The order is the daemon's: committed letters are selected, the letters go, and a replay writes
//! the batch into the journal before sending. A start finishes what was cut short.

use std::collections::BTreeMap;

use tierlog_model::{Level, Tenant};

use super::{Machine, Sabotage, tenants};
use crate::dead_letters::take_away;
use crate::simulation::client::{ClientBatch, Verdict};
use crate::simulation::ledger::{Event, Spec};
use crate::{LetterSelection, PartitionId, PendingReplay, StoreError};

impl Machine {
    /// Returns the letters present, by the store's numbers; `None` while no look is possible.
    pub(in crate::simulation) fn letters(&mut self) -> Option<BTreeMap<u64, Spec>> {
        self.flush();
        self.end_if_halted();
        if !self.is_running() {
            return None;
        }
        // A disk that fails to read fails who looks; what is there is checked after a start.
        let found = self.found().ok()?;
        let tier = self.tiers().dead_letter();
        let letters = found.iter().filter(|it| it.partition.tier == tier);
        let numbered = letters.map(|it| (it.stored.seq, it.stored.record.get_str("number")));
        let letter = |(seq, number): (u64, Option<&str>)| {
            Some((seq, *self.ledger.spec(number?.parse().ok()?)?))
        };
        Some(numbered.filter_map(letter).collect())
    }

    /// Takes letters away. Returns whether that is confirmed.
    pub(in crate::simulation) fn take_letters(&mut self, seqs: &[u64]) -> bool {
        let Some(there) = self.letters() else { return false };
        let change = self.vfs.change_count();
        let mut by_day: BTreeMap<PartitionId, Vec<(u64, Spec)>> = BTreeMap::new();
        for (seq, spec) in there.iter().filter(|(seq, _)| seqs.contains(seq)) {
            by_day.entry(spec.partition(self.tiers())).or_default().push((*seq, *spec));
        }
        for letters in by_day.values() {
            // Who was shown a letter relies on it, acknowledged or not.
            for (_, spec) in letters {
                self.ledger.note(spec.number, Event::Acked, change);
            }
            self.ledger.leave(letters, change);
        }
        if self.sabotage == Some(Sabotage::ConfirmBeforeDelete) {
            self.ledger.confirm_left(seqs, change);
        }
        let mut is_confirmed = false;
        self.work(|process, _| {
            let (catalogue, indexer) = (&process.store.catalogue, &process.store.indexer);
            for tenant in tenants() {
                let selection = LetterSelection::of_ids(tenant, seqs.to_vec());
                take_away(catalogue, &selection, |id, query| indexer.delete_records(id, query))?;
            }
            is_confirmed = true;
            Ok(())
        });
        if is_confirmed {
            self.ledger.confirm_left(seqs, self.vfs.change_count());
        }
        is_confirmed
    }

    /// Repeats the deletions with an unknown outcome.
    pub(in crate::simulation) fn take_letters_again(&mut self) {
        let seqs = self.ledger.leaving_seqs();
        if !seqs.is_empty() {
            self.take_letters(&seqs);
        }
    }

    /// Makes records of letters: a letter becomes the record paired with it.
    pub(in crate::simulation) fn replay_letters(&mut self, name: &str, letters: Vec<(u64, Spec)>) {
        if letters.is_empty() || !self.finish_replay() {
            return;
        }
        let seqs: Vec<u64> = letters.iter().map(|(seq, _)| *seq).collect();
        let records: Vec<Spec> = letters.iter().map(|(_, spec)| *spec).collect();
        let tenant = records.first().map_or(Tenant::DEFAULT, |record| record.tenant);
        self.ledger.add_replay(name, letters);
        let pending = PendingReplay::new(tenant, name.to_owned(), self.now(), seqs.clone());
        if self.note_replay(Some(&pending))
            && self.send_replay(name, records).is_ack()
            && self.take_letters(&seqs)
        {
            self.note_replay(None);
        }
    }

    /// Does the rest of a replay that was cut short. Returns whether none is under way.
    pub(in crate::simulation) fn finish_replay(&mut self) -> bool {
        let Some(there) = self.letters() else { return false };
        let Some(process) = &self.process else { return false };
        let pending = match PendingReplay::read(&process.store.layout) {
            Ok(Some(pending)) => pending,
            Ok(None) => return true,
            Err(_) => return false,
        };
        let age = self.now().as_micros().saturating_sub(pending.started.as_micros());
        if u128::try_from(age).unwrap_or(0) > self.settings.retry_window_age.as_micros() {
            return self.note_replay(None);
        }
        let is_there =
            |(seq, _): &(u64, Spec)| pending.letters.contains(seq) && there.contains_key(seq);
        let mut letters = self.ledger.replay(&pending.batch);
        letters.retain(is_there);
        let records = letters.iter().map(|(_, spec)| *spec).collect();
        let stored = match self.send_replay(&pending.batch, records) {
            Verdict::Written => letters.iter().map(|(seq, _)| *seq).collect(),
            Verdict::Known => pending.letters,
            Verdict::MissingLines | Verdict::Refused | Verdict::Silence => return false,
        };
        self.take_letters(&stored) && self.note_replay(None)
    }

    fn send_replay(&mut self, name: &str, specs: Vec<Spec>) -> Verdict {
        let is_named = self.sabotage != Some(Sabotage::ReplayWithoutName);
        let id = is_named.then(|| name.to_owned());
        let verdicts = self.append(&[ClientBatch { id, lines: None, specs }]);
        verdicts.first().copied().unwrap_or(Verdict::Silence)
    }

    /// Writes the journal, or removes it. Returns whether that is done.
    fn note_replay(&mut self, pending: Option<&PendingReplay>) -> bool {
        let Some(process) = &self.process else { return false };
        let layout = &process.store.layout;
        let noted: Result<(), StoreError> = match pending {
            Some(pending) => pending.write(layout),
            None => PendingReplay::remove(layout),
        };
        self.end_if_halted();
        noted.is_ok() && self.is_running()
    }
}

/// Returns the record that a letter becomes.
pub(in crate::simulation) fn record_of(letter: &Spec, number: u64) -> Spec {
    Spec::log(number, Level::Info, letter.timestamp).of(letter.tenant)
}
