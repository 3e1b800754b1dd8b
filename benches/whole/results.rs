//! Figures: each a cell of a table, alone or beside the yardstick. They are printed, kept as JSON
//! and compared.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tierlog::output::{Format, Palette, Table, render_table};
use tierlog_model::{Clock as _, SystemClock};

/// Everything that one run found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    /// When the run began, RFC 3339.
    pub(crate) taken: String,
    /// What it ran on.
    pub(crate) machine: Machine,
    /// Lines of the main corpus.
    pub(crate) lines: u64,
    /// Bytes of them.
    pub(crate) bytes: u64,
    /// Seed of the corpus.
    pub(crate) seed: u64,
    /// Programs that wanted a core on average in the minute before the run, of which none was ours.
    pub(crate) load_before: String,
    /// Every figure.
    pub(crate) figures: Vec<Figure>,
}

/// What a run ran on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Model of the processor.
    pub(crate) processor: String,
    /// Cores that programs may use.
    pub(crate) cores: usize,
    /// Version of the kernel.
    pub(crate) kernel: String,
}

/// Which direction is progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Better {
    /// Less is better.
    Less,
    /// More is better.
    More,
    /// Neither: a property of the machine or of the corpus.
    Given,
}

/// A cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// The table.
    pub(crate) table: String,
    /// The row.
    pub(crate) row: String,
    /// The column, with its unit.
    pub(crate) column: String,
    /// The value in that unit.
    pub(crate) value: f64,
    /// Which direction is progress.
    pub(crate) better: Better,
    /// The value in yardsticks of the same run: what two machines are compared by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) yardsticks: Option<f64>,
}

/// Figures of one table on the way to the results.
pub(crate) struct Sheet<'a> {
    results: &'a mut Results,
    table: String,
}

impl Results {
    /// Returns results without figures.
    pub(crate) fn new(lines: u64, seed: u64) -> Results {
        Results {
            taken: SystemClock.now().to_string(),
            machine: Machine::this(),
            lines,
            bytes: 0,
            seed,
            load_before: load(),
            figures: Vec::new(),
        }
    }

    /// Begins a table.
    pub(crate) fn sheet(&mut self, table: &str) -> Sheet<'_> {
        Sheet { table: table.to_owned(), results: self }
    }

    /// Returns a figure.
    pub(crate) fn find(&self, table: &str, row: &str, column: &str) -> Option<&Figure> {
        let mut figures = self.figures.iter();
        figures.find(|figure| {
            (figure.table.as_str(), figure.row.as_str(), figure.column.as_str())
                == (table, row, column)
        })
    }

    /// Reads saved results.
    pub(crate) fn load(path: &Path) -> Result<Results> {
        let text = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("read {}", path.display()))
    }

    /// Saves the results.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
    }

    /// Returns the names of the tables, in the order of their first figures.
    pub(crate) fn tables(&self) -> Vec<&str> {
        distinct(self.figures.iter().map(|figure| figure.table.as_str()))
    }

    /// Returns the rows of a table, in the order of their first figures.
    pub(crate) fn rows(&self, table: &str) -> Vec<&str> {
        let figures = self.figures.iter().filter(|figure| figure.table == table);
        distinct(figures.map(|figure| figure.row.as_str()))
    }

    /// Returns a table as text: values, and in brackets the same in yardsticks.
    pub(crate) fn render(&self, table: &str) -> String {
        let figures = self.figures.iter().filter(|figure| figure.table == table);
        let names = distinct(figures.map(|figure| figure.column.as_str()));
        let rows = self.rows(table).into_iter().map(|row| {
            let cells = names.iter().map(|column| match self.find(table, row, column) {
                Some(figure) => json!(figure.text()),
                None => Value::Null,
            });
            std::iter::once(json!(row)).chain(cells).collect()
        });
        let columns = std::iter::once(table).chain(names.iter().copied()).map(str::to_owned);
        let table = Table { columns: columns.collect(), rows: rows.collect() };
        render_table(&table, Format::Pretty, Palette::Plain)
    }
}

impl Sheet<'_> {
    /// Adds a figure that stands alone.
    pub(crate) fn add(&mut self, row: &str, column: &str, better: Better, value: f64) {
        self.push(row, column, better, value, None);
    }

    /// Adds a figure beside how many yardsticks it is.
    pub(crate) fn add_beside(&mut self, row: &str, column: &str, value: f64, yardstick: f64) {
        self.push(row, column, Better::Less, value, Some(value / yardstick));
    }

    fn push(&mut self, row: &str, column: &str, better: Better, value: f64, beside: Option<f64>) {
        self.results.figures.push(Figure {
            table: self.table.clone(),
            row: row.to_owned(),
            column: column.to_owned(),
            value: rounded(value),
            better,
            yardsticks: beside.map(rounded),
        });
    }
}

impl Figure {
    fn text(&self) -> String {
        let value = shown(self.value);
        self.yardsticks.map_or(value.clone(), |beside| format!("{value} ({})", shown(beside)))
    }
}

impl Machine {
    fn this() -> Machine {
        let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = information.lines().find_map(|line| {
            line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim())
        });
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Machine {
            processor: model.unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            kernel: kernel.trim().to_owned(),
        }
    }
}

/// Returns the load averages of the machine.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// Returns a number as people read it: three digits, or all before the point.
pub(crate) fn shown(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Four digits behind the point keep a file readable and lose nothing that was measured.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}
