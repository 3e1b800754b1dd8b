//! `POST /api/v1/config/reload`: reads the configuration again, takes it over or refuses it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router, middleware};
use tierlog_problem::{Code, ErrorSet, Errors, Problem};

use super::{ReloadReport, Reloader};
use crate::maintenance::http::require_confirmation;

/// Errors of a reload.
struct Reloading;

impl ErrorSet for Reloading {
    const CODES: &'static [Code] = &[Code::ConfirmationRequired, Code::InvalidConfiguration];
}

/// Returns the route.
pub(crate) fn reload_router(reloader: Arc<Reloader>) -> Router {
    Router::new()
        .route("/api/v1/config/reload", post(reload))
        .route_layer(middleware::from_fn(require_confirmation))
        .with_state(reloader)
}

/// Reads the configuration again. The whole of it is checked: it is taken over, or refused with all
/// problems, and then nothing has changed.
#[utoipa::path(post, path = "/api/v1/config/reload", tag = "operations",
    params(("Tierlog-Confirm" = String, Header, description = "any value")),
    responses((status = 200, body = ReloadReport), Errors<Reloading>))]
pub(crate) async fn reload(State(reloader): State<Arc<Reloader>>) -> Response {
    match tokio::task::spawn_blocking(move || reloader.reload()).await {
        Ok(Ok(report)) => Json(report).into_response(),
        Ok(Err(problems)) => {
            Problem::new(Code::InvalidConfiguration, problems.to_string()).into_response()
        }
        Err(ended) => {
            tracing::error!(panicked = ended.is_panic(), "reload ended early");
            Problem::new(Code::Internal, "internal error").into_response()
        }
    }
}
