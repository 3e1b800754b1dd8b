//! What goes wrong around the server: a full disk, damage, slow and greedy clients, a kill in
//! the middle of upkeep.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    DEADLINE, Home, Http, Server, ago, files_under, line, numbered, run, wait_until,
};
use crate::hostile::metric;

const DAY: Duration = Duration::from_secs(86_400);

/// Connects to an HTTP listener, to say what no client would.
fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a listening server");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    stream
}

#[test]
fn a_full_disk_refuses_writes_by_name_and_serves_reads() {
    let home = Home::new();
    let server = home.start();
    server.store(&numbered(0..10));
    server.terminate();

    // No disk of today has a tebibyte less than what is asked to stay free.
    let full = Home::with(&["store.free_min=1TiB"]).in_place_of(home);
    let server = full.start_unready();
    let answer = server.post_lines(numbered(10..20).as_bytes(), &[]);
    assert_eq!((answer.status, &answer.json()["code"]), (507, &json!("disk_full")));
    // Over TCP lines wait, because a TCP sender is never told to keep its lines.
    let mut tcp = server.tcp().with_acks();
    tcp.send(numbered(10..20).as_bytes());
    assert_eq!(server.count(""), 10);
    let health = server.http().get(&server.query("/health"));
    assert_eq!(health.status, 503);
    assert!(health.json()["reasons"].to_string().contains("disk"), "{}", health.text());
    assert_eq!(server.http().get(&server.query("/health/live")).status, 200);
}

#[test]
fn a_partition_that_does_not_open_is_put_aside_and_the_others_answer() {
    let home = Home::new();
    let server = home.start();
    for level in ["error", "info"] {
        server.store(&line(&json!({"level": level, "message": "kept"})));
    }
    server.terminate();
    let metas = files_under(&home.data().join("partitions/default/info"));
    let meta = metas.iter().find(|path| path.ends_with("meta.json")).expect("an index");
    fs::write(meta, "not an index").expect("a file of ours");

    // What the write-ahead log still has of the damaged partition comes back from it.
    let server = home.start();
    server.await_count("", 2);
    let health = server.http().get(&server.query("/health")).json();
    assert_eq!(health["status"], "degraded", "{health}");
    assert_eq!(health["quarantined"], json!([]), "nothing is missing");
    assert!(health["quarantine"]["items"].to_string().contains("default/info/"), "{health}");
    assert!(!files_under(&home.data().join("quarantine")).is_empty());
    // The day takes new lines.
    server.store(&line(&json!({"level": "info", "message": "new"})));
    assert_eq!(server.count("level:info"), 2);
}

#[test]
fn a_kill_in_the_middle_of_upkeep_loses_and_doubles_nothing() {
    let home = Home::with(&["query.track_total_max=1000000"]);
    let mut stored = 0_u64;
    for round in 0..3_u32 {
        let server = home.start();
        let yesterday = ago(DAY);
        let lines: String = (0..4_000)
            .map(|number: u64| {
                let level = ["debug", "info", "warning", "error"][number as usize % 4];
                let number = stored + number;
                line(&json!({
                    "timestamp": yesterday.to_string(), "level": level,
                    "message": format!("line {number}"), "request_id": format!("req-{number}"),
                }))
            })
            .collect();
        server.store(&lines);
        stored += 4_000;
        let address = format!("http://{}", server.address("query"));
        let compact = home.tierlog(&["compact", "--server", &address]).spawn();
        let mut compact = compact.expect("the command starts");
        // Another moment of the work in every round: at once, after the first seal, at its end.
        let sealed = || {
            let files = files_under(&home.data().join("partitions"));
            files.iter().filter(|path| path.ends_with("seal.json")).count()
        };
        let goal = [0, 1, 4][round as usize];
        wait_until("seals", || (sealed() >= goal).then_some(()));
        server.kill();
        compact.wait().expect("a child of ours");

        let server = home.start();
        server.await_count("", stored);
        let mut ids: Vec<String> = server
            .export("")
            .iter()
            .filter_map(|record| Some(record["request_id"].as_str()?.to_owned()))
            .collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len() as u64, stored, "round {round}");
        assert_eq!(server.count("request_id:req-7"), 1);
        assert_eq!(server.count("request_id:req-absent"), 0);
        server.terminate();
    }
    let verified = run(&mut home.tierlog(&["verify", "--data", "data"]));
    assert_eq!(verified.code, 0, "{}", verified.stdout);
}

#[test]
fn a_client_that_never_finishes_its_head_or_its_body_is_let_go() {
    let home = Home::with(&[
        "ingest.http.header_timeout=200ms",
        "ingest.http.body_timeout=1s",
        "ingest.tcp.idle_timeout=1s",
    ]);
    let server = home.start();
    let mut head = connect(server.address("ingest"));
    head.write_all(b"POST /api/v1/ingest HTTP/1.1\r\nhost: localhost\r\n").expect("a head");
    let mut body = connect(server.address("ingest"));
    let request = "POST /api/v1/ingest HTTP/1.1\r\nhost: localhost\r\n\
                   content-type: application/x-ndjson\r\ncontent-length: 100\r\n\r\n{";
    body.write_all(request.as_bytes()).expect("half a request");
    let mut tcp = connect(server.address("tcp"));
    tcp.write_all(b"{\"message\":\"half a line").expect("half a line");

    let mut rest = Vec::new();
    head.read_to_end(&mut rest).expect("the end of the connection");
    tcp.read_to_end(&mut rest).expect("the end of the connection");
    let status = BufReader::new(body).lines().next().expect("an answer").expect("text");
    assert!(status.contains(" 408 "), "{status}");
    server.store(&numbered(0..1));
}

