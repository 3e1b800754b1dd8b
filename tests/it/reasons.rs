//! Every reason of the contract for which a line is no record, and the good line after it.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Home, ago, from_now, line};

const DAY: Duration = Duration::from_secs(86_400);

/// Returns each bad line of the contract, without its newline, and the reason that it must get.
fn bad_lines() -> Vec<(&'static str, Vec<u8>)> {
    let fields = |count: usize| {
        let members: Vec<String> = (0..count).map(|n| format!("\"field_{n}\":{n}")).collect();
        format!("{{{}}}", members.join(",")).into_bytes()
    };
    let aged = |level: &str, age: Duration| {
        line(&json!({"timestamp": ago(age).to_string(), "level": level, "message": "late"}))
    };
    let ahead = json!({"timestamp": from_now(DAY * 3).to_string(), "message": "early"});
    let mut lines: Vec<(&str, Vec<u8>)> = vec![
        ("invalid_json", b"{\"message\":\"cut off\"".to_vec()),
        ("invalid_json", b"{\"message\" \"no colon\"}".to_vec()),
        ("not_an_object", b"[1,2,3]".to_vec()),
        ("not_an_object", b"42".to_vec()),
        ("not_an_object", b"null".to_vec()),
        ("too_long", format!("{{\"message\":\"{}\"}}", "x".repeat(1 << 20)).into_bytes()),
        ("too_deep", format!("{{\"deep\":{}1{}}}", "[".repeat(70), "]".repeat(70)).into_bytes()),
        ("too_many_fields", fields(1_001)),
        ("too_many_fields", fields(10_000)),
        ("invalid_utf8", b"{\"message\":\"\xff\xfe\"}".to_vec()),
        ("invalid_timestamp", b"{\"timestamp\":\"the day before\",\"message\":\"x\"}".to_vec()),
        ("past_retention", aged("debug", DAY * 9).into_bytes()),
        ("past_retention", aged("info", DAY * 40).into_bytes()),
        ("past_retention", aged("error", DAY * 400).into_bytes()),
        ("too_far_ahead", ahead.to_string().into_bytes()),
    ];
    for (_, bytes) in &mut lines {
        while bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
    }
    lines
}

fn good_line(number: usize) -> Vec<u8> {
    line(&json!({"message": "good", "number": number})).into_bytes()
}

#[test]
fn every_bad_line_is_named_and_the_next_good_one_is_stored_over_http() {
    let home = Home::new();
    let server = home.start();
    let lines = bad_lines();
    let mut body = Vec::new();
    for (number, (_, bytes)) in lines.iter().enumerate() {
        body.extend_from_slice(bytes);
        body.push(b'\n');
        body.extend_from_slice(&good_line(number));
    }
    let answer = server.post_lines(&body, &[]);
    let verdict = answer.json();
    assert_eq!(answer.status, 200, "{verdict}");
    assert_eq!(verdict["accepted"], lines.len(), "{verdict}");
    assert_eq!(verdict["rejected"], lines.len(), "{verdict}");
    let errors = verdict["errors"].as_array().expect("errors");
    for (number, (reason, _)) in lines.iter().enumerate() {
        assert_eq!(errors[number]["reason"], *reason, "{}", errors[number]);
        assert_eq!(errors[number]["line"], 2 * number + 1, "{}", errors[number]);
        assert!(errors[number]["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
    server.await_count("message:good", lines.len() as u64);
    // Dead letters are kept, and no ordinary search sees them.
    assert_eq!(server.count(""), lines.len() as u64);
    let tiers = server.http().get(&server.query("/api/v1/tiers")).json();
    assert_eq!(tiers["dead_letters"]["records"], lines.len(), "{tiers}");
}

#[test]
fn every_bad_line_is_counted_and_the_next_good_one_is_stored_over_one_tcp_connection() {
    let home = Home::new();
    let server = home.start();
    let mut tcp = server.tcp().with_acks();
    let lines = bad_lines();
    for (number, (reason, bytes)) in lines.iter().enumerate() {
        tcp.send(&[bytes.as_slice(), b"\n", &good_line(number)].concat());
        let sent = 2 * (number as u64 + 1);
        assert_eq!(tcp.await_ack(sent), number as u64 + 1, "{reason}");
    }
    server.await_count("message:good", lines.len() as u64);
}

#[test]
fn binary_on_the_tcp_port_harms_nobody() {
    let home = Home::new();
    let server = home.start();
    let mut tcp = server.tcp();
    let noise: Vec<u8> =
        (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    tcp.send(&noise);
    tcp.send(b"\n");
    tcp.send(b"GET / HTTP/1.1\r\n\r\n\x16\x03\x01\x02\x00\x01\x00\n");
    tcp.send(&good_line(1));
    tcp.finish();
    tcp.rest();
    server.await_count("message:good", 1);
    assert!(!home.output_text().contains("panic"), "{}", home.output_text());
}

#[test]
fn a_line_without_an_end_is_skipped_in_bounded_memory() {
    let home = Home::new();
    let server = home.start();
    let mut tcp = server.tcp();
    tcp.send(&good_line(1));
    server.await_count("message:good", 1);
    let before = server.resident_bytes();
    let piece = vec![b'x'; 1 << 20];
    tcp.send(b"{\"message\":\"");
    for _ in 0..256 {
        tcp.send(&piece);
    }
    tcp.send(b"\"}\n");
    tcp.send(&good_line(2));
    server.await_count("message:good", 2);
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "a line of 256 MiB took {} MiB", grown >> 20);
}
