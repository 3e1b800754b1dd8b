//! Rot: one bit of a machine's disk flips, in a file of each kind in turn, while the process runs
//! or between two. The machine goes on, checks its checksums sooner or later, and then either has
//! everything it had promised, or says what it lacks. It never seals damage as good.
//!
//! A seed arrives; what was flipped, and the broken promise if one was, leave.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tierlog_model::{Level, Tiers};

use super::client::ClientBatch;
use super::invariant::{Invariant, Violation};
use super::ledger::Spec;
use super::machine::Machine;
use super::story::noon;
use crate::PartitionId;
use crate::backend::{Choices, Crash, SimulatedVfs, Vfs as _};

const DAY_MICROS: i64 = 86_400_000_000;

/// Kind of the files of columns of partitions that were never sealed.
const COLUMNS: &str = "fast without a seal";

/// Small commits after which the segments of a partition are merged.
const COMMITS_TO_MERGE: usize = 14;

/// How a file rots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rot {
    /// One bit flips.
    Flip,
    /// The columns of a segment are those of another one, with the checksum of those: no
    /// verification can find it, so that the oracle has to.
    Misplaced,
}

/// What a run did.
#[derive(Clone, Debug)]
pub struct RotOutcome {
    /// Repeats the run.
    pub seed: u64,
    /// Kind of the file, and whether its partition was hot or sealed.
    pub kind: String,
    /// What happened around the flip.
    pub moment: &'static str,
    /// Whether anything was told: nothing, when the flip was harmless.
    pub told: bool,
    /// The broken promise, if one was.
    pub violation: Option<Violation>,
}

/// A machine to flip bits of.
#[derive(Debug)]
pub struct RotBase {
    machine: Machine,
}

/// When a bit flips, and what happens before anybody looks.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Killed,
    KilledThenSearched,
    RunningThenSealed,
    RunningThenMerged,
    RunningThenStarted,
}

const MOMENTS: [Moment; 5] = [
    Moment::Killed,
    Moment::KilledThenSearched,
    Moment::RunningThenSealed,
    Moment::RunningThenMerged,
    Moment::RunningThenStarted,
];

impl Moment {
    fn as_str(self) -> &'static str {
        match self {
            Moment::Killed => "killed, then started",
            Moment::KilledThenSearched => "killed, then started and searched",
            Moment::RunningThenSealed => "running, then sealed",
            Moment::RunningThenMerged => "running, then merged",
            Moment::RunningThenStarted => "running, then started again",
        }
    }
}

impl RotBase {
    /// Returns a machine whose disk has a file of each kind: partitions that are sealed, that are
    /// sealed and have late records beside, and that are hot in several segments; records that
    /// the log still has and that it has forgotten; deleted dead letters; a dropped day.
    pub fn new() -> Result<RotBase, Violation> {
        let mut machine = Machine::new(noon());
        start(&mut machine)?;
        let mut number = 0;
        let mut send = |machine: &mut Machine, days_ago: i64| {
            let timestamp = noon().saturating_add_micros(-days_ago * DAY_MICROS);
            let mut specs = Vec::new();
            for _ in 0..4 {
                specs.extend(Level::ALL.map(|level| {
                    number += 1;
                    Spec::log(number, level, timestamp)
                }));
                number += 1;
                specs.push(Spec::letter(number, timestamp));
            }
            machine.append(&[ClientBatch::unnamed(specs)]);
            machine.flush();
        };
        for days_ago in [6, 2, 1] {
            send(&mut machine, days_ago);
        }
        machine.seal();
        for days_ago in [1, 0, 0] {
            send(&mut machine, days_ago);
        }
        let letters: Vec<u64> = machine.letters().unwrap_or_default().into_keys().collect();
        machine.take_letters(letters.get(letters.len() - 2..).unwrap_or_default());
        send(&mut machine, 0);
        // Of what goes, the log still has some: only the tombstone keeps it away.
        machine.set_now(noon().saturating_add_micros(7 * DAY_MICROS));
        machine.retain()?;
        machine.set_now(noon());
        machine.check()?;
        machine.crash(Crash::ProcessOnly);
        Ok(RotBase { machine })
    }

