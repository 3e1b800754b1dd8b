//! A server that may have 768 MiB of data, under requests that are small on the wire and large in
//! the server: it lives, ordinary lines are taken, refusals have a name.
//!
//! Each round has a server of its own, on a copy of the same data, and ends it: what one round made
//! it take is not the next one's. A debug build reads few of a body's millions of items in a round;
//! `hostile memory` does the same to a release build until the last item, and measures how fast
//! ordinary posts stay.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use crate::harness::{Home, Http, Scrape, Server, numbered, wait_until};
use crate::heavy::{
    DATA_KIBIBYTES_MAX, Heavy, Port, Scale, corpus, known, perform, random, related,
};
use crate::torture::suite::files::copy_tree;

/// Items by the million, of which a server that read them at once held a hundred bytes each, and an
/// aggregation of which eight at once needed gigabytes.
const LARGE: Scale = Scale { items: 2_000_000, records: 30_000, answer_bytes: 16 << 20 };

/// Sizes of which many are answered within a round.
const SMALL: Scale = Scale { items: 100_000, ..LARGE };

/// The time that the clients of a round wait for answers. One that needs longer leaves.
const ROUND: Duration = Duration::from_secs(4);

/// Clients at once.
const AT_ONCE: usize = 8;

/// Ordinary posts of a round at least.
const POSTS_MIN: usize = 5;

/// What queries are about, stored once and copied for each round.
struct Stage {
    home: Home,
}

impl Stage {
    fn new() -> Stage {
        let home = Home::new();
        let server = home.start();
        let mut stored = 0;
        for body in corpus(LARGE) {
            let answer = server.post_lines(&body, &[]);
            assert_eq!(answer.status, 200, "{}", answer.text());
            stored += body.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        server.await_count("kind:*", stored);
        assert_eq!(server.terminate(), Some(0));
        Stage { home }
    }

    /// Sends requests at once to a server of little memory; meanwhile ordinary lines are taken.
    #[track_caller]
    fn round(&self, what: &str, requests: &[Heavy]) {
        let mut home = Home::new();
        home.limit_data(DATA_KIBIBYTES_MAX);
        for (from, to) in [(self.home.data(), home.data()), (self.home.keys(), home.keys())] {
            copy(&from, &to);
        }
        let server = home.start();
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let clients: Vec<_> = requests
                .iter()
                .map(|request| {
                    let address = match request.port {
                        Port::Ingest => server.address("ingest"),
                        Port::Query => server.address("query"),
                    };
                    let ended = &ended;
                    scope.spawn(move || perform(address, request, ended, ROUND))
                })
                .collect();
            let mut posted = 0;
            while posted < POSTS_MIN || !clients.iter().all(ScopedJoinHandle::is_finished) {
                post(&server, what);
                posted += 1;
            }
            ended.store(true, Ordering::Relaxed);
            for (request, client) in requests.iter().zip(clients) {
                let told = client.join().expect("a client that does not panic");
                let told = told.unwrap_or_else(|error| panic!("{what}: {}: {error}", request.name));
                assert!(told.is_fit(), "{what}: {} was told {told:?}", request.name);
            }
        });
        assert_eq!(server.http().get(&server.query("/health/ready")).status, 200, "{what}");
        if requests.iter().all(|request| request.port == Port::Query) {
            check_given_back(&server, what);
            check_answers(&server, what);
        }
        server.kill();
    }
}

/// Posts a few ordinary lines, which are taken.
#[track_caller]
fn post(server: &Server<'_>, what: &str) {
    let url = server.ingest("/api/v1/ingest");
    let answer = server.http().try_post(&url, numbered(0..3).as_bytes(), &[]);
    let answer = answer.unwrap_or_else(|| panic!("{what}: the server does not answer"));
    assert_eq!(answer.status, 200, "{what}: {}", answer.text());
}

/// Waits until an ordinary query has its place again, and its answer.
#[track_caller]
fn check_answers(server: &Server<'_>, what: &str) {
    let url = server.query("/api/v1/search?q=kind:wide&limit=0");
    let found = wait_until(&format!("{what}: an ordinary query"), || {
        let answer = server.http().get(&url);
        (answer.status != 429).then(|| answer.json())
    });
    assert_eq!(found["total"]["value"], LARGE.records, "{what}: {found}");
}

/// Waits until what queries were lent is given back: nobody waits for their answers any more.
#[track_caller]
fn check_given_back(server: &Server<'_>, what: &str) {
    for part in ["aggregations", "hits", "answers", "tails"] {
        let series = format!("tierlog_memory_used_bytes{{part=\"{part}\"}}");
        wait_until(&format!("{what}: {part} are given back"), || {
            (Scrape::of(server).value(&series) == 0.0).then_some(())
        });
    }
}

#[track_caller]
fn copy(from: &Path, to: &Path) {
    copy_tree(from, to).unwrap_or_else(|error| panic!("copy {}: {error}", from.display()));
}

#[test]
fn heavy_requests_alone_and_at_once_end_no_server_of_768_mebibytes() {
    let stage = Stage::new();
    for request in known(LARGE) {
        stage.round(&request.name, std::slice::from_ref(&request));
        let what = format!("{AT_ONCE} times {}", request.name);
        stage.round(&what, &vec![request; AT_ONCE]);
    }
}

#[test]
fn related_and_random_heavy_requests_end_no_server_of_768_mebibytes() {
    /// Another seed is another test; a failure names the requests.
    const SEED: u64 = 12;
    let stage = Stage::new();
    stage.round("related requests", &related(SMALL));
    for (number, requests) in random(SEED, 30, SMALL).chunks(AT_ONCE).enumerate() {
        let names: Vec<&str> = requests.iter().map(|request| request.name.as_str()).collect();
        stage.round(&format!("round {number}, {names:?}"), requests);
    }
}

#[test]
fn the_limit_is_one_that_a_server_can_feel() {
    let mut home = Home::new();
    // Less than its threads and the first partition need.
    home.limit_data(24 << 10);
    let addresses = home.path().join("addresses.json");
    let mut server = home.serve(&addresses).spawn().expect("the binary starts");
    let ended = wait_until("the end of a server without memory", || {
        let ended = server.try_wait().expect("a child of ours");
        if ended.is_none() && addresses.exists() {
            let text = std::fs::read(&addresses).ok()?;
            let addresses: serde_json::Value = serde_json::from_slice(&text).ok()?;
            let url = format!("http://{}/api/v1/ingest", addresses["ingest"].as_str()?);
            Http::new().try_post(&url, numbered(0..50_000).as_bytes(), &[]);
        }
        ended
    });
    assert!(!ended.success(), "{}", home.output_text());
}
