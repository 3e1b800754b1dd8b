//! SIGTERM, once and twice, while everything is going on: what was acked is there after the next
//! start, once; and the server ends whatever its clients and its own upkeep are doing.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::TcpStream;
use std::thread::JoinHandle;

use crate::harness::{DEADLINE, Home, Http, Server, Tcp, numbered, wait_until};

/// Exit code of a server that a second signal ended.
const ENDED: i32 = 143;

/// Lines that a sender sends at once.
const BATCH_LINES: u64 = 100;

/// Lines of a TCP sender without an ack.
const UNACKED_LINES_MAX: u64 = 1_000;

/// Numbers from here on belong to the next sender.
const SENDER_NUMBERS: u64 = 1_000_000;

/// More records than any of these tests sends: they are counted exactly.
const COUNT_ALL: &str = "query.track_total_max=1000000";

/// Sends lines over TCP until the server goes; returns the numbers that were acked.
fn send_tcp(mut tcp: Tcp, first: u64) -> BTreeSet<u64> {
    let (mut sent, mut acked) = (0, 0);
    loop {
        let lines = numbered(first + sent..first + sent + BATCH_LINES);
        sent += BATCH_LINES;
        let gone = tcp.try_send(lines.as_bytes()).is_err();
        while gone || sent - acked >= UNACKED_LINES_MAX {
            match tcp.next_ack() {
                Some((durable, _)) => acked = durable,
                None => return (first..first + acked).collect(),
            }
        }
    }
}

/// Sends lines over HTTP until the server goes; returns the numbers that were acked.
fn send_http(url: &str, first: u64) -> BTreeSet<u64> {
    let (http, mut acked) = (Http::new(), BTreeSet::new());
    for batch in 0.. {
        let numbers = first + batch * BATCH_LINES..first + (batch + 1) * BATCH_LINES;
        let headers = [("content-type", "application/x-ndjson")];
        match http.try_post(url, numbered(numbers.clone()).as_bytes(), &headers) {
            Some(answer) if answer.status == 200 => acked.extend(numbers),
            Some(_) => {}
            None => break,
        }
    }
    acked
}

/// Starts two senders of each protocol.
fn start_senders(server: &Server<'_>) -> Vec<JoinHandle<BTreeSet<u64>>> {
    let url = server.ingest("/api/v1/ingest");
    let mut senders = Vec::new();
    for sender in 0..2 {
        let tcp = server.tcp().with_acks();
        senders.push(std::thread::spawn(move || send_tcp(tcp, sender * SENDER_NUMBERS)));
        let url = url.clone();
        let first = (10 + sender) * SENDER_NUMBERS;
        senders.push(std::thread::spawn(move || send_http(&url, first)));
    }
    senders
}

/// Fails unless every acked number is stored, and none twice.
#[track_caller]
fn assert_stored(home: &Home, senders: Vec<JoinHandle<BTreeSet<u64>>>) {
    let acked: BTreeSet<u64> =
        senders.into_iter().flat_map(|sender| sender.join().expect("a sender")).collect();
    assert!(!acked.is_empty(), "nothing was acked");
    let server = home.start();
    wait_until("the acked lines", || (server.count("") >= acked.len() as u64).then_some(()));
    let mut stored = BTreeSet::new();
    for record in server.export("message:numbered") {
        let number = record["number"].as_u64().expect("every record has its number");
        assert!(stored.insert(number), "number {number} is stored twice");
    }
    let lost: Vec<&u64> = acked.difference(&stored).take(5).collect();
    assert!(lost.is_empty(), "acked lines are lost, the first {lost:?}");
}

/// A client that began to send a body and does not go on.
fn half_a_body(server: &Server<'_>) -> TcpStream {
    let mut stream = TcpStream::connect(server.address("ingest")).expect("a listening server");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let request = "POST /api/v1/ingest HTTP/1.1\r\nhost: localhost\r\n\
                   content-type: application/x-ndjson\r\ncontent-length: 100\r\n\r\n{";
    stream.write_all(request.as_bytes()).expect("half a request");
    stream
}

#[test]
fn sigterm_under_load_keeps_every_acked_line_and_exits_0() {
    let home = Home::with(&[COUNT_ALL]);
    let server = home.start();
    let senders = start_senders(&server);
    wait_until("some lines", || (server.count("") >= 2_000).then_some(()));
    assert_eq!(server.terminate(), Some(0), "{}", home.output_text());
    assert_stored(&home, senders);
}

#[test]
fn a_client_that_never_finishes_does_not_hold_the_server_up() {
    let home = Home::with(&["server.drain_timeout=1500ms"]);
    let server = home.start();
    server.store(&numbered(0..10));
    let _half = half_a_body(&server);
    assert_eq!(server.terminate(), Some(0), "{}", home.output_text());
    assert!(home.output_text().contains("did not finish"), "{}", home.output_text());
    assert_eq!(home.start().count(""), 10);
}

#[test]
fn a_second_sigterm_ends_at_once_and_loses_nothing_acked() {
    // Without the second signal, the client below holds the server for ten minutes.
    let home = Home::with(&[
        COUNT_ALL,
        "server.drain_timeout=10m",
        "ingest.http.body_timeout=10m",
        "store.commit_interval=10s",
    ]);
    let server = home.start();
    let _half = half_a_body(&server);
    let mut tcp = server.tcp().with_acks();
    tcp.send(numbered(0..1_000).as_bytes());
    assert_eq!(tcp.await_ack(1_000), 0);
    let acked = std::thread::spawn(|| (0..1_000).collect());
    server.ask_to_end();
    wait_until("the first signal to be seen", || {
        home.output_text().contains("drain connections").then_some(())
    });
    server.ask_to_end();
    assert_eq!(server.await_end(), Some(ENDED), "{}", home.output_text());
    assert_stored(&home, vec![acked]);
}
