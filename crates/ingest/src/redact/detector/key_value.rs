//! Secrets under a key inside a text: `password=hunter2`, `"api_key": "x"`, `--token x`.
//!
//! The key decides, by the same table as for fields ([`crate::redact::keys`]); the value goes
//! whole. Also pairs, `{"name": "password", "value": "x"}`, and the credentials that follow an
//! `Authorization:` or `Cookie:` header. Prose stays: `token: expired`, `session: opened`.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memchr_iter;
use memchr::memmem::Finder;

use super::Detector;
use super::boundary::{at, before, run_end};
use super::pair::{Form, Key, is_empty_word, keys, short_value, value};
use super::tuple_pair::tuple_pairs;
use crate::redact::canary::Canary;
use crate::redact::key_pairs::{is_pair_name, is_pair_value};
use crate::redact::key_terms::NEEDLES;
use crate::redact::keys::{KeyVerdict, Words};
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::Trigger;

/// See the module.
pub(in crate::redact) struct KeyValue;

/// Words that follow a key in prose and are never its value.
const PROSE: [&str; 60] = [
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

/// Schemes that stand between `Authorization:` and the credentials.
const SCHEMES: [&str; 12] = [
    "bearer",
    "basic",
    "digest",
    "token",
    "apikey",
    "negotiate",
    "ntlm",
    "oauth",
    "hawk",
    "aws4-hmac-sha256",
    "key",
    "jwt",
];

/// In prose a weak key is only believed when its value cannot be a word or a version: letters
/// this long, digits with others among them, or digits alone.
const WORD_BYTES_MAX: usize = 16;
const MIXED_BYTES_MIN: usize = 6;
const DIGITS_MIN: usize = 4;

impl Detector for KeyValue {
    fn name(&self) -> &'static str {
        "key_value"
    }

    fn placeholder(&self) -> &'static str {
        "[SECRET]"
    }

    fn about(&self) -> &'static str {
        "the key in front of the value is that of a secret"
    }

    fn canary(&self) -> Canary {
        Canary::Text("tierlog_canary_password=correct-horse-9")
    }

    fn trigger(&self) -> Trigger {
        Trigger { needles: NEEDLES, ..Trigger::ANY }
    }

    fn text(&self, text: &str, policy: &Policy, found: &mut Found) {
        let mut floor = 0;
        let mut pair = PairState::default();
        for key in keys(text) {
            if key.value_start <= floor {
                continue;
            }
            let verdict = match pair.is_value_of_secret(&key) {
                true => KeyVerdict::Secret,
                false => policy.keys().verdict(key.name),
            };
            if !verdict.is_secret() || is_place_in_code(text, &key, policy) {
                pair.remember(text, &key, policy);
                continue;
            }
            if let Some(end) = replace_value(text, &key, verdict, policy, found) {
                floor = end;
            }
        }
        find_flags(text, policy, found);
        find_elements(text, policy, found);
        for (column, range) in tuple_pairs(text) {
            let written = text.get(range.clone()).unwrap_or_default();
            let is_secret = policy.keys().verdict(column).is_secret();
            let is_placeholder = policy.placeholders().is_one(written);
            if is_secret && !is_empty_word(written) && !is_placeholder {
                found.replace(range);
            }
        }
    }
}

/// Endings of files of code: what stands behind `TokenService.java:` is the number of a line.
const CODE_ENDINGS: [&str; 24] = [
    "java", "kt", "kts", "scala", "groovy", "clj", "rs", "py", "pyx", "go", "js", "mjs", "cjs",
    "ts", "tsx", "jsx", "rb", "php", "cs", "fs", "c", "cc", "cpp", "swift",
];

