//! Go: `panic: text`, an empty line, and the goroutines.

use super::exception::{Exception, line_start};

/// Stands in every dump of a panic.
pub(super) const MARK: &str = "goroutine ";

/// What the dump begins with, and what the error is called then.
const FORMS: [(&str, &str); 3] =
    [("panic: ", "panic"), ("fatal error: ", "fatal error"), ("http: panic serving ", "panic")];

/// Returns where the panic begins.
pub(super) fn start(text: &str) -> Option<usize> {
    let calls = text.find(MARK)?;
    place(text.get(..calls)?).map(|(start, _, _)| start)
}

/// Reads a panic. The last panic counts: a recovered panic stands before.
pub(super) fn read(text: &str) -> Option<Exception<'_>> {
    let head = text.get(..text.find(MARK)?)?;
    let (_, message_start, kind) = place(head)?;
    let mut message = head.get(message_start..)?;
    if kind == "panic" && head.get(..message_start)?.ends_with("serving ") {
        // `127.0.0.1:51234: text`
        message = message.split_once(": ").map_or(message, |(_, message)| message);
    }
    let end = ["\n[signal ", "\n\tpanic: ", "\n\n", " [recovered]"]
        .iter()
        .filter_map(|mark| message.find(mark))
        .min()
        .unwrap_or(message.len());
    Some(Exception::new(kind, message.get(..end)?))
}

/// Returns where the first panic of a text begins, where its own text does, and its kind.
fn place(head: &str) -> Option<(usize, usize, &'static str)> {
    FORMS.iter().find_map(|(form, kind)| {
        let at = head.find(form)?;
        let line = line_start(head, at);
        // Loggers write a prefix before it: a time, `http:`.
        Some((line, at + form.len(), *kind))
    })
}
