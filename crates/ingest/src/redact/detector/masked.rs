//! Values that somebody masked before the line was logged: `[FILTERED]`, `<redacted>`,
//! `${DB_PASSWORD}`. They say that there was a secret, and hold none.

/// Words that stand for a secret, in brackets or alone.
const WORDS: [&str; 18] = [
    "filtered",
    "redacted",
    "removed",
    "hidden",
    "masked",
    "scrubbed",
    "obfuscated",
    "sanitized",
    "omitted",
    "protected",
    "sensitive",
    "secret",
    "password",
    "not set",
    "unset",
    "present",
    "provided",
    "none",
];

/// Brackets around such a word.
const BRACKETS: [(char, char); 3] = [('[', ']'), ('<', '>'), ('(', ')')];

/// Opening and end of a reference to a value that stands elsewhere.
const REFERENCES: [(&str, &str); 4] = [("${", "}"), ("{{", "}}"), ("%(", ")s"), ("$(", ")")];

/// Longest reference that is read.
const REFERENCE_BYTES_MAX: usize = 128;

/// Tells whether a value was masked, or only names the place of a secret.
pub(super) fn is_masked(value: &str) -> bool {
    let is_word = |text: &str| WORDS.iter().any(|word| word.eq_ignore_ascii_case(text));
    let inside =
        BRACKETS.iter().find_map(|(open, close)| value.strip_prefix(*open)?.strip_suffix(*close));
    if let Some(inside) = inside {
        return is_word(inside.trim_matches(['*', ' ']));
    }
    is_word(value.trim_matches('*')) && value.starts_with('*') || is_reference(value)
}

fn is_reference(value: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.- :".contains(&byte);
    value.len() <= REFERENCE_BYTES_MAX
        && REFERENCES.iter().any(|(open, close)| {
            let name = value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
            // `${PASSWORD:-hunter2}` holds the secret after all.
            name.is_some_and(|name| name.bytes().all(is_name) && !name.contains(":-"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_told_from_secrets() {
        for masked in [
            "[FILTERED]",
            "[Redacted]",
            "<redacted>",
            "(hidden)",
            "***REDACTED***",
            "**secret**",
            "${DB_PASSWORD}",
            "{{ vault.password }}",
            "%(password)s",
        ] {
            assert!(is_masked(masked), "{masked}");
        }
        for secret in [
            "hunter2",
            "[hunter2]",
            "<x>",
            "secret",
            "password",
            "${PASSWORD:-hunter2}",
            "$2b$10$x",
        ] {
            assert!(!is_masked(secret), "{secret}");
        }
    }
}
