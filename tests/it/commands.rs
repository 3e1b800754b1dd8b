//! The command line as its users see it: exit codes, and the text of each verb.

use expect_test::{Expect, expect};

use crate::harness::{Home, Server, run, shown};

/// Tiers that keep a fixed day for as long as these tests are run.
const LONG: [&str; 4] = [
    "store.tiers.critical.days=36500",
    "store.tiers.warning.days=36500",
    "store.tiers.info.days=36500",
    "store.tiers.debug.days=36500",
];

/// Lines of one day long ago, which every clock is past.
const LINES: &str = r#"{"timestamp":"2024-03-05T09:00:00.000001Z","level":"debug","message":"session read","service":"shop","request_id":"req-a"}
{"timestamp":"2024-03-05T09:00:00.25Z","level":"info","message":"order placed","service":"shop","request_id":"req-a","duration_ms":12.5,"status_code":201,"items":[1,2]}
{"timestamp":"2024-03-05T09:00:01Z","level":"warning","message":"retrying payment of jane.roe@example.org","service":"shop","request_id":"req-a","attempt":2}
{"timestamp":"2024-03-05T09:00:02Z","level":"error","message":"card refused\nline two \u001b[31mred","service":"payments","request_id":"req-a","duration_ms":900}
{"timestamp":"2024-03-05T10:30:00Z","level":"critical","message":"out of memory","service":"payments","host":"p-1"}
"#;

/// Where the lines are, for verbs that take a range.
const RANGE: [&str; 4] = ["--from", "2024-03-05T00:00:00Z", "--to", "2024-03-06T00:00:00Z"];

/// Runs a verb against a server with the lines, and compares the output.
#[track_caller]
fn check(server: &Server<'_>, arguments: &[&str], expected: &Expect) {
    let address = format!("http://{}", server.address("query"));
    let run = run(server.home().tierlog(arguments).args(["--server", &address]));
    // A carriage return is shown: CSV has them.
    let text = shown(&run).replace(&address, "SERVER").replace('\r', "\\r");
    expected.assert_eq(&if text.contains("KiB") { without_sizes(&text) } else { text });
}

/// Takes sizes on disk out of a table: they depend on how lines met in commits.
fn without_sizes(text: &str) -> String {
    let line_without = |line: &str| {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        for unit in 1..words.len() {
            if words[unit].starts_with("KiB") {
                words[unit - 1] = "N";
            }
        }
        words.join(" ") + "\n"
    };
    text.lines().map(line_without).collect()
}

fn home() -> Home {
    Home::with(&LONG)
}

