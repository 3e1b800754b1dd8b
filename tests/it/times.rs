//! How moments are written: parameters, ranges in a query and the command line read them alike.

use serde_json::Value;

use crate::harness::{Home, Server};

/// A tier that keeps a fixed day for as long as these tests are run.
const LONG: [&str; 1] = ["store.tiers.info.days=36500"];

/// Two lines of the last hour of a day, two of the first day of December, one of the second.
const LINES: &str = r#"{"timestamp":"2024-11-30T23:30:00Z","level":"info","message":"before"}
{"timestamp":"2024-11-30T23:59:59.999999Z","level":"info","message":"last"}
{"timestamp":"2024-12-01T00:00:00Z","level":"info","message":"first"}
{"timestamp":"2024-12-01T10:20:30.5Z","level":"info","message":"ten"}
{"timestamp":"2024-12-02T00:00:00Z","level":"info","message":"after"}
"#;

const ALL: &str = "before last first ten after";

fn messages(answer: &Value) -> String {
    let hits = answer["hits"].as_array().expect("hits");
    let texts: Vec<&str> = hits.iter().map(|hit| hit["message"].as_str().expect("text")).collect();
    texts.join(" ")
}

/// Compares the messages between two ends, over HTTP and from the command line.
#[track_caller]
fn check(server: &Server<'_>, start: &str, end: &str, expected: &str) {
    let mut body = serde_json::json!({"q": "", "sort": "timestamp"});
    let mut arguments = vec!["search", "--sort", "timestamp", "--format", "json"];
    for (name, argument, text) in [("start", "--from", start), ("end", "--to", end)] {
        if !text.is_empty() {
            body[name] = Value::from(text);
            arguments.extend([argument, text]);
        }
    }
    assert_eq!(messages(&server.search(&body)), expected, "{start:?} to {end:?}");
    let run = server.run(&arguments);
    assert_eq!(run.code, 0, "{start:?} to {end:?}: {}", run.stderr);
    let printed: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let hits = Value::Array(printed);
    assert_eq!(messages(&serde_json::json!({ "hits": hits })), expected, "{start:?} to {end:?}");
}

#[test]
fn ends_are_read_as_they_are_meant() {
    let home = Home::with(&LONG);
    let server = home.start();
    server.store(LINES);
    // A day without signs is that day and no unix time of 1970; like every end, it is excluded.
    check(&server, "", "20241201", "before last");
    check(&server, "20241201", "20241202", "first ten");
    check(&server, "2024-12-01", "2024-12-01", "first ten");
    check(&server, "2024-12-01T10", "2024-12-01T10", "ten");
    check(&server, "20241201T10", "20241201T1021", "ten");
    check(&server, "2024-12", "2025", "first ten after");
    check(&server, "2024-11", "2024-12", "before last");
    check(&server, "2024", "2024", ALL);
    // Beyond every record is open.
    check(&server, "2024-12-02", "9999-12-31T23:59:59.999Z", "after");
    check(&server, "0001-01-01", "9999", ALL);
    check(&server, "9999", "", "");
    // Unix time by magnitude.
    check(&server, "1733011200", "1733048430", "first");
    check(&server, "1733011200000", "1733048430501", "first ten");
    check(&server, "1733011200000000", "1733048430500000", "first");
    check(&server, "1733011200000000000", "1733048430500001000", "first ten");
    check(&server, "1733048430.5", "1733048430.6", "ten");
    // Zones, and distances from a moment or from the present.
    check(&server, "2024-12-01T01:00:00+01:00", "2024-12-01 11:30 +0100", "first ten");
    check(&server, "2024-12-01||-1d/d", "2024-12-01||/d", "before last");
    check(&server, "2024-12-01||/M", "now/d", "first ten after");
    check(&server, "now-100y", "now-1h", ALL);
    check(&server, "yesterday", "tomorrow", "");
}

#[test]
fn a_range_of_the_query_holds_what_its_ends_name() {
    let home = Home::with(&LONG);
    let server = home.start();
    server.store(LINES);
    for (q, expected) in [
        ("timestamp:[2024-12-01 TO 2024-12-01]", "first ten"),
        ("timestamp:[20241201 TO 20241201]", "first ten"),
        ("timestamp:2024-12-01", "first ten"),
        ("timestamp:\"2024-12-01\"", "first ten"),
        ("@timestamp:2024-12", "first ten after"),
        ("timestamp:>=2024-12-01", "first ten after"),
        ("timestamp:>2024-12-01", "after"),
        ("timestamp:<2024-12-01", "before last"),
        ("timestamp:<=2024-12-01", "before last first ten"),
        ("timestamp:{2024-11-30 TO 2024-12-02}", "first ten"),
        ("timestamp:[2024-12-01T10 TO *]", "ten after"),
        ("timestamp:2024-12-01T10:20:30Z", "ten"),
        ("timestamp:[2024-12-01T10:20:30Z TO 2024-12-01T10:20:30Z]", "ten"),
        ("timestamp:1733048430", "ten"),
        ("NOT timestamp:2024-12-01", "before last after"),
        ("timestamp:[* TO 9999-12-31]", ALL),
    ] {
        let answer = server.search(&serde_json::json!({"q": q, "sort": "timestamp"}));
        assert_eq!(messages(&answer), expected, "{q}");
        assert!(answer.get("warnings").is_none(), "{q}: {answer}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_and_named() {
    let home = Home::with(&LONG);
    let server = home.start();
    server.store(LINES);
    for (arguments, expected) in [
        (["--from", "Tuesday"].as_slice(), "--from \"Tuesday\": expected RFC 3339"),
        (&["--to", "-1"], "--to \"-1\": expected RFC 3339"),
        (&["--to", "2024-13-01"], "--to \"2024-13-01\": expected RFC 3339"),
        (&["--since", "3 fortnights"], "--since \"3 fortnights\": expected RFC 3339"),
        (
            &["--from", "2024-12-02", "--to", "2024-12-01"],
            "parameter end: 2024-12-01T00:00:00.000000Z is before the start, 2024-12-02T00:00:00.000000Z",
        ),
        (&["timestamp:[2024-12-02 TO 2024-12-01]"], "before it starts"),
        (&["timestamp:soon"], "not a time or a range of times"),
    ] {
        let run = server.run(&[&["search"], arguments].concat());
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(expected), "{arguments:?}: {}", run.stderr);
    }
}
