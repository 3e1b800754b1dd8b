//! The gate that every query goes through: permits, deadlines, memory, and an end when the client
//! goes away.
//!
//! A query waits a moment for a permit, in the order of arrival, then runs on a blocking thread
//! under a deadline. The permit lives as long as the work, not as long as the client: a thousand
//! impatient clients cannot start a thousand queries. The gate knows no protocol and returns the
//! engine's errors.

use std::sync::Arc;
use std::time::Duration;

use tierlog_model::memory::{MemoryBudget, MemoryUse};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::QueryConfig;
use crate::error::QueryError;
use crate::execute::Deadline;

/// How long a query waits for a permit: longer than most queries run, shorter than a person
/// waits before trying again.
const PERMIT_WAIT: Duration = Duration::from_millis(500);

/// Live tails that run at once: each holds a connection and a small buffer.
const TAILS_MAX: usize = 64;

/// Exports that run at once: each is one reader of the whole store.
const EXPORTS_MAX: usize = 4;

/// How long a query waits for a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Half a second: a person waits.
    Short,
    /// As long as a query may take: an export is under way and would have to start again.
    Long,
}

/// What a query may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// The part of the budget that lends the query's memory.
    pub(crate) memory: MemoryUse,
    /// How long the query waits for a permit.
    pub(crate) patience: Patience,
    /// The client's own deadline, where it is shorter than the configured one.
    pub(crate) timeout: Option<Duration>,
}

/// Lets so many queries in at once.
#[derive(Debug)]
pub(crate) struct Gate {
    queries: Arc<Semaphore>,
    tails: Arc<Semaphore>,
    exports: Arc<Semaphore>,
    concurrency_max: usize,
    deadline_max: Duration,
    memory: MemoryBudget,
}

impl Gate {
    /// Returns the gate of a configuration.
    pub(crate) fn new(config: &QueryConfig) -> Gate {
        Gate {
            queries: Arc::new(Semaphore::new(config.concurrency_max)),
            tails: Arc::new(Semaphore::new(TAILS_MAX)),
            exports: Arc::new(Semaphore::new(EXPORTS_MAX)),
            concurrency_max: config.concurrency_max,
            deadline_max: config.deadline_max,
            memory: config.memory.clone(),
        }
    }

    /// Runs work on a blocking thread. Dropping the future ends the work at its next look at the
    /// deadline; the work keeps its permit until then.
    pub(crate) async fn run<T, F>(&self, terms: Allowance, work: F) -> Result<T, QueryError>
    where
        T: Send + 'static,
        F: FnOnce(&Deadline) -> Result<T, QueryError> + Send + 'static,
    {
        let permit = self.query_permit(terms.patience).await?;
        let deadline = self.deadline(terms.timeout).with_memory(self.memory.part(terms.memory));
        let _cancel = deadline.cancel_on_drop();
        let running = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&deadline)
        });
        match running.await {
            Ok(result) => result,
            Err(error) => {
                tracing::error!(panicked = error.is_panic(), "query worker ended early");
                Err(QueryError::Internal("a query worker ended early"))
            }
        }
    }

    /// Returns the deadline of work that starts now.
    pub(crate) fn deadline(&self, timeout: Option<Duration>) -> Deadline {
        let most = self.deadline_max;
        Deadline::within(timeout.map_or(most, |timeout| timeout.min(most)))
    }

    async fn query_permit(&self, patience: Patience) -> Result<OwnedSemaphorePermit, QueryError> {
        let wait = match patience {
            Patience::Short => PERMIT_WAIT,
            Patience::Long => self.deadline_max,
        };
        let permit = Arc::clone(&self.queries).acquire_owned();
        match tokio::time::timeout(wait, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphore is never closed, so only the wait can end.
            Ok(Err(_)) | Err(_) => {
                Err(QueryError::Busy { what: "queries", limit: self.concurrency_max })
            }
        }
    }

    /// Returns the right to one live tail.
    pub(crate) fn tail_permit(&self) -> Result<OwnedSemaphorePermit, QueryError> {
        let permit = Arc::clone(&self.tails).try_acquire_owned();
        permit.map_err(|_| QueryError::Busy { what: "tails", limit: TAILS_MAX })
    }

    /// Returns the right to one export.
    pub(crate) fn export_permit(&self) -> Result<OwnedSemaphorePermit, QueryError> {
        let permit = Arc::clone(&self.exports).try_acquire_owned();
        permit.map_err(|_| QueryError::Busy { what: "exports", limit: EXPORTS_MAX })
    }
}
