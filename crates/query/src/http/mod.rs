//! The query API over HTTP: one file a resource.
//!
//! Arrives: requests on a router that the root package serves (it owns sockets, TLS, health and
//! metrics). Leaves: JSON, or `application/problem+json` with a stable code, for unknown paths,
//! methods and parameters too. No handler blocks: queries run on blocking threads, under a
//! semaphore and a deadline. The text of a query is never logged.

mod aggregate;
mod answer;
mod body;
mod duration;
mod export;
mod fields;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod histogram;
mod observe;
mod openapi;
mod parameters;
mod problem;
mod request;
mod requests;
mod search;
mod state;
mod tail;
#[cfg(test)]
pub(crate) mod tests;
mod tiers;
mod users;

use std::sync::Arc;

use axum::routing::get;
use axum::{Router, middleware};
use tierlog_problem::{method_not_allowed, not_found};

pub use observe::{ANSWER_STATUSES, answer_paths};
pub use openapi::contract;
pub use state::QueryState;

/// Returns the routes of the query API.
pub fn http_router(state: Arc<QueryState>) -> Router {
    Router::new()
        .route("/api/v1/search", get(search::search).post(search::search))
        .route("/api/v1/requests/{request_id}", get(requests::request))
        .route("/api/v1/users", axum::routing::post(users::user_by_body))
        .route("/api/v1/users/{user_id}", get(users::user))
        .route("/api/v1/aggregate", get(aggregate::aggregate).post(aggregate::aggregate))
        .route("/api/v1/histogram", get(histogram::histogram))
        .route("/api/v1/fields", get(fields::fields))
        .route("/api/v1/fields/{name}/values", get(fields::values))
        .route("/api/v1/tail", get(tail::tail))
        .route("/api/v1/export", get(export::export))
        .route("/api/v1/tiers", get(tiers::tiers))
        .route("/api/v1/openapi.json", get(openapi::openapi))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(observe::observe))
        .with_state(state)
}
