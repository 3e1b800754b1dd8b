//! The handler over an in-memory stream, before a store that is a thread.

use std::sync::mpsc;

use tierlog_model::{RecordKind, RedactedBatch};
use tokio::io::{AsyncBufReadExt, BufReader, DuplexStream, Lines};
use tokio::task::JoinHandle;

use super::*;
use crate::config::{IngestConfig, IngestLimits};
use crate::testing::{FakeStore, ingest_of, written};

const HANDSHAKE: &str = "{\"tierlog\":{\"ack\":true}}\n";

/// A connection and the two halves of its client.
struct Client {
    sends: WriteHalf<DuplexStream>,
    hears: Lines<BufReader<ReadHalf<DuplexStream>>>,
    served: JoinHandle<Result<(), ConnectionError>>,
    shutdown: CancellationToken,
}

impl Client {
    fn connect(ingest: Ingest) -> Client {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (hears, sends) = tokio::io::split(ours);
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(serve_tcp_connection(Arc::new(ingest), theirs, shutdown.clone()));
        Client { sends, hears: BufReader::new(hears).lines(), served, shutdown }
    }

    async fn send(&mut self, text: impl AsRef<[u8]>) {
        self.sends.write_all(text.as_ref()).await.expect("the server reads");
    }

    async fn hear(&mut self) -> Option<String> {
        self.hears.next_line().await.expect("the server writes lines")
    }

    /// Listens until so many lines are durable; returns the last count line.
    async fn hear_until(&mut self, durable: u64) -> String {
        loop {
            let line = self.hear().await.expect("acknowledged before the end");
            if line.starts_with(&format!("{{\"ack\":{durable},")) {
                return line;
            }
        }
    }

    /// Ends the stream; returns what was still said and how the server took it.
    async fn end(mut self) -> (Vec<String>, Result<(), ConnectionError>) {
        self.sends.shutdown().await.expect("the server reads");
        let mut said = Vec::new();
        while let Some(line) = self.hear().await {
            said.push(line);
        }
        (said, self.served.await.expect("the handler does not panic"))
    }
}

fn config() -> IngestConfig {
    let limits = IngestLimits { line_bytes_max: 20_000, ..IngestLimits::default() };
    IngestConfig { limits, ..IngestConfig::default() }
}

fn start(
    config: IngestConfig,
    answer: impl FnMut(&RedactedBatch) -> Ack + Send + 'static,
) -> (Client, FakeStore) {
    let (ingest, receiver) = ingest_of(config, 1 << 22);
    (Client::connect(ingest), FakeStore::start(receiver, answer))
}

#[tokio::test]
async fn lines_are_stored_and_nothing_is_said_unasked() {
    let (mut client, store) = start(config(), written);
    client.send("{\"msg\":\"a\"}\r\n{\"msg\":\"b\"}\n\n{\"msg\":").await;
    client.send("\"c\"}\nrubbish\n{\"msg\":\"last, without an end\"}").await;
    let (said, served) = client.end().await;
    assert!(said.is_empty() && served.is_ok(), "{said:?} {served:?}");
    let records = store.records();
    let messages: Vec<_> = records.iter().map(|record| record.get_str("message")).collect();
    let text = Some;
    let expected = [text("a"), text("b"), text("c"), text("rubbish"), text("last, without an end")];
    assert_eq!(messages, expected);
    assert_eq!(records.iter().filter(|r| r.kind == RecordKind::DeadLetter).count(), 1);
}

#[tokio::test]
async fn durable_lines_are_counted_to_who_asks() {
    let (mut client, store) = start(config(), written);
    client.send(HANDSHAKE).await;
    client.send("{\"n\":1}\n{\"n\":2}\n").await;
    assert_eq!(client.hear_until(2).await, "{\"ack\":2,\"rejected\":0}");
    client.send("\nrubbish\n{\"n\":3}\n").await;
    assert_eq!(client.hear_until(4).await, "{\"ack\":4,\"rejected\":1}");
    let (said, served) = client.end().await;
    assert!(said.is_empty() && served.is_ok());
    assert_eq!(store.records().len(), 4);
}

#[tokio::test]
async fn a_first_line_that_is_no_handshake_is_a_line() {
    for first in ["{\"tierlog\":{\"ack\":true},\"msg\":1}", "{\"tierlog\":{\"acks\":true}}"] {
        let (mut client, store) = start(config(), written);
        client.send(format!("{first}\n")).await;
        let (said, _) = client.end().await;
        assert!(said.is_empty());
        assert_eq!(store.records().len(), 1, "{first}");
    }
    let (mut client, store) = start(config(), written);
    client.send("{\"tierlog\":{\"ack\":false}}\n{}\n").await;
    assert!(client.end().await.0.is_empty());
    assert_eq!(store.records().len(), 1);
}

#[tokio::test]
async fn an_oversize_line_is_rejected_and_the_next_one_stored() {
    let (mut client, store) = start(config(), written);
    client.send(HANDSHAKE).await;
    for _ in 0..100 {
        client.send(vec![b'x'; 10_000]).await;
    }
    client.send("\n{\"msg\":\"next\"}\n").await;
    assert_eq!(client.hear_until(2).await, "{\"ack\":2,\"rejected\":1}");
    drop(client.end().await);
    let records = store.records();
    assert_eq!(records.first().and_then(|r| r.get_str("reason")), Some("too_long"));
    assert_eq!(records.last().and_then(|r| r.get_str("message")), Some("next"));
}

