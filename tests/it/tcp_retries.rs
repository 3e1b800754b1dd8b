//! Retries over TCP: whatever breaks, and wherever lines are sent again from, each is stored once.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::harness::{Home, Proxy, Server, Tcp, numbered, wait_until};

/// Lines of a file that is sent: some megabytes, several batches of sender and server.
const LINES: u64 = 40_000;

/// Every period of lines has one rejected and one blank line.
const REJECTED_EVERY: u64 = 1_000;

/// Small segments, so that kills also hit the rotation and the release of segments.
const SETTINGS: [&str; 2] = ["query.track_total_max=1000000", "store.wal_segment_max=2MiB"];

/// Kills in one test; each comes at another moment. `TIERLOG_TEST_KILLS` asks for more.
const KILLS_DEFAULT: u64 = 3;

fn kills() -> u64 {
    std::env::var("TIERLOG_TEST_KILLS")
        .map_or(KILLS_DEFAULT, |kills| kills.parse().expect("TIERLOG_TEST_KILLS is a number"))
}

/// Writes the file of lines and returns how many are records.
fn write_lines(home: &Home) -> u64 {
    let mut text = String::new();
    let mut records = 0;
    for number in 0..LINES {
        if number % REJECTED_EVERY == 7 {
            text.push_str(&format!("\n{{\"number\":{number},\n"));
        } else {
            text.push_str(&numbered(number..number + 1));
            records += 1;
        }
    }
    fs::write(home.path().join("lines"), text).expect("a scratch file");
    records
}

/// Starts to send the file.
fn send(home: &Home, to: &str, further: &[&str]) -> Child {
    let arguments = ["send", "lines", "--to", to, "--state", "state", "--format", "json"];
    home.tierlog(&[arguments.as_slice(), further].concat())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts")
}

/// Waits for the sender, and returns its exit code and its summary.
fn outcome(mut sender: Child) -> (i32, Value) {
    let status = wait_until("the end of the sender", || sender.try_wait().expect("a child"));
    let read = |stream: Option<&mut dyn std::io::Read>| {
        let mut text = String::new();
        stream.map(|stream| stream.read_to_string(&mut text));
        text
    };
    let summary = read(sender.stdout.as_mut().map(|stream| stream as &mut dyn std::io::Read));
    let complaints = read(sender.stderr.as_mut().map(|stream| stream as &mut dyn std::io::Read));
    let summary = serde_json::from_str(&summary).unwrap_or_else(|_| json!(complaints));
    (status.code().unwrap_or(128), summary)
}

/// Fails unless every record of the file is stored once, and every other line a dead letter once.
#[track_caller]
fn assert_each_once(server: &Server<'_>, records: u64) {
    server.await_count("message:numbered", records);
    let mut numbers = BTreeSet::new();
    for record in server.export("message:numbered") {
        let number = record["number"].as_u64().expect("every record has its number");
        assert!(numbers.insert(number), "number {number} is stored twice");
        assert!(number < LINES && number % REJECTED_EVERY != 7, "number {number} was never sent");
    }
    assert_eq!(numbers.len() as u64, records);
    let letters = server.http().get(&server.query("/api/v1/dead-letters?limit=1000")).json();
    assert_eq!(letters["total"], json!(LINES - records), "{}", letters["by_reason"]);
    let texts: BTreeSet<&str> = letters["letters"]
        .as_array()
        .expect("letters")
        .iter()
        .filter_map(|letter| letter["message"].as_str())
        .collect();
    assert_eq!(texts.len() as u64, LINES - records, "a rejected line is there twice");
}

#[test]
fn connections_that_break_anywhere_cost_no_line_and_double_none() {
    let home = Home::with(&SETTINGS);
    let records = write_lines(&home);
    let server = home.start();
    // In the handshake, behind it, in the middle of lines, after several batches.
    let cuts = [30, 64, 100, 5_000, 900_000, 20, 150_001, 500_000, 33, 700_000];
    let proxy = Proxy::start(cuts.to_vec());
    proxy.lead_to(server.address("tcp"));
    let (code, summary) = outcome(send(&home, &proxy.url(), &["--producer", "cuts"]));
    assert_eq!(code, 1, "some lines are rejected: {summary}");
    let brought = |name: &str| summary[name].as_u64().unwrap_or(0);
    assert_eq!(
        brought("accepted") + brought("rejected") + brought("duplicate"),
        LINES,
        "{summary}"
    );
    assert!(proxy.connections() >= 8, "{} connections", proxy.connections());
    assert_each_once(&server, records);
}

