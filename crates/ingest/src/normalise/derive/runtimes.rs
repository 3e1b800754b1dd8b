//! Runtimes that print an error in a line of their own form: Elixir's
//! `** (RuntimeError) text`, C++'s `terminate called after throwing an instance of 'x'`.

use super::exception::{Exception, line_start};

const ELIXIR: &str = "** (";
const CPP: &str = "terminate called after throwing an instance of '";

/// Returns where the error begins.
pub(super) fn start(text: &str) -> Option<usize> {
    let at = [CPP, ELIXIR].iter().find_map(|mark| text.find(mark))?;
    read(text.get(at..)?).map(|_| line_start(text, at))
}

/// Reads the first error.
pub(super) fn read(text: &str) -> Option<Exception<'_>> {
    if let Some(at) = text.find(CPP) {
        let (kind, rest) = text.get(at + CPP.len()..)?.split_once('\'')?;
        let message = rest.split_once("what():").map_or("", |(_, message)| message);
        return Some(Exception::new(kind, message.lines().next().unwrap_or_default()));
    }
    let at = text.find(ELIXIR)?;
    let (kind, rest) = text.get(at + ELIXIR.len()..)?.split_once(')')?;
    let is_class = kind.starts_with(char::is_uppercase) && !kind.contains(char::is_whitespace);
    let message = rest.split("\n    ").next().unwrap_or_default();
    is_class.then(|| Exception::new(kind, message))
}
