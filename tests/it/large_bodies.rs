//! Bodies of many pieces, done to the real binary: memory follows what is held and neither the
//! number of items nor their defaults, refusals say what they are, and a retry stores the rest.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::harness::{Answer, Home, Scrape, Server, numbered, wait_until};

/// More records than any of these tests stores: they are counted exactly.
const COUNT_ALL: &str = "query.track_total_max=1000000";

/// The peak allowed for the server's memory. At rest the server holds a third of the peak.
const PEAK_BYTES_MAX: u64 = 300 << 20;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Sends a compressed body of some type to a path.
fn post(server: &Server<'_>, path: &str, kind: &str, body: &[u8]) -> Answer {
    let headers = [("content-type", kind), ("content-encoding", "gzip")];
    server.http().post(&server.ingest(path), &gzip(body), &headers)
}

#[test]
fn a_default_of_every_record_is_bounded_by_its_length() {
    let home = Home::with(&[COUNT_ALL]);
    let server = home.start();
    let lines = "{}\n".repeat(65_000);
    let path = |bytes| format!("/api/v1/ingest?source={}", "s".repeat(bytes));
    let answer = post(&server, &path(15_500), "application/x-ndjson", lines.as_bytes());
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("invalid_parameter")));
    assert_eq!(answer.json()["detail"], "source is longer than 1024 bytes");
    // As long as it may be, it is written with every record, and held with a few of them.
    let answer = post(&server, &path(1_024), "application/x-ndjson", lines.as_bytes());
    assert_eq!((answer.status, &answer.json()["accepted"]), (200, &json!(65_000)));
    let peak = server.peak_resident_bytes();
    assert!(peak < PEAK_BYTES_MAX, "{peak} bytes at the peak");
    server.await_count("", 65_000);
}

#[test]
fn items_without_content_are_taken_in_parts_whatever_they_are() {
    let home = Home::with(&[COUNT_ALL]);
    let server = home.start();
    let (ndjson, json) = ("application/x-ndjson", "application/json");
    let array = format!("[{}{{}}]", "{},".repeat(59_999));
    for (kind, body, count) in [(ndjson, "{}\n".repeat(60_000), 60_000), (json, array, 60_000)] {
        let answer = post(&server, "/api/v1/ingest", kind, body.as_bytes());
        assert_eq!((answer.status, &answer.json()["accepted"]), (200, &json!(count)));
    }
    // Lines of one letter are dead letters, each forty times as long as itself.
    let lines = "x\n".repeat(60_000);
    let answer = post(&server, "/api/v1/ingest", ndjson, lines.as_bytes());
    let detail = &answer.json()["detail"];
    assert_eq!((answer.status, detail), (400, &json!("none of 60000 lines could be read")));
    assert_eq!(answer.json()["errors"].as_array().map(Vec::len), Some(100));
    let peak = server.peak_resident_bytes();
    assert!(peak < PEAK_BYTES_MAX, "{peak} bytes at the peak");
    server.await_count("", 120_000);
    wait_until("dead letters", || {
        let letters = server.http().get(&server.query("/api/v1/dead-letters?limit=1")).json();
        (letters["by_reason"]["invalid_json"] == 60_000).then_some(())
    });
}

#[test]
fn lines_without_content_over_tcp_are_taken_in_parts_too() {
    let home = Home::with(&[COUNT_ALL]);
    let server = home.start();
    let mut tcp = server.tcp().with_acks();
    tcp.send("x\n{}\n".repeat(30_000).as_bytes());
    assert_eq!(tcp.await_ack(60_000), 30_000, "every other line is a dead letter");
    let peak = server.peak_resident_bytes();
    assert!(peak < PEAK_BYTES_MAX, "{peak} bytes at the peak");
    server.await_count("", 30_000);
}

/// Numbered lines, three pieces and a part of a fourth.
fn large_body() -> (String, u64) {
    let line = |number| json!({ "message": "numbered", "number": number, "pad": "p".repeat(900) });
    let count = 3_500;
    ((0..count).map(|number| format!("{}\n", line(number))).collect(), count)
}

/// Fails unless each of so many numbered lines is stored once.
fn assert_each_once(server: &Server<'_>, count: u64) {
    server.await_count("message:numbered", count);
    let mut numbers: Vec<u64> = server
        .export("message:numbered")
        .iter()
        .filter_map(|record| record["number"].as_u64())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..count).collect::<Vec<_>>());
}

