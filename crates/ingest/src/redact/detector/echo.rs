//! Values whose key stands beside them as a value: `{"name": "password", "value": "x"}`,
//! `{"loc": ["body", "password"], "input": "x"}`, a part of a form with `name="password"`.
//!
//! Validators echo what was refused beside the name of its field, in either order. The two stand in
//! one object: between them no brace opens or closes.

use std::ops::Range;

use memchr::{memchr, memchr2, memmem};

use super::boundary::{at, before};
use super::pair::Key;
use super::value::{Form, quoted, short_value};
use crate::redact::key_pairs::{is_pair_name, is_pair_value};
use crate::redact::policy::Policy;

/// Longest name that a pair is read for, and longest path to a name.
const NAME_BYTES_MAX: usize = 80;
const PATH_BYTES_MAX: usize = 256;

/// Most bytes between the two halves of a pair.
const GAP_BYTES_MAX: usize = 512;

/// What the keys of an object have said so far.
#[derive(Default)]
pub(super) struct Echo<'t> {
    /// A value that has no name yet.
    value: Option<Key<'t>>,
    /// Where the name of a secret ended.
    named_end: Option<usize>,
}

/// What a key completes.
pub(super) enum Completed<'t> {
    /// The value of this key is the secret.
    Pair(Key<'t>),
    /// The secret stands here.
    Part(Range<usize>),
}

impl<'t> Echo<'t> {
    /// Reads the next key of the text.
    pub(super) fn read(
        &mut self,
        text: &'t str,
        key: &Key<'t>,
        policy: &Policy,
    ) -> Option<Completed<'t>> {
        if is_pair_value(key.name) {
            if self.named_end.is_some_and(|end| is_one_object(text, end, key.start)) {
                return Some(Completed::Pair(key.clone()));
            }
            self.value = Some(key.clone());
            return None;
        }
        if !is_pair_name(key.name) {
            return None;
        }
        let name = named(text, key, policy)?;
        self.named_end = None;
        if !text.get(name.clone()).is_some_and(|name| policy.keys().verdict(name).is_secret()) {
            return None;
        }
        self.named_end = Some(name.end);
        if let Some(part) = part_of_form(text, key, name.end) {
            return Some(Completed::Part(part));
        }
        let value = self.value.take()?;
        is_one_object(text, value.value_start, key.start).then_some(Completed::Pair(value))
    }
}

/// Returns the name that a key holds: a text, or the last element of a path to a field.
fn named(text: &str, key: &Key<'_>, policy: &Policy) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    if !matches!(at(bytes, key.value_start), Some(b'[' | b'(')) {
        let (range, form) = short_value(text, key, NAME_BYTES_MAX, policy)?;
        return matches!(form, Form::Quoted | Form::Bare).then_some(range);
    }
    let end = text.floor_char_boundary(key.value_start + PATH_BYTES_MAX);
    let window = text.get(key.value_start..end)?;
    let close = memchr2(b']', b')', window.as_bytes())?;
    let path = window.get(..close)?;
    let path = path.trim_end_matches([' ', '\n', ',', '"', '\'', '\\']);
    let start = path.rfind(['"', '\''])? + 1;
    Some(key.value_start + start..key.value_start + path.len())
}

/// Tells whether two places lie in one object.
fn is_one_object(text: &str, start: usize, end: usize) -> bool {
    let gap = text.as_bytes().get(start..end);
    gap.is_some_and(|gap| gap.len() <= GAP_BYTES_MAX && memchr2(b'{', b'}', gap).is_none())
}

/// Most lines of headers of a part, and how long each is.
const HEADERS_MAX: usize = 8;
const HEADER_BYTES_MAX: usize = 512;

/// How far before its name the kind of a part stands.
const KIND_BYTES: usize = 128;

/// Returns the content of the part of a form whose name ends at a position.
fn part_of_form(text: &str, key: &Key<'_>, name_end: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let kind = bytes.get(key.start.saturating_sub(KIND_BYTES)..key.start)?;
    memmem::find(kind, b"form-data")?;
    let mut line = name_end;
    for _ in 0..HEADERS_MAX {
        let window = bytes.get(line..bytes.len().min(line + HEADER_BYTES_MAX))?;
        line += memchr(b'\n', window)? + 1;
        let rest = text.get(line..)?;
        let blank = rest.strip_prefix('\r').unwrap_or(rest);
        if let Some(content) = blank.strip_prefix('\n') {
            let start = text.len() - content.len();
            let length = memmem::find(content.as_bytes(), b"\n--").unwrap_or(content.len());
            let content = content.get(..length)?.trim_end_matches(['\r', '\n']);
            return Some(start..start + content.len());
        }
    }
    None
}

/// Longest line of a field's name that a validator prints above what it refused.
const FIELD_LINE_BYTES_MAX: usize = 96;

/// Returns the name of the field on the line above a refusal, with the value that was refused:
/// `password\n  Too short [type=string_too_short, input_value='x', input_type=str]`.
pub(super) fn refused(text: &str) -> impl Iterator<Item = (&str, Range<usize>)> {
    const VALUE: &str = "input_value=";
    memmem::find_iter(text.as_bytes(), VALUE).filter_map(|place| {
        let start = place + VALUE.len();
        let value = quoted(text, start)?;
        let above = text.get(..place)?.rfind('\n')?;
        let name = text.get(..above)?;
        let line = name.get(name.rfind('\n').map_or(0, |end| end + 1)..)?;
        let is_path = line.len() <= FIELD_LINE_BYTES_MAX && !line.contains(' ');
        let is_refusal = before(text.as_bytes(), place) != Some(b'_');
        (is_path && is_refusal).then_some((line.trim_end(), value))
    })
}

#[cfg(test)]
mod tests {
    use tierlog_model::Pseudonyms;

    use super::super::check::policy;
    use super::super::pair::keys;
    use super::super::value::value;
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let policy = policy(&Pseudonyms::off());
        let mut echo = Echo::default();
        let mut found = Vec::new();
        for key in keys(text) {
            let range = match echo.read(text, &key, &policy) {
                Some(Completed::Pair(key)) => value(text, &key, &policy).expect("a value").range,
                Some(Completed::Part(range)) => range,
                None => continue,
            };
            found.push(text.get(range).expect("whole characters"));
        }
        found.extend(refused(text).map(|(_, range)| text.get(range).expect("whole characters")));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_name_and_its_value_meet_in_one_object() {
        check(r#"{"name":"password","value":"x"},{"name":"page","value":"2"}"#, &["x"]);
        check(r#"{"value":"x","msg":"no","param":"password","location":"body"}"#, &["x"]);
        check(r#"{"loc":["body","password"],"msg":"short","input":"x"}"#, &["x"]);
        check("{ loc: ('body', 'password'), input: 'x' }", &["x"]);
        check(r#"{"field":"password","rejectedValue":"x"}"#, &["x"]);
        check("field=password value=x", &["x"]);
        check(r#"{"name":"page","value":"2"},{"name":"password"},{"value":"3"}"#, &[]);
    }

    #[test]
    fn parts_of_forms_and_refusals_are_read() {
        check("Content-Disposition: form-data; name=\"password\"\r\n\r\nx y\r\n--b--", &["x y"]);
        check("form-data; name=\"password\"\nContent-Type: text/plain\n\nx", &["x"]);
        check("form-data; name=\"page\"\n\nx", &[]);
        check(
            "1 error\nbody.password\n  Too short [type=a, input_value='x', input_type=str]",
            &["x"],
        );
    }
}
