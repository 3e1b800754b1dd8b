//! What happens when the disk fills, a file rots or the log breaks, on the real
//! binary. Free room is made scarce by the marks of the configuration, and taken away by a library
//! in the server's process whose writes find none.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Home, Server, ago, files_under, line, numbered, run, wait_until};
use crate::torture::RIG;

const DAY: Duration = Duration::from_secs(86_400);

/// A disk that is full on demand: torture's preloaded library fails every write below the server's
/// data directory with ENOSPC.
struct FullDisk {
    mark: PathBuf,
}

impl FullDisk {
    /// Prepares the disk of a home that no server has been started in.
    fn under(home: &mut Home) -> FullDisk {
        let mark = home.path().join("no-room");
        let shim = RIG.shim.as_ref().expect("a C compiler, which building the server needs too");
        home.set_environment(shim.full_while(&home.data(), &mark).environment);
        FullDisk { mark }
    }

    fn fill(&self) {
        fs::write(&self.mark, "").expect("a file of ours");
    }

    fn make_room(&self) {
        fs::remove_file(&self.mark).expect("a file of ours");
    }
}

fn health(server: &Server<'_>) -> Value {
    server.http().get(&server.query("/health")).json()
}

fn metric(server: &Server<'_>, series: &str) -> f64 {
    let text = server.http().get(&server.query("/metrics")).text();
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.and_then(|rest| rest.trim().parse().ok()).unwrap_or(0.0)
}