#[test]
fn search() {
    let home = home();
    let server = home.start();
    server.store(LINES);
    let plain = [["search", "level:>=info"].as_slice(), &RANGE].concat();
    check(
        &server,
        &plain,
        &expect![[r#"
        exit 0
        2024-03-05T10:30:00.000000Z CRITICAL payments out of memory  host=p-1
        2024-03-05T09:00:02.000000Z ERROR    payments card refused  request_id=req-a duration_ms=900.0
            line two \x1b[31mred
        2024-03-05T09:00:01.000000Z WARNING  shop retrying payment of [EMAIL]  request_id=req-a _redacted=["email"] attempt=2
        2024-03-05T09:00:00.250000Z INFO     shop order placed  request_id=req-a status_code=201 duration_ms=12.5 items=[1,2]
    "#]],
    );
    let json =
        [["search", "req-a OR status_code:201", "--format", "json"].as_slice(), &RANGE].concat();
    check(
        &server,
        &json,
        &expect![[r#"
        exit 0
        {"timestamp":"2024-03-05T09:00:00.250000Z","level":"info","service":"shop","message":"order placed","request_id":"req-a","status_code":201,"duration_ms":12.5,"items":[1,2]}
    "#]],
    );
    let csv = [["search", "service:shop", "--format", "csv"].as_slice(), &RANGE].concat();
    check(
        &server,
        &csv,
        &expect![[r#"
            exit 0
            timestamp,level,service,message,request_id,user_id,endpoint,method,path,status_code,duration_ms,other\r
            2024-03-05T09:00:01.000000Z,warning,shop,retrying payment of [EMAIL],req-a,,,,,,,"{""_redacted"":[""email""],""attempt"":2}"\r
            2024-03-05T09:00:00.250000Z,info,shop,order placed,req-a,,,,,201,12.5,"{""items"":[1,2]}"\r
            2024-03-05T09:00:00.000001Z,debug,shop,session read,req-a,,,,,,,\r
        "#]],
    );
    let only_count = [["search", "level:>=info", "--limit", "0"].as_slice(), &RANGE].concat();
    check(
        &server,
        &only_count,
        &expect![[r#"
        exit 0
        4
    "#]],
    );
    let nothing = [["search", "message:absent"].as_slice(), &RANGE].concat();
    check(
        &server,
        &nothing,
        &expect![[r#"
        exit 0
    "#]],
    );
    let syntax = [["search", "level:error AND ("].as_slice(), &RANGE].concat();
    check(
        &server,
        &syntax,
        &expect![[r#"
        exit 2
        -- stderr
        tierlog: query syntax at byte 16: this '(' is never closed (query_syntax)
          level:error AND (
                          ^
    "#]],
    );
}

#[test]
fn request() {
    let home = home();
    let server = home.start();
    server.store(LINES);
    check(
        &server,
        &["request", "req-a"],
        &expect![[r#"
        exit 0
        2024-03-05T09:00:00.000001Z DEBUG    shop session read  request_id=req-a
        2024-03-05T09:00:00.250000Z INFO     shop order placed  request_id=req-a status_code=201 duration_ms=12.5 items=[1,2]
        2024-03-05T09:00:01.000000Z WARNING  shop retrying payment of [EMAIL]  request_id=req-a _redacted=["email"] attempt=2
        2024-03-05T09:00:02.000000Z ERROR    payments card refused  request_id=req-a duration_ms=900.0
            line two \x1b[31mred
    "#]],
    );
    check(
        &server,
        &["request", "req-none"],
        &expect![[r#"
        exit 1
        -- stderr
        no line of this request is kept
    "#]],
    );
}

#[test]
fn stats() {
    let home = home();
    let server = home.start();
    server.store(LINES);
    let count = [["stats", "--by", "level", "--metric", "count"].as_slice(), &RANGE].concat();
    check(
        &server,
        &count,
        &expect![[r#"
        exit 0
        level     count
        critical      1
        debug         1
        error         1
        info          1
        warning       1
    "#]],
    );
    let mean = [
        ["stats", "level:>=info", "--by", "service", "--metric", "avg(duration_ms)"].as_slice(),
        &RANGE,
    ]
    .concat();
    check(
        &server,
        &mean,
        &expect![[r#"
        exit 0
        service   avg(duration_ms)
        payments               900
        shop                 12.50
    "#]],
    );
}

#[test]
fn stats_by_time_have_zeroes_where_nothing_was() {
    let home = home();
    let server = home.start();
    server.store(LINES);
    let hours = ["--from", "2024-03-05T08:00:00Z", "--to", "2024-03-05T12:00:00Z"];
    let every = [["stats", "--every", "1h"].as_slice(), &hours].concat();
    check(
        &server,
        &every,
        &expect![[r#"
        exit 0
        time                         count
        2024-03-05T08:00:00.000000Z      0
        2024-03-05T09:00:00.000000Z      4
        2024-03-05T10:00:00.000000Z      1
        2024-03-05T11:00:00.000000Z      0
    "#]],
    );
    let csv = [
        ["stats", "--every", "30m", "--metric", "count,max(duration_ms)", "--format", "csv"]
            .as_slice(),
        &RANGE[2..],
    ]
    .concat();
    check(
        &server,
        &csv,
        &expect![[r#"
        exit 0
        time,count,max(duration_ms)\r
        2024-03-05T09:00:00.000000Z,4,900.0\r
        2024-03-05T09:30:00.000000Z,0,\r
        2024-03-05T10:00:00.000000Z,0,\r
        2024-03-05T10:30:00.000000Z,1,\r
    "#]],
    );
    let json =
        [["stats", "nothing", "--every", "1h", "--format", "json"].as_slice(), &hours].concat();
    check(
        &server,
        &json,
        &expect![[r#"
        exit 0
        {"time":"2024-03-05T08:00:00.000000Z","count":0}
        {"time":"2024-03-05T09:00:00.000000Z","count":0}
        {"time":"2024-03-05T10:00:00.000000Z","count":0}
        {"time":"2024-03-05T11:00:00.000000Z","count":0}
    "#]],
    );
    let by = [["stats", "--every", "1h", "--by", "service"].as_slice(), &hours].concat();
    check(
        &server,
        &by,
        &expect![[r#"
        exit 0
        time                         service   count
        2024-03-05T09:00:00.000000Z  shop          3
        2024-03-05T09:00:00.000000Z  payments      1
        2024-03-05T10:00:00.000000Z  payments      1
    "#]],
    );
    // More rows than anybody reads are refused, not cut.
    let many = [["stats", "--every", "1ms"].as_slice(), &hours].concat();
    let run = server.run(&many);
    assert!(run.code != 0 && run.stderr.contains("too_expensive"), "{}", shown(&run));
}

#[test]
fn a_user_of_whom_nothing_is_kept() {
    let home = home();
    let server = home.start();
    server.store(LINES);
    server
        .store("{\"timestamp\":\"2024-03-05T09:00:00Z\",\"message\":\"hello\",\"user_id\":4242}\n");
    let found = server.run(&["user", "4242"]);
    assert_eq!(found.code, 0, "{}", shown(&found));
    let token = found.stdout.split("user_id=").nth(1).expect("a pseudonym").trim();
    assert_eq!(server.run(&["user", token]).code, 0, "by its pseudonym");
    check(
        &server,
        &["user", "4243"],
        &expect![[r#"
        exit 1
        -- stderr
        no line of this user is kept
    "#]],
    );
    check(
        &server,
        &["user", "4242", "--from", "2025", "--format", "json"],
        &expect![[r#"
        exit 1
        -- stderr
        no line of this user is kept in this range
    "#]],
    );
    check(
        &server,
        &["user", "4243", "--limit", "0"],
        &expect![[r#"
        exit 1
        -- stderr
        no line of this user is kept
    "#]],
    );
}

#[test]
fn retention() {
    let home = home();
    let server = home.start();
    server.store(LINES);
    let plan = ["retention", "plan", "--now", "2150-01-01T00:00:00Z"];
    check(
        &server,
        &plan,
        &expect![[r#"
            exit 0
            tenant tier day records bytes expires
            default critical 2024-03-05 2 N KiB 2124-02-11T00:00:00.000000Z
            default warning 2024-03-05 1 N KiB 2124-02-11T00:00:00.000000Z
            default info 2024-03-05 1 N KiB 2124-02-11T00:00:00.000000Z
            default debug 2024-03-05 1 N KiB 2124-02-11T00:00:00.000000Z
            would drop 4 partitions, 5 records, N KiB (as of 2150-01-01T00:00:00.000000Z)
        "#]],
    );
    let none = ["retention", "plan", "--now", "2024-04-01T00:00:00Z"];
    check(
        &server,
        &none,
        &expect![[r#"
        exit 0
        would drop 0 partitions, 0 records, 0 B (as of 2024-04-01T00:00:00.000000Z)
    "#]],
    );
}

#[test]
fn config_check_reports_every_problem_at_once() {
    let home = Home::new();
    let good = run(&mut home.tierlog(&["config", "check"]));
    expect![[r#"
        exit 0
        ok
    "#]]
    .assert_eq(&shown(&good));
    let bad = run(home
        .tierlog(&[
            "config",
            "check",
            "--set",
            "query.limit_max=5",
            "--set",
            "store.durability=later",
        ])
        .args(["--set", "ingest.limits.line_max=1PiB", "--set", "store.tiers.debug.days=0"])
        .env("TIERLOG__QUERY__TIMEOUT", "5"));
    expect![[r#"
        exit 1
        -- stderr
        configuration: 5 problems
          query.limit_max = 5 (--set): no such key; `tierlog config print --default` lists them
          ingest.limits.line_max = "1PiB" (--set): allowed: size, 1KiB to 64MiB
          store.durability = "later" (--set): allowed: fsync, interval:DURATION (1ms to 10s) or none
          query.timeout = 5 (TIERLOG__QUERY__TIMEOUT): allowed: duration, 10ms to 10m
          store.tiers.debug.days = 0 (--set): allowed: 1 to 36500
    "#]]
    .assert_eq(&shown(&bad));
}

#[test]
fn send_counts_what_was_rejected() {
    let home = home();
    let server = home.start();
    std::fs::write(home.path().join("lines"), LINES).expect("a scratch file");
    std::fs::write(home.path().join("bad"), "{\"message\":\"good\"}\n[1]\n").expect("a file");
    let http = format!("http://{}", server.address("ingest"));
    let tcp = format!("tcp://{}", server.address("tcp"));
    for to in [&http, &tcp] {
        let sent = run(&mut home.tierlog(&["send", "lines", "--to", to]));
        assert_eq!(sent.code, 0, "{to}: {}", shown(&sent));
        let sent = run(&mut home.tierlog(&["send", "bad", "--to", to]));
        assert_eq!(sent.code, 1, "{to}: {}", shown(&sent));
    }
    server.await_count("", 12);
}

#[test]
fn exit_codes_are_those_of_the_contract() {
    let home = Home::new();
    for (arguments, code) in [
        (vec!["--version"], 0),
        (vec!["config", "print"], 0),
        (vec!["no-such-verb"], 2),
        (vec!["search", "--limit", "many", "q"], 2),
        (vec!["request"], 2),
        (vec!["generate", "--lines", "-5"], 2),
        // Port 1 (tcpmux) has no listener.
        (vec!["search", "q", "--server", "http://[::1]:1"], 3),
        (vec!["send", "lines", "--retry-for", "0", "--to", "http://[::1]:1"], 3),
        (vec!["send", "lines", "--retry-for", "0", "--to", "tcp://[::1]:1"], 3),
        (vec!["retention", "plan", "--data", "absent"], 1),
    ] {
        std::fs::write(home.path().join("lines"), LINES).expect("a scratch file");
        let done = run(&mut home.tierlog(&arguments));
        assert_eq!(done.code, code, "{arguments:?}: {}", shown(&done));
    }
}
