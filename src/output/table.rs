//! Figures: named columns and rows arrive, an aligned table, JSON lines or CSV leave.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::csv;
use super::text::json;
use super::{Format, Palette, visible};

/// Rows of values under named columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows; a row has a value for each column.
    pub rows: Vec<Vec<Value>>,
}

/// Returns the text of a table; ends with a line break unless there is nothing to show.
pub fn render_table(table: &Table, format: Format, palette: Palette) -> String {
    match format {
        Format::Pretty => pretty(table, palette),
        Format::Json => {
            let mut out = String::new();
            for row in &table.rows {
                let object: Map<String, Value> =
                    table.columns.iter().cloned().zip(row.iter().cloned()).collect();
                out.push_str(&json(&object).unwrap_or_default());
                out.push('\n');
            }
            out
        }
        Format::Csv => {
            let mut out = String::new();
            let header = table.columns.iter().map(|name| csv::cell(&Value::String(name.clone())));
            csv::push_row(&mut out, header);
            for row in &table.rows {
                csv::push_row(&mut out, row.iter().map(csv::cell));
            }
            out
        }
    }
}

fn pretty(table: &Table, palette: Palette) -> String {
    let cells: Vec<Vec<String>> =
        table.rows.iter().map(|row| row.iter().map(shown).collect()).collect();
    let is_number = |column: usize| {
        let mut values = table.rows.iter().filter_map(|row| row.get(column));
        values.all(|value| value.is_number() || value.is_null())
    };
    let names: Vec<String> = table.columns.iter().map(|name| visible(name)).collect();
    let layout: Vec<(usize, bool)> = names
        .iter()
        .enumerate()
        .map(|(column, name)| {
            let widths = cells.iter().filter_map(|row| row.get(column)).map(|cell| width(cell));
            (widths.chain([width(name)]).max().unwrap_or(0), is_number(column))
        })
        .collect();
    let mut out = String::new();
    let style = palette.header();
    let _ = write!(out, "{style}");
    push_row(&mut out, &names, &layout);
    let _ = write!(out, "{style:#}");
    for row in &cells {
        push_row(&mut out, row, &layout);
    }
    out
}

fn push_row(out: &mut String, cells: &[String], layout: &[(usize, bool)]) {
    for (position, (cell, (columns, is_number))) in cells.iter().zip(layout).enumerate() {
        if position > 0 {
            out.push_str("  ");
        }
        let padding = columns.saturating_sub(width(cell));
        let (before, after) = if *is_number { (padding, 0) } else { (0, padding) };
        let _ = write!(out, "{:before$}{cell}{:after$}", "", "");
    }
    let ends = out.trim_end_matches(' ').len();
    out.truncate(ends);
    out.push('\n');
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Returns a value for people: fractions to three digits, no value as a dash.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            (Some(_), _) | (None, None) => number.to_string(),
            (None, Some(fraction)) if fraction.fract() == 0.0 => format!("{fraction:.0}"),
            (None, Some(fraction)) if fraction.abs() < 1.0 => format!("{fraction:.3}"),
            (None, Some(fraction)) => format!("{fraction:.2}"),
        },
        Value::String(text) => visible(text),
        other => json(other).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn check(format: Format, expected: &Expect) {
        let table = Table {
            columns: ["endpoint", "count", "p95(duration_ms)"].map(str::to_owned).to_vec(),
            rows: vec![
                vec![json!("login\u{1b}[0m"), json!(12), json!(431.256)],
                vec![json!("=cmd,x"), json!(100_000), Value::Null],
                vec![json!("é"), json!(0), json!(0.5)],
            ],
        };
        let text = render_table(&table, format, Palette::Plain);
        expected.assert_eq(&text.replace('\r', "<CR>"));
    }

    #[test]
    fn a_table_is_aligned_and_numbers_stand_right() {
        check(
            Format::Pretty,
            &expect![[r#"
            endpoint       count  p95(duration_ms)
            login\x1b[0m      12            431.26
            =cmd,x        100000                 -
            é                  0             0.500
        "#]],
        );
    }

    #[test]
    fn programs_get_json_or_csv() {
        check(
            Format::Json,
            &expect![[r#"
            {"endpoint":"login\u001b[0m","count":12,"p95(duration_ms)":431.256}
            {"endpoint":"=cmd,x","count":100000,"p95(duration_ms)":null}
            {"endpoint":"é","count":0,"p95(duration_ms)":0.5}
        "#]],
        );
        check(
            Format::Csv,
            &expect![[r#"
            endpoint,count,p95(duration_ms)<CR>
            login\x1b[0m,12,431.256<CR>
            "'=cmd,x",100000,<CR>
            é,0,0.5<CR>
        "#]],
        );
    }
}
