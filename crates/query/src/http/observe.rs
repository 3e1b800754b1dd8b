//! Measures every answer.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use tierlog_model::metric_names::{QUERY_ANSWERS, QUERY_SECONDS};

/// Path label of requests that no route took: the label stays bounded whatever clients ask for.
const UNMATCHED: &str = "unmatched";

/// Status label of an answer that has none of [`ANSWER_STATUSES`].
const OTHER_STATUS: &str = "other";

/// Every value of the label `status`: what handlers answer, and one value for the rest.
pub const ANSWER_STATUSES: [&str; 10] =
    ["200", "400", "404", "405", "408", "413", "429", "500", "503", OTHER_STATUS];

/// Returns every value of the label `path`: the routes, and one value for the rest.
pub fn answer_paths() -> Vec<String> {
    let routes = super::contract().paths.paths.into_keys();
    routes.chain([UNMATCHED.to_owned()]).collect()
}

/// Measures a request.
pub(super) async fn observe(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let path = matched.map_or_else(|| UNMATCHED.to_owned(), |path| path.as_str().to_owned());
    let started = Instant::now();
    let response = next.run(request).await;
    let took = started.elapsed().as_secs_f64();
    metrics::histogram!(QUERY_SECONDS, "path" => path.clone()).record(took);
    let status = status_label(response.status().as_str());
    metrics::counter!(QUERY_ANSWERS, "path" => path, "status" => status).increment(1);
    response
}

fn status_label(status: &str) -> &'static str {
    ANSWER_STATUSES.into_iter().find(|known| *known == status).unwrap_or(OTHER_STATUS)
}

#[cfg(test)]
mod tests {
    use tierlog_problem::{Code, codes_of};

    use super::*;

    #[test]
    fn every_status_of_a_problem_has_a_label_of_its_own() {
        let paths = super::super::contract().paths.paths;
        let operations = paths.values().flat_map(|path| [&path.get, &path.post]).flatten();
        let refused = [Code::NotFound, Code::MethodNotAllowed, Code::Internal];
        for code in operations.flat_map(codes_of).chain(refused) {
            let status = code.status().to_string();
            assert_ne!(status_label(&status), OTHER_STATUS, "{code}");
        }
        assert_eq!(status_label("418"), OTHER_STATUS);
    }
}
