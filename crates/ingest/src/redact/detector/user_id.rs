//! Ids of users inside a text: `user_id=4242` becomes `user_id=u_...`, `/users/4242` becomes
//! `/users/u_...`.
//!
//! Covers the fields that are pseudonymised, in every spelling of their keys (`userId`, `user.id`,
//! `"user": {"id": 42}`), and the templates of texts that are configured. The token is that of the
//! identity and is noted for the record, so a search for the id finds the line. A pseudonym is no
//! redaction, and is neither counted nor listed.

use std::ops::Range;

use super::Detector;
use super::boundary::{run_end, run_start};
use super::pair::{Key, keys_ending};
use super::tuple_pair::tuple_pairs;
use super::value::{Form, is_empty_word, short_value};
use crate::redact::canary::Canary;
use crate::redact::policy::Policy;
use crate::redact::span::{Found, Written};
use crate::redact::trigger::{Trigger, Words, class};

/// See the module.
pub(in crate::redact) struct UserId;

impl Detector for UserId {
    fn name(&self) -> &'static str {
        "user_id"
    }

    fn placeholder(&self) -> &'static str {
        "[USER_ID]"
    }

    fn about(&self) -> &'static str {
        "the field or key is one of an id that has a pseudonym"
    }

    fn canary(&self) -> Canary {
        Canary::NotByItself
    }

    fn trigger(&self) -> Trigger {
        // Every key has a separator. Configured words, which texts with ids have, say more.
        Trigger { classes: class::ASSIGN, ..Trigger::ANY }
    }

    fn words(&self, policy: &Policy) -> Words {
        policy.words_of_ids()
    }

    fn text(&self, text: &str, policy: &Policy, found: &mut Found) {
        if !policy.has_pseudonyms() {
            return;
        }
        find_keyed_ids(text, policy, found);
        for (column, range) in tuple_pairs(text) {
            let Some(identity) = policy.covered(column) else { continue };
            if let Some(id) = text.get(range.clone()).filter(|id| !is_empty_word(id)) {
                found.pseudonymise(policy, identity, Written::plain(id), range);
            }
        }
        for placed in policy.placed_ids(text) {
            let Some(written) = text.get(placed.range.clone()) else { continue };
            if !is_empty_word(written) {
                let written = Written { text: written, id: &placed.id, quote: "" };
                found.pseudonymise(policy, placed.identity, written, placed.range);
            }
        }
    }
}

fn find_keyed_ids(text: &str, policy: &Policy, found: &mut Found) {
    let mut floor = 0;
    for key in keys_ending(text, |byte| byte == b']' || policy.may_end_covered(byte)) {
        if key.value_start <= floor {
            continue;
        }
        let Some(identity) = covered(text, &key, policy) else { continue };
        let value = text.get(key.value_start..).unwrap_or_default();
        if policy.placeholders().at_start_of(value).is_some() {
            continue;
        }
        if value.starts_with('[') {
            floor = find_list(text, &key, identity, policy, found);
            continue;
        }
        let Some((range, form)) = short_value(text, &key, ID_BYTES_MAX, policy) else {
            continue;
        };
        floor = range.end;
        let range = match form {
            Form::Bare => id_range(text, range, policy),
            Form::Quoted | Form::Wrapped | Form::Nested | Form::Block | Form::Masked => range,
        };
        let Some(id) = text.get(range.clone()) else { continue };
        if is_empty_word(id) || policy.placeholders().is_one(id) {
            continue;
        }
        let is_json_number = form == Form::Bare && !key.quote.is_empty();
        let quote = if is_json_number { key.quote } else { "" };
        found.pseudonymise(policy, identity, Written { text: id, id, quote }, range);
    }
}

/// Longest list of ids that is read.
const LIST_BYTES_MAX: usize = 16 * 1_024;

