//! Keys of the configuration: where a key is declared, how its value is written, and which values
//! it may have.
//!
//! A key is a field of the settings of the room that uses it, and has no other declaration:
//!
//! ```
//! use tierlog_model::keys;
//!
//! #[derive(serde::Deserialize)]
//! struct Settings {
//!     /// Bytes of sealed partitions that are checked in a second.
//!     #[serde(
//!         rename = "store.scrub_rate",
//!         deserialize_with = "keys::size::<_, _, 0, { keys::GIB }>"
//!     )]
//!     scrub_bytes_per_second: u64,
//! }
//! assert_eq!(keys::defaults::<Settings>().scrub_bytes_per_second, 1 << 20);
//! ```
//!
//! The name is the whole dotted key; the settings are read from a flat table of all keys. The
//! default stands in `config/tierlog.toml` and nowhere else, beside unit, range and reason. A
//! function of this module reads the value, and its error is the rule for the value in words.

mod units;
mod value;

use std::sync::LazyLock;
use std::time::Duration;

use serde::Deserializer;
use serde::de::{DeserializeOwned, Error as _};

use crate::Level;
pub use units::{parse_duration, parse_size, show_duration, show_size};
use value::Value;

/// The default configuration, with every key.
pub const DEFAULT_TOML: &str = include_str!("../../../config/tierlog.toml");

/// Bytes of a kibibyte.
pub const KIB: u64 = 1 << 10;
/// Bytes of a mebibyte.
pub const MIB: u64 = 1 << 20;
/// Bytes of a gibibyte.
pub const GIB: u64 = 1 << 30;
/// Bytes of a tebibyte.
pub const TIB: u64 = 1 << 40;

/// Milliseconds of a second.
pub const SECOND: u64 = 1_000;
/// Milliseconds of a minute.
pub const MINUTE: u64 = 60 * SECOND;
/// Milliseconds of an hour.
pub const HOUR: u64 = 60 * MINUTE;
/// Milliseconds of a day.
pub const DAY: u64 = 24 * HOUR;
/// Milliseconds of a week.
pub const WEEK: u64 = 7 * DAY;

/// Every key of the default with its value.
static DEFAULTS: LazyLock<toml::Table> = LazyLock::new(|| {
    let tree: toml::Table = toml::from_str(DEFAULT_TOML).unwrap_or_default();
    let mut flat = toml::Table::new();
    flatten("", tree, &mut flat);
    flat
});

fn flatten(prefix: &str, tree: toml::Table, flat: &mut toml::Table) {
    for (name, value) in tree {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, flat),
            value @ (toml::Value::String(_)
            | toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_)
            | toml::Value::Array(_)) => drop(flat.insert(key, value)),
        }
    }
}

/// Returns settings as the default configuration has them.
pub fn defaults<T: DeserializeOwned>() -> T {
    let settings = T::deserialize(toml::Value::Table(DEFAULTS.clone()));
    settings.expect("the embedded configuration has every key, with a value that is allowed")
}

/// Reads a size in bytes, with its unit.
pub fn size<'de, D, T, const LOW: u64, const HIGH: u64>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    let rule = || format!("size, {} to {}", show_size(LOW), show_size(HIGH));
    let size = Value::read(deserializer)?.as_text().and_then(parse_size);
    let size =
        size.filter(|size| (LOW..=HIGH).contains(size)).and_then(|size| size.try_into().ok());
    size.ok_or_else(|| D::Error::custom(rule()))
}

/// Reads a duration, with its unit; the bounds are milliseconds.
pub fn duration<'de, D, const LOW: u64, const HIGH: u64>(
    deserializer: D,
) -> Result<Duration, D::Error>
where
    D: Deserializer<'de>,
{
    let (low, high) = (Duration::from_millis(LOW), Duration::from_millis(HIGH));
    let duration = Value::read(deserializer)?.as_text().and_then(parse_duration);
    duration.filter(|duration| (low..=high).contains(duration)).ok_or_else(|| {
        D::Error::custom(format!("duration, {} to {}", show_duration(low), show_duration(high)))
    })
}

/// Reads a whole number.
pub fn count<'de, D, T, const LOW: u64, const HIGH: u64>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    let count = Value::read(deserializer)?.as_count();
    let count =
        count.filter(|count| (LOW..=HIGH).contains(count)).and_then(|count| count.try_into().ok());
    count.ok_or_else(|| D::Error::custom(format!("{LOW} to {HIGH}")))
}

