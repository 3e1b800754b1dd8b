//! Routes of dead letters.
//!
//! ```text
//! GET  /api/v1/dead-letters?reason=&start=&end=&id=&limit=
//! GET  /api/v1/dead-letters/{id}
//! POST /api/v1/dead-letters/replay?reason=&start=&end=&id=&all=
//! POST /api/v1/dead-letters/drop?reason=&start=&end=&id=&all=
//! ```
//!
//! A POST needs the confirming header of every maintenance that changes something, and has to say
//! which letters it means.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tierlog_ingest::Ingest;
use tierlog_model::memory::MemoryPart;
use tierlog_model::{Clock, Refusal};
use tierlog_store::{LetterSelection, Store};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::report::{Letter, LetterList, LettersDropped, LettersReplayed};
use super::{LetterParameters, ReplayError};
use crate::maintenance::http::{blocking, require_confirmation};
use crate::problem::problem;

/// What the routes work on.
pub(crate) struct LettersState {
    store: Store,
    ingest: Arc<Ingest>,
    clock: Arc<dyn Clock>,
    /// Cancelled when the server stops: a replay ends with its page.
    stop: CancellationToken,
    /// Changes, one at a time.
    turn: Arc<Semaphore>,
    /// What listings lend from while they are made.
    hits: MemoryPart,
}

/// What one letter of a listing takes at most: its line is cut to four kibibytes.
const LETTER_BYTES: u64 = 8 << 10;

impl LettersState {
    /// Returns the state for a store and the way into it.
    pub(crate) fn new(
        store: Store,
        ingest: Arc<Ingest>,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
        hits: MemoryPart,
    ) -> LettersState {
        LettersState { store, ingest, clock, stop, turn: Arc::new(Semaphore::new(1)), hits }
    }

    /// Returns which letters a change means, and its turn; or the answer that refuses it.
    fn begin_change(
        &self,
        parameters: &LetterParameters,
    ) -> Result<(LetterSelection, OwnedSemaphorePermit), Box<Response>> {
        let selection = parameters
            .selection_to_change(self.clock.now())
            .map_err(|detail| Box::new(invalid(&detail)))?;
        let turn =
            Arc::clone(&self.turn).try_acquire_owned().map_err(|_| Box::new(busy(CHANGING)))?;
        Ok((selection, turn))
    }
}

/// Returns the routes.
pub(crate) fn letters_router(state: Arc<LettersState>) -> Router {
    let changing = Router::new()
        .route("/api/v1/dead-letters/replay", post(replay))
        .route("/api/v1/dead-letters/drop", post(drop_letters))
        .route_layer(middleware::from_fn(require_confirmation));
    Router::new()
        .route("/api/v1/dead-letters", get(list))
        .route("/api/v1/dead-letters/{id}", get(show))
        .merge(changing)
        .with_state(state)
}

/// Lists the newest dead letters, and counts all of the selection by reason.
#[utoipa::path(get, path = "/api/v1/dead-letters", tag = "store",
    params(
        ("reason" = Option<String>, Query, description = "only those rejected for this reason"),
        ("start" = Option<String>, Query, description = "arrived at this moment or later: RFC 3339, unix time, now-1h"),
        ("end" = Option<String>, Query, description = "arrived before this moment"),
        ("id" = Option<String>, Query, description = "only these numbers, with commas between"),
        ("limit" = Option<u64>, Query, description = "most letters to show, 100 by default, at most 1000"),
    ),
    responses((status = 200, body = LetterList)))]
pub(crate) async fn list(
    State(state): State<Arc<LettersState>>,
    Query(parameters): Query<LetterParameters>,
) -> Response {
    let read =
        parameters.selection(state.clock.now()).and_then(|own| Ok((own, parameters.limit()?)));
    let (selection, limit) = match read {
        Ok(read) => read,
        Err(detail) => return invalid(&detail),
    };
    let Ok(_room) = state.hits.try_take(limit as u64 * LETTER_BYTES) else {
        return busy("searches hold the memory that this listing needs, try again later");
    };
    blocking(move || super::list(&state.store, &selection, limit)).await
}

