//! Power cuts: the whole store on a simulated disk that loses what was not synced, by seed, and
//! at each change of the disk in turn. No process and no file: this is `tierlog_store::simulation`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tierlog_store::Durability;
use tierlog_store::simulation::{
    self, Broken, Cuts, DiskErrors, Outcome, Plan, Rot, RotBase, RotOutcome, Scenario,
    enumerate_crash_points,
};

use crate::suite::faults::Fault;
use crate::suite::{Effort, Invariant, Rig, Tally, Violation};

/// Power cuts of one story: enough for later cuts to meet the remains of earlier cuts.
const CUTS_PER_STORY: u64 = 20;

/// Every so many stories the disk returns errors too; two of the others acknowledge before the
/// log is synced.
const ERRORS_EVERY: u64 = 4;

/// When the log is synced then. The story's steps stand for time: no thread waits.
const INTERVAL: Duration = Duration::from_millis(50);

/// Tearings that are tried at each change.
const TEARINGS: u64 = 2;

/// The faults of the simulated disk.
#[rustfmt::skip]
pub(crate) const FAULTS: &[Fault] = &[
    Fault { name: "power", about: "power cut on a simulated disk: unsynced data and names lost, torn, reordered", short: 100, usual: 2_000, long: 10_000, run: stories },
    Fault { name: "power-points", about: "power cut or kill at each change of the simulated disk", short: 50, usual: 1_500, long: u64::MAX, run: points },
    Fault { name: "rot-points", about: "a bit of any file of the simulated disk flips, the log's too, in a process that runs and between two", short: 60, usual: 500, long: 20_000, run: rot },
];

/// Cuts the power of stories until there were so many cuts.
fn stories(_: &Rig, effort: Effort) -> Result<Tally> {
    let stories = effort.runs.div_ceil(CUTS_PER_STORY);
    let next = AtomicU64::new(0);
    let outcomes: Mutex<Vec<Outcome>> = Mutex::new(Vec::new());
    let work = || {
        while effort.has_time() {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= stories {
                break;
            }
            let seed = effort.seed.wrapping_add(number);
            let errors = if seed.is_multiple_of(ERRORS_EVERY) {
                DiskErrors::Sometimes
            } else {
                DiskErrors::Never
            };
            let durability = match seed % ERRORS_EVERY {
                1 => Durability::Interval(INTERVAL),
                3 => Durability::None,
                _ => Durability::Fsync,
            };
            let broken = Broken::default();
            let plan = Plan { cuts: CUTS_PER_STORY, errors, durability, broken };
            let outcome = simulation::run(seed, &plan);
            outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
        }
    };
    on_every_core(&work);
    let outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut tally = Tally::default();
    let (mut acked, mut at_start, mut changes) = (0, 0, 0);
    for outcome in outcomes {
        acked += outcome.acked;
        at_start += outcome.cuts_at_start;
        changes += outcome.changes;
        let violations = outcome.violation.iter().map(told).collect();
        tally.count_runs(outcome.seed, outcome.cuts, violations);
    }
    tally.notes.push(format!(
        "{stories} stories, {changes} changes of the disk, {at_start} cuts at a start, \
         {acked} records acknowledged"
    ));
    Ok(tally)
}

/// Cuts at the changes of each scenario, evenly spread when not at each of them.
fn points(_: &Rig, effort: Effort) -> Result<Tally> {
    let all = Cuts::every(TEARINGS);
    let share = effort.runs / Scenario::ALL.len() as u64;
    let next = AtomicU64::new(0);
    let reports = Mutex::new(Vec::new());
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed) as usize;
            let Some(scenario) = Scenario::ALL.get(number) else { break };
            let cuts = if effort.runs == u64::MAX {
                all.clone()
            } else {
                // A scenario without any cut says how many changes it makes.
                let none = Cuts { stride: usize::MAX, ..all.clone() };
                let changes = enumerate_crash_points(*scenario, &none, &Broken::default()).changes;
                Cuts::some((changes / share.max(1)).max(1) as usize)
            };
            let report = enumerate_crash_points(*scenario, &cuts, &Broken::default());
            reports.lock().unwrap_or_else(PoisonError::into_inner).push((*scenario, report));
        }
    };
    on_every_core(&work);
    let mut tally = Tally::default();
    for (scenario, report) in reports.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let name = scenario.as_str();
        tally.notes.push(format!("{name}: {} changes, {} cuts", report.changes, report.crashes));
        let violations = report.violations.iter().map(told).collect();
        tally.count_runs(effort.seed, report.crashes, violations);
    }
    Ok(tally)
}

/// Flips a bit for each seed, in the kinds of files in turn.
fn rot(_: &Rig, effort: Effort) -> Result<Tally> {
    let next = AtomicU64::new(0);
    let outcomes: Mutex<Vec<RotOutcome>> = Mutex::new(Vec::new());
    let failed: Mutex<Option<simulation::Violation>> = Mutex::new(None);
    let work = || {
        let base = match RotBase::new() {
            Ok(base) => base,
            Err(violation) => {
                *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(violation);
                return;
            }
        };
        while effort.has_time() {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= effort.runs {
                break;
            }
            let outcome = base.run(effort.seed.wrapping_add(number), Rot::Flip);
            outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
        }
    };
    on_every_core(&work);
    let mut tally = Tally::default();
    let mut kinds = BTreeMap::new();
    if let Some(violation) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        tally.count_runs(effort.seed, 0, vec![told(&violation)]);
    }
    for outcome in outcomes.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let (flips, told_of) = kinds.entry(outcome.kind.clone()).or_insert((0_u64, 0_u64));
        *flips += 1;
        *told_of += u64::from(outcome.told);
        let violations = outcome.violation.iter().map(told).collect();
        tally.count_runs(outcome.seed, 1, violations);
    }
    let kinds = kinds.iter().map(|(kind, (flips, told))| format!("{kind} {told}/{flips}"));
    let kinds: Vec<String> = kinds.collect();
    tally.notes.push(format!("told of flipped: {}", kinds.join(", ")));
    Ok(tally)
}

fn on_every_core(work: &(impl Fn() + Sync)) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
}

/// The simulation has invariants of its own, named after the invariants of torture.
fn told(violation: &simulation::Violation) -> Violation {
    Violation::new(Invariant::Simulated, violation.to_string())
}
