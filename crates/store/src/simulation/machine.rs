//! One machine: the parts of the store on a simulated disk, worked by hand instead of by threads.
//!
//! Batches and commands arrive, what happened goes to the ledger. The order of every step is that
//! of the threads: write, sync, ack, queue, index, commit. A step that the threads would not
//! survive ends the process here; it is started again by [`Machine::start`].

mod clients;
mod drops;
mod letters;
mod rot;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tierlog_model::{Clock, HeldBytes, Level, ManualClock, Tenant, Tiers, Timestamp, id_hash};

pub(super) use self::letters::record_of;
use super::client::ClientBatch;
use super::invariant::{Invariant, Violation};
use super::ledger::{FoundRecord, Ledger, Spec};
use crate::backend::{Crash, Operation, SimulatedVfs, Vfs};
use crate::indexer::{LeftBy, Replay};
use crate::layout::Layout;
use crate::maintenance::Maintenance;
use crate::recovery::{self, Recovered};
use crate::wal::LoggedBatch;
use crate::{CompactScope, Durability, MaintenanceJob, StoreError, StoreSettings};

/// The data directory of every machine.
const DATA: &str = "/data";

/// Size of a WAL segment: a dozen of frames, so that a run rotates and releases often.
const WAL_SEGMENT_BYTES: u64 = 6 << 10;

/// The least that the engine takes for a writer.
const WRITER_MEMORY_BYTES: usize = 15 << 20;

/// Writers that are open at once: fewer than there are partitions, so that some are closed and
/// opened again.
const OPEN_WRITERS_MAX: usize = 4;

/// Free bytes below which days go early: those of some partitions.
const FREE_BYTES_LOW: u64 = 96 << 10;

/// Free bytes below which today's partitions go too: fewer than the bytes of a partition.
const FREE_BYTES_MIN: u64 = 8 << 10;

/// How the store is broken on purpose, to prove that the oracle would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// A batch is acknowledged before it is synced.
    AckBeforeSync,
    /// The WAL forgets records before the indexes hold the records.
    ReleaseBeforeCommit,
    /// Records of the WAL are given to the indexes again, whether they have them or not.
    ReplayEverything,
    /// A start does not know the producers of before.
    ForgetProducers,
    /// The indexes are committed before the log is durable.
    CommitAheadOfLog,
    /// A deletion of dead letters is confirmed before it is committed.
    ConfirmBeforeDelete,
    /// Days of any tier go early.
    EarlyOfAnyTier,
    /// A start does not make the names in the directories of tiers durable.
    TierNamesUnsynced,
    /// A replay of dead letters omits the name of the batch.
    ReplayWithoutName,
}

/// What a process has while it runs.
#[derive(Debug)]
struct Process {
    store: Recovered,
    maintenance: Maintenance,
    /// Q2: acknowledged and not yet indexed.
    queue: VecDeque<LoggedBatch>,
    /// Number after the last record that was taken from the queue.
    taken: u64,
    /// Number of the first written record.
    first_seq: u64,
}

/// The machine, the disk, the clock and the promises made.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) vfs: SimulatedVfs,
    pub(super) ledger: Ledger,
    clock: ManualClock,
    settings: StoreSettings,
    process: Option<Process>,
    sabotage: Option<Sabotage>,
}

/// The tenants of a machine: every story has records of all three.
pub(super) fn tenants() -> [Tenant; 3] {
    ["default", "shop", "team-7"].map(|name| Tenant::define(name).unwrap_or_default())
}

impl Machine {
    pub(super) fn new(now: Timestamp) -> Machine {
        let vfs = SimulatedVfs::new();
        // The directory above is the administrator's, and durable.
        let made = vfs.create_dir_all(Path::new(DATA)).and_then(|()| vfs.sync_dir(Path::new("/")));
        debug_assert!(made.is_ok());
        Machine::on(vfs, now, Ledger::default())
    }

    /// Returns a machine with the disk of another machine.
    pub(super) fn on(vfs: SimulatedVfs, now: Timestamp, ledger: Ledger) -> Machine {
        vfs.set_now(now);
        let settings = StoreSettings {
            wal_segment_bytes: WAL_SEGMENT_BYTES,
            writer_memory_bytes: WRITER_MEMORY_BYTES,
            open_writers_max: OPEN_WRITERS_MAX,
            // In sequence: a seed repeats a run.
            commit_threads_max: 1,
            free_bytes_low: FREE_BYTES_LOW,
            free_bytes_min: FREE_BYTES_MIN,
            seal_zstd_level: 1,
            clock_jump_max: Duration::MAX,
            maintenance: MaintenanceJob::Rests,
            ..StoreSettings::standard(PathBuf::from(DATA))
        };
        let clock = ManualClock::at(now);
        Machine { vfs, ledger, clock, settings, process: None, sabotage: None }
    }

