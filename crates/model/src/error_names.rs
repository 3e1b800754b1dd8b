//! Names of fields that describe an error.

/// Words in names under which applications log errors.
const ERROR_WORDS: [&str; 18] = [
    "backtrace",
    "cause",
    "caused",
    "err",
    "errmsg",
    "error",
    "errors",
    "ex",
    "exc",
    "exception",
    "exceptions",
    "panic",
    "stack",
    "stacktrace",
    "stacktraces",
    "throwable",
    "thrown",
    "traceback",
];

/// Tells whether what a field holds is about an error: a word in the path of its name says so
/// (`error_type`, `excInfo`, `err.stack`, `exception.values.type`, `last_error`). Who asks for a
/// word and names no field finds it there, however short the text is.
pub fn is_error_text(name: &str) -> bool {
    let joints = |byte: char| !byte.is_ascii_alphanumeric();
    name.split(joints)
        .flat_map(camel_words)
        .any(|word| ERROR_WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)))
}

/// Splits `innerException` before the capital.
fn camel_words(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = name;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let bytes = rest.as_bytes().windows(2);
        let end = bytes
            .into_iter()
            .position(|pair| matches!(pair, [before, after] if !before.is_ascii_uppercase() && after.is_ascii_uppercase()))
            .map_or(rest.len(), |before| before + 1);
        let (word, tail) = rest.split_at_checked(end)?;
        rest = tail;
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{ERROR_MESSAGE, ERROR_TYPE, MESSAGE, PATH, STACKTRACE, TRACE_ID};

    #[test]
    fn fields_of_errors_are_known_by_any_word_of_their_path() {
        for name in [
            ERROR_TYPE,
            ERROR_MESSAGE,
            STACKTRACE,
            "exc_info",
            "err.stack",
            "exception.values.type",
            "errorMessage",
            "StackTrace",
            "ERROR_MESSAGE",
            "extra.innerException",
            "last-error",
            "caused_by.0",
            "data.errors",
            "thrown.extendedStackTrace",
        ] {
            assert!(is_error_text(name), "{name}");
        }
        for name in
            [MESSAGE, PATH, TRACE_ID, "terror", "stacked", "errand.type", "", ".", "\u{e9}rr"]
        {
            assert!(!is_error_text(name), "{name}");
        }
    }
}
