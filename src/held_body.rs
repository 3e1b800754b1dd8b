//! A body that holds something until it is gone: a share of a budget, a place at a table.
//!
//! An answer and what it holds arrive; the same answer leaves, and lets go of it when its last
//! byte is written or its client has left. The bytes pass through untouched.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// Lets an answer hold something until it is gone.
pub(crate) fn holding<T>(answer: Response, held: T) -> Response
where
    T: Send + Unpin + 'static,
{
    answer.map(|inner| Body::new(HeldBody { inner, _held: held }))
}

struct HeldBody<T> {
    inner: Body,
    _held: T,
}

impl<T: Unpin> HttpBody for HeldBody<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
