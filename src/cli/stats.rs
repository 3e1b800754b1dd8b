//! `tierlog stats`: grouping and figures leave as Elasticsearch-shaped aggregations, a table
//! arrives.

mod figures;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::client::{Endpoint, ErrorAnswer, RangeArgs, ServerArgs};
use crate::output::{Footer, Format, Palette, Table, grouped, render_table, until_closed};

use figures::{Figures, Metric};

/// Arguments of the verb.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Over which lines, as in `search`; nothing is everything
    query: Vec<String>,
    /// One row for each value of a field; several nest
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    by: Vec<String>,
    /// Figures: count, avg(f), min(f), max(f), sum(f), p50(f), p95(f), p99.9(f), distinct(f)
    #[arg(long, value_name = "FIGURES", value_delimiter = ',', default_value = "count")]
    metric: Vec<Metric>,
    /// One row for each stretch of time: 1m, 1h, 1d
    #[arg(long, value_name = "DURATION")]
    every: Option<String>,
    /// Most values of each field, the most frequent first
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
    limit: u32,
    #[command(flatten)]
    range: RangeArgs,
    /// How to write the table
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
    let query = args.query.join(" ");
    let figures = Figures {
        by: args.by.clone(),
        metrics: args.metric.clone(),
        every: args.every.clone(),
        bounds: args.range.bounds(),
        limit: args.limit,
    };
    let mut body = Map::new();
    body.insert("q".to_owned(), json!(query));
    args.range.add_to(&mut body)?;
    body.insert("aggs".to_owned(), figures.request());
    let answer = client
        .post(&Endpoint::new("/api/v1/aggregate"), &Value::Object(body))
        .map_err(|error| ErrorAnswer::explain(error, &query))?;
    let (mut table, left_out) = figures.read(answer.get("aggregations").unwrap_or(&Value::Null));
    if args.every.is_some() && args.by.is_empty() && is_drawn(args.format) {
        add_bars(&mut table);
    }
    let mut out = std::io::stdout().lock();
    out.write_all(render_table(&table, args.format, Palette::for_stdout()).as_bytes())?;
    out.flush()?;
    let mut footer = Footer::of_answer(&answer);
    if left_out > 0 {
        footer.remark(format!("{} lines in rarer groups, see --limit", grouped(left_out)));
    }
    footer.print();
    Ok(ExitCode::SUCCESS)
}

/// Characters of the longest bar: a table of three figures fits beside it in 100 columns.
const BAR_CHARACTERS_MAX: f64 = 40.0;

/// Tells whether a person looks at the table, and no program reads it.
fn is_drawn(format: Format) -> bool {
    format == Format::Pretty && std::io::stdout().is_terminal()
}

/// Draws the first figure of each row as a bar behind it.
fn add_bars(table: &mut Table) {
    let figure = |row: &Vec<Value>| row.get(1).and_then(Value::as_f64).unwrap_or(0.0);
    let most = table.rows.iter().map(figure).fold(0.0, f64::max);
    for row in &mut table.rows {
        let share = if most > 0.0 { figure(row).max(0.0) / most } else { 0.0 };
        // Something is never drawn as nothing.
        let length = (share * BAR_CHARACTERS_MAX).ceil() as usize;
        row.push(Value::String("█".repeat(length)));
    }
    table.columns.push(String::new());
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn bars_are_drawn_to_the_largest_figure() {
        let row = |time: &str, count: u64| vec![json!(time), json!(count)];
        let mut table = Table {
            columns: vec!["time".to_owned(), "count".to_owned()],
            rows: vec![row("10:00", 1), row("10:01", 0), row("10:02", 400)],
        };
        add_bars(&mut table);
        expect![[r#"
            time   count
            10:00      1  █
            10:01      0
            10:02    400  ████████████████████████████████████████
        "#]]
        .assert_eq(&render_table(&table, Format::Pretty, Palette::Plain));
    }
}
