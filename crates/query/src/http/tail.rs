//! `GET /api/v1/tail`: live records as server-sent events.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use tierlog_model::RecordKind;
use tierlog_model::memory::{Exhausted, MemoryLease, MemoryPart, MemoryUse};
use tierlog_model::metric_names::TAIL_MISSED;
use tierlog_problem::{Errors, Problem};
use tokio::sync::OwnedSemaphorePermit;
use tokio_stream::Stream;
use utoipa::IntoParams;

use super::caller::Asking;
use super::parameters::Parameters;
use super::problem::FollowingErrors;
use super::request::KindParameter;
use super::state::QueryState;
use crate::dialect::QueryText;
use crate::tail::{Tail, TailEvent};
use crate::warning::Warning;

/// Between comments on a quiet stream: shorter than the idle timeouts of common proxies (60 s),
/// and soon enough to notice a client that is gone.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Records up to this size are free of charge: there are at most a few dozen tails.
const FREE_BYTES_MAX: usize = 64 << 10;

/// Which live records to follow.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TailParameters {
    /// Query text, as in a search. Empty is every record.
    #[param(required = false)]
    q: String,
    /// Log lines (the default) or dead letters.
    #[param(inline, required = false)]
    kind: KindParameter,
}

impl TailParameters {
    fn take(parameters: &mut Parameters) -> Result<TailParameters, Problem> {
        let q = parameters.text("q")?.unwrap_or_default();
        Ok(TailParameters { q, kind: KindParameter::take(parameters)? })
    }
}

/// Follows the records that match a query, from now on.
///
/// Each event is one record: `data: {...}`. A client that reads too slowly gets an event `missed`
/// whose data, `{"records":N}`, says how many records passed it by, matching or not. Events
/// `warning`, before all others, say how the query was read. A comment comes every 15 seconds.
#[utoipa::path(
    get,
    path = "/api/v1/tail",
    tag = "query",
    params(TailParameters),
    responses(
        (status = 200, body = String, description = "The answer",
            content_type = "text/event-stream"),
        Errors<FollowingErrors>,
    )
)]
pub(super) async fn tail(
    State(state): State<Arc<QueryState>>,
    Asking(caller): Asking,
    mut parameters: Parameters,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let TailParameters { q, kind } = TailParameters::take(&mut parameters)?;
    let _held = parameters.finish()?;
    let permit = state.gate().tail_permit()?;
    let tenant = caller.tenant;
    let (q, kind) = (QueryText { q, start: None, end: None, kind: RecordKind::Log }, kind);
    let mut query = state.at_once(tenant, |session| session.read(&q))?;
    query.kind = kind.record_kind();
    let warnings = std::mem::take(&mut query.warnings).into_vec().into_iter();
    // Subscribed before the answer starts: what is acked after the answer's head is seen.
    let tail = state.searcher().tail(query, state.stop_token());
    let memory = state.config().memory.part(MemoryUse::Tails).clone();
    let events = TailEvents { warnings, tail, memory, lease: None, _permit: permit };
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat")))
}

/// A tail as events on the wire. Dropping it frees its permit.
struct TailEvents {
    warnings: std::vec::IntoIter<Warning>,
    tail: Tail,
    memory: MemoryPart,
    /// The lease of the event that the connection took last.
    lease: Option<MemoryLease>,
    _permit: OwnedSemaphorePermit,
}

impl Stream for TailEvents {
    type Item = Result<Event, Infallible>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Event, Infallible>>> {
        if let Some(warning) = self.warnings.next() {
            let data = serde_json::to_string(&warning).unwrap_or_default();
            return Poll::Ready(Some(Ok(Event::default().event("warning").data(data))));
        }
        let Some(event) = ready!(Pin::new(&mut self.tail).poll_next(context)) else {
            return Poll::Ready(None);
        };
        // The connection asks for an event after writing the event before.
        self.lease = None;
        let event = match self.lease_for(&event) {
            Ok(lease) => {
                self.lease = lease;
                event
            }
            Err(Exhausted { .. }) => {
                metrics::counter!(TAIL_MISSED).increment(1);
                TailEvent::Missed(1)
            }
        };
        Poll::Ready(Some(Ok(write(&event))))
    }
}

impl TailEvents {
    /// Leases the memory of an event on the way: record, text and frame.
    fn lease_for(&self, event: &TailEvent) -> Result<Option<MemoryLease>, Exhausted> {
        match event {
            TailEvent::Record(record) if record.memory_bytes() > FREE_BYTES_MAX => {
                self.memory.try_take(3 * record.memory_bytes() as u64).map(Some)
            }
            TailEvent::Record(_) | TailEvent::Missed(_) => Ok(None),
        }
    }
}

fn write(event: &TailEvent) -> Event {
    match event {
        // A record always serialises: its keys are texts.
        TailEvent::Record(record) => {
            Event::default().data(serde_json::to_string(record).unwrap_or_default())
        }
        TailEvent::Missed(records) => {
            Event::default().event("missed").data(format!("{{\"records\":{records}}}"))
        }
    }
}
