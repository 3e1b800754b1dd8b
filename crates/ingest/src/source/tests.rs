//! What is counted of a batch, and when.

use std::sync::mpsc;

use axum::body::Body;
use axum::http::Request;
use tierlog_model::{Ack, Receipt, RedactedBatch, Refusal, metric_names};
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::*;
use crate::normalise::IngestConfig;
use crate::testing::{Counters, FakeStore, ingest_of, written};

const LINES: &str = "{\"n\":1}\nrubbish\n{\"n\":2}\n";

/// Sends lines to a slow store, leaves during the write, and counts the written records.
async fn check_left<F>(serve: impl FnOnce(Arc<Ingest>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (ingest, receiver) = ingest_of(IngestConfig::default(), 1 << 22);
    let (took, taken) = tokio::sync::oneshot::channel();
    let (goes_on, wait) = mpsc::sync_channel::<()>(1);
    let mut took = Some(took);
    let counters = Counters::default();
    let answer = move |batch: &_| {
        took.take().expect("one batch").send(()).expect("the test waits");
        wait.recv().expect("the test lets it go on");
        written(batch)
    };
    let store = FakeStore::start_counting(receiver, answer, counters.clone());
    let serving = tokio::spawn(serve(Arc::new(ingest)));
    taken.await.expect("the store took the batch");
    serving.abort();
    assert!(serving.await.expect_err("it was still waiting").is_cancelled());
    assert_eq!(counters.of(metric_names::INGEST_ACCEPTED), 0, "not durable yet");
    goes_on.send(()).expect("the store waits");
    assert_eq!(store.records().len(), 3);
    assert_eq!(counters.of(metric_names::INGEST_ACCEPTED), 2);
    assert_eq!(counters.of(metric_names::INGEST_REJECTED), 1);
}

#[tokio::test]
async fn lines_of_a_tcp_client_that_left_are_counted() {
    check_left(|ingest| async {
        let (mut ours, theirs) = tokio::io::duplex(1024);
        ours.write_all(LINES.as_bytes()).await.expect("there is room");
        let (lines, client) = (TcpProtocol::LINES, Client::default());
        let _ = serve_tcp_connection(lines, ingest, theirs, client, CancellationToken::new()).await;
    })
    .await;
}

#[tokio::test]
async fn lines_of_an_http_client_that_left_are_counted() {
    check_left(|ingest| async {
        let request = Request::post("/api/v1/ingest").body(Body::from(LINES)).expect("a request");
        drop(http_router(ingest).oneshot(request).await);
    })
    .await;
}

/// Sends lines and returns what is counted under some metrics once the store has answered.
async fn counted(answer: impl FnMut(&RedactedBatch) -> Ack + Send + 'static) -> [u64; 4] {
    let (ingest, receiver) = ingest_of(IngestConfig::default(), 1 << 22);
    let counters = Counters::default();
    let store = FakeStore::start_counting(receiver, answer, counters.clone());
    let request = Request::post("/api/v1/ingest").body(Body::from(LINES)).expect("a request");
    drop(http_router(Arc::new(ingest)).oneshot(request).await);
    drop(store.batches());
    [
        metric_names::INGEST_ACCEPTED,
        metric_names::INGEST_DUPLICATE,
        metric_names::INGEST_REJECTED,
        metric_names::INGEST_REFUSED,
    ]
    .map(|name| counters.of(name))
}

#[tokio::test]
async fn what_is_refused_or_repeated_is_not_counted_as_taken() {
    assert_eq!(counted(written).await, [2, 0, 1, 0]);
    assert_eq!(counted(|_| Err(Refusal::DiskFull)).await, [0, 0, 0, 0]);
    let again = |batch: &RedactedBatch| {
        Ok(Receipt { written_count: 0, duplicate_count: batch.record_count(), producer_line: None })
    };
    assert_eq!(counted(again).await, [0, 2, 0, 0]);
}
