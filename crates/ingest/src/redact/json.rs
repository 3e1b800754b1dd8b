//! Arrays, and objects inside them: walked value by value, keys included.
//!
//! Arrives: the compact JSON text of a field. Leaves: the same with its secrets replaced, or
//! nothing when it was clean. A number that is a card becomes text, so the result is JSON again.
//! JSON inside strings is read as text by the detectors, which know its quotes.

use serde_json::{Map, Number, Value};

use super::detector::{
    CARD_PLACEHOLDER, Card, PHONE_PLACEHOLDER, Phone, SECRET_PLACEHOLDER, SecretKey,
    is_card_number, is_pair_name, is_pair_value, is_phone_key, is_phone_number,
};
use super::engine::{Engine, Tally};
use super::keys::KeyVerdict;
use super::names::UniqueNames;
use super::number_use::NumberUse;

/// Returns the redacted JSON text of a field, or `None` when nothing had to be replaced.
///
/// The field's name is given as it was written and as it is kept.
pub(super) fn redact(
    engine: &Engine,
    names: [&str; 2],
    text: &str,
    tally: &mut Tally,
) -> Option<String> {
    let may_hold_secret_key = engine.policy().keys().is_candidate(text);
    if !may_hold_secret_key && engine.is_clean(text) {
        return None;
    }
    // Text that is no JSON cannot be walked, and nests too deep for it: it is read as text.
    let number_use = number_use_of(&names.map(str::to_owned));
    let Ok(mut value) = serde_json::from_str::<Value>(text) else {
        return engine.redact_field(text, number_use, tally);
    };
    let mut walk = Walk { engine, tally, paths: names.map(str::to_owned), has_changed: false };
    walk.value(&mut value);
    let walked = if walk.has_changed { serde_json::to_string(&value).ok() } else { None };
    // Of a key that stands twice the walk sees one value; the text still holds both.
    let read = engine.redact_field(walked.as_deref().unwrap_or(text), number_use, tally);
    read.or(walked)
}

/// Returns the pseudonyms of the scalars of a covered field's array.
pub(super) fn pseudonymise(engine: &Engine, field: &str, text: &str) -> Option<String> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    let mut tally = Tally::default();
    let paths = [field.to_owned(), field.to_owned()];
    let mut walk = Walk { engine, tally: &mut tally, paths, has_changed: false };
    walk.ids(&mut value, field);
    if walk.has_changed { serde_json::to_string(&value).ok() } else { None }
}

/// How much of a key joins the path, so that one endless key does not make its members slow.
const KEY_BYTES_MAX: usize = 256;

struct Walk<'e, 't> {
    engine: &'e Engine,
    tally: &'t mut Tally,
    /// Dotted path of the value that is visited, from the field's name: as it was written, and
    /// as it will be once its keys are redacted. What either says about the value holds.
    paths: [String; 2],
    has_changed: bool,
}

