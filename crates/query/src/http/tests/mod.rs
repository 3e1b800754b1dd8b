//! The API over a real store, request by request.

pub(crate) mod fixture;
mod order;
mod other_engine;
mod streams;

use axum::body::Body;
use axum::http::{Method, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use serde_json::{Value as Json, json};
use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{Level, RecordKind, Value};
use tierlog_problem::Problem;

use crate::error::QueryError;

use self::fixture::{DAY, Fixture, line, read, text};

const SECOND: i64 = 1_000_000;

/// One request of three lines, another of one, and a dead letter.
async fn filled() -> Fixture {
    let fixture = Fixture::new();
    let token = fixture.pseudonyms.token_in("user_id", "4242").expect("covered");
    let user = Value::Str(token.into());
    let request = ("request_id", text("req-1"));
    let mut dead = line(-SECOND, Level::Warning, &[("reason", text("invalid_json"))]);
    dead.kind = RecordKind::DeadLetter;
    fixture
        .write(&[
            line(
                -3 * SECOND,
                Level::Info,
                &[
                    ("message", text("request started")),
                    request.clone(),
                    ("service", text("web")),
                    ("user_id", user.clone()),
                ],
            ),
            line(
                -2 * SECOND,
                Level::Warning,
                &[
                    ("message", text("slow query")),
                    request.clone(),
                    ("service", text("db")),
                    ("duration_ms", Value::F64(812.5)),
                ],
            ),
            line(
                -SECOND,
                Level::Error,
                &[
                    ("message", text("payment failed")),
                    request,
                    ("service", text("web")),
                    ("user_id", user),
                ],
            ),
            line(
                -2 * DAY,
                Level::Info,
                &[("message", text("older")), ("request_id", text("req-2"))],
            ),
            dead,
        ])
        .await;
    fixture
}

fn messages(hits: &Json) -> Vec<&str> {
    hits.as_array()
        .expect("an array")
        .iter()
        .map(|hit| hit["message"].as_str().expect("a text"))
        .collect()
}

async fn check_problem(response: Response<Body>, status: StatusCode, code: &str) -> Json {
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    let (found, body) = read(response).await;
    assert_eq!((found, &body["code"]), (status, &json!(code)), "{body}");
    assert_eq!(body["status"], json!(status.as_u16()));
    body
}

#[tokio::test]
async fn a_search_finds_by_get_and_by_post() {
    let fixture = filled().await;
    let newest = ["payment failed", "slow query", "request started", "older"];
    for (uri, expected) in [
        ("/api/v1/search", &newest[..]),
        ("/api/v1/search?limit=1", &newest[..1]),
        ("/api/v1/search?q=level:%3E=warning", &newest[..2]),
        ("/api/v1/search?q=service:web&sort=timestamp", &["request started", "payment failed"]),
        ("/api/v1/search?q=user_id:4242", &["payment failed", "request started"]),
        ("/api/v1/search?start=now-1h&q=request_id:*&limit=0", &[]),
    ] {
        let answer = fixture.get_ok(uri).await;
        assert_eq!(messages(&answer["hits"]), expected, "{uri}");
        assert_eq!(answer["partial"], json!(false));
    }
    let request = json!({"q": "failed", "limit": 5, "start": "now-1d", "fields": ["service"]});
    let answer = fixture.post_ok("/api/v1/search", &request).await;
    assert_eq!(answer["total"], json!({"value": 1, "relation": "eq"}));
    let hit = answer["hits"][0].as_object().expect("an object");
    let names: Vec<&str> = hit.keys().map(String::as_str).collect();
    assert_eq!(names, ["timestamp", "level", "service"]);
}

#[tokio::test]
async fn a_cursor_goes_on_where_the_page_ended() {
    let fixture = filled().await;
    let mut uri = "/api/v1/search?limit=3".to_owned();
    let mut found = Vec::new();
    loop {
        let answer = fixture.get_ok(&uri).await;
        found.extend(messages(&answer["hits"]).into_iter().map(str::to_owned));
        let Some(cursor) = answer["cursor"].as_str() else { break };
        uri = format!("/api/v1/search?limit=3&cursor={cursor}");
    }
    assert_eq!(found, ["payment failed", "slow query", "request started", "older"]);
    let response = fixture.send(Method::GET, "/api/v1/search?cursor=nonsense", "").await;
    check_problem(response, StatusCode::BAD_REQUEST, "invalid_cursor").await;
}

#[tokio::test]
async fn a_request_is_shown_whole_and_a_user_newest_first() {
    let fixture = filled().await;
    let answer = fixture.get_ok("/api/v1/requests/req-1").await;
    let expected = ["request started", "slow query", "payment failed"];
    assert_eq!(messages(&answer["records"]), expected);
    assert_eq!(answer["request_id"], json!("req-1"));
    assert_eq!(answer["services"], json!(["web", "db"]));
    assert_eq!(answer["levels"]["error"]["count"], json!(1));
    let (status, answer) = fixture.get("/api/v1/requests/nobody").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["records"], json!([]));

    let get = fixture.get_ok("/api/v1/users/4242").await;
    let body = json!({"user_id": "4242", "limit": 10});
    for answer in [get, fixture.post_ok("/api/v1/users", &body).await] {
        assert_eq!(messages(&answer["hits"]), ["payment failed", "request started"]);
    }
    let response = fixture.send(Method::POST, "/api/v1/users", "{}").await;
    let problem = check_problem(response, StatusCode::BAD_REQUEST, "invalid_parameter").await;
    assert_eq!(problem["parameter"], json!("user_id"));
}

