//! `tierlog search`: a query leaves, hits arrive page by page and are printed.

use std::io::{BufWriter, Write as _};
use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Map, Value, json};
use tierlog_model::limits::{HITS_DEFAULT, HITS_MAX};

use crate::client::{Endpoint, ErrorAnswer, RangeArgs, ServerArgs};
use crate::output::{Footer, Format, Palette, Printer, until_closed};

/// Arguments of the verb.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to look for: `level:>=error AND path:/api/*`, "a phrase"; nothing is everything
    query: Vec<String>,
    #[command(flatten)]
    range: RangeArgs,
    /// Most lines to show; 0 only counts
    #[arg(long, short = 'n', value_name = "N", default_value_t = HITS_DEFAULT as u64)]
    limit: u64,
    /// How to write the lines
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Only these fields, with commas between; the columns of a CSV file
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    fields: Vec<String>,
    /// Order: -timestamp is newest first, timestamp oldest first
    #[arg(long, value_name = "FIELD", default_value = "-timestamp", allow_hyphen_values = true)]
    sort: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    until_closed(search(args))
}

fn search(args: &Args) -> Result<ExitCode> {
    if args.limit == 0 {
        return count(args);
    }
    let client = args.server.client()?;
    let query = args.query.join(" ");
    let out = BufWriter::new(std::io::stdout().lock());
    let mut printer = Printer::new(out, args.format, &args.fields, Palette::for_stdout());
    let mut body = first_page(args, &query)?;
    loop {
        let left = args.limit - printer.record_count();
        body.insert("limit".to_owned(), json!(left.min(HITS_MAX as u64)));
        let answer = client
            .post(&Endpoint::new("/api/v1/search"), &Value::Object(body.clone()))
            .map_err(|error| ErrorAnswer::explain(error, &query))?;
        let hits = answer.get("hits").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for hit in hits.iter().filter_map(Value::as_object) {
            printer.print(hit)?;
        }
        let cursor = answer.get("cursor").filter(|cursor| cursor.is_string());
        match cursor {
            Some(cursor) if !hits.is_empty() && printer.record_count() < args.limit => {
                body.insert("cursor".to_owned(), cursor.clone());
            }
            _ => {
                printer.finish()?;
                Footer::of_search(&answer, printer.record_count()).print();
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
}

/// Prints how many lines match and none of them.
fn count(args: &Args) -> Result<ExitCode> {
    let query = args.query.join(" ");
    let mut body = first_page(args, &query)?;
    body.insert("limit".to_owned(), json!(0));
    let answer = args
        .server
        .client()?
        .post(&Endpoint::new("/api/v1/search"), &Value::Object(body))
        .map_err(|error| ErrorAnswer::explain(error, &query))?;
    let total = answer.pointer("/total/value").and_then(Value::as_u64).unwrap_or_default();
    let mut out = std::io::stdout().lock();
    match args.format {
        Format::Json => {
            let mut object = Map::from_iter([("count".to_owned(), json!(total))]);
            if let Some(warnings) = answer.get("warnings") {
                object.insert("warnings".to_owned(), warnings.clone());
            }
            writeln!(out, "{}", Value::Object(object))?;
        }
        Format::Pretty | Format::Csv => writeln!(out, "{total}")?,
    }
    Footer::of_answer(&answer).print();
    Ok(ExitCode::SUCCESS)
}

/// Returns the request of the first page, without its limit.
fn first_page(args: &Args, query: &str) -> Result<Map<String, Value>> {
    let mut body = Map::new();
    body.insert("q".to_owned(), json!(query));
    args.range.add_to(&mut body)?;
    body.insert("sort".to_owned(), json!(args.sort));
    if !args.fields.is_empty() {
        body.insert("fields".to_owned(), json!(args.fields));
    }
    Ok(body)
}
