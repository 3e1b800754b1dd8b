//! What a retry is recognised by is kept as long as it was promised, whatever others send.

use std::net::SocketAddr;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use crate::harness::{Home, Server, numbered};

/// Batches of the flood: more than the whole window once held.
const FLOOD: usize = 17_600;

/// Connections of the flood: a sync of the log serves several batches.
const CONNECTIONS: usize = 8;

/// Posts batches of one line, each under an id of its own, from another address of this machine.
fn flood(server: &Server<'_>, from: &str) {
    let address: SocketAddr = server.address("ingest").parse().expect("an address");
    let source: SocketAddr = format!("{from}:0").parse().expect("an address");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let one = move |connection: usize| async move {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(source).expect("an address of this machine");
        let (mut reader, mut writer) =
            socket.connect(address).await.expect("it listens").into_split();
        let requests: String = (0..FLOOD / CONNECTIONS)
            .map(|number| {
                format!(
                    "POST /api/v1/ingest HTTP/1.1\r\nhost: {address}\r\ncontent-length: 24\r\n\
                     tierlog-batch-id: {connection}-{number}\r\n\r\n{{\"message\":\"of another\"}}"
                )
            })
            .collect();
        let sent = tokio::spawn(async move {
            writer.write_all(requests.as_bytes()).await.expect("a server that reads");
            writer
        });
        let (mut answers, mut text) = (0, Vec::new());
        while answers < FLOOD / CONNECTIONS {
            assert_ne!(reader.read_buf(&mut text).await.expect("answers"), 0, "it hung up");
            answers += memchr::memmem::find_iter(&text, b"HTTP/1.1 200").count();
            let kept = text.len().saturating_sub(b"HTTP/1.1 20".len());
            text.drain(..kept);
        }
        drop(sent.await);
    };
    runtime.expect("a runtime").block_on(async {
        let connections: Vec<_> =
            (0..CONNECTIONS).map(|connection| tokio::spawn(one(connection))).collect();
        for connection in connections {
            connection.await.expect("every batch is taken");
        }
    });
}

#[test]
fn a_flood_of_foreign_batches_does_not_make_a_retry_new() {
    let home = Home::with(&["store.wal_segment_max=2MiB"]);
    let server = home.start();
    let own = || {
        let answer = server.post_lines(numbered(0..5).as_bytes(), &[("tierlog-batch-id", "own")]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    assert_eq!(own()["accepted"], 5);
    flood(&server, "127.0.0.2");
    let again = own();
    assert_eq!((&again["accepted"], &again["duplicate"]), (&json!(0), &json!(5)), "{again}");
    server.kill();
    let server = home.start();
    let answer = server.post_lines(numbered(0..5).as_bytes(), &[("tierlog-batch-id", "own")]);
    assert_eq!(answer.json()["duplicate"], 5, "after a restart: {}", answer.text());
    server.await_count("message:numbered", 5);
}

#[test]
fn an_id_that_a_sender_uses_again_is_told_as_a_repeat() {
    let home = Home::new();
    let server = home.start();
    let post = |lines: &str, id: &str| {
        let answer = server.post_lines(lines.as_bytes(), &[("tierlog-batch-id", id)]);
        answer.json()
    };
    // A sender's second batch under an id is told as a repeat, and never stored beside the first.
    assert_eq!(post(&numbered(0..5), "1")["accepted"], 5);
    assert_eq!(post(&numbered(5..8), "1")["duplicate"], 3);
    server.await_count("message:numbered", 5);
}

#[test]
fn a_producer_that_leaps_is_refused_and_goes_on_where_it_was() {
    let home = Home::new();
    let server = home.start();
    let connect = |from: &str| {
        let mut tcp = server.tcp();
        let greeting = format!("{{\"tierlog\":{{\"ack\":true,\"producer\":\"shop\"{from}}}}}\n");
        tcp.send(greeting.as_bytes());
        tcp
    };
    let mut tcp = connect("");
    tcp.send(numbered(0..3).as_bytes());
    assert_eq!(tcp.next_line(), Some(json!({"resume": 0})));
    assert_eq!(tcp.await_ack(3), 0);
    drop(tcp);
    for from in ["100000005", "1000000000000", "9007199254740992", "18446744073709551615"] {
        let mut tcp = connect(&format!(",\"from\":{from}"));
        let said = tcp.next_line().expect("an error");
        let error = said["error"].as_str().unwrap_or_default();
        assert!(error.contains("leaps too far ahead: 3 are durable"), "{from}: {said}");
        assert_eq!(tcp.rest(), "", "{from}: it is refused before it sends");
    }
    // True lines are no repeats, and a leap that a spool may make is taken.
    let mut tcp = connect("");
    assert_eq!(tcp.next_line(), Some(json!({"resume": 3})));
    tcp.send(numbered(3..5).as_bytes());
    assert_eq!(tcp.await_ack(5), 0);
    let mut tcp = connect(",\"from\":1000");
    assert_eq!(tcp.next_line(), Some(json!({"resume": 5})));
    tcp.send(numbered(5..6).as_bytes());
    assert_eq!(tcp.await_ack(1_000), 0);
    server.await_count("message:numbered", 6);
}
