//! Starting, refusing to start, ending: what the process promises whoever runs it.

use std::fs;

use crate::harness::{Home, numbered, run, wait_until};

#[test]
fn a_second_server_on_the_same_directory_is_refused_in_one_clear_line() {
    let home = Home::new();
    let server = home.start();
    let second = run(home
        .tierlog(&["serve", "--data", "data"])
        .args(["--set", "ingest.tcp.listen=127.0.0.1:0", "--set", "query.listen=127.0.0.1:0"])
        .args(["--set", "ingest.http.listen=127.0.0.1:0", "--addresses-file", "second.json"]));
    assert_eq!(second.code, 1, "{}", second.stderr);
    let last = second.stderr.lines().last().unwrap_or_default();
    assert!(last.contains("data"), "{}", second.stderr);
    assert!(!home.path().join("second.json").exists(), "it never was ready");
    for verb in [["retention", "run"].as_slice(), &["compact"], &["verify"]] {
        let refused = run(home.tierlog(verb).args(["--data", "data"]));
        assert_eq!(refused.code, 1, "{verb:?}: {}", refused.stderr);
    }
    server.store(&numbered(0..1));
}

#[test]
fn a_directory_that_is_no_data_directory_is_refused() {
    let home = Home::new();
    fs::create_dir(home.path().join("elsewhere")).expect("a scratch directory");
    for verb in [["retention", "plan"].as_slice(), &["compact"], &["verify"]] {
        let refused = run(home.tierlog(verb).args(["--data", "elsewhere"]));
        assert_eq!(refused.code, 1, "{verb:?}: {}", refused.stderr);
        let left = fs::read_dir(home.path().join("elsewhere")).expect("it is there").count();
        assert_eq!(left, 0, "{verb:?} made something");
    }
}

#[test]
fn a_data_directory_of_another_format_is_refused_untouched() {
    let home = Home::new();
    home.start().terminate();
    let stamp = home.data().join("tierlog.json");
    fs::write(&stamp, "{\"format\": 999}").expect("a file of ours");
    let refused = run(home
        .tierlog(&["serve", "--data", "data", "--addresses-file", "never.json"])
        .args(["--set", "ingest.tcp.listen=127.0.0.1:0", "--set", "query.listen=127.0.0.1:0"])
        .args(["--set", "ingest.http.listen=127.0.0.1:0"]));
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("999"), "{}", refused.stderr);
}

#[test]
fn what_was_sent_before_sigterm_is_stored_and_acked() {
    let home = Home::new();
    let server = home.start();
    let mut tcp = server.tcp().with_acks();
    tcp.send(numbered(0..500).as_bytes());
    // The first ack says that the server has begun to read.
    assert!(tcp.next_ack().is_some());
    assert_eq!(server.terminate(), Some(0), "{}", home.output_text());
    let mut acked = 0;
    while let Some((durable, _)) = tcp.next_ack() {
        acked = durable;
    }
    let server = home.start();
    assert!(server.count("") >= acked, "{acked} were acked");
}

#[test]
fn health_metrics_and_readiness_are_on_both_http_ports() {
    let home = Home::new();
    let server = home.start();
    server.store(&numbered(0..10));
    for base in [server.ingest(""), server.query("")] {
        for path in ["/health", "/health/live", "/health/ready", "/api/v1/ready"] {
            let answer = server.http().get(&format!("{base}{path}"));
            assert_eq!(answer.status, 200, "{base}{path}: {}", answer.text());
        }
        let metrics = wait_until("the metrics of ten records", || {
            let text = server.http().get(&format!("{base}/metrics")).text();
            text.contains("tierlog_stored_records").then_some(text)
        });
        let accepted = metrics
            .lines()
            .find(|line| {
                line.starts_with("tierlog_ingest_accepted_records_total{protocol=\"http\"")
            })
            .expect("the counter");
        assert!(accepted.ends_with(" 10"), "{accepted}");
    }
}

#[test]
fn an_address_that_others_reach_needs_a_clear_yes() {
    let home = Home::new();
    let refused = run(home
        .tierlog(&["serve", "--data", "data", "--addresses-file", "never.json"])
        .args(["--set", "ingest.tcp.listen=0.0.0.0:0"]));
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("security.allow_remote"), "{}", refused.stderr);
}
