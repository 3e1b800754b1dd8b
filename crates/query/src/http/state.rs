//! The query API's state: the engine, the gate before the engine, what texts are read with.

use std::sync::Arc;

use axum::extract::FromRef;
use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{Clock, Pseudonyms, Tenant};
use tierlog_store::Store;
use tokio_util::sync::CancellationToken;
use utoipa::openapi::OpenApi;

use super::parameters::BodyBounds;
use crate::config::QueryConfig;
use crate::dialect::Language;
use crate::engine::Engine;
use crate::error::QueryError;
use crate::execute::Deadline;
use crate::gate::{Allowance, Gate};
use crate::searcher::Searcher;
use crate::session::Session;

/// State of the query API.
pub struct QueryState {
    shared: Arc<Shared>,
    gate: Gate,
    stop: CancellationToken,
    contract: OpenApi,
}

/// What the blocking threads of queries share.
struct Shared {
    searcher: Arc<dyn Searcher>,
    language: Language,
    config: Arc<QueryConfig>,
}

impl FromRef<Arc<QueryState>> for BodyBounds {
    fn from_ref(state: &Arc<QueryState>) -> BodyBounds {
        let config = state.config();
        let memory = config.memory.part(MemoryUse::Hits).clone();
        BodyBounds { bytes_max: config.body_bytes_max, memory }
    }
}

impl QueryState {
    /// Returns the query API over the local store; as many queries run at once as the configuration
    /// says.
    pub fn new(
        store: Store,
        pseudonyms: Arc<Pseudonyms>,
        clock: Arc<dyn Clock>,
        config: QueryConfig,
    ) -> QueryState {
        let config = Arc::new(config);
        let engine = Engine::new(store, Arc::clone(&clock), Arc::clone(&config));
        QueryState::over(Arc::new(engine), pseudonyms, clock, config)
    }

    /// Returns the query API over an engine.
    pub(crate) fn over(
        searcher: Arc<dyn Searcher>,
        pseudonyms: Arc<Pseudonyms>,
        clock: Arc<dyn Clock>,
        config: Arc<QueryConfig>,
    ) -> QueryState {
        let gate = Gate::new(&config);
        let language = Language { pseudonyms, spellings: config.spellings.clone(), clock };
        QueryState {
            shared: Arc::new(Shared { searcher, language, config }),
            gate,
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
    pub(crate) fn searcher(&self) -> &Arc<dyn Searcher> {
        &self.shared.searcher
    }

    /// Returns the limits.
    pub(crate) fn config(&self) -> &QueryConfig {
        &self.shared.config
    }

    /// Returns the gate.
    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Returns the part of the budget that finished answers lend from.
    pub(super) fn answers(&self) -> &MemoryPart {
        self.config().memory.part(MemoryUse::Answers)
    }

    /// Runs a tenant's request behind the gate.
    pub(super) async fn run<T, F>(
        &self,
        tenant: Tenant,
        terms: Allowance,
        work: F,
    ) -> Result<T, QueryError>
    where
        T: Send + 'static,
        F: FnOnce(&Session<'_>) -> Result<T, QueryError> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        self.gate.run(terms, move |deadline| work(&shared.session(tenant, deadline))).await
    }

    /// Does what takes no time worth a thread in a tenant's session.
    pub(crate) fn at_once<T>(&self, tenant: Tenant, work: impl FnOnce(&Session<'_>) -> T) -> T {
        let deadline = self.gate.deadline(None);
        work(&self.shared.session(tenant, &deadline))
    }
}

impl Shared {
    fn session<'s>(&'s self, tenant: Tenant, deadline: &'s Deadline) -> Session<'s> {
        let Shared { searcher, language, config } = self;
        Session { searcher, language, tenant, deadline, config }
    }
}