/// Lines of a body that holds nearly a mebibyte while its end is missing.
const HELD_LINES: u64 = 10;

/// Returns numbered lines of 90 kB, which are quickly read.
fn long_lines(numbers: std::ops::Range<u64>) -> String {
    let pad = "p".repeat(90_000);
    let long = |number| line(&json!({"message": "numbered", "number": number, "pad": pad}));
    numbers.map(long).collect()
}

/// Begins three bodies of nearly one piece, one after the other, and returns the connections with
/// the last byte of each.
fn fill_the_room_for_bodies(server: &Server<'_>) -> Vec<(TcpStream, u8)> {
    let mut sent = 0;
    let mut holders = Vec::new();
    for number in 0..3 {
        let body = long_lines(number * HELD_LINES..(number + 1) * HELD_LINES);
        let head = format!(
            "POST /api/v1/ingest HTTP/1.1\r\nhost: localhost\r\n\
             content-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let (last, most) = body.as_bytes().split_last().expect("a body");
        let mut stream = connect(server.address("ingest"));
        stream.write_all(head.as_bytes()).expect("a head");
        stream.write_all(most).expect("nearly a body");
        sent += most.len() as u64;
        holders.push((stream, *last));
        // Not before: the room of a late body would be one that a holder is told to do without.
        wait_until("the room to be taken", || {
            let series = "tierlog_ingest_received_bytes_total";
            (metric(server, series, "protocol=\"http\"") >= sent).then_some(())
        });
    }
    holders
}

fn finish_bodies(holders: Vec<(TcpStream, u8)>) {
    // One after the other: each is worked on without a wait.
    for (mut stream, last) in holders {
        stream.write_all(&[last]).expect("the end of the body");
        let status = BufReader::new(stream).lines().next().expect("an answer").expect("text");
        assert!(status.contains(" 200 "), "{status}");
    }
}

/// Two long bodies hold half of it, and a third one goes on by the right of whoever has waited
/// longest.
const SMALL_ROOM: [&str; 1] = ["memory.bodies=4MiB"];

/// Numbers of the lines of a body that finds no room any more.
const LATE: std::ops::Range<u64> = 3 * HELD_LINES..3 * HELD_LINES + 4;

#[test]
fn a_body_for_which_there_is_no_room_in_time_is_told_to_come_back() {
    let home = Home::with(&SMALL_ROOM);
    let server = home.start_with(&["ingest.http.full_wait=200ms"]);
    let holders = fill_the_room_for_bodies(&server);
    let late = long_lines(LATE);
    let id = [("tierlog-batch-id", "late")];
    let refused = server.post_lines(late.as_bytes(), &id);
    assert_eq!((refused.status, &refused.json()["code"]), (429, &json!("full")));
    assert!(refused.header("retry-after").is_some());
    finish_bodies(holders);
    let again = server.post_lines(late.as_bytes(), &id);
    assert_eq!(again.status, 200, "{}", again.text());
    server.await_count("", LATE.end);
}

#[test]
fn a_body_for_which_there_is_room_in_time_waits_for_it() {
    let home = Home::with(&SMALL_ROOM);
    let server = home.start();
    let holders = fill_the_room_for_bodies(&server);
    std::thread::scope(|scope| {
        let late = scope.spawn(|| server.post_lines(long_lines(LATE).as_bytes(), &[]));
        finish_bodies(holders);
        let late = late.join().expect("no panic");
        assert_eq!(late.status, 200, "{}", late.text());
    });
    server.await_count("", LATE.end);
}

/// Clients without a retry, at full speed, with bodies that fill the hand-off one by one.
#[test]
fn two_clients_with_large_bodies_are_never_told_to_come_back() {
    let home = Home::with(&["query.track_total_max=1000000", "memory.batches=2MiB"]);
    let server = home.start();
    let lines = 20_000;
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..2_u64)
            .map(|client| {
                let (http, url) = (Http::new(), server.ingest("/api/v1/ingest"));
                scope.spawn(move || {
                    let kind = [("content-type", "application/x-ndjson")];
                    let first = client * 1_000_000;
                    (0..5).map(|body| first + body * lines).for_each(|first| {
                        let body = numbered(first..first + lines);
                        let answer = http.post(&url, body.as_bytes(), &kind);
                        assert_eq!(answer.status, 200, "{}", answer.text());
                    });
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().expect("no refusal"));
    });
    server.await_count("message:numbered", 10 * lines);
}

#[test]
fn connections_beyond_the_limit_wait_for_their_turn() {
    let home = Home::with(&["ingest.tcp.connections_max=1"]);
    let server = home.start();
    let mut first = server.tcp().with_acks();
    first.send(numbered(0..1).as_bytes());
    assert_eq!(first.await_ack(1), 0);
    let mut second = server.tcp().with_acks();
    second.send(numbered(1..2).as_bytes());
    assert_eq!(server.count(""), server.hits("").len() as u64);
    drop(first);
    assert_eq!(second.await_ack(1), 0);
    server.await_count("", 2);
}

#[test]
fn a_web_page_can_neither_read_nor_drop() {
    let home = Home::new();
    let server = home.start();
    // A name that a page made to point here.
    let mut stream = connect(server.address("query"));
    let request = "GET /api/v1/search HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    // A request that changes the store needs a header that no page can send to another site.
    for path in ["/api/v1/retention/run", "/api/v1/compact"] {
        let answer = server.http().post_json(&server.query(path), &Value::Null);
        assert_eq!((answer.status, &answer.json()["code"]), (428, &json!("confirmation_required")));
    }
}
