//! Dead letters from one end to the other: rejected, looked at, mended, replayed, dropped.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::harness::{Home, Run, Server, ago, line, numbered, run, shown, wait_until};

/// A depth limit that rejects `DEEP`; under the default limit the line is a record.
const STRICT: &str = "ingest.limits.depth_max=2";

/// One rejected line of three kinds each, and a good one.
fn lines() -> String {
    let old = ago(std::time::Duration::from_secs(40 * 86_400)).to_string();
    [
        deep("one"),
        "{\"broken\": \"mail jane.roe@example.org\"\n".to_owned(),
        line(&json!({"level": "debug", "message": "old", "timestamp": old})),
        format!("{{\"a\":{{\"b\":{{\"c\":\"{}\"}}}}}}\n", "x".repeat(6_000)),
        deep("two"),
        line(&json!({"message": "good"})),
    ]
    .concat()
}

fn deep(name: &str) -> String {
    line(&json!({"message": "deep", "name": name, "a": {"b": {"c": 1}}}))
}

/// Runs the verb against a server.
fn verb(server: &Server<'_>, arguments: &[&str]) -> Run {
    let url = format!("http://{}", server.address("query"));
    let arguments = [&["dead-letters"], arguments, &["--server", &url]].concat();
    run(&mut server.home().tierlog(&arguments))
}

/// Runs the verb on the directory of a stopped server.
fn offline(home: &Home, arguments: &[&str]) -> Run {
    run(&mut home.tierlog(&[&["dead-letters"], arguments, &["--data", "data"]].concat()))
}

