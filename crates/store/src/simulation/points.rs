//! Every crash point of a scenario: the disk is kept before each of its changes, and from each of
//! these moments, under every kind of crash, a machine is started and held to what had been
//! promised by then.

use super::client::ClientBatch;
use super::invariant::{Invariant, Violation};
use super::ledger::{Event, Spec};
use super::machine::{Machine, Sabotage, record_of};
use super::story::noon;
use crate::Durability;
use crate::backend::{Crash, Operation};
use tierlog_model::{Level, Timestamp};

const DAY_MICROS: i64 = 86_400_000_000;

/// Numbers of the fresh records: apart from all others.
const FRESH_NUMBER: u64 = 1 << 40;

/// Fresh records that fill a segment of the log: the next record begins another segment.
const FRESH_RECORDS: usize = 16;

/// What is cut short at each of its changes of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Groups are written, indexed and committed, over several partitions.
    AppendAndCommit,
    /// The same, acknowledged before the log is synced.
    AppendUnsynced,
    /// A sealed partition takes late records and is sealed again, beside a new one.
    Seal,
    /// Dead letters of two days are dropped, and others replayed as records.
    Letters,
    /// Days go before their time while some of their records are only in the WAL.
    Relieve,
    /// A tier's day is dropped while some of its records are only in the WAL.
    Retain,
    /// A start that replays, finishes what a crash began, and commits.
    Start,
    /// A start after a killed process, whose unsynced changes are still seen.
    StartAfterKill,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Scenario; 8] = [
        Scenario::AppendAndCommit,
        Scenario::AppendUnsynced,
        Scenario::Seal,
        Scenario::Letters,
        Scenario::Relieve,
        Scenario::Retain,
        Scenario::Start,
        Scenario::StartAfterKill,
    ];

    /// Returns the name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Scenario::AppendAndCommit => "append and commit",
            Scenario::AppendUnsynced => "append unsynced",
            Scenario::Seal => "seal",
            Scenario::Letters => "letters",
            Scenario::Relieve => "relieve",
            Scenario::Retain => "retain",
            Scenario::Start => "start",
            Scenario::StartAfterKill => "start after kill",
        }
    }
}

/// What is broken on purpose.
#[derive(Clone, Debug, Default)]
pub struct Broken {
    /// Calls of the file system that claim success and do nothing, where the path contains a
    /// text.
    pub ignored: Vec<(Operation, &'static str)>,
    /// What the store does wrong.
    pub sabotage: Option<Sabotage>,
}

/// Which crashes are tried.
#[derive(Clone, Debug)]
pub struct Cuts {
    /// Crashes at each chosen change. They take turns when `turns` says so.
    pub crashes: Vec<Crash>,
    /// How many changes are looked at, from the first one.
    pub within: usize,
    /// How many changes lie between two that are chosen; 1 chooses each.
    pub stride: usize,
    /// Whether every crash is tried at each chosen change.
    pub turns: Turns,
}

/// Whether every crash is tried at each chosen change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turns {
    /// It is.
    All,
    /// One is, the next at the next change.
    One,
}

impl Cuts {
    /// Returns every way to crash at each change: the power cut that loses everything unsynced,
    /// the kill that loses nothing, and tearings by so many seeds.
    pub fn every(seeds: u64) -> Cuts {
        let torn = (0..seeds).map(|seed| Crash::Torn { seed });
        let crashes = [Crash::DropUnsynced, Crash::ProcessOnly].into_iter().chain(torn).collect();
        Cuts { crashes, within: usize::MAX, stride: 1, turns: Turns::All }
    }

    /// Returns one way to crash at each `stride`th change, taking turns.
    pub fn some(stride: usize) -> Cuts {
        Cuts { stride, turns: Turns::One, ..Cuts::every(2) }
    }
}

/// Lines that a producer sends at a time, with a new line at the end.
const LINES_AGAIN: usize = 3;

/// Dead letters that come at a time.
const LETTERS: u64 = 3;

/// Violations after which an enumeration ends: further violations add no knowledge.
const VIOLATIONS_MAX: usize = 3;

/// What the enumeration of a scenario found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Changes of the disk that the scenario makes.
    pub changes: u64,
    /// Crashes that were tried.
    pub crashes: u64,
    /// Promises that were broken, and where.
    pub violations: Vec<Violation>,
}

