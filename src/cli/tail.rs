//! `tierlog tail`: a query leaves, lines arrive as the server acknowledges them and are printed
//! at once.

use std::io::{BufWriter, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};

use crate::client::Unreachable;
use crate::client::{Endpoint, ErrorAnswer, ServerArgs, SseEvent, SseReader};
use crate::output::{Format, Palette, Printer, grouped, until_closed, warning_line};

/// Arguments of the verb.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to look for, as in `search`; nothing is everything
    query: Vec<String>,
    /// How to write the lines
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The columns of a CSV file, with commas between
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    fields: Vec<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    until_closed(follow(args))
}

fn follow(args: &Args) -> Result<ExitCode> {
    let client = args.server.client()?;
    let query = args.query.join(" ");
    let endpoint = Endpoint::new("/api/v1/tail").parameter("q", &query);
    let stream = client.stream(&endpoint).map_err(|error| ErrorAnswer::explain(error, &query))?;
    let mut events = SseReader::new(stream);
    let out = BufWriter::new(std::io::stdout().lock());
    let mut printer = Printer::new(out, args.format, &args.fields, Palette::for_stdout());
    let ended = |reason: String| Unreachable { server: client.base().to_owned(), reason };
    loop {
        let event = events
            .next_event()
            .map_err(|error| ended(format!("the stream broke off: {error}")))?
            .ok_or_else(|| ended("the stream ended".to_owned()))?;
        match read(&event)? {
            Tailed::Record(record) => {
                printer.print(&record)?;
                printer.flush()?;
            }
            Tailed::Missed(records) => {
                let lines = grouped(records);
                let _ = writeln!(std::io::stderr(), "{lines} lines came too fast to be looked at");
            }
            Tailed::Warning(line) => {
                let _ = writeln!(std::io::stderr(), "{line}");
            }
            Tailed::Other => {}
        }
    }
}

/// What an event of the stream says.
#[derive(Debug, PartialEq)]
enum Tailed {
    /// A line.
    Record(Map<String, Value>),
    /// So many lines passed by, matching or not.
    Missed(u64),
    /// How the query was read.
    Warning(String),
    /// Something that a later server says.
    Other,
}

fn read(event: &SseEvent) -> Result<Tailed> {
    let data: Value = match event.name.as_str() {
        "message" | "record" | "missed" | "warning" => {
            serde_json::from_str(&event.data).context("an event of the stream is not JSON")?
        }
        _ => return Ok(Tailed::Other),
    };
    if event.name == "missed" {
        return Ok(Tailed::Missed(data.get("records").and_then(Value::as_u64).unwrap_or_default()));
    }
    if event.name == "warning" {
        return Ok(warning_line(&data).map_or(Tailed::Other, Tailed::Warning));
    }
    match data {
        Value::Object(record) => Ok(Tailed::Record(record)),
        _ => Ok(Tailed::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_records_or_gaps() {
        let event =
            |name: &str, data: &str| SseEvent { name: name.to_owned(), data: data.to_owned() };
        let record = read(&event("message", r#"{"level":"info"}"#)).expect("JSON");
        assert!(matches!(record, Tailed::Record(record) if record["level"] == "info"));
        let missed = read(&event("missed", r#"{"records":7}"#)).expect("JSON");
        assert_eq!(missed, Tailed::Missed(7));
        let warning = read(&event("warning", r#"{"detail":"no field"}"#)).expect("JSON");
        assert_eq!(warning, Tailed::Warning("warning: no field".to_owned()));
        assert_eq!(read(&event("later", "?")).expect("skipped"), Tailed::Other);
        assert!(read(&event("message", "{")).is_err());
    }
}
