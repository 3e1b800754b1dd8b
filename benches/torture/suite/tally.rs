//! Result of a fault: runs, violations with their seed, or the reason for skipping the fault.

use std::io::Write as _;

use anyhow::Result;

use super::oracle::{Invariant, Violation};
use super::trial::Trial;

/// Violations of a fault that are kept with their words; the others are counted.
const KEPT_MAX: usize = 20;

/// The result of a fault.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Runs that were judged.
    pub(crate) runs: u64,
    /// Violations.
    pub(crate) violation_count: u64,
    /// The first of them, with their seeds.
    pub(crate) violations: Vec<(u64, Violation)>,
    /// Why the fault was not run on this machine.
    pub(crate) not_run: Option<String>,
    /// What the runs were.
    pub(crate) notes: Vec<String>,
}

impl Tally {
    /// Counts a run of a seed that ended with its trial, or broke off.
    pub(crate) fn count(&mut self, seed: u64, outcome: Result<Trial>) {
        self.count_many(seed, 1, outcome);
    }

    /// Counts runs of a seed on one directory.
    pub(crate) fn count_many(&mut self, seed: u64, runs: u64, outcome: Result<Trial>) {
        let violations = match outcome {
            Ok(trial) => trial.into_violations(),
            Err(error) => vec![broken(error)],
        };
        self.count_runs(seed, runs, violations);
    }

    /// Counts runs of a seed with their violations.
    pub(crate) fn count_runs(&mut self, seed: u64, runs: u64, violations: Vec<Violation>) {
        for violation in &violations {
            // At once: the run may go on for an hour, or be broken off.
            let _ = writeln!(std::io::stderr(), "torture: VIOLATION seed {seed}: {violation}");
        }
        self.runs += runs;
        self.violation_count += violations.len() as u64;
        let room = KEPT_MAX.saturating_sub(self.violations.len());
        self.violations.extend(violations.into_iter().take(room).map(|found| (seed, found)));
    }

    /// Returns the result of a fault that this machine cannot do.
    pub(crate) fn not_run(why: impl Into<String>) -> Tally {
        Tally { not_run: Some(why.into()), ..Tally::default() }
    }
}

/// A trial that breaks off has shown nothing, and is never silent.
pub(crate) fn broken(error: anyhow::Error) -> Violation {
    match error.downcast::<Violation>() {
        Ok(violation) => violation,
        Err(error) => Violation::new(Invariant::Trial, format!("{error:#}")),
    }
}
