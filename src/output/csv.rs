//! Comma-separated values as RFC 4180 has them, safe to open in a spreadsheet.

use serde_json::{Map, Value};
use tierlog_model::fields;

use super::text::{acts, json, push_line};

/// Columns when no fields are named; what they do not hold is JSON in a last column.
const COLUMNS: [&str; 11] = [
    fields::TIMESTAMP,
    fields::LEVEL,
    fields::SERVICE,
    fields::MESSAGE,
    fields::REQUEST_ID,
    fields::USER_ID,
    fields::ENDPOINT,
    fields::METHOD,
    fields::PATH,
    fields::STATUS_CODE,
    fields::DURATION_MS,
];

/// Name of the last column.
const OTHER: &str = "other";

/// Which columns a file has.
#[derive(Clone, Debug)]
pub(super) enum Columns {
    /// The ones named.
    Named(Vec<String>),
    /// The usual columns, and one column for all other fields.
    Usual,
}

impl Columns {
    /// Appends the header.
    pub(super) fn push_header(&self, out: &mut String) {
        match self {
            Columns::Named(names) => push_row(out, names.iter().map(|name| text_cell(name))),
            Columns::Usual => {
                let names = COLUMNS.iter().chain([&OTHER]);
                push_row(out, names.map(|name| text_cell(name)));
            }
        }
    }

    /// Appends a record.
    pub(super) fn push_record(&self, out: &mut String, record: &Map<String, Value>) {
        let of = |name: &str| record.get(name).map_or_else(String::new, cell);
        match self {
            Columns::Named(names) => push_row(out, names.iter().map(|name| of(name))),
            Columns::Usual => {
                let other: Map<String, Value> = record
                    .iter()
                    .filter(|(name, _)| !COLUMNS.contains(&name.as_str()))
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect();
                let other =
                    if other.is_empty() { String::new() } else { cell(&Value::Object(other)) };
                push_row(out, COLUMNS.iter().map(|name| of(name)).chain([other]));
            }
        }
    }
}

/// Appends cells as one row.
pub(super) fn push_row(out: &mut String, cells: impl Iterator<Item = String>) {
    for (position, cell) in cells.enumerate() {
        if position > 0 {
            out.push(',');
        }
        out.push_str(&cell);
    }
    out.push_str("\r\n");
}

/// Returns a value as a cell.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text_cell(text),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => text_cell(&json(value).unwrap_or_default()),
    }
}

/// Returns text as a cell. A text that a spreadsheet would run as a formula gets a quote before
/// it: a user agent of `=HYPERLINK(...)` must stay a user agent.
fn text_cell(text: &str) -> String {
    let runs = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let text = visible(if runs { format!("'{text}") } else { text.to_owned() });
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// Makes visible what a terminal would obey; line breaks and tabs are data of a cell.
fn visible(text: String) -> String {
    let harmless = |character: char| !acts(character) || "\n\t".contains(character);
    if text.chars().all(harmless) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if harmless(character) {
            out.push(character);
        } else {
            push_line(&mut out, character.encode_utf8(&mut [0; 4]));
        }
    }
    out
}
