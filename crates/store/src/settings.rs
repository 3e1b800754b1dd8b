//! The configuration of the store. All values are valid here.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{Level, Tiers, keys, limits};

use crate::wal::Durability;

/// Settings of a store. A field with a `rename` is a key of the configuration.
#[derive(Clone, Debug, Deserialize)]
pub struct StoreSettings {
    /// The data directory; made when it is missing.
    #[serde(skip)]
    pub data_directory: PathBuf,
    /// Tiers and their days.
    #[serde(skip, default = "Tiers::standard")]
    pub tiers: Tiers,
    /// When an ack is given.
    #[serde(rename = "store.durability", deserialize_with = "durability")]
    pub durability: Durability,
    /// Size at which a WAL segment is closed.
    #[serde(
        rename = "store.wal_segment_max",
        deserialize_with = "keys::size::<_, _, { 2 * keys::MIB }, { keys::GIB }>"
    )]
    pub wal_segment_bytes: u64,
    /// Free bytes below which the store takes no more writes.
    #[serde(
        rename = "store.free_min",
        deserialize_with = "keys::size::<_, _, { keys::MIB }, { keys::TIB }>"
    )]
    pub free_bytes_min: u64,
    /// Free bytes below which days are dropped early.
    #[serde(
        rename = "store.free_low",
        deserialize_with = "keys::size::<_, _, { keys::MIB }, { keys::TIB }>"
    )]
    pub free_bytes_low: u64,
    /// The most severe level whose days may be dropped before their time; `None` is none.
    #[serde(rename = "store.early_drop_max", deserialize_with = "level_or_none")]
    pub early_drop_max: Option<Level>,
    /// Bytes of dead letters that are kept.
    #[serde(
        rename = "store.dead_letters.max",
        deserialize_with = "keys::size::<_, _, { keys::MIB }, { keys::TIB }>"
    )]
    pub dead_letters_bytes_max: u64,
    /// Bytes of partitions that are checked in a second; 0 is none.
    #[serde(
        rename = "store.scrub_rate",
        deserialize_with = "keys::size::<_, _, 0, { keys::GIB }>"
    )]
    pub scrub_bytes_per_second: u64,
    /// How far the clock may be off what was measured and is followed all the same.
    #[serde(
        rename = "store.clock_jump_max",
        deserialize_with = "keys::duration::<_, { keys::HOUR }, { 876_000 * keys::HOUR }>"
    )]
    pub clock_jump_max: Duration,
    /// How far ahead of the present ingest lets records in.
    #[serde(skip, default = "ahead_max")]
    pub ahead_max: Duration,
    /// How long a batch id is remembered, so that a retry is recognised.
    #[serde(
        rename = "store.retry_window",
        deserialize_with = "keys::duration::<_, { keys::MINUTE }, { keys::WEEK }>"
    )]
    pub retry_window_age: Duration,
    /// How long a start compares partitions that are not sealed with their checksums before the
    /// store is open; the rest follows.
    #[serde(skip, default = "verify_before_ready")]
    pub verify_before_ready: Duration,
    /// How long a start indexes what the log holds before the store is open; the rest follows.
    #[serde(
        rename = "store.replay_before_ready",
        deserialize_with = "keys::duration::<_, 0, { keys::HOUR }>"
    )]
    pub replay_before_ready: Duration,
    /// Longest time from ack to searchable, when indexing keeps up.
    #[serde(
        rename = "store.commit_interval",
        deserialize_with = "keys::duration::<_, 50, { keys::MINUTE }>"
    )]
    pub commit_interval: Duration,
    /// Batches that wait for the indexer (Q2).
    #[serde(
        rename = "store.index_queue_batches",
        deserialize_with = "keys::count::<_, _, 1, 1_024>"
    )]
    pub index_queue_batches: usize,
    /// Memory of one partition's index writer before it writes a segment.
    #[serde(
        rename = "store.writer_memory_max",
        deserialize_with = "keys::size::<_, _, { 15 * keys::MIB }, { keys::GIB }>"
    )]
    pub writer_memory_bytes: usize,
    /// Partitions that are open for writing at once; records of others wait for the next commit.
    #[serde(rename = "store.open_writers_max", deserialize_with = "keys::count::<_, _, 1, 1_024>")]
    pub open_writers_max: usize,
    /// Partitions that are committed at once; each waits for its own fsyncs.
    #[serde(skip)]
    pub commit_threads_max: usize,
    /// Part of the budget for partitions that stay open between searches.
    #[serde(skip, default = "reader_memory")]
    pub reader_memory: MemoryPart,
    /// Part of the budget for batches that wait for live readers.
    #[serde(skip, default = "live_memory")]
    pub live_memory: MemoryPart,
    /// How long after the end of its day, and after its last record, a partition is sealed.
    #[serde(
        rename = "store.seal_grace",
        deserialize_with = "keys::duration::<_, { keys::SECOND }, { keys::WEEK }>"
    )]
    pub seal_grace: Duration,
    /// Level of zstd in sealed partitions.
    #[serde(rename = "store.seal_zstd_level", deserialize_with = "keys::count::<_, _, 1, 22>")]
    pub seal_zstd_level: i32,
    /// Whether retention and compaction look for work by themselves.
    #[serde(rename = "store.maintenance_interval", deserialize_with = "every")]
    pub maintenance: MaintenanceJob,
}

