//! `kill -9` in the middle of sending: what was acked is there, nothing is there twice.

use std::collections::BTreeSet;
use std::process::Stdio;

use crate::harness::{Home, Http, Server, Tcp, numbered, wait_until};

/// Kills in one test; each comes at another moment of writing, syncing and committing.
/// `TIERLOG_TEST_KILLS` asks for more.
const KILLS_DEFAULT: u64 = 5;

fn kills() -> u64 {
    std::env::var("TIERLOG_TEST_KILLS")
        .map_or(KILLS_DEFAULT, |kills| kills.parse().expect("TIERLOG_TEST_KILLS is a number"))
}

/// Lines sent at once.
const BATCH_LINES: u64 = 200;

/// Lines that a sender lets wait for their ack, so that a kill finds some between write and ack.
const UNACKED_LINES_MAX: u64 = 10 * BATCH_LINES;

/// Small segments, so that a kill also finds them being changed and freed.
const SETTINGS: [&str; 2] = ["query.track_total_max=1000000", "store.wal_segment_max=2MiB"];

/// Returns the numbers of every stored record; a number that is there twice fails the test.
#[track_caller]
fn stored_numbers(server: &Server<'_>) -> BTreeSet<u64> {
    let mut numbers = BTreeSet::new();
    for record in server.export("message:numbered") {
        let number = record["number"].as_u64().expect("every record has its number");
        assert!(numbers.insert(number), "number {number} is stored twice");
    }
    numbers
}

/// What a sender knows when its server has died.
struct Sent {
    /// Lines that were sent, at most.
    sent: u64,
    /// Lines that were acked, at least.
    acked: u64,
}

/// Sends lines, numbered from `first`, until the server dies.
fn send_until_death(mut tcp: Tcp, first: u64) -> Sent {
    let (mut sent, mut acked) = (0, 0);
    loop {
        let from = first + sent;
        sent += BATCH_LINES;
        if tcp.try_send(numbered(from..first + sent).as_bytes()).is_err() {
            return Sent { sent, acked };
        }
        while sent - acked >= UNACKED_LINES_MAX {
            match tcp.next_ack() {
                Some((durable, _)) => acked = durable,
                None => return Sent { sent, acked },
            }
        }
    }
}

#[test]
fn over_tcp_no_acked_line_is_lost_and_none_is_doubled() {
    let home = Home::with(&SETTINGS);
    let mut next = 0;
    let mut known = BTreeSet::new();
    for round in 0..kills() {
        let server = home.start();
        let tcp = server.tcp().with_acks();
        let sender = std::thread::spawn(move || send_until_death(tcp, next));
        let goal = known.len() as u64 + UNACKED_LINES_MAX + (round + 1) * 500;
        wait_until("some lines", || (server.count("") >= goal).then_some(()));
        server.kill();
        let Sent { sent, acked } = sender.join().expect("the sender ends with the server");
        assert!(acked > 0, "round {round}: nothing was acked");
        known.extend(next..next + acked);
        next += sent;

        let server = home.start();
        wait_until("the acked lines", || (server.count("") >= known.len() as u64).then_some(()));
        let stored = stored_numbers(&server);
        let lost: Vec<&u64> = known.difference(&stored).take(5).collect();
        assert!(lost.is_empty(), "round {round}: acked lines are lost, the first {lost:?}");
        assert!(stored.iter().all(|number| *number < next), "round {round}: lines never sent");
        known = stored;
        server.kill();
    }
}

#[test]
fn over_http_a_retried_batch_is_stored_exactly_once() {
    let home = Home::with(&SETTINGS);
    let mut next_batch = 0;
    for round in 0..kills() {
        let server = home.start();
        let url = server.ingest("/api/v1/ingest");
        let sender = std::thread::spawn(move || {
            let http = Http::new();
            // Ends with the first batch that was not acked.
            (next_batch..).find(|batch| !post_batch(&http, &url, *batch))
        });
        let goal = (next_batch + 3 + round) * BATCH_LINES;
        wait_until("some batches", || (server.count("") >= goal).then_some(()));
        server.kill();
        let unsure = sender.join().expect("the sender ends with the server").expect("a batch");

        let server = home.start();
        let url = server.ingest("/api/v1/ingest");
        assert!(post_batch(server.http(), &url, unsure), "round {round}: the retry is taken");
        next_batch = unsure + 1;
        let expected = next_batch * BATCH_LINES;
        server.await_count("", expected);
        let stored = stored_numbers(&server);
        assert!(stored.iter().copied().eq(0..expected), "round {round}: {} stored", stored.len());
        server.kill();
    }
}

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
    assert!(stored_numbers(&server).iter().copied().eq(0..LINES));
}

/// Posts a batch under its id; tells whether it was acked.
fn post_batch(http: &Http, url: &str, batch: u64) -> bool {
    let lines = numbered(batch * BATCH_LINES..(batch + 1) * BATCH_LINES);
    let id = format!("batch-{batch}");
    let headers = [("content-type", "application/x-ndjson"), ("tierlog-batch-id", id.as_str())];
    http.try_post(url, lines.as_bytes(), &headers).is_some_and(|answer| answer.status == 200)
}
