//! The bounds of a running query: a deadline, the flag of a client that goes away, and a lease of
//! memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tierlog_model::memory::MemoryPart;

use crate::error::QueryError;
use crate::memory::{Passing, WorkMemory};

/// Checked between blocks of bounded work. Clones share the cancel flag and the memory.
#[derive(Clone, Debug)]
pub(crate) struct Deadline {
    /// `None` is never: the allowed time is longer than the clock reaches.
    at: Option<Instant>,
    allowed: Duration,
    cancelled: Arc<AtomicBool>,
    /// `None` counts nothing.
    memory: Option<Arc<WorkMemory>>,
}

/// Cancels the query of a [`Deadline`] when dropped: hold it in the request's future, so that a
/// client that goes away frees the worker.
#[derive(Debug)]
pub(crate) struct CancelOnDrop(Arc<AtomicBool>);

impl Deadline {
    /// Returns the deadline after a duration.
    pub(crate) fn within(allowed: Duration) -> Deadline {
        let at = Instant::now().checked_add(allowed);
        Deadline { at, allowed, cancelled: Arc::default(), memory: None }
    }

    /// Bounds what the query holds by a part of the budget. The query runs on one thread.
    #[must_use]
    pub(crate) fn with_memory(mut self, part: &MemoryPart) -> Deadline {
        self.memory = Some(Arc::new(WorkMemory::of(part)));
        self
    }

    /// Runs work on the query's thread and counts what it leaves allocated.
    pub(crate) fn metered<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.memory {
            Some(memory) => memory.metered(work),
            None => work(),
        }
    }

    /// Counts bytes that the query holds and that were not metered.
    pub(crate) fn hold(&self, bytes: u64) {
        if let Some(memory) = &self.memory {
            memory.hold(bytes);
        }
    }

    /// Returns a guard: bytes metered before the guard's drop are forgotten by the drop.
    pub(crate) fn passing(&self) -> Passing<'_> {
        Passing::of(self.memory.as_deref())
    }

    /// Leases room for what is about to be allocated at one go.
    pub(crate) fn reserve(&self, ahead_bytes: u64) -> Result<(), QueryError> {
        match &self.memory {
            Some(memory) => Ok(memory.reserve(ahead_bytes)?),
            None => Ok(()),
        }
    }

    /// Returns the bytes that metered work holds.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.memory.as_ref().map_or(0, |memory| memory.held_bytes())
    }

    /// Fails once the query holds more than the budget has room for.
    pub(crate) fn check_memory(&self) -> Result<(), QueryError> {
        match &self.memory {
            Some(memory) => Ok(memory.check()?),
            None => Ok(()),
        }
    }

    /// Returns the guard that cancels the query.
    pub(crate) fn cancel_on_drop(&self) -> CancelOnDrop {
        CancelOnDrop(Arc::clone(&self.cancelled))
    }

    /// Fails once the deadline has passed, the client has gone or the memory is used up.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(QueryError::Cancelled);
        }
        if self.at.is_some_and(|at| Instant::now() >= at) {
            return Err(QueryError::Deadline(self.allowed));
        }
        self.check_memory()
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