/// Tells whether what looks like a key is a place in code: a file with the number of a line, a
/// class that logs (`TokenFilter: started`), a module of PAM, the directory of a shell.
fn is_place_in_code(text: &str, key: &Key<'_>, policy: &Policy) -> bool {
    if !key.quote.is_empty() {
        return false;
    }
    let bytes = text.as_bytes();
    let value = text.get(key.value_start..).unwrap_or_default();
    if key.is_assigned {
        let is_directory = matches!(key.name, "PWD" | "OLDPWD") && value.starts_with(['/', '~']);
        return is_directory;
    }
    let ending = key.name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_line = value.starts_with(|first: char| first.is_ascii_digit());
    if is_line && CODE_ENDINGS.contains(&ending) {
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

/// How far before its argument the name of a module of PAM may begin: `pam_systemd(`.
const PAM_BYTES: usize = 24;

/// Replaces the value of a secret key; returns where it ends.
fn replace_value(
    text: &str,
    key: &Key<'_>,
    verdict: KeyVerdict,
    policy: &Policy,
    found: &mut Found,
) -> Option<usize> {
    if let Some(wrapper) = wrapper(text, key) {
        found.replace(wrapper.clone());
        return Some(wrapper.end);
    }
    let (range, form) = value(text, key, policy)?;
    let written = text.get(range.clone())?;
    if policy.placeholders().is_one(written) {
        return Some(range.end);
    }
    match form {
        Form::Quoted if is_empty_word(written) => None,
        Form::Quoted => {
            found.replace(range.clone());
            Some(range.end)
        }
        Form::Nested if written.len() <= 2 => None,
        Form::Nested => {
            found.replace_quoted(range.clone(), key.quote);
            Some(range.end)
        }
        Form::Bare => replace_bare(text, key, verdict, range, found),
    }
}

fn replace_bare(
    text: &str,
    key: &Key<'_>,
    verdict: KeyVerdict,
    range: Range<usize>,
    found: &mut Found,
) -> Option<usize> {
    let written = text.get(range.clone())?;
    let is_number = written.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_figure = written.bytes().all(|byte| byte.is_ascii_digit() || b"._-:".contains(&byte));
    let is_count = match verdict {
        KeyVerdict::SecretText => is_number,
        KeyVerdict::SecretOpaque => is_figure,
        KeyVerdict::Plain | KeyVerdict::SecretWord | KeyVerdict::Secret => false,
    };
    if is_empty_word(written) || is_count {
        return None;
    }
    if !key.quote.is_empty() {
        found.replace_quoted(range.clone(), key.quote);
        return Some(range.end);
    }
    let end = header_end(text, key, &range);
    let may_be_word = !key.is_assigned || verdict == KeyVerdict::SecretOpaque;
    if may_be_word && end == range.end && is_prose(written, verdict) {
        return None;
    }
    found.replace(range.start..end);
    Some(end)
}

/// Tells whether what follows `key:` reads as language.
fn is_prose(written: &str, verdict: KeyVerdict) -> bool {
    let word = written.trim_matches(|character: char| !character.is_alphanumeric());
    let is_letters = word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_number = word.len() >= DIGITS_MIN && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_word = is_letters && word.len() < WORD_BYTES_MAX;
    let is_short = written.len() < MIXED_BYTES_MIN && !is_number;
    let is_weak = verdict != KeyVerdict::Secret;
    PROSE.iter().any(|prose| prose.eq_ignore_ascii_case(word)) || (is_weak && (is_word || is_short))
}

/// Longest name of a wrapper: `secrecy::SecretBox`.
const WRAPPER_BYTES_MAX: usize = 32;

/// Returns a quoted value with what programs print around it: `Some("x")`, `Secret('x')`,
/// `['x', 'y']`, `("x",)`. The whole goes: more than one text may stand in it.
fn wrapper(text: &str, key: &Key<'_>) -> Option<Range<usize>> {
    if !key.quote.is_empty() {
        return None;
    }
    let bytes = text.as_bytes();
    let start = key.value_start;
    let window = bytes.get(..bytes.len().min(start + WRAPPER_BYTES_MAX)).unwrap_or(bytes);
    let open =
        run_end(window, start, |byte| byte.is_ascii_alphanumeric() || b"_:.".contains(&byte));
    if !matches!(at(bytes, open), Some(b'(' | b'[')) {
        return None;
    }
    let quote = run_end(bytes, open + 1, |byte| matches!(byte, b' ' | b'\\'));
    if !matches!(at(bytes, quote), Some(b'"' | b'\'')) {
        return None;
    }
    Some(start..bracketed_end(bytes, open))
}

/// Returns the end of a bracket, as programs print it: at its closing bracket outside of quotes,
/// and without one at the end of the text.
fn bracketed_end(bytes: &[u8], open: usize) -> usize {
    let (mut depth, mut quote) = (0_usize, None);
    let rest = bytes.get(open..).unwrap_or_default().iter().enumerate();
    for (offset, byte) in rest {
        match (*byte, quote) {
            (byte, Some(open_quote)) if byte == open_quote => quote = None,
            (_, Some(_)) => {}
            (b'"' | b'\'', None) => quote = Some(*byte),
            (b'(' | b'[', None) => depth += 1,
            (b')' | b']', None) => depth = depth.saturating_sub(1),
            (_, None) => {}
        }
        if depth == 0 && quote.is_none() {
            return open + offset + 1;
        }
    }
    bytes.len()
}

/// Longest name of a scheme of authentication, and shortest letters that are credentials.
const SCHEME_BYTES_MAX: usize = 20;
const CREDENTIALS_BYTES_MIN: usize = 16;

/// Tells whether a word behind `Authorization:` is a scheme: what follows has to look like
/// credentials where the scheme is not known.
fn is_scheme(text: &str, words: &Words, range: &Range<usize>) -> bool {
    let first = text.get(range.clone()).unwrap_or_default();
    if SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(first)) {
        return true;
    }
    let is_name = first.len() <= SCHEME_BYTES_MAX
        && first.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'));
    let is_prose = PROSE.iter().any(|prose| prose.eq_ignore_ascii_case(first));
    let rest = text.get(range.end..).unwrap_or_default();
    let next = rest.strip_prefix(' ').and_then(|rest| rest.split_ascii_whitespace().next());
    let is_credentials = next.is_some_and(|next| {
        next.len() >= CREDENTIALS_BYTES_MIN || next.bytes().any(|byte| byte.is_ascii_digit())
    });
    words.letters().ends_with("authorization") && is_name && !is_prose && is_credentials
}

/// Returns where the value of a header ends: a scheme takes its credentials along, a cookie the
/// cookies after it.
fn header_end(text: &str, key: &Key<'_>, range: &Range<usize>) -> usize {
    let bytes = text.as_bytes();
    let words = Words::of(key.name);
    let first = text.get(range.clone()).unwrap_or_default();
    if words.letters().ends_with("cookie") {
        return cookies_end(text, range.end);
    }
    if !is_scheme(text, &words, range) {
        return range.end;
    }
    let has_parameters = ["digest", "oauth", "hawk", "aws4-hmac-sha256"]
        .iter()
        .any(|scheme| scheme.eq_ignore_ascii_case(first));
    let mut end = range.end;
    loop {
        let start = run_end(bytes, end, |byte| byte == b' ');
        let word_end = run_end(bytes, start, |byte| {
            !byte.is_ascii_whitespace() && (has_parameters || !matches!(byte, b'"' | b'\'' | b'\\'))
        });
        let word = text.get(start..word_end).unwrap_or_default();
        // `auth=basic user=ada`: the next key is no credential; base64 ends with equals signs.
        let is_key = !has_parameters && word.trim_end_matches('=').contains('=');
        if word.is_empty() || start == end || is_key || (has_parameters && !word.contains('=')) {
            return end;
        }
        end = start + word.trim_end_matches([';', ')', ']', '}', '.']).len();
        if !has_parameters || !word.ends_with(',') {
            return end.max(range.end);
        }
    }
}

/// Returns where a list of cookies ends, `a=1; b=2; Path=/`.
fn cookies_end(text: &str, first_end: usize) -> usize {
    let bytes = text.as_bytes();
    let mut end = first_end;
    while let (Some(b';'), Some(b' ')) = (at(bytes, end), at(bytes, end + 1)) {
        let next = run_end(bytes, end + 2, |byte| {
            !byte.is_ascii_whitespace() && !matches!(byte, b';' | b'"' | b'\'' | b'\\')
        });
        if next == end + 2 {
            break;
        }
        end = next;
    }
    end
}

/// Before a flag. Making the searcher costs more than most searches.
static DASHES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"--"));

