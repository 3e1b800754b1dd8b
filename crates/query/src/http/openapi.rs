//! `GET /api/v1/openapi.json`: the contract itself, made from the handlers' own documentation.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tierlog_problem::{Errors, Problem, add_errors};
use utoipa::openapi::{OpenApi, PathItem};

use super::parameters::Parameters;
use super::problem::{BODY_ERRORS, Listing};
use super::state::QueryState;

/// Returns the query side of the contract; the root package merges ingest's into it.
pub fn contract() -> OpenApi {
    let mut contract = super::api::contract();
    contract.paths.paths.values_mut().for_each(part);
    contract
}

/// A handler of two methods documents both at once: GET has no body, POST reads its parameters
/// there, and every operation has a name of its own. Only a POST meets the errors of a body.
fn part(path: &mut PathItem) {
    if let (Some(get), Some(post)) = (&mut path.get, &mut path.post) {
        get.request_body = None;
        post.operation_id = post.operation_id.as_ref().map(|name| format!("{name}_by_body"));
    }
    if let Some(post) = &mut path.post {
        add_errors(post, BODY_ERRORS);
    }
}

/// Returns this contract.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "store",
    responses((status = 200, body = Object, description = "The answer"), Errors<Listing>)
)]
pub(super) async fn openapi(
    State(state): State<Arc<QueryState>>,
    parameters: Parameters,
) -> Result<Json<OpenApi>, Problem> {
    let _held = parameters.finish()?;
    Ok(Json(state.contract().clone()))
}