fn partitions(home: &Home) -> Vec<String> {
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

fn store_days(server: &Server<'_>) {
    for level in ["debug", "info", "warning", "error"] {
        for age in 0..4 {
            let moment = ago(DAY * age).to_string();
            server.store(&line(&json!({"timestamp": moment, "level": level, "message": "kept"})));
        }
    }
}

#[test]
fn the_oldest_debug_days_go_first_and_answers_say_so() {
    let home = Home::new();
    let server = home.start();
    store_days(&server);
    server.terminate();
    let before = partitions(&home);
    assert_eq!(before.len(), 16);

    // A mark that no disk of today reaches, and a hard mark that every one does.
    let low = Home::with(&["store.free_low=1TiB", "store.early_drop_max=debug"]).in_place_of(home);
    let server = low.start();
    let series = "tierlog_expired_partitions_total{tier=\"debug\",reason=\"pressure\"}";
    wait_until("three debug days to go", || (metric(&server, series) >= 3.0).then_some(()));
    wait_until("the last to be remembered", || {
        let through = &health(&server)["dropped_early"]["default/debug"];
        (*through == json!(ago(DAY).day().to_string())).then_some(())
    });
    let kept: Vec<String> = partitions(&low);
    let today = ago(Duration::ZERO).day();
    assert!(kept.contains(&format!("default/debug/{today}")), "the newest day stays: {kept:?}");
    for name in before.iter().filter(|name| !name.starts_with("default/debug/")) {
        assert!(kept.contains(name), "{name} stays: {kept:?}");
    }
    let dropped = health(&server)["dropped_early"]["default/debug"].clone();
    assert_eq!(dropped, json!(ago(DAY).day().to_string()));
    let series = "tierlog_expired_partitions_total{tier=\"debug\",reason=\"pressure\"}";
    assert_eq!(metric(&server, series), 3.0);
    let answer = server.search(&json!({"q": "level:debug", "start": "now-3d"}));
    assert_eq!(answer["expired"][0]["level"], "debug", "{answer}");
    let since = answer["expired"][0]["since"].as_str().expect("a moment").to_owned();
    assert!(since.starts_with(&today.to_string()), "{since}");
    assert!(low.output_text().contains("drop partition early"));
    // Lines go on being taken, and a restart remembers.
    server.store(&numbered(0..1));
    server.terminate();
    let server = low.start();
    assert_eq!(health(&server)["dropped_early"]["default/debug"], dropped);
}

#[test]
fn nothing_goes_in_vain_and_nothing_goes_when_it_is_not_allowed() {
    let home = Home::new();
    let server = home.start();
    store_days(&server);
    server.terminate();
    let before = partitions(&home);
    let mut home = home;
    for settings in [
        ["store.free_low=1TiB", "store.early_drop_max=none"],
        ["store.free_min=1TiB", "store.early_drop_max=critical"],
    ] {
        home = Home::with(&settings).in_place_of(home);
        let server = home.start_unready();
        // Two rounds of looking at the room, seen by what the first one keeps.
        wait_until("a look at the room", || (!files_under(&home.data()).is_empty()).then_some(()));
        assert_eq!(server.count("message:kept"), 16);
        assert_eq!(server.terminate(), Some(0));
        assert_eq!(partitions(&home), before);
    }
}

#[test]
fn a_full_disk_holds_tcp_refuses_http_and_goes_on_by_itself() {
    let mut home = Home::with(&["store.early_drop_max=none", "store.wal_segment_max=2MiB"]);
    let disk = FullDisk::under(&mut home);
    let server = home.start();
    server.store(&numbered(0..10));
    disk.fill();
    let refused = wait_until("507", || {
        let answer = server.post_lines(numbered(10..11).as_bytes(), &[("tierlog-batch-id", "a")]);
        (answer.status != 200).then_some(answer)
    });
    assert_eq!((refused.status, &refused.json()["code"]), (507, &json!("disk_full")));
    let mut tcp = server.tcp().with_acks();
    tcp.send(numbered(20..30).as_bytes());
    assert!(health(&server)["reasons"].to_string().contains("disk is full"));
    let before = server.count("");
    assert!(before >= 10, "reads go on");
    disk.make_room();
    // Without a further request, waiting lines are taken, acknowledged and found.
    assert_eq!(tcp.await_ack(10), 0);
    wait_until("readiness", || {
        (server.http().get(&server.query("/health/ready")).status == 200).then_some(())
    });
    let again = server.post_lines(numbered(10..11).as_bytes(), &[("tierlog-batch-id", "a")]);
    assert_eq!(again.status, 200, "{}", again.text());
    server.await_count("number:20", 1);
    server.await_count("", 21);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_commit_without_room_is_made_up_for_without_a_restart() {
    let mut home = Home::with(&[
        "store.early_drop_max=none",
        "store.commit_interval=60s",
        "store.wal_segment_max=64MiB",
        "store.writer_memory_max=15MiB",
    ]);
    let disk = FullDisk::under(&mut home);
    let server = home.start();
    let body = |from: u64| -> String {
        // Words that nothing compresses.
        let word = |number: u64| format!("{:x} ", number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let text = |number: u64| (0..40).map(|part| word(number * 41 + part)).collect::<String>();
        (from..from + 500)
            .map(|number| {
                line(&json!({"level": "info", "message": text(number), "number": number}))
            })
            .collect()
    };
    let mut acked = 0;
    for _ in 0..2 {
        let answer = server.post_lines(body(acked).as_bytes(), &[]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        acked += 500;
    }
    disk.fill();
    let compact =
        server.http().post(&server.query("/api/v1/compact"), b"", &[("tierlog-confirm", "yes")]);
    assert_ne!(compact.status, 200, "there is no room to commit: {}", compact.text());
    // What is acknowledged and cannot be indexed is missing, and the answer says so.
    let late = server.search(&json!({"q": "", "limit": 0}));
    assert_eq!(late["partial_reasons"], json!(["indexing_late"]), "{late}");
    assert_eq!(server.http().get(&server.query("/health/live")).status, 200);
    disk.make_room();
    wait_until("writes", || {
        let answer = server.post_lines(numbered(0..1).as_bytes(), &[("tierlog-batch-id", "b")]);
        (answer.status == 200).then_some(())
    });
    wait_until("a commit", || {
        let confirm = [("tierlog-confirm", "yes")];
        let answer = server.http().post(&server.query("/api/v1/compact"), b"", &confirm);
        (answer.status == 200).then_some(())
    });
    server.await_count("", acked + 1);
    // Committed records are searchable a moment before the indexer reports its recovery.
    wait_until("health", || (health(&server)["status"] == "ok").then_some(()));
    let whole = server.search(&json!({"q": "", "limit": 0}));
    assert_eq!(whole["partial"], false, "{whole}");
}

#[test]
fn a_log_that_cannot_be_written_stops_acks_keeps_reads_and_ends_with_an_error() {
    let home = Home::with(&["store.wal_segment_max=2MiB"]);
    let server = home.start();
    server.store(&numbered(0..10));
    // The next segment has no directory to be made in.
    fs::rename(home.data().join("wal"), home.data().join("wal-gone")).expect("a rename");
    let long = "x".repeat(64 << 10);
    let lines: String =
        (0..40).map(|number| line(&json!({"message": long, "number": number}))).collect();
    let refused = wait_until("a refusal", || {
        let answer = server.post_lines(lines.as_bytes(), &[]);
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(server.count("") >= 10, "reads go on");
    let now = health(&server);
    assert_eq!((&now["status"], &now["writable"]), (&json!("unavailable"), &json!(false)), "{now}");
    assert_eq!(server.http().get(&server.query("/health/live")).status, 200);
    assert_eq!(metric(&server, "tierlog_store_poisoned"), 1.0);
    fs::rename(home.data().join("wal-gone"), home.data().join("wal")).expect("a rename");
    assert_eq!(server.post_lines(numbered(0..1).as_bytes(), &[]).status, 503, "no second try");
    assert_eq!(server.terminate(), Some(1));
    let server = home.start();
    assert!(server.count("number:>=0") >= 10);
}

/// Stores lines of two sealed days.
fn sealed_days(home: &Home) -> (String, String) {
    let server = home.start();
    for age in [1, 2] {
        let moment = ago(DAY * age).to_string();
        let lines: String = (0..200)
            .map(|number| {
                let text = format!("line {number} with some words of its own {}", number * 7919);
                line(&json!({"timestamp": moment, "level": "info", "message": text}))
            })
            .collect();
        server.store(&lines);
    }
    let url = format!("http://{}", server.address("query"));
    let compacted = run(&mut home.tierlog(&["compact", "--server", &url]));
    assert_eq!(compacted.code, 0, "{}", compacted.stderr);
    server.terminate();
    (ago(DAY).day().to_string(), ago(DAY * 2).day().to_string())
}

#[test]
fn a_sealed_partition_that_has_rotted_comes_back_from_the_log_while_that_has_it() {
    for (extension, damage) in [("store", "flip"), ("fast", "flip"), ("idx", "cut")] {
        let home = Home::with(&["store.maintenance_interval=1s"]);
        let (_, damaged) = sealed_days(&home);
        let files = files_under(&home.data().join("partitions/default/info").join(&damaged));
        let file = files.iter().find(|path| path.extension().is_some_and(|end| end == extension));
        let file = file.expect("a file of the segment");
        let mut bytes = fs::read(file).expect("a file");
        match damage {
            "cut" => bytes.truncate(bytes.len() / 2),
            _ => {
                let middle = bytes.len() / 3;
                bytes[middle..middle + 16].iter_mut().for_each(|byte| *byte ^= 0xff);
            }
        }
        fs::write(file, bytes).expect("a file of ours");

        // The scrub finds it, or the start, or the first search: whoever is first.
        let server = home.start();
        let name = format!("default/info/{damaged}");
        wait_until("the partition to be put aside", || {
            server.search(&json!({"q": "words", "limit": 1000}));
            let items = health(&server)["quarantine"]["items"].to_string();
            items.contains(&name).then_some(())
        });
        // Until all of it is back, answers say that it is not.
        let answer = wait_until("the lines of the log", || {
            let answer = server.search(&json!({"q": "words", "limit": 1000}));
            let found = answer["hits"].as_array().expect("hits").len();
            assert!(found == 400 || answer["partial"] == true, "{extension} {damage}: {answer}");
            (found == 400 && answer["partial"] == false).then_some(answer)
        });
        assert!(answer.get("partial_partitions").is_none(), "{extension} {damage}");
        assert_eq!(health(&server)["status"], "degraded");
        // The day takes late lines.
        let late = ago(DAY * 2).to_string();
        server.store(&line(&json!({"timestamp": late, "level": "info", "message": "late"})));
        assert_eq!(server.count("message:late"), 1);
        server.terminate();
    }
}
