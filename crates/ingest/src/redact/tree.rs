//! Arrays, and objects inside them: the walk, value by value, keys included.
//!
//! Arrives: the compact JSON text of a field. Leaves: the same without personal data, or nothing
//! when the text was clean. A number that is a card becomes text, so the result is JSON again.
//! JSON inside strings is read as text by the detectors, which know its quotes.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::claim::Claims;
use super::key_pairs::{is_pair_name, is_pair_value};
use super::name_facts::NameFacts;
use super::scope::Scope;
use super::tally::Tally;
use super::unique_names::UniqueNames;
use super::walk::{Place, Walk};
use super::whole::Whole;

/// Returns the redacted JSON text of a field, or `None` when nothing had to be replaced.
///
/// The field's name is given as it was written and as it is kept.
pub(super) fn redact(
    walk: &mut Walk<'_>,
    names: [&str; 2],
    text: &str,
    facts: NameFacts,
) -> Option<String> {
    let may_hold_known_key =
        facts.covers_below || walk.engine.may_hold_known_key(text) || walk.tally.scope.is_some();
    if !may_hold_known_key && facts.claims.asking().is_empty() && walk.engine.is_clean(text) {
        return None;
    }
    // Text that is no JSON cannot be walked, and nests too deep for it: it is read as text.
    let Ok(mut value) = serde_json::from_str::<Value>(text) else {
        return walk.engine.redact_field(text, facts.claims, walk.tally);
    };
    let mut tree = Tree { walk, paths: names.map(str::to_owned), has_changed: false };
    tree.value(&mut value, facts);
    let has_changed = tree.has_changed;
    let is_ruled = walk.tally.scope.is_some();
    let walked = if has_changed || is_ruled { serde_json::to_string(&value).ok() } else { None };
    if is_ruled {
        // The rules have said what becomes of each member; one rule for all of them is none. What
        // was written anew holds each key once, and no more than the walk has seen.
        let mut unheard = Tally::default();
        let is_whole =
            has_changed || walk.engine.redact_field(text, facts.claims, &mut unheard).is_some();
        return walked.filter(|_| is_whole);
    }
    // Of a key that stands twice the walk sees one value; the text still holds both.
    let text = walked.as_deref().unwrap_or(text);
    walk.engine.redact_field(text, facts.claims, walk.tally).or(walked)
}

/// Returns the JSON text of a covered field with the pseudonyms of its scalars.
pub(super) fn pseudonymise(
    walk: &mut Walk<'_>,
    identity: u16,
    names: [&str; 2],
    text: &str,
) -> Option<String> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    let mut tree = Tree { walk, paths: names.map(str::to_owned), has_changed: false };
    tree.ids(&mut value, identity);
    if tree.has_changed { serde_json::to_string(&value).ok() } else { None }
}

/// How much of a key joins the path: one endless key must not make the members below it slow.
const KEY_BYTES_MAX: usize = 256;

struct Tree<'t, 'w> {
    walk: &'t mut Walk<'w>,
    /// Dotted path of the value that is visited, from the field's name: as it was written, and
    /// as it will be once its keys are redacted. What either says about the value holds.
    paths: [String; 2],
    has_changed: bool,
}

/// Whether a member stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Kept,
    Dropped,
}

