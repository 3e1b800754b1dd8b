//! In whose name a request comes. The listener decides; nothing here makes a caller.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tierlog_model::Caller;
use tierlog_problem::{Code, Problem};

/// The caller of a request, for handlers.
#[derive(Debug)]
pub(super) struct Asking(pub(super) Caller);

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