#[test]
fn a_server_that_is_killed_while_lines_arrive_has_each_once_in_the_end() {
    let home = Home::with(&SETTINGS);
    let records = write_lines(&home);
    let proxy = Proxy::start(Vec::new());
    let mut server = home.start();
    proxy.lead_to(server.address("tcp"));
    let sender = send(&home, &proxy.url(), &[]);
    let bytes = fs::metadata(home.path().join("lines")).expect("the file").len();
    for part in 1..=kills() {
        let goal = part * bytes / (kills() + 1);
        wait_until("some bytes", || (proxy.forwarded() >= goal).then_some(()));
        server.kill();
        server = home.start();
        proxy.lead_to(server.address("tcp"));
    }
    let (code, summary) = outcome(sender);
    assert_eq!(code, 1, "{summary}");
    assert_eq!(summary["accepted"], json!(records), "{summary}");
    assert_eq!(summary["rejected"], json!(LINES - records), "{summary}");
    assert_each_once(&server, records);
}

#[test]
fn a_sender_that_is_killed_goes_on_under_its_name() {
    let home = Home::with(&SETTINGS);
    let records = write_lines(&home);
    let server = home.start();
    let proxy = Proxy::start(Vec::new());
    proxy.lead_to(server.address("tcp"));
    let mut sender = send(&home, &proxy.url(), &["--producer", "deploy-1"]);
    wait_until("some lines", || (server.count("") > 0).then_some(()));
    sender.kill().expect("a child of ours");
    sender.wait().expect("a child of ours");
    let (code, summary) = outcome(send(&home, &proxy.url(), &["--producer", "deploy-1"]));
    assert!(code <= 1, "{summary}");
    let count = |name: &str| summary[name].as_u64().expect("a count");
    assert!(count("duplicate") > 0, "{summary}");
    assert_eq!(count("duplicate") + count("accepted") + count("rejected"), LINES, "{summary}");
    assert_each_once(&server, records);
    // A repetition of all lines adds no record.
    let (code, summary) = outcome(send(&home, &proxy.url(), &["--producer", "deploy-1"]));
    assert_eq!((code, &summary["duplicate"]), (0, &json!(LINES)), "{summary}");
    assert_each_once(&server, records);
}

/// Connects as a producer; returns the connection and the last line that the server has.
fn connect(server: &Server<'_>, wishes: &Value) -> (Tcp, u64) {
    let mut tcp = server.tcp();
    tcp.send(format!("{}\n", json!({ "tierlog": wishes })).as_bytes());
    let said = tcp.next_line().expect("a greeting");
    let resume = said["resume"].as_u64().unwrap_or_else(|| panic!("no greeting: {said}"));
    (tcp, resume)
}

#[test]
fn ranges_that_overlap_are_stored_once_across_connections_and_a_restart() {
    let home = Home::new();
    let producer = |from: Option<u64>| match from {
        None => json!({"ack": true, "producer": "shop-1"}),
        Some(from) => json!({"ack": true, "producer": "shop-1", "from": from}),
    };
    let server = home.start();
    let (mut old, resume) = connect(&server, &producer(None));
    assert_eq!(resume, 0);
    // Line n of the producer carries the number n.
    old.send(numbered(1..101).as_bytes());
    old.await_ack(100);
    let (mut new, resume) = connect(&server, &producer(None));
    assert_eq!(resume, 100);
    new.send(numbered(101..131).as_bytes());
    new.await_ack(130);
    // The old connection was not dead: the same lines and twenty more, cut otherwise.
    old.send(numbered(101..151).as_bytes());
    old.await_ack(150);
    new.send(numbered(131..141).as_bytes());
    new.await_ack(140);
    server.kill();

    let server = home.start();
    let (mut tcp, resume) = connect(&server, &producer(Some(141)));
    assert_eq!(resume, 150, "also after a restart");
    tcp.send(numbered(141..201).as_bytes());
    tcp.await_ack(200);
    let (mut other, resume) = connect(&server, &json!({"ack": true, "producer": "shop-2"}));
    assert_eq!(resume, 0, "producers do not know each other");
    other.send(numbered(201..211).as_bytes());
    other.await_ack(10);
    server.await_count("message:numbered", 210);
    let mut numbers: Vec<u64> = server
        .export("message:numbered")
        .iter()
        .map(|record| record["number"].as_u64().expect("a number"))
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=210).collect::<Vec<u64>>());
    assert!(!home.output_text().contains("shop-1"), "names are not logged");
}

#[test]
fn a_producer_without_a_name_is_told_so() {
    let home = Home::new();
    let server = home.start();
    let mut tcp = server.tcp();
    tcp.send(b"{\"tierlog\":{\"ack\":true,\"producer\":\"\"}}\n{\"message\":\"x\"}\n");
    let said = tcp.next_line().expect("an error");
    assert!(said["error"].as_str().is_some_and(|error| error.contains("producer")), "{said}");
    assert_eq!(tcp.next_line(), None);
    assert_eq!(server.count(""), 0);
}