    /// Returns the kinds of files that there are.
    pub fn kinds(&self) -> Vec<String> {
        kinds(&self.machine.vfs).into_keys().collect()
    }

    /// Lets a file rot, by seed.
    pub fn run(&self, seed: u64, rot: Rot) -> RotOutcome {
        let mut choices = Choices::new(seed);
        let vfs = self.machine.vfs.after(Crash::ProcessOnly);
        let mut machine = Machine::on(vfs, noon(), self.machine.ledger.as_of(u64::MAX));
        let moment = MOMENTS.get(choices.below(MOMENTS.len())).copied();
        let moment = moment.unwrap_or(Moment::Killed);
        let mut outcome = RotOutcome {
            seed,
            kind: String::new(),
            moment: moment.as_str(),
            told: false,
            violation: None,
        };
        let mut lives = || live(&mut machine, moment, (seed, rot), &mut choices, &mut outcome);
        let lived = catch_unwind(AssertUnwindSafe(&mut lives));
        outcome.violation = match lived {
            Ok(lived) => lived.err(),
            Err(_) => Some(Violation::new(Invariant::NoPanic, "the store or the engine panicked")),
        };
        outcome
    }
}

fn live(
    machine: &mut Machine,
    moment: Moment,
    (seed, rot): (u64, Rot),
    choices: &mut Choices,
    outcome: &mut RotOutcome,
) -> Result<(), Violation> {
    if !matches!(moment, Moment::Killed | Moment::KilledThenSearched) {
        start(machine)?;
    }
    let mut files = kinds(&machine.vfs);
    if rot == Rot::Misplaced {
        files.retain(|kind, _| kind == COLUMNS);
    }
    let chosen = files.iter().nth((seed % files.len().max(1) as u64) as usize);
    let Some((kind, paths)) = chosen else { return Ok(()) };
    let Some(path) = paths.get(choices.below(paths.len())) else { return Ok(()) };
    outcome.kind.clone_from(kind);
    let rotten = match rot {
        Rot::Flip => flip(&machine.vfs, path, choices),
        Rot::Misplaced => {
            let other = paths.get(choices.below(paths.len())).unwrap_or(path);
            misplace(&machine.vfs, path, other)
        }
    };
    rotten.map_err(|error| Violation::new(Invariant::RotIsTold, error.to_string()))?;
    match moment {
        Moment::Killed => start(machine)?,
        Moment::KilledThenSearched => {
            start(machine)?;
            // Nobody has looked at sealed days yet: the search itself must notice.
            machine.search_rotten()?;
        }
        Moment::RunningThenSealed => machine.seal_and_recover(),
        Moment::RunningThenMerged => {
            for number in 0..COMMITS_TO_MERGE {
                let fresh = Level::ALL.map(|level| {
                    Spec::log((1 << 41) + number as u64 * 8 + level as u64, level, noon())
                });
                machine.append(&[ClientBatch::unnamed(fresh.to_vec())]);
                machine.flush();
            }
        }
        Moment::RunningThenStarted => {
            machine.crash(Crash::ProcessOnly);
            start(machine)?;
        }
    }
    machine.scrub()?;
    let day = damaged_day(path, machine.tiers());
    judge(machine, day, outcome)?;
    // Whatever is left becomes sealed, and must be what it was.
    machine.seal_and_recover();
    machine.scrub()?;
    judge(machine, day, outcome)?;
    if let Some(problem) = machine.problems().first() {
        return Err(Violation::new(Invariant::RotIsTold, format!("left as it is: {problem}")));
    }
    machine.check_fresh(Spec::log(1 << 42, Level::Info, noon()))
}

/// What is missing is told, and what is there is what was written.
fn judge(
    machine: &mut Machine,
    tombstone: Option<PartitionId>,
    outcome: &mut RotOutcome,
) -> Result<(), Violation> {
    if !machine.is_running() {
        return Err(Violation::new(Invariant::RotIsTold, "the process has ended"));
    }
    let told = machine.told();
    outcome.told |= !told.entries.is_empty();
    let tiers = machine.tiers().clone();
    let is_excused = |spec: &Spec| {
        let id = spec.partition(&tiers);
        let is_dropped_again = tombstone == Some(id) && !told.entries.is_empty();
        told.missing.contains(&id) || is_dropped_again
    };
    machine.check_but(&is_excused)
}

