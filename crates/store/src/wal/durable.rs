//! How far the log is durable, for readers that must not run ahead.
//!
//! With a durability below `fsync` the log is acknowledged and indexed before it is synced. An
//! index that was committed then would hold records that a power cut takes from the log, and lack
//! earlier ones of other indexes: a hole instead of an end. So whoever commits says first up to
//! which record, and what the log has not synced is synced. Never in the way of `fsync`: there
//! nothing reaches an index before it is durable.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::directory_lock::DirectoryLock;

/// Shared by the log's writer and the lanes of the indexer.
#[derive(Clone, Debug, Default)]
pub(super) struct Durable {
    below: Arc<AtomicU64>,
    /// Number below which every record is durable in an index.
    indexed: Arc<AtomicU64>,
    failed: Arc<Mutex<Option<String>>>,
    /// The lock on the directory; a simulated disk has none.
    lock: Arc<OnceLock<Arc<DirectoryLock>>>,
}

impl Durable {
    /// Says that every record below a number is durable.
    pub(super) fn advance(&self, below: u64) {
        self.below.fetch_max(below, Ordering::AcqRel);
    }

    /// Returns the number below which every record is durable.
    pub(super) fn below(&self) -> u64 {
        self.below.load(Ordering::Acquire)
    }

    /// Says that every record below a number is in its index, durably.
    pub(super) fn note_indexed(&self, below: u64) {
        self.indexed.fetch_max(below, Ordering::AcqRel);
    }

    /// Returns the number below which every record is in its index.
    pub(super) fn indexed_below(&self) -> u64 {
        self.indexed.load(Ordering::Acquire)
    }

    /// Tells whether every record below a number is durable.
    pub(super) fn reaches(&self, below: u64) -> bool {
        self.below.load(Ordering::Acquire) >= below
    }

    /// Says that a sync has failed, for good. The first reason is kept.
    pub(super) fn fail(&self, reason: String) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }

    /// Keeps an eye on the lock under which the log is written.
    pub(super) fn guard(&self, lock: Arc<DirectoryLock>) {
        // A second guard of one log could only be the same lock.
        let _ = self.lock.set(lock);
    }

    /// Tells what is wrong when the log's directory is not the locked one any more.
    pub(super) fn moved(&self) -> Option<String> {
        self.lock.get()?.moved()
    }

    /// Returns why nothing may be synced any more, if a sync has failed.
    pub(super) fn failed(&self) -> Option<String> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
