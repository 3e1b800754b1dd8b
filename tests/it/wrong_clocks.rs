//! Clocks that are wrong and set right again, on the real binary: torture's preloaded library makes
//! the server's wall clock wrong by what a file says, while its uptime goes on.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tierlog_model::{Clock as _, SystemClock, Timestamp};

use crate::harness::{Home, Server, ago, from_now, line, wait_until};
use crate::torture::RIG;

const DAY: Duration = Duration::from_secs(86_400);
const DAY_S: i64 = 86_400;
const YEAR_S: i64 = 365 * DAY_S;

/// A home whose servers have a clock that can be made wrong, and look for expired days every
/// second.
struct Machine {
    home: Home,
    clock: PathBuf,
}

impl Machine {
    fn new() -> Machine {
        let mut home = Home::with(&["store.maintenance_interval=1s"]);
        let clock = home.path().join("wrong-by");
        let shim = RIG.shim.as_ref().expect("a C compiler, which building the server needs too");
        home.set_environment(shim.wrong_clock(&clock).environment);
        let machine = Machine { home, clock };
        machine.set(0);
        machine
    }

    /// Makes the clock wrong by so many seconds.
    fn set(&self, seconds: i64) {
        fs::write(&self.clock, seconds.to_string()).expect("a file of ours");
    }

    fn lose(&self, names: &[&str]) {
        for name in names {
            fs::remove_file(self.home.data().join(name)).expect("a file of the server");
        }
    }
}

/// The moment shown by a clock wrong by a number of seconds.
fn shown(wrong_by: i64) -> String {
    SystemClock.now().saturating_add_micros(wrong_by * 1_000_000).to_string()
}

fn health(server: &Server<'_>) -> Value {
    server.http().get(&server.query("/health")).json()
}

/// Waits until the clock stands so; returns health then.
#[track_caller]
fn await_clock(server: &Server<'_>, state: &str) -> Value {
    wait_until(&format!("a clock that is {state}"), || {
        let now = health(server);
        (now["clock"]["state"] == state).then_some(now)
    })
}

