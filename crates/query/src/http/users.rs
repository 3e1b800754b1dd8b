//! `GET /api/v1/users/{user_id}`, and `POST /api/v1/users` with the id in the body, so that it
//! stays out of access logs and browser histories.

use std::sync::Arc;
use std::time::Duration;

use axum::routing::{MethodRouter, get, post};
use tierlog_model::fields;
use tierlog_model::memory::MemoryUse;
use tierlog_problem::{Errors, Problem};

use super::body::JsonAnswer;
use super::parameters::Parameters;
use super::problem::Paging;
use super::request::Scope;
use super::resource::{Reply, Resource, ask};
use super::search::{SearchAnswer, SearchParameters};
use super::state::QueryState;
use crate::config::QueryConfig;
use crate::error::QueryError;
use crate::expr::Expr;
use crate::session::Session;

/// The newest records of a user, as parameters say.
pub(super) struct UserResource {
    /// The plain id, or its pseudonym.
    user_id: String,
    scope: Scope,
    page: SearchParameters,
}

impl Resource for UserResource {
    const MEMORY: MemoryUse = MemoryUse::Hits;

    fn take(parameters: &mut Parameters, config: &QueryConfig) -> Result<Self, Problem> {
        let missing = || Problem::parameter("user_id", "\"user_id\" is missing");
        Ok(UserResource {
            user_id: parameters.text("user_id")?.ok_or_else(missing)?,
            scope: Scope::take(parameters)?,
            page: SearchParameters::take(parameters, config.hits_max)?,
        })
    }

    fn timeout(&self) -> Option<Duration> {
        self.scope.timeout()
    }

    fn answer(self, session: &Session<'_>, reply: &Reply) -> Result<JsonAnswer, QueryError> {
        let mut query = session.read(&self.scope.into_text())?;
        let user = session.id_condition(fields::USER_ID, &self.user_id);
        query.expr = Expr::all_of([user, query.expr]);
        self.page.page(query, session, reply)
    }
}

/// Returns the newest records of a user. The id is plain or a pseudonym.
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
pub(super) fn user() -> MethodRouter<Arc<QueryState>> {
    get(ask::<UserResource>)
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
pub(super) fn user_by_body() -> MethodRouter<Arc<QueryState>> {
    post(ask::<UserResource>)
}
