//! The router, asked as a client asks it, before a store that is a thread.

use std::collections::VecDeque;
use std::io::Write;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{self, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{Request as HttpRequest, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use expect_test::{Expect, expect};
use http_body_util::BodyExt;
use hyper::body::Frame;
use serde_json::Value;
use tierlog_model::memory::MemoryLease;
use tierlog_model::{
    Ack, Receipt, RecordKind, RedactedBatch, Refusal, Tenant, WhenDiskFull, metric_names,
};
use tokio::time::Instant;
use tower::ServiceExt;

use super::*;
use crate::body_room::{BodyRoom, HeldRoom};
use crate::normalise::IngestLimits;
use crate::source::http_router;
use crate::testing::{BODIES_BYTES, Counters, FakeStore, ingest_of, written};

/// Returns a request with headers, `name: value`.
fn post(uri: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> HttpRequest<Body> {
    let mut request = HttpRequest::post(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).expect("a request")
}

fn ndjson(body: impl Into<Body>) -> HttpRequest<Body> {
    post("/api/v1/ingest", &[("content-type", "application/x-ndjson")], body)
}

async fn body_of(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).cloned();
    let is_problem = kind.is_some_and(|kind| kind == "application/problem+json");
    assert_eq!(is_problem, !status.is_success(), "errors and only errors are problems");
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&bytes).expect("JSON"))
}

/// Asks one question of a fresh server; returns the answer and what the store took.
async fn ask_with(
    config: IngestConfig,
    request: HttpRequest<Body>,
    answer: impl FnMut(&RedactedBatch) -> Ack + Send + 'static,
) -> (StatusCode, Value, FakeStore) {
    let (ingest, receiver) = ingest_of(config, 1 << 26);
    let store = FakeStore::start(receiver, answer);
    let response = http_router(Arc::new(ingest)).oneshot(request).await.expect("infallible");
    let (status, body) = body_of(response).await;
    (status, body, store)
}

async fn ask(request: HttpRequest<Body>) -> (StatusCode, Value, FakeStore) {
    ask_with(small_config(), request, written).await
}

fn small_config() -> IngestConfig {
    let limits = IngestLimits {
        body_bytes_max: 100_000,
        inflated_bytes_max: 300_000,
        body_deadline: Duration::from_millis(50),
        ..IngestLimits::default()
    };
    IngestConfig { limits, ..IngestConfig::default() }
}

#[expect(clippy::needless_pass_by_value, reason = "the macro makes values")]
fn check(status: StatusCode, body: &Value, expected: Expect) {
    expected.assert_eq(&format!("{} {body}", status.as_u16()));
}

#[tokio::test]
async fn verdicts_come_after_the_store_has_the_lines() {
    let body = "{\"msg\":\"hi\",\"email\":\"a.b@example.com\"}\n\nrubbish\n";
    let (status, answer, store) = ask(ndjson(body)).await;
    check(
        status,
        &answer,
        expect![[
            r#"200 {"accepted":1,"rejected":1,"redacted":1,"duplicate":0,"durability":"fsync","errors":[{"line":3,"reason":"invalid_json","detail":"expected value at byte 1"}]}"#
        ]],
    );
    let records = store.records();
    assert_eq!(records.len(), 2);
    assert_eq!(records.iter().filter(|record| record.kind == RecordKind::DeadLetter).count(), 1);
}

#[tokio::test]
async fn defaults_come_from_the_query_string() {
    let uri = "/api/v1/ingest?service=web&level=WARN&source=f";
    let request = post(uri, &[("content-type", "text/plain; charset=utf-8")], "plain line\n");
    let (status, _, store) = ask(request).await;
    assert_eq!(status, StatusCode::OK);
    let records = store.records();
    let record = records.first().expect("one record");
    assert_eq!(record.level, Level::Warning);
    assert_eq!(record.get_str("message"), Some("plain line"));
    assert_eq!((record.get_str("service"), record.get_str("source")), (Some("web"), Some("f")));
}

