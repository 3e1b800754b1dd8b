//! Headers of every answer of an HTTP listener, whoever gives it: routes of any crate, unknown
//! paths, refusals in front of the routes, panics.
//!
//! `X-Content-Type-Options: nosniff`: an answer may quote lines, and no browser is to guess that
//! they are a page. `Cache-Control: no-store`: no cache between is to keep them.

use axum::http::{HeaderValue, header};
use axum::response::Response;

/// Gives an answer its headers.
pub(super) fn harden(answer: &mut Response) {
    let headers = answer.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
