//! What holds for every answer of an HTTP listener, whichever route gives it.

use std::any::Any;

use axum::Router;
use axum::response::IntoResponse as _;
use tierlog_problem::{Code, Problem, ShapedPath, method_not_allowed, with_error_shapes};
use tower_http::catch_panic::CatchPanicLayer;

use super::answer_headers::with_answer_headers;
use super::host_guard::with_host_guard;
use super::http::with_body_deadline;
use crate::config::{HttpTimes, Remote};

/// Puts routes under what holds for all of them: the outermost first, every answer is hardened, an
/// error has the form of its API, a panic becomes 500, a foreign host is turned away, a body must
/// arrive in time.
pub(super) fn protect(
    routes: Router,
    times: HttpTimes,
    remote: Remote,
    hosts: &[String],
    shapes: Vec<ShapedPath>,
) -> Router {
    // Every route is known here, so that none answers a wrong method in its own way.
    let routes = routes.method_not_allowed_fallback(method_not_allowed);
    let routes = with_body_deadline(routes, times.body_timeout);
    let routes = with_host_guard(routes, remote, hosts);
    // The panicking thread logs the panic; the text stays in this process.
    let routes = routes.layer(CatchPanicLayer::custom(|_: Box<dyn Any + Send>| {
        Problem::new(Code::Internal, "internal error").into_response()
    }));
    // A foreign API has its own form, also of what a listener refuses.
    with_answer_headers(with_error_shapes(routes, shapes))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use axum::http::{Method, Request, header};
    use axum::routing::get;
    use http_body_util::BodyExt as _;
    use serde_json::Value;
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(method: Method, path: &str, host: &str) -> (u16, Value) {
        let second = Duration::from_secs(1);
        let times =
            HttpTimes { header_timeout: second, body_timeout: second, write_timeout: second };
        let broken = get(async || -> &'static str { panic!("a bug that quotes a line") });
        let routes = Router::new().route("/fine", get(async || "fine")).route("/broken", broken);
        let routes = protect(routes, times, Remote::Refused, &[], Vec::new());
        let request = Request::builder().method(method).uri(path).header(header::HOST, host);
        let answer = routes.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_panic_a_wrong_method_and_a_foreign_host_are_problems() {
        for (method, path, host, expected) in [
            (Method::GET, "/broken", "localhost", (500, "internal")),
            (Method::DELETE, "/fine", "localhost", (405, "method_not_allowed")),
            (Method::GET, "/fine", "evil.example", (421, "unknown_host")),
        ] {
            let (status, body) = ask(method, path, host).await;
            assert_eq!((status, body["code"].as_str().unwrap()), expected);
            assert!(!body.to_string().contains("quotes"), "{body}");
        }
    }
}
