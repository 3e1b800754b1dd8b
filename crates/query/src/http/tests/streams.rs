//! Answers without a length: tail and export.

use axum::body::Body;
use axum::http::{Method, Response, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tierlog_model::{Level, Record, Value};

use super::fixture::{Fixture, line, text};
use super::{check_problem, filled};
use crate::config::QueryConfig;

#[tokio::test]
async fn a_tail_shows_what_is_written_from_now_on() {
    let fixture = filled().await;
    let response = fixture.send(Method::GET, "/api/v1/tail?q=service:web", "").await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let records: Vec<Record<'static>> = ["db", "web"]
        .into_iter()
        .map(|service| line(0, Level::Info, &[("service", text(service))]))
        .collect();
    fixture.write(&records).await;
    let mut body = response.into_body();
    let frame = body.frame().await.expect("an event").expect("readable");
    let event = frame.into_data().expect("data");
    let record = r#"{"timestamp":"2026-11-20T12:00:00.000000Z","level":"info","service":"web"}"#;
    let expected = format!("data: {record}\n\n");
    assert_eq!(std::str::from_utf8(&event), Ok(expected.as_str()));
    fixture.state.stop_token().cancel();
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn tails_are_bounded_and_free_their_place() {
    let fixture = Fixture::new();
    let mut tails = Vec::new();
    loop {
        let response = fixture.send(Method::GET, "/api/v1/tail", "").await;
        if response.status() != StatusCode::OK {
            check_problem(response, StatusCode::TOO_MANY_REQUESTS, "busy").await;
            break;
        }
        tails.push(response);
    }
    tails.pop();
    let response = fixture.send(Method::GET, "/api/v1/tail", "").await;
    assert_eq!(response.status(), StatusCode::OK);
}

/// A store whose export takes several pages.
async fn with_small_pages(count: i64) -> Fixture {
    let fixture = Fixture::with_config(QueryConfig { hits_max: 10, ..QueryConfig::default() });
    let records: Vec<Record<'static>> = (0..count)
        .map(|number| line(number * 1_000, Level::Info, &[("number", Value::I64(number))]))
        .collect();
    fixture.write(&records).await;
    fixture
}

async fn lines(response: Response<Body>) -> Vec<Json> {
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/x-ndjson");
    let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
    let text = std::str::from_utf8(&bytes).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn numbers(lines: &[Json]) -> Vec<i64> {
    lines.iter().filter_map(|line| line["number"].as_i64()).collect()
}

#[tokio::test]
async fn an_export_writes_every_match_once_and_says_that_it_is_complete() {
    let fixture = with_small_pages(25).await;
    let found = lines(fixture.send(Method::GET, "/api/v1/export", "").await).await;
    assert_eq!(numbers(&found), (0..25).collect::<Vec<i64>>());
    let last = &found.last().expect("a last line")["tierlog"]["export"];
    assert_eq!((&last["complete"], &last["records"]), (&json!(true), &json!(25)));

    let uri = "/api/v1/export?q=number:%3C5&sort=-timestamp&fields=number";
    let found = lines(fixture.send(Method::GET, uri, "").await).await;
    assert_eq!(numbers(&found), [4, 3, 2, 1, 0]);

    let found = lines(fixture.send(Method::GET, "/api/v1/export?q=number:99", "").await).await;
    let expected = json!({"tierlog": {"export": {"complete": true, "records": 0, "cursor": null}}});
    assert_eq!(found, [expected]);
}

#[tokio::test]
async fn an_export_goes_on_from_a_checkpoint() {
    let fixture = with_small_pages(25).await;
    let uri = "/api/v1/export?checkpoints=page";
    let found = lines(fixture.send(Method::GET, uri, "").await).await;
    let place = found.iter().position(|line| line.get("tierlog").is_some()).expect("a checkpoint");
    let (before, rest) = found.split_at(place);
    let cursor = rest[0]["tierlog"]["export"]["cursor"].as_str().expect("a cursor");
    let uri = format!("/api/v1/export?cursor={cursor}");
    let after = lines(fixture.send(Method::GET, &uri, "").await).await;
    let both = [numbers(before), numbers(&after)].concat();
    assert_eq!(both, (0..25).collect::<Vec<i64>>());
}

#[tokio::test]
async fn an_export_that_is_stopped_says_where() {
    let fixture = with_small_pages(25).await;
    let response = fixture.send(Method::GET, "/api/v1/export", "").await;
    fixture.state.stop_token().cancel();
    let found = lines(response).await;
    let last = &found.last().expect("a last line")["tierlog"]["export"];
    assert_eq!((&last["complete"], &last["code"]), (&json!(false), &json!("cancelled")));
    assert!(last["cursor"].is_string(), "{last}");
}

#[tokio::test]
async fn an_export_ends_when_its_client_leaves() {
    let fixture = with_small_pages(25).await;
    for _ in 0..8 {
        // More than may run at once: each frees its place when the answer is dropped.
        let response = fixture.send(Method::GET, "/api/v1/export", "").await;
        assert_eq!(response.status(), StatusCode::OK);
        drop(response);
        tokio::task::yield_now().await;
    }
}
