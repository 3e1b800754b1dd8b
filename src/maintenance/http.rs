//! Maintenance routes of the query API, for the command line.
//!
//! ```text
//! GET  /api/v1/retention/status
//! GET  /api/v1/retention/plan?now=T
//! POST /api/v1/retention/run?now=T|trust_clock=true
//! POST /api/v1/compact?scope=closed_days|all
//! GET  /api/v1/verify
//! GET  /api/v1/quarantine
//! POST /api/v1/quarantine/acknowledge?entry=E|all=true
//! ```
//!
//! Each runs on a blocking thread. Of the routes that read or rewrite partitions (`run`, `compact`,
//! `verify`) one runs at a time, and the others are answered with 429 meanwhile. A POST must carry
//! the header [`CONFIRM_HEADER`]: a web page cannot send the header to another site without asking,
//! so no page that an engineer happens to open drops partitions of the server on that machine.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tierlog_model::Timestamp;
use tierlog_problem::{Code, ErrorSet, Errors, Problem, QueryOf};
use tierlog_store::{Store, StoreError};
use tokio::sync::Semaphore;
use tracing::error;

use super::{
    CompactReport, Moment, QuarantineAcknowledged, QuarantineList, RetentionPlan, RetentionStatus,
    Scope, VerifyReport,
};

/// Header of every confirmed change; any value confirms.
pub(crate) const CONFIRM_HEADER: &str = "tierlog-confirm";

/// What the routes work on.
pub(crate) struct MaintenanceState {
    store: Store,
    /// Long work, one at a time: it reads or rewrites whole partitions.
    turn: Arc<Semaphore>,
}

impl MaintenanceState {
    /// Returns the state for a store.
    pub(crate) fn new(store: Store) -> MaintenanceState {
        MaintenanceState { store, turn: Arc::new(Semaphore::new(1)) }
    }
}

/// Returns the maintenance routes.
pub(crate) fn maintenance_router(state: Arc<MaintenanceState>) -> Router {
    let changing = Router::new()
        .route("/api/v1/retention/run", post(run))
        .route("/api/v1/compact", post(compact))
        .route("/api/v1/quarantine/acknowledge", post(acknowledge))
        .route_layer(middleware::from_fn(require_confirmation));
    Router::new()
        .route("/api/v1/retention/status", get(status))
        .route("/api/v1/retention/plan", get(plan))
        .route("/api/v1/verify", get(verify))
        .route("/api/v1/quarantine", get(quarantine))
        .merge(changing)
        .with_state(state)
}

/// Errors of a look that takes no parameter.
pub(crate) struct Reading;

impl ErrorSet for Reading {
    const CODES: &'static [Code] = &[Code::Internal];
}

/// Errors of a look with parameters.
struct Planning;

impl ErrorSet for Planning {
    const CODES: &'static [Code] = &[Code::InvalidParameter];
}

/// Errors of long work that changes nothing.
struct Checking;

impl ErrorSet for Checking {
    const CODES: &'static [Code] = &[Code::Busy, Code::Maintenance];
}

/// Errors of long work that changes the store.
pub(crate) struct Changing;

impl ErrorSet for Changing {
    const CODES: &'static [Code] =
        &[Code::InvalidParameter, Code::ConfirmationRequired, Code::Busy, Code::Maintenance];
}

/// Errors of an acknowledgement, which waits for no other maintenance.
struct Acknowledging;

impl ErrorSet for Acknowledging {
    const CODES: &'static [Code] =
        &[Code::InvalidParameter, Code::ConfirmationRequired, Code::Maintenance];
}

/// The moment of a plan.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AtMoment {
    now: Option<String>,
    /// Believes the clock from here on, although it has jumped.
    trust_clock: Option<bool>,
}

/// The scope of a compaction.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InScope {
    #[serde(default = "closed_days")]
    scope: Scope,
}

/// What is acknowledged.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acknowledged {
    entry: Option<String>,
    all: Option<bool>,
}

