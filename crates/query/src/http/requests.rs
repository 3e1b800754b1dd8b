//! `GET /api/v1/requests/{request_id}`: every line of one request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::{MethodRouter, get};
use serde::Serialize;
use tierlog_model::memory::MemoryUse;
use tierlog_problem::{Errors, Problem};
use utoipa::{IntoParams, ToSchema};

use super::answer::Wholeness;
use super::body::{Apart, JsonAnswer};
use super::parameters::Parameters;
use super::problem::LookUpErrors;
use super::resource::{Reply, Resource, ask};
use super::state::QueryState;
use crate::config::QueryConfig;
use crate::error::QueryError;
use crate::lookup::{self, LevelState, LevelStatus, RequestSummary};
use crate::session::Session;

/// How long the look-up may take.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RequestParameters {
    /// Longest time of the query, such as `5s`.
    #[param(value_type = Option<String>)]
    timeout: Option<Duration>,
}

/// Every line of one request.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RequestAnswer {
    /// The id as asked.
    request_id: String,
    /// The lines, oldest first: flat objects with whatever fields they have.
    #[schema(value_type = Vec<Object>)]
    records: Apart,
    /// Services of the lines, in the order of the first line of each.
    services: Vec<String>,
    /// How long the request took, as far as its lines tell. Null without lines.
    duration_ms: Option<f64>,
    /// What is there of each level.
    levels: BTreeMap<&'static str, LevelAnswer>,
    /// Milliseconds that the server took.
    took_ms: u64,
    /// Whether it is whole.
    #[serde(flatten)]
    whole: Wholeness,
}

/// One level of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LevelAnswer {
    /// Lines of the level.
    count: u64,
    /// `present`: there are lines. `none`: there are none, and they would still be kept.
    /// `expired`: there are none, and the request is older than the level is kept.
    state: &'static str,
    /// When expired: lines of the level are kept from this moment on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    since: Option<String>,
}

impl From<LevelStatus> for LevelAnswer {
    fn from(status: LevelStatus) -> LevelAnswer {
        LevelAnswer {
            count: status.count,
            state: match status.state {
                LevelState::Present => "present",
                LevelState::None => "none",
                LevelState::Expired => "expired",
            },
            since: status.since.map(|moment| moment.to_string()),
        }
    }
}

impl RequestAnswer {
    fn new(request_id: String, summary: RequestSummary, took_ms: u64) -> RequestAnswer {
        let RequestSummary { services, duration_ms, levels, found } = summary;
        let level = |(level, status): (tierlog_model::Level, LevelStatus)| {
            (level.as_str(), LevelAnswer::from(status))
        };
        RequestAnswer {
            request_id,
            records: Apart,
            services,
            duration_ms,
            levels: levels.into_iter().map(level).collect(),
            took_ms,
            whole: Wholeness::of(
                found.partial_reasons,
                found.whole_from,
                found.partial_partitions,
                found.warnings,
            ),
        }
    }
}

/// The lines of a request.
pub(super) struct RequestResource {
    request_id: String,
    within: RequestParameters,
}

impl Resource for RequestResource {
    const MEMORY: MemoryUse = MemoryUse::Hits;

    fn take(parameters: &mut Parameters, _: &QueryConfig) -> Result<Self, Problem> {
        Ok(RequestResource {
            request_id: parameters.text("request_id")?.unwrap_or_default(),
            within: RequestParameters { timeout: parameters.duration("timeout")? },
        })
    }

    fn timeout(&self) -> Option<Duration> {
        self.within.timeout
    }

    fn answer(self, session: &Session<'_>, reply: &Reply) -> Result<JsonAnswer, QueryError> {
        let mut records = reply.records();
        let summary = lookup::request(session, &self.request_id, &mut records)?;
        let answer = RequestAnswer::new(self.request_id, summary, reply.took_ms());
        reply.around(records, "records", &answer)
    }
}

/// Returns every line of a request across tiers, oldest first, and what is there of each level.
#[utoipa::path(
    get,
    path = "/api/v1/requests/{request_id}",
    tag = "query",
    params(("request_id" = String, Path, description = "The id that the lines share"),
        RequestParameters),
    responses(
        (status = 200, body = RequestAnswer, description = "The answer"),
        Errors<LookUpErrors>,
    )
)]
pub(super) fn request() -> MethodRouter<Arc<QueryState>> {
    get(ask::<RequestResource>)
}
