//! Java, Node and .NET: the class and the text of the error, then its calls, a line each that
//! begins with `at`.
//!
//! ```text
//! com.example.OrderException: no stock         TypeError: x is not a function
//!     at com.example.Orders.place(...)             at place (/app/orders.js:3:9)
//! Caused by: java.io.IOException: closed
//! ```
//!
//! Causes follow, and the first class is the class raised last.

use super::exception::{Exception, header, names_error};

/// Lines of text between the class of an error and the first call.
const TEXT_LINES_MAX: usize = 64;

/// Returns where the error begins whose calls follow.
pub(super) fn start(text: &str) -> Option<usize> {
    place(text).map(|(start, _)| start)
}

/// Reads the first error that calls follow.
pub(super) fn read(text: &str) -> Option<Exception<'_>> {
    let (start, calls_start) = place(text)?;
    let head = text.get(start..calls_start)?;
    let first = head.lines().next()?;
    let found = header(first)?;
    if found.message.is_empty() {
        return Some(found);
    }
    let message = found.message_onwards(head).unwrap_or_default();
    let end = [" ---> ", "\n ---> ", "\nCaused by: ", "\n\t... "]
        .iter()
        .filter_map(|mark| message.find(mark))
        .min()
        .unwrap_or(message.len());
    Some(Exception::new(found.kind, message.get(..end)?))
}

/// Returns where the error begins, and where its first call does.
fn place(text: &str) -> Option<(usize, usize)> {
    let mut position = 0;
    let mut heads: Vec<(usize, &str)> = Vec::new();
    for line in text.split_inclusive('\n') {
        let is_call = line.starts_with([' ', '\t']) && line.trim_start().starts_with("at ");
        if is_call {
            // The line that is an error by its form, else the line right before the calls.
            let found = heads.iter().find(|(_, line)| is_error(line));
            let nearest = heads.last().filter(|(_, line)| header(line).is_some());
            return found.or(nearest).map(|(start, _)| (*start, position));
        }
        if heads.len() == TEXT_LINES_MAX {
            heads.remove(0);
        }
        heads.push((position, line));
        position += line.len();
    }
    None
}

fn is_error(line: &str) -> bool {
    header(line).is_some_and(|found| names_error(found.kind))
}
