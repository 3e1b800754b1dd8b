//! From a problem to a response: our own form, and the forms of foreign APIs.
//!
//! A foreign API names its paths and a plain function. The function is applied where all answers of
//! a listener pass, so that a refused host, a late body or a panic has the API's form too.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;

use crate::code::Retry;
use crate::problem::{PROBLEM_JSON, Problem};

/// Makes the response of a problem.
pub type ErrorShape = fn(&Problem) -> Response;

/// The paths of an API whose errors have a form of their own.
#[derive(Clone, Copy, Debug)]
pub struct ShapedPath {
    /// Beginning of the paths, such as `/_bulk` or `/loki/api/`.
    pub prefix: &'static str,
    /// End of the paths, such as `/_count` where an index stands before; empty is any end.
    pub suffix: &'static str,
    /// The form.
    pub shape: ErrorShape,
}

/// Returns a problem as `application/problem+json`, with `Retry-After` where the registry has it.
pub fn problem_json(problem: &Problem) -> Response {
    // Serialising texts and numbers into memory cannot fail.
    let mut answer = Response::new(Body::from(serde_json::to_vec(problem).unwrap_or_default()));
    *answer.status_mut() = problem.status();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    if let Retry::After(seconds) = problem.code().retry() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// Gives the errors of some paths the form of their API; all other answers pass.
pub fn with_error_shapes(router: Router, shapes: Vec<ShapedPath>) -> Router {
    if shapes.is_empty() {
        return router;
    }
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let path = request.uri().path();
        let shaped = shapes
            .iter()
            .find(|shaped| path.starts_with(shaped.prefix) && path.ends_with(shaped.suffix));
        let shape = shaped.map(|shaped| shaped.shape);
        async move {
            let answer = next.run(request).await;
            match (shape, answer.extensions().get::<Problem>()) {
                (Some(shape), Some(problem)) => reshaped(shape(problem), &answer),
                (None, _) | (_, None) => answer,
            }
        }
    }))
}

/// Returns an answer in a new form, with the headers of the old one that the form does not set.
fn reshaped(mut new: Response, old: &Response) -> Response {
    for (name, value) in old.headers() {
        let of_the_body = *name == header::CONTENT_TYPE || *name == header::CONTENT_LENGTH;
        if !of_the_body && !new.headers().contains_key(name) {
            new.headers_mut().insert(name.clone(), value.clone());
        }
    }
    new
}

#[cfg(test)]
mod tests {
    use axum::Json;
    use axum::http::StatusCode;
    use axum::response::IntoResponse as _;
    use axum::routing::get;
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};
    use tower::ServiceExt as _;

    use super::*;
    use crate::Code;

    /// The form of Elasticsearch, as an example.
    fn foreign(problem: &Problem) -> Response {
        let status = problem.status();
        let body = json!({
            "error": {"type": problem.code().as_str(), "reason": problem.detail()},
            "status": status.as_u16(),
        });
        (status, Json(body)).into_response()
    }

    async fn ask(path: &str) -> (StatusCode, Option<String>, Option<String>, Value) {
        let router = Router::new()
            .route("/_bulk", get(async || Problem::new(Code::Full, "no room")))
            .route("/_bulk/fine", get(async || Json(json!({"taken": 1}))))
            .route("/api", get(async || Problem::new(Code::Full, "no room")))
            .fallback(crate::not_found);
        let router = with_error_shapes(
            router,
            vec![ShapedPath { prefix: "/_bulk", suffix: "", shape: foreign }],
        );
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        let text =
            |name| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (kind, again) = (text(header::CONTENT_TYPE), text(header::RETRY_AFTER));
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, kind, again, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn only_the_errors_of_its_paths_have_the_form_of_a_foreign_api() {
        let again = Some("1".to_owned());
        let json_kind = Some("application/json".to_owned());
        let own_kind = Some(PROBLEM_JSON.to_owned());
        let (status, kind, after, body) = ask("/_bulk").await;
        assert_eq!((status.as_u16(), &kind, &after), (429, &json_kind, &again));
        let error = json!({"type": "full", "reason": "no room"});
        assert_eq!(body, json!({"error": error, "status": 429}));
        let (status, kind, _, body) = ask("/_bulk/nothing").await;
        assert_eq!((status.as_u16(), &kind), (404, &json_kind));
        assert_eq!(body["error"]["type"], "not_found");
        let (status, _, _, body) = ask("/_bulk/fine").await;
        assert_eq!((status.as_u16(), body), (200, json!({"taken": 1})));
        let (status, kind, after, body) = ask("/api").await;
        assert_eq!((status.as_u16(), &kind, &after), (429, &own_kind, &again));
        assert_eq!(body["code"], "full");
    }
}
