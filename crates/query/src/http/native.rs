//! Our own API: `/api/v1`.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use utoipa::OpenApi as _;

use super::api::Api;
use super::state::QueryState;
use super::{aggregate, export, fields, histogram, openapi, requests, search, tail, tiers, users};

/// Our own API.
pub(super) const API: Api =
    Api { name: "tierlog", routes, contract: NativeContract::openapi, errors: &[] };

fn routes() -> Router<Arc<QueryState>> {
    Router::new()
        .route("/api/v1/search", search::search())
        .route("/api/v1/requests/{request_id}", requests::request())
        .route("/api/v1/users", users::user_by_body())
        .route("/api/v1/users/{user_id}", users::user())
        .route("/api/v1/aggregate", aggregate::aggregate())
        .route("/api/v1/histogram", histogram::histogram())
        .route("/api/v1/fields", fields::fields())
        .route("/api/v1/fields/{name}/values", fields::values())
        .route("/api/v1/tail", get(tail::tail))
        .route("/api/v1/export", get(export::export))
        .route("/api/v1/tiers", get(tiers::tiers))
        .route("/api/v1/openapi.json", get(openapi::openapi))
}

/// The documentation of the routes below.
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
        super::openapi::openapi,
    ),
    tags(
        (name = "query", description = "Finds and counts records"),
        (name = "store", description = "What is kept, and until when"),
    )
)]
struct NativeContract;