/// Compares what a verb says, with every moment of these days as `NOW` and long lines cut.
#[track_caller]
fn check(run: &Run, expected: &Expect) {
    let is_moment = |word: &&str| word.len() == 27 && word.ends_with('Z') && word.contains('T');
    let mut text = shown(run).replace(&"x".repeat(80), "").replace("xx", "");
    let words = |text: &str| -> BTreeSet<String> {
        let words = text.split([' ', ',', '"', '\\', '\n']).filter(is_moment);
        words.map(str::to_owned).collect()
    };
    for moment in words(&text) {
        text = text.replace(&moment, "NOW                        ");
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    expected.assert_eq(&(lines.join("\n") + "\n"));
}

/// Sends the lines to a strict server and leaves it stopped.
fn rejected() -> Home {
    let home = Home::new();
    let server = home.start_with(&[STRICT]);
    let answer = server.post_lines(lines().as_bytes(), &[]);
    assert_eq!((answer.status, &answer.json()["rejected"]), (200, &json!(5)), "{}", answer.text());
    assert_eq!(server.terminate(), Some(0));
    home
}

#[test]
fn letters_are_listed_shown_and_dropped() {
    let home = rejected();
    let server = home.start();
    check(
        &verb(&server, &["list"]),
        &expect![[r#"
        exit 0
        id  arrived                      reason          replayable  service  message
         4  NOW                          too_deep        true              -  {"message":"deep","name":"two","a":{"b":{"c":1}}}
         3  NOW                          too_deep        false             -  {"a":{"b":{"c":"…
         2  NOW                          past_retention  true              -  {"level":"debug","message":"old","timestamp":"NOW                        "}
         1  NOW                          invalid_json    true              -  {"broken": "mail [EMAIL]"
         0  NOW                          too_deep        true              -  {"message":"deep","name":"one","a":{"b":{"c":1}}}
        5 dead letters: invalid_json 1, past_retention 1, too_deep 3
    "#]],
    );
    check(
        &verb(&server, &["list", "--reason", "too_deep", "-n", "1", "--format", "csv"]),
        &expect![[r#"
            exit 0
            id,arrived,reason,replayable,service,message
            4,NOW                        ,too_deep,true,,"{""message"":""deep"",""name"":""two"",""a"":{""b"":{""c"":1}}}"
        "#]],
    );
    check(
        &verb(&server, &["show", "1"]),
        &expect![[r#"
        exit 0
        field       value
        id          1
        arrived     NOW
        reason      invalid_json
        detail      EOF while parsing an object at byte 38
        replayable  true
        message     {"broken": "mail [EMAIL]"
        can be replayed
    "#]],
    );
    check(
        &verb(&server, &["show", "3", "--format", "json"]),
        &expect![[r#"
        exit 0
        {"id":3,"arrived":"NOW                        ","reason":"too_deep","detail":"nested deeper than 2 levels","service":null,"source":null,"replayable":false,"message":"{\"a\":{\"b\":{\"c\":\""}
    "#]],
    );
    check(
        &verb(&server, &["show", "99"]),
        &expect![[r#"
        exit 1
        -- stderr
        there is no dead letter 99
    "#]],
    );
    check(
        &verb(&server, &["list", "--reason", "because"]),
        &expect![[r#"
        exit 2
        -- stderr
        tierlog: reason: expected one of invalid_json, not_an_object, too_long, too_deep, too_many_fields, invalid_utf8, invalid_timestamp, past_retention, too_far_ahead, unindexable
    "#]],
    );
    check(
        &verb(&server, &["drop"]),
        &expect![[r#"
        exit 2
        -- stderr
        tierlog: say which letters: --reason, --since, --from, --to, --id, or --all
    "#]],
    );
    check(
        &verb(&server, &["drop", "--reason", "invalid_json"]),
        &expect![[r#"
        exit 1
        reason        letters
        invalid_json        1
        would drop 1 dead letter
        -- stderr
        nothing was dropped: say --yes
    "#]],
    );
    check(
        &verb(&server, &["drop", "--reason", "invalid_json", "--yes"]),
        &expect![[r#"
        exit 0
        reason        letters
        invalid_json        1
        dropped 1 dead letter
    "#]],
    );
    check(
        &verb(&server, &["drop", "--all", "--yes"]),
        &expect![[r#"
        exit 0
        reason          letters
        past_retention        1
        too_deep              3
        dropped 4 dead letters
    "#]],
    );
    check(
        &verb(&server, &["list"]),
        &expect![[r#"
        exit 0
        no dead letters
    "#]],
    );
    // The record beside them is untouched.
    assert_eq!(server.count(""), 1);
    let tiers = server.http().get(&server.query("/api/v1/tiers")).json();
    assert_eq!(tiers["dead_letters"]["records"], json!(0), "{tiers}");
}

#[test]
fn what_was_mended_is_replayed_and_the_rest_stays_once() {
    let home = rejected();
    let server = home.start();
    check(
        &verb(&server, &["replay", "--all"]),
        &expect![[r#"
        exit 1
        outcome         reason          letters
        replayed        -                     2
        rejected again  invalid_json          1
        rejected again  past_retention        1
        not whole       -                     1
        2 are records now, 3 stay; of a line that was cut or was not UTF-8 nobody knows the rest
    "#]],
    );
    server.await_count("message:deep", 2);
    check(
        &verb(&server, &["list", "--format", "json"]),
        &expect![[r#"
        exit 0
        {"id":3,"arrived":"NOW                        ","reason":"too_deep","replayable":false,"service":null,"message":"{\"a\":{\"b\":{\"c\":\""}
        {"id":2,"arrived":"NOW                        ","reason":"past_retention","replayable":true,"service":null,"message":"{\"level\":\"debug\",\"message\":\"old\",\"timestamp\":\"NOW                        \"}"}
        {"id":1,"arrived":"NOW                        ","reason":"invalid_json","replayable":true,"service":null,"message":"{\"broken\": \"mail [EMAIL]\""}
    "#]],
    );
    check(
        &verb(&server, &["replay", "--reason", "too_deep"]),
        &expect![[r#"
        exit 1
        outcome    reason  letters
        replayed        -        0
        not whole       -        1
        0 are records now, 1 stay; of a line that was cut or was not UTF-8 nobody knows the rest
    "#]],
    );
    check(
        &verb(&server, &["replay"]),
        &expect![[r#"
        exit 2
        -- stderr
        tierlog: say which letters: --reason, --since, --from, --to, --id, or --all
    "#]],
    );
    server.await_count("message:deep", 2);
    let metrics = server.http().get(&server.query("/metrics")).text();
    let counted = "tierlog_dead_letters_dropped_total{how=\"replayed\"} 2";
    assert!(metrics.contains(counted), "{metrics}");
    let rejected = "tierlog_ingest_rejected_lines_total";
    let mut counts = metrics.lines().filter(|line| line.starts_with(rejected));
    assert!(counts.all(|line| line.ends_with(" 0")), "a replay rejects nothing anew");
    assert!(!home.output_text().contains("jane.roe"));
}

#[test]
fn a_stopped_servers_directory_has_the_same_letters() {
    let home = rejected();
    check(
        &offline(&home, &["list", "--reason", "past_retention", "--format", "csv"]),
        &expect![[r#"
            exit 0
            id,arrived,reason,replayable,service,message
            2,NOW                        ,past_retention,true,,"{""level"":""debug"",""message"":""old"",""timestamp"":""NOW                        ""}"
        "#]],
    );
    check(
        &offline(&home, &["drop", "--id", "0,1", "--yes"]),
        &expect![[r#"
        exit 0
        reason        letters
        invalid_json        1
        too_deep            1
        dropped 2 dead letters
    "#]],
    );
    check(
        &offline(&home, &["replay", "--all"]),
        &expect![[r#"
        exit 2
        -- stderr
        tierlog: replay sends lines through a running server: leave --data out
    "#]],
    );
    let server = home.start();
    let held = offline(&home, &["list"]);
    assert_eq!(held.code, 1);
    assert!(held.stderr.contains("held by a running server"), "{}", held.stderr);
    let listed = server.http().get(&server.query("/api/v1/dead-letters")).json();
    assert_eq!(listed["by_reason"], json!({"past_retention": 1, "too_deep": 2}));
}

#[test]
fn changes_need_a_confirmation_and_a_selection() {
    let home = rejected();
    let server = home.start();
    for path in ["/api/v1/dead-letters/drop", "/api/v1/dead-letters/replay"] {
        let post = |query: &str, headers: &[(&str, &str)]| {
            server.http().post(&server.query(&format!("{path}{query}")), b"", headers).status
        };
        let confirmed = [("tierlog-confirm", "yes")];
        assert_eq!(post("?all=true", &[]), 428);
        assert_eq!(post("", &confirmed), 400);
        assert_eq!(post("?all=true&id=1", &confirmed), 400);
        assert_eq!(post("?id=one", &confirmed), 400);
        assert_eq!(post("?reason=because", &confirmed), 400);
    }
    let get = |path: &str| server.http().get(&server.query(path));
    assert_eq!(get("/api/v1/dead-letters?limit=1001").status, 400);
    assert_eq!(get("/api/v1/dead-letters/99").status, 404);
    assert_eq!(get("/api/v1/dead-letters").json()["total"], json!(5));
}

/// Letters of one kill test: two pages of a replay and a part of a third.
const LETTERS: u64 = 4_500;

#[test]
fn a_replay_that_is_killed_is_finished_and_doubles_nothing() {
    let home = Home::with(&["query.track_total_max=1000000"]);
    let server = home.start_with(&[STRICT]);
    let letters: String = (0..LETTERS)
        .map(|number| line(&json!({"message": "numbered", "number": number, "a": {"b": {"c": 1}}})))
        .collect();
    server.post_lines(format!("{letters}{}", numbered(LETTERS..LETTERS + 1)).as_bytes(), &[]);
    server.kill();
    let journal = home.data().join("replay.json");
    for _ in 0..3 {
        let server = home.start();
        let url = format!("http://{}", server.address("query"));
        let mut replay = home
            .tierlog(&["dead-letters", "replay", "--all", "--server", &url])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the binary starts");
        // Some page is under way, or all are through.
        wait_until("a page", || {
            (journal.exists() || replay.try_wait().expect("a child").is_some()).then_some(())
        });
        server.kill();
        replay.wait().expect("a child of ours");
    }
    let server = home.start();
    assert!(!journal.exists(), "a start finishes what was under way");
    let last = verb(&server, &["replay", "--all"]);
    assert_eq!(last.code, 0, "{}", shown(&last));
    server.await_count("message:numbered", LETTERS + 1);
    let numbers: BTreeSet<u64> = server
        .export("message:numbered")
        .iter()
        .filter_map(|record: &Value| record["number"].as_u64())
        .collect();
    assert_eq!(numbers.len() as u64, LETTERS + 1, "some letter was lost or doubled");
    let left = server.http().get(&server.query("/api/v1/dead-letters")).json();
    assert_eq!(left["total"], json!(0));
}
