//! In whose name a request comes.

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use tierlog_model::Caller;
use tierlog_problem::{Code, Problem};

/// The caller of a request, for handlers.
#[derive(Debug)]
pub(super) struct Asking(pub(super) Caller);

/// Sets the caller of every request: the listener has no keys, so every caller has the default
/// tenant. The only place that decides.
pub(super) async fn identify(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Caller::open());
    next.run(request).await
}

impl<S: Send + Sync> FromRequestParts<S> for Asking {
    type Rejection = Problem;

    /// Fails where no layer has set a caller: nobody reads in nobody's name.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asking, Problem> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.map(Asking).ok_or_else(|| {
            tracing::error!("a request reached a query without a caller");
            Problem::new(Code::Internal, "internal error")
        })
    }
}
