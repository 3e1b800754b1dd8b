//! What every step of indexing works with: lent to the state of the writers, which owns none of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tierlog_model::Tiers;

use super::IndexerSettings;
use super::progress::Progress;
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
    /// Records on their way to the writers.
    pub(super) chunks: Arc<ChunkPool>,
    pub(super) progress: Progress,
    pub(super) stop: StopRequest,
}

/// Asks for long work that can be done later to be left: the store is about to close. A request
/// from outside and never taken back; where indexing stands is the phase.
#[derive(Debug, Default)]
pub(super) struct StopRequest(AtomicBool);

impl StopRequest {
    /// Asks.
    pub(super) fn make(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Tells whether somebody has asked.
    pub(super) fn is_made(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