/// Returns one dead letter.
#[utoipa::path(get, path = "/api/v1/dead-letters/{id}", tag = "store",
    params(("id" = u64, Path, description = "its number")),
    responses((status = 200, body = Letter), (status = 404, description = "there is no such letter")))]
pub(crate) async fn show(
    State(state): State<Arc<LettersState>>,
    Path(id): Path<String>,
) -> Response {
    let Ok(id) = id.parse() else { return invalid("id: expected a number") };
    let store = state.store.clone();
    match tokio::task::spawn_blocking(move || super::show(&store, id)).await {
        Ok(Ok(Some(letter))) => Json(letter).into_response(),
        Ok(Ok(None)) => {
            problem(StatusCode::NOT_FOUND, "not_found", "there is no dead letter of this number")
        }
        Ok(Err(error)) => failed(&error.into()),
        Err(_) => failed(&ReplayError::Thread),
    }
}

/// How the contract describes the [`LetterParameters`] of a change.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "nothing but its description is used")]
struct LettersToChange {
    /// only those rejected for this reason
    reason: Option<String>,
    /// arrived at this moment or later
    start: Option<String>,
    /// arrived before this moment
    end: Option<String>,
    /// only these numbers, with commas between
    id: Option<String>,
    /// true: all of them
    all: Option<bool>,
}

/// Sends dead letters through ingest once more. Those that are records now are dead letters no
/// more; those that are rejected again stay.
#[utoipa::path(post, path = "/api/v1/dead-letters/replay", tag = "store",
    params(
        LettersToChange,
        ("Tierlog-Confirm" = String, Header, description = "any value"),
    ),
    responses((status = 200, body = LettersReplayed)))]
pub(crate) async fn replay(
    State(state): State<Arc<LettersState>>,
    Query(parameters): Query<LetterParameters>,
) -> Response {
    let (selection, turn) = match state.begin_change(&parameters) {
        Ok(begun) => begun,
        Err(refusal) => return *refusal,
    };
    // On a task of its own: a client that leaves does not cut a page in two.
    let work = async move {
        let _turn = turn;
        let LettersState { store, ingest, clock, stop, .. } = state.as_ref();
        super::replay(store, ingest, clock.as_ref(), selection, stop).await
    };
    match tokio::spawn(work).await {
        Ok(Ok(report)) => Json(report).into_response(),
        Ok(Err(error)) => failed(&error),
        Err(_) => failed(&ReplayError::Thread),
    }
}

/// Drops dead letters.
#[utoipa::path(post, path = "/api/v1/dead-letters/drop", tag = "store",
    params(
        LettersToChange,
        ("Tierlog-Confirm" = String, Header, description = "any value"),
    ),
    responses((status = 200, body = LettersDropped)))]
pub(crate) async fn drop_letters(
    State(state): State<Arc<LettersState>>,
    Query(parameters): Query<LetterParameters>,
) -> Response {
    let (selection, turn) = match state.begin_change(&parameters) {
        Ok(begun) => begun,
        Err(refusal) => return *refusal,
    };
    blocking(move || {
        let _turn = turn;
        super::drop_letters(&state.store, &selection)
    })
    .await
}

/// Why a change has to wait.
const CHANGING: &str = "dead letters are being replayed or dropped already, try again later";

fn busy(detail: &str) -> Response {
    let mut answer = problem(StatusCode::TOO_MANY_REQUESTS, "busy", detail);
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

fn invalid(detail: &str) -> Response {
    problem(StatusCode::BAD_REQUEST, "invalid_parameter", detail)
}

fn failed(error: &ReplayError) -> Response {
    error!(%error, "dead letters: stopped half way");
    let detail = error.to_string();
    match error {
        ReplayError::Refused(Refusal::DiskFull) => {
            problem(StatusCode::INSUFFICIENT_STORAGE, "disk_full", &detail)
        }
        ReplayError::Refused(_) => {
            problem(StatusCode::SERVICE_UNAVAILABLE, "store_refuses_writes", &detail)
        }
        ReplayError::Store(_) | ReplayError::Thread => {
            problem(StatusCode::INTERNAL_SERVER_ERROR, "maintenance", &detail)
        }
    }
}
