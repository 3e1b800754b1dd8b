//! Typed values out of the merged tree: each getter says what is allowed, notes a problem where
//! the value is something else, and goes on with a value that is allowed, so that all problems
//! are found in one pass.

use std::ops::RangeInclusive;
use std::time::Duration;

use figment::value::{Dict, Value};
use serde::de::DeserializeOwned;
use tierlog_model::keys::{self, parse_duration, show_duration};

use super::fault::{ConfigError, ConfigFault, nearest};
use super::layers::Layers;

/// Tables under which further tables may stand, each with the keys of its siblings.
const OPEN_TABLES: [&str; 2] = ["store.tiers", "listeners"];

pub(super) struct Reader<'l> {
    layers: &'l Layers,
    problems: Vec<ConfigFault>,
    /// The value of every key by the whole name; the default in place of a refused value.
    flat: Dict,
}

impl<'l> Reader<'l> {
    pub(super) fn new(layers: &'l Layers) -> Reader<'l> {
        let flat = flatten(layers);
        let mut reader = Reader { layers, problems: Vec::new(), flat };
        reader.refuse_unknown("", &layers.values, &layers.default);
        reader
    }

    /// Fails with every problem.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        if self.problems.is_empty() { Ok(()) } else { Err(ConfigError(self.problems)) }
    }

    /// Reads settings whose fields declare keys (see [`tierlog_model::keys`]).
    pub(super) fn settings<T: DeserializeOwned>(&mut self) -> T {
        // Each round mends a key, so there are at most as many rounds as keys.
        loop {
            let error = match Value::from(self.flat.clone()).deserialize::<T>() {
                Ok(settings) => return settings,
                Err(error) => error,
            };
            let key = error.path.join(".");
            self.refuse(&key, format!("allowed: {}", error.kind));
            let Some(default) = self.layers.get_default(&key) else { return keys::defaults() };
            self.flat.insert(key, default.clone());
        }
    }

    /// Notes that a key's value breaks a rule.
    pub(super) fn refuse(&mut self, key: &str, rule: impl Into<String>) {
        let value = self.layers.get(key).filter(|value| value.as_dict().is_none()).map(show);
        let origin = self.layers.origin_of(key);
        let fault = ConfigFault { key: key.to_owned(), value, origin, rule: rule.into() };
        // Further listeners read a wrong value of the default's once more.
        if !self.problems.contains(&fault) {
            self.problems.push(fault);
        }
    }

    pub(super) fn duration(&mut self, key: &str, range: RangeInclusive<Duration>) -> Duration {
        let (low, high) = range.into_inner();
        let rule = format!("duration, {} to {}", show_duration(low), show_duration(high));
        self.read(key, &rule, low, |value| {
            let duration = value.as_str().and_then(parse_duration)?;
            (low..=high).contains(&duration).then_some(duration)
        })
    }

    pub(super) fn count(&mut self, key: &str, range: RangeInclusive<u64>) -> u64 {
        let (low, high) = range.into_inner();
        self.read(key, &format!("{low} to {high}"), low, |value| {
            // A number keeps the sign that its text's type has: both kinds come.
            let signed = || value.to_i128().and_then(|count| u64::try_from(count).ok());
            let unsigned = value.to_u128().and_then(|count| u64::try_from(count).ok());
            let count = unsigned.or_else(signed)?;
            (low..=high).contains(&count).then_some(count)
        })
    }

