//! `GET /api/v1/openapi.json`: the contract itself, made from the handlers' own documentation.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use super::parameters::Parameters;
use super::problem::Problem;
use super::state::QueryState;

/// The query side of the contract.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Tierlog", description = "Log store: an ack means fsynced, retention by level."),
    paths(
        super::search::search,
        super::requests::request,
        super::users::user,
        super::users::user_by_body,
        super::aggregate::aggregate,
        super::histogram::histogram,
        super::fields::fields,
        super::fields::values,
        super::tail::tail,
        super::export::export,
        super::tiers::tiers,
        openapi,
    ),
    tags(
        (name = "query", description = "Finds and counts records"),
        (name = "store", description = "What is kept, and until when"),
    )
)]
struct QueryApi;

/// Returns the query side of the contract; the root package merges ingest's into it.
pub fn contract() -> OpenApi {
    QueryApi::openapi()
}

/// Returns this contract.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "store",
    responses((status = 200, body = Object))
)]
pub(super) async fn openapi(
    State(state): State<Arc<QueryState>>,
    parameters: Parameters,
) -> Result<Json<OpenApi>, Problem> {
    parameters.finish()?;
    Ok(Json(state.contract().clone()))
}
