//! The configuration of the store. All values are valid here.

use std::path::PathBuf;
use std::time::Duration;

use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{Level, Tiers};

use crate::wal::Durability;

/// Settings of a store.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// The data directory; made when it is missing.
    pub data_directory: PathBuf,
    /// Tiers and their days.
    pub tiers: Tiers,
    /// When an ack is given.
    pub durability: Durability,
    /// Size at which a WAL segment is closed.
    pub wal_segment_bytes: u64,
    /// Free bytes below which the store takes no more writes.
    pub free_bytes_min: u64,
    /// Free bytes below which days are dropped early.
    pub free_bytes_low: u64,
    /// The most severe level whose days may be dropped before their time; `None` is none.
    pub early_drop_max: Option<Level>,
    /// Bytes of dead letters that are kept.
    pub dead_letters_bytes_max: u64,
    /// Bytes of partitions that are checked in a second; 0 is none.
    pub scrub_bytes_per_second: u64,
    /// How far the clock may be off what was measured and is followed all the same.
    pub clock_jump_max: Duration,
    /// How far ahead of the present ingest lets records in.
    pub ahead_max: Duration,
    /// How long a batch id is remembered, so that a retry is recognised.
    pub retry_window_age: Duration,
    /// How long a start that follows a crash compares partitions that are not sealed with their
    /// checksums before the store is open; the rest follows.
    pub verify_before_ready: Duration,
    /// How long a start indexes what the log holds before the store is open; the rest follows.
    pub replay_before_ready: Duration,
    /// Longest time from ack to searchable, when indexing keeps up.
    pub commit_interval: Duration,
    /// Batches that wait for the indexer (Q2).
    pub index_queue_batches: usize,
    /// Memory of one partition's index writer before it writes a segment.
    pub writer_memory_bytes: usize,
    /// Partitions that are open for writing at once; the one unused longest is closed.
    pub open_writers_max: usize,
    /// Partitions that are committed at once; each waits for its own fsyncs.
    pub commit_threads_max: usize,
    /// Part of the budget for partitions that stay open between searches.
    pub reader_memory: MemoryPart,
    /// Part of the budget for batches that wait for live readers.
    pub live_memory: MemoryPart,
    /// How long after the end of its day, and after its last record, a partition is sealed.
    pub seal_grace: Duration,
    /// Level of zstd in sealed partitions.
    pub seal_zstd_level: i32,
    /// Whether retention and compaction look for work by themselves.
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
    /// what is newest, which is what a crash can have damaged.
    pub const VERIFY_BEFORE_READY: Duration = Duration::from_millis(500);

    /// Returns the settings of `config/tierlog.toml` for a data directory.
    pub fn standard(data_directory: PathBuf) -> StoreSettings {
        StoreSettings {
            data_directory,
            tiers: Tiers::standard(),
            durability: Durability::Fsync,
            wal_segment_bytes: 64 << 20,
            free_bytes_min: 256 << 20,
            free_bytes_low: 1 << 30,
            early_drop_max: Some(Level::Info),
            dead_letters_bytes_max: 1 << 30,
            scrub_bytes_per_second: 1 << 20,
            clock_jump_max: Duration::from_secs(24 * 3600),
            ahead_max: Duration::from_secs(24 * 3600),
            retry_window_age: Duration::from_secs(24 * 3600),
            verify_before_ready: StoreSettings::VERIFY_BEFORE_READY,
            replay_before_ready: Duration::from_secs(2),
            commit_interval: Duration::from_millis(500),
            index_queue_batches: 1024,
            writer_memory_bytes: 32 << 20,
            open_writers_max: 16,
            commit_threads_max: 16,
            reader_memory: MemoryPart::new(MemoryUse::Readers, 64 << 20),
            live_memory: MemoryPart::new(MemoryUse::Tails, 32 << 20),
            seal_grace: Duration::from_secs(600),
            seal_zstd_level: 16,
            maintenance: MaintenanceJob::Every(Duration::from_secs(60)),
        }
    }
}
