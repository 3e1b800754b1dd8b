//! Python: the last traceback of a chain ends with the error that was raised last.
//!
//! ```text
//! Traceback (most recent call last):
//!   File "/app/views.py", line 8, in get
//!     user = load(pk)
//! django.db.utils.IntegrityError: duplicate key
//! DETAIL:  Key (id)=(1) already exists.
//! ```

use super::exception::{Exception, header, line_start};

/// Stands before every traceback.
pub(super) const MARK: &str = "Traceback (most recent call last)";

/// Returns where the first traceback begins.
pub(super) fn start(text: &str) -> Option<usize> {
    let mark = text.find(MARK)?;
    let line = line_start(text, mark);
    let before = text.get(line..mark)?;
    // A traceback may follow the text of its line, as in `worker: Traceback (most ...)`.
    let is_margin = before.trim_start().trim_start_matches("+ Exception Group ").is_empty();
    Some(if is_margin { line } else { mark })
}

/// Reads the last traceback. Tracebacks inside an exception group stand behind a bar and belong
/// to its members.
pub(super) fn read(text: &str) -> Option<Exception<'_>> {
    let (mark, margin) = text.rmatch_indices(MARK).find_map(|(mark, _)| {
        let margin = text.get(line_start(text, mark)..mark)?;
        (!margin.contains('|')).then_some((mark, margin))
    })?;
    let is_group = margin.contains("+ Exception Group");
    let indent = if margin.trim().is_empty() { margin.len() } else { 0 };
    let mut position = mark + text.get(mark..)?.find('\n')? + 1;
    for line in text.get(position..)?.split_inclusive('\n') {
        let inner = match is_group {
            true => line.trim_start().strip_prefix("| ").unwrap_or("| "),
            false => dedented(line, indent),
        };
        // loguru marks the frame that caught the error with `>`.
        if !inner.trim().is_empty()
            && !inner.starts_with([' ', '\t', '|', '>'])
            && let Some(found) = last_line(text, position, inner, is_group)
        {
            return Some(found);
        }
        position += line.len();
    }
    None
}

/// Reads the line that ends a traceback; the text of its error may go on below.
fn last_line<'t>(
    text: &'t str,
    position: usize,
    line: &'t str,
    is_group: bool,
) -> Option<Exception<'t>> {
    let line = line.trim_end();
    let found = header(line).or_else(|| {
        // Classes in lower case (`socket.gaierror`, `exit`) stand here too.
        let (kind, message) = line.split_once(": ").unwrap_or((line, ""));
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '<' | '>');
        (!kind.is_empty() && kind.chars().all(is_name)).then(|| Exception::new(kind, message))
    })?;
    if is_group || found.message.is_empty() {
        return Some(found);
    }
    let from = text.get(position..)?;
    let message = found.message_onwards(from).unwrap_or(found.message);
    Some(Exception::new(found.kind, message))
}

/// Reads `sys.exc_info()` as a list of three, or as the text of one:
/// `(<class 'ValueError'>, ValueError('bad'), <traceback object at 0x7f>)`.
pub(super) fn read_parts(text: &str) -> Option<Exception<'_>> {
    let text = text.trim_start_matches(['(', '[', '"', '\'']);
    let (kind, rest) = text.strip_prefix("<class '")?.split_once("'>")?;
    let rest = rest.trim_start_matches([',', ' ', '\n', '"']);
    let end = rest.find("<traceback object").unwrap_or(rest.len());
    let shown = rest.get(..end)?.trim_end_matches([',', ' ', '\n', '"', ')', ']']);
    let name = kind.rsplit('.').next().unwrap_or(kind);
    let message = match shown.strip_prefix(name).and_then(|shown| shown.strip_prefix('(')) {
        Some(inner) => inner.trim_end_matches([')', ',']).trim_matches(['\'', '"']),
        None => shown,
    };
    Some(Exception::new(kind, message))
}

fn dedented(line: &str, indent: usize) -> &str {
    let own = line.len() - line.trim_start_matches([' ', '\t']).len();
    line.get(indent.min(own)..).unwrap_or(line)
}
