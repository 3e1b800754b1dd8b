//! What the handlers share, and the gate that every query goes through.
//!
//! A query waits a moment for a permit, then runs on a blocking thread under a deadline. The
//! permit lives as long as the work, not as long as the client: a thousand impatient clients
//! cannot start a thousand queries.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use serde::Serialize;
use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_problem::{Code, Problem};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use utoipa::openapi::OpenApi;

use super::body::Answer;
use super::parameters::BodyBounds;
use crate::engine::Engine;
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
pub(super) enum Patience {
    /// Half a second: a person waits.
    Short,
    /// As long as a query may take: an export is under way and would have to start again.
    Long,
}

/// State of the query API.
pub struct QueryState {
    engine: Engine,
    queries: Arc<Semaphore>,
    tails: Arc<Semaphore>,
    exports: Arc<Semaphore>,
    stop: CancellationToken,
    contract: OpenApi,
}

impl FromRef<Arc<QueryState>> for BodyBounds {
    fn from_ref(state: &Arc<QueryState>) -> BodyBounds {
        let config = state.engine.config();
        let memory = config.memory.part(MemoryUse::Hits).clone();
        BodyBounds { bytes_max: config.body_bytes_max, memory }
    }
}

impl QueryState {
    /// Returns the state for an engine; as many queries run at once as its configuration says.
    pub fn new(engine: Engine) -> QueryState {
        let queries = Arc::new(Semaphore::new(engine.config().concurrency_max));
        QueryState {
            engine,
            queries,
            tails: Arc::new(Semaphore::new(TAILS_MAX)),
            exports: Arc::new(Semaphore::new(EXPORTS_MAX)),
            stop: CancellationToken::new(),
            contract: super::contract(),
        }
    }

    /// Answers with this contract instead of the query side's own: the root package adds ingest.
    #[must_use]
    pub fn with_contract(mut self, contract: OpenApi) -> QueryState {
        self.contract = contract;
        self
    }

    /// Returns the token that ends answers without an end (tails, exports) when the server stops.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Returns the contract.
    pub(super) fn contract(&self) -> &OpenApi {
        &self.contract
    }

    /// Returns the engine.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns the part of the budget that finished answers lend from.
    pub(super) fn answers(&self) -> &MemoryPart {
        self.engine.config().memory.part(MemoryUse::Answers)
    }

    /// Runs a query on a blocking thread and serialises its answer there, so that what the query
    /// holds of a part of the budget is held until the answer holds its own. `timeout` shortens
    /// the configured deadline.
    pub(super) async fn answer<T, F>(
        &self,
        part_use: MemoryUse,
        timeout: Option<Duration>,
        work: F,
    ) -> Result<Answer, Problem>
    where
        T: Serialize,
        F: FnOnce(&Engine, &Deadline) -> Result<T, QueryError> + Send + 'static,
    {
        let answers = self.answers().clone();
        self.run(part_use, Patience::Short, timeout, move |engine, deadline| {
            Answer::of(&work(engine, deadline)?, &answers)
        })
        .await
    }

    /// Runs a query on a blocking thread under a part of the budget.
    pub(super) async fn run<T, F>(
        &self,
        part_use: MemoryUse,
        patience: Patience,
        timeout: Option<Duration>,
        work: F,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&Engine, &Deadline) -> Result<T, QueryError> + Send + 'static,
    {
        let permit = self.query_permit(patience).await?;
        let most = self.engine.config().deadline_max;
        let deadline = Deadline::within(timeout.map_or(most, |timeout| timeout.min(most)))
            .with_memory(self.engine.config().memory.part(part_use));
        let _cancel = deadline.cancel_on_drop();
        let engine = self.engine.clone();
        let running = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&engine, &deadline)
        });
        match running.await {
            Ok(result) => result.map_err(Problem::from),
            Err(error) => {
                tracing::error!(panicked = error.is_panic(), "query worker ended early");
                Err(Problem::new(Code::Internal, "internal error"))
            }
        }
    }

    async fn query_permit(&self, patience: Patience) -> Result<OwnedSemaphorePermit, Problem> {
        let wait = match patience {
            Patience::Short => PERMIT_WAIT,
            Patience::Long => self.engine.config().deadline_max,
        };
        let permit = Arc::clone(&self.queries).acquire_owned();
        match tokio::time::timeout(wait, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphore is never closed, so only the wait can end.
            Ok(Err(_)) | Err(_) => {
                Err(QueryError::Busy(self.engine.config().concurrency_max).into())
            }
        }
    }

    /// Returns the right to one live tail.
    pub(super) fn tail_permit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let permit = Arc::clone(&self.tails).try_acquire_owned();
        permit.map_err(|_| Problem::new(Code::Busy, format!("{TAILS_MAX} tails run already")))
    }

    /// Returns the right to one export.
    pub(super) fn export_permit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let permit = Arc::clone(&self.exports).try_acquire_owned();
        permit.map_err(|_| Problem::new(Code::Busy, format!("{EXPORTS_MAX} exports run already")))
    }
}