#[tokio::test]
async fn every_mistake_has_its_problem() {
    let fixture = filled().await;
    let (get, post) = (Method::GET, Method::POST);
    for (method, uri, body, status, code) in [
        (&get, "/nowhere", "", 404, "not_found"),
        (&get, "/api/v1/nothing", "", 404, "not_found"),
        (&Method::DELETE, "/api/v1/search", "", 405, "method_not_allowed"),
        (&get, "/api/v1/users", "", 405, "method_not_allowed"),
        (&get, "/api/v1/search?strat=now-1h", "", 400, "invalid_parameter"),
        (&get, "/api/v1/search?limit=10001", "", 400, "invalid_parameter"),
        (&get, "/api/v1/export?sort=level", "", 400, "invalid_parameter"),
        (&get, "/api/v1/search?start=soon", "", 400, "invalid_parameter"),
        (&get, "/api/v1/search?kind=other", "", 400, "invalid_parameter"),
        (&get, "/api/v1/search?q=status:%5B1", "", 400, "query_syntax"),
        (&get, "/api/v1/search?q=user_id:42*", "", 400, "pseudonymised_field"),
        (&post, "/api/v1/search", "{", 400, "invalid_body"),
        (&post, "/api/v1/search", "[1]", 400, "invalid_body"),
        (&get, "/api/v1/aggregate", "", 400, "invalid_parameter"),
        (&get, "/api/v1/aggregate?aggs=%7B", "", 400, "invalid_parameter"),
        (&get, "/api/v1/histogram?interval=5", "", 400, "invalid_parameter"),
        (&get, "/api/v1/fields?q=x", "", 400, "invalid_parameter"),
        (&get, "/api/v1/fields/message/values", "", 400, "invalid_parameter"),
        (&get, "/api/v1/fields/service/values?limit=1001", "", 400, "invalid_parameter"),
        (&get, "/api/v1/fields/%FF/values", "", 400, "invalid_parameter"),
        (&get, "/api/v1/tail?limit=1", "", 400, "invalid_parameter"),
        (&get, "/api/v1/tail?q=a:%5B", "", 400, "query_syntax"),
        (&get, "/api/v1/export?cursor=nonsense", "", 400, "invalid_cursor"),
        (&get, "/api/v1/tiers?x=1", "", 400, "invalid_parameter"),
        (&get, "/api/v1/openapi.json?x=1", "", 400, "invalid_parameter"),
        (&get, "/api/v1/search?timeout=1us", "", 408, "deadline"),
    ] {
        let response = fixture.send(method.clone(), uri, body).await;
        let status = StatusCode::from_u16(status).expect("a status");
        let problem = check_problem(response, status, code).await;
        assert_eq!(
            problem.get("position").is_some(),
            matches!(code, "query_syntax" | "pseudonymised_field"),
            "{uri}"
        );
    }
}

