//! Prose and code that look like keys with values: `token: expired`, `TokenService.java:42`.

use super::boundary::before;
use super::pair::{Key, Separator, next_is_key};
use crate::redact::keys::KeyVerdict;
use crate::redact::policy::Policy;

/// Words that follow a key in prose and are never its value.
const PROSE: &[&str] = &[
    "any",
    "boolean",
    "bytes",
    "edit",
    "int",
    "issued",
    "number",
    "object",
    "or",
    "rotated",
    "str",
    "string",
    "undefined",
    "yes",
    "a",
    "accepted",
    "authentication",
    "bad",
    "cannot",
    "changed",
    "changing",
    "checking",
    "closed",
    "created",
    "creating",
    "denied",
    "deleted",
    "disabled",
    "does",
    "enabled",
    "expired",
    "failed",
    "for",
    "from",
    "has",
    "in",
    "incorrect",
    "invalid",
    "is",
    "malformed",
    "mismatch",
    "missing",
    "must",
    "no",
    "not",
    "ok",
    "opened",
    "refreshed",
    "refreshing",
    "rejected",
    "required",
    "reset",
    "resetting",
    "revoked",
    "signature",
    "started",
    "sending",
    "the",
    "to",
    "trying",
    "unknown",
    "updated",
    "updating",
    "using",
    "validating",
    "verifying",
    "waiting",
    "was",
    "were",
    "will",
    "with",
    "would",
    "valid",
    "wrong",
];

/// In prose a weak key is only believed when its value cannot be a word or a version: letters
/// this long, digits with others among them, or digits alone.
const WORD_BYTES_MAX: usize = 16;
const MIXED_BYTES_MIN: usize = 6;
const DIGITS_MIN: usize = 4;

/// Endings of files of code: what stands behind `TokenService.java:` is the number of a line.
const CODE_ENDINGS: &[&str] = &[
    "ex", "exs", "erl", "hs", "ml", "lua", "pl", "sh", "sql", "vue", "dart", "h", "hpp", "tf",
    "yml", "yaml", "json", "java", "kt", "kts", "scala", "groovy", "clj", "rs", "py", "pyx", "go",
    "js", "mjs", "cjs", "ts", "tsx", "jsx", "rb", "php", "cs", "fs", "c", "cc", "cpp", "swift",
];

/// Tells whether what looks like a key is a place in code: a file with the number of a line, a
/// class that logs (`TokenFilter: started`), a module of PAM, the directory of a shell.
pub(super) fn is_place_in_code(text: &str, key: &Key<'_>, policy: &Policy) -> bool {
    if !key.quote.is_empty() {
        return false;
    }
    let bytes = text.as_bytes();
    // User and password of an address: `https://token:x@host` is read as such.
    let is_user = text.get(..key.start).is_some_and(|before| before.ends_with("://"));
    if is_user || is_token_itself(key.name) || is_of_parser(text, key) {
        return true;
    }
    let value = text.get(key.value_start..).unwrap_or_default();
    if key.separator == Separator::Data {
        let is_directory = matches!(key.name, "PWD" | "OLDPWD") && value.starts_with(['/', '~']);
        return is_directory;
    }
    let ending = key.name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_line = value.starts_with(|first: char| first.is_ascii_digit() || first == '[')
        || value.starts_with("line ");
    if is_line && CODE_ENDINGS.contains(&ending) {
        return true;
    }
    if is_program(key.name) || is_task(text, key) || is_architecture(value) {
        return true;
    }
    // `pam_unix(chpasswd:chauthtok):`
    let module = text.get(key.start.saturating_sub(PAM_BYTES)..key.start).unwrap_or_default();
    if before(bytes, key.start) == Some(b'(') && module.contains("pam_") {
        return true;
    }
    let class = key.name.rsplit('.').next().unwrap_or_default();
    let humps = class.as_bytes().windows(2).filter(|pair| {
        matches!(pair, [before, at] if before.is_ascii_lowercase() && at.is_ascii_uppercase())
    });
    let is_class = class.starts_with(|first: char| first.is_ascii_uppercase())
        && class.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && humps.count() > 0;
    is_class && !policy.keys().ends_with_term(class)
}