/// Whether retention and compaction look for work by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaintenanceJob {
    /// At the start, and then at this interval.
    Every(Duration),
    /// Never: who opened the store asks for what is to be done.
    Rests,
}

impl StoreSettings {
    /// A start is ready two seconds after what it must read; checksums take a quarter of that. A
    /// gigabyte of partitions is compared in it when its pages are in memory, and on a slow disk
    /// the newest partitions, which are searched most.
    pub const VERIFY_BEFORE_READY: Duration = Duration::from_millis(500);

    /// Returns the settings of `config/tierlog.toml` for a data directory.
    pub fn standard(data_directory: PathBuf) -> StoreSettings {
        let settings: StoreSettings = keys::defaults();
        let commit_threads_max = settings.open_writers_max;
        StoreSettings { data_directory, commit_threads_max, ..settings }
    }
}

fn durability<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Durability, D::Error> {
    let rule = "fsync, interval:DURATION (1ms to 10s) or none";
    keys::text(deserializer, rule, |text| match text {
        "fsync" => Some(Durability::Fsync),
        "none" => Some(Durability::None),
        _ => {
            let interval = keys::parse_duration(text.strip_prefix("interval:")?)?;
            let allowed = Duration::from_millis(1)..=Duration::from_secs(10);
            allowed.contains(&interval).then_some(Durability::Interval(interval))
        }
    })
}

fn level_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Level>, D::Error> {
    let levels = Level::ALL.map(|level| (level.as_str(), Some(level)));
    let words: Vec<(&str, Option<Level>)> = std::iter::once(("none", None)).chain(levels).collect();
    keys::words(deserializer, &words)
}

fn every<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MaintenanceJob, D::Error> {
    let interval = keys::duration::<_, { keys::SECOND }, { keys::DAY }>(deserializer);
    interval.map(MaintenanceJob::Every)
}

fn verify_before_ready() -> Duration {
    StoreSettings::VERIFY_BEFORE_READY
}

/// Ingest declares the key; the server tells the store.
fn ahead_max() -> Duration {
    Duration::from_secs(limits::AHEAD_SECONDS_MAX.unsigned_abs())
}

/// The server lends a part of its budget; tests and tools have one of their own.
fn reader_memory() -> MemoryPart {
    MemoryPart::new(MemoryUse::Readers, 64 << 20)
}

/// See [`reader_memory`].
fn live_memory() -> MemoryPart {
    MemoryPart::new(MemoryUse::Tails, 32 << 20)
}
