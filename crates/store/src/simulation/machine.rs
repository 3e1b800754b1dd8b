//! One machine: the parts of the store on a simulated disk, worked by hand instead of by threads.
//!
//! Batches and commands arrive, what happened goes to the ledger. The order of every step is that
//! of the threads: write, sync, ack, queue, index, commit. A step that the threads would not
//! survive ends the process here; it is started again by [`Machine::start`].

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tierlog_model::{
    Clock, HeldBytes, ManualClock, ProducerId, ProducerLines, RedactedBatch, Tiers, Timestamp,
    id_hash,
};

use super::client::{ClientBatch, Verdict};
use super::invariant::{Invariant, Violation};
use super::ledger::{Event, FoundRecord, Ledger, Spec};
use crate::backend::{Crash, SimulatedVfs, Vfs};
use crate::indexer::{LeftBy, Replay};
use crate::layout::Layout;
use crate::maintenance::Maintenance;
use crate::recovery::{self, Recovered};
use crate::wal::{AppliedBatch, Placement, WalError};
use crate::{CompactScope, MaintenanceJob, StoreError, StoreSettings};

/// The data directory of every machine.
const DATA: &str = "/data";

/// Size of a WAL segment: a dozen of frames, so that a run rotates and releases often.
const WAL_SEGMENT_BYTES: u64 = 6 << 10;

/// The least that the engine takes for a writer.
const WRITER_MEMORY_BYTES: usize = 15 << 20;

/// Writers that are open at once: fewer than there are partitions, so that some are closed and
/// opened again.
const OPEN_WRITERS_MAX: usize = 4;

/// How the store is broken on purpose, to prove that the oracle would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// A batch is acknowledged before it is synced.
    AckBeforeSync,
    /// The WAL forgets its records before the indexes have them.
    ReleaseBeforeCommit,
    /// Records of the WAL are given to the indexes again, whether they have them or not.
    ReplayEverything,
    /// A start does not know the producers of before.
    ForgetProducers,
}

/// What a process has while it runs.
#[derive(Debug)]
struct Process {
    store: Recovered,
    maintenance: Maintenance,
    /// Q2: acknowledged and not yet indexed.
    queue: VecDeque<AppliedBatch>,
    /// Number after the last record that was taken from the queue.
    taken: u64,
    /// Number of the first record that it wrote.
    first_seq: u64,
}

impl Process {
    /// Takes up a batch that was written, or was not.
    fn take_up(&mut self, batch: RedactedBatch, placement: Placement) -> Verdict {
        let (first_seq, batch) = match placement {
            Placement::Written { first_seq } => (first_seq, batch),
            Placement::Rest { known_count, first_seq } => {
                (first_seq, batch.without_first(known_count))
            }
            Placement::Duplicate { .. } => return Verdict::Known,
            Placement::MissingLines { .. } => return Verdict::MissingLines,
            Placement::TooLarge => return Verdict::Refused,
        };
        if batch.record_count() > 0 {
            let held = HeldBytes::default();
            self.queue.push_back(AppliedBatch { first_seq, batch, held });
        }
        Verdict::Written
    }

    /// Returns a batch as a process sees it that may have forgotten who its producer is.
    fn as_it_knows(&self, batch: RedactedBatch, sabotage: Option<Sabotage>) -> RedactedBatch {
        let known = batch.lines().filter(|_| sabotage == Some(Sabotage::ForgetProducers));
        let name = known.map(|lines| format!("{}-{}", lines.producer.as_str(), self.first_seq));
        match (name.as_deref().and_then(ProducerId::of_client), batch.lines().cloned()) {
            (Some(producer), Some(lines)) => batch.with_lines(ProducerLines { producer, ..lines }),
            _ => batch,
        }
    }
}

/// The machine, its disk, its clock and what it promised.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) vfs: SimulatedVfs,
    pub(super) ledger: Ledger,
    clock: ManualClock,
    settings: StoreSettings,
    process: Option<Process>,
    sabotage: Option<Sabotage>,
}

impl Machine {
    pub(super) fn new(now: Timestamp) -> Machine {
        let vfs = SimulatedVfs::new();
        // The directory above is the administrator's, and durable.
        let made = vfs.create_dir_all(Path::new(DATA)).and_then(|()| vfs.sync_dir(Path::new("/")));
        debug_assert!(made.is_ok());
        Machine::on(vfs, now, Ledger::default())
    }

    /// Returns a machine with a disk that another one left.
    pub(super) fn on(vfs: SimulatedVfs, now: Timestamp, ledger: Ledger) -> Machine {
        vfs.set_now(now);
        let settings = StoreSettings {
            wal_segment_bytes: WAL_SEGMENT_BYTES,
            writer_memory_bytes: WRITER_MEMORY_BYTES,
            open_writers_max: OPEN_WRITERS_MAX,
            // One after the other, so that a seed repeats a run.
            commit_threads_max: 1,
            free_bytes_min: 0,
            seal_zstd_level: 1,
            clock_jump_max: Duration::MAX,
            maintenance: MaintenanceJob::Rests,
            ..StoreSettings::standard(PathBuf::from(DATA))
        };
        let clock = ManualClock::at(now);
        Machine { vfs, ledger, clock, settings, process: None, sabotage: None }
    }

