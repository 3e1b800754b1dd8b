//! Ruby: `app.rb:3:in 'place': text (OrderError)` and its callers, Rails' `OrderError (text):`,
//! and `OrderError: text` before lines of calls.

use super::exception::{Exception, header, line_start, names_error};

/// Returns where the error begins.
pub(super) fn start(text: &str) -> Option<usize> {
    let mut position = 0;
    for line in text.split_inclusive('\n') {
        if read_line(line).is_some() {
            return Some(position);
        }
        position += line.len();
    }
    let call = call(text)?;
    let before = text.get(..line_start(text, call))?.trim_end();
    let start = line_start(before, before.len());
    header(before.get(start..)?).map(|_| start)
}

/// Reads the first error.
pub(super) fn read(text: &str) -> Option<Exception<'_>> {
    if let Some(found) = text.lines().find_map(read_line) {
        return Some(found);
    }
    let start = start(text)?;
    header(text.get(start..)?.lines().next()?)
}

fn read_line(line: &str) -> Option<Exception<'_>> {
    read_caller(line).or_else(|| read_rails(line.trim()))
}

/// Reads `app.rb:3:in 'place': text (OrderError)`.
fn read_caller(line: &str) -> Option<Exception<'_>> {
    let (_, rest) = line.split_at_checked(call(line)?)?;
    let (_, rest) = rest.split_once(": ")?;
    let (message, kind) = rest.trim_end().strip_suffix(')')?.rsplit_once(" (")?;
    header(kind).filter(|found| found.message.is_empty())?;
    Some(Exception::new(kind, message))
}

/// Reads `ActionController::RoutingError (No route matches):`.
fn read_rails(line: &str) -> Option<Exception<'_>> {
    let (kind, message) = line.strip_suffix("):")?.split_once(" (")?;
    let is_class = header(kind).is_some_and(|found| found.kind == kind);
    (is_class && names_error(kind)).then(|| Exception::new(kind, message))
}

/// Returns where a line of a call says the method.
fn call(text: &str) -> Option<usize> {
    [":in '", ":in `"].iter().filter_map(|mark| text.find(mark)).min()
}
