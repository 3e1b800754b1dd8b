//! `tierlog request`: an id leaves, every line of the request arrives and is printed, oldest
//! first.

use std::io::{BufWriter, Write as _};
use std::process::ExitCode;

use anyhow::Result;
use serde_json::Value;

use super::NO;
use crate::client::{Endpoint, ServerArgs};
use crate::output::{Footer, Format, Palette, Printer, until_closed};

/// Arguments of the verb.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The request's id
    id: String,
    /// How to write the lines
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    until_closed(show(args))
}

fn show(args: &Args) -> Result<ExitCode> {
    let client = args.server.client()?;
    let answer = client.get(&Endpoint::new("/api/v1/requests").segment(&args.id))?;
    let out = BufWriter::new(std::io::stdout().lock());
    let mut printer = Printer::new(out, args.format, &[], Palette::for_stdout());
    let records = answer.get("records").and_then(Value::as_array);
    for record in records.into_iter().flatten().filter_map(Value::as_object) {
        printer.print(record)?;
    }
    printer.finish()?;
    let count = printer.record_count();
    let mut footer = Footer::of_request(&answer);
    if count > 0 {
        footer.remark(summary(&answer, count));
    }
    footer.print();
    if count == 0 {
        let _ = writeln!(std::io::stderr(), "no line of this request is kept");
        return Ok(ExitCode::from(NO));
    }
    Ok(ExitCode::SUCCESS)
}

fn summary(answer: &Value, count: u64) -> String {
    let lines = if count == 1 { "line" } else { "lines" };
    let mut text = format!("{count} {lines}");
    let services: Vec<&str> = answer
        .get("services")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !services.is_empty() {
        text.push_str(" of ");
        text.push_str(&services.join(", "));
    }
    if let Some(duration) = answer.get("duration_ms").and_then(Value::as_f64) {
        text.push_str(&format!(" within {duration} ms"));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_summary_names_services_and_duration() {
        let answer = json!({"services": ["lms-web", "payments"], "duration_ms": 812.4});
        assert_eq!(summary(&answer, 3), "3 lines of lms-web, payments within 812.4 ms");
        assert_eq!(summary(&json!({"services": [], "duration_ms": null}), 1), "1 line");
    }
}
