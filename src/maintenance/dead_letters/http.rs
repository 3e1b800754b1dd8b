//! Routes of dead letters.
//!
//! ```text
//! GET  /api/v1/dead-letters?reason=&start=&end=&id=&limit=
//! GET  /api/v1/dead-letters/{id}
//! POST /api/v1/dead-letters/replay?reason=&start=&end=&id=&all=
//! POST /api/v1/dead-letters/drop?reason=&start=&end=&id=&all=
//! ```
//!
//! A POST needs the confirming header, as every change does, and must name the letters.

use std::sync::Arc;

use axum::extract::State;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use tierlog_ingest::Ingest;
use tierlog_model::memory::MemoryPart;
use tierlog_model::{Caller, Clock};
use tierlog_problem::{Code, ErrorSet, Errors, PathText, Problem, QueryOf};
use tierlog_store::{LetterSelection, Store};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::report::{Letter, LetterList, LettersDropped, LettersReplayed};
use super::{LetterParameters, ReplayError};
use crate::live::Live;
use crate::maintenance::http::{Changing, blocking, require_confirmation};

/// What the routes work on.
pub(crate) struct LettersState {
    store: Store,
    ingest: Arc<Live<Ingest>>,
    clock: Arc<dyn Clock>,
    /// Cancelled when the server stops: a replay ends with its page.
    stop: CancellationToken,
    /// Changes, one at a time.
    turn: Arc<Semaphore>,
    /// The budget of listings in work.
    hits: MemoryPart,
}

/// What one letter of a listing takes at most: its line is cut to four kibibytes.
const LETTER_BYTES: u64 = 8 << 10;

impl LettersState {
    /// Returns the state for a store and the way into it.
    pub(crate) fn new(
        store: Store,
        ingest: Arc<Live<Ingest>>,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
        hits: MemoryPart,
    ) -> LettersState {
        LettersState { store, ingest, clock, stop, turn: Arc::new(Semaphore::new(1)), hits }
    }

    /// Returns the letters of a change and the turn, or the refusal.
    fn begin_change(
        &self,
        caller: &Caller,
        parameters: &LetterParameters,
    ) -> Result<(LetterSelection, OwnedSemaphorePermit), Problem> {
        let selection = parameters
            .selection_to_change(caller.tenant, self.clock.now())
            .map_err(|detail| Problem::new(Code::InvalidParameter, detail))?;
        let turn = Arc::clone(&self.turn).try_acquire_owned();
        let turn = turn.map_err(|_| Problem::new(Code::Busy, CHANGING))?;
        Ok((selection, turn))
    }
}

/// Errors of a listing.
struct Listing;

impl ErrorSet for Listing {
    const CODES: &'static [Code] = &[Code::InvalidParameter, Code::Busy, Code::Maintenance];
}

/// Errors of a look at one letter.
struct Showing;

impl ErrorSet for Showing {
    const CODES: &'static [Code] = &[Code::InvalidParameter, Code::NotFound, Code::Maintenance];
}

/// Errors of a replay, which sends lines through ingest.
struct Replaying;

impl ErrorSet for Replaying {
    const CODES: &'static [Code] = &[
        Code::InvalidParameter,
        Code::ConfirmationRequired,
        Code::Busy,
        Code::Maintenance,
        Code::StoreRefusesWrites,
        Code::ShuttingDown,
        Code::DiskFull,
    ];
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
    responses((status = 200, body = LetterList), Errors<Listing>))]
pub(crate) async fn list(
    State(state): State<Arc<LettersState>>,
    Extension(caller): Extension<Caller>,
    QueryOf(parameters): QueryOf<LetterParameters>,
) -> Response {
    let read = parameters
        .selection(caller.tenant, state.clock.now())
        .and_then(|own| Ok((own, parameters.limit()?)));
    let (selection, limit) = match read {
        Ok(read) => read,
        Err(detail) => return Problem::new(Code::InvalidParameter, detail).into_response(),
    };
    let Ok(_room) = state.hits.try_take(limit as u64 * LETTER_BYTES) else {
        let detail = "searches hold the memory that this listing needs, try again later";
        return Problem::new(Code::Busy, detail).into_response();
    };
    blocking(move || super::list(&state.store, &selection, limit)).await
}

/// Returns one dead letter.
#[utoipa::path(get, path = "/api/v1/dead-letters/{id}", tag = "store",
    params(("id" = u64, Path, description = "its number")),
    responses((status = 200, body = Letter), Errors<Showing>))]
pub(crate) async fn show(
    State(state): State<Arc<LettersState>>,
    Extension(caller): Extension<Caller>,
    PathText(id): PathText,
) -> Response {
    let Ok(id) = id.parse() else {
        return Problem::parameter("id", "id: expected a number").into_response();
    };
    let store = state.store.clone();
    match tokio::task::spawn_blocking(move || super::show(&store, caller.tenant, id)).await {
        Ok(Ok(Some(letter))) => Json(letter).into_response(),
        Ok(Ok(None)) => {
            let detail = "there is no dead letter of this number";
            Problem::new(Code::NotFound, detail).into_response()
        }
        Ok(Err(error)) => failed(error.into()),
        Err(_) => failed(ReplayError::Thread),
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
    responses((status = 200, body = LettersReplayed), Errors<Replaying>))]
pub(crate) async fn replay(
    State(state): State<Arc<LettersState>>,
    Extension(caller): Extension<Caller>,
    QueryOf(parameters): QueryOf<LetterParameters>,
) -> Response {
    let (selection, turn) = match state.begin_change(&caller, &parameters) {
        Ok(begun) => begun,
        Err(problem) => return problem.into_response(),
    };
    // On a task of its own: a client that leaves does not cut a page in two.
    let work = async move {
        let _turn = turn;
        let LettersState { store, ingest, clock, stop, .. } = state.as_ref();
        super::replay(store, &ingest.current(), clock.as_ref(), selection, stop).await
    };
    match tokio::spawn(work).await {
        Ok(Ok(report)) => Json(report).into_response(),
        Ok(Err(error)) => failed(error),
        Err(_) => failed(ReplayError::Thread),
    }
}

/// Drops dead letters.
#[utoipa::path(post, path = "/api/v1/dead-letters/drop", tag = "store",
    params(
        LettersToChange,
        ("Tierlog-Confirm" = String, Header, description = "any value"),
    ),
    responses((status = 200, body = LettersDropped), Errors<Changing>))]
pub(crate) async fn drop_letters(
    State(state): State<Arc<LettersState>>,
    Extension(caller): Extension<Caller>,
    QueryOf(parameters): QueryOf<LetterParameters>,
) -> Response {
    let (selection, turn) = match state.begin_change(&caller, &parameters) {
        Ok(begun) => begun,
        Err(problem) => return problem.into_response(),
    };
    blocking(move || {
        let _turn = turn;
        super::drop_letters(&state.store, &selection)
    })
    .await
}

/// Why a change has to wait.
const CHANGING: &str = "dead letters are being replayed or dropped already, try again later";

fn failed(error: ReplayError) -> Response {
    error!(%error, "dead letters: stopped half way");
    let problem = match error {
        ReplayError::Refused(refusal) => Problem::from(refusal),
        ReplayError::Store(_) | ReplayError::Thread => {
            Problem::new(Code::Maintenance, error.to_string())
        }
    };
    problem.into_response()
}
