//! `GET /api/v1/requests/{request_id}`: every line of one request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use serde::Serialize;
use tierlog_model::memory::MemoryUse;
use tierlog_problem::{Errors, PathText, Problem};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Wholeness, took_ms};
use super::body::{Answer, Apart, Records};
use super::parameters::Parameters;
use super::problem::LookUp;
use super::state::{Patience, QueryState};
use crate::engine::Engine;
use crate::execute::{Deadline, LevelState, LevelStatus, RequestResponse};

/// How long the look-up may take.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RequestParameters {
    /// Longest time that the query may take, such as `5s`.
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
    /// Services that logged them, in the order of their first line.
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
    fn new(found: RequestResponse, started: Instant) -> RequestAnswer {
        let level = |(level, status): (tierlog_model::Level, LevelStatus)| {
            (level.as_str(), LevelAnswer::from(status))
        };
        RequestAnswer {
            request_id: found.request_id,
            records: Apart,
            services: found.services,
            duration_ms: found.duration_ms,
            levels: found.levels.into_iter().map(level).collect(),
            took_ms: took_ms(started),
            whole: Wholeness::of(
                found.partial_reasons,
                found.whole_from,
                found.partial_partitions,
                found.warnings,
            ),
        }
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
        Errors<LookUp>,
    )
)]
pub(super) async fn request(
    State(state): State<Arc<QueryState>>,
    PathText(request_id): PathText,
    mut parameters: Parameters,
) -> Result<Answer, Problem> {
    let started = Instant::now();
    let RequestParameters { timeout } =
        RequestParameters { timeout: parameters.duration("timeout")? };
    let _held = parameters.finish()?;
    let answers = state.answers().clone();
    let work = move |engine: &Engine, deadline: &Deadline| {
        let mut records = Records::up_to(engine.config().answer_bytes_max, &answers);
        let found = engine.request_into(&request_id, deadline, &mut records)?;
        Answer::around(records, "records", &RequestAnswer::new(found, started), &answers)
    };
    state.run(MemoryUse::Hits, Patience::Short, timeout, work).await
}
