//! A record for people: time, level, service, message, then the other fields, and long text
//! below.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use tierlog_model::{Level, fields};

use super::palette::Palette;
use super::text::{acts, json, push_block, push_line};

/// Fields in the order in which a reader looks for them; the others follow as they come.
const FIRST_FIELDS: [&str; 9] = [
    fields::REQUEST_ID,
    fields::USER_ID,
    fields::METHOD,
    fields::PATH,
    fields::STATUS_CODE,
    fields::DURATION_MS,
    fields::ENDPOINT,
    "error_type",
    fields::LOGGER,
];

/// Fields that have a place of their own in the line.
const PLACED_FIELDS: [&str; 4] =
    [fields::TIMESTAMP, fields::LEVEL, fields::MESSAGE, fields::SERVICE];

/// Text longer than this, or of several lines, goes below the line.
const INLINE_BYTES_MAX: usize = 160;

/// Columns of a level's name.
const LEVEL_WIDTH: usize = 8;

/// Appends a record; ends with a line break.
pub(super) fn push_record(out: &mut String, record: &Map<String, Value>, palette: Palette) {
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    let line_start = out.len();
    let dim = palette.dim();
    if let Some(moment) = text(fields::TIMESTAMP) {
        let _ = write!(out, "{dim}");
        push_line(out, moment);
        let _ = write!(out, "{dim:#} ");
    }
    if let Some(name) = text(fields::LEVEL) {
        let level = Level::from_name(name);
        let style = palette.level(level);
        let shown = level.map_or("?", Level::as_str).to_uppercase();
        let _ = write!(
            out,
            "{style}{shown}{style:#}{:1$} ",
            "",
            LEVEL_WIDTH - shown.len().min(LEVEL_WIDTH)
        );
    }
    if let Some(service) = text(fields::SERVICE) {
        let style = palette.service();
        let _ = write!(out, "{style}");
        push_line(out, service);
        let _ = write!(out, "{style:#} ");
    }
    let message = text(fields::MESSAGE).unwrap_or_default();
    let (first, rest) = message.trim_end().split_once('\n').unwrap_or((message.trim_end(), ""));
    push_line(out, first.trim_end_matches('\r'));
    if out.len() > line_start {
        out.push_str("  ");
    }
    push_fields(out, record, palette);
    let ends = out.trim_end_matches(' ').len();
    out.truncate(ends);
    out.push('\n');
    push_blocks(out, record, rest, palette);
}

fn is_placed(name: &str, value: &Value) -> bool {
    // A field of another type than its place expects is shown among the others.
    PLACED_FIELDS.contains(&name) && value.is_string()
}

/// Tells whether a field says nothing that the line does not say: the level as the application
/// wrote it, where only its case differs.
fn is_said(name: &str, value: &Value, record: &Map<String, Value>) -> bool {
    let level = record.get(fields::LEVEL).and_then(Value::as_str).unwrap_or_default();
    let written = value.as_str().unwrap_or_default();
    name == fields::LEVEL_TEXT && written.eq_ignore_ascii_case(level)
}

fn is_block(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.len() > INLINE_BYTES_MAX || text.trim_end().contains('\n'))
}

fn push_fields(out: &mut String, record: &Map<String, Value>, palette: Palette) {
    let first = FIRST_FIELDS.iter().filter_map(|name| record.get_key_value(*name));
    let others = record.iter().filter(|(name, _)| !FIRST_FIELDS.contains(&name.as_str()));
    let dim = palette.dim();
    let shown =
        first.chain(others).filter(|(name, value)| !is_placed(name, value) && !is_block(value));
    let shown = shown.filter(|(name, value)| !is_said(name, value, record));
    let mut started = false;
    for (name, value) in shown {
        if !started {
            let _ = write!(out, "{dim}");
            started = true;
        } else {
            out.push(' ');
        }
        push_line(out, name);
        out.push('=');
        push_value(out, value);
    }
    if started {
        let _ = write!(out, "{dim:#}");
    }
}

/// Appends a value; a text in quotes where it would be read as something else without them.
fn push_value(out: &mut String, value: &Value) {
    match value {
        Value::String(text) => {
            let bare = !text.is_empty()
                && !text.chars().any(|c| c.is_whitespace() || c == '"' || c == '=' || acts(c));
            if bare {
                push_line(out, text);
            } else {
                out.push_str(&json(value).unwrap_or_default());
            }
        }
        other => out.push_str(&json(other).unwrap_or_default()),
    }
}

fn push_blocks(
    out: &mut String,
    record: &Map<String, Value>,
    message_rest: &str,
    palette: Palette,
) {
    let dim = palette.dim();
    if !message_rest.is_empty() {
        push_block(out, message_rest, 4);
    }
    for (name, value) in
        record.iter().filter(|(name, value)| !is_placed(name, value) && is_block(value))
    {
        let text = value.as_str().unwrap_or_default();
        let _ = write!(out, "{dim}");
        // A traceback says itself what it is.
        if text.starts_with("Traceback") {
            push_block(out, text, 4);
        } else {
            out.push_str("    ");
            push_line(out, name);
            out.push_str(":\n");
            push_block(out, text, 6);
        }
        let _ = write!(out, "{dim:#}");
    }
}
