//! The valid configuration. A field with a `rename` is a key; the settings of ingest, store and
//! queries declare theirs in their own rooms. `config/tierlog.toml` gives the reason of each key.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use tierlog_ingest::{IngestConfig, RedactionPolicy, detector_names};
use tierlog_model::keys;
use tierlog_model::memory::{MemoryBudget, MemoryUse};
use tierlog_query::QueryConfig;
use tierlog_store::StoreSettings;

use super::listeners::{ListenerProtocol, ListenerSection};

/// Everything that can be configured, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The process, and who may reach it.
    pub server: ServerSection,
    /// The sockets of the server, those that are off left out.
    pub listeners: Vec<ListenerSection>,
    /// How lines come in and are read.
    pub ingest: IngestConfig,
    /// What is replaced before a line is written.
    pub redaction: RedactionSection,
    /// How lines are kept; without the directory and the parts of the budget.
    pub store: StoreSettings,
    /// How lines are found; without the budget.
    pub query: QueryConfig,
    /// What requests can make the server hold.
    pub memory: MemorySection,
    /// Our own log.
    pub log: LogSection,
}

impl Config {
    /// Returns the longest time that a listener of ingest gives a body; nothing waits longer.
    pub fn body_deadline(&self) -> Duration {
        let times = self.listeners.iter().filter_map(|listener| match listener.protocol {
            ListenerProtocol::Ingest(times) => Some(times.body_timeout),
            ListenerProtocol::Stream(_) | ListenerProtocol::Query(_) => None,
        });
        times.max().unwrap_or_default()
    }
}

/// `[data]`, `[security]`, `[server]`.
#[derive(Clone, Debug, Deserialize)]
pub struct ServerSection {
    /// Directory of WAL and partitions.
    #[serde(rename = "data.dir", deserialize_with = "some_path")]
    pub data_dir: PathBuf,
    /// Whether listeners may bind addresses that other machines reach.
    #[serde(rename = "security.allow_remote", deserialize_with = "remote")]
    pub remote: Remote,
    /// Host names that requests may be addressed to, beside localhost.
    #[serde(rename = "security.hosts", deserialize_with = "host_names")]
    pub hosts: Vec<String>,
    /// Time for connections to finish their requests after SIGTERM.
    #[serde(
        rename = "server.drain_timeout",
        deserialize_with = "keys::duration::<_, 0, { 10 * keys::MINUTE }>"
    )]
    pub drain_timeout: Duration,
}

/// Whether listeners may bind addresses that other machines reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remote {
    /// Loopback addresses only.
    Refused,
    /// Any address: the operator put access control in front.
    Allowed,
}

/// `[redaction]`.
#[derive(Clone, Debug, Deserialize)]
pub struct RedactionSection {
    /// Whether anything is replaced at all.
    #[serde(rename = "redaction.enabled", deserialize_with = "keys::switch")]
    pub enabled: bool,
    /// The file with the rules; empty for no rules.
    #[serde(rename = "redaction.policy_file", deserialize_with = "any_path")]
    pub policy_file: PathBuf,
    /// What the file says.
    #[serde(skip)]
    pub policy: RedactionPolicy,
    /// Detectors that do not run.
    #[serde(rename = "redaction.detectors_off", deserialize_with = "known_detectors")]
    pub detectors_off: Vec<String>,
    /// Detectors that run although they do not by default.
    #[serde(rename = "redaction.detectors_on", deserialize_with = "known_detectors")]
    pub detectors_on: Vec<String>,
    /// Further keys whose values are secret.
    #[serde(rename = "redaction.secret_keys", deserialize_with = "keys::field_names")]
    pub secret_keys: Vec<String>,
    /// Keys that look secret and are not.
    #[serde(rename = "redaction.allowed_keys", deserialize_with = "keys::field_names")]
    pub allowed_keys: Vec<String>,
    /// Fields that are stored as keyed tokens.
    #[serde(rename = "redaction.pseudonyms.fields", deserialize_with = "keys::field_names")]
    pub pseudonym_fields: Vec<String>,
    /// Further places in which ids of those fields stand.
    #[serde(rename = "redaction.pseudonyms.places", deserialize_with = "keys::places")]
    pub pseudonym_places: Vec<String>,
    /// The file of the keys of tokens.
    #[serde(rename = "redaction.pseudonyms.key_file", deserialize_with = "any_path")]
    pub pseudonym_key_file: PathBuf,
}