    pub(super) fn sabotage(&mut self, sabotage: Sabotage) {
        if sabotage == Sabotage::EarlyOfAnyTier {
            self.settings.early_drop_max = Some(Level::Critical);
        }
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

    /// Lets time pass until a moment, or, when it lies behind, sets the clock back to it.
    pub(super) fn set_now(&mut self, now: Timestamp) {
        let by = now.as_micros().saturating_sub(self.now().as_micros());
        if by <= 0 {
            return self.set_clock(now);
        }
        self.clock.advance(by);
        self.vfs.set_now(now);
    }

    /// Sets the clock to a moment, as somebody sets a clock: no time passes.
    pub(super) fn set_clock(&mut self, now: Timestamp) {
        self.clock.set(now);
        self.vfs.set_now(now);
    }

    pub(super) fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Says when batches are acknowledged, from the next start on.
    pub(super) fn set_durability(&mut self, durability: Durability) {
        self.settings.durability = durability;
    }

    pub(super) fn durability(&self) -> Durability {
        self.settings.durability
    }

    /// Ends the process, and perhaps the power.
    pub(super) fn crash(&mut self, crash: Crash) {
        // First: the threads still write, and a crash finds these writes too.
        self.process = None;
        self.vfs.crash(crash);
        self.note_crash(crash);
    }

    fn acks_are_durable(&self) -> bool {
        self.settings.durability == Durability::Fsync
    }

    /// Takes back what a crash may have taken.
    pub(super) fn note_crash(&mut self, crash: Crash) {
        if !self.acks_are_durable() && crash != Crash::ProcessOnly {
            self.ledger.cut_power(self.vfs.change_count());
        }
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
        if self.sabotage == Some(Sabotage::TierNamesUnsynced) {
            for tenant in tenants() {
                let tenant = layout.partitions().join(tenant.name());
                let tiers = self.settings.tiers.iter();
                let tiers = tiers.map(|(_, policy)| tenant.join(&policy.name));
                // A missing directory is synced when made.
                for path in tiers.chain([tenant.clone()]) {
                    if self.vfs.exists(&path).is_ok_and(|there| there) {
                        self.vfs.ignore_once(Operation::SyncDir, &path);
                    }
                }
            }
        }
        let store = recovery::recover(layout, &self.settings, clock)?;
        if self.sabotage == Some(Sabotage::ReplayEverything) {
            for entry in store.wal.replay(0) {
                let (first_seq, batch) = entry?;
                let again = LoggedBatch { first_seq, batch, held: HeldBytes::default() };
                store.indexer.apply(&again, Replay::No)?;
            }
            store.indexer.commit()?;
        }
        let maintenance = Maintenance::new(
            self.settings.maintenance_settings(),
            store.layout.clone(),
            Arc::clone(&store.clock),
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
        self.backfill();
        Ok(())
    }

    /// What is told of damage in the log: none, when nothing but power was cut.
    pub(super) fn log_damage(&self) -> Vec<crate::Loss> {
        self.process.as_ref().map_or_else(Vec::new, |process| process.store.wal.losses().told())
    }

    /// What the start put aside.
    pub(super) fn quarantined(&self) -> &[String] {
        self.process.as_ref().map_or(&[], |process| process.store.found.quarantined.as_slice())
    }

    /// Indexes the oldest of what waits.
    pub(super) fn index(&mut self, batches: usize) {
        self.work(|process, _| {
            for _ in 0..batches {
                let Some(batch) = process.queue.pop_front() else { break };
                process.taken = batch.range().end;
                process.store.indexer.apply(&batch, Replay::No)?;
            }
            Ok(())
        });
    }

    /// Makes what was indexed durable and searchable.
    pub(super) fn commit(&mut self) {
        let mut waiting = None;
        self.work(|process, sabotage| {
            match sabotage {
                Some(Sabotage::ReleaseBeforeCommit) => {
                    process.store.wal.releaser().release_before(u64::MAX)?;
                }
                Some(Sabotage::CommitAheadOfLog) => process.store.wal.releaser().forget_order(),
                _ => {}
            }
            process.store.indexer.commit()?;
            // What waits of old days is not made durable by this.
            waiting = (!process.store.indexer.is_backfilling()).then(|| process.waiting());
            Ok(())
        });
        if let (Some(waiting), false) = (waiting, self.acks_are_durable()) {
            self.ledger.sync_but(&waiting, self.vfs.change_count());
        }
    }

    /// Indexes everything and commits, in both lanes.
    pub(super) fn flush(&mut self) {
        self.index(usize::MAX);
        self.commit();
        self.backfill();
    }

    /// Indexes what waits of old days, as the thread of the backfill lane does.
    pub(super) fn backfill(&mut self) {
        let Some(process) = &self.process else { return };
        let goes_on = || !self.vfs.is_halted();
        if !process.store.indexer.backfill_at_once(&goes_on) || !goes_on() {
            self.process = None;
        }
    }

    /// Indexes what the start has left, as the indexing thread does.
    fn follow(&mut self) {
        let Some(process) = &self.process else { return };
        let goes_on = || !self.vfs.is_halted();
        if !process.store.indexer.follow_at_once(process.taken, &goes_on) {
            self.process = None;
        }
    }

    /// Runs a step with failures that the indexing thread survives; any other failure ends the
    /// process.
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

    /// A halted disk is a process that was killed at that change.
    fn end_if_halted(&mut self) {
        if self.vfs.is_halted() {
            self.process = None;
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
                let docs: Vec<u32> = segment.reader().doc_ids_alive().collect();
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

    /// Compares the records present with the promised records, and notes the outcome of every
    /// operation cut short.
    pub(super) fn check(&mut self) -> Result<(), Violation> {
        let found = self.found()?;
        self.ledger.check(&found, &self.settings.tiers)?;
        self.check_early()?;
        self.ledger.settle(&found, self.vfs.change_count());
        Ok(())
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
