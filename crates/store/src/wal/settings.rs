//! The log's part of the configuration, and the log's own bounds.

use std::time::Duration;

/// Batch ids and producers that are remembered, of all senders together: an hour of 63 batches a
/// second. As many as a hash table of 2^18 places takes, 17 MiB of memory; 7.9 MiB at the head of
/// each segment of 64 MiB. [`super::window`] says whose entries go beyond the bound.
pub(super) const RETRY_WINDOW_ENTRIES_MAX: usize = (1 << 18) / 8 * 7;

/// Largest payload of a frame before compression: far above the largest body, far below what
/// a length field can say, so that a damaged length cannot make us allocate.
pub(super) const FRAME_PAYLOAD_BYTES_MAX: usize = 1 << 30;

/// Bytes of a damaged segment that are checksummed in search of the next good frame. Only
/// crafted bytes come near; then the rest of the segment is put aside instead.
pub(super) const RESYNC_BYTES_MAX: u64 = 1 << 30;

/// Damaged places that a report lists; the others are only counted.
pub(super) const REPORTED_PROBLEMS_MAX: usize = 100;

/// How often a full disk is looked at again.
pub(super) const DISK_FULL_RECHECK: Duration = Duration::from_secs(1);

/// When a batch is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// After `fdatasync`: an acknowledged batch survives a power cut.
    Fsync,
    /// After the write; `fdatasync` follows within this time. A power cut loses at most that
    /// much; a killed process loses nothing.
    Interval(Duration),
    /// After the write; it is synced when it is indexed, about a second later.
    None,
}

impl std::fmt::Display for Durability {
    /// The form of configuration and status: `fsync`, `interval:50ms`, `none`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Durability::Fsync => formatter.write_str("fsync"),
            Durability::Interval(interval) => write!(formatter, "interval:{interval:?}"),
            Durability::None => formatter.write_str("none"),
        }
    }
}

/// How payloads are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalCodec {
    /// As they are.
    Raw,
    /// zstd at the fastest standard level, where the result is smaller.
    Zstd,
}

/// Settings of a log.
#[derive(Clone, Debug)]
pub struct WalSettings {
    /// When a batch is acknowledged.
    pub durability: Durability,
    /// How payloads are stored.
    pub codec: WalCodec,
    /// Size at which a segment is closed. One group more may be in it.
    pub segment_bytes: u64,
    /// Bytes of waiting batches that share a sync.
    pub group_bytes: usize,
    /// How long a batch id is remembered.
    pub retry_window_age: Duration,
    /// Free bytes below which no batch is taken: room for indexing what was already taken.
    pub free_bytes_min: u64,
}

impl WalSettings {
    /// Returns the settings of `config/tierlog.toml`.
    pub fn standard() -> WalSettings {
        WalSettings {
            durability: Durability::Fsync,
            codec: WalCodec::Raw,
            segment_bytes: 64 << 20,
            group_bytes: 8 << 20,
            retry_window_age: Duration::from_secs(24 * 3600),
            free_bytes_min: 256 << 20,
        }
    }
}

const _: () = assert!(tierlog_model::limits::BODY_BYTES_MAX < FRAME_PAYLOAD_BYTES_MAX);