/// Crashes at the changes of a scenario and starts from what is left.
pub fn enumerate_crash_points(scenario: Scenario, cuts: &Cuts, broken: &Broken) -> Report {
    let mut machine = Machine::new(noon());
    if let Some(sabotage) = broken.sabotage {
        machine.sabotage(sabotage);
    }
    if scenario == Scenario::AppendUnsynced {
        machine.set_durability(Durability::None);
    }
    let mut report = Report::default();
    if let Err(violation) = play(scenario, &mut machine, broken) {
        report.violations.push(violation);
        return report;
    }
    report.changes = machine.vfs.moment_count() as u64;
    let first = machine.vfs.change_count() - report.changes;
    let moments = (0..report.changes).take(cuts.within).step_by(cuts.stride.max(1));
    for (turn, moment) in moments.enumerate() {
        let crashes = match cuts.turns {
            Turns::All => cuts.crashes.as_slice(),
            Turns::One => cuts.crashes.chunks(1).cycle().nth(turn).unwrap_or_default(),
        };
        for crash in crashes {
            report.crashes += 1;
            if let Err(violation) = check_moment(&machine, moment, first, *crash) {
                let detail = format!(
                    "{} at change {moment} of {}, {crash:?}",
                    violation.detail, report.changes
                );
                report.violations.push(Violation::new(violation.invariant, detail));
            }
        }
        if report.violations.len() >= VIOLATIONS_MAX {
            break;
        }
    }
    report
}

fn check_moment(origin: &Machine, moment: u64, first: u64, crash: Crash) -> Result<(), Violation> {
    let Some(vfs) = origin.vfs.after_moment(moment as usize, crash) else { return Ok(()) };
    let ledger = origin.ledger.as_of(first + moment);
    let mut machine = Machine::on(vfs, origin.now(), ledger);
    machine.set_durability(origin.durability());
    machine.note_crash(crash);
    if let Some(sabotage) = origin.sabotaged() {
        machine.sabotage(sabotage);
    }
    check_start(&mut machine)?;
    // What the start has seen must not go with the next cut, and what was gone must not come
    // back, although the log has forgotten by then what it could.
    let gone = machine.ledger.expired_and_not_among(&machine.found()?);
    machine.resend_lines()?;
    machine.finish_replay();
    machine.take_letters_again();
    let timestamp = machine.now();
    let fresh = (FRESH_NUMBER..).map(|number| Spec::log(number, Level::Info, timestamp));
    let fresh: Vec<Spec> = fresh.take(FRESH_RECORDS).collect();
    machine.append(&[ClientBatch::unnamed(fresh)]);
    machine.check_fresh(Spec::log(FRESH_NUMBER - 1, Level::Info, timestamp))?;
    if crash == Crash::ProcessOnly {
        // Once more, so that the log has forgotten for good what the first start relied on.
        machine.crash(crash);
        check_start(&mut machine)?;
    }
    machine.crash(Crash::DropUnsynced);
    for number in gone {
        machine.ledger.note(number, Event::Dropped, 0);
    }
    check_start(&mut machine)
}

/// Starts a machine and compares what is there with what was promised.
pub(super) fn check_start(machine: &mut Machine) -> Result<(), Violation> {
    let started = machine.start();
    started.map_err(|error| Violation::new(Invariant::StartsByItself, error.to_string()))?;
    if let Some(aside) = machine.quarantined().first() {
        return Err(Violation::new(Invariant::StartsByItself, format!("put aside {aside}")));
    }
    if let Some(loss) = machine.log_damage().first() {
        return Err(Violation::new(Invariant::StartsByItself, format!("told {loss:?}")));
    }
    machine.check()
}

/// Plays a scenario; its last part is what is kept change by change.
fn play(scenario: Scenario, machine: &mut Machine, broken: &Broken) -> Result<(), Violation> {
    let mut script = Script { machine, next_number: 0, broken };
    let started = script.machine.start();
    started.map_err(|error| Violation::new(Invariant::StartsByItself, error.to_string()))?;
    match scenario {
        Scenario::AppendAndCommit | Scenario::AppendUnsynced => {
            script.watch();
            script.fill(0, 3);
            script.machine.flush();
            script.fill(0, 3);
            script.machine.index(1);
            script.machine.commit();
            script.fill(1, 2);
            script.machine.flush();
        }
        Scenario::Seal => {
            script.fill(0, 2);
            script.machine.flush();
            script.fill(0, 2);
            script.machine.flush();
            script.machine.seal();
            script.watch();
            script.fill(0, 1);
            script.fill(1, 1);
            script.machine.flush();
            script.machine.seal();
        }
        Scenario::Letters => script.letters(),
        Scenario::Relieve => script.relieve()?,
        Scenario::Retain => script.retain()?,
        Scenario::Start => script.restart(Crash::DropUnsynced)?,
        Scenario::StartAfterKill => script.restart(Crash::ProcessOnly)?,
    }
    if machine.is_running() {
        return Ok(());
    }
    Err(Violation::new(Invariant::StartsByItself, format!("{} ends early", scenario.as_str())))
}

struct Script<'m> {
    machine: &'m mut Machine,
    next_number: u64,
    broken: &'m Broken,
}