/// Reads `user_id=[42, 43]` and `"user_id": ["42", "43"]`; returns where the list ends, as far as
/// it was read.
fn find_list(
    text: &str,
    key: &Key<'_>,
    identity: u16,
    policy: &Policy,
    found: &mut Found,
) -> usize {
    let window_end = text.ceil_char_boundary(key.value_start + LIST_BYTES_MAX);
    let Some(window) = text.get(..window_end) else { return key.value_start };
    let bytes = window.as_bytes();
    let is_space = |byte: u8| byte.is_ascii_whitespace();
    let mut position = key.value_start + 1;
    loop {
        position = run_end(bytes, position, |byte| is_space(byte) || byte == b',');
        let quote_start = position;
        position = run_end(bytes, position, |byte| matches!(byte, b'\\' | b'"' | b'\''));
        let quote = window.get(quote_start..position).unwrap_or_default();
        let rest = window.get(position..).unwrap_or_default();
        // A list that was cut ends with the text.
        let length = match quote {
            "" => rest.find(|c: char| c.is_whitespace() || ",[]{}".contains(c)),
            quote => rest.find(quote),
        };
        let length = length.unwrap_or(rest.len());
        if length == 0 {
            return position;
        }
        let range = position..position + length;
        position = range.end + quote.len();
        let Some(id) = text.get(range.clone()) else { return position };
        if !is_empty_word(id) && !policy.placeholders().is_one(id) {
            let is_json_number = quote.is_empty() && !key.quote.is_empty();
            let quote = if is_json_number { key.quote } else { "" };
            found.pseudonymise(policy, identity, Written { text: id, id, quote }, range);
        }
    }
}

/// Longest id that is read; no id of a person is nearly as long.
const ID_BYTES_MAX: usize = 1_024;

/// Returns the identity whose id a key, or a key within its object, names.
fn covered(text: &str, key: &Key<'_>, policy: &Policy) -> Option<u16> {
    policy.covered(key.name).or_else(|| {
        let parent = parent_key(text, key)?;
        policy.covered(&[parent, ".", key.name].concat())
    })
}

/// How far before a key its object, or the list of its object, may have been opened:
/// `"users": [{"name": "Ada", "id": 42}, {"id": 43}]`.
const OBJECT_BYTES_MAX: usize = 512;

/// Longest name of an object whose members are ids.
const PARENT_BYTES_MAX: usize = 32;

/// Returns the key of the object that directly holds a key, or of the list of objects. Only `id`
/// and its like are worth the look back.
fn parent_key<'t>(text: &'t str, key: &Key<'_>) -> Option<&'t str> {
    if key.quote.is_empty() || !key.name.eq_ignore_ascii_case("id") {
        return None;
    }
    let bytes = text.as_bytes();
    let floor = key.start.saturating_sub(OBJECT_BYTES_MAX);
    let object = opened_before(bytes, floor, key.start, b'{', b'}')?;
    let before = run_start(bytes, floor, object, |byte| byte.is_ascii_whitespace());
    let opened = match before.checked_sub(1).and_then(|last| bytes.get(last)) {
        Some(b'[' | b',') => opened_before(bytes, floor, object, b'[', b']')?,
        _ => object,
    };
    let is_between = |byte: u8| matches!(byte, b' ' | b':' | b'"' | b'\'' | b'\\');
    let name_end = run_start(bytes, opened.saturating_sub(16), opened, is_between);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let name_start = run_start(bytes, name_end.saturating_sub(PARENT_BYTES_MAX), name_end, is_name);
    text.get(name_start..name_end).filter(|name| !name.is_empty())
}

/// Returns where the bracket stands that is open before a position.
fn opened_before(bytes: &[u8], floor: usize, end: usize, open: u8, close: u8) -> Option<usize> {
    let mut closed = 0_usize;
    let window = bytes.get(floor..end)?;
    let mut backwards = window.iter().enumerate().rev();
    backwards.find_map(|(at, byte)| {
        match *byte {
            byte if byte == close => closed += 1,
            byte if byte == open && closed == 0 => return Some(floor + at),
            byte if byte == open => closed -= 1,
            _ => {}
        }
        None
    })
}

