//! Lines of old days, many at once, on the real binary: they become searchable beside fresh ones,
//! each once, whatever ends the server in between.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Home, Server, ago, line, wait_until};

const DAY: Duration = Duration::from_secs(86_400);

/// Days of a year that every tier of errors keeps, but for the days around its end.
const DAYS: u64 = 360;

/// Longest wait of the luckiest fresh line, in a debug build beside other tests: half a second in
/// life, and twelve seconds behind the year.
const FRESH_WAIT_MAX: Duration = Duration::from_secs(2);

/// Returns one line for each number, of days all over the last year.
fn year(numbers: std::ops::Range<u64>) -> String {
    let old = |number: u64| {
        let days = u32::try_from(number % DAYS).expect("few");
        let timestamp = ago(DAY * days).to_string();
        json!({"level": "error", "timestamp": timestamp, "message": "old", "number": number})
    };
    numbers.map(|number| line(&old(number))).collect()
}

/// Fails when a number is missing or stored twice.
fn check_numbers(server: &Server<'_>, expected: u64) {
    let mut stored = BTreeSet::new();
    for record in server.export("message:old") {
        let number = record["number"].as_u64().expect("every record has its number");
        assert!(stored.insert(number), "number {number} is stored twice");
    }
    assert!(stored.into_iter().eq(0..expected));
}

#[test]
fn a_line_a_day_over_a_year_and_fresh_lines_are_all_found_once() {
    let home = Home::new();
    let server = home.start();
    server.store(&year(0..DAYS));
    let waits = (0..5).map(|number| {
        server.store(&line(&json!({"level": "info", "message": "fresh", "number": number})));
        let acked = Instant::now();
        server.await_count(&format!("message:fresh number:{number}"), 1);
        acked.elapsed()
    });
    let least = waits.min().expect("five waits");
    assert!(least < FRESH_WAIT_MAX, "fresh lines wait for old ones: {least:?} at the least");
    server.await_count("message:old", DAYS);
    check_numbers(&server, DAYS);
    // Late lines into days that are there are found too, and an answer is whole in the end.
    server.store(&year(DAYS..DAYS + 40));
    server.await_count("message:old", DAYS + 40);
    wait_until("a whole answer", || {
        let answer = server.search(&json!({"q": "", "limit": 0}));
        (answer["partial"] == false && answer["whole_from"].is_null()).then_some(())
    });
    assert_eq!(server.terminate(), Some(0));
    let server = home.start();
    assert_eq!(server.count(""), DAYS + 45);
}

#[test]
fn a_kill_in_the_middle_of_a_backfill_loses_and_doubles_no_line() {
    const LINES: u64 = 4_000;
    // Small segments: some are released while others wait.
    let home = Home::with(&["store.wal_segment_max=2MiB", "query.track_total_max=1000000"]);
    let mut server = home.start();
    for part in 0..4 {
        let taken = server.post_lines(year(part * 1_000..(part + 1) * 1_000).as_bytes(), &[]);
        assert_eq!(taken.status, 200, "{}", taken.text());
    }
    for found in [1, LINES / 4, LINES / 2] {
        wait_until("a part of the backfill", || {
            (server.count("message:old") >= found).then_some(())
        });
        server.kill();
        server = home.start();
    }
    server.await_count("message:old", LINES);
    check_numbers(&server, LINES);
}
