//! What people and programs read: records and tables arrive, text leaves.
//!
//! Three formats: `pretty` for people (colour on a terminal, plain when piped), `json` with one
//! object a line, `csv` for spreadsheets. Text from logs never reaches a terminal or a
//! spreadsheet as something that it obeys: control characters and formulas are made harmless.

mod csv;
mod footer;
mod palette;
mod pretty;
mod printer;
mod progress;
mod table;
mod text;

use std::process::ExitCode;

pub use footer::{Footer, grouped, warning_line};
pub use palette::Palette;
pub use printer::Printer;
pub use progress::Progress;
pub use table::{Table, render_table};

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: coloured on a terminal.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
    /// Comma-separated, with a header.
    Csv,
}

/// Returns success when a verb ended because nobody reads its output any more (`| head`).
pub fn until_closed(result: anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
    let is_closed = |error: &anyhow::Error| {
        let cause = error.root_cause().downcast_ref::<std::io::Error>();
        cause.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    };
    match result {
        Err(error) if is_closed(&error) => Ok(ExitCode::SUCCESS),
        other => other,
    }
}

/// Returns text as a single line without any sequence that a terminal acts on.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text::push_line(&mut out, text);
    out
}
