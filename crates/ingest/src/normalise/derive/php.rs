//! PHP: `Class: text in /app/a.php:3`, `Stack trace:` and numbered calls. The first error of a
//! chain is printed first, `Next Class: text` is what was raised later. Laravel writes
//! `[object] (Class(code: 0): text at /app/a.php:3)`.

use super::exception::{Exception, has, header, line_start};

/// Follows the place of an error.
const CALLS: &str = "\nStack trace:";

/// What Laravel's log begins an error with.
const OBJECT: &str = "[object] (";

/// Returns where the error begins.
pub(super) fn start(text: &str) -> Option<usize> {
    if let Some(object) = text.find(OBJECT) {
        return Some(object);
    }
    if let Some(calls) = text.find(CALLS) {
        let line = line_start(text, calls);
        return read(text.get(line..)?).map(|_| line);
    }
    (text.starts_with("PHP ") && has(text, "Uncaught ")).then_some(0)
}

/// Reads the error that was raised last.
pub(super) fn read(text: &str) -> Option<Exception<'_>> {
    if let Some(object) = text.find(OBJECT) {
        return read_object(text.get(object + OBJECT.len()..)?);
    }
    let is_uncaught = has(text, "Uncaught ") && has(text, " in ");
    if !is_uncaught && !has(text, CALLS) {
        return None;
    }
    let next =
        text.rmatch_indices("\nNext ").find_map(|(at, mark)| read_one(text, at + mark.len()));
    next.or_else(|| {
        let mark = "Uncaught ";
        let start = text.find(mark).map_or(0, |at| at + mark.len());
        read_one(text, start)
    })
}

fn read_one(text: &str, start: usize) -> Option<Exception<'_>> {
    let rest = text.get(start..)?;
    let end = rest.find(CALLS).unwrap_or(rest.len());
    let head = rest.get(..end)?;
    let found = header(head.lines().next()?)?;
    let message = found.message_onwards(head).unwrap_or_default();
    let message = message.rfind(" in ").and_then(|at| message.get(..at)).unwrap_or(message);
    Some(Exception::new(found.kind, message))
}

fn read_object(text: &str) -> Option<Exception<'_>> {
    let (kind, rest) = text.split_once("(code: ")?;
    let (_, message) = rest.split_once("): ")?;
    let end = message.find(" at /").or_else(|| message.find('\n')).unwrap_or(message.len());
    Some(Exception::new(kind, message.get(..end)?))
}