/// Command-line flags, `--password hunter2`.
fn find_flags(text: &str, policy: &Policy, found: &mut Found) {
    let bytes = text.as_bytes();
    for dashes in DASHES.find_iter(bytes) {
        let start = dashes + 2;
        let is_start =
            before(bytes, dashes).is_none_or(|byte| !byte.is_ascii_alphanumeric() && byte != b'-');
        let end = run_end(bytes, start, |byte| {
            byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
        });
        if !is_start || start == end || at(bytes, end) != Some(b' ') {
            continue;
        }
        let name = text.get(start..end).unwrap_or_default();
        let value_end = run_end(bytes, end + 1, |byte| {
            !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b'`')
        });
        let value = text.get(end + 1..value_end).unwrap_or_default();
        let is_placeholder = policy.placeholders().is_one(value);
        let is_value = !value.is_empty() && !value.starts_with('-') && !is_placeholder;
        if is_value && policy.keys().verdict(name) == KeyVerdict::Secret {
            found.replace(end + 1..value_end);
        }
    }
}

/// Longest tag that is read.
const TAG_BYTES_MAX: usize = 256;

/// Elements of XML, `<wsse:Password Type="x">hunter2</wsse:Password>`.
fn find_elements(text: &str, policy: &Policy, found: &mut Found) {
    let bytes = text.as_bytes();
    for open in memchr_iter(b'<', bytes) {
        let window = bytes.get(..bytes.len().min(open + TAG_BYTES_MAX)).unwrap_or(bytes);
        let name_end = run_end(window, open + 1, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-' | b'.')
        });
        if !matches!(at(bytes, name_end), Some(b'>' | b' ')) {
            continue;
        }
        let Some(tag) = text.get(open + 1..name_end) else { continue };
        let name = tag.rsplit(':').next().unwrap_or(tag);
        if name.is_empty() || !policy.keys().verdict(name).is_secret() {
            continue;
        }
        let close = run_end(window, name_end, |byte| !matches!(byte, b'>' | b'<'));
        let value_end = run_end(bytes, close + 1, |byte| byte != b'<');
        let value = text.get(close + 1..value_end).unwrap_or_default();
        let is_element = at(bytes, close) == Some(b'>') && at(bytes, value_end) == Some(b'<');
        let is_placeholder = policy.placeholders().is_one(value);
        if is_element && !value.trim().is_empty() && !is_placeholder {
            found.replace(close + 1..value_end);
        }
    }
}

/// Remembers a secret key that a pair has just named: the value of the pair is a secret.
#[derive(Default)]
struct PairState {
    secret_named_until: usize,
}

/// Longest name that a pair is read for.
const NAME_BYTES_MAX: usize = 80;

/// What may stand between the two halves of a pair: `", "value` with its backslashes.
const PAIR_GAP_BYTES: usize = 16;

impl PairState {
    fn remember(&mut self, text: &str, key: &Key<'_>, policy: &Policy) {
        if key.quote.is_empty() || !is_pair_name(key.name) {
            return;
        }
        let Some((range, Form::Quoted)) = short_value(text, key, NAME_BYTES_MAX, policy) else {
            return;
        };
        let names_secret =
            text.get(range.clone()).is_some_and(|name| policy.keys().verdict(name).is_secret());
        if names_secret {
            self.secret_named_until = range.end + PAIR_GAP_BYTES;
        }
    }

    fn is_value_of_secret(&self, key: &Key<'_>) -> bool {
        key.start <= self.secret_named_until && is_pair_value(key.name)
    }
}

#[cfg(test)]
mod tests;