impl Walk<'_, '_> {
    fn value(&mut self, value: &mut Value) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => {
                if let Some(card) = self.engine.active_position(&Card)
                    && is_card(number, number_use_of(&self.paths))
                {
                    self.tally.note(card);
                    self.replace(value, CARD_PLACEHOLDER.to_owned());
                }
            }
            Value::String(text) if self.engine.is_clean(text) => {}
            Value::String(text) => {
                let number_use = number_use_of(&self.paths);
                if let Some(redacted) = self.engine.redact_field(text, number_use, self.tally) {
                    self.replace(value, redacted);
                }
            }
            Value::Array(items) => self.array(items),
            Value::Object(members) => self.object(members),
        }
    }

    fn array(&mut self, items: &mut [Value]) {
        for item in items {
            match item {
                // A list of pairs: `[["cookie", "a=1"], ...]`.
                Value::Array(pair) if self.names_secret(pair) => {
                    if let Some(secret) = pair.get_mut(1) {
                        self.secret(secret, KeyVerdict::Secret);
                    }
                }
                _ => self.value(item),
            }
        }
    }

    fn names_secret(&self, pair: &[Value]) -> bool {
        let [Value::String(name), _] = pair else { return false };
        self.engine.spells_secret(name)
    }

    fn object(&mut self, members: &mut Map<String, Value>) {
        let names_secret = members.iter().any(|(key, value)| {
            let name = value.as_str().filter(|_| is_pair_name(key));
            name.is_some_and(|name| self.engine.spells_secret(name))
        });
        for (key, value) in members.iter_mut() {
            let parents_bytes = self.paths.each_ref().map(String::len);
            let redacted = self.engine.redact(key, &mut Tally::default());
            let keys = [key.as_str(), redacted.as_deref().unwrap_or(key)];
            for (path, key) in self.paths.iter_mut().zip(keys) {
                path.push('.');
                path.push_str(
                    key.get(..key.floor_char_boundary(KEY_BYTES_MAX)).unwrap_or_default(),
                );
            }
            if names_secret && is_pair_value(key) {
                self.secret(value, KeyVerdict::Secret);
            } else {
                self.member(value);
            }
            for (path, parent_bytes) in self.paths.iter_mut().zip(parents_bytes) {
                path.truncate(parent_bytes);
            }
        }
        self.keys(members);
    }

    /// Visits the value at the current path.
    fn member(&mut self, value: &mut Value) {
        let policy = self.engine.policy();
        let [_, kept] = &self.paths;
        if let Some(field) = policy.covered_field(kept) {
            let field = field.to_owned();
            self.ids(value, &field);
            return;
        }
        if self.paths.iter().any(|path| is_phone_key(path)) && self.phone(value) {
            return;
        }
        let verdicts = self.paths.iter().map(|path| policy.keys().verdict(path));
        match verdicts.max().unwrap_or(KeyVerdict::Plain) {
            KeyVerdict::Plain => self.value(value),
            verdict => self.secret(value, verdict),
        }
    }

    /// Replaces a telephone number; tells whether it was one.
    fn phone(&mut self, value: &mut Value) -> bool {
        let Some(position) = self.engine.active_position(&Phone) else { return false };
        let is_number = match value {
            Value::Number(number) => is_phone_number(&number.to_string()),
            Value::String(text) => is_phone_number(text),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        };
        if is_number {
            self.tally.note(position);
            self.replace(value, PHONE_PLACEHOLDER.to_owned());
        }
        is_number
    }

    /// Replaces a value that its key calls a secret.
    fn secret(&mut self, value: &mut Value, verdict: KeyVerdict) {
        let is_kept = match value {
            Value::Null => true,
            Value::Bool(_) | Value::Number(_) => verdict == KeyVerdict::SecretText,
            Value::String(text) => text.is_empty() || super::registry::is_placeholder(text),
            Value::Array(items) => items.is_empty(),
            Value::Object(members) => members.is_empty(),
        };
        match self.engine.active_position(&SecretKey) {
            Some(position) if !is_kept => {
                self.tally.note(position);
                self.replace(value, SECRET_PLACEHOLDER.to_owned());
            }
            _ => self.value(value),
        }
    }

    /// Replaces the ids of a covered field by their tokens.
    fn ids(&mut self, value: &mut Value, field: &str) {
        let id = match value {
            Value::Null | Value::Bool(_) => return,
            Value::Number(number) => number.to_string(),
            Value::String(text) if text.is_empty() || super::registry::is_placeholder(text) => {
                return;
            }
            Value::String(text) => text.clone(),
            Value::Array(items) => {
                items.iter_mut().for_each(|item| self.ids(item, field));
                return;
            }
            Value::Object(members) => return self.object(members),
        };
        match self.engine.policy().token(field, &id) {
            Some(token) if token != id => self.replace(value, token),
            _ => {}
        }
    }

    /// Keys are text too: an address may be one, and below a covered field an id.
    fn keys(&mut self, members: &mut Map<String, Value>) {
        let policy = self.engine.policy();
        let [_, kept] = &self.paths;
        let field = policy.covered_field(kept);
        let token_of = |key: &str| policy.token_of_key(field?, key);
        if members.keys().all(|key| self.engine.is_clean(key) && token_of(key).is_none()) {
            return;
        }
        let old = std::mem::take(members);
        let mut names = UniqueNames::of(old.keys().map(String::as_str));
        for (key, value) in old {
            let redacted = token_of(&key).or_else(|| self.engine.redact(&key, self.tally));
            let key = match redacted {
                Some(redacted) => {
                    self.has_changed = true;
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

/// Returns what a path says about numbers, in both of its forms together.
fn number_use_of(paths: &[String; 2]) -> NumberUse {
    let [written, kept] = paths;
    let told = NumberUse::of_name(written);
    if written == kept { told } else { told.max(NumberUse::of_name(kept)) }
}

fn is_card(number: &Number, number_use: NumberUse) -> bool {
    let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
    match magnitude {
        Some(magnitude) => is_card_number(magnitude, number_use),
        None => number.as_f64().is_some_and(|number| is_card_float(number, number_use)),
    }
}

/// Tells whether a float is the whole number of a card; floats hold up to 16 digits exactly.
pub(super) fn is_card_float(number: f64, number_use: NumberUse) -> bool {
    let magnitude = number.abs();
    let is_whole = magnitude.fract() == 0.0 && magnitude < 1e17;
    is_whole && is_card_number(magnitude as u64, number_use)
}
