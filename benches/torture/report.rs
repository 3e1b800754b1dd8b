//! The table of faults, runs and violations, and the same as JSON.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tierlog_model::{Clock as _, SystemClock};

use crate::suite::Tally;
use crate::suite::faults::Fault;

/// What came of one fault.
pub(crate) struct Row {
    name: &'static str,
    about: &'static str,
    seconds: f64,
    outcome: Result<Tally, String>,
}

/// What came of all.
pub(crate) struct Report {
    taken: String,
    seed: u64,
    rows: Vec<Row>,
}

impl Row {
    /// Returns the row of a fault. An error is one of the fault's preparation.
    pub(crate) fn new(fault: &Fault, outcome: Result<Tally>, elapsed: Duration) -> Row {
        Row {
            name: fault.name,
            about: fault.about,
            seconds: elapsed.as_secs_f64(),
            outcome: outcome.map_err(|error| format!("{error:#}")),
        }
    }

    /// Returns what there is to say beside the table.
    pub(crate) fn told(&self) -> Vec<String> {
        let tally = match &self.outcome {
            Err(error) => return vec![format!("BROKEN OFF: {error}")],
            Ok(tally) => tally,
        };
        let mut lines = tally.notes.clone();
        lines.extend(tally.not_run.iter().map(|why| format!("not run here: {why}")));
        let found = tally.violations.iter();
        lines.extend(found.map(|(seed, violation)| format!("VIOLATION seed {seed}: {violation}")));
        lines.push(format!(
            "{} runs, {} violations, {:.1} s",
            tally.runs, tally.violation_count, self.seconds
        ));
        lines
    }

    fn is_clean(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|tally| tally.violation_count == 0)
    }

    fn cells(&self) -> (String, String) {
        match &self.outcome {
            Err(_) => ("0".to_owned(), "broken off".to_owned()),
            Ok(Tally { not_run: Some(why), .. }) => (format!("not run here: {why}"), String::new()),
            Ok(tally) => (tally.runs.to_string(), tally.violation_count.to_string()),
        }
    }

    fn json(&self) -> Value {
        let base = json!({"fault": self.name, "about": self.about, "seconds": self.seconds});
        let more = match &self.outcome {
            Err(error) => json!({"broken_off": error}),
            Ok(tally) => json!({
                "runs": tally.runs,
                "violations": tally.violation_count,
                "not_run": tally.not_run,
                "notes": tally.notes,
                "examples": tally.violations.iter().map(|(seed, violation)| {
                    json!({"seed": seed, "violation": violation.to_string()})
                }).collect::<Vec<_>>(),
            }),
        };
        let (Value::Object(mut base), Value::Object(more)) = (base, more) else {
            return Value::Null;
        };
        base.extend(more);
        Value::Object(base)
    }
}

impl Report {
    /// Begins a report.
    pub(crate) fn begin(seed: u64) -> Report {
        Report { taken: SystemClock.now().to_string(), seed, rows: Vec::new() }
    }

    /// Adds what came of a fault.
    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Tells whether nothing was violated. A fault that could not be run here is no violation.
    pub(crate) fn is_clean(&self) -> bool {
        self.rows.iter().all(Row::is_clean)
    }

    /// Returns the table.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{}, seed {}\n\n", self.taken, self.seed);
        text.push_str("| fault | what is done | runs | violations |\n|---|---|---:|---:|\n");
        let (mut runs, mut violations) = (0, 0);
        for row in &self.rows {
            let (run, violated) = row.cells();
            let _ = writeln!(text, "| {} | {} | {run} | {violated} |", row.name, row.about);
            if let Ok(tally) = &row.outcome {
                runs += tally.runs;
                violations += tally.violation_count;
            }
        }
        let seconds: f64 = self.rows.iter().map(|row| row.seconds).sum();
        let _ = writeln!(text, "| all | in {seconds:.0} s | {runs} | {violations} |");
        text
    }

    /// Keeps the report.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        let report = json!({"taken": self.taken, "seed": self.seed, "faults": rows});
        let text = serde_json::to_string_pretty(&report)? + "\n";
        std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
    }
}
