//! Which fields tell about an error, by their names.

/// Names under which applications log errors, in lower case and without what joins words.
const ERROR_NAMES: [&str; 30] = [
    "backtrace",
    "causedby",
    "cause",
    "err",
    "error",
    "errorclass",
    "errorkind",
    "errormessage",
    "errormsg",
    "errorname",
    "errors",
    "errorstack",
    "errortext",
    "errortype",
    "errorverbose",
    "exc",
    "excinfo",
    "exception",
    "exceptionclass",
    "exceptionmessage",
    "exceptions",
    "exceptiontype",
    "exctext",
    "exctype",
    "excvalue",
    "stack",
    "stackinfo",
    "stacktrace",
    "thrown",
    "traceback",
];

/// Tells whether what a field holds is about an error: one of the names of its path says so
/// (`error_type`, `exc_info`, `err.stack`, `exception.values.type`). Who asks for a word and names
/// no field finds it there, however short the text is.
pub fn is_error_text(name: &str) -> bool {
    name.split('.').any(|segment| {
        let letters = || segment.bytes().filter(|byte| !matches!(byte, b'_' | b'-'));
        let is_it =
            |known: &&str| letters().map(|byte| byte.to_ascii_lowercase()).eq(known.bytes());
        ERROR_NAMES.iter().any(is_it)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{ERROR_MESSAGE, ERROR_TYPE, MESSAGE, PATH, STACKTRACE};

    #[test]
    fn fields_of_errors_are_known_by_any_name_of_their_path() {
        for name in [
            ERROR_TYPE,
            ERROR_MESSAGE,
            STACKTRACE,
            "exc_info",
            "err.stack",
            "exception.values.type",
            "errorMessage",
            "StackTrace",
            "extra.Exception",
            "error",
            "caused-by",
            "data.errors",
        ] {
            assert!(is_error_text(name), "{name}");
        }
        for name in [MESSAGE, PATH, "error_count", "terror", "stacked", "errand.type", ""] {
            assert!(!is_error_text(name), "{name}");
        }
    }
}
