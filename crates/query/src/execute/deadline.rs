//! The moment at which a query must stop, and the flag by which its client stops it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::QueryError;

/// Checked between blocks of bounded work. Clones share the cancel flag.
#[derive(Clone, Debug)]
pub struct Deadline {
    /// `None` is never: the allowed time is longer than the clock reaches.
    at: Option<Instant>,
    allowed: Duration,
    cancelled: Arc<AtomicBool>,
}

/// Cancels the query of a [`Deadline`] when dropped: hold it in the request's future, so that a
/// client that goes away frees the worker.
#[derive(Debug)]
pub struct CancelOnDrop(Arc<AtomicBool>);

impl Deadline {
    /// Returns the deadline that lies so far ahead.
    pub fn within(allowed: Duration) -> Deadline {
        Deadline { at: Instant::now().checked_add(allowed), allowed, cancelled: Arc::default() }
    }

    /// Returns the guard that cancels the query.
    pub fn cancel_on_drop(&self) -> CancelOnDrop {
        CancelOnDrop(Arc::clone(&self.cancelled))
    }

    /// Fails once the deadline has passed or the client has gone.
    pub fn check(&self) -> Result<(), QueryError> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(QueryError::Cancelled);
        }
        if self.at.is_some_and(|at| Instant::now() >= at) {
            return Err(QueryError::Deadline(self.allowed));
        }
        Ok(())
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
