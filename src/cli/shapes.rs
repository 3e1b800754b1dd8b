//! `tierlog shapes`: the table of record shapes that ingest recognises is printed. Nothing is
//! asked of a server.

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;
use tierlog_ingest::{ShapeRow, shape_rows};

use super::NO;
use crate::output::until_closed;

/// Arguments of the verb.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the shape to show, or a part of it; all of them without one
    name: Option<String>,
    /// How to write the table
    #[arg(long, value_enum, default_value_t = Form::Pretty)]
    format: Form,
}

/// How the table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// A paragraph a shape
    Pretty,
    /// An object a line
    Json,
    /// A page, as docs/shapes.md
    Markdown,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    until_closed(show(args))
}

fn show(args: &Args) -> Result<ExitCode> {
    let is_meant = |row: &ShapeRow| args.name.as_ref().is_none_or(|name| row.name.contains(name));
    let rows: Vec<ShapeRow> = shape_rows().into_iter().filter(is_meant).collect();
    let mut out = BufWriter::new(std::io::stdout().lock());
    match args.format {
        Form::Pretty => rows.iter().try_for_each(|row| pretty(row, &mut out))?,
        Form::Json => rows.iter().try_for_each(|row| writeln!(out, "{}", object(row)))?,
        Form::Markdown => out.write_all(page(&rows).as_bytes())?,
    }
    out.flush()?;
    if rows.is_empty() {
        let _ = writeln!(std::io::stderr(), "no shape has this name");
        return Ok(ExitCode::from(NO));
    }
    Ok(ExitCode::SUCCESS)
}

fn pretty(row: &ShapeRow, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "{}: {}", row.name, row.about)?;
    writeln!(out, "  recognised by  {}", row.recognised_by.join(", "))?;
    if let Some(wraps) = row.wraps {
        writeln!(out, "  wraps          {wraps}")?;
    }
    if let Some(unit) = row.durations {
        writeln!(out, "  durations      {unit}")?;
    }
    for (name, becomes) in &row.fields {
        writeln!(out, "  {name} -> {becomes}")?;
    }
    Ok(())
}

fn object(row: &ShapeRow) -> serde_json::Value {
    let fields: Vec<_> = row
        .fields
        .iter()
        .map(|(name, becomes)| json!({"name": name, "becomes": becomes}))
        .collect();
    json!({
        "name": row.name, "about": row.about, "recognised_by": row.recognised_by,
        "wraps": row.wraps, "durations": row.durations, "fields": fields,
    })
}

/// Returns the table as a page.
fn page(rows: &[ShapeRow]) -> String {
    let mut text = String::from(HEAD);
    for row in rows {
        let fields: Vec<String> =
            row.fields.iter().map(|(name, becomes)| format!("`{name}` → {becomes}")).collect();
        let recognised: Vec<String> = row.recognised_by.iter().map(|sign| code(sign)).collect();
        text.push_str(&format!("\n## {}\n\n{}.\n\n", row.name, row.about));
        text.push_str(&format!("- Recognised by {}.\n", recognised.join(", ")));
        if let Some(wraps) = row.wraps {
            text.push_str(&format!("- Wrapper: `{wraps}` holds the record.\n"));
        }
        if let Some(unit) = row.durations {
            text.push_str(&format!("- Durations without a unit are in {unit}.\n"));
        }
        if !fields.is_empty() {
            text.push_str(&format!("- {}.\n", fields.join("; ")));
        }
    }
    text
}

/// Sets the names of a sign as code: `a or b`, `a (number)`.
fn code(sign: &str) -> String {
    let names: Vec<String> = sign.split(" or ").map(|name| format!("`{name}`")).collect();
    names.join(" or ")
}

const HEAD: &str = "# Shapes of records

Which libraries and products are recognised, by what, and where their fields lie. This page is \
printed by `tierlog shapes --format markdown`; a test holds it to the table in \
`crates/ingest/src/normalise/shapes/`. What a shape does not name is read by the general table of \
[ingest](ingest.md#how-a-record-is-read); `[ingest.aliases]` beats both.

Names are compared in any case, `-` as `_`, nested objects by dotted path. All signs of a shape must \
hold; of several shapes, the one with the most signs counts. `itself` means that a field keeps its \
name, whatever it means elsewhere.
";

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;

    #[test]
    fn the_page_is_the_table() {
        expect_file!["../../docs/shapes.md"].assert_eq(&page(&shape_rows()));
    }

    #[test]
    fn a_shape_is_printed_with_all_that_it_says() {
        let row = ShapeRow {
            name: "docker",
            about: "Docker",
            recognised_by: vec!["log".to_owned(), "stream (text)".to_owned()],
            fields: vec![("log", "message".to_owned())],
            durations: Some("ms"),
            wraps: Some("log"),
        };
        let mut out = Vec::new();
        pretty(&row, &mut out).expect("memory takes it");
        let expected = "docker: Docker\n  recognised by  log, stream (text)\n  wraps          log\n  \
                        durations      ms\n  log -> message\n";
        assert_eq!(String::from_utf8(out).expect("text"), expected);
        let object = object(&row);
        assert_eq!(object["fields"][0]["becomes"], "message");
        assert_eq!(object["wraps"], "log");
    }
}
