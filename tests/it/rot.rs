//! Bytes that rot, in days that are sealed and in days that are not: what an answer lacks is told
//! until somebody takes note, what the log has comes back, and nothing is sealed in.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Home, Server, ago, files_under, line, run, wait_until};

/// A day that is over, but for the grace after which the job would seal it.
const YESTERDAY: Duration = Duration::from_secs(86_400);

/// Lines of a day: so many that a file of each kind is larger than what is read into memory.
const LINES: u64 = 600;

/// A server is back by then: it starts within two seconds on a machine that does nothing else.
const START_MAX: Duration = Duration::from_secs(20);

/// The job seals nothing by itself, and looks at suspects every second all the same.
const QUIET: [&str; 2] = ["store.seal_grace=168h", "store.scrub_rate=0B"];

/// Lines of another level, in parts of a day's: several segments of the log.
const OTHER_PARTS: u64 = 16;

/// Which log segments are kept: with small ones the log soon forgets what is indexed.
const SHORT_LOG: &str = "store.wal_segment_max=2MiB";

/// What happens to bytes.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Flip,
    Cut,
}

impl Harm {
    fn apply(self, path: &Path) {
        let file = fs::File::options().read(true).write(true).open(path).expect("a file of ours");
        match self {
            Harm::Flip => {
                use std::os::unix::fs::FileExt as _;
                // In place, as a disk does: maps of the file show it.
                let at = file.metadata().expect("a file").len() / 3;
                let mut byte = [0];
                file.read_exact_at(&mut byte, at).expect("a byte");
                file.write_all_at(&[byte[0] ^ 0x10], at).expect("a byte");
            }
            Harm::Cut => file.set_len(0).expect("a file of ours"),
        }
    }
}

fn lines(level: &str, numbers: std::ops::Range<u64>) -> String {
    let record = |number: u64| {
        line(&json!({
            "timestamp": ago(YESTERDAY).to_string(), "level": level, "number": number,
            "message": format!("number {number} of many, {:x} on its way", number * 0x9E37_79B9),
            "request_id": format!("{level}-{number}"), "path": format!("/{:x}", number * 0x85EB_CA6B),
            "detail": format!("{:064x}", u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)).repeat(6),
        }))
    };
    numbers.map(record).collect()
}

/// Returns the numbers of all records of a level, and whether the answer passes for whole.
fn found(server: &Server<'_>, level: &str) -> (Vec<u64>, Value) {
    let query = json!({"q": format!("level:{level}"), "limit": 10_000, "sort": "timestamp"});
    let answer = server.search(&query);
    let hits = answer["hits"].as_array().expect("hits").clone();
    for hit in &hits {
        let number = hit["number"].as_u64().expect("a number");
        let expected = format!("number {number} of many, {:x} on its way", number * 0x9E37_79B9);
        assert_eq!(hit["message"], json!(expected), "a changed record passes for whole");
    }
    let mut numbers: Vec<u64> = hits.iter().filter_map(|hit| hit["number"].as_u64()).collect();
    numbers.sort_unstable();
    (numbers, answer)
}

/// Returns the largest file of a partition's segments with an extension.
fn file_of(home: &Home, tier: &str, extension: &str) -> PathBuf {
    let files = files_under(&home.data().join("partitions/default").join(tier));
    let of_kind =
        files.into_iter().filter(|path| path.extension().is_some_and(|end| end == extension));
    of_kind.max_by_key(|path| fs::metadata(path).map_or(0, |meta| meta.len())).expect("a file")
}

fn health(server: &Server<'_>) -> Value {
    server.http().get(&server.query("/health")).json()
}

fn compact(server: &Server<'_>) -> (u16, Value) {
    let url = server.query("/api/v1/compact?scope=all");
    let answer = server.http().post(&url, b"", &[("tierlog-confirm", "yes")]);
    (answer.status, answer.json())
}

fn verify(server: &Server<'_>) -> Value {
    server.http().get(&server.query("/api/v1/verify")).json()
}

/// Waits until every line is back, or the answer says that some are missing.
fn await_whole_or_told(server: &Server<'_>, level: &str, expected: u64) -> Value {
    wait_until("all lines, or a word", || {
        let (numbers, answer) = found(server, level);
        let is_told = answer["partial_reasons"].to_string().contains("partition_quarantined");
        let is_whole = answer["partial"] == json!(false) && numbers.len() as u64 == expected;
        assert!(is_whole || answer["partial"] == json!(true), "{} lines, {answer}", numbers.len());
        (is_told || is_whole).then_some(answer)
    })
}

