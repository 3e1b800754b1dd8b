//! The whole store on a disk that loses power, by seed.
//!
//! A seed arrives, a list of broken promises leaves; it is empty. A run is a story of clients,
//! clock and maintenance, cut short at a random change of the disk, again and again: after each
//! cut the store is started on what the cut left and held to the ledger of what it had promised.
//! Nothing here is a real file, a thread that feeds the store, or the time of day.
//!
//! A seed repeats a run, but for the order in which the search engine removes old files and the
//! names that it gives to new ones, which are random. See `docs/guarantees.md`.

mod client;
mod invariant;
mod ledger;
mod machine;
mod points;
mod rot;
mod story;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use invariant::{Invariant, Violation};
pub use machine::Sabotage;
pub use points::{Broken, Cuts, Report, Scenario, Turns, enumerate_crash_points};
pub use rot::{Rot, RotBase, RotOutcome};
pub use story::DiskErrors;

use self::machine::Machine;
use self::points::check_start;
use self::story::{Story, noon};
use crate::Durability;
use crate::backend::{Choices, Crash};

/// Changes of the disk within which the next cut comes: a start makes about forty, a commit of
/// one partition about thirty.
const CUT_WITHIN_CHANGES: usize = 260;

/// Steps after which a life ends when no cut came: maintenance alone may change nothing.
const STEPS_MAX: usize = 60;

/// What a run consists of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How often the power is cut, or the process killed.
    pub cuts: u64,
    /// Whether the disk returns errors besides.
    pub errors: DiskErrors,
    /// When the store acknowledges.
    pub durability: Durability,
    /// The defect built in on purpose, as a proof that the oracle notices; none by default.
    pub broken: Broken,
}

/// What became of a run.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Repeats the run.
    pub seed: u64,
    /// Cuts that were survived.
    pub cuts: u64,
    /// Of these cuts, the cuts during a start.
    pub cuts_at_start: u64,
    /// Records that were acknowledged.
    pub acked: u64,
    /// Changes of the disk.
    pub changes: u64,
    /// The first broken promise, if one was.
    pub violation: Option<Violation>,
}

/// Runs the story of a seed.
pub fn run(seed: u64, plan: &Plan) -> Outcome {
    let mut outcome = Outcome { seed, ..Outcome::default() };
    let lived = catch_unwind(AssertUnwindSafe(|| live(seed, plan, &mut outcome)));
    outcome.violation = match lived {
        Ok(Ok(())) => None,
        Ok(Err(violation)) => Some(violation),
        Err(_) => Some(Violation::new(Invariant::NoPanic, "the store or the engine panicked")),
    };
    outcome
}

fn live(seed: u64, plan: &Plan, outcome: &mut Outcome) -> Result<(), Violation> {
    let mut machine = Machine::new(noon());
    machine.set_durability(plan.durability);
    for (operation, part_of_path) in &plan.broken.ignored {
        machine.vfs.ignore_in(*operation, part_of_path);
    }
    if let Some(sabotage) = plan.broken.sabotage {
        machine.sabotage(sabotage);
    }
    let mut story = Story::new(Choices::new(seed));
    check_start(&mut machine)?;
    while outcome.cuts < plan.cuts {
        let changes = story.choices.below(CUT_WITHIN_CHANGES) as u64;
        machine.vfs.halt_after(changes);
        for _ in 0..STEPS_MAX {
            if !machine.is_running() || machine.vfs.is_halted() {
                break;
            }
            story.step(&mut machine, plan)?;
        }
        cut_and_start(&mut machine, &mut story, plan, outcome)?;
        machine.finish_replay();
        machine.check_fresh(story.spec(&machine))?;
        outcome.acked = machine.ledger.acked_count();
        outcome.changes = machine.vfs.change_count();
    }
    Ok(())
}

/// Cuts, and starts; a third of the starts are cut short too.
fn cut_and_start(
    machine: &mut Machine,
    story: &mut Story,
    plan: &Plan,
    outcome: &mut Outcome,
) -> Result<(), Violation> {
    loop {
        let crash = any_crash(&mut story.choices);
        machine.crash(crash);
        if plan.durability != Durability::Fsync && crash != Crash::ProcessOnly {
            story.lose_acks();
        }
        outcome.cuts += 1;
        if story.choices.below(3) > 0 {
            return check_start(machine);
        }
        machine.vfs.halt_after(story.choices.below(CUT_WITHIN_CHANGES / 2) as u64);
        // It ends by the halt, or is too quick for it; either way the power goes.
        let started = machine.start();
        if let (Err(error), false) = (started, machine.vfs.is_halted()) {
            return Err(Violation::new(Invariant::StartsByItself, error.to_string()));
        }
        outcome.cuts_at_start += 1;
    }
}

fn any_crash(choices: &mut Choices) -> Crash {
    match choices.below(4) {
        0 => Crash::ProcessOnly,
        1 => Crash::DropUnsynced,
        _ => Crash::Torn { seed: choices.number() },
    }
}

#[cfg(test)]
mod damage;
#[cfg(test)]
mod tests;
