//! `GET /api/v1/openapi.json`: the contract itself, made from the handlers' own documentation.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tierlog_problem::{Errors, Problem, add_errors};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem, RefOr};

use super::parameters::Parameters;
use super::problem::{BODY_ERRORS, ListingErrors};
use super::state::QueryState;
use crate::aggregate::kind_names;

/// Returns the query side of the contract; the root package merges ingest's into it.
pub fn contract() -> OpenApi {
    let mut contract = super::api::contract();
    contract.paths.paths.values_mut().for_each(part);
    contract
}

/// Says behind the description of `aggs` which kinds of aggregations there are.
fn name_kinds(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(aggs) = parameter else { continue };
        if aggs.name != "aggs" {
            continue;
        }
        let names: Vec<String> = kind_names().into_iter().map(|name| format!("`{name}`")).collect();
        let description = aggs.description.get_or_insert_default();
        description.push_str(&format!(" Kinds: {}.", names.join(", ")));
    }
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
    for operation in [&mut path.get, &mut path.post].into_iter().flatten() {
        name_kinds(operation);
    }
}

/// Returns this contract.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "store",
    responses((status = 200, body = Object, description = "The answer"), Errors<ListingErrors>)
)]
pub(super) async fn openapi(
    State(state): State<Arc<QueryState>>,
    parameters: Parameters,
) -> Result<Json<OpenApi>, Problem> {
    let _held = parameters.finish()?;
    Ok(Json(state.contract().clone()))
}
