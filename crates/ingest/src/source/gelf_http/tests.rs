//! Messages as libraries and Graylog's documentation write them, posted to the router.

use std::io::Write as _;
use std::sync::Arc;

use axum::http::Request as HttpRequest;
use expect_test::{Expect, expect};
use http_body_util::BodyExt as _;
use tierlog_model::{Ack, Record, RecordKind, RedactedBatch, Refusal};
use tower::ServiceExt as _;

use super::*;
use crate::normalise::IngestLimits;
use crate::source::http_router;
use crate::testing::{FakeStore, ingest_of, written};

async fn ask_with(
    config: IngestConfig,
    request: HttpRequest<Body>,
    answer: impl FnMut(&RedactedBatch) -> Ack + Send + 'static,
) -> (StatusCode, String, Vec<Record<'static>>) {
    let (ingest, receiver) = ingest_of(config, 1 << 26);
    let store = FakeStore::start(receiver, answer);
    let response = http_router(Arc::new(ingest)).oneshot(request).await.expect("infallible");
    let status = response.status();
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8(bytes.to_vec()).expect("text"), store.records())
}

async fn ask(body: impl Into<Body>) -> (StatusCode, String, Vec<Record<'static>>) {
    let request = HttpRequest::post("/gelf").body(body.into()).expect("a request");
    ask_with(IngestConfig::default(), request, written).await
}

/// Prints what is kept of a message.
async fn check(message: &str, expected: Expect) {
    let (status, answer, records) = ask(message.to_owned()).await;
    assert_eq!((status, &*answer), (StatusCode::ACCEPTED, ""), "{message}");
    let [record] = records.as_slice() else { panic!("one record, not {records:?}") };
    let mut text = format!("{} {}\n", record.timestamp, record.level);
    for (name, value) in &record.fields {
        text.push_str(&format!("  {name} = {value:?}\n"));
    }
    expected.assert_eq(&text);
}

