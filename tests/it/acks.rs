//! Acks over TCP, and batch ids that make a retry harmless.

use serde_json::json;

use crate::harness::{Home, line, numbered};

#[test]
fn acks_count_up_and_cover_every_line() {
    let home = Home::new();
    let server = home.start();
    let mut tcp = server.tcp().with_acks();
    let mut last = 0;
    for round in 0..20 {
        tcp.send(numbered(round * 50..(round + 1) * 50).as_bytes());
        assert_eq!(tcp.await_ack((round + 1) * 50), 0);
        last = (round + 1) * 50;
    }
    tcp.finish();
    assert_eq!(tcp.rest(), "", "nothing is left to ack");
    server.await_count("", last);
}

#[test]
fn what_was_sent_before_the_end_of_the_connection_is_acked() {
    let home = Home::new();
    let server = home.start();
    let mut tcp = server.tcp().with_acks();
    tcp.send(numbered(0..777).as_bytes());
    tcp.finish();
    assert_eq!(tcp.await_ack(777), 0);
    server.await_count("", 777);
}

#[test]
fn the_request_for_acks_is_a_request_only_as_the_first_line() {
    let home = Home::new();
    let server = home.start();
    let mut tcp = server.tcp();
    tcp.send(numbered(0..1).as_bytes());
    tcp.send(b"{\"tierlog\":{\"ack\":true}}\n");
    tcp.finish();
    assert_eq!(tcp.rest(), "");
    server.await_count("", 2);
}

#[test]
fn a_batch_that_is_sent_again_is_a_duplicate_also_after_a_restart() {
    let home = Home::new();
    let server = home.start();
    let batch = numbered(0..10);
    let id = [("tierlog-batch-id", "batch-1")];
    let verdict = |answer: crate::harness::Answer| {
        let verdict = answer.json();
        (answer.status, verdict["accepted"].clone(), verdict["duplicate"].clone())
    };
    let first = verdict(server.post_lines(batch.as_bytes(), &id));
    assert_eq!(first, (200, json!(10), json!(0)));
    let again = verdict(server.post_lines(batch.as_bytes(), &id));
    assert_eq!((again.0, again.2), (200, json!(10)));
    let other = verdict(server.post_lines(batch.as_bytes(), &[("tierlog-batch-id", "batch-2")]));
    assert_eq!(other, (200, json!(10), json!(0)));
    server.await_count("", 20);
    server.kill();

    let server = home.start();
    let after_restart = verdict(server.post_lines(batch.as_bytes(), &id));
    assert_eq!((after_restart.0, after_restart.2), (200, json!(10)));
    server.store(&line(&json!({"message": "last"})));
    server.await_count("", 21);
}

#[test]
fn a_batch_id_that_cannot_be_one_is_refused() {
    let home = Home::new();
    let server = home.start();
    let long = "x".repeat(129);
    for id in ["with space", long.as_str()] {
        let answer = server.post_lines(numbered(0..1).as_bytes(), &[("tierlog-batch-id", id)]);
        assert_eq!(answer.status, 400, "{id:?}: {}", answer.text());
    }
}
