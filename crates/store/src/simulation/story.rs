//! What happens on a machine, by seed: clients, the clock, maintenance.
//!
//! Only what the daemon would let through is sent: ingest refuses records whose days are over,
//! and a client gives up to repeat a batch long before its id is forgotten.

mod letters;
mod producers;

use std::collections::BTreeMap;

use tierlog_model::{Level, Tenant, Timestamp};

use self::producers::Producer;
use super::Plan;
use super::client::ClientBatch;
use super::invariant::Violation;
use super::ledger::Spec;
use super::machine::{Machine, tenants};
use crate::backend::{Choices, FaultError, Operation};
use crate::{Durability, PartitionId};

const HOUR_MICROS: i64 = 3_600_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;

/// How long a client goes on to repeat a batch: less than the store remembers its id.
const REPEAT_MICROS: i64 = 20 * HOUR_MICROS;

/// Most room that is left when the disk runs full: more than the mark under which days go.
const FREE_BYTES: usize = 128 << 10;

/// Batches that a client may still repeat.
const REPEATABLE_MAX: usize = 12;

/// Errors of the disk that a story may contain.
const FAULTS: [Operation; 7] = [
    Operation::Create,
    Operation::Write,
    Operation::SyncData,
    Operation::SyncDir,
    Operation::Rename,
    Operation::Remove,
    Operation::Read,
];

/// Whether the disk returns errors, besides losing power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskErrors {
    /// It does not.
    Never,
    /// Now and then a call fails with EIO or ENOSPC.
    Sometimes,
}

/// Where a story stands.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) choices: Choices,
    next_number: u64,
    /// Named batches so far, by tenant.
    batches: BTreeMap<Tenant, u64>,
    next_replay: u64,
    /// Batches that were sent, and when first.
    repeatable: Vec<(Timestamp, ClientBatch)>,
    producers: Vec<Producer>,
}

impl Story {
    pub(super) fn new(choices: Choices) -> Story {
        let producers = producers::some();
        Story {
            choices,
            next_number: 0,
            batches: BTreeMap::new(),
            next_replay: 0,
            repeatable: Vec::new(),
            producers,
        }
    }

    /// Lets one thing happen.
    pub(super) fn step(&mut self, machine: &mut Machine, plan: &Plan) -> Result<(), Violation> {
        match self.choices.below(39) {
            0..=7 => self.send(machine),
            8..=11 => return self.send_lines(machine),
            12..=17 => machine.index(1 + self.choices.below(3)),
            18..=22 => machine.flush(),
            23..=24 => machine.commit(),
            36..=37 => machine.backfill(),
            25..=26 => machine.seal(),
            27 => return machine.retain(),
            28 => {
                machine.flush();
                return machine.retain();
            }
            29..=30 => self.move_clock(machine),
            31 => self.drop_letters(machine),
            32 => self.replay_letters(machine),
            // Of the modes that do not wait for it, one syncs the log after a while.
            34 if matches!(plan.durability, Durability::Interval(_)) => machine.sync_log(),
            35 => return machine.relieve(self.choices.below(FREE_BYTES) as u64),
            33 => machine.take_letters_again(),
            _ if plan.errors == DiskErrors::Sometimes => self.fail(machine),
            _ => self.send(machine),
        }
        Ok(())
    }

    /// A power cut took what was acknowledged: producers do not keep it, and go on behind it.
    pub(super) fn lose_acks(&mut self) {
        self.producers.iter_mut().for_each(Producer::give_up);
    }

    /// Sends a group of one to three batches, sometimes repeats of earlier batches.
    fn send(&mut self, machine: &mut Machine) {
        let count = 1 + self.choices.below(3);
        let batches: Vec<ClientBatch> = (0..count).map(|_| self.batch(machine)).collect();
        machine.append(&batches);
        let now = machine.now();
        for batch in batches.into_iter().filter(|batch| batch.id.is_some()) {
            if self.repeatable.iter().all(|(_, known)| !known.has_name_of(&batch)) {
                self.repeatable.push((now, batch));
            }
        }
        let surplus = self.repeatable.len().saturating_sub(REPEATABLE_MAX);
        self.repeatable.drain(..surplus);
    }

    fn batch(&mut self, machine: &Machine) -> ClientBatch {
        if self.choices.below(4) == 0 {
            let choice = self.choices.below(self.repeatable.len());
            if let Some((sent, again)) = self.repeatable.get(choice).cloned()
                && machine.now() < sent.saturating_add_micros(REPEAT_MICROS)
                && again.specs.iter().all(|spec| is_kept(machine, spec))
            {
                return again;
            }
        }
        let count = 1 + self.choices.below(4);
        let tenant = tenants().get(self.choices.below(3)).copied().unwrap_or_default();
        let specs = (0..count).map(|_| self.spec(machine).of(tenant)).collect();
        let id = (self.choices.below(2) == 0).then(|| {
            // Tenants give equal names to their batches.
            let sent = self.batches.entry(tenant).or_default();
            *sent += 1;
            format!("batch-{sent}")
        });
        ClientBatch { id, lines: None, specs }
    }

    /// Returns a new record, of today, or of one of the days before that its tier keeps.
    pub(super) fn spec(&mut self, machine: &Machine) -> Spec {
        self.next_number += 1;
        let number = self.next_number;
        let level = Level::ALL.get(self.choices.below(Level::ALL.len())).copied();
        let level = level.unwrap_or(Level::Info);
        let days_ago = [0, 0, 0, 1, 1, 6].get(self.choices.below(6)).copied().unwrap_or(0);
        let ago = days_ago * DAY_MICROS + self.choices.below(1_000) as i64;
        let spec = |ago: i64| Spec::log(number, level, machine.now().saturating_add_micros(-ago));
        if self.choices.below(6) == 0 {
            return Spec::letter(number, spec(ago).timestamp);
        }
        let late = spec(ago);
        if is_kept(machine, &late) { late } else { spec(0) }
    }

    /// Lets hours pass, or days, or sets the clock back.
    fn move_clock(&mut self, machine: &mut Machine) {
        let by = match self.choices.below(6) {
            0..=2 => self.choices.below(8) as i64 * HOUR_MICROS,
            3 => DAY_MICROS,
            4 => 8 * DAY_MICROS,
            _ => -DAY_MICROS,
        };
        if by.abs() >= DAY_MICROS {
            // By now the clients have given up.
            self.repeatable.clear();
            self.producers.iter_mut().for_each(Producer::give_up);
        }
        machine.set_now(machine.now().saturating_add_micros(by));
    }

    fn fail(&mut self, machine: &Machine) {
        let operation = FAULTS.get(self.choices.below(FAULTS.len())).copied();
        let error = if self.choices.below(2) == 0 { FaultError::Io } else { FaultError::NoSpace };
        let successes = self.choices.below(12) as u64;
        machine.vfs.clear_faults();
        if let Some(operation) = operation {
            machine.vfs.fail_after(operation, successes, error);
        }
    }
}

/// Tells whether ingest would let the record through.
fn is_kept(machine: &Machine, spec: &Spec) -> bool {
    let tiers = machine.tiers();
    let PartitionId { tier, day, .. } = spec.partition(tiers);
    !tiers.is_expired(tier, day, machine.now())
}

/// The moment at which every story begins: noon of a day.
pub(super) fn noon() -> Timestamp {
    Timestamp::from_micros_clamped(20_777 * DAY_MICROS + 12 * HOUR_MICROS)
}