#[tokio::test]
async fn fields_of_gelf_become_those_of_the_contract() {
    check(
        r#"{"version":"1.1","host":"web-1","short_message":"payment failed","timestamp":1795175990.123456,"level":3,"_user_id":"4242","_request_id":"r-1","_duration_ms":12.5,"_retry":true,"_nested":{"a":1},"_tags":["x",2],"_level":"own","_nothing":null,"_":1}"#,
        expect![[r#"
            2026-11-20T11:59:50.123456Z error
              host = Str("web-1")
              message = Str("payment failed")
              level_text = Str("3")
              user_id = Str("4242")
              request_id = Str("r-1")
              duration_ms = F64(12.5)
              retry = Bool(true)
              nested.a = I64(1)
              tags = Json("[\"x\",2]")
              _level = Str("own")
              _ = I64(1)
        "#]],
    )
    .await;
    // Log4j 2's GelfLayout, with a trace; times as text and as milliseconds.
    check(
        r#"{"version":"1.1","host":"vm","short_message":"refused","full_message":"clients.CardRefused: card refused\n\tat clients.Main.refused(Main.java:30)\n","timestamp":"1795175990.5","level":1,"_logger":"com.example.Shop","_thread":"main"}"#,
        expect![[r#"
            2026-11-20T11:59:50.500000Z critical
              host = Str("vm")
              message = Str("refused")
              stacktrace = Str("clients.CardRefused: card refused\n\tat clients.Main.refused(Main.java:30)\n")
              level_text = Str("1")
              logger = Str("com.example.Shop")
              thread = Str("main")
              error_type = Str("clients.CardRefused")
              error_message = Str("card refused")
        "#]],
    )
    .await;
    check(
        r#"{"short_message":"no version, no host","timestamp":1795175990500}"#,
        expect![[r#"
            2026-11-20T11:59:50.500000Z info
              message = Str("no version, no host")
        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_dockers_driver_wraps_is_opened() {
    check(
        r#"{"version":"1.1","host":"node-1","short_message":"{\"level\":\"warn\",\"msg\":\"slow\",\"user_id\":7}","timestamp":1795175990,"level":6,"_container_id":"4f1c","_container_name":"shop"}"#,
        expect![[r#"
            2026-11-20T11:59:50.000000Z warning
              host = Str("node-1")
              original.level = I64(6)
              container_id = Str("4f1c")
              container_name = Str("shop")
              level_text = Str("warn")
              message = Str("slow")
              user_id = Str("7")
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_body_may_be_compressed_pretty_or_hold_a_message_a_line() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"{\"short_message\":\"a\"}").expect("memory takes all");
    let gzip = encoder.finish().expect("memory takes all");
    let request = HttpRequest::post("/gelf").header("content-encoding", "gzip");
    let request = request.body(Body::from(gzip)).expect("a request");
    let (status, _, records) = ask_with(IngestConfig::default(), request, written).await;
    assert_eq!((status, records.len()), (StatusCode::ACCEPTED, 1));
    let (status, _, records) = ask("{\n  \"short_message\": \"a\",\n  \"level\": 4\n}\n").await;
    assert_eq!((status, records.len()), (StatusCode::ACCEPTED, 1));
    let (status, _, records) = ask("{\"short_message\":\"a\"}\n{\"short_message\":\"b\"}\n").await;
    assert_eq!((status, records.len()), (StatusCode::ACCEPTED, 2));
    let (status, answer, records) = ask("").await;
    assert_eq!((status, &*answer, records.len()), (StatusCode::ACCEPTED, "", 0));
}

#[tokio::test]
async fn what_cannot_be_read_is_said_in_text_and_kept() {
    let (status, answer, records) = ask("{\"short_message\":\"ada@example.org\"").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(answer.starts_with("1 of 1 messages could not be read; the first is message 1"));
    assert!(answer.contains("invalid_json") && !answer.contains("ada"), "{answer}");
    let [letter] = records.as_slice() else { panic!("one dead letter, not {records:?}") };
    assert_eq!(letter.kind, RecordKind::DeadLetter);
    assert!(!letter.get_str("message").expect("kept").contains("ada@"));
    let (status, answer, records) = ask("{\"short_message\":\"a\"}\n[1]\nx\n").await;
    assert_eq!((status, records.len()), (StatusCode::ACCEPTED, 3));
    assert!(answer.starts_with("2 of 3 messages could not be read; the first is message 2"));
    let config = || IngestConfig {
        limits: IngestLimits { line_bytes_max: 50, ..IngestLimits::default() },
        ..IngestConfig::default()
    };
    let long = format!("{{\"short_message\":\"{}\"}}", "x".repeat(100));
    let request = HttpRequest::post("/gelf").body(Body::from(long)).expect("a request");
    let (status, answer, _) = ask_with(config(), request, written).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(answer.contains("too_long, longer than 50 bytes"), "{answer}");
}

#[tokio::test]
async fn refusals_are_text_with_the_time_to_come_again() {
    let request = || HttpRequest::post("/gelf").body(Body::from("{\"short_message\":\"a\"}"));
    let (ingest, receiver) = ingest_of(IngestConfig::default(), 1 << 20);
    let store = FakeStore::start(receiver, |_| Err(Refusal::ShuttingDown));
    let router = http_router(Arc::new(ingest));
    let response = router.oneshot(request().expect("a request")).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header(header::CONTENT_TYPE), Some("text/plain; charset=utf-8"));
    assert!(header(header::RETRY_AFTER).is_some());
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    assert_eq!(bytes, "server is shutting down");
    drop(store.batches());
    let request = HttpRequest::post("/gelf").header("content-encoding", "br");
    let request = request.body(Body::from("{}")).expect("a request");
    let (status, answer, _) = ask_with(IngestConfig::default(), request, written).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(answer, "content encoding is none of gzip, zstd, deflate");
}
