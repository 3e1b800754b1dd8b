//! Elasticsearch's `_count`: how many records match, of one index or of all.
//!
//! A request names its records as Elasticsearch's clients do: indices in the path, `q` or a `query`
//! in the body. Query texts are read in our own language, in which clauses side by side are joined
//! by AND: a client that wants OR says `OR`. An option that would change the answer is refused.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use serde::Serialize;
use serde_json::{Value, json};
use tierlog_model::memory::MemoryUse;
use tierlog_model::{RecordKind, fields};
use tierlog_problem::{Code, Problem, Retry, ShapedPath};
use utoipa::{OpenApi as _, ToSchema};

use super::api::Api;
use super::body::JsonAnswer;
use super::parameters::Parameters;
use super::resource::{Reply, Resource, ask};
use super::state::QueryState;
use crate::config::QueryConfig;
use crate::dialect::es_query::{self, EsQuery};
use crate::error::QueryError;
use crate::execute::{Hit, HitSink, Kept, Search};
use crate::expr::pattern::read_word;
use crate::expr::{Expr, FieldTest, Literal, TextTest, Wildcard};
use crate::order::Order;
use crate::session::Session;
use crate::sort::Sort;
use crate::time_range::TimeRange;

/// Elasticsearch's `_count`.
pub(super) const API: Api = Api {
    name: "elasticsearch",
    routes,
    contract: CountContract::openapi,
    errors: &[ShapedPath { prefix: "/", suffix: "/_count", shape: error }],
};

fn routes() -> Router<Arc<QueryState>> {
    Router::new().route("/_count", count()).route("/{index}/_count", count_of_index())
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(count, count_of_index))]
struct CountContract;

/// Options of Elasticsearch that change nothing here: there is one set of records, and no index is
/// closed, hidden or missing.
const WITHOUT_EFFECT: [&str; 7] = [
    "ignore_unavailable",
    "ignore_throttled",
    "allow_no_indices",
    "expand_wildcards",
    "preference",
    "routing",
    "pretty",
];

/// Names of indices that mean every record.
const EVERY_INDEX: [&str; 3] = ["_all", "*", "tierlog-*"];

/// Most names of indices in one request: each is a condition.
const INDICES_MAX: usize = 64;

/// A count.
pub(super) struct CountResource {
    index: Option<String>,
    condition: EsQuery,
}

impl Resource for CountResource {
    const MEMORY: MemoryUse = MemoryUse::Hits;

    fn take(parameters: &mut Parameters, _: &QueryConfig) -> Result<Self, Problem> {
        for name in WITHOUT_EFFECT {
            parameters.value(name);
        }
        match parameters.text("default_operator")?.as_deref() {
            None | Some("AND" | "and") => {}
            Some(_) => {
                let detail = "clauses side by side are joined by AND; write OR between them";
                return Err(Problem::parameter("default_operator", detail));
            }
        }
        let condition = match (parameters.text("q")?, parameters.value("query")) {
            (Some(q), None) => EsQuery::Query(q),
            (None, Some(query)) => {
                es_query::read(&query).map_err(|message| Problem::parameter("query", message))?
            }
            (None, None) => EsQuery::Query(String::new()),
            (Some(_), Some(_)) => {
                return Err(Problem::parameter("q", "give \"q\" or \"query\", not both"));
            }
        };
        Ok(CountResource { index: parameters.text("index")?, condition })
    }

    fn timeout(&self) -> Option<Duration> {
        None
    }