    /// Reads one of some words.
    pub(super) fn word<T: Copy>(&mut self, key: &str, words: &[(&str, T)], otherwise: T) -> T {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let rule = match names.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        };
        self.read(key, &rule, otherwise, |value| {
            let text = value.as_str()?;
            words.iter().find(|(name, _)| *name == text).map(|(_, meaning)| *meaning)
        })
    }

    /// Reads a text that `parse` understands.
    pub(super) fn text<T>(
        &mut self,
        key: &str,
        rule: &str,
        otherwise: T,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        self.read(key, rule, otherwise, |value| match value {
            Value::String(_, text) => parse(text),
            // Digits on the command line arrive as a number.
            Value::Num(_, _) => parse(&show(value)),
            Value::Char(_, _)
            | Value::Bool(_, _)
            | Value::Empty(_, _)
            | Value::Dict(_, _)
            | Value::Array(_, _) => None,
        })
    }

    /// Reads a list whose every item `parse` understands.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        rule: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        self.read(key, rule, Vec::new(), |value| {
            value.as_array()?.iter().map(|item| item.as_str().and_then(&parse)).collect()
        })
    }

    /// Tells whether a layer gives a key a value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.layers.get(key).is_some()
    }

    /// Returns the names of the tables directly under a table.
    pub(super) fn tables(&self, key: &str) -> Vec<String> {
        let Some(dict) = self.layers.get(key).and_then(Value::as_dict) else { return Vec::new() };
        let tables = dict.iter().filter(|(_, value)| value.as_dict().is_some());
        tables.map(|(name, _)| name.clone()).collect()
    }

    fn read<T>(
        &mut self,
        key: &str,
        rule: &str,
        otherwise: T,
        parse: impl FnOnce(&Value) -> Option<T>,
    ) -> T {
        match self.layers.get(key).map(parse) {
            Some(Some(value)) => value,
            Some(None) => {
                self.refuse(key, format!("allowed: {rule}"));
                otherwise
            }
            // Its table was overwritten by a value, which is a problem of its own already; or a
            // further table of an open one lacks the key.
            None => {
                if self.layers.get_default(key).is_none() {
                    self.refuse(key, format!("is missing; allowed: {rule}"));
                }
                otherwise
            }
        }
    }

    fn refuse_unknown(&mut self, prefix: &str, values: &Dict, known: &Dict) {
        for (name, value) in values {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            match (known.get(name), value) {
                (Some(Value::Dict(_, known)), Value::Dict(_, values)) => {
                    self.refuse_unknown(&key, values, known);
                }
                (Some(Value::Dict(_, _)), _) => self.refuse(&key, "is a table, not a value"),
                (Some(_), _) => {}
                (None, Value::Dict(_, values)) if OPEN_TABLES.contains(&prefix) => {
                    self.refuse_unknown(&key, values, &keys_of_tables(known));
                }
                (None, Value::Dict(_, values)) => {
                    // Each key of an unknown table is named, for a suggestion of its own.
                    self.refuse_unknown(&key, values, &Dict::new());
                }
                (None, _) => self.refuse_key(&key),
            }
        }
    }

    fn refuse_key(&mut self, key: &str) {
        let known = keys_of(&self.layers.default);
        let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
        let name = last(key);
        let same_name = known.iter().filter(|known| last(known) == name).collect::<Vec<_>>();
        let suggestion = match same_name.as_slice() {
            [only] => Some(only.as_str()),
            _ => nearest(key, known.iter().map(String::as_str)),
        };
        match suggestion {
            Some(known) => self.refuse(key, format!("no such key; did you mean {known}?")),
            None => self.refuse(key, "no such key; `tierlog config print --default` lists them"),
        }
    }
}

/// Returns the keys that any table of an open one has.
fn keys_of_tables(tables: &Dict) -> Dict {
    let tables = tables.values().filter_map(Value::as_dict);
    tables.flat_map(|table| table.clone()).collect()
}

/// Returns the value of every key by its whole name; the default's where a table has no such key.
fn flatten(layers: &Layers) -> Dict {
    let keys = keys_of(&layers.default).into_iter();
    let value = |key: &str| layers.get(key).or_else(|| layers.get_default(key)).cloned();
    keys.filter_map(|key| Some((key.clone(), value(&key)?))).collect()
}

/// Returns every dotted key of a tree.
pub(super) fn keys_of(dict: &Dict) -> Vec<String> {
    let mut keys = Vec::new();
    for (name, value) in dict {
        match value {
            Value::Dict(_, inner) => {
                keys.extend(keys_of(inner).into_iter().map(|key| format!("{name}.{key}")));
            }
            Value::String(_, _)
            | Value::Char(_, _)
            | Value::Bool(_, _)
            | Value::Num(_, _)
            | Value::Empty(_, _)
            | Value::Array(_, _) => keys.push(name.clone()),
        }
    }
    keys
}

/// Writes a value as TOML.
pub(super) fn show(value: &Value) -> String {
    toml::Value::try_from(value).map_or_else(|_| "?".to_owned(), |value| value.to_string())
}