fn closed_days() -> Scope {
    Scope::ClosedDays
}

/// Lists tiers and what they hold.
#[utoipa::path(get, path = "/api/v1/retention/status", tag = "store",
    responses((status = 200, body = RetentionStatus), Errors<Reading>))]
pub(crate) async fn status(State(state): State<Arc<MaintenanceState>>) -> Response {
    blocking(move || Ok(super::retention_status(&state.store))).await
}

/// Lists the partitions that retention would drop.
#[utoipa::path(get, path = "/api/v1/retention/plan", tag = "store",
    params(("now" = Option<String>, Query, description = "RFC 3339; the present when missing")),
    responses((status = 200, body = RetentionPlan), Errors<Planning>))]
pub(crate) async fn plan(
    State(state): State<Arc<MaintenanceState>>,
    QueryOf(at): QueryOf<AtMoment>,
) -> Response {
    let at = match moment(&at) {
        // Only `run` may make the clock believed.
        Ok(Moment::TrustedNow) => Moment::Now,
        Ok(at) => at,
        Err(problem) => return problem.into_response(),
    };
    blocking(move || Ok(super::retention_plan(&state.store, at))).await
}

/// Drops the partitions that are expired.
#[utoipa::path(post, path = "/api/v1/retention/run", tag = "store",
    params(
        ("now" = Option<String>, Query, description = "RFC 3339; the present when missing"),
        ("trust_clock" = Option<bool>, Query,
            description = "Believes the clock, and counts the time that the machine was off"),
        ("Tierlog-Confirm" = String, Header, description = "any value"),
    ),
    responses((status = 200, body = RetentionPlan), Errors<Changing>))]
pub(crate) async fn run(
    State(state): State<Arc<MaintenanceState>>,
    QueryOf(at): QueryOf<AtMoment>,
) -> Response {
    let at = match moment(&at) {
        Ok(at) => at,
        Err(problem) => return problem.into_response(),
    };
    in_turn(&state, move |store| super::retention_run(store, at)).await
}

/// Seals partitions.
#[utoipa::path(post, path = "/api/v1/compact", tag = "store",
    params(
        ("scope" = Option<Scope>, Query, description = "closed_days, or all: today's too"),
        ("Tierlog-Confirm" = String, Header, description = "any value"),
    ),
    responses((status = 200, body = CompactReport), Errors<Changing>))]
pub(crate) async fn compact(
    State(state): State<Arc<MaintenanceState>>,
    QueryOf(InScope { scope }): QueryOf<InScope>,
) -> Response {
    in_turn(&state, move |store| super::compact(store, scope)).await
}

/// Checks every checksum of the write-ahead log and of the partitions.
#[utoipa::path(get, path = "/api/v1/verify", tag = "store",
    responses((status = 200, body = VerifyReport), Errors<Checking>))]
pub(crate) async fn verify(State(state): State<Arc<MaintenanceState>>) -> Response {
    in_turn(&state, super::verify).await
}

/// Lists what lies in quarantine and nobody has acknowledged.
#[utoipa::path(get, path = "/api/v1/quarantine", tag = "store",
    responses((status = 200, body = QuarantineList), Errors<Reading>))]
pub(crate) async fn quarantine(State(state): State<Arc<MaintenanceState>>) -> Response {
    blocking(move || Ok(super::quarantine_list(&state.store))).await
}

/// Takes note of what lies in quarantine: it is kept until its time is over, and health and
/// answers do not speak of it any more.
#[utoipa::path(post, path = "/api/v1/quarantine/acknowledge", tag = "store",
    params(
        ("entry" = Option<String>, Query,
            description = "An entry, or `tenant/tier/day` for all entries of a partition"),
        ("all" = Option<bool>, Query, description = "Every entry"),
        ("Tierlog-Confirm" = String, Header, description = "any value"),
    ),
    responses((status = 200, body = QuarantineAcknowledged), Errors<Acknowledging>))]
