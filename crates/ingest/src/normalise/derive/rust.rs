//! Rust: `thread 'main' panicked at src/main.rs:2:5:` and the text below; before 2023 the text in
//! quotes before the place.

use super::exception::{Exception, line_start};

/// Stands in the first line of every panic.
pub(super) const MARK: &str = "panicked at ";

/// Returns where the panic begins.
pub(super) fn start(text: &str) -> Option<usize> {
    let mark = text.find(MARK)?;
    let line = line_start(text, mark);
    let thread = text.get(line..mark)?.find("thread '")?;
    Some(line + thread)
}

/// Reads a panic.
pub(super) fn read(text: &str) -> Option<Exception<'_>> {
    let start = start(text)?;
    let rest = text.get(start..)?.split_once(MARK)?.1;
    if let Some(quoted) = rest.strip_prefix('\'') {
        let first = quoted.lines().next()?;
        let end = first.rfind("', ").unwrap_or(first.len());
        return Some(Exception::new("panic", first.get(..end)?));
    }
    let message = rest.split_once('\n').map_or("", |(_, message)| message);
    let end = ["note: run with", "stack backtrace:"]
        .iter()
        .filter_map(|mark| message.find(mark))
        .min()
        .unwrap_or(message.len());
    Some(Exception::new("panic", message.get(..end)?))
}