/// An id in running text is one word; what closes a call or a sentence is not part of it, nor is
/// what another detector put there.
fn id_range(text: &str, range: Range<usize>, policy: &Policy) -> Range<usize> {
    let written = text.get(range.clone()).unwrap_or_default();
    let ends = written.match_indices([',', ';', '&', ')', ']', '}', '|', '[']);
    let ends_id = |(at, end): &(usize, &str)| {
        let rest = text.get(range.start + at..).unwrap_or_default();
        *end != "[" || policy.placeholders().at_start_of(rest).is_some()
    };
    let length = ends.filter(|found| ends_id(found)).map(|(at, _)| at).next();
    range.start..range.start + length.unwrap_or(written.len())
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::pseudonyms_with;
    use super::super::check::{check_untouched, check_with};
    use super::*;

    #[test]
    fn ids_become_the_token_of_the_field() {
        let pseudonyms = pseudonyms_with(&["username={user_id}", "user {user_id}"]);
        let token = pseudonyms.token_in("user_id", "4242").expect("a key");
        let mail = pseudonyms.token_in("user_id", "ada@example.org").expect("a key");
        for (text, expected) in [
            ("user_id=4242", "user_id=T"),
            ("user_id: 4242, x", "user_id: T, x"),
            ("(userId=4242)", "(userId=T)"),
            ("user.id='4242'", "user.id='T'"),
            (r#"{"user_id": 4242}"#, r#"{"user_id": "T"}"#),
            (r#"{\"user_id\":\"4242\"}"#, r#"{\"user_id\":\"T\"}"#),
            (r#"{"user": {"name": "x", "id": 4242"#, r#"{"user": {"name": "x", "id": "T""#),
            ("user_id=ada@example.org", "user_id=M"),
            ("USER-ID=4242&x=1", "USER-ID=T&x=1"),
            ("user_id=T", "user_id=T"),
            (
                "user_id=null target_user_id=4242 owner=4242 id=4242",
                "user_id=null target_user_id=4242 owner=4242 id=4242",
            ),
            ("Key (course_id, user_id)=(7, 4242) exists", "Key (course_id, user_id)=(7, T) exists"),
            (r#"{"order": {"id": 4242}}"#, r#"{"order": {"id": 4242}}"#),
            (r#"{"user_id": {"id": 4242}}"#, r#"{"user_id": {"id": "T"}}"#),
            ("user_id=[4242, 4242] x", "user_id=[T, T] x"),
            (
                r#"{"user_id": [4242,"4242"], "n": [4242]}"#,
                r#"{"user_id": ["T","T"], "n": [4242]}"#,
            ),
            (r#"{\"user_id\":[\"4242\",4242]}"#, r#"{\"user_id\":[\"T\",\"T\"]}"#),
            ("user_id=[] user_id=[4242", "user_id=[] user_id=[T"),
            ("user_id=[CARD] user_id==[IBAN]", "user_id=[CARD] user_id==[IBAN]"),
            ("user_id=4242[CARD]", "user_id=T[CARD]"),
            ("user_id=4242.0 user_id=Ada@Example.ORG", "user_id=T user_id=M"),
            ("user_ids=[4242], username=4242", "user_ids=[T], username=T"),
            (
                r#"{"users": [{"id": 4242}, {"x": {}, "id": "4242"}], "o": [{"id": 4242}]}"#,
                r#"{"users": [{"id": "T"}, {"x": {}, "id": "T"}], "o": [{"id": 4242}]}"#,
            ),
            ("GET /users/4242/profile?user_id=4242", "GET /users/T/profile?user_id=T"),
            ("/users/ada%40example.org /user/4242.", "/users/M /user/T."),
            (
                "/users/me /users/4242abc user #4242, user 4242",
                "/users/me /users/4242abc user #T, user T",
            ),
            ("/users/T /users/U", "/users/T /users/T"),
        ] {
            let fill = |text: &str| {
                text.replace('T', &token)
                    .replace('M', &mail)
                    .replace("/U", &format!("/{}", token.to_uppercase()))
            };
            check_with(&UserId, &pseudonyms, &fill(text), &fill(expected));
        }
        check_untouched(&UserId, &["user_id=4242"]);
    }
}