#[tokio::test]
async fn queries_beyond_the_bound_are_turned_away() {
    let config =
        crate::config::QueryConfig { concurrency_max: 0, ..crate::config::QueryConfig::default() };
    let fixture = Fixture::with_config(config);
    let response = fixture.send(Method::GET, "/api/v1/search", "").await;
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    check_problem(response, StatusCode::TOO_MANY_REQUESTS, "busy").await;
}

#[tokio::test]
async fn every_error_of_the_engine_is_a_problem() {
    let memory = MemoryPart::new(MemoryUse::Hits, 1 << 20);
    let held = memory.try_take(1 << 19).expect("room");
    for (error, status, code) in [
        (QueryError::Cancelled, 503, "cancelled"),
        (QueryError::Internal("a rule"), 500, "internal"),
        (QueryError::File(std::io::Error::other("no disk")), 500, "store_unreadable"),
        (QueryError::Unreadable("info/2026-11-20".to_owned()), 500, "store_unreadable"),
        (memory.try_take(1 << 20).expect_err("no room").into(), 429, "busy"),
        (memory.try_take(1 << 21).expect_err("no room").into(), 400, "too_expensive"),
    ] {
        let response = Problem::from(error).into_response();
        let status = StatusCode::from_u16(status).expect("a status");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let (found, body) = read(response).await;
        assert_eq!((found, &body["code"]), (status, &json!(code)), "{body}");
        let detail = body["detail"].as_str().expect("a text");
        assert!(!detail.contains("no disk") && !detail.contains("2026"), "{detail}");
    }
    drop(held);
}

#[tokio::test]
async fn tiers_tell_what_is_kept_and_until_when() {
    let fixture = filled().await;
    fixture.seal_closed_days();
    let answer = fixture.get_ok("/api/v1/tiers").await;
    let names: Vec<&str> = answer["tiers"]
        .as_array()
        .expect("tiers")
        .iter()
        .map(|tier| tier["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["critical", "warning", "info", "debug"]);
    let info = &answer["tiers"][2];
    assert_eq!((&info["records"], &info["days"]), (&json!(2), &json!(30)));
    let days: Vec<[&str; 3]> = info["partitions"]
        .as_array()
        .expect("partitions")
        .iter()
        .map(|day| ["day", "state", "expires"].map(|name| day[name].as_str().expect("a text")))
        .collect();
    assert_eq!(
        days,
        [
            ["2026-11-20", "hot", "2026-12-21T00:00:00.000000Z"],
            ["2026-11-18", "sealed", "2026-12-19T00:00:00.000000Z"],
        ]
    );
    assert_eq!(answer["dead_letters"]["records"], json!(1));
    let dead = fixture.get_ok("/api/v1/search?kind=dead_letter").await;
    assert_eq!(dead["hits"][0]["reason"], json!("invalid_json"));
}

#[tokio::test]
async fn the_contract_names_every_route() {
    let fixture = Fixture::new();
    let contract = fixture.get_ok("/api/v1/openapi.json").await;
    let mut routes: Vec<String> = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in contract["paths"].as_object().expect("paths") {
        for (verb, operation) in item.as_object().expect("methods") {
            routes.push(format!("{verb} {path}"));
            let name = operation["operationId"].as_str().expect("a name").to_owned();
            assert!(names.insert(name), "{verb} {path}: its name is taken");
            for (status, response) in operation["responses"].as_object().expect("responses") {
                assert!(response["description"].is_string(), "{verb} {path} {status}");
            }
            assert_eq!(operation.get("requestBody").is_some(), verb == "post", "{verb} {path}");
        }
    }
    routes.sort();
    expect_test::expect![[r#"
        get /_count
        get /api/v1/aggregate
        get /api/v1/export
        get /api/v1/fields
        get /api/v1/fields/{name}/values
        get /api/v1/histogram
        get /api/v1/openapi.json
        get /api/v1/requests/{request_id}
        get /api/v1/search
        get /api/v1/tail
        get /api/v1/tiers
        get /api/v1/users/{user_id}
        get /{index}/_count
        post /_count
        post /api/v1/aggregate
        post /api/v1/search
        post /api/v1/users
        post /{index}/_count"#]]
    .assert_eq(&routes.join("\n"));
}
