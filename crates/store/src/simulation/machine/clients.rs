//! What clients send: written, synced as the settings say, acknowledged, and queued.

use tierlog_model::{
    DecodeError, EncodedRecord, HeldBytes, ProducerId, ProducerLines, RedactedBatch, Tenant,
};

use super::{Machine, Process, Sabotage};
use crate::simulation::client::{ClientBatch, Verdict};
use crate::simulation::invariant::{Invariant, Violation};
use crate::simulation::ledger::Event;
use crate::wal::{LoggedBatch, Placement, WalError};

impl Machine {
    /// Sends batches as one group: they are written and synced together.
    pub(in crate::simulation) fn append(&mut self, batches: &[ClientBatch]) -> Vec<Verdict> {
        let all = |verdict: Verdict| batches.iter().map(|_| verdict).collect();
        let now = self.now();
        let mut change = self.vfs.change_count();
        let mut new = Vec::new();
        for spec in batches.iter().flat_map(|batch| &batch.specs) {
            if !self.ledger.is_issued(spec.number) {
                new.push(spec.number);
            }
            self.ledger.issue(*spec, change);
        }
        let sabotage = self.sabotage;
        let is_synced = self.acks_are_durable() && sabotage != Some(Sabotage::AckBeforeSync);
        let Some(process) = &mut self.process else { return all(Verdict::Silence) };
        let redacted = |batch: &ClientBatch| process.as_it_knows(batch.redacted(), sabotage);
        let redacted: Vec<RedactedBatch> = batches.iter().map(redacted).collect();
        let wal = &mut process.store.wal;
        let written = wal.write_group(&redacted, now).and_then(|placements| {
            if is_synced { wal.sync().map(|()| placements) } else { Ok(placements) }
        });
        let begun = std::mem::replace(&mut change, self.vfs.change_count());
        let placements = match written {
            Ok(placements) => placements,
            // Undone: the client is told, and may send it again.
            Err(WalError::DiskFull { .. }) => {
                for number in new {
                    self.ledger.note(number, Event::Refused, change);
                }
                return all(Verdict::Refused);
            }
            Err(_) => {
                self.process = None;
                self.ledger.write(new, begun);
                return all(Verdict::Silence);
            }
        };
        let written = batches.iter().zip(&placements).flat_map(|(client, placement)| {
            let known_count = match placement {
                Placement::Written { .. } => 0,
                Placement::Rest { known_count, .. } => *known_count as usize,
                Placement::Duplicate { .. }
                | Placement::MissingLines { .. }
                | Placement::PartedLines { .. }
                | Placement::LinesJump { .. }
                | Placement::TooLarge => client.specs.len(),
            };
            client.specs.iter().skip(known_count).map(|spec| spec.number)
        });
        let written: Vec<u64> = written.collect();
        for number in &written {
            self.ledger.note(*number, Event::Written, change);
        }
        self.ledger.write(written, begun);
        let mut verdicts = Vec::new();
        for ((client, batch), placement) in batches.iter().zip(redacted).zip(placements) {
            let verdict = process.take_up(batch, placement);
            for spec in &client.specs {
                if verdict.is_ack() {
                    self.ledger.note(spec.number, Event::Acked, change);
                } else if new.contains(&spec.number) {
                    self.ledger.note(spec.number, Event::Refused, change);
                }
            }
            verdicts.push(verdict);
        }
        verdicts
    }

    /// Makes the log durable, as its thread does when the interval is over.
    pub(in crate::simulation) fn sync_log(&mut self) {
        let Some(process) = &mut self.process else { return };
        match process.store.wal.sync() {
            Ok(()) => self.ledger.sync_but(&[], self.vfs.change_count()),
            Err(_) => self.process = None,
        }
    }

    /// Returns the last line of a producer that the store has, as a connection is told it.
    pub(in crate::simulation) fn greet(&self, producer: &ProducerId) -> Option<u64> {
        let process = self.process.as_ref()?;
        Some(process.store.wal.producer_line(producer, self.now()))
    }

    /// Sends the lines of the ledger's producer once more, from the first one and from the one
    /// behind those that were acknowledged.
    pub(in crate::simulation) fn resend_lines(&mut self) -> Result<(), Violation> {
        let (specs, acked) = self.ledger.lines();
        for skipped in [acked, 0] {
            let rest = specs.get(skipped..).unwrap_or_default();
            if rest.is_empty() {
                continue;
            }
            let batch = ClientBatch::of_lines(skipped as u64 + 1, rest.to_vec());
            if !self.append(&[batch]).iter().all(|verdict| verdict.is_ack()) {
                let detail = format!("line {acked} was acknowledged");
                return Err(Violation::new(Invariant::ProducerKnown, detail));
            }
        }
        Ok(())
    }
}

impl Process {
    /// Returns the numbers of the records that wait to be indexed.
    pub(super) fn waiting(&self) -> Vec<u64> {
        let records = self.queue.iter().flat_map(|applied| applied.batch.records());
        let number = |record: Result<EncodedRecord<'_>, DecodeError>| {
            record.ok()?.decode().ok()?.get_str("number")?.parse().ok()
        };
        records.filter_map(number).collect()
    }

    /// Takes up a batch that was written, or was not.
    fn take_up(&mut self, batch: RedactedBatch, placement: Placement) -> Verdict {
        let (first_seq, batch) = match placement {
            Placement::Written { first_seq } => (first_seq, batch),
            Placement::Rest { known_count, first_seq } => {
                (first_seq, batch.without_first(known_count))
            }
            Placement::Duplicate { .. } => return Verdict::Known,
            Placement::MissingLines { .. } => return Verdict::MissingLines,
            Placement::PartedLines { .. } | Placement::LinesJump { .. } | Placement::TooLarge => {
                return Verdict::Refused;
            }
        };
        if batch.record_count() > 0 {
            let held = HeldBytes::default();
            self.queue.push_back(LoggedBatch { first_seq, batch, held });
        }
        Verdict::Written
    }

    /// Returns a batch as seen by a process that may have forgotten the producer.
    fn as_it_knows(&self, batch: RedactedBatch, sabotage: Option<Sabotage>) -> RedactedBatch {
        let known = batch.lines().filter(|_| sabotage == Some(Sabotage::ForgetProducers));
        let name = known.map(|lines| {
            let number = u128::from_le_bytes(*lines.producer.as_bytes());
            format!("{number}-{}", self.first_seq)
        });
        match (
            name.as_deref().and_then(|name| ProducerId::of_client(Tenant::DEFAULT, name)),
            batch.lines().cloned(),
        ) {
            (Some(producer), Some(lines)) => batch.with_lines(ProducerLines { producer, ..lines }),
            _ => batch,
        }
    }
}
