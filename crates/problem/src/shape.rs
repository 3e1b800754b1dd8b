//! From a problem to a response: our own form, and the forms of foreign APIs.
//!
//! A foreign API names its paths and a plain function. The function is applied where all answers of
//! a listener pass, so that a refused host, a late body or a panic has the API's form too.

use axum::http::header;
use axum::response::Response;

use crate::problem::Problem;

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

/// The paths whose errors have a form of their own.
#[derive(Clone, Debug, Default)]
pub struct ErrorShapes(Vec<ShapedPath>);

impl ErrorShapes {
    /// Returns the forms of some paths.
    pub fn of(paths: Vec<ShapedPath>) -> ErrorShapes {
        ErrorShapes(paths)
    }

    /// Returns the form of a path, unless errors have our own form there.
    pub fn at(&self, path: &str) -> Option<ErrorShape> {
        let is_at =
            |shaped: &&ShapedPath| path.starts_with(shaped.prefix) && path.ends_with(shaped.suffix);
        self.0.iter().find(is_at).map(|shaped| shaped.shape)
    }
}

/// Gives an answer the form of its path, if the answer is an error and the path has a form.
pub fn shaped(answer: Response, shape: Option<ErrorShape>) -> Response {
    match (shape, answer.extensions().get::<Problem>()) {
        (Some(shape), Some(problem)) => reshaped(shape(problem), &answer),
        (None, _) | (_, None) => answer,
    }
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
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};

    use super::*;
    use crate::{Code, PROBLEM_JSON};

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
        let plain = match path {
            "/_bulk/fine" => Json(json!({"taken": 1})).into_response(),
            "/_bulk/nothing" => crate::not_found().await.into_response(),
            _ => Problem::new(Code::Full, "no room").into_response(),
        };
        let bulk = ShapedPath { prefix: "/_bulk", suffix: "", shape: foreign };
        let answer = shaped(plain, ErrorShapes::of(vec![bulk]).at(path));
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