#[test]
fn a_flipped_bit_of_a_day_that_is_not_sealed_comes_back_from_the_log() {
    for extension in ["store", "fast", "term", "idx", "pos", "fieldnorm"] {
        let home = Home::with(&QUIET);
        let server = home.start();
        server.store(&lines("info", 0..LINES));
        server.kill();
        Harm::Flip.apply(&file_of(&home, "info", extension));

        let server = home.start();
        let (numbers, answer) = found(&server, "info");
        assert_eq!(numbers.len() as u64, LINES, "{extension}: {answer}");
        assert_eq!(answer["partial"], json!(false), "{extension}: {answer}");
        // The disk is not to be trusted any more, and somebody should know.
        let health = health(&server);
        assert_eq!(health["status"], json!("degraded"), "{extension}: {health}");
        assert_eq!(health["quarantined"], json!([]), "{extension}: nothing is missing");
        assert_eq!(compact(&server).0, 200, "{extension}");
        assert_eq!(verify(&server)["ok"], json!(true), "{extension}");
        assert_eq!(found(&server, "info").0.len() as u64, LINES, "{extension}");
    }
}

#[test]
fn what_the_log_has_forgotten_is_told_until_somebody_takes_note() {
    let home = Home::with(&[QUIET[0], QUIET[1], SHORT_LOG]);
    let server = home.start();
    server.store(&lines("info", 0..LINES));
    // Enough of another level that the log forgets the first.
    for part in 0..OTHER_PARTS {
        server.store(&lines("error", part * LINES..(part + 1) * LINES));
    }
    server.kill();
    Harm::Flip.apply(&file_of(&home, "info", "store"));

    let server = home.start();
    let (numbers, answer) = found(&server, "info");
    assert!((numbers.len() as u64) < LINES, "{}", numbers.len());
    assert_eq!(answer["partial_reasons"], json!(["partition_quarantined"]), "{answer}");
    let partition = format!("default/info/{}", ago(YESTERDAY).day());
    assert_eq!(answer["partial_partitions"], json!([partition]), "{answer}");
    assert_eq!(health(&server)["quarantined"], json!([partition]));
    // Another level is whole.
    let (numbers, answer) = found(&server, "error");
    assert_eq!((numbers.len() as u64, &answer["partial"]), (OTHER_PARTS * LINES, &json!(false)));

    // Still after a start; then somebody takes note.
    server.terminate();
    let server = home.start();
    assert_eq!(found(&server, "info").1["partial"], json!(true));
    let listed = server.run(&["quarantine", "list", "--format", "json"]);
    assert!(
        listed.stdout.contains(&format!("info.{}.0", ago(YESTERDAY).day())),
        "{}",
        listed.stdout
    );
    let mistyped = server.run(&["quarantine", "acknowledge", "info/2020-01-01"]);
    assert_eq!(mistyped.code, 1, "{}", mistyped.stdout);
    let noted = server.run(&["quarantine", "acknowledge", &partition]);
    assert_eq!(noted.code, 0, "{}", noted.stderr);
    assert_eq!(found(&server, "info").1["partial"], json!(false));
    assert_eq!(health(&server)["status"], json!("ok"), "{}", health(&server));
    server.terminate();
    let server = home.start();
    assert_eq!(found(&server, "info").1["partial"], json!(false));
    // The files are kept all the same.
    let kept = files_under(&home.data().join("quarantine/acknowledged"));
    assert!(kept.iter().any(|path| path.extension().is_some_and(|end| end == "store")));
}

/// Nothing arrives, so nothing but the call itself can bring it to an end.
#[test]
fn compact_answers_on_an_idle_server_with_a_damaged_day() {
    for (extension, harm, restart) in [
        ("store", Harm::Flip, false),
        ("fast", Harm::Flip, true),
        ("term", Harm::Flip, false),
        ("idx", Harm::Cut, true),
    ] {
        let home = Home::with(&QUIET);
        let server = home.start();
        server.store(&lines("info", 0..LINES));
        server.store(&lines("error", 0..LINES));
        let server = if restart {
            server.terminate();
            home.start()
        } else {
            server
        };
        // A cut under the map of a search would end the process; nothing searches this file.
        harm.apply(&file_of(&home, "info", extension));
        let started = Instant::now();
        let (status, answer) = compact(&server);
        assert!(started.elapsed() < START_MAX, "{extension}: {:?}", started.elapsed());
        assert!([200, 500].contains(&status), "{extension}: {status} {answer}");
        // The damage is away, what the log has is back, and the next call has nothing against it.
        wait_until("the rebuild", || {
            (found(&server, "info").0.len() as u64 == LINES).then_some(())
        });
        let (status, answer) = compact(&server);
        assert_eq!(status, 200, "{extension}: {answer}");
        assert_eq!(verify(&server)["ok"], json!(true), "{extension}");
        for level in ["info", "error"] {
            let (numbers, answer) = found(&server, level);
            assert_eq!(numbers.len() as u64, LINES, "{extension}: {answer}");
        }
        assert!(health(&server)["quarantine"]["count"].as_u64() > Some(0), "{extension}");
    }
}