/// Tells whether a name is that of a program with the number of its process, `passwd[47347]:`, or
/// what a bracket around it left.
fn is_program(name: &str) -> bool {
    name.strip_suffix(']').is_some_and(|name| {
        let inside = name.rsplit_once('[').map_or("", |(_, inside)| inside);
        inside.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Tells whether a name is a step of a build or a part of a longer name with colons:
/// `> Task :auth:compile`, `--- PASS: TestLogin`, `arn:aws:secretsmanager:eu:1:secret:db`,
/// `bin/rails credentials:edit`.
fn is_task(text: &str, key: &Key<'_>) -> bool {
    let before = text.get(..key.start).unwrap_or_default();
    let is_glued = text.get(..key.value_start).is_some_and(|before| before.ends_with(':'));
    let word = before.rsplit(|c: char| c.is_whitespace() || c == '"').next().unwrap_or_default();
    let is_letters = text
        .get(key.value_start..)
        .and_then(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next())
        .is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic()));
    key.name == "PASS"
        || (word.contains("arn:") && before.len() - word.len() + TASK_BYTES_MAX > before.len())
        || (is_glued
            && is_letters
            && (word.ends_with(':') || word.ends_with('/') || before.ends_with("rails ")))
}

/// Longest name with colons before its last part.
const TASK_BYTES_MAX: usize = 256;

/// Machines for which packages are built: `libsecret-1-0:amd64`.
const ARCHITECTURES: [&str; 8] =
    ["amd64", "arm64", "armhf", "i386", "all", "ppc64el", "s390x", "riscv64"];

fn is_architecture(value: &str) -> bool {
    let word = value.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    ARCHITECTURES.contains(&word)
}

/// Tells whether a word behind a colon begins a sentence: a word, or a short number, and words
/// after it.
pub(super) fn begins_sentence(text: &str, range: &std::ops::Range<usize>) -> bool {
    let word = text.get(range.clone()).unwrap_or_default();
    let is_word =
        word.bytes().all(|byte| byte.is_ascii_alphabetic()) && word.len() < WORD_BYTES_MAX;
    let is_status = word.len() <= 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    let Some(rest) = text.get(range.end..).and_then(|rest| rest.strip_prefix(' ')) else {
        return false;
    };
    if next_is_key(text.as_bytes(), range.end) {
        return false;
    }
    let rest = rest.trim_start_matches(['\\', '"', '\'', '(', '*', '[', '|', ' ']);
    let next = rest.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let end = rest.get(next.len()..).and_then(|rest| rest.bytes().next());
    let ends_word = end.is_none_or(|byte| b" .,;:!?)\"'\n\\-".contains(&byte));
    (is_word || is_status)
        && (!next.is_empty() && ends_word || rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Shortest name that is itself a token, and no name of a token: `secret_KkS2...: refused`.
const TOKEN_BYTES_MIN: usize = 40;

fn is_token_itself(name: &str) -> bool {
    name.len() >= TOKEN_BYTES_MIN
        && name.bytes().any(|byte| byte.is_ascii_digit())
        && !name.contains('.')
}

/// Words of parsers before a token of the text that they read.
const PARSERS: [&str; 6] =
    ["unexpected ", "near ", "expected ", "illegal ", "unrecognized ", "found "];

/// Longest token of a parser that is quoted.
const PARSED_BYTES_MAX: usize = 16;

/// Tells whether what a key names is a piece of code: `Unexpected token: ')'`.
fn is_of_parser(text: &str, key: &Key<'_>) -> bool {
    let before = text.get(..key.start).unwrap_or_default();
    let ends = |word: &str| {
        let start = before.len().checked_sub(word.len());
        let end = start.and_then(|start| before.get(start..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(word))
    };
    let line = text.get(key.value_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let word = line.split(' ').next().unwrap_or_default();
    key.name.eq_ignore_ascii_case("token")
        && word.len() <= PARSED_BYTES_MAX
        && PARSERS.into_iter().any(ends)
}

/// How far before its argument the name of a module of PAM may begin: `pam_systemd(`.
const PAM_BYTES: usize = 24;

/// Tells whether what follows `key:` reads as language.
pub(super) fn is_prose(written: &str, verdict: KeyVerdict) -> bool {
    let word = written.trim_matches(|character: char| !character.is_alphanumeric());
    let is_letters = word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_number = word.len() >= DIGITS_MIN && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_word = is_letters && word.len() < WORD_BYTES_MAX;
    let is_short = written.len() < MIXED_BYTES_MIN && !is_number;
    let is_weak = verdict != KeyVerdict::Secret;
    is_prose_word(word) || (is_weak && (is_word || is_short))
}

/// Tells whether a word is one of language behind a key.
pub(super) fn is_prose_word(word: &str) -> bool {
    PROSE.iter().any(|prose| prose.eq_ignore_ascii_case(word))
}