fn start(machine: &mut Machine) -> Result<(), Violation> {
    let started = machine.start();
    started.map_err(|error| Violation::new(Invariant::StartsByItself, error.to_string()))
}

/// Flips a bit of a file.
fn flip(vfs: &SimulatedVfs, path: &Path, choices: &mut Choices) -> io::Result<()> {
    vfs.corrupt(path, |bytes| {
        let bit = choices.below(bytes.len() * 8);
        if let Some(byte) = bytes.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
    })
}

/// Gives a file the bytes of another one.
fn misplace(vfs: &SimulatedVfs, path: &Path, other: &Path) -> io::Result<()> {
    let others = vfs.read(other)?;
    vfs.corrupt(path, |bytes| *bytes = others)
}

/// Returns the files of a disk by their kind, but for the reserve, which says nothing, and locks,
/// which are empty.
fn kinds(vfs: &SimulatedVfs) -> BTreeMap<String, Vec<PathBuf>> {
    let files: Vec<PathBuf> = vfs.files().into_iter().map(|(path, _)| path).collect();
    let mut kinds: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in &files {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let is_own = ["reserve", "LOCK"].contains(&name.as_str()) || name.ends_with(".lock");
        if is_own {
            continue;
        }
        let beside =
            |other: &str| path.parent().is_some_and(|day| files.contains(&day.join(other)));
        let kind = if path.starts_with("/data/partitions") {
            let ending = name.rsplit_once('.').filter(|(id, _)| id.len() >= 32);
            let part = ending.map_or(name.as_str(), |(_, ending)| ending);
            let state = if beside("seal.json") { "with a seal" } else { "without a seal" };
            format!("{part} {state}")
        } else if path.starts_with("/data/wal") {
            if name.ends_with(".wal") { "segment of the log".to_owned() } else { name }
        } else if path.starts_with("/data/tombstones") {
            "tombstone".to_owned()
        } else {
            name
        };
        kinds.entry(kind).or_default().push(path.clone());
    }
    kinds
}

/// Returns the day whose tombstone a file is: without it, the log may bring some of the day back.
fn damaged_day(path: &Path, tiers: &Tiers) -> Option<PartitionId> {
    let name = path.strip_prefix("/data/tombstones").ok()?.to_str()?;
    PartitionId::split_flat(name, tiers).map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Of each kind of file some bits; `torture rot-points` flips more.
    #[test]
    fn a_flipped_bit_is_harmless_or_told_and_never_sealed_in() {
        let base = RotBase::new().expect("a machine");
        let kinds: BTreeSet<String> = base.kinds().into_iter().collect();
        for part in
            ["idx", "pos", "term", "fast", "store", "fieldnorm", "meta.json", ".managed.json"]
        {
            for state in ["with a seal", "without a seal"] {
                assert!(kinds.contains(&format!("{part} {state}")), "{part} {state}: {kinds:?}");
            }
        }
        for kind in [
            "del without a seal",
            "seal.json with a seal",
            "ids.filter with a seal",
            "minutes.counts with a seal",
            "tombstone",
            "segment of the log",
            "mark",
            "tierlog.json",
            "clock.json",
        ] {
            assert!(kinds.contains(kind), "{kind}: {kinds:?}");
        }
        let (mut flipped, mut told) = (BTreeSet::new(), 0);
        for seed in 0..2 * kinds.len() as u64 {
            let outcome = base.run(seed, Rot::Flip);
            assert_eq!(outcome.violation, None, "{outcome:?}");
            told += u64::from(outcome.told);
            flipped.insert(outcome.kind);
        }
        assert!(flipped.is_superset(&kinds), "{flipped:?}");
        assert!(told >= kinds.len() as u64 / 2, "{told} were told");
    }

    /// With verification out of the way the same checks find what rot does.
    #[test]
    fn rot_that_no_checksum_knows_of_is_noticed() {
        let base = RotBase::new().expect("a machine");
        let noticed = (0..30)
            .map(|seed| base.run(seed, Rot::Misplaced))
            .filter_map(|outcome| outcome.violation)
            .any(|violation| violation.invariant == Invariant::PayloadEqual);
        assert!(noticed, "a changed record passes for what was written");
    }
}
