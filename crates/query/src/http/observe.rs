//! Around every answer: how long it took, and the headers that all of them carry.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tierlog_model::metric_names::QUERY_SECONDS;

/// Path label of requests that no route took: the label stays bounded whatever clients ask for.
const UNMATCHED: &str = "unmatched";

/// Measures a request and hardens its answer.
pub(super) async fn observe(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let path = matched.map_or_else(|| UNMATCHED.to_owned(), |path| path.as_str().to_owned());
    let started = Instant::now();
    let mut response = next.run(request).await;
    let status = response.status().as_str().to_owned();
    metrics::histogram!(QUERY_SECONDS, "path" => path, "status" => status)
        .record(started.elapsed().as_secs_f64());
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Answers hold log lines: no shared cache may keep them.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
