//! Retention, sealing and verifying, asked of a running server and of a stopped one's directory.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    Home, Run, Server, ago, files_under, from_now, line, numbered, run, wait_until,
};

const DAY: Duration = Duration::from_secs(86_400);

/// Runs a verb against a server and returns what it printed as JSON lines.
#[track_caller]
fn verb(server: &Server<'_>, arguments: &[&str]) -> (i32, Vec<Value>) {
    let url = format!("http://{}", server.address("query"));
    let arguments = [arguments, &["--format", "json", "--server", &url]].concat();
    read(&run(&mut server.home().tierlog(&arguments)))
}

/// Runs a verb on the directory of a stopped server.
#[track_caller]
fn offline_verb(home: &Home, arguments: &[&str]) -> (i32, Vec<Value>) {
    let arguments = [arguments, &["--format", "json", "--data", "data"]].concat();
    read(&run(&mut home.tierlog(&arguments)))
}

fn read(run: &Run) -> (i32, Vec<Value>) {
    let lines = run.stdout.lines();
    let values = lines.map(|line| serde_json::from_str(line).unwrap_or_else(|_| json!(line)));
    (run.code, values.collect())
}

/// Returns `tier/day` of every partition that any of the printed objects names.
fn partitions(printed: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    for value in printed {
        collect_partitions(value, &mut found);
    }
    found.sort();
    found.dedup();
    found
}

fn collect_partitions(value: &Value, found: &mut Vec<String>) {
    let text = |name: &str| value[name].as_str();
    if let (Some(tenant), Some(tier), Some(day)) = (text("tenant"), text("tier"), text("day")) {
        found.push(format!("{tenant}/{tier}/{day}"));
    }
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect_partitions(value, found)),
        Value::Object(members) => {
            members.values().for_each(|value| collect_partitions(value, found));
        }
        _ => {}
    }
}

/// Returns `tier/day` of every partition directory on disk.
fn partitions_on_disk(home: &Home) -> Vec<String> {
    let root = home.data().join("partitions/default");
    let mut found = Vec::new();
    for tier in fs::read_dir(&root).expect("partitions").flatten() {
        for day in fs::read_dir(tier.path()).expect("a tier").flatten() {
            let (tier, day) = (tier.file_name(), day.file_name());
            found.push(format!("default/{}/{}", tier.display(), day.display()));
        }
    }
    found.sort();
    found
}

/// Stores one line of every level, today and some days ago.
fn store_levels(server: &Server<'_>) {
    for (level, age_days) in [
        ("critical", 0),
        ("error", 200),
        ("warning", 0),
        ("warning", 60),
        ("info", 0),
        ("info", 20),
        ("debug", 0),
        ("debug", 5),
    ] {
        let moment = ago(DAY * age_days).to_string();
        server.store(&line(&json!({"timestamp": moment, "level": level, "message": "kept"})));
    }
}

#[test]
fn retention_a_year_ahead_names_exactly_what_expires_and_drops_nothing_else() {
    let home = Home::new();
    let server = home.start();
    store_levels(&server);
    let day = |days: u32| ago(DAY * days).day();
    let (code, planned) = verb(&server, &["retention", "plan"]);
    assert_eq!((code, partitions(&planned)), (0, vec![]), "nothing expires today");

    // A hundred days ahead everything but the year of errors is over.
    let later = from_now(DAY * 100).to_string();
    let mut expected = vec![
        format!("default/debug/{}", day(0)),
        format!("default/debug/{}", day(5)),
        format!("default/info/{}", day(0)),
        format!("default/info/{}", day(20)),
        format!("default/warning/{}", day(0)),
        format!("default/warning/{}", day(60)),
    ];
    expected.sort();
    let before = partitions_on_disk(&home);
    let (_, planned) = verb(&server, &["retention", "plan", "--now", &later]);
    assert_eq!(partitions(&planned), expected, "{planned:?}");
    assert_eq!(partitions_on_disk(&home), before, "a plan changes nothing");

    let (code, dropped) = verb(&server, &["retention", "run", "--now", &later]);
    assert_eq!((code, partitions(&dropped)), (0, expected.clone()));
    let kept: Vec<String> =
        before.into_iter().filter(|partition| !expected.contains(partition)).collect();
    assert_eq!(partitions_on_disk(&home), kept);
    assert_eq!(server.count(""), 2);
    server.kill();

    // What was dropped does not come back from the write-ahead log.
    let server = home.start();
    assert_eq!(server.count(""), 2);
    assert_eq!(server.count("level:>=error"), 2);
    // A day that was dropped takes new lines.
    server.store(&line(&json!({"level": "debug", "message": "new"})));
    assert_eq!(server.count("message:new"), 1);
    let (_, dropped) =
        verb(&server, &["retention", "run", "--now", &from_now(DAY * 400).to_string()]);
    assert_eq!(partitions(&dropped).len(), 3, "{dropped:?}");
    assert_eq!(server.count(""), 0);
}

#[test]
fn retention_works_on_the_directory_of_a_stopped_server() {
    let home = Home::new();
    let server = home.start();
    store_levels(&server);
    server.terminate();
    let later = from_now(DAY * 35).to_string();
    let (code, planned) = offline_verb(&home, &["retention", "plan", "--now", &later]);
    assert_eq!((code, partitions(&planned).len()), (0, 5), "{planned:?}");
    let (code, _) = offline_verb(&home, &["retention", "run", "--now", &later]);
    assert_eq!(code, 0);
    assert_eq!(partitions_on_disk(&home).len(), 3);
    let server = home.start();
    assert_eq!(server.count(""), 3);
}