/// Runs retention; returns what it dropped.
#[track_caller]
fn retain(server: &Server<'_>, parameters: &str) -> Vec<String> {
    let url = server.query(&format!("/api/v1/retention/run?{parameters}"));
    let answer = server.http().post(&url, b"", &[("tierlog-confirm", "yes")]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    names(&answer.json())
}

/// Returns what retention would drop at a moment.
#[track_caller]
fn plan(server: &Server<'_>, after: Duration) -> Vec<String> {
    let url = server.query(&format!("/api/v1/retention/plan?now={}", from_now(after)));
    let answer = server.http().get(&url);
    assert_eq!(answer.status, 200, "{}", answer.text());
    names(&answer.json())
}

fn names(plan: &Value) -> Vec<String> {
    let partitions = plan["partitions"].as_array().expect("partitions");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    partitions
        .iter()
        .map(|dropped| format!("{} {}", text(&dropped["tier"]), text(&dropped["day"])))
        .collect()
}

/// Asserts that the one line of a message is dated within five minutes of now.
#[track_caller]
fn assert_dated_now(server: &Server<'_>, message: &str) {
    let hits = server.hits(&format!("message:{message}"));
    let stamp = hits[0]["timestamp"].as_str().expect("a timestamp");
    let stamp: Timestamp = stamp.parse::<jiff::Timestamp>().expect("RFC 3339").into();
    let apart = stamp.as_micros() - SystemClock.now().as_micros();
    assert!(apart.abs() < 300_000_000, "{message} is dated {stamp}");
    let recent = json!({"q": format!("message:{message}"), "start": "now-1h", "limit": 0});
    assert_eq!(server.search(&recent)["total"]["value"], 1, "queries go by the same time");
}

#[test]
fn a_clock_years_behind_dates_nothing_and_what_it_took_stays_when_it_is_set() {
    let machine = Machine::new();
    let server = machine.home.start();
    server.store(&line(&json!({"message": "before"})));
    server.terminate();
    machine.set(-10 * YEAR_S);
    let server = machine.home.start();
    let now = health(&server);
    assert_eq!((&now["status"], &now["clock"]["state"]), (&json!("degraded"), &json!("behind")));
    let reasons = now["reasons"].to_string();
    assert!(reasons.contains("behind") && reasons.contains("--trust-clock"), "{reasons}");
    // Lines that say no time, the time of this machine, a right time, and one of neither.
    server.store(&line(&json!({"message": "silent"})));
    let local = shown(-10 * YEAR_S);
    server.store(&line(&json!({"timestamp": local, "level": "debug", "message": "local"})));
    server.store(&line(&json!({"timestamp": shown(-3_600), "level": "debug", "message": "right"})));
    let neither = line(&json!({"timestamp": shown(-5 * YEAR_S), "message": "neither"}));
    let answer = server.post_lines(neither.as_bytes(), &[]).json();
    assert_eq!(answer["errors"][0]["reason"], "past_retention", "{answer}");
    assert_dated_now(&server, "silent");

    machine.set(0);
    await_clock(&server, "steady");
    assert!(retain(&server, "").is_empty());
    assert!(retain(&server, "trust_clock=true").is_empty());
    assert_eq!(server.count(""), 4);
    server.terminate();
    let server = machine.home.start();
    let now = health(&server);
    assert_eq!((&now["status"], &now["clock"]["misdated_partitions"]), (&json!("ok"), &json!(1)));
    assert!(now["notices"].to_string().contains("dated by a clock that was wrong"), "{now}");
    assert_eq!(server.count(""), 4);
    // Both debug lines are as young as they are: seven days, the end of the day, and what two
    // clocks may differ by.
    assert!(plan(&server, DAY * 7).is_empty());
    let over = plan(&server, DAY * 9);
    assert_eq!(over.iter().filter(|name| name.starts_with("debug")).count(), 2, "{over:?}");
}

#[test]
fn a_first_start_with_a_clock_that_was_never_set_refuses_and_loses_nothing() {
    let machine = Machine::new();
    machine.set(-50 * YEAR_S);
    let server = machine.home.start();
    let now = health(&server);
    assert_eq!((&now["status"], &now["clock"]["state"]), (&json!("degraded"), &json!("unset")));
    assert!(now["reasons"].to_string().contains("never set"), "{now}");
    server.store(&line(&json!({"level": "debug", "message": "silent"})));
    let right = shown(-60);
    server.store(&line(&json!({"timestamp": right, "level": "debug", "message": "right"})));
    machine.set(0);
    let now = await_clock(&server, "steady");
    assert_eq!(now["status"], "ok", "{now}");
    server.store(&line(&json!({"message": "later"})));
    assert_dated_now(&server, "later");
    for parameters in ["", "trust_clock=true"] {
        assert!(retain(&server, parameters).is_empty());
    }
    server.kill();
    let server = machine.home.start();
    assert!(retain(&server, "").is_empty());
    server.await_count("", 3);
    let over = plan(&server, DAY * 11);
    assert_eq!(over.iter().filter(|name| name.starts_with("debug")).count(), 2, "{over:?}");
}

#[test]
fn a_first_start_two_years_behind_loses_nothing_when_the_clock_is_set_and_confirmed() {
    let machine = Machine::new();
    machine.set(-2 * YEAR_S);
    let server = machine.home.start();
    assert_eq!(health(&server)["status"], "ok", "nobody can know better");
    server.store(&line(&json!({"level": "debug", "message": "silent"})));
    machine.set(0);
    let now = await_clock(&server, "ahead");
    assert_eq!(now["status"], "degraded");
    assert!(now["reasons"].to_string().contains("--trust-clock"), "{now}");
    // Senders whose clocks are right are let in meanwhile.
    server.store(&line(&json!({"timestamp": shown(-60), "message": "right"})));
    assert!(retain(&server, "").is_empty());
    assert!(retain(&server, "trust_clock=true").is_empty(), "no time has passed");
    assert_eq!(health(&server)["status"], "ok");
    server.store(&line(&json!({"message": "later"})));
    assert_dated_now(&server, "later");
    assert_eq!(server.count(""), 3);
    server.terminate();
    let server = machine.home.start();
    assert_eq!(server.count(""), 3);
}

#[test]
fn a_clock_far_ahead_drops_nothing_with_and_without_what_is_remembered() {
    let machine = Machine::new();
    let server = machine.home.start();
    let old = ago(DAY * 6).to_string();
    server.store(&line(&json!({"timestamp": old, "level": "debug", "message": "old"})));
    server.terminate();
    let all = ["clock.json", "clock.copy.json"];
    machine.set(10 * YEAR_S);
    for (number, lost) in [&all[..0], &all[..1], &all[1..], &all[..]].into_iter().enumerate() {
        machine.lose(lost);
        let server = machine.home.start();
        let now = health(&server);
        let clock = &now["clock"]["state"];
        assert_eq!((&now["status"], clock), (&json!("degraded"), &json!("ahead")), "{lost:?}");
        assert!(now["reasons"].to_string().contains("retention is held"), "{now}");
        assert!(retain(&server, "").is_empty(), "{lost:?}");
        let message = format!("silent{number}");
        server.store(&line(&json!({"message": message})));
        assert_dated_now(&server, &message);
        assert_eq!(server.count("message:old"), 1);
        server.terminate();
    }
    // A flipped bit is as good as no file.
    let path = machine.home.data().join("clock.json");
    let mut bytes = fs::read(&path).expect("what is believed");
    let digit = bytes.iter().position(u8::is_ascii_digit).expect("a moment");
    bytes[digit] ^= 1;
    fs::write(&path, bytes).expect("a file of ours");
    machine.set(0);
    let server = machine.home.start();
    let now = health(&server);
    assert_eq!((&now["status"], &now["clock"]["state"]), (&json!("ok"), &json!("steady")), "{now}");
    assert_eq!(server.count("message:old"), 1);
}

#[test]
fn a_clock_that_is_set_while_lines_come_dates_none_of_them() {
    let machine = Machine::new();
    let server = machine.home.start();
    for (number, wrong_by) in [10 * YEAR_S, -10 * YEAR_S, 0].into_iter().enumerate() {
        machine.set(wrong_by);
        let message = format!("silent{number}");
        server.store(&line(&json!({"message": message})));
        assert_dated_now(&server, &message);
    }
    assert_eq!(health(&server)["status"], "ok");
    // Within what clocks may be off, the clock is followed.
    machine.set(-2 * 3_600);
    server.store(&line(&json!({"message": "followed"})));
    let hits = server.hits("message:followed");
    assert!(
        hits[0]["timestamp"].as_str().expect("a timestamp") < ago(DAY / 24).to_string().as_str()
    );
    assert_eq!(health(&server)["status"], "ok");
}

#[test]
fn a_downtime_that_nobody_measured_is_a_pause_or_waits_for_a_word() {
    for (off, state, status) in [(DAY_S / 2, "steady", "ok"), (60 * DAY_S, "ahead", "degraded")] {
        let machine = Machine::new();
        machine.set(-off);
        let server = machine.home.start();
        server.store(&line(&json!({"message": "before"})));
        server.terminate();
        machine.set(0);
        // The log alone says when it was: as on another machine.
        machine.lose(&["clock.json", "clock.copy.json"]);
        let server = machine.home.start();
        let now = health(&server);
        assert_eq!((&now["status"], &now["clock"]["state"]), (&json!(status), &json!(state)));
        server.store(&line(&json!({"message": "after"})));
        assert_dated_now(&server, "after");
        assert!(retain(&server, "").is_empty(), "nobody has measured {off} seconds");
        let dropped = retain(&server, "trust_clock=true");
        assert_eq!(dropped.len(), usize::from(state == "ahead"), "{dropped:?}");
        assert_eq!(health(&server)["status"], "ok");
        assert_eq!(server.count(""), 2 - dropped.len() as u64);
    }
}
