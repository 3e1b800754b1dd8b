//! What axum would refuse in plain text, refused as a problem: query strings, paths, unknown
//! resources and methods. A value from a client is never quoted; the name of a parameter may be.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::code::Code;
use crate::problem::Problem;

/// A query string, read into a type whose members are all optional.
#[derive(Debug)]
pub struct QueryOf<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<QueryOf<T>, Problem> {
        QueryOf::of_uri(&parts.uri)
    }
}

impl<T: DeserializeOwned> QueryOf<T> {
    /// Reads the query string of a URI.
    pub fn of_uri(uri: &Uri) -> Result<QueryOf<T>, Problem> {
        let Query(values) = Query::<T>::try_from_uri(uri).map_err(|_| {
            match wrong_parameter::<T>(uri.query().unwrap_or_default()) {
                Some(name) => {
                    let detail = format!(
                        "{name:?} is no parameter of this resource, or has a value that it does \
                         not take"
                    );
                    Problem::parameter(name, detail)
                }
                None => {
                    let detail = "a parameter is given twice, or the query string is not UTF-8";
                    Problem::new(Code::InvalidParameter, detail)
                }
            }
        })?;
        Ok(QueryOf(values))
    }
}

/// Returns the first parameter that cannot be read even alone.
fn wrong_parameter<T: DeserializeOwned>(query: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let uri = Uri::try_from(format!("/?{pair}")).ok()?;
        if Query::<T>::try_from_uri(&uri).is_ok() {
            return None;
        }
        let Query(named) = Query::<Vec<(String, String)>>::try_from_uri(&uri).ok()?;
        named.into_iter().next().map(|(name, _)| name)
    })
}

/// A text that stands in the path.
#[derive(Debug)]
pub struct PathText(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<PathText, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let problem = |_| Problem::new(Code::InvalidParameter, "the path is not UTF-8");
        path.map(|Path(text)| PathText(text)).map_err(problem)
    }
}

/// Answers for a path that no route takes.
pub async fn not_found() -> Problem {
    Problem::new(Code::NotFound, "there is nothing under this path")
}

/// Answers for a method that a route does not take.
pub async fn method_not_allowed() -> Problem {
    Problem::new(Code::MethodNotAllowed, "this resource does not know the method")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Page {
        limit: Option<usize>,
        all: Option<bool>,
    }

    async fn read(query: &str) -> Result<Page, Problem> {
        let request = Request::builder().uri(format!("/x?{query}")).body(Body::empty()).unwrap();
        let (mut parts, _) = request.into_parts();
        QueryOf::<Page>::from_request_parts(&mut parts, &()).await.map(|QueryOf(page)| page)
    }

    #[tokio::test]
    async fn the_wrong_parameter_is_named_and_its_value_is_not() {
        assert_eq!(read("limit=3&all=true").await, Ok(Page { limit: Some(3), all: Some(true) }));
        assert_eq!(read("").await, Ok(Page::default()));
        for (query, named) in [
            ("all=true&limit=secret", Some("limit")),
            ("limti=3", Some("limti")),
            ("limit=3&all=maybe", Some("all")),
            ("limit=3&limit=4", None),
        ] {
            let problem = read(query).await.unwrap_err();
            assert_eq!(problem.code(), Code::InvalidParameter, "{query}");
            let body = serde_json::to_value(&problem).unwrap();
            assert_eq!(body.get("parameter").and_then(|name| name.as_str()), named, "{query}");
            assert!(!body.to_string().contains("secret"), "{body}");
        }
    }
}