#[test]
fn a_body_that_broke_behind_its_first_pieces_is_stored_once_when_it_comes_again() {
    let home = Home::with(&[COUNT_ALL]);
    let server = home.start();
    let (body, count) = large_body();
    let mut broken = TcpStream::connect(server.address("ingest")).expect("connects");
    let head = format!(
        "POST /api/v1/ingest HTTP/1.1\r\nhost: localhost\r\ntierlog-batch-id: b-1\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    broken.write_all(head.as_bytes()).expect("a head");
    broken.write_all(&body.as_bytes()[..body.len() - 100_000]).expect("most of a body");
    // What is searchable is durable: a part of the body, before its end has come.
    let first =
        wait_until("the first pieces", || Some(server.count("")).filter(|count| *count > 0));
    assert!(first < count);
    drop(broken);
    let headers = [("tierlog-batch-id", "b-1")];
    let answer = server.post_lines(body.as_bytes(), &headers).json();
    let (accepted, duplicate) = (&answer["accepted"], answer["duplicate"].as_u64());
    assert_eq!(accepted.as_u64().zip(duplicate).map(|(a, d)| a + d), Some(count), "{answer}");
    assert!(duplicate >= Some(first), "{answer}");
    assert_each_once(&server, count);
    // And again, after a restart, cut otherwise on its way.
    drop(server);
    let server = home.start();
    let headers = [("tierlog-batch-id", "b-1"), ("content-encoding", "gzip")];
    let answer = server.post_lines(&gzip(body.as_bytes()), &headers).json();
    assert_eq!((&answer["accepted"], &answer["duplicate"]), (&json!(0), &json!(count)));
    assert_each_once(&server, count);
}

#[test]
fn a_sender_without_ids_goes_on_behind_the_durable_lines() {
    let home = Home::with(&[COUNT_ALL]);
    let server = home.start();
    let (body, count) = large_body();
    let mut damaged = gzip(body.as_bytes());
    damaged.truncate(damaged.len() - 3);
    let answer = server.post_lines(&damaged, &[("content-encoding", "gzip")]);
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("invalid_encoding")));
    let durable = answer.json()["durable_lines"].as_u64().expect("some are durable");
    assert!((1..count).contains(&durable), "{durable}");
    let rest: String = body.split_inclusive('\n').skip(durable as usize).collect();
    assert_eq!(server.post_lines(rest.as_bytes(), &[]).json()["accepted"], count - durable);
    assert_each_once(&server, count);
}

/// Sends a head, and of the body what is given; returns what is answered and after which time.
fn answered_early(server: &Server<'_>, head: &str, body: &[u8]) -> (String, Duration) {
    let mut stream = TcpStream::connect(server.address("ingest")).expect("connects");
    let began = Instant::now();
    stream.write_all(head.as_bytes()).expect("a head");
    stream.write_all(body).expect("a part of a body");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    (String::from_utf8(answer).expect("text"), began.elapsed())
}

#[test]
fn what_can_never_be_taken_is_said_at_once_and_by_its_bound() {
    let home = Home::with(&[
        "ingest.http.body_max=64KiB",
        "ingest.http.inflated_max=128KiB",
        "ingest.limits.line_max=16KiB",
    ]);
    let server = home.start();
    let head =
        |more: &str| format!("POST /api/v1/ingest HTTP/1.1\r\nhost: localhost\r\n{more}\r\n\r\n");
    let announced = answered_early(&server, &head("content-length: 10000000"), b"{}\n");
    let chunk = format!("14000\r\n{}\r\n", " ".repeat(0x14000));
    let chunked = answered_early(&server, &head("transfer-encoding: chunked"), chunk.as_bytes());
    for (answer, took) in [announced, chunked] {
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        assert!(answer.contains("larger than 65536 bytes (ingest.http.body_max)"), "{answer}");
        assert!(!answer.to_ascii_lowercase().contains("retry-after"), "{answer}");
        assert!(took < Duration::from_secs(4), "the rest of the body was waited for: {took:?}");
    }
    let bomb = server.post_lines(&gzip(&vec![b'\n'; 200_000]), &[("content-encoding", "gzip")]);
    let detail = "body is larger than 131072 bytes (ingest.http.inflated_max)";
    assert_eq!((bomb.status, &bomb.json()["detail"]), (413, &Value::from(detail)));
    assert_eq!(server.post_lines(numbered(0..1).as_bytes(), &[]).json()["accepted"], 1);
}

#[test]
fn a_flood_of_large_bodies_leaves_room_for_ordinary_ones() {
    let home = Home::with(&[COUNT_ALL, "memory.bodies=4MiB", "memory.batches=2MiB"]);
    let server = home.start();
    let body = gzip("x\n".repeat(100_000).as_bytes());
    std::thread::scope(|scope| {
        let floods: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| server.post_lines(&body, &[("content-encoding", "gzip")]).status)
            })
            .collect();
        let mut posted = 0;
        while floods.iter().any(|flood| !flood.is_finished()) {
            let answer = server.post_lines(numbered(posted..posted + 1).as_bytes(), &[]);
            assert_eq!(answer.status, 200, "{}", answer.text());
            posted += 1;
        }
        for flood in floods {
            let status = flood.join().expect("no panic");
            assert!([400, 429].contains(&status), "{status}");
        }
        server.await_count("message:numbered", posted);
    });
    let used = Scrape::of(&server).value("tierlog_memory_used_bytes{part=\"bodies\"}");
    assert!(used.abs() < 1.0, "{used} bytes of bodies are held by nobody");
    let peak = server.peak_resident_bytes();
    assert!(peak < PEAK_BYTES_MAX, "{peak} bytes at the peak");
}
