//! Lines of text beside JSON: read by their format, joined, acknowledged in time, each once.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Home, Proxy, Server, ago, wait_until};

/// Longest time from a line to its ack, with nothing behind the line: half a second, and the
/// slowness of a machine that runs all tests at once.
const ACK_TIME_MAX: Duration = Duration::from_secs(5);

/// Groups of the file that is sent again and again.
const GROUPS: u64 = 4_000;

/// Frames of each group.
const FRAMES: u64 = 4;

/// Returns a moment of now as Python prints it, in UTC.
fn asctime() -> String {
    let moment = ago(Duration::from_secs(60)).to_string();
    moment.get(..19).expect("a date and a time").replace('T', " ") + ",123"
}

fn text<'r>(record: &'r Value, name: &str) -> &'r str {
    record[name].as_str().unwrap_or_default()
}

#[test]
fn text_among_json_is_read_joined_and_counted_in_lines() {
    let home = Home::new();
    let server = home.start();
    let body = format!(
        "{{\"message\":\"json\",\"level\":\"info\"}}
prose that no format knows
ERROR {now} log 7 14 Internal Server Error: /x
Traceback (most recent call last):
  File \"/a.py\", line 3, in f
    g()
ValueError: no stock
[{now}: INFO/MainProcess] Task shop.pay[6b1c-9] succeeded in 0.125s: None
{{\"k\":1}}{{\"k\":2}}
",
        now = asctime()
    );
    let id = [("tierlog-batch-id", "text-1")];
    let answer = server.post_lines(body.as_bytes(), &id).json();
    let errors = &answer["errors"];
    assert_eq!(
        (&answer["accepted"], &answer["joined"], &answer["rejected"], &errors[0]["line"]),
        (&json!(9), &json!(4), &json!(1), &json!(2)),
        "{answer}"
    );
    let again = server.post_lines(body.as_bytes(), &id).json();
    assert_eq!((&again["accepted"], &again["duplicate"]), (&json!(0), &json!(9)), "{again}");
    assert!(again.get("joined").is_none(), "{again}");
    server.await_count("", 5);
    let errors = server.hits("level:error");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(text(&errors[0], "message"), "Internal Server Error: /x");
    assert_eq!(text(&errors[0], "error_type"), "ValueError");
    assert!(text(&errors[0], "stacktrace").ends_with("ValueError: no stock"), "{errors:?}");
    assert_eq!(server.count("task_id:6b1c-9 AND duration_ms:125"), 1);
    assert_eq!(server.count("k:IN [1 2]"), 2);
}

#[test]
fn a_text_is_acknowledged_soon_and_what_belongs_to_it_with_it() {
    let home = Home::new();
    let server = home.start();
    let mut tcp = server.tcp().with_acks();
    // The last line may continue, so the server holds the line for a short time.
    let sent = Instant::now();
    tcp.send(b"ERROR: refused\n");
    assert_eq!(tcp.await_ack(1), 0);
    assert!(sent.elapsed() < ACK_TIME_MAX, "{:?}", sent.elapsed());
    let lines = "Traceback (most recent call last):\n  File \"/a.py\", line 3, in f\nKeyError: 1\n";
    for piece in lines.as_bytes().chunks(20) {
        tcp.send(piece);
    }
    tcp.send(b"prose\n{\"message\":\"json\"}\n");
    assert_eq!(tcp.await_ack(6), 1);
    tcp.finish();
    // The error was let go before its traceback came: that begins with its first line again.
    server.await_count("level:error", 2);
    server.await_count("error_type:KeyError AND message:refused", 1);
}

#[test]
fn other_text_is_a_message_where_the_connection_says_so() {
    let home = Home::new();
    let server = home.start();
    let mut tcp = server.tcp();
    tcp.send(b"{\"tierlog\":{\"ack\":true,\"plain\":true,\"service\":\"job\"}}\n");
    tcp.send(
        b"job stopped\nTraceback (most recent call last):\n  File \"a\", line 1\nE: x\nnext\n",
    );
    assert_eq!(tcp.await_ack(5), 0);
    server.await_count("service:job", 2);
    assert_eq!(server.count("level:error AND message:\"job stopped\""), 1);
    assert_eq!(server.count("level:info AND message:next"), 1);
}

fn docker(stream: &str, text: &str) -> String {
    let time = ago(Duration::from_secs(60)).to_string();
    format!("{}\n", json!({"log": text, "stream": stream, "time": time}))
}

#[test]
fn lines_of_containers_are_joined_by_stream() {
    let home = Home::new();
    let server = home.start();
    let half = "x".repeat(16 * 1024 - 12);
    let mut body = docker("stderr", "Traceback (most recent call last):\n");
    body += &docker("stdout", "{\"level\":\"info\",\"message\":\"apart\"}\n");
    body += &docker("stderr", "  File \"/a.py\", line 3, in f\n");
    body += &docker("stderr", "ValueError: x\n");
    body += &docker("stdout", &format!("{{\"message\":\"{half}"));
    body += &docker("stdout", "\",\"request_id\":\"halves\"}\n");
    let time = ago(Duration::from_secs(60));
    body += &format!("{time} stdout P {{\"request_id\":\n{time} stdout F \"pieces\"}}\n");
    let answer = server.post_lines(body.as_bytes(), &[]).json();
    assert_eq!((&answer["accepted"], &answer["joined"]), (&json!(8), &json!(4)), "{answer}");
    server.await_count("", 4);
    let errors = server.hits("level:error");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(
        (text(&errors[0], "message"), text(&errors[0], "stream")),
        ("ValueError: x", "stderr")
    );
    let halves = server.hits("request_id:halves");
    assert_eq!(text(&halves[0], "message"), half);
    assert_eq!(server.count("request_id:pieces"), 1);
}

/// Writes a file of errors with tracebacks.
fn write_groups(home: &Home) {
    let now = asctime();
    let mut file = String::new();
    for group in 0..GROUPS {
        file += &format!("ERROR {now} shop 7 14 refused {group}\n");
        file += "Traceback (most recent call last):\n";
        for frame in 0..FRAMES {
            file += &format!("  File \"/a.py\", line {group}, in frame_{group}_{frame}\n");
        }
        file += &format!("ValueError: end {group}\n");
    }
    fs::write(home.path().join("lines"), file).expect("a scratch file");
}

/// Sends the file, over as many connections as it takes.
#[track_caller]
fn send(home: &Home, to: &str) -> Value {
    let arguments = ["send", "lines", "--to", to, "--state", "state", "--format", "json"];
    let sent = home.tierlog(&arguments).stdin(Stdio::null()).output().expect("the binary runs");
    let code = sent.status.code();
    assert!(code.is_some_and(|code| code <= 1), "{}", String::from_utf8_lossy(&sent.stderr));
    serde_json::from_slice(&sent.stdout).expect("a summary")
}

/// Fails unless each frame is stored once.
#[track_caller]
fn assert_each_frame_once(server: &Server<'_>) {
    let frames = || {
        let mut frames: BTreeMap<String, u64> = BTreeMap::new();
        for record in server.export("stacktrace:*") {
            let names = text(&record, "stacktrace").split_whitespace();
            for name in names.filter(|word| word.starts_with("frame_")) {
                *frames.entry(name.to_owned()).or_default() += 1;
            }
        }
        frames
    };
    let found = wait_until("every frame", || {
        let found = frames();
        (found.len() as u64 >= GROUPS * FRAMES).then_some(found)
    });
    assert_eq!(found.len() as u64, GROUPS * FRAMES);
    let doubled: Vec<_> = found.iter().filter(|(_, count)| **count != 1).collect();
    assert!(doubled.is_empty(), "{} of them, {:?}", doubled.len(), doubled.first());
}

#[test]
fn a_group_that_is_sent_again_is_stored_once_wherever_its_connection_broke() {
    let home = Home::with(&["query.track_total_max=1000000"]);
    write_groups(&home);
    let server = home.start();
    // In the middle of lines, of groups, and in a handshake.
    let proxy = Proxy::start(vec![64, 700, 5_017, 90_003, 20, 150_001, 400_000, 33, 222_222]);
    proxy.lead_to(server.address("tcp"));
    let summary = send(&home, &proxy.url());
    let count = |name: &str| summary[name].as_u64().unwrap_or(0);
    let lines = GROUPS * (FRAMES + 3);
    assert_eq!(count("accepted") + count("rejected") + count("duplicate"), lines, "{summary}");
    assert!(proxy.connections() >= 6, "{} connections", proxy.connections());
    // A start replays the whole log before the server is ready, so that no record appears later.
    server.kill();
    assert_each_frame_once(&home.start());
}

#[test]
fn a_server_that_is_killed_between_lines_of_a_group_has_each_once() {
    let home = Home::with(&["query.track_total_max=1000000"]);
    write_groups(&home);
    let proxy = Proxy::start(Vec::new());
    let mut server = home.start();
    proxy.lead_to(server.address("tcp"));
    let url = proxy.url();
    let arguments = ["send", "lines", "--to", &url, "--state", "state", "--format", "json"];
    let mut sender = home.tierlog(&arguments).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let sender = sender.as_mut().expect("the binary starts");
    let bytes = fs::metadata(home.path().join("lines")).expect("the file").len();
    for part in 1..=2 {
        wait_until("some bytes", || (proxy.forwarded() >= part * bytes / 3).then_some(()));
        server.kill();
        server = home.start();
        proxy.lead_to(server.address("tcp"));
    }
    let status = wait_until("the end of the sender", || sender.try_wait().expect("a child"));
    assert!(status.code().is_some_and(|code| code <= 1), "{status}");
    server.kill();
    assert_each_frame_once(&home.start());
}
