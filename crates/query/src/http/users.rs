//! `GET /api/v1/users/{user_id}`, and `POST /api/v1/users` with the id in the body, so that it
//! stays out of access logs and browser histories.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use tierlog_problem::{Errors, PathText, Problem};

use super::body::{Answer, Records};
use super::parameters::Parameters;
use super::problem::Paging;
use super::request::Scope;
use super::search::{SearchAnswer, SearchParameters, answer_hits};
use super::state::QueryState;
use crate::engine::Engine;
use crate::execute::{Deadline, UserRequest};

/// Returns the newest records of a user. The id is the plain one, or its pseudonym.
#[utoipa::path(
    get,
    path = "/api/v1/users/{user_id}",
    tag = "query",
    params(("user_id" = String, Path, description = "Plain id, or pseudonym"), Scope,
        SearchParameters),
    responses(
        (status = 200, body = SearchAnswer, description = "The answer"),
        Errors<Paging>,
    )
)]
pub(super) async fn user(
    State(state): State<Arc<QueryState>>,
    PathText(user_id): PathText,
    parameters: Parameters,
) -> Result<Answer, Problem> {
    lines_of(&state, user_id, parameters).await
}

/// Returns the newest records of a user whose id stands in the body, as `user_id`, beside the
/// parameters of a search.
#[utoipa::path(
    post,
    path = "/api/v1/users",
    tag = "query",
    request_body(content = Object, description = "`user_id`, and the parameters of a search",
        example = json!({"user_id": "4242", "start": "now-1d"})),
    responses(
        (status = 200, body = SearchAnswer, description = "The answer"),
        Errors<Paging>,
    )
)]
pub(super) async fn user_by_body(
    State(state): State<Arc<QueryState>>,
    mut parameters: Parameters,
) -> Result<Answer, Problem> {
    let missing = || Problem::parameter("user_id", "\"user_id\" is missing");
    let user_id = parameters.text("user_id")?.ok_or_else(missing)?;
    lines_of(&state, user_id, parameters).await
}

async fn lines_of(
    state: &QueryState,
    user_id: String,
    mut parameters: Parameters,
) -> Result<Answer, Problem> {
    let started = Instant::now();
    let scope = Scope::take(&mut parameters)?;
    let page = SearchParameters::take(&mut parameters, state.engine().config().hits_max)?;
    let _held = parameters.finish()?;
    let timeout = scope.timeout();
    let request = UserRequest { user_id, search: page.into_request(scope.into_plan()) };
    let search = move |engine: &Engine, deadline: &Deadline, records: &mut Records| {
        engine.user_into(&request, deadline, records)
    };
    answer_hits(state, timeout, started, search).await
}
