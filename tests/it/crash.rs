//! `kill -9` in the middle of sending, and a sender that lives on. Kills at random times under
//! load, over TCP and HTTP, are those of the torture suite ([`super::torture`]).

use std::collections::BTreeSet;
use std::process::Stdio;

use crate::harness::{Home, numbered, wait_until};

/// Small segments, so that a kill also finds them being changed and freed.
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