/// `[memory]`: the limit of each part of the budget, bytes.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct MemorySection {
    /// See [`MemoryUse::Bodies`].
    #[serde(rename = "memory.bodies", deserialize_with = "part")]
    pub bodies: u64,
    /// See [`MemoryUse::Batches`].
    #[serde(rename = "memory.batches", deserialize_with = "small_part")]
    pub batches: u64,
    /// See [`MemoryUse::Aggregations`].
    #[serde(rename = "memory.aggregations", deserialize_with = "part")]
    pub aggregations: u64,
    /// See [`MemoryUse::Hits`].
    #[serde(rename = "memory.hits", deserialize_with = "part")]
    pub hits: u64,
    /// See [`MemoryUse::Answers`].
    #[serde(rename = "memory.answers", deserialize_with = "part")]
    pub answers: u64,
    /// See [`MemoryUse::Tails`].
    #[serde(rename = "memory.tails", deserialize_with = "small_part")]
    pub tails: u64,
    /// See [`MemoryUse::Readers`].
    #[serde(rename = "memory.readers", deserialize_with = "part")]
    pub readers: u64,
}

impl MemorySection {
    /// Returns the budget before the first lease.
    pub fn budget(&self) -> MemoryBudget {
        MemoryBudget::new(|part_use| match part_use {
            MemoryUse::Bodies => self.bodies,
            MemoryUse::Batches => self.batches,
            MemoryUse::Aggregations => self.aggregations,
            MemoryUse::Hits => self.hits,
            MemoryUse::Answers => self.answers,
            MemoryUse::Tails => self.tails,
            MemoryUse::Readers => self.readers,
        })
    }
}

/// `[log]`.
#[derive(Clone, Debug, Deserialize)]
pub struct LogSection {
    /// Text or JSON.
    #[serde(rename = "log.format", deserialize_with = "log_format")]
    pub format: LogFormat,
    /// A level or a filter.
    #[serde(rename = "log.level", deserialize_with = "log_level")]
    pub level: String,
}

/// Form of our own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text.
    Text,
    /// JSON.
    Json,
}

fn some_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    keys::text(deserializer, "path", |text| (!text.is_empty()).then(|| PathBuf::from(text)))
}

fn any_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    keys::text(deserializer, "path", |text| Some(PathBuf::from(text)))
}

fn remote<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Remote, D::Error> {
    keys::switch(deserializer).map(|is_allowed| match is_allowed {
        true => Remote::Allowed,
        false => Remote::Refused,
    })
}

fn host_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let name = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    keys::list(deserializer, "list of host names", name)
}

fn known_detectors<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names = detector_names();
    let rule = "list of detector names, those of the table in docs/redaction.md";
    keys::list(deserializer, rule, |text| names.contains(&text).then(|| text.to_owned()))
}

fn part<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    keys::size::<_, _, { 4 * keys::MIB }, { 4 * keys::GIB }>(deserializer)
}

fn small_part<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    keys::size::<_, _, { keys::MIB }, { keys::GIB }>(deserializer)
}

fn log_format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LogFormat, D::Error> {
    let formats = [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
    keys::words(deserializer, &formats)
}

fn log_level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    keys::text(deserializer, "error, warn, info, debug, trace or a filter", |text| {
        let filter = text.parse::<tracing_subscriber::EnvFilter>();
        (!text.is_empty() && filter.is_ok()).then(|| text.to_owned())
    })
}
