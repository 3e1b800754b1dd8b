//! What holds for every answer of an HTTP listener, whichever route gives it.
//!
//! ```text
//! headers ─ form of a foreign API ─ panic becomes 500 ─ host ─ body in time ─ budget ─ routes
//! ```
//!
//! One function in place of a layer each: a layer of axum is a box, a clone and a future of its own
//! for every request, which together cost more than the search for an id.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use axum::response::{IntoResponse as _, Response};
use hyper::body::Body as HttpBody;
use tierlog_model::memory::MemoryPart;
use tierlog_problem::{Code, ErrorShapes, Problem, method_not_allowed, shaped};
use tower::Service as _;

use super::answer_budget::charge;
use super::answer_headers::harden;
use super::host_guard::{Hosts, foreign_host};
use super::http::{OpenConnection, in_time};

/// What holds for the answers of a listener.
#[derive(Debug)]
pub(super) struct Rules {
    /// The names under which the server is asked.
    pub(super) hosts: Hosts,
    /// Time for a whole request body.
    pub(super) body_timeout: Duration,
    /// Forms of the errors of foreign APIs.
    pub(super) shapes: ErrorShapes,
    /// The part of the budget that large answers hold, where answers are large.
    pub(super) answers: Option<MemoryPart>,
}

/// Routes under rules.
#[derive(Clone, Debug)]
pub(super) struct Protected {
    routes: Router,
    rules: Arc<Rules>,
}

impl Protected {
    /// Puts routes under rules.
    pub(super) fn new(routes: Router, rules: Rules) -> Protected {
        // Every route is known here, so that none answers a wrong method in its own way.
        let routes = routes.method_not_allowed_fallback(method_not_allowed);
        Protected { routes, rules: Arc::new(rules) }
    }

    /// Answers a request of a connection.
    pub(super) async fn answer<B>(self, request: Request<B>, connection: OpenConnection) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let Protected { mut routes, rules } = self;
        // A foreign API has its own form, also of what a listener refuses.
        let shape = rules.shapes.at(request.uri().path());
        let answer = if rules.hosts.have(&request) {
            let route = |request: Request<Body>| {
                let routed = routes.call(request);
                async move {
                    match routed.await {
                        Ok(answer) => answer,
                        Err(never) => match never {},
                    }
                }
            };
            let answer = unwinding(in_time(request, connection, rules.body_timeout, route)).await;
            match &rules.answers {
                Some(answers) => charge(answers, answer),
                None => answer,
            }
        } else {
            foreign_host()
        };
        let mut answer = shaped(answer, shape);
        harden(&mut answer);
        answer
    }
}

/// Makes an answer of a panic. The panicking thread logs the panic; the text stays in this process.
async fn unwinding(work: impl Future<Output = Response>) -> Response {
    let mut work = pin!(work);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.unwrap_or_else(|_| {
            Poll::Ready(Problem::new(Code::Internal, "internal error").into_response())
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use axum::http::{Method, header};
    use axum::routing::get;
    use http_body_util::BodyExt as _;
    use serde_json::Value;
    use tokio_util::sync::CancellationToken;

    use super::super::seats::Seats;
    use super::*;
    use crate::config::Remote;

    async fn ask(method: Method, path: &str, host: &str) -> (u16, Value) {
        let broken = get(async || -> &'static str { panic!("a bug that quotes a line") });
        let routes = Router::new().route("/fine", get(async || "fine")).route("/broken", broken);
        let rules = Rules {
            hosts: Hosts::new(Remote::Refused, &[]),
            body_timeout: Duration::from_secs(1),
            shapes: ErrorShapes::default(),
            answers: None,
        };
        let seats = Seats::new("test".into(), 1, CancellationToken::new());
        let (_taking, seat) = seats.take(seats.free_place().await);
        let request = Request::builder().method(method).uri(path).header(header::HOST, host);
        let request = request.body(Body::empty()).unwrap();
        let connection = OpenConnection::new(seat);
        let answer = Protected::new(routes, rules).answer(request, connection).await;
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
