//! The handler over an in-memory stream, before a store that is a thread.

use std::sync::mpsc;

use tierlog_model::{Receipt, RecordKind};
use tokio::io::{AsyncBufReadExt, BufReader, DuplexStream, Lines};
use tokio::task::JoinHandle;

use super::*;
use crate::normalise::{IngestConfig, IngestLimits};
use crate::testing::{FakeStore, ingest_of, written};

const HANDSHAKE: &str = "{\"tierlog\":{\"ack\":true}}\n";

/// A connection and the two halves of its client.
struct Conversation {
    sends: WriteHalf<DuplexStream>,
    hears: Lines<BufReader<ReadHalf<DuplexStream>>>,
    served: JoinHandle<Result<(), ConnectionError>>,
    shutdown: CancellationToken,
}

impl Conversation {
    fn connect(ingest: Ingest) -> Conversation {
        Conversation::connect_to(&Arc::new(ingest))
    }

    fn connect_to(ingest: &Arc<Ingest>) -> Conversation {
        let ingest = Arc::clone(ingest);
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (hears, sends) = tokio::io::split(ours);
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(serve_tcp_connection(
            TcpProtocol::LINES,
            ingest,
            theirs,
            Client::default(),
            shutdown.clone(),
        ));
        Conversation { sends, hears: BufReader::new(hears).lines(), served, shutdown }
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
) -> (Conversation, FakeStore) {
    let (ingest, receiver) = ingest_of(config, 1 << 22);
    (Conversation::connect(ingest), FakeStore::start(receiver, answer))
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

/// A store in which a producer has so many durable lines.
fn durable(line: u64) -> impl FnMut(&RedactedBatch) -> Ack + Send + 'static {
    move |batch| {
        let Ok(receipt) = written(batch) else { return written(batch) };
        let is_greeting = batch.record_count() == 0;
        let producer_line = if is_greeting { Some(line) } else { receipt.producer_line };
        Ok(Receipt { producer_line, ..receipt })
    }
}

/// Returns first line, length and what holds before it, of every batch with lines.
fn numbers(batches: &[RedactedBatch]) -> Vec<(u64, u32, LinesBefore)> {
    let numbers = |batch: &RedactedBatch| {
        let lines = batch.lines().expect("lines of a producer");
        (lines.first, batch.record_count(), lines.before)
    };
    batches.iter().filter(|batch| batch.record_count() > 0).map(numbers).collect()
}

#[tokio::test]
async fn a_producer_hears_how_far_it_is_and_its_lines_are_numbered_from_there() {
    let (mut client, store) = start(config(), durable(40));
    client.send("{\"tierlog\":{\"ack\":true,\"producer\":\"shop-1\"}}\n").await;
    assert_eq!(client.hear().await.as_deref(), Some("{\"resume\":40}"));
    client.send("{\"n\":41}\n\n  \nrubbish\n").await;
    assert_eq!(client.hear_until(42).await, "{\"ack\":42,\"rejected\":1}");
    client.send("{\"n\":43}\n").await;
    assert_eq!(client.hear_until(43).await, "{\"ack\":43,\"rejected\":1}");
    assert!(client.end().await.1.is_ok());
    let batches = store.batches();
    let expected = [(41, 2, LinesBefore::Durable), (43, 1, LinesBefore::Durable)];
    assert_eq!(numbers(&batches), expected);
}

/// A connection that breaks in the middle of a line must not use up the line's number.
#[tokio::test]
async fn a_line_of_a_producer_counts_only_with_its_end() {
    let (mut client, store) = start(config(), durable(0));
    let handshake = "{\"tierlog\":{\"ack\":true,\"producer\":\"shop-1\"}}\n";
    client.send(format!("{handshake}{{\"n\":1}}\n{{\"n\":2}}")).await;
    let (said, served) = client.end().await;
    let expected = ["{\"resume\":0}", "{\"ack\":1,\"rejected\":0}"];
    assert!(said == expected && served.is_ok(), "{said:?} {served:?}");
    assert_eq!(numbers(&store.batches()), [(1, 1, LinesBefore::Durable)]);

    let (mut client, store) = start(config(), written);
    client.send(&handshake[..40]).await;
    assert!(client.end().await.0.is_empty());
    assert!(store.batches().is_empty(), "half a handshake is no line");
}

#[tokio::test]
async fn a_producer_may_say_from_which_line_it_goes_on() {
    let (mut client, store) = start(config(), durable(0));
    let handshake = "{\"tierlog\":{\"ack\":true,\"producer\":\"shop-1\",\"from\":17}}\n";
    client.send(format!("{handshake}{{}}\n")).await;
    assert_eq!(client.hear().await.as_deref(), Some("{\"resume\":0}"));
    assert_eq!(client.hear_until(17).await, "{\"ack\":17,\"rejected\":0}");
    client.send("{}\n").await;
    client.hear_until(18).await;
    assert!(client.end().await.1.is_ok());
    let batches = store.batches();
    let expected = [(17, 1, LinesBefore::Settled), (18, 1, LinesBefore::Durable)];
    assert_eq!(numbers(&batches), expected);
}

#[tokio::test]
async fn a_handshake_that_cannot_be_meant_is_told_and_stores_nothing() {
    let (mut client, store) = start(config(), written);
    client.send("{\"tierlog\":{\"ack\":true,\"producer\":\"\"}}\n{}\n").await;
    let said = client.hear().await.expect("an error");
    assert!(said.starts_with("{\"error\":\"producer must be"), "{said}");
    let served = client.served.await.expect("the handler does not panic");
    assert!(matches!(served, Err(ConnectionError::Handshake(_))));
    assert!(store.records().is_empty());
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
    let mut client = Conversation::connect(ingest);
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

#[tokio::test(start_paused = true)]
async fn whole_lines_now_and_then_keep_a_connection() {
    let limits = IngestLimits { idle_deadline: Duration::from_secs(50), ..Default::default() };
    let (mut client, store) = start(IngestConfig { limits, ..IngestConfig::default() }, written);
    for _ in 0..5 {
        client.send("{\"n\":1}\n").await;
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    assert!(!client.served.is_finished());
    assert!(client.end().await.1.is_ok());
    assert_eq!(store.records().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn few_batches_of_a_connection_wait_for_their_verdicts() {
    let (ingest, mut receiver) = ingest_of(config(), 1 << 22);
    let mut client = Conversation::connect(ingest);
    let mut taken = Vec::new();
    for _ in 0..3 * IN_FLIGHT_MAX {
        client.send("{\"n\":1}\n").await;
        tokio::time::sleep(2 * LINGER).await;
        taken.extend(receiver.try_recv());
    }
    assert_eq!(taken.len(), IN_FLIGHT_MAX);
    // A connection can wait for room on the disk: its client is not told to come back.
    assert!(taken.iter().all(|batch| batch.when_disk_full == WhenDiskFull::Wait));
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_is_no_idle_client_and_a_stop_sends_what_waits_for_company() {
    let limits = IngestLimits { idle_deadline: Duration::from_secs(50), ..Default::default() };
    let config = IngestConfig { limits, ..IngestConfig::default() };
    let (ingest, mut receiver) = ingest_of(config, 1 << 22);
    let mut client = Conversation::connect(ingest);
    client.send("{\"n\":1}\n").await;
    tokio::time::sleep(Duration::from_secs(500)).await;
    assert!(!client.served.is_finished());
    client.send("{\"n\":2}\n").await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    client.shutdown.cancel();
    let mut taken = Vec::new();
    while taken.len() < 2 && !client.served.is_finished() {
        match receiver.try_recv() {
            Some(submission) => {
                let verdict = written(&submission.batch);
                taken.push(submission.batch.clone());
                submission.into_parts().1.send(verdict);
            }
            None => tokio::task::yield_now().await,
        }
    }
    assert_eq!(taken.len(), 2);
    assert!(client.served.await.expect("the handler does not panic").is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_long_line_that_does_not_end_is_given_up_soon() {
    let (mut client, store) = start(IngestConfig::default(), written);
    let before = Instant::now();
    client.send(vec![b'x'; 4 * READ_BYTES]).await;
    assert_eq!(client.hear().await, None);
    assert_eq!(before.elapsed().as_secs(), LONG_LINE_TIME.as_secs());
    drop(client.end().await);
    assert_eq!(store.records().first().and_then(|r| r.get_str("reason")), Some("invalid_json"));
}

#[tokio::test]
async fn few_long_lines_are_held_at_a_time_and_short_ones_pass_them() {
    let limits = IngestLimits { line_bytes_max: 32 << 20, ..IngestLimits::default() };
    let config = IngestConfig { limits, ..IngestConfig::default() };
    let (ingest, receiver) = ingest_of(config, 1 << 22);
    let (ingest, _store) = (Arc::new(ingest), FakeStore::start(receiver, written));
    let rights = ingest.long_reads.available_permits();
    // These connections take every permit and keep the permits.
    let mut holders = Vec::new();
    while ingest.long_reads.available_permits() > 0 {
        let mut holder = Conversation::connect_to(&ingest);
        let before = ingest.long_reads.available_permits();
        holder.send(vec![b' '; 2 * READ_BYTES]).await;
        while ingest.long_reads.available_permits() == before {
            tokio::task::yield_now().await;
        }
        holders.push(holder);
    }
    let mut short = Conversation::connect_to(&ingest);
    short.send(format!("{HANDSHAKE}{{\"msg\":\"short\"}}\n")).await;
    assert_eq!(short.hear().await.as_deref(), Some("{\"ack\":1,\"rejected\":0}"));
    let mut long = Conversation::connect_to(&ingest);
    let line = format!("{HANDSHAKE}{{\"msg\":\"{}\"}}\n", "x".repeat(3 * READ_BYTES));
    let sent = tokio::join!(long.sends.write_all(line.as_bytes()), async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        holders.clear();
    });
    sent.0.expect("it is read once there is a right");
    assert_eq!(long.hear().await.as_deref(), Some("{\"ack\":1,\"rejected\":0}"));
    // With the line, the right goes, although the connection stays.
    for _ in 0..1_000 {
        if ingest.long_reads.available_permits() == rights {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(ingest.long_reads.available_permits(), rights);
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

#[tokio::test]
async fn lines_get_what_the_handshake_says_that_they_lack() {
    let (mut client, store) = start(config(), written);
    client
        .send(
            "{\"tierlog\":{\"ack\":true,\"service\":\"shop\",\"source\":\"pod-1\",\"plain\":true}}\n\
             {\"msg\":\"a\",\"service\":\"web\"}\nplain text\n",
        )
        .await;
    client.hear_until(2).await;
    client.end().await.1.expect("ended by the client");
    let records = store.records();
    let field = |name| -> Vec<_> { records.iter().map(|record| record.get_str(name)).collect() };
    assert_eq!(field("message"), [Some("a"), Some("plain text")]);
    assert_eq!(field("service"), [Some("web"), Some("shop")]);
    assert_eq!(field("source"), [Some("pod-1"), Some("pod-1")]);
}

#[tokio::test]
async fn defaults_last_as_long_as_their_connection_and_reach_dead_letters() {
    let (ingest, receiver) = ingest_of(config(), 1 << 22);
    let ingest = Arc::new(ingest);
    let store = FakeStore::start(receiver, written);
    for handshake in ["{\"tierlog\":{\"ack\":false,\"service\":\"shop\"}}\n", ""] {
        let mut client = Conversation::connect_to(&ingest);
        client.send(format!("{handshake}no json\n")).await;
        client.end().await.1.expect("ended by the client");
    }
    drop(ingest);
    let records = store.records();
    assert!(records.iter().all(|record| record.kind == RecordKind::DeadLetter));
    let services: Vec<_> = records.iter().map(|record| record.get_str("service")).collect();
    assert_eq!(services, [Some("shop"), None]);
}