#[tokio::test]
async fn nothing_readable_is_400_and_durable_all_the_same() {
    let (status, answer, store) = ask(ndjson("rubbish\n[]\n")).await;
    check(
        status,
        &answer,
        expect![[
            r#"400 {"type":"about:blank","title":"Bad Request","status":400,"code":"nothing_readable","detail":"none of 2 lines could be read","errors":[{"line":1,"reason":"invalid_json","detail":"expected value at byte 1"},{"line":2,"reason":"not_an_object","detail":"valid JSON, but not an object"}]}"#
        ]],
    );
    assert_eq!(store.records().len(), 2);
}

#[tokio::test]
async fn an_empty_body_is_fine_and_goes_nowhere() {
    let (status, answer, store) = ask(ndjson("\n \n")).await;
    check(
        status,
        &answer,
        expect![[
            r#"200 {"accepted":0,"rejected":0,"redacted":0,"duplicate":0,"durability":"fsync","errors":[]}"#
        ]],
    );
    assert!(store.batches().is_empty());
}

#[tokio::test]
async fn compressed_bodies_are_inflated() {
    let lines = "{\"msg\":\"a\"}\n{\"msg\":\"b\"}\n".repeat(2_000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(lines.as_bytes()).expect("memory takes all");
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    zlib.write_all(lines.as_bytes()).expect("memory takes all");
    let bodies = [
        ("gzip", gzip.finish().expect("memory takes all")),
        ("deflate", zlib.finish().expect("memory takes all")),
        ("zstd", zstd::stream::encode_all(lines.as_bytes(), 1).expect("memory takes all")),
        ("identity", lines.clone().into_bytes()),
    ];
    for (encoding, body) in bodies {
        let request = post("/api/v1/ingest", &[("content-encoding", encoding)], body);
        let (status, answer, _) = ask(request).await;
        assert_eq!((status, &answer["accepted"]), (StatusCode::OK, &4_000.into()), "{encoding}");
    }
}

#[tokio::test]
async fn too_much_is_413() {
    let (status, answer, _) = ask(ndjson(vec![b'\n'; 100_001])).await;
    check(
        status,
        &answer,
        expect![[
            r#"413 {"type":"about:blank","title":"Payload Too Large","status":413,"code":"too_large","detail":"body is larger than 100000 bytes (ingest.http.body_max)"}"#
        ]],
    );
    // Without a length, the cap is found while receiving.
    let pieces = Pieces::body([vec![b'\n'; 60_000], vec![b'\n'; 60_000]], End::Comes);
    assert_eq!(ask(ndjson(pieces)).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let bomb = zstd::stream::encode_all(&vec![b'0'; 50_000_000][..], 1).expect("memory takes all");
    let (status, answer, _) =
        ask(post("/api/v1/ingest", &[("content-encoding", "zstd")], bomb)).await;
    check(
        status,
        &answer,
        expect![[
            r#"413 {"type":"about:blank","title":"Payload Too Large","status":413,"code":"too_large","detail":"body is larger than 300000 bytes (ingest.http.inflated_max)"}"#
        ]],
    );
}

/// A body without a length; after the last piece the body ends, or stays open for ever.
struct Pieces {
    left: VecDeque<Bytes>,
    end: End,
    left_count: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Comes,
    NeverComes,
}

impl Pieces {
    fn body<const N: usize>(pieces: [Vec<u8>; N], end: End) -> Body {
        Pieces::counted(pieces, end).1
    }

    /// Returns besides how many pieces were not asked for yet.
    fn counted<const N: usize>(pieces: [Vec<u8>; N], end: End) -> (Arc<AtomicUsize>, Body) {
        let left = pieces.into_iter().map(Bytes::from).collect();
        let left_count = Arc::new(AtomicUsize::new(N));
        (Arc::clone(&left_count), Body::new(Pieces { left, end, left_count }))
    }
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let next = self.left.pop_front();
        self.left_count.store(self.left.len(), Ordering::Relaxed);
        match (next, self.end) {
            (Some(piece), _) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            (None, End::Comes) => Poll::Ready(None),
            (None, End::NeverComes) => Poll::Pending,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_arriving_is_408() {
    let body = Pieces::body([b"{\"msg\":".to_vec()], End::NeverComes);
    let (status, answer, _) = ask(ndjson(body)).await;
    check(
        status,
        &answer,
        expect![[
            r#"408 {"type":"about:blank","title":"Request Timeout","status":408,"code":"deadline","detail":"the body took too long to arrive"}"#
        ]],
    );
}

#[tokio::test]
async fn heads_that_make_no_sense_are_refused() {
    for (header, code) in [
        (("content-type", "application/xml"), "unsupported_media_type"),
        (("content-encoding", "br"), "unsupported_media_type"),
        (("content-encoding", "gzip, gzip"), "unsupported_media_type"),
        (("tierlog-batch-id", "two words"), "invalid_batch_id"),
        (("tierlog-batch-id", ""), "invalid_batch_id"),
    ] {
        let (status, answer, store) = ask(post("/api/v1/ingest", &[header], "{}")).await;
        let expected = if code == "unsupported_media_type" { 415 } else { 400 };
        assert_eq!((status.as_u16(), &answer["code"]), (expected, &code.into()), "{header:?}");
        assert!(store.batches().is_empty());
    }
    let (status, answer, _) = ask(post("/api/v1/ingest?level=loud", &[], "{}")).await;
    assert_eq!((status.as_u16(), &answer["code"]), (400, &"invalid_parameter".into()));
    let broken = post("/api/v1/ingest", &[("content-encoding", "gzip")], "{}");
    let (status, answer, _) = ask(broken).await;
    assert_eq!((status.as_u16(), &answer["code"]), (400, &"invalid_encoding".into()));
}

#[tokio::test(start_paused = true)]
async fn a_full_pipeline_is_429_with_a_time_to_come_back() {
    let (ingest, _nobody_reads) = ingest_of(small_config(), 10);
    let ingest = Arc::new(ingest);
    let _waiting = ingest.handoff().try_send(ingest.prepare_lines(b"{}").batch).expect("room");
    let router = http_router(Arc::clone(&ingest));
    let response = router.clone().oneshot(ndjson("{}")).await.expect("infallible");
    assert_eq!(response.headers().get(header::RETRY_AFTER).expect("given"), "1");
    let (status, answer) = body_of(response).await;
    check(
        status,
        &answer,
        expect![[
            r#"429 {"type":"about:blank","title":"Too Many Requests","status":429,"code":"full","detail":"no room for more lines now, try again"}"#
        ]],
    );

    let _taken = fill(&ingest.body_room).await;
    let response = router.oneshot(ndjson("{}")).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
}

/// Takes all of the room for bodies, and the right to go on without.
async fn fill(room: &BodyRoom) -> (MemoryLease, HeldRoom) {
    let all = room.none().part().take(BODIES_BYTES).await;
    let mut right = room.none();
    let until = Instant::now() + Duration::from_secs(1);
    room.take_to(1, &mut right, until).await.expect("the right is free");
    (all, right)
}

#[tokio::test(start_paused = true)]
async fn who_finds_it_full_waits_in_line_for_seconds_and_is_taken() {
    let (ingest, mut receiver) = ingest_of(small_config(), 10);
    let ingest = Arc::new(ingest);
    let router = http_router(Arc::clone(&ingest));
    let _waiting = ingest.handoff().try_send(ingest.prepare_lines(b"{}").batch).expect("room");
    let began = Instant::now();
    let posts: Vec<_> =
        (0..2).map(|_| tokio::spawn(router.clone().oneshot(ndjson("{}")))).collect();
    let store = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(3)).await;
            let submission = receiver.try_recv().expect("a batch");
            let (batch, reply, _held) = submission.into_parts();
            reply.send(written(&batch));
        }
    };
    store.await;
    for post in posts {
        let answer = post.await.expect("no panic").expect("infallible");
        assert_eq!(answer.status(), StatusCode::OK);
    }
    assert!(began.elapsed() < ingest.config().limits.full_patience);
}

#[tokio::test(start_paused = true)]
async fn bodies_that_wait_for_the_store_are_not_read_meanwhile() {
    let counters = Counters::default();
    let _counting = metrics::set_default_local_recorder(&counters);
    let (ingest, _nobody_reads) = ingest_of(small_config(), 10);
    let ingest = Arc::new(ingest);
    let router = http_router(Arc::clone(&ingest));
    let _waiting = ingest.handoff().try_send(ingest.prepare_lines(b"{}").batch).expect("room");
    let redacted = counters.of(metric_names::REDACTIONS);
    let posts: Vec<_> = ["{\"mail\":\"a@example.org\"}\n", "{\"mail\":\"b@example.org\"}\n"]
        .map(|line| tokio::spawn(router.clone().oneshot(ndjson(line.repeat(20)))))
        .into();
    for post in posts {
        let answer = post.await.expect("no panic").expect("infallible");
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(counters.of(metric_names::REDACTIONS), redacted, "a line was read");
}

#[tokio::test]
async fn a_body_of_the_largest_size_is_taken() {
    for length in [Some("100000"), None] {
        let pieces = Pieces::body([vec![b'\n'; 60_000], vec![b'\n'; 40_000]], End::Comes);
        let headers: Vec<(&str, &str)> =
            length.into_iter().map(|length| ("content-length", length)).collect();
        let (status, ..) = ask(post("/api/v1/ingest", &headers, pieces)).await;
        assert_eq!(status, StatusCode::OK, "{length:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_length_beyond_the_limit_is_refused_before_any_of_it_is_kept() {
    let pieces = Pieces::body([vec![b'\n'; 10]], End::NeverComes);
    let request = post("/api/v1/ingest", &[("content-length", "100001")], pieces);
    let (ingest, _receiver) = ingest_of(small_config(), 1 << 20);
    let response = http_router(Arc::new(ingest)).oneshot(request).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn what_is_refused_is_answered_before_the_rest_of_it_is_read() {
    let counters = Counters::default();
    let _counting = metrics::set_default_local_recorder(&counters);
    let pieces = [vec![b'\n'; 60_000], vec![b'\n'; 60_000], vec![b'x'; 9]];
    let (left, pieces) = Pieces::counted(pieces, End::NeverComes);
    assert_eq!(ask(ndjson(pieces)).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(left.load(Ordering::Relaxed), 1);
    assert_eq!(counters.of(metric_names::INGEST_BYTES), 60_000, "what was kept for a while");
}

#[tokio::test]
async fn a_body_holds_the_memory_of_a_piece_however_long_it_is() {
    let (ingest, receiver) = ingest_of(IngestConfig::default(), 1 << 24);
    let ingest = Arc::new(ingest);
    let store = FakeStore::start(receiver, written);
    let bodies = ingest.body_room.none().part();
    let router = http_router(Arc::clone(&ingest));
    let (frame, piece) = (64 << 10, 1 << 20);
    let lines: Vec<u8> = b"{\"msg\":\"x\"}\n".iter().copied().cycle().take(7 << 20).collect();
    for (length, most) in [(14, 14), (98_000, 5 * frame), (lines.len(), piece + 2 * frame)] {
        let left = lines[..length].chunks(frame).map(Bytes::copy_from_slice).collect();
        let left_count = Arc::default();
        // What was announced and never comes takes no memory.
        let headers = [("content-length", "60000000")];
        let body = Body::new(Pieces { left, end: End::Comes, left_count });
        let answer = router.clone().oneshot(post("/api/v1/ingest", &headers, body)).await;
        assert_eq!(answer.expect("infallible").status(), StatusCode::OK, "{length}");
        let peak = bodies.peak_bytes();
        assert!((1..=most as u64).contains(&peak), "{peak} bytes for {length}");
        assert_eq!(bodies.used_bytes(), 0, "{length}");
    }
    drop((router, ingest));
    drop(store.batches());
}

/// Sends a body of many pieces to a store that refuses one piece.
async fn refused_at(piece: usize, refusal: Refusal, body: &str) -> (StatusCode, Value, FakeStore) {
    let mut count = 0;
    let answer = move |batch: &RedactedBatch| {
        count += 1;
        if count == piece { Err(refusal.clone()) } else { written(batch) }
    };
    ask_with(IngestConfig::default(), ndjson(body.to_owned()), answer).await
}

#[tokio::test]
async fn a_refusal_in_the_middle_says_how_far_the_body_is_durable() {
    let line = format!("{{\"msg\":\"{}\"}}\n", "x".repeat(1_000));
    let body = line.repeat(5_000);
    let piece_lines = ((1 << 20) / line.len()) as u64;
    for (piece, refusal, status) in [
        (3, Refusal::DiskFull, 507),
        (2, Refusal::Poisoned("fsync".to_owned()), 503),
        (2, Refusal::TooLarge { limit_bytes: 7 }, 413),
    ] {
        let durable = (piece as u64 - 1) * piece_lines;
        let (given, answer, store) = refused_at(piece, refusal, &body).await;
        assert_eq!(given.as_u16(), status, "{answer}");
        assert_eq!(answer["durable_lines"], durable, "{answer}");
        let batches = store.batches();
        assert_eq!(batches.len(), piece, "nothing is sent behind a piece that was refused");
        let written: u32 = batches.iter().take(piece - 1).map(RedactedBatch::record_count).sum();
        assert_eq!(u64::from(written), durable);
    }
    let (given, answer, _) = refused_at(1, Refusal::DiskFull, &body).await;
    assert_eq!((given.as_u16(), &answer["durable_lines"]), (507, &Value::Null));
}

#[tokio::test]
async fn verdicts_of_pieces_add_up_and_a_repeat_is_told_piece_by_piece() {
    let line = format!("{{\"msg\":\"{}\"}}\nrubbish\n", "x".repeat(1_000));
    let body = line.repeat(3_000);
    let mut count = 0;
    let answer = move |batch: &RedactedBatch| {
        count += 1;
        // The first piece is here already.
        let duplicate_count = if count == 1 { batch.record_count() } else { 0 };
        let written_count = batch.record_count() - duplicate_count;
        Ok(Receipt { written_count, duplicate_count, producer_line: None })
    };
    let (status, answer, store) = ask_with(IngestConfig::default(), ndjson(body), answer).await;
    let batches = store.batches();
    assert_eq!((status, batches.len()), (StatusCode::OK, 3));
    assert_eq!((&answer["rejected"], &answer["accepted"]), (&3_000.into(), &1_971.into()));
    assert_eq!(answer["duplicate"], 1_029);
    let errors = answer["errors"].as_array().expect("a list");
    assert_eq!((errors.len(), &errors[99]["line"]), (100, &200.into()));
}

#[tokio::test]
async fn a_body_that_breaks_behind_its_first_pieces_says_how_far_it_is_durable() {
    let lines = "{\"msg\":\"x\"}\n".repeat(300_000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(lines.as_bytes()).expect("memory takes all");
    let mut broken = gzip.finish().expect("memory takes all");
    let length = broken.len();
    broken.truncate(length - 4);
    let request = post("/api/v1/ingest", &[("content-encoding", "gzip")], broken);
    let (status, answer, store) = ask_with(IngestConfig::default(), request, written).await;
    assert_eq!((status.as_u16(), &answer["code"]), (400, &"invalid_encoding".into()));
    let durable = answer["durable_lines"].as_u64().expect("lines are durable");
    assert!((8_000..300_000).contains(&durable), "{durable}");
    assert_eq!(store.records().len() as u64, durable);
}

#[tokio::test]
async fn what_would_stand_in_every_record_is_bounded() {
    for (name, bytes_max) in [("service", 256), ("source", 1_024)] {
        let uri = |length| format!("/api/v1/ingest?{name}={}", "s".repeat(length));
        let (status, _, store) = ask(post(&uri(bytes_max), &[], "{}")).await;
        assert_eq!((status, store.records().len()), (StatusCode::OK, 1));
        let (status, answer, store) = ask(post(&uri(bytes_max + 1), &[], "{}")).await;
        assert_eq!((status.as_u16(), &answer["code"]), (400, &"invalid_parameter".into()));
        assert_eq!(answer["detail"], format!("{name} is longer than {bytes_max} bytes"));
        assert!(store.batches().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_when_it_is_full_is_counted_and_who_comes_without_room_too() {
    let counters = Counters::default();
    let _counting = metrics::set_default_local_recorder(&counters);
    let (ingest, mut receiver) = ingest_of(small_config(), 10);
    let ingest = Arc::new(ingest);
    let router = http_router(Arc::clone(&ingest));
    let _waiting = ingest.handoff().try_send(ingest.prepare_lines(b"{}").batch).expect("room");
    let ask = || async { router.clone().oneshot(ndjson("{}")).await.expect("infallible").status() };
    assert_eq!(ask().await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(counters.of(metric_names::INGEST_REFUSED), 1);
    let taken = fill(&ingest.body_room).await;
    assert_eq!(ask().await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(counters.of(metric_names::INGEST_REFUSED), 2);
    drop(taken);
    drop(receiver.try_recv());
    // Who waits for an answer cannot wait for room as well.
    let sent = tokio::spawn(router.clone().oneshot(ndjson("{}")));
    let submission = loop {
        match receiver.try_recv() {
            Some(submission) => break submission,
            None => tokio::task::yield_now().await,
        }
    };
    assert_eq!(submission.when_disk_full, WhenDiskFull::Refuse);
    submission.into_parts().1.send(Err(Refusal::DiskFull));
    let answer = sent.await.expect("no panic").expect("infallible");
    assert_eq!(answer.status(), StatusCode::INSUFFICIENT_STORAGE);
    receiver.set_disk_full(tierlog_model::DiskFull::Yes);
    assert_eq!(ask().await, StatusCode::INSUFFICIENT_STORAGE);
    assert!(receiver.try_recv().is_none(), "it went nowhere");
}

#[tokio::test]
async fn the_stores_refusals_have_their_status() {
    for (refusal, status, code) in [
        (Refusal::Poisoned("fsync".to_owned()), 503, "store_refuses_writes"),
        (Refusal::DiskFull, 507, "disk_full"),
        (Refusal::ShuttingDown, 503, "shutting_down"),
    ] {
        let answer = move |_: &RedactedBatch| Err(refusal.clone());
        let (given, body, _) = ask_with(small_config(), ndjson("{}"), answer).await;
        assert_eq!((given.as_u16(), &body["code"]), (status, &code.into()));
    }
    let (ingest, receiver) = ingest_of(small_config(), 1 << 20);
    drop(receiver);
    let response = http_router(Arc::new(ingest)).oneshot(ndjson("{}")).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_batch_id_travels_and_duplicates_are_told() {
    let (told, ids) = mpsc::sync_channel(1);
    let answer = move |batch: &RedactedBatch| {
        told.send(batch.id().cloned()).expect("the test listens");
        Ok(Receipt { written_count: 0, duplicate_count: batch.record_count(), producer_line: None })
    };
    let request =
        post("/api/v1/ingest", &[("tierlog-batch-id", "b-1")], "{\"msg\":\"a\"}\nrubbish\n");
    let (status, body, _) = ask_with(small_config(), request, answer).await;
    assert_eq!(ids.recv().expect("one batch"), BatchId::of_client(Tenant::DEFAULT, "b-1"));
    check(
        status,
        &body,
        expect![[
            r#"200 {"accepted":0,"rejected":1,"redacted":0,"duplicate":1,"durability":"fsync","errors":[{"line":2,"reason":"invalid_json","detail":"expected value at byte 1"}]}"#
        ]],
    );
}

#[tokio::test]
async fn answers_never_quote_what_was_sent() {
    let secrets = "hunter2 {\"password\": hunter2}\n{\"ts\":\"hunter2\"}\n{\"hunter2\n";
    let (_, body, _) = ask(ndjson(secrets)).await;
    assert!(!body.to_string().contains("hunter2"), "{body}");
}

#[test]
fn the_contract_is_described() {
    let document = Contract::openapi();
    let json = serde_json::to_value(&document).expect("a document is JSON");
    let responses = &json["paths"]["/api/v1/ingest"]["post"]["responses"];
    for status in ["200", "400", "413", "415", "429", "503", "507"] {
        assert!(responses[status].is_object(), "{status}");
    }
}