    pub(super) fn sabotage(&mut self, sabotage: Sabotage) {
        self.sabotage = Some(sabotage);
    }

    pub(super) fn sabotaged(&self) -> Option<Sabotage> {
        self.sabotage
    }

    pub(super) fn tiers(&self) -> &Tiers {
        &self.settings.tiers
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn set_now(&mut self, now: Timestamp) {
        self.clock.set(now);
        self.vfs.set_now(now);
    }

    pub(super) fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Ends the process, and perhaps the power.
    pub(super) fn crash(&mut self, crash: Crash) {
        // First: its threads still write, and what they write is part of what a crash finds.
        self.process = None;
        self.vfs.crash(crash);
    }

    /// Starts the process on what is on the disk.
    ///
    /// An error is a broken promise, unless the disk was told to fail.
    pub(super) fn start(&mut self) -> Result<(), StoreError> {
        self.process = None;
        self.expire(self.now());
        let (vfs, root) = (Arc::new(self.vfs.clone()), PathBuf::from(DATA));
        let layout = Layout::new(vfs, root, self.settings.tiers.clone());
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        // Half of the starts leave everything to the indexing thread, the others nothing.
        self.settings.replay_before_ready =
            if self.vfs.change_count().is_multiple_of(2) { Duration::ZERO } else { Duration::MAX };
        let store = recovery::recover(layout, &self.settings, &clock)?;
        if self.sabotage == Some(Sabotage::ReplayEverything) {
            for entry in store.wal.replay(0) {
                let (first_seq, batch) = entry?;
                let again = AppliedBatch { first_seq, batch, held: HeldBytes::default() };
                store.indexer.apply(&again, Replay::No)?;
            }
            store.indexer.commit()?;
        }
        let maintenance = Maintenance::new(
            self.settings.maintenance_settings(),
            store.layout.clone(),
            Arc::clone(&store.retention_clock),
            Arc::clone(&store.catalogue),
            Arc::clone(&store.indexer),
        );
        let taken = store.wal.next_seq();
        let left = store.left;
        let queue = VecDeque::new();
        self.process = Some(Process { store, maintenance, queue, taken, first_seq: taken });
        // What the start did not index, the indexing thread does.
        match left.map(|left| left.why) {
            None => {}
            Some(LeftBy::Time) => self.follow(),
            Some(LeftBy::Failure) => {
                let mut failure = Some(StoreError::Stalled("the start left some".to_owned()));
                self.work(|_, _| failure.take().map_or(Ok(()), Err));
            }
        }
        Ok(())
    }

    /// What the start put aside.
    pub(super) fn quarantined(&self) -> &[String] {
        self.process.as_ref().map_or(&[], |process| process.store.found.quarantined.as_slice())
    }

    /// Sends batches as one group: they are written and synced together.
    pub(super) fn append(&mut self, batches: &[ClientBatch]) -> Vec<Verdict> {
        let all = |verdict: Verdict| batches.iter().map(|_| verdict).collect();
        let now = self.now();
        let change = self.vfs.change_count();
        let mut new = Vec::new();
        for spec in batches.iter().flat_map(|batch| &batch.specs) {
            if !self.ledger.is_issued(spec.number) {
                new.push(spec.number);
            }
            self.ledger.issue(*spec, change);
        }
        let sabotage = self.sabotage;
        let Some(process) = &mut self.process else { return all(Verdict::Silence) };
        let redacted = |batch: &ClientBatch| process.as_it_knows(batch.redacted(), sabotage);
        let redacted: Vec<RedactedBatch> = batches.iter().map(redacted).collect();
        let wal = &mut process.store.wal;
        let written = wal.write_group(&redacted, now).and_then(|placements| match sabotage {
            Some(Sabotage::AckBeforeSync) => Ok(placements),
            _ => wal.sync().map(|()| placements),
        });
        let change = self.vfs.change_count();
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
                return all(Verdict::Silence);
            }
        };
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

    /// Returns the last line of a producer that the store has, as a connection is told it.
    pub(super) fn greet(&self, producer: &ProducerId) -> Option<u64> {
        let process = self.process.as_ref()?;
        Some(process.store.wal.producer_line(producer, self.now()))
    }