/// Reads `true` or `false`.
pub fn switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match Value::read(deserializer)? {
        Value::Switch(is_on) => Ok(is_on),
        Value::Text(_) | Value::Count(_) | Value::List(_) | Value::Other => {
            Err(D::Error::custom("true or false"))
        }
    }
}

/// Reads a level by name.
pub fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Level, D::Error> {
    words(deserializer, &Level::ALL.map(|level| (level.as_str(), level)))
}

/// Reads a list of field names.
pub fn field_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let name = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    list(deserializer, "list of field names", name)
}

/// Reads a list of places of ids, see [`crate::Identities`].
pub fn places<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let place = |text: &str| text.contains('{').then(|| text.to_owned());
    list(deserializer, "list of places of ids", place)
}

/// Reads a word out of a few.
pub fn words<'de, D, T>(deserializer: D, words: &[(&str, T)]) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Copy,
{
    let value = Value::read(deserializer)?;
    let found = value.as_text().and_then(|text| words.iter().find(|(name, _)| *name == text));
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        D::Error::custom(match names.split_last() {
            Some((last, others)) if !others.is_empty() => {
                format!("{} or {last}", others.join(", "))
            }
            Some(_) | None => names.concat(),
        })
    })
}

/// Reads a text that `parse` understands; digits on a command line arrive as a number.
pub fn text<'de, D, T>(
    deserializer: D,
    rule: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    let value = match Value::read(deserializer)? {
        Value::Text(text) => parse(&text),
        Value::Count(count) => parse(&count.to_string()),
        Value::Switch(_) | Value::List(_) | Value::Other => None,
    };
    value.ok_or_else(|| D::Error::custom(rule))
}

/// Reads a list of texts that `parse` understands.
pub fn list<'de, D, T>(
    deserializer: D,
    rule: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
{
    let items = match Value::read(deserializer)? {
        Value::List(items) => {
            items.iter().map(|item| item.as_text().and_then(&parse)).collect::<Option<Vec<T>>>()
        }
        Value::Text(_) | Value::Count(_) | Value::Switch(_) | Value::Other => None,
    };
    items.ok_or_else(|| D::Error::custom(rule))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Few {
        #[serde(rename = "store.scrub_rate", deserialize_with = "size::<_, _, 0, GIB>")]
        rate: usize,
        #[serde(rename = "query.timeout", deserialize_with = "duration::<_, 10, MINUTE>")]
        timeout: Duration,
        #[serde(rename = "query.concurrency_max", deserialize_with = "count::<_, _, 1, 256>")]
        queries: u8,
        #[serde(rename = "ingest.levels.missing", deserialize_with = "level")]
        missing: Level,
        #[serde(rename = "redaction.enabled", deserialize_with = "switch")]
        enabled: bool,
        #[serde(rename = "redaction.secret_keys", deserialize_with = "field_names")]
        secret_keys: Vec<String>,
    }

    #[test]
    fn settings_are_read_by_the_whole_name_of_a_key() {
        let few: Few = defaults();
        assert_eq!((few.rate, few.timeout), (1 << 20, Duration::from_secs(30)));
        assert_eq!((few.queries, few.missing, few.enabled), (8, Level::Info, true));
        assert!(few.secret_keys.is_empty());
    }

    #[test]
    fn a_value_beyond_its_rule_is_refused_with_the_rule() {
        for (key, value, rule) in [
            ("store.scrub_rate", "\"2GiB\"", "size, 0B to 1GiB"),
            ("store.scrub_rate", "5", "size, 0B to 1GiB"),
            ("query.timeout", "\"5ms\"", "duration, 10ms to 1m"),
            ("query.timeout", "[1]", "duration, 10ms to 1m"),
            ("query.concurrency_max", "0", "1 to 256"),
            ("query.concurrency_max", "256", "1 to 256"),
            ("query.concurrency_max", "-1", "1 to 256"),
            ("query.concurrency_max", "{a = 1}", "1 to 256"),
            ("ingest.levels.missing", "\"warn\"", "debug, info, warning, error or critical"),
            ("redaction.enabled", "\"yes\"", "true or false"),
            ("redaction.secret_keys", "[\"\"]", "list of field names"),
            ("redaction.secret_keys", "\"password\"", "list of field names"),
        ] {
            let mut table = DEFAULTS.clone();
            let parsed: toml::Table = toml::from_str(&format!("value = {value}")).unwrap();
            table.insert(key.to_owned(), parsed["value"].clone());
            let error = Few::deserialize(toml::Value::Table(table)).unwrap_err().to_string();
            assert!(error.contains(rule), "{key} = {value}: {error}");
        }
    }
}