#[tokio::test]
async fn a_flood_is_batched_and_acknowledged_whole() {
    let (mut client, store) = start(config(), written);
    client.send(HANDSHAKE).await;
    let sender = async {
        let piece = "{\"level\":\"info\",\"msg\":\"flood\"}\n".repeat(1_000);
        for _ in 0..50 {
            client.sends.write_all(piece.as_bytes()).await.expect("the server reads");
        }
    };
    let listener = async {
        let mut counts = Vec::new();
        while counts.last() != Some(&50_000_u64) {
            let line = client.hears.next_line().await.expect("lines").expect("not the end");
            let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            counts.push(value["ack"].as_u64().expect("a count"));
        }
        counts
    };
    let ((), counts) = tokio::join!(sender, listener);
    assert!(counts.is_sorted(), "counts are cumulative");
    assert!(client.end().await.1.is_ok());
    assert_eq!(store.records().len(), 50_000);
}

/// The clock stands still for as long as anything can go on, so a timeout proves a standstill.
#[tokio::test(start_paused = true)]
async fn reading_stops_while_verdicts_are_outstanding() {
    let (go, wait) = mpsc::sync_channel::<()>(4_000);
    let answer = move |batch: &RedactedBatch| {
        wait.recv().expect("the test says when");
        written(batch)
    };
    let (mut client, store) = start(config(), answer);
    client.send(HANDSHAKE).await;
    // Far more than the hand-off, the batches in flight and the stream hold.
    let line = format!("{{\"msg\":\"{}\"}}\n", "x".repeat(10_000));
    let flood = async {
        for _ in 0..4_000 {
            client.sends.write_all(line.as_bytes()).await.expect("the server reads");
        }
    };
    tokio::pin!(flood);
    let stuck = tokio::time::timeout(Duration::from_secs(1), &mut flood).await;
    assert!(stuck.is_err(), "the server stopped reading");
    for _ in 0..4_000 {
        // One permission a batch; there are fewer batches than lines.
        go.send(()).expect("the store waits");
    }
    flood.await;
    assert_eq!(client.hear_until(4_000).await, "{\"ack\":4000,\"rejected\":0}");
    assert!(client.end().await.1.is_ok());
    assert_eq!(store.records().len(), 4_000);
}

#[tokio::test]
async fn a_refusal_is_told_and_ends_the_connection() {
    let (mut client, _store) = start(config(), |_: &RedactedBatch| Err(Refusal::DiskFull));
    client.send(HANDSHAKE).await;
    client.send("{}\n").await;
    assert_eq!(client.hear().await.as_deref(), Some("{\"error\":\"disk is full\"}"));
    assert_eq!(client.hear().await, None);
    let served = client.served.await.expect("the handler does not panic");
    assert!(matches!(served, Err(ConnectionError::Refused(Refusal::DiskFull))));
}

#[tokio::test]
async fn a_store_that_is_gone_ends_the_connection() {
    let (ingest, receiver) = ingest_of(config(), 1 << 20);
    drop(receiver);
    let mut client = Client::connect(ingest);
    client.send("{}\n").await;
    let served = client.served.await.expect("the handler does not panic");
    assert!(matches!(served, Err(ConnectionError::Refused(Refusal::ShuttingDown))));
}

#[tokio::test(start_paused = true)]
async fn silence_and_endless_lines_are_given_up() {
    let limits = IngestLimits { idle_deadline: Duration::from_millis(50), ..Default::default() };
    for text in ["", "{\"never\":"] {
        let config = IngestConfig { limits: limits.clone(), ..IngestConfig::default() };
        let (mut client, _store) = start(config, written);
        client.send(text).await;
        assert_eq!(client.hear().await, None);
        let served = client.served.await.expect("the handler does not panic");
        assert!(matches!(served, Err(ConnectionError::Idle(_))), "{served:?}");
    }
}

#[tokio::test]
async fn shutdown_acknowledges_what_has_arrived() {
    let (mut client, store) = start(config(), written);
    client.send(HANDSHAKE).await;
    client.send("{\"n\":1}\n{\"n\":2}\n").await;
    client.hear_until(2).await;
    client.shutdown.cancel();
    assert_eq!(client.hear().await, None);
    assert!(client.served.await.expect("the handler does not panic").is_ok());
    assert_eq!(store.records().len(), 2);
}

#[tokio::test]
async fn bytes_of_any_kind_do_no_harm() {
    let (mut client, store) = start(config(), written);
    client.send([0_u8, 255, 10, 13, 10, 123, 10, 0xff, 0xfe, 10]).await;
    client.send("{\"msg\":\"good\"}\n").await;
    assert!(client.end().await.1.is_ok());
    let records = store.records();
    assert_eq!(records.len(), 4);
    assert_eq!(records.last().and_then(|r| r.get_str("message")), Some("good"));
}
