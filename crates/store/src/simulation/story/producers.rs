//! Producers of numbered lines: producers send again after every crash, in other batches, while an
//! earlier connection may still have batches on their way.
//!
//! Verdicts arrive, batches leave. A producer sends no line at or before the last acknowledged line
//! as missing, and no line late enough to be forgotten.

use tierlog_model::{LinesBefore, ProducerId, ProducerLines, Tenant, Timestamp};

use super::{REPEAT_MICROS, Story, is_kept};
use crate::simulation::client::{ClientBatch, Verdict};
use crate::simulation::invariant::{Invariant, Violation};
use crate::simulation::ledger::{Event, Spec};
use crate::simulation::machine::{Machine, tenants};

/// Producers of a story, each of a tenant of its own: two of equal names, and another.
const PRODUCERS: [&str; 3] = ["shop", "shop", "pump"];

/// Most lines of a batch.
const LINES_MAX: usize = 4;

/// A producer, and what it remembers.
#[derive(Clone, Debug)]
pub(super) struct Producer {
    id: ProducerId,
    tenant: Tenant,
    /// The producer's lines: line `n` is the `n`th.
    lines: Vec<Spec>,
    /// Its lines up to here need no sending: they are old.
    settled: usize,
    /// Its lines up to here were acknowledged.
    acked: usize,
    /// When lines of it were last written.
    written: Timestamp,
}

/// Returns the producers at the beginning of a story.
pub(super) fn some() -> Vec<Producer> {
    let named = tenants().into_iter().zip(PRODUCERS);
    let producer = |(tenant, name): (Tenant, &str)| {
        let id = ProducerId::of_client(tenant, name)?;
        let (lines, written) = (Vec::new(), Timestamp::MAX);
        Some(Producer { id, tenant, lines, settled: 0, acked: 0, written })
    };
    named.filter_map(producer).collect()
}

impl Producer {
    /// Repeats no line sent up to now.
    pub(super) fn give_up(&mut self) {
        self.settled = self.lines.len();
    }

    /// The number of lines that it has not to send again.
    fn done(&self) -> usize {
        self.acked.max(self.settled)
    }

    /// Gives up what the store may have forgotten, or would not let in any more.
    fn look_at_clock(&mut self, machine: &Machine) {
        let is_old = machine.now() >= self.written.saturating_add_micros(REPEAT_MICROS);
        let again = self.lines.get(self.settled..).unwrap_or_default();
        if is_old || !again.iter().all(|spec| is_kept(machine, spec)) {
            self.give_up();
        }
    }

    /// Returns lines behind the first so many.
    fn batch(&self, skipped: usize, count: usize, before: LinesBefore) -> ClientBatch {
        let specs = self.lines.iter().skip(skipped).take(count).copied().collect();
        let lines = ProducerLines { producer: self.id, first: skipped as u64 + 1, before };
        ClientBatch { id: None, lines: Some(lines), specs }
    }

    /// Connects, is told which lines are durable, and goes on behind them.
    fn connect(&mut self, machine: &mut Machine) -> Result<(), Violation> {
        let Some(durable) = machine.greet(&self.id) else { return Ok(()) };
        let durable = usize::try_from(durable).unwrap_or(usize::MAX);
        if durable < self.acked && self.settled < self.acked {
            return Err(self.unknown("connects"));
        }
        let change = machine.vfs.change_count();
        for spec in self.lines.iter().take(durable).skip(self.settled) {
            machine.ledger.note(spec.number, Event::Acked, change);
        }
        self.acked = self.acked.max(durable);
        Ok(())
    }

    fn unknown(&self, doing: &str) -> Violation {
        let detail = format!("{} of {} lines acked, {doing}", self.acked, self.lines.len());
        Violation::new(Invariant::ProducerKnown, detail)
    }
}

impl Story {
    /// Lets a producer send new lines and repeats of earlier lines.
    pub(super) fn send_lines(&mut self, machine: &mut Machine) -> Result<(), Violation> {
        let chosen = self.choices.below(self.producers.len());
        let mut producer = self.producers.swap_remove(chosen);
        producer.look_at_clock(machine);
        let sent = match self.choices.below(4) {
            0 => producer.connect(machine),
            _ => Ok(()),
        };
        let sent = sent.and_then(|()| self.send_lines_of(&mut producer, machine));
        self.producers.push(producer);
        sent
    }

    fn send_lines_of(
        &mut self,
        producer: &mut Producer,
        machine: &mut Machine,
    ) -> Result<(), Violation> {
        let mut batches = Vec::new();
        let mut skipped = producer.done() - self.any_again(producer.done() - producer.settled);
        // The first batch of a connection may say from where it goes on; it must when the lines
        // before were given up.
        let says_so = producer.done() == producer.settled || self.choices.below(4) == 0;
        let mut before = if says_so { LinesBefore::Settled } else { LinesBefore::Durable };
        for _ in 0..1 + self.choices.below(2) {
            let count = 1 + self.choices.below(LINES_MAX);
            while producer.lines.len() < skipped + count {
                producer.lines.push(self.spec(machine).of(producer.tenant));
            }
            batches.push(producer.batch(skipped, count, before));
            before = LinesBefore::Durable;
            let sent = skipped + count - producer.settled;
            skipped += count;
            skipped -= self.any_again(sent);
        }
        let sent = batches.len();
        if self.choices.below(8) == 0 {
            batches.push(self.behind_a_gap(producer, machine));
        }
        let verdicts = machine.append(&batches);
        for (number, (batch, verdict)) in batches.iter().zip(&verdicts).enumerate() {
            match verdict {
                Verdict::Written | Verdict::Known if number >= sent => {
                    return Err(producer.unknown("lines behind missing ones are taken"));
                }
                Verdict::Written => {
                    producer.written = machine.now();
                    producer.ack(batch);
                }
                Verdict::Known => producer.ack(batch),
                Verdict::MissingLines if number < sent => {
                    return Err(producer.unknown("goes on behind them and is refused"));
                }
                Verdict::MissingLines | Verdict::Refused | Verdict::Silence => {}
            }
        }
        Ok(())
    }

    /// Returns how many of so many lines are sent again; mostly none.
    fn any_again(&mut self, lines: usize) -> usize {
        if self.choices.below(3) > 0 { 0 } else { self.choices.below(lines + 1) }
    }

    /// Returns a line behind a line lost on the way. Neither is heard of again.
    fn behind_a_gap(&mut self, producer: &Producer, machine: &Machine) -> ClientBatch {
        let lines = ProducerLines {
            producer: producer.id,
            first: producer.lines.len() as u64 + 2,
            before: LinesBefore::Durable,
        };
        ClientBatch {
            id: None,
            lines: Some(lines),
            specs: vec![self.spec(machine).of(producer.tenant)],
        }
    }
}

impl Producer {
    fn ack(&mut self, batch: &ClientBatch) {
        let last = batch.lines.as_ref().map_or(0, |lines| lines.last(batch.specs.len() as u32));
        self.acked = self.acked.max(usize::try_from(last).unwrap_or(usize::MAX));
    }
}
