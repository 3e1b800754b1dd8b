//! The one shape of a resource that answers with a document: parameters are taken, the caller's
//! session answers behind the gate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use serde::Serialize;
use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_problem::Problem;

use super::answer::took_ms;
use super::body::{JsonAnswer, Records};
use super::caller::Asking;
use super::parameters::Parameters;
use super::state::QueryState;
use crate::config::QueryConfig;
use crate::error::QueryError;
use crate::gate::{Allowance, Patience};
use crate::session::Session;

/// The parameters of a resource, and how they are answered.
pub(super) trait Resource: Sized + Send + 'static {
    /// The part of the budget that lends the query's memory.
    const MEMORY: MemoryUse;

    /// Takes the parameters that the resource knows; others are refused.
    fn take(parameters: &mut Parameters, config: &QueryConfig) -> Result<Self, Problem>;

    /// Returns the client's own deadline.
    fn timeout(&self) -> Option<Duration>;

    /// Answers on a blocking thread.
    fn answer(self, session: &Session<'_>, reply: &Reply) -> Result<JsonAnswer, QueryError>;
}

/// Makes the answer of a request.
pub(super) struct Reply {
    started: Instant,
    answers: MemoryPart,
    answer_bytes_max: usize,
}

impl Reply {
    /// Returns the milliseconds since the request came.
    pub(super) fn took_ms(&self) -> u64 {
        took_ms(self.started)
    }

    /// Serialises a document.
    pub(super) fn document(&self, document: &impl Serialize) -> Result<JsonAnswer, QueryError> {
        JsonAnswer::of(document, &self.answers)
    }

    /// Returns room for records.
    pub(super) fn records(&self) -> Records {
        Records::up_to(self.answer_bytes_max, &self.answers)
    }

    /// Serialises a document with records in a field of the document.
    pub(super) fn around(
        &self,
        records: Records,
        field: &str,
        document: &impl Serialize,
    ) -> Result<JsonAnswer, QueryError> {
        JsonAnswer::around(records, field, document, &self.answers)
    }
}

/// Handles a request for a resource. The answer is serialised where the query ran, so that what the
/// query holds of a part of the budget is held until the answer holds its own.
pub(super) async fn ask<R: Resource>(
    State(state): State<Arc<QueryState>>,
    Asking(caller): Asking,
    mut parameters: Parameters,
) -> Result<JsonAnswer, Problem> {
    let started = Instant::now();
    let resource = R::take(&mut parameters, state.config())?;
    let _held = parameters.finish()?;
    let answer_bytes_max = state.config().answer_bytes_max;
    let reply = Reply { started, answers: state.answers().clone(), answer_bytes_max };
    let terms =
        Allowance { memory: R::MEMORY, patience: Patience::Short, timeout: resource.timeout() };
    let work = move |session: &Session<'_>| resource.answer(session, &reply);
    Ok(state.run(caller.tenant, terms, work).await?)
}