    fn answer(self, session: &Session<'_>, reply: &Reply) -> Result<JsonAnswer, QueryError> {
        let q = match &self.condition {
            EsQuery::Query(text) => text.as_str(),
            EsQuery::Has(_) => "",
        };
        let mut query = session.read_within(q, TimeRange::default(), RecordKind::Log)?;
        let has = match self.condition {
            EsQuery::Query(_) => Expr::All,
            EsQuery::Has(field) => Expr::Exists(field),
        };
        let of_index = self.index.as_deref().map_or(Ok(Expr::All), indices)?;
        query.expr = Expr::all_of([of_index, has, query.expr]);
        let counting = session.counting(0);
        let order = Order::Time { sort: Sort::default(), after: None };
        let search = Search { query, limit: 0, from: 0, order, selection: None, counting };
        let found = session.searcher.search(&search, session.deadline, &mut NoHits)?;
        let failed = u8::from(!found.partial_reasons.is_empty());
        let shards = Shards { total: 1, successful: 1 - failed, skipped: 0, failed };
        reply.document(&CountResponse { count: found.total.value, shards })
    }
}

/// A sink for a search without hits.
struct NoHits;

impl HitSink for NoHits {
    fn take(&mut self, _: Hit) -> Result<Kept, QueryError> {
        Ok(Kept::NoRoom)
    }
}

/// Returns the condition that a record was sent to one of some indices: names with commas between,
/// each of which may hold `*`.
fn indices(names: &str) -> Result<Expr, QueryError> {
    let refused = |message: &str| QueryError::Parameter { name: "index", message: message.into() };
    let mut any = Vec::new();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if EVERY_INDEX.contains(&name) {
            return Ok(Expr::All);
        }
        if name.starts_with('-') {
            return Err(refused("an index that is left out is not supported"));
        }
        if any.len() >= INDICES_MAX {
            return Err(QueryError::TooExpensive { what: "indices", limit: INDICES_MAX });
        }
        let test = match name.contains(['*', '?']) {
            false => FieldTest::AnyOf(vec![Literal::id(name.to_owned())]),
            true => FieldTest::Wildcard {
                value: Wildcard::new(&read_word(name)).ok_or_else(|| refused("too large"))?,
                words: TextTest::Never,
            },
        };
        any.push(Expr::field(fields::INDEX, test));
    }
    Ok(Expr::any_of(any))
}

/// How many records match.
#[derive(Debug, Serialize, ToSchema)]
struct CountResponse {
    /// Matches, exactly.
    count: u64,
    /// Whether the count is whole.
    #[serde(rename = "_shards")]
    shards: Shards,
}

/// The store as Elasticsearch's clients see it: one shard, which has failed when the count may be
/// too small.
#[derive(Debug, Serialize, ToSchema)]
struct Shards {
    /// Always 1.
    total: u8,
    /// 1 when nothing is missing.
    successful: u8,
    /// Always 0.
    skipped: u8,
    /// 1 when records may be missing.
    failed: u8,
}

/// Counts the records that match a query, as Elasticsearch does.
#[utoipa::path(
    method(get, post),
    path = "/_count",
    params(
        ("q" = Option<String>, Query, description = "Query text in the language of a search"),
        ("default_operator" = Option<String>, Query, description = "`AND`; another is refused"),
    ),
    request_body(content = Option<Object>, description = "POST: `query` with one of \
        `match_all`, `query_string`, `exists`",
        example = json!({"query": {"query_string": {"query": "level:error"}}})),
    responses(
        (status = 200, body = CountResponse, description = "The answer"),
        (status = "default", body = Object, description = "An error as Elasticsearch writes it",
            example = json!({"error": {"type": "query_shard_exception", "reason": "..."},
                "status": 400})),
    )
)]
fn count() -> MethodRouter<Arc<QueryState>> {
    get(ask::<CountResource>).post(ask::<CountResource>)
}

/// Counts the records of some indices that match a query, as Elasticsearch does.
#[utoipa::path(
    method(get, post),
    path = "/{index}/_count",
    params(
        ("index" = String, Path, description = "Names with commas between, each of which may \
            hold `*`; `_all` and `tierlog-*` are every record"),
        ("q" = Option<String>, Query, description = "Query text in the language of a search"),
        ("default_operator" = Option<String>, Query, description = "`AND`; another is refused"),
    ),
    request_body(content = Option<Object>, description = "POST: `query` with one of \
        `match_all`, `query_string`, `exists`"),
    responses(
        (status = 200, body = CountResponse, description = "The answer"),
        (status = "default", body = Object, description = "An error as Elasticsearch writes it",
            example = json!({"error": {"type": "query_shard_exception", "reason": "..."},
                "status": 400})),
    )
)]
fn count_of_index() -> MethodRouter<Arc<QueryState>> {
    get(ask::<CountResource>).post(ask::<CountResource>)
}