impl Script<'_> {
    /// From here on the disk is kept change by change, and breaks as it is told.
    fn watch(&mut self) {
        for (operation, part_of_path) in &self.broken.ignored {
            self.machine.vfs.ignore_in(*operation, part_of_path);
        }
        self.machine.vfs.keep_moments();
    }

    /// Sends batches of one record of each level, so many days old.
    fn fill(&mut self, days_ago: i64, batches: usize) {
        for _ in 0..batches {
            let timestamp = self.machine.now().saturating_add_micros(-days_ago * DAY_MICROS);
            let specs = Level::ALL.map(|level| self.spec(level, timestamp)).to_vec();
            let id = Some(format!("batch-{}", self.next_number));
            let batch = ClientBatch { id, lines: None, specs };
            // The client has not seen the answer, and sends it again.
            self.machine.append(std::slice::from_ref(&batch));
            self.machine.append(&[batch]);
            self.number_lines(timestamp);
        }
    }

    /// Sends lines of a producer, and some of them again with the next one.
    fn number_lines(&mut self, timestamp: Timestamp) {
        for _ in 0..2 {
            let next = self.spec(Level::Info, timestamp);
            self.machine.ledger.add_line(next);
            let (specs, _) = self.machine.ledger.lines();
            let from = specs.len().saturating_sub(LINES_AGAIN);
            let again = specs.get(from..).unwrap_or_default().to_vec();
            self.machine.append(&[ClientBatch::of_lines(from as u64 + 1, again)]);
        }
    }

    fn spec(&mut self, level: Level, timestamp: Timestamp) -> Spec {
        self.next_number += 1;
        Spec::log(self.next_number, level, timestamp)
    }

    /// Leaves letters of a sealed day and of a hot one; drops some and replays others, of which
    /// some were never indexed.
    fn letters(&mut self) {
        self.write_letters(1);
        self.machine.flush();
        self.machine.seal();
        self.write_letters(0);
        self.machine.flush();
        // The log forgets the letters.
        self.fill(0, 3);
        self.machine.flush();
        let seqs: Vec<u64> = self.machine.letters().unwrap_or_default().into_keys().collect();
        self.watch();
        let (dropped, replayed) = seqs.split_at((seqs.len() / 2 + 1).min(seqs.len()));
        self.machine.take_letters(dropped);
        self.write_letters(0);
        let mut letters = self.machine.letters().unwrap_or_default();
        letters.retain(|seq, _| replayed.contains(seq));
        let records: Vec<(u64, Spec)> = letters.into_iter().collect();
        let records = records.into_iter().map(|(seq, letter)| {
            self.next_number += 1;
            (seq, record_of(&letter, self.next_number))
        });
        let records = records.collect();
        self.machine.replay_letters("replay", records);
    }

    fn write_letters(&mut self, days_ago: i64) {
        let timestamp = self.machine.now().saturating_add_micros(-days_ago * DAY_MICROS);
        let first = self.next_number + 1;
        self.next_number += LETTERS;
        let specs = (first..first + LETTERS).map(|number| Spec::letter(number, timestamp));
        self.machine.append(&[ClientBatch::unnamed(specs.collect())]);
    }

    fn relieve(&mut self) -> Result<(), Violation> {
        self.fill(1, 2);
        self.fill(0, 1);
        self.machine.flush();
        self.machine.seal();
        self.fill(1, 1);
        self.machine.index(usize::MAX);
        // There is room, and the reserve is made.
        self.machine.relieve(u64::from(u32::MAX))?;
        self.watch();
        // Not even for a tombstone, but for the reserve.
        self.machine.relieve(0)?;
        self.fill(1, 1);
        self.machine.flush();
        Ok(())
    }

    fn retain(&mut self) -> Result<(), Violation> {
        self.fill(6, 2);
        self.machine.flush();
        self.fill(6, 1);
        self.machine.index(usize::MAX);
        let later = self.machine.now().saturating_add_micros(2 * DAY_MICROS);
        self.watch();
        self.machine.set_now(later);
        self.machine.retain()?;
        // Somebody finds that the clock was wrong; late records come for the dropped day.
        self.machine.set_now(noon());
        self.fill(6, 1);
        self.machine.flush();
        Ok(())
    }

    /// Leaves sealed and hot partitions, some of a dropped day, and a WAL of which a part is
    /// indexed; then starts again.
    fn restart(&mut self, crash: Crash) -> Result<(), Violation> {
        self.fill(6, 1);
        self.fill(0, 2);
        self.machine.flush();
        self.machine.seal();
        self.fill(0, 2);
        self.machine.index(1);
        self.machine.commit();
        let later = self.machine.now().saturating_add_micros(2 * DAY_MICROS);
        self.machine.set_clock(later);
        // Dropped as far as the tombstone: the next change is the directory's.
        self.machine.vfs.halt_after(TOMBSTONE_CHANGES);
        self.machine.retain()?;
        self.machine.crash(crash);
        self.machine.set_now(noon());
        self.watch();
        let started = self.machine.start();
        started.map_err(|error| Violation::new(Invariant::StartsByItself, error.to_string()))
    }
}

/// Changes of the disk that a tombstone takes: temporary file, bytes, sync, rename, directory.
const TOMBSTONE_CHANGES: u64 = 6;