/// A supervisor starts the server whenever it ends, as systemd and Docker do.
#[test]
fn a_file_that_is_cut_under_the_server_ends_it_and_the_next_start_says_why_and_goes_on() {
    for sealed in [false, true] {
        let home = Home::with(&QUIET);
        let server = home.start();
        server.store(&lines("info", 0..LINES));
        server.store(&lines("error", 0..LINES));
        if sealed {
            assert_eq!(compact(&server).0, 200);
        }
        // It is mapped now.
        assert_eq!(found(&server, "info").0.len() as u64, LINES);
        Harm::Cut.apply(&file_of(&home, "info", "fast"));
        // Whoever asks for these records has no answer: the connection breaks.
        let _asking = ask_without_hope(&server);
        assert_eq!(server.await_end(), None, "sealed: {sealed}: it died of a signal");

        let started = Instant::now();
        let server = home.start();
        assert!(started.elapsed() < START_MAX, "sealed: {sealed}: {:?}", started.elapsed());
        assert!(home.output_text().contains("died of SIGBUS"), "{}", home.output_text());
        let answer = await_whole_or_told(&server, "info", LINES);
        assert_eq!(found(&server, "error").0.len() as u64, LINES, "{answer}");
        assert_eq!(health(&server)["status"], json!("degraded"));
        server.store(&lines("debug", 0..5));
        // It is said once.
        server.terminate();
        let server = home.start();
        assert_eq!(home.output_text().matches("died of SIGBUS").count(), 1);
        drop(server);
    }
}

#[test]
fn verify_changes_nothing_in_a_directory_that_it_may_only_read() {
    let home = Home::with(&QUIET);
    let server = home.start();
    server.store(&lines("info", 0..LINES));
    assert_eq!(compact(&server).0, 200);
    server.store(&lines("info", LINES..LINES + 10));
    server.terminate();
    let data = home.data();
    // Root may write whatever the mode says, so bytes and times are compared as well.
    set_modes(&data, (0o400, 0o500));
    let before = snapshot(&data);
    let verified = run(&mut home.tierlog(&["verify", "--data", "data", "--format", "json"]));
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    assert_eq!(snapshot(&data), before);
    set_modes(&data, (0o600, 0o700));
    Harm::Flip.apply(&file_of(&home, "info", "fast"));
    let before = snapshot(&data);
    let verified = run(&mut home.tierlog(&["verify", "--data", "data", "--format", "json"]));
    assert_eq!(verified.code, 1, "{}", verified.stdout);
    assert!(verified.stdout.contains(".fast: checksum mismatch"), "{}", verified.stdout);
    assert_eq!(snapshot(&data), before, "a look changes nothing");
}

/// Asks for records, whatever becomes of the connection.
fn ask_without_hope(server: &Server<'_>) -> std::net::TcpStream {
    let address = server.address("query");
    let mut stream = std::net::TcpStream::connect(address).expect("a listening server");
    let request =
        format!("GET /api/v1/search?q=level:info&limit=100 HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    stream
}

/// Every path of a tree, with the time of its last change.
fn snapshot(directory: &Path) -> Vec<(PathBuf, std::time::SystemTime, u64)> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        let meta = fs::metadata(&directory).expect("a directory");
        found.push((directory.clone(), meta.modified().expect("a time"), 0));
        for entry in fs::read_dir(&directory).expect("a directory").flatten() {
            let meta = entry.metadata().expect("a file");
            if meta.is_dir() {
                directories.push(entry.path());
            } else {
                found.push((entry.path(), meta.modified().expect("a time"), meta.len()));
            }
        }
    }
    found.sort();
    found
}

fn set_modes(directory: &Path, (of_file, of_directory): (u32, u32)) {
    for file in files_under(directory) {
        fs::set_permissions(&file, fs::Permissions::from_mode(of_file)).expect("a file of ours");
        for above in file.ancestors().skip(1).take_while(|above| above.starts_with(directory)) {
            let mode = fs::Permissions::from_mode(of_directory);
            fs::set_permissions(above, mode).expect("a directory of ours");
        }
    }
}
