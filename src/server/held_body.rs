//! A body that holds something until it is gone: a share of a budget, a place at a table.
//!
//! An answer and what it holds arrive; the same answer leaves, in pieces, and lets go of what it
//! holds when the connection has taken the last piece or its client has left. The bytes pass
//! through untouched: a body that were one piece would be taken whole before its client has read
//! any of it, and nothing would be held for it any more.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// Size of a piece: the connection takes a few of them ahead of its client.
const PIECE_BYTES: usize = 64 << 10;

/// Ties a value to an answer: dropping the body of the answer drops the value.
pub(crate) fn holding<T>(answer: Response, held: T) -> Response
where
    T: Send + Unpin + 'static,
{
    answer.map(|inner| Body::new(HeldBody { inner, rest: Bytes::new(), _held: held }))
}

struct HeldBody<T> {
    inner: Body,
    /// What is left of a frame that is handed on in pieces.
    rest: Bytes,
    _held: T,
}

impl<T: Unpin> HttpBody for HeldBody<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let piece_bytes = self.rest.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(piece_bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let inner = self.inner.size_hint();
        match inner.exact() {
            Some(bytes) => SizeHint::with_exact(bytes + rest),
            None => inner,
        }
    }
}