#[test]
fn sealed_partitions_answer_as_hot_ones_did_and_take_late_lines() {
    let home = Home::new();
    let server = home.start();
    let lines: String = (0..3_000)
        .map(|number: u64| {
            let level = ["debug", "info", "warning", "error"][number as usize % 4];
            line(&json!({
                "timestamp": ago(Duration::from_secs(90_000 + number)).to_string(),
                "level": level, "message": format!("event number {number}"),
                "request_id": format!("req-{}", number / 3), "user_id": number % 7,
                "duration_ms": number as f64 / 8.0, "nested": {"flag": number.is_multiple_of(2)},
                "list": [number, "x"], "big": 9_007_199_254_740_993_u64 + number,
            }))
        })
        .collect();
    server.store(&lines);
    let questions = [
        "",
        "level:>=warning",
        "request_id:req-77",
        "user_id:3",
        "\"event number 42\"",
        "duration_ms:[10 TO 20]",
        "nested.flag:true AND NOT level:debug",
        "message:/ev.*t/",
    ];
    let ask = || -> Vec<Value> {
        let hits = questions.map(|q| Value::from(server.hits(q)));
        let further = [
            "/api/v1/requests/req-77",
            "/api/v1/histogram?interval=1h",
            "/api/v1/fields",
            "/api/v1/fields/level/values",
        ];
        let further = further.map(|path| {
            let mut answer = server.http().get(&server.query(path)).json();
            answer.as_object_mut().expect("an object").remove("took_ms");
            answer
        });
        hits.into_iter().chain(further).collect()
    };
    let hot = ask();
    assert!(
        hot.iter().take(questions.len()).all(|hits| !hits.as_array().expect("hits").is_empty())
    );
    let (code, sealed) = verb(&server, &["compact"]);
    assert_eq!(code, 0, "{sealed:?}");
    assert!(partitions(&sealed).len() >= 4, "{sealed:?}");
    let sealed_answers = ask();
    for (position, (hot, sealed)) in hot.iter().zip(&sealed_answers).enumerate() {
        assert_eq!(hot, sealed, "answer {position} changed");
    }
    let moment = ago(Duration::from_secs(90_000)).to_string();
    server.store(&line(&json!({"timestamp": moment, "request_id": "req-77", "message": "late"})));
    assert_eq!(server.count("request_id:req-77"), 4);
    let (code, report) = verb(&server, &["verify"]);
    assert_eq!(code, 0, "{report:?}");
    server.kill();

    let server = home.start();
    assert_eq!(server.count("request_id:req-77"), 4);
    assert_eq!(server.count(""), 3_001);
}

#[test]
fn verify_names_the_partition_in_which_a_byte_is_wrong() {
    let home = Home::new();
    let server = home.start();
    let yesterday = ago(DAY);
    for level in ["error", "info"] {
        let lines: String = (0..200)
            .map(|number: u32| {
                line(&json!({
                    "timestamp": yesterday.to_string(), "level": level,
                    "message": format!("number {number} of many"), "number": number,
                }))
            })
            .collect();
        server.store(&lines);
    }
    assert_eq!(verb(&server, &["compact"]).0, 0);
    server.terminate();
    let (code, report) = offline_verb(&home, &["verify"]);
    assert_eq!(code, 0, "{report:?}");

    let directory =
        home.data().join("partitions/default/critical").join(yesterday.day().to_string());
    let files = files_under(&directory);
    let store = files.iter().find(|path| path.extension().is_some_and(|end| end == "store"));
    let file = store.expect("a document store");
    let mut bytes = fs::read(file).expect("a file");
    bytes[10] ^= 1;
    fs::write(file, bytes).expect("a file of ours");

    let (code, report) = offline_verb(&home, &["verify"]);
    assert_eq!(code, 1, "{report:?}");
    let text = Value::from(report).to_string();
    let name = file.file_name().expect("a name").display().to_string();
    assert!(text.contains(&name), "the damaged file is named: {text}");
    assert!(text.contains(&format!("default/critical/{}", yesterday.day())), "{text}");

    // Others answer; nothing panics.
    let server = home.start_with(&["store.scrub_rate=0B"]);
    assert_eq!(server.count("level:info"), 200);
    // The day is put aside, and the log gives its records back: no byte in use is wrong.
    wait_until("the day to be put aside", || {
        let health = server.http().get(&server.query("/health")).json();
        (health["quarantine"]["count"] == json!(1)).then_some(())
    });
    wait_until("a sound store", || (verb(&server, &["verify"]).0 == 0).then_some(()));
    assert!(!home.output_text().contains("panicked"), "{}", home.output_text());
}

#[test]
fn a_torn_write_ahead_log_is_cut_and_a_damaged_one_put_aside() {
    let home = Home::new();
    let server = home.start();
    server.store(&numbered(0..50));
    server.kill();
    let segments = files_under(&home.data().join("wal"));
    let segment = segments.iter().rfind(|path| path.extension().is_some_and(|end| end == "wal"));
    let segment = segment.expect("a segment");
    let mut bytes = fs::read(segment).expect("a segment");
    bytes.extend_from_slice(&[0x5a; 333]);
    fs::write(segment, bytes).expect("a file of ours");

    let server = home.start();
    server.store(&numbered(50..60));
    server.await_count("message:numbered", 60);
    let (code, report) = verb(&server, &["verify"]);
    assert_eq!(code, 0, "{report:?}");
}
