//! `kill -9` in the middle of sending, and a sender that lives on. Kills at random times under
//! load, over TCP and HTTP, are those of the torture suite ([`super::torture`]).

use std::collections::BTreeSet;
use std::process::Stdio;

use serde_json::json;

use crate::harness::{Home, numbered, wait_until};

/// Small segments, so that kills also hit the rotation and the release of segments.
const SETTINGS: [&str; 2] = ["query.track_total_max=1000000", "store.wal_segment_max=2MiB"];

#[test]
fn send_rides_out_the_death_of_its_server() {
    const LINES: u64 = 60_000;
    let home = Home::with(&SETTINGS);
    let server = home.start();
    std::fs::write(home.path().join("lines"), numbered(0..LINES)).expect("a scratch file");
    let ingest = server.address("ingest").to_owned();
    let mut send = home.tierlog(&["send", "lines", "--to", &format!("http://{ingest}")]);
    let mut send = send.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("it starts");
    wait_until("some lines", || (server.count("") >= 2_000).then_some(()));
    server.kill();

    let server = home.start_with(&[&format!("ingest.http.listen={ingest}")]);
    let ended = send.wait().expect("a child of ours");
    assert!(ended.success(), "{ended}");
    server.await_count("", LINES);
    let mut stored = BTreeSet::new();
    for record in server.export("message:numbered") {
        let number = record["number"].as_u64().expect("every record has its number");
        assert!(stored.insert(number), "number {number} is stored twice");
    }
    assert!(stored.into_iter().eq(0..LINES));
}

#[test]
fn a_start_that_leaves_the_log_for_later_says_so_until_it_is_searchable() {
    const LINES: u64 = 20_000;
    let home = Home::with(&SETTINGS);
    let server = home.start_with(&["store.commit_interval=1m"]);
    let taken = server.post_lines(numbered(0..LINES).as_bytes(), &[]);
    assert_eq!(taken.status, 200, "{}", taken.text());
    server.kill();

    let server = home.start_with(&["store.replay_before_ready=0s"]);
    // Taken at once, whatever is still to be indexed.
    let taken = server.post_lines(numbered(LINES..LINES + 1).as_bytes(), &[]);
    assert_eq!(taken.status, 200, "{}", taken.text());
    // No answer that passes for whole lacks a line that was acknowledged before the start.
    let found = wait_until("a whole answer", || {
        let answer = server.search(&json!({"q": "", "limit": 0}));
        let reasons = &answer["partial_reasons"];
        assert!(reasons.is_null() || reasons == &json!(["indexing_late"]), "{answer}");
        (answer["partial"] == false).then(|| answer["total"]["value"].as_u64())
    });
    assert!(found >= Some(LINES), "{found:?}");
    server.await_count("", LINES + 1);
    let health = server.http().get(&server.query("/health")).json();
    assert_eq!((&health["status"], &health["replayed_records"]), (&json!("ok"), &json!(LINES)));
}