    /// Sends the lines of the ledger's producer once more, from the first one and from the one
    /// behind those that were acknowledged.
    pub(super) fn resend_lines(&mut self) -> Result<(), Violation> {
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

    /// Indexes the oldest of what waits.
    pub(super) fn index(&mut self, batches: usize) {
        self.work(|process, _| {
            for _ in 0..batches {
                let Some(batch) = process.queue.pop_front() else { break };
                process.taken = batch.first_seq + u64::from(batch.batch.record_count());
                process.store.indexer.apply(&batch, Replay::No)?;
            }
            Ok(())
        });
    }

    /// Makes what was indexed durable and searchable.
    pub(super) fn commit(&mut self) {
        self.work(|process, sabotage| {
            if sabotage == Some(Sabotage::ReleaseBeforeCommit) {
                process.store.wal.releaser().release_before(u64::MAX)?;
            }
            process.store.indexer.commit()
        });
    }

    /// Indexes everything and commits.
    pub(super) fn flush(&mut self) {
        self.index(usize::MAX);
        self.commit();
    }

    /// Indexes what the start has left, as the indexing thread does.
    fn follow(&mut self) {
        let Some(process) = &self.process else { return };
        let goes_on = || !self.vfs.is_halted();
        if !process.store.indexer.follow_at_once(process.taken, &goes_on) {
            self.process = None;
        }
    }

    /// Does what the indexing thread recovers from; what it does not, ends the process.
    fn work(
        &mut self,
        mut work: impl FnMut(&mut Process, Option<Sabotage>) -> Result<(), StoreError>,
    ) {
        let Some(process) = &mut self.process else { return };
        while let Err(error) = work(process, self.sabotage) {
            let goes_on = || !self.vfs.is_halted();
            let until = process.taken;
            if !goes_on() || !process.store.indexer.recover_at_once(until, error, &goes_on) {
                self.process = None;
                return;
            }
        }
    }

    /// Seals whatever is hot. An error leaves the rest for the next round.
    pub(super) fn seal(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.maintenance.compact(CompactScope::All);
        }
        self.end_if_halted();
    }

    /// Drops what is over. An error leaves the rest for the next round.
    pub(super) fn retain(&mut self) -> Result<(), Violation> {
        let now = self.now();
        self.expire(now);
        let Some(process) = &mut self.process else { return Ok(()) };
        let dropped = process.maintenance.run_retention(now).unwrap_or_default();
        // What waits to be indexed was not in the partition yet.
        let waiting: Vec<u64> = process
            .queue
            .iter()
            .flat_map(|applied| applied.batch.records())
            .filter_map(|record| record.ok()?.decode().ok()?.get_str("number")?.parse::<u64>().ok())
            .collect();
        let change = self.vfs.change_count();
        for expiry in dropped {
            if !self.settings.tiers.is_expired(expiry.id.tier, expiry.id.day, now) {
                let detail = format!("{:?} at {now}", expiry.id);
                return Err(Violation::new(Invariant::NothingYoungerDropped, detail));
            }
            let tiers = &self.settings.tiers;
            for number in self.ledger.numbers(|spec| spec.partition(tiers) == expiry.id) {
                if !waiting.contains(&number) {
                    self.ledger.note(number, Event::Dropped, change);
                }
            }
        }
        self.end_if_halted();
        Ok(())
    }

    /// A halted disk is a process that was killed at that change.
    fn end_if_halted(&mut self) {
        if self.vfs.is_halted() {
            self.process = None;
        }
    }

    /// Notes which records the store may drop when it looks at the clock now.
    fn expire(&mut self, now: Timestamp) {
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

    /// Returns every record that a search could find.
    pub(super) fn found(&self) -> Result<Vec<FoundRecord>, Violation> {
        let Some(process) = &self.process else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for partition in process.store.catalogue.partitions() {
            let unreadable = |error: StoreError| {
                let detail = format!("{} does not read: {error}", partition.name());
                Violation::new(Invariant::AckedIsFound, detail)
            };
            let (id, facts) = (partition.id(), partition.facts());
            let before = found.len();
            for segment in partition.view().map_err(unreadable)?.segments() {
                let docs: Vec<u32> = (0..segment.reader().max_doc()).collect();
                let records = segment.read(&docs).map_err(unreadable)?;
                found.extend(
                    records.into_iter().map(|stored| FoundRecord { partition: id, stored }),
                );
            }
            let records = found.get(before..).unwrap_or_default();
            let conserved = |what: &str| {
                Violation::new(Invariant::Conserved, format!("{} {what}", partition.name()))
            };
            if facts.stats().records != records.len() as u64 {
                return Err(conserved("holds another number of records than it says"));
            }
            let is_known = |record: &FoundRecord| {
                let id = record.stored.record.get_str("request_id");
                id.is_some_and(|id| facts.may_contain(id_hash("request_id", id)))
            };
            if !records.iter().all(is_known) {
                return Err(conserved("has a record that its id filter denies"));
            }
        }
        Ok(found)
    }

    /// Compares what is there with what was promised.
    pub(super) fn check(&self) -> Result<(), Violation> {
        self.ledger.check(&self.found()?, &self.settings.tiers)
    }

    /// Writes one record and finds it.
    pub(super) fn check_fresh(&mut self, spec: Spec) -> Result<(), Violation> {
        self.append(&[ClientBatch::unnamed(vec![spec])]);
        self.flush();
        let is_it = |found: &FoundRecord| {
            found.stored.record.get_str("request_id") == Some(spec.request_id().as_str())
        };
        if self.is_running() && self.found()?.iter().any(is_it) {
            return Ok(());
        }
        Err(Violation::new(Invariant::FreshIsFound, format!("number {}", spec.number)))
    }
}
