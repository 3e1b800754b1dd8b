//! The whole way of a line, by each protocol: sent, acknowledged, found, each once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Home, Server, ago, line, numbered};

/// Returns the `number` of each hit, sorted.
fn numbers(hits: &[Value]) -> Vec<u64> {
    let mut numbers: Vec<u64> = hits.iter().filter_map(|hit| hit["number"].as_u64()).collect();
    numbers.sort_unstable();
    numbers
}

#[track_caller]
fn check_numbers(server: &Server<'_>, expected: std::ops::Range<u64>) {
    server.await_count("message:numbered", expected.end - expected.start);
    assert_eq!(numbers(&server.hits("message:numbered")), expected.collect::<Vec<_>>());
}

#[test]
fn lines_sent_by_tcp_and_by_http_are_found_each_once() {
    let home = Home::new();
    let server = home.start();
    let mut tcp = server.tcp().with_acks();
    tcp.send(numbered(0..1_000).as_bytes());
    assert_eq!(tcp.await_ack(1_000), 0);
    let verdict = server.post_lines(numbered(1_000..2_000).as_bytes(), &[]).json();
    assert_eq!(verdict["accepted"], 1_000, "{verdict}");
    assert_eq!(verdict["durability"], "fsync");
    check_numbers(&server, 0..2_000);
}

#[test]
fn a_client_without_acks_gets_nothing_back_and_its_last_line_needs_no_newline() {
    let home = Home::new();
    let server = home.start();
    let mut tcp = server.tcp();
    tcp.send(numbered(0..10).trim_end().replace('\n', "\r\n").as_bytes());
    tcp.finish();
    assert_eq!(tcp.rest(), "");
    check_numbers(&server, 0..10);
}

#[test]
fn lines_outlive_an_orderly_end_and_a_kill() {
    let home = Home::new();
    let server = home.start();
    server.store(&numbered(0..100));
    assert_eq!(server.terminate(), Some(0), "{}", home.output_text());

    let server = home.start();
    check_numbers(&server, 0..100);
    assert_eq!(server.post_lines(numbered(100..200).as_bytes(), &[]).json()["accepted"], 100);
    server.kill();

    let server = home.start();
    check_numbers(&server, 0..200);
}

#[test]
fn a_body_may_be_lines_an_array_an_object_or_plain_text() {
    let home = Home::new();
    let server = home.start();
    let url = server.ingest("/api/v1/ingest?service=shop&level=error&source=nightly");
    for (content_type, body, accepted) in [
        ("application/x-ndjson", "{\"message\":\"one\"}\n\n{\"message\":\"two\"}", 2),
        ("application/json", "[{\"message\":\"three\"},{\"message\":\"four\"}]", 2),
        ("application/json", "{\n  \"message\": \"five\"\n}", 1),
        ("text/plain", "six\nseven\r\n", 2),
    ] {
        let answer = server.http().post(&url, body.as_bytes(), &[("content-type", content_type)]);
        assert_eq!(answer.status, 200, "{content_type}: {}", answer.text());
        assert_eq!(answer.json()["accepted"], accepted, "{content_type}: {body}");
    }
    server.await_count("service:shop AND level:error AND source:nightly", 7);
    let mut messages: Vec<String> = server
        .hits("")
        .iter()
        .filter_map(|hit| Some(hit["message"].as_str()?.to_owned()))
        .collect();
    messages.sort();
    assert_eq!(messages, ["five", "four", "one", "seven", "six", "three", "two"]);
}

#[test]
fn a_record_comes_back_as_it_was_read() {
    let home = Home::new();
    let server = home.start();
    let moment = ago(Duration::from_secs(3_600)).to_string();
    server.store(&line(&json!({
        "@timestamp": moment,
        "levelname": "WARN",
        "msg": "slow query",
        "service": {"name": "billing"},
        "context": {"request_id": "req-1", "depth": {"of": {"nesting": 7}}},
        "duration": "1.5s",
        "status": "204",
        "big": 9_007_199_254_740_993_u64,
        "huge": u64::MAX,
        "ratio": 0.1,
        "flag": true,
        "nothing": null,
        "empty": "",
        "list": [1, "two", {"three": 3}],
        "text": "ünïcode → 💡",
    })));
    let hits = server.hits("request_id:req-1");
    assert_eq!(hits.len(), 1, "{hits:?}");
    let expected = json!({
        "timestamp": moment,
        "level": "warning",
        "level_text": "WARN",
        "message": "slow query",
        "service": "billing",
        "request_id": "req-1",
        "context.depth.of.nesting": 7,
        "duration_ms": 1_500.0,
        "big": 9_007_199_254_740_993_u64,
        "huge": u64::MAX,
        "ratio": 0.1,
        "flag": true,
        "empty": "",
        "list": [1, "two", {"three": 3}],
        "text": "ünïcode → 💡",
    });
    for (name, value) in expected.as_object().expect("an object") {
        let found = &hits[0][name];
        let same = match (found.as_f64(), value.as_f64()) {
            (Some(found), Some(value)) if value.fract() == 0.0 && value < 1e9 => found == value,
            _ => found == value,
        };
        assert!(same, "{name}: {found}, expected {value}\n{}", hits[0]);
    }
    assert!(hits[0].get("nothing").is_none(), "{}", hits[0]);
}

#[test]
fn levels_go_to_their_tiers_and_days() {
    let home = Home::new();
    let server = home.start();
    let day = Duration::from_secs(86_400);
    for (level, age_days) in [
        ("debug", 0),
        ("info", 0),
        ("warning", 80),
        ("error", 300),
        ("critical", 300),
        ("trace", 3),
    ] {
        let moment = ago(day * age_days).to_string();
        server.store(&line(&json!({"timestamp": moment, "level": level, "message": level})));
    }
    let tiers = server.http().get(&server.query("/api/v1/tiers")).json();
    let mut found: Vec<String> = Vec::new();
    for tier in tiers["tiers"].as_array().expect("tiers") {
        for partition in tier["partitions"].as_array().expect("partitions") {
            let day = partition["day"].as_str().expect("a day");
            found.push(format!("{} {day} {}", tier["name"], partition["records"]));
        }
    }
    found.sort();
    let day_ago = |days: u32| ago(day * days).day();
    let mut expected = vec![
        format!("\"critical\" {} 2", day_ago(300)),
        format!("\"debug\" {} 1", day_ago(0)),
        format!("\"debug\" {} 1", day_ago(3)),
        format!("\"info\" {} 1", day_ago(0)),
        format!("\"warning\" {} 1", day_ago(80)),
    ];
    expected.sort();
    assert_eq!(found, expected, "{tiers}");
}