/// Returns a problem as Elasticsearch writes errors.
fn error(problem: &Problem) -> Response {
    let kind = match problem.code() {
        Code::QuerySyntax | Code::PseudonymisedField => "query_shard_exception",
        Code::InvalidParameter | Code::InvalidBody => "parsing_exception",
        code => code.as_str(),
    };
    let cause = json!({"type": kind, "reason": problem.detail()});
    let mut error = cause.clone();
    if let Value::Object(members) = &mut error {
        members.insert("root_cause".to_owned(), json!([cause]));
    }
    let document = json!({"error": error, "status": problem.status().as_u16()});
    let mut answer = Response::new(Body::from(document.to_string()));
    *answer.status_mut() = problem.status();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Retry::After(seconds) = problem.code().retry() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use tierlog_model::{Level, Value as Field};

    use super::*;
    use crate::http::tests::fixture::{Fixture, line};

    #[tokio::test]
    async fn records_are_counted_by_index_and_query() {
        let fixture = Fixture::new();
        let of = |number: i64, level, index: &'static str| {
            line(-number, level, &[("index", Field::Str(index.into()))])
        };
        fixture
            .write(&[
                of(1, Level::Error, "shop-2026"),
                of(2, Level::Info, "shop-2026"),
                of(3, Level::Error, "cart"),
                line(4, Level::Info, &[]),
            ])
            .await;
        let whole = json!({"total": 1, "successful": 1, "skipped": 0, "failed": 0});
        for (uri, count) in [
            ("/_count", 4),
            ("/_all/_count", 4),
            ("/tierlog-*/_count", 4),
            ("/cart/_count", 1),
            ("/shop-*/_count?q=level:error", 1),
            ("/shop-*,cart/_count?ignore_unavailable=true&pretty", 3),
            ("/nothing/_count", 0),
            ("/_count?q=level:error&default_operator=AND", 2),
        ] {
            assert_eq!(
                fixture.get_ok(uri).await,
                json!({"count": count, "_shards": whole}),
                "{uri}"
            );
        }
        for (query, count) in [
            (json!({"match_all": {}}), 4),
            (json!({"query_string": {"query": "level:error"}}), 2),
            (json!({"exists": {"field": "index"}}), 3),
        ] {
            let answer = fixture.post_ok("/_count", &json!({"query": query})).await;
            assert_eq!(answer["count"], json!(count), "{query}");
        }
    }

    #[tokio::test]
    async fn a_refusal_has_the_form_of_elasticsearch() {
        let fixture = Fixture::new();
        for (uri, body) in [
            ("/_count?q=level:(", json!({})),
            ("/-x/_count", json!({})),
            ("/_count", json!({"query": {"fuzzy": {}}})),
            ("/_count?default_operator=OR", json!({})),
            ("/_count?q=a", json!({"query": {"match_all": {}}})),
            ("/_count?terminate_after=1", json!({})),
        ] {
            let (status, problem) = fixture.post(uri, &body).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{uri}: {problem}");
        }
        let problem = Problem::new(Code::QuerySyntax, "an error");
        let answer = error(&problem);
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let body = http_body_util::BodyExt::collect(answer.into_body()).await.expect("a body");
        let body: Value = serde_json::from_slice(&body.to_bytes()).expect("JSON");
        let cause = json!({"type": "query_shard_exception", "reason": "an error"});
        assert_eq!(body["error"]["root_cause"], json!([cause]));
        assert_eq!((&body["error"]["type"], &body["status"]), (&cause["type"], &json!(400)));
    }
}
