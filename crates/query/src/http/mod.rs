//! The read APIs over HTTP: one file a resource, one file a foreign API.
//!
//! Arrives: requests on a router that the root package serves (it owns sockets, TLS, health and
//! metrics). Leaves: JSON, or `application/problem+json` with a stable code, for unknown paths,
//! methods and parameters too. No handler blocks: queries run on blocking threads, under a
//! semaphore and a deadline. The text of a query is never logged.

mod aggregate;
mod answer;
mod api;
mod body;
mod caller;
mod duration;
mod es_count;
mod export;
mod fields;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod histogram;
mod native;
mod observe;
mod openapi;
mod parameters;
mod problem;
mod request;
mod requests;
mod resource;
mod search;
mod search_after;
mod state;
mod tail;
#[cfg(test)]
pub(crate) mod tests;
mod tiers;
mod users;

use std::sync::Arc;

use axum::{Router, middleware};
use tierlog_problem::{method_not_allowed, not_found};

pub use api::error_shapes;
pub use observe::{ANSWER_STATUSES, answer_paths};
pub use openapi::contract;
pub use state::QueryState;

/// Returns the routes of the query API. The listener in front puts the [`tierlog_model::Caller`]
/// into the extensions of every request; without a caller a request is refused.
pub fn http_router(state: Arc<QueryState>) -> Router {
    api::routes()
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(observe::observe))
        .with_state(state)
}
