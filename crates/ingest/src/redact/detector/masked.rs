//! Values that somebody masked before the line was logged: `[FILTERED]`, `<redacted>`,
//! `${DB_PASSWORD}`. They say that there was a secret, and hold none.

/// Words that stand for a secret, in brackets or alone.
const WORDS: [&str; 25] = [
    "mask",
    "unk",
    "pad",
    "sep",
    "cls",
    "private",
    "confidential",
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

/// Opening and end of a reference to a value that stands elsewhere; those that hold the others
/// first.
const REFERENCES: [(&str, &str); 8] = [
    ("${{", "}}"),
    ("{{", "}}"),
    ("${", "}"),
    ("#{", "}"),
    ("%(", ")s"),
    ("$(", ")"),
    ("<%=", "%>"),
    ("%{", "}"),
];

/// Tags of YAML before the name of a value that stands elsewhere, and before one that is encrypted.
const TAGS: [&str; 4] = ["!secret ", "!vault |", "!ENV ", "!env_var "];

/// Longest reference that is read.
const REFERENCE_BYTES_MAX: usize = 128;

/// Returns the length of the mask or reference that a text begins with, spaces and all; 0 without.
pub(super) fn mask_len(text: &str) -> usize {
    if !text.starts_with(['[', '<', '(', '{', '$', '%', '#', '!', '*']) {
        return 0;
    }
    let line = text.split('\n').next().unwrap_or_default();
    let window = line.get(..line.floor_char_boundary(REFERENCE_BYTES_MAX)).unwrap_or_default();
    for (open, close) in REFERENCES {
        if let Some(rest) = window.strip_prefix(open) {
            let end = rest.find(close).map(|end| open.len() + end + close.len());
            return end.filter(|end| window.get(..*end).is_some_and(is_reference)).unwrap_or(0);
        }
    }
    if let Some(tag) = TAGS.iter().find(|tag| window.starts_with(**tag)) {
        let name = window.get(tag.len()..).unwrap_or_default();
        return tag.len() + name.split(' ').next().unwrap_or_default().len();
    }
    let mut ends = window.match_indices([']', '>', ')', '}']).map(|(at, _)| at + 1);
    ends.find(|end| window.get(..*end).is_some_and(is_masked)).unwrap_or(0)
}

/// Tells whether a value was masked, or only names the place of a secret.
pub(super) fn is_masked(value: &str) -> bool {
    let is_word = |text: &str| WORDS.iter().any(|word| word.eq_ignore_ascii_case(text));
    let inside =
        BRACKETS.iter().find_map(|(open, close)| value.strip_prefix(*open)?.strip_suffix(*close));
    if inside.is_some_and(|inside| is_word(inside.trim_matches(['*', ' ']))) {
        return true;
    }
    let is_filler = value.len() >= FILLER_BYTES_MIN
        && (value.chars().all(|c| c == 'x') || value.chars().all(|c| c == 'X'));
    is_filler
        || value.chars().all(|c| matches!(c, '\u{2022}' | '\u{25CF}' | '\u{2026}'))
            && !value.is_empty()
        || is_word(value.trim_matches('*')) && value.starts_with('*')
        || is_reference(value)
        || is_parameter(value)
}

/// Tells whether a value is the place of a parameter in a statement or in the text of a program:
/// `$1`, `%s`, `:password`, `{password}`.
fn is_parameter(value: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let is_number = |digits: &str| {
        (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let format = value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    matches!(value, "%s" | "%d" | "%v" | "%q" | "%r" | "{}")
        || value.strip_prefix('$').is_some_and(is_number)
        || value.strip_prefix([':', '@']).is_some_and(is_name)
        || format.is_some_and(is_name)
}

/// Shortest run of `x` that is a mask.
const FILLER_BYTES_MIN: usize = 3;

fn is_reference(value: &str) -> bool {
    let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || b"_.- :/|'\"[]()?!,".contains(&byte);
    let is_name = |name: &str| {
        name.len() > 1
            && name
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    value.len() <= REFERENCE_BYTES_MAX
        && (value.strip_prefix('$').is_some_and(is_name)
            || REFERENCES.iter().any(|(open, close)| {
                let name = value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
                // `${PASSWORD:-hunter2}` holds the secret after all.
                name.is_some_and(|name| name.bytes().all(is_inside) && !name.contains(":-"))
            }))
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
            "$1",
            ":password",
            "{password}",
            "xxxx",
            "$DB_PASSWORD",
            "<%= ENV['DB_PASSWORD'] %>",
            "${{ secrets.TOKEN }}",
            "${API_KEY:?missing}",
        ] {
            assert_eq!(
                mask_len(&format!("{masked} x")).max(masked.len()),
                masked.len(),
                "{masked}"
            );
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
