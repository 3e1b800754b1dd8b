//! An HTTP connection under deadlines, beyond axum's own `serve`.
//!
//! ```text
//! request head   hyper's timer: header_timeout, also the longest idle keep-alive
//!                at most HEADERS_MAX headers and HEAD_BYTES_MAX bytes: 431 above
//! request body   DeadlineBody: body_timeout from the head to the last byte, and never less than
//!                BODY_BYTES_MIN in BODY_PATIENCE: 408; only time in which the client is waited
//!                for counts
//! answer         StallGuard: a client that takes next to nothing for write_timeout is cut off
//! the end        Linger: one that is still sending when it is answered gets to see the answer
//! ```
//!
//! The connection's seat is told whether the client is waited for (a head, a body) or something
//! is done for it (from the last byte of its body to the last byte of its answer).
//!
//! The stream is any `AsyncRead + AsyncWrite`, so TLS can be put under it.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tierlog_model::{Caller, SenderId};
use tierlog_problem::{Code, Problem};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::held_body::holding;
use super::linger::{Linger, Unread};
use super::pace::Pace;
use super::protect::Protected;
use super::seats::Seat;
use super::stall::StallGuard;

/// Headers of one request. Shippers and browsers send under 30.
const HEADERS_MAX: usize = 64;
/// Bytes of a request head. Proxies allow 8 to 16 KiB.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Bytes of the buffer that a connection reads into. hyper would let it grow to 400 KiB under a
/// fast sender and keep it: with a thousand of them, memory that no budget counts.
const READ_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// What must arrive of a body within [`BODY_PATIENCE`]: a hundred bodies that drip would hold the
/// memory of all others.
const BODY_BYTES_MIN: usize = 16 * 1024;
/// See [`BODY_BYTES_MIN`]. A pause of a mobile line is shorter.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// Meaning of a half-closed connection: the client has ended its sending half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HalfClosed {
    /// The client waits for the answer, so the request is finished.
    Waits,
    /// The client has left, so the work is given up and no query runs in vain.
    Left,
}

/// Deadlines of one HTTP connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpDeadlines {
    /// Time for a whole request head, and the longest idle keep-alive.
    pub(crate) header: Duration,
    /// Longest time for which a client may read nothing of an answer.
    pub(crate) write: Duration,
    /// What the end of the client's sending means while a request is in work.
    pub(crate) half_closed: HalfClosed,
}

/// Who is at the other end of a connection.
#[derive(Debug)]
pub(crate) struct Client {
    /// The place of the connection.
    pub(crate) seat: Seat,
    /// The machine, as retry windows know machines.
    pub(crate) sender: SenderId,
    /// In whose name the requests come: every handler finds the caller in their extensions.
    pub(crate) caller: Caller,
}

