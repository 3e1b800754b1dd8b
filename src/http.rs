//! One HTTP connection under deadlines: what axum's own `serve` lacks.
//!
//! ```text
//! request head   hyper's timer: header_timeout, also the longest idle keep-alive
//!                at most HEADERS_MAX headers and HEAD_BYTES_MAX bytes: 431 above
//! request body   DeadlineBody: body_timeout from the head to the last byte: 408
//! answer         StallGuard: a client that takes nothing for write_timeout is cut off
//! ```
//!
//! The stream is any `AsyncRead + AsyncWrite`, so TLS can be put under it.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use axum::{Router, middleware};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::problem::problem;
use crate::stall::StallGuard;

/// Headers of one request. Shippers and browsers send under 30.
const HEADERS_MAX: usize = 64;
/// Bytes of a request head. Proxies allow 8 to 16 KiB.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Deadlines of one HTTP connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpDeadlines {
    /// Time for a whole request head, and the longest idle keep-alive.
    pub(crate) header: Duration,
    /// Longest time that a client may take nothing of its answer.
    pub(crate) write: Duration,
}

/// Serves one connection until it ends; on `stop` the request in work is answered first.
pub(crate) async fn serve_http_connection<S>(
    stream: S,
    router: Router,
    deadlines: HttpDeadlines,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = TokioIo::new(StallGuard::new(stream, deadlines.write));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(deadlines.header)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .serve_connection(stream, TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        // A client that left or was too slow: its matter, not ours.
        debug!(%error, "http connection ended early");
    }
}

/// Gives every request body of a router a deadline, counted from the request's head.
pub(crate) fn with_body_deadline(router: Router, deadline: Duration) -> Router {
    router.layer(middleware::from_fn(move |request: Request, next: Next| async move {
        let expired = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&expired);
        let request = request.map(|inner| {
            if HttpBody::is_end_stream(&inner) {
                return inner;
            }
            Body::new(DeadlineBody { inner, sleep: Box::pin(sleep(deadline)), expired: flag })
        });
        let answer: Response = next.run(request).await;
        if !expired.load(Ordering::Relaxed) {
            return answer;
        }
        let mut answer = problem(
            StatusCode::REQUEST_TIMEOUT,
            "deadline",
            "the request body did not arrive in time",
        );
        // What is still to come of the body is not wanted any more.
        let close = axum::http::HeaderValue::from_static("close");
        answer.headers_mut().insert(axum::http::header::CONNECTION, close);
        answer
    }))
}

/// A request body that must end in time.
struct DeadlineBody {
    inner: Body,
    sleep: Pin<Box<Sleep>>,
    expired: Arc<AtomicBool>,
}

impl HttpBody for DeadlineBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.sleep.as_mut().poll(context).is_ready() {
            self.expired.store(true, Ordering::Relaxed);
            let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
            return Poll::Ready(Some(Err(axum::Error::new(late))));
        }
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
#[path = "http/tests.rs"]
mod tests;
