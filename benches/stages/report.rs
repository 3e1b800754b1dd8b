//! The table of costs.

use serde_json::{Value, json};
use tierlog::output::{Format, Palette, Table, grouped, render_table};

use crate::corpus::Corpus;
use crate::measure::Cost;

/// Costs of stages, in lines, megabytes and calibrations.
pub(crate) struct Report {
    lines: f64,
    megabytes: f64,
    calibration: Cost,
    rows: Vec<Vec<Value>>,
    notes: Vec<String>,
}

impl Report {
    /// Returns a report without stages.
    pub(crate) fn new(corpus: &Corpus, calibration: Cost) -> Report {
        let lines = corpus.lines as f64;
        let megabytes = corpus.text.len() as f64 / 1e6;
        Report { lines, megabytes, calibration, rows: Vec::new(), notes: Vec::new() }
    }

    /// Returns what was measured with.
    pub(crate) fn head(&self) -> String {
        format!(
            "{} lines, {:.1} MB; calibration: parsed to a tree like serde_json::Value in {:.3} CPU-s, {:.0} MB/s\n",
            grouped(self.lines as u64),
            self.megabytes,
            self.calibration.cpu,
            self.megabytes / self.calibration.cpu,
        )
    }

    /// Adds a stage.
    pub(crate) fn add(&mut self, stage: &str, cost: Cost) {
        self.rows.push(vec![
            json!(stage),
            json!((self.lines / cost.cpu) as u64),
            json!((self.megabytes / cost.cpu * 10.0).round() / 10.0),
            json!((cost.cpu / self.calibration.cpu * 100.0).round() / 100.0),
            json!((cost.cpu * 1e3).round() / 1e3),
            json!((cost.wall * 1e3).round() / 1e3),
        ]);
    }

    /// Adds a remark below the table.
    pub(crate) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// Returns the table.
    pub(crate) fn costs(&self) -> String {
        let columns = ["stage", "lines/CPU-s", "MB/CPU-s", "calibrations", "CPU s", "wall s"];
        let table = Table { columns: columns.map(str::to_owned).to_vec(), rows: self.rows.clone() };
        let mut text = render_table(&table, Format::Pretty, Palette::Plain);
        for note in &self.notes {
            text.push('\n');
            text.push_str(note);
        }
        text.push('\n');
        text
    }
}