/// Serves one connection until it ends; on `stop` the request in work is answered first. A
/// connection that is evicted is dropped.
pub(crate) async fn serve_http_connection<S>(
    stream: S,
    routes: Protected,
    deadlines: HttpDeadlines,
    client: Client,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Client { seat, sender, caller } = client;
    let leave = seat.leave().clone();
    let open = OpenConnection::new(seat);
    let stream = StallGuard::new(stream, deadlines.write);
    let stream = TokioIo::new(Linger::new(stream, open.unread.clone()));
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(sender);
        request.extensions_mut().insert(caller.clone());
        let answer = routes.clone().answer(request, open.clone());
        async move { Ok::<Response, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(deadlines.header)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(READ_BUFFER_BYTES_MAX)
        .half_close(deadlines.half_closed == HalfClosed::Waits)
        .serve_connection(stream, service);
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        // An evicted connection only waited, so no request is unanswered.
        () = leave.cancelled() => {
            if !stop.is_cancelled() {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        // A client that left or was too slow: its matter, not ours.
        debug!(%error, "http connection ended early");
    }
}

/// A connection as its requests see it.
#[derive(Clone, Debug)]
pub(crate) struct OpenConnection {
    seat: Seat,
    /// Whether the client was still sending when it was answered.
    unread: Unread,
}

impl OpenConnection {
    /// Returns a connection that holds a place.
    pub(crate) fn new(seat: Seat) -> OpenConnection {
        OpenConnection { seat, unread: Unread::default() }
    }
}

/// Routes a request whose body gets a deadline, counted from the request's head, and tells the
/// connection's seat what it waits for.
pub(crate) async fn in_time<B, F>(
    request: Request<B>,
    connection: OpenConnection,
    deadline: Duration,
    route: impl FnOnce(Request<Body>) -> F,
) -> Response
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
    F: Future<Output = Response>,
{
    let OpenConnection { seat, unread } = connection;
    // Fast path: most requests that find something have no body, and none that is late.
    if request.body().is_end_stream() {
        seat.works();
        let answer = route(request.map(|_| Body::empty())).await;
        return finish(answer, seat, &unread);
    }
    seat.waits_since_now();
    let expired = Arc::new(AtomicBool::new(false));
    let request = request.map(|inner| {
        Body::new(DeadlineBody {
            inner: Body::new(inner),
            end: Box::pin(sleep(deadline)),
            pace: Pace::new(BODY_BYTES_MIN, BODY_PATIENCE),
            waits_since: Instant::now(),
            handed_at: None,
            state: BodyState::Arriving,
            late: Arc::clone(&expired),
            unread: unread.clone(),
            seat: seat.clone(),
        })
    });
    let answer = route(request).await;
    let is_late = expired.load(Ordering::Relaxed);
    // The handler may know more about it: how much of the body is durable, say.
    let is_said = answer.status() == StatusCode::REQUEST_TIMEOUT;
    finish(if is_late && !is_said { too_late() } else { answer }, seat, &unread)
}

/// Lets an answer go: the seat works until the client has taken the answer.
fn finish(mut answer: Response, seat: Seat, unread: &Unread) -> Response {
    if unread.is_noted() {
        // What is still to come of the body is not wanted any more.
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    seat.works();
    holding(answer, Answering(seat))
}

fn too_late() -> Response {
    let detail = "the request body did not arrive in time";
    Problem::new(Code::Deadline, detail).into_response()
}

/// A request body that must keep a pace and end in time. Time counts while its reader waits for
/// it; a reader that works on what has arrived, or waits for room, has stopped the clock.
struct DeadlineBody {
    inner: Body,
    end: Pin<Box<Sleep>>,
    pace: Pace,
    /// Since when the client is waited for, had its reader never done anything else.
    waits_since: Instant,
    /// When the reader was given the bytes in work.
    handed_at: Option<Instant>,
    state: BodyState,
    late: Arc<AtomicBool>,
    unread: Unread,
    seat: Seat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyState {
    Arriving,
    /// Its end, or an error, was given out.
    Over,
}

impl DeadlineBody {
    /// Takes off the time in which the reader did other work.
    fn resume(&mut self) {
        let Some(handed_at) = self.handed_at.take() else { return };
        let paused = handed_at.elapsed();
        self.waits_since += paused;
        let end = self.end.deadline() + paused;
        self.end.as_mut().reset(end);
    }
}

impl Drop for DeadlineBody {
    fn drop(&mut self) {
        if self.state == BodyState::Arriving && !self.inner.is_end_stream() {
            self.unread.note();
        }
    }
}

impl HttpBody for DeadlineBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.resume();
        let in_time = self.end.as_mut().poll(context).is_pending();
        if in_time {
            let frame = Pin::new(&mut self.inner).poll_frame(context);
            match &frame {
                Poll::Ready(Some(Ok(piece))) => {
                    self.pace.moved(piece.data_ref().map_or(0, Bytes::len));
                    self.handed_at = Some(Instant::now());
                    self.seat.works();
                    return frame;
                }
                Poll::Ready(_) => {
                    self.state = BodyState::Over;
                    self.seat.works();
                    return frame;
                }
                Poll::Pending if self.pace.poll_too_slow(context).is_pending() => {
                    self.seat.waits_since_moment(self.waits_since);
                    return frame;
                }
                Poll::Pending => {}
            }
        }
        self.late.store(true, Ordering::Relaxed);
        let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
        Poll::Ready(Some(Err(axum::Error::new(late))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Held by an answer: once that is gone, the client is waited for again.
struct Answering(Seat);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.waits_since_now();
    }
}

#[cfg(test)]
#[path = "http/tests.rs"]
mod tests;
