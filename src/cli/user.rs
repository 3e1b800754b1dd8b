//! `tierlog user`: a user's id leaves in a request body, so that it stays out of access logs; the
//! newest lines of the user arrive.

use std::io::{BufWriter, Write as _};
use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Map, Value, json};
use tierlog_model::limits::{HITS_DEFAULT, HITS_MAX};

use super::NO;
use crate::client::{Endpoint, ErrorAnswer, RangeArgs, ServerArgs};
use crate::output::{Footer, Format, Palette, Printer, until_closed};

/// Arguments of the verb.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The user's id, as the application wrote it, or its pseudonym
    id: String,
    #[command(flatten)]
    range: RangeArgs,
    /// Most lines to show
    #[arg(long, short = 'n', value_name = "N", default_value_t = HITS_DEFAULT,
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(0..=HITS_MAX as u64))]
    limit: usize,
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
    let mut body = Map::new();
    body.insert("user_id".to_owned(), json!(args.id));
    args.range.add_to(&mut body)?;
    body.insert("limit".to_owned(), json!(args.limit));
    let answer = client
        .post(&Endpoint::new("/api/v1/users"), &Value::Object(body))
        .map_err(|error| ErrorAnswer::explain(error, ""))?;
    let out = BufWriter::new(std::io::stdout().lock());
    let mut printer = Printer::new(out, args.format, &[], Palette::for_stdout());
    let hits = answer.get("hits").and_then(Value::as_array);
    for hit in hits.into_iter().flatten().filter_map(Value::as_object) {
        printer.print(hit)?;
    }
    printer.finish()?;
    Footer::of_search(&answer, printer.record_count()).print();
    if answer.pointer("/total/value").and_then(Value::as_u64) == Some(0) {
        let _ = writeln!(std::io::stderr(), "no line of this user is kept{}", args.range.remark());
        return Ok(ExitCode::from(NO));
    }
    Ok(ExitCode::SUCCESS)
}