pub(crate) async fn acknowledge(
    State(state): State<Arc<MaintenanceState>>,
    QueryOf(wanted): QueryOf<Acknowledged>,
) -> Response {
    let wanted = match (wanted.entry, wanted.all) {
        (Some(entry), None | Some(false)) => Some(entry),
        (None, Some(true)) => None,
        _ => {
            let problem = Problem::parameter("entry", "name an entry, or all=true");
            return problem.into_response();
        }
    };
    blocking(move || super::quarantine_acknowledge(&state.store, wanted.as_deref())).await
}

pub(crate) async fn require_confirmation(request: Request, next: Next) -> Response {
    if request.headers().contains_key(CONFIRM_HEADER) {
        return next.run(request).await;
    }
    let detail = "this changes what is stored: send the header Tierlog-Confirm";
    Problem::new(Code::ConfirmationRequired, detail).into_response()
}

fn moment(at: &AtMoment) -> Result<Moment, Problem> {
    match (&at.now, at.trust_clock) {
        (None, None | Some(false)) => Ok(Moment::Now),
        (None, Some(true)) => Ok(Moment::TrustedNow),
        (Some(_), Some(true)) => {
            Err(Problem::parameter("now", "now and trust_clock exclude each other"))
        }
        (Some(text), None | Some(false)) => {
            let moment = text.parse::<jiff::Timestamp>().map(Timestamp::from);
            let detail = "now must be RFC 3339, such as 2027-11-20T00:00:00Z";
            moment.map(Moment::At).map_err(|_| Problem::parameter("now", detail))
        }
    }
}

/// Runs long work on the store, unless some runs already.
async fn in_turn<T: Serialize + Send + 'static>(
    state: &MaintenanceState,
    work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Response {
    let store = state.store.clone();
    alone(&state.turn, move || work(&store)).await
}

/// Runs work on a blocking thread, unless the turn is taken.
async fn alone<T: Serialize + Send + 'static>(
    turn: &Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Response {
    let Ok(turn) = Arc::clone(turn).try_acquire_owned() else {
        let detail = "another maintenance runs already, try again when it is done";
        return Problem::new(Code::Busy, detail).into_response();
    };
    blocking(move || {
        let _turn = turn;
        work()
    })
    .await
}

pub(crate) async fn blocking<T: Serialize + Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Response {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(report)) => Json(report).into_response(),
        Ok(Err(error)) => {
            error!(%error, "maintenance stopped half way");
            Problem::new(Code::Maintenance, error.to_string()).into_response()
        }
        Err(error) => {
            error!(panicked = error.is_panic(), "maintenance worker ended early");
            Problem::new(Code::Internal, "internal error").into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header;
    use serde_json::Value;

    use super::*;

    async fn read(answer: Response) -> (u16, Value) {
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn work_that_stops_half_way_is_a_problem() {
        let locked = || Err::<(), _>(StoreError::Locked("data".into()));
        let (status, body) = read(blocking(locked).await).await;
        assert_eq!((status, &body["code"]), (500, &"maintenance".into()));
        let panics = || -> Result<(), StoreError> { panic!("a bug that quotes a line") };
        let (status, body) = read(blocking(panics).await).await;
        assert_eq!((status, &body["code"]), (500, &"internal".into()));
        assert!(!body.to_string().contains("quotes"), "{body}");
    }

    #[tokio::test]
    async fn long_work_is_done_one_at_a_time() {
        let turn = Arc::new(Semaphore::new(1));
        let held = Arc::clone(&turn).try_acquire_owned().unwrap();
        let refused = alone(&turn, || Ok("done")).await;
        assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
        let (status, body) = read(refused).await;
        assert_eq!((status, &body["code"]), (429, &"busy".into()));
        drop(held);
        assert_eq!(alone(&turn, || Ok("done")).await.status().as_u16(), 200);
        assert_eq!(turn.available_permits(), 1);
    }
}
