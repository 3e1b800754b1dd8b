//! The valid configuration, one struct a section, in the order of `config/tierlog.toml`. The file
//! gives the reason of each key, [`super::read`] the range of its values.

use std::path::PathBuf;
use std::time::Duration;

use tierlog_model::memory::{MemoryBudget, MemoryUse};
use tierlog_model::{Level, Tiers};

use super::listeners::{ListenerProtocol, ListenerSection};

/// Everything that can be configured, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Directory of WAL and partitions.
    pub data_dir: PathBuf,
    /// Whether listeners may bind addresses that other machines reach.
    pub remote: Remote,
    /// Host names that requests may be addressed to, beside localhost.
    pub hosts: Vec<String>,
    /// The sockets of the server, those that are off left out.
    pub listeners: Vec<ListenerSection>,
    /// How lines come in and are read.
    pub ingest: IngestSection,
    /// What is replaced before a line is written.
    pub redaction: RedactionSection,
    /// How lines are kept.
    pub store: StoreSection,
    /// How lines are found.
    pub query: QuerySection,
    /// What requests can make the server hold.
    pub memory: MemorySection,
    /// Time for connections to finish their requests after SIGTERM.
    pub drain_timeout: Duration,
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

/// Whether listeners may bind addresses that other machines reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remote {
    /// Loopback addresses only.
    Refused,
    /// Any address: the operator put access control in front.
    Allowed,
}

/// `[ingest]`.
#[derive(Clone, Debug)]
pub struct IngestSection {
    /// A TCP connection without progress for so long is closed.
    pub idle_timeout: Duration,
    /// Largest body as it arrives, bytes.
    pub body_max: u64,
    /// Largest body after inflating, bytes.
    pub inflated_max: u64,
    /// How long a request waits for room before it is told to come back.
    pub full_wait: Duration,
    /// Bounds of one line.
    pub limits: LimitsSection,
    /// Reading of times.
    pub time: TimeSection,
    /// Reading of levels.
    pub levels: LevelsSection,
    /// Further spellings of the contract's fields.
    pub aliases: Aliases,
}

/// `[ingest.limits]`.
#[derive(Clone, Debug)]
pub struct LimitsSection {
    /// Longest line, bytes.
    pub line_max: u64,
    /// Deepest nesting.
    pub depth_max: usize,
    /// Most fields of a record.
    pub fields_max: usize,
}

/// `[ingest.time]`.
#[derive(Clone, Debug)]
pub struct TimeSection {
    /// Zone of timestamps that name none.
    pub zone: jiff::tz::TimeZone,
    /// The same for some services.
    pub service_zones: Vec<(String, jiff::tz::TimeZone)>,
    /// How far ahead a record may lie.
    pub ahead_max: Duration,
}

/// `[ingest.levels]`.
#[derive(Clone, Debug)]
pub struct LevelsSection {
    /// Level of a record that has none.
    pub missing: Level,
    /// Level of a record with an unknown level word.
    pub unknown: Level,
}

/// `[ingest.aliases]`: canonical field, further names.
pub type Aliases = Vec<(String, Vec<String>)>;

/// `[redaction]`.
#[derive(Clone, Debug)]
pub struct RedactionSection {
    /// Whether anything is replaced at all.
    pub enabled: bool,
    /// Detectors that do not run.
    pub detectors_off: Vec<String>,
    /// Further keys whose values are secret.
    pub secret_keys: Vec<String>,
    /// Keys that look secret and are not.
    pub allowed_keys: Vec<String>,
    /// Keyed tokens in place of ids.
    pub pseudonyms: PseudonymSection,
}

/// `[redaction.pseudonyms]`.
#[derive(Clone, Debug)]
pub struct PseudonymSection {
    /// Fields that are stored as tokens.
    pub fields: Vec<String>,
    /// The key file.
    pub key_file: PathBuf,
}

/// `[store]`.
#[derive(Clone, Debug)]
pub struct StoreSection {
    /// When a line counts as durable.
    pub durability: DurabilitySetting,
    /// How long a start indexes the log before the server is ready.
    pub replay_before_ready: Duration,
    /// How often new lines become searchable.
    pub commit_interval: Duration,
    /// Batches that may wait for the indexer.
    pub index_queue_batches: usize,
    /// Memory of one partition's writer, bytes.
    pub writer_memory_max: usize,
    /// Partitions open for writing at once.
    pub open_writers_max: usize,
    /// Size of a WAL segment, bytes.
    pub wal_segment_max: u64,
    /// How long a batch id is remembered.
    pub retry_window: Duration,
    /// Free bytes under which writes are refused.
    pub free_min: u64,
    /// Free bytes under which days are dropped early.
    pub free_low: u64,
    /// The most severe level whose days may go early.
    pub early_drop_max: Option<Level>,
    /// Bytes of sealed partitions that are checked in a second.
    pub scrub_rate: u64,
    /// How far the clock may jump ahead and be believed.
    pub clock_jump_max: Duration,
    /// Bytes of dead letters that are kept.
    pub dead_letters_max: u64,
    /// Time from the end of a day to its sealing.
    pub seal_grace: Duration,
    /// zstd level of sealed partitions.
    pub seal_zstd_level: i32,
    /// Pause between looks for maintenance work.
    pub maintenance_interval: Duration,
    /// Tiers with their days and levels.
    pub tiers: Tiers,
}

/// When a line counts as durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurabilitySetting {
    /// After `fdatasync`.
    Fsync,
    /// After the write, synced at this interval.
    Interval(Duration),
    /// After the write.
    None,
}

/// `[query]`.
#[derive(Clone, Debug)]
pub struct QuerySection {
    /// Largest body of a request, bytes.
    pub body_max: u64,
    /// Longest query.
    pub timeout: Duration,
    /// Queries at once.
    pub concurrency_max: usize,
    /// Most hits of one search.
    pub hits_max: usize,
    /// Matches counted exactly.
    pub track_total_max: u64,
    /// Record text in one answer, bytes.
    pub answer_max: u64,
}

/// `[memory]`: the limit of each part of the budget, bytes.
#[derive(Clone, Copy, Debug)]
pub struct MemorySection {
    /// See [`MemoryUse::Bodies`].
    pub bodies: u64,
    /// See [`MemoryUse::Batches`].
    pub batches: u64,
    /// See [`MemoryUse::Aggregations`].
    pub aggregations: u64,
    /// See [`MemoryUse::Hits`].
    pub hits: u64,
    /// See [`MemoryUse::Answers`].
    pub answers: u64,
    /// See [`MemoryUse::Tails`].
    pub tails: u64,
    /// See [`MemoryUse::Readers`].
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
#[derive(Clone, Debug)]
pub struct LogSection {
    /// Text or JSON.
    pub format: LogFormat,
    /// A level or a filter.
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