impl Tree<'_, '_> {
    /// Visits a value; the facts are those of the path.
    fn value(&mut self, value: &mut Value, facts: NameFacts) {
        if self.walk.tally.scope.is_some() && self.walk.field_rule(value) {
            self.has_changed = true;
            return;
        }
        if let Some(identity) = facts.covered {
            return self.ids(value, identity);
        }
        if self.walk.judge(value, facts.claims) {
            self.has_changed = true;
            return;
        }
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(_) => {
                self.walk.number(value, facts.claims);
                self.has_changed |= value.is_string();
            }
            Value::String(text) => {
                let (engine, tally) = (self.walk.engine, &mut *self.walk.tally);
                if let Some(redacted) = engine.redact_field(text, facts.claims, tally) {
                    self.replace(value, redacted);
                }
            }
            Value::Array(items) => self.array(items, facts),
            Value::Object(members) => self.object(members, facts),
        }
    }

    fn array(&mut self, items: &mut [Value], facts: NameFacts) {
        for item in items {
            let spelled = self.spelled_by_first(item);
            match item {
                // A list of pairs: `[["cookie", "a=1"], ...]`.
                Value::Array(pair) if !spelled.asking().is_empty() => {
                    for (item, claims) in pair.iter_mut().zip([Claims::SILENT, spelled]) {
                        self.value(item, facts.spelled(claims, self.walk.engine));
                    }
                }
                _ => self.value(item, facts),
            }
        }
    }

    /// Returns what the first of two elements says as the name of the second.
    fn spelled_by_first(&self, item: &Value) -> Claims {
        let pair = item.as_array().map(Vec::as_slice);
        let Some([Value::String(name), _]) = pair else { return Claims::SILENT };
        self.walk.spelled(name)
    }

    fn object(&mut self, members: &mut Map<String, Value>, facts: NameFacts) {
        let spelled = members
            .iter()
            .filter(|(key, _)| is_pair_name(key))
            // Of a path to a field, its last element is the field.
            .filter_map(|(_, value)| match value {
                Value::Array(path) => path.last().and_then(Value::as_str),
                value => value.as_str(),
            })
            .fold(Claims::SILENT, |claims, name| claims.stricter(self.walk.spelled(name)));
        let mut dropped: Vec<String> = Vec::new();
        let named = members
            .iter()
            .filter_map(|(key, value)| value.as_str().filter(|_| is_pair_name(key)))
            .find_map(|name| self.walk.engine.policy().covered(name));
        for (key, value) in members.iter_mut() {
            let parents_bytes = self.paths.each_ref().map(String::len);
            let redacted = self.walk.engine.redact(key, &mut Default::default());
            let keys = [key.as_str(), redacted.as_deref().unwrap_or(key)];
            for (path, key) in self.paths.iter_mut().zip(keys) {
                path.push('.');
                path.push_str(
                    key.get(..key.floor_char_boundary(KEY_BYTES_MAX)).unwrap_or_default(),
                );
            }
            let mut of_member = self.facts_of_path();
            if is_pair_value(key) {
                of_member = of_member.spelled(spelled, self.walk.engine);
                of_member.covered = of_member.covered.or(named);
            }
            if self.member(value, of_member) == Member::Dropped {
                dropped.push(key.clone());
            }
            for (path, parent_bytes) in self.paths.iter_mut().zip(parents_bytes) {
                path.truncate(parent_bytes);
            }
        }
        if let Some(scope) = self.walk.tally.scope.as_deref_mut() {
            let [written, _] = &self.paths;
            scope.begin_field(written);
            members.retain(|key, _| !dropped.contains(key));
        }
        self.keys(members, facts);
    }

    /// Visits the member whose path is set; tells whether a rule leaves it out.
    fn member(&mut self, value: &mut Value, facts: NameFacts) -> Member {
        if let Some(scope) = self.walk.tally.scope.as_deref_mut() {
            let [written, _] = &self.paths;
            scope.begin_field(written);
        }
        let noted = self.walk.noted_before();
        self.value(value, facts);
        let scope = self.walk.tally.scope.as_deref_mut();
        match scope.is_some_and(Scope::take_dropped_field) {
            true => {
                self.walk.tally.tokens.note_only(noted);
                Member::Dropped
            }
            false => Member::Kept,
        }
    }

    /// Returns what the path says, in both of its forms together.
    fn facts_of_path(&mut self) -> NameFacts {
        let [written, kept] = &self.paths;
        let facts = self.walk.facts(written);
        if written == kept { facts } else { facts.stricter(self.walk.facts(kept)) }
    }

    /// Replaces the ids of a covered field by their tokens.
    fn ids(&mut self, value: &mut Value, identity: u16) {
        if self.walk.tally.scope.is_some() && self.walk.id_rule(value) {
            self.has_changed = true;
            return;
        }
        let policy = self.walk.engine.policy();
        let id = match value {
            Value::Null | Value::Bool(_) => return,
            Value::Number(number) => Cow::Owned(number.to_string()),
            Value::String(text) if text.is_empty() || policy.placeholders().is_one(text) => return,
            Value::String(text) => Cow::Borrowed(text.as_str()),
            Value::Array(items) => {
                items.iter_mut().for_each(|item| self.ids(item, identity));
                return;
            }
            Value::Object(members) => {
                let facts = self.facts_of_path();
                return self.object(members, facts);
            }
        };
        let tokens = &mut self.walk.tally.tokens;
        let Some(token) = tokens.token(policy, identity, &id) else { return };
        let [_, kept] = &self.paths;
        if policy.identity(identity) != Some(kept) {
            tokens.note(&token);
        }
        if *token != *id {
            self.walk.explain_token(&token);
            self.replace(value, token);
        }
    }

    /// Redacts keys, which are text too: an address may be one, and below a covered field an id.
    fn keys(&mut self, members: &mut Map<String, Value>, facts: NameFacts) {
        let engine = self.walk.engine;
        let policy = engine.policy();
        let token_of = |key: &str| policy.token_of_key(facts.covered?, key);
        if members.keys().all(|key| engine.is_clean(key) && token_of(key).is_none()) {
            return;
        }
        let old = std::mem::take(members);
        let mut names = UniqueNames::of(old.keys().map(String::as_str));
        for (key, value) in old {
            let redacted = token_of(&key).or_else(|| engine.redact(&key, self.walk.tally));
            let key = match redacted {
                Some(redacted) => {
                    self.has_changed = true;
                    self.walk.tally.tokens.note_in_name(&redacted);
                    names.take(redacted)
                }
                None => key,
            };
            members.insert(key, value);
        }
    }

    fn replace(&mut self, value: &mut Value, text: String) {
        *value = Value::String(text);
        self.has_changed = true;
    }
}

impl Place for Value {
    fn whole(&self) -> Option<Whole<'_>> {
        Some(match self {
            Value::Null => return None,
            Value::Bool(_) => Whole::Flag,
            Value::Number(number) => {
                let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
                match (magnitude, number.as_f64()) {
                    (Some(magnitude), _) => Whole::Number(magnitude),
                    (None, Some(float)) => Whole::of_float(float),
                    (None, None) => Whole::Fraction(f64::NAN),
                }
            }
            Value::String(text) if text.is_empty() => return None,
            Value::String(text) => Whole::Text(text),
            Value::Array(items) if items.is_empty() => Whole::EmptyNested,
            Value::Object(members) if members.is_empty() => Whole::EmptyNested,
            Value::Array(_) | Value::Object(_) => Whole::Nested,
        })
    }

    fn put(&mut self, text: Cow<'static, str>) {
        *self = Value::String(text.into_owned());
    }
}
