//! What every step of indexing works with: lent to the state of the writers, which owns none of it.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tierlog_model::{Clock as _, Day, EncodedRecord, Tenant, Tiers};

use super::IndexerSettings;
use super::progress::Progress;
use crate::PartitionId;
use crate::catalogue::Catalogue;
use crate::document::ChunkPool;
use crate::layout::Layout;
use crate::time::BelievedClock;
use crate::wal::{WalReader, WalReleaser};

/// Settings, directories, log, clock, and how far indexing is.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) settings: IndexerSettings,
    pub(super) tiers: Tiers,
    pub(super) layout: Layout,
    pub(super) clock: Arc<BelievedClock>,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) releaser: WalReleaser,
    pub(super) reader: WalReader,
    /// Fresh records on their way to the writers.
    pub(super) chunks: Arc<ChunkPool>,
    /// Records of old days on their way: the two lanes do not wait for each other's chunks.
    pub(super) backfill_chunks: Arc<ChunkPool>,
    pub(super) progress: Progress,
    pub(super) stop: StopRequest,
}

/// Days before today that the fresh lane takes: around midnight, and for a few hours behind a
/// slow shipper, lines of yesterday are today's lines.
const FRESH_DAYS_BACK: i32 = 1;

impl Context {
    /// Returns the first day whose records belong to the fresh lane.
    pub(super) fn first_fresh_day(&self) -> Day {
        self.clock.now().day().plus_days(-FRESH_DAYS_BACK)
    }

    /// Returns the partition of a record of a tenant.
    pub(super) fn partition_of(&self, tenant: Tenant, record: &EncodedRecord<'_>) -> PartitionId {
        let tier = self.tiers.of(record.level(), record.kind());
        PartitionId { tenant, tier, day: record.timestamp().day() }
    }

    /// Returns the room on the disk.
    pub(super) fn free_bytes(&self) -> u64 {
        self.layout.vfs().free_bytes(self.layout.root()).unwrap_or(0)
    }
}

/// Asks for long work that can be done later to be left: the store is about to close. A request
/// from outside and never taken back; where indexing stands is the phase.
#[derive(Debug, Default)]
pub(super) struct StopRequest(OnceLock<Instant>);

impl StopRequest {
    /// Asks.
    pub(super) fn make(&self) {
        self.0.get_or_init(Instant::now);
    }

    /// Tells whether somebody has asked.
    pub(super) fn is_made(&self) -> bool {
        self.0.get().is_some()
    }

    /// Tells whether the request is so old.
    pub(super) fn has_lasted(&self, time: Duration) -> bool {
        self.0.get().is_some_and(|made| made.elapsed() >= time)
    }
}
