//! Damage of the log of a stopped server: acknowledged records that do not read any more are told
//! by health and by answers until an engineer acknowledges the entry; indexed records are found; a
//! torn end without an ack is no news.

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{Home, Server, files_under, line, wait_until};

/// Nothing is indexed before a server ends in order: what is acknowledged is in the log alone.
const LOG_ALONE: [&str; 2] = ["store.commit_interval=1m", "store.wal_segment_max=2MiB"];

/// Requests of a log, and lines of each.
const REQUESTS: u64 = 12;
const LINES: u64 = 5;

/// A change of a segment's bytes.
type Harm<'h> = &'h dyn Fn(&mut Vec<u8>);

/// Lines of one request. Long ones make several segments.
fn lines_of(request: u64, filler: usize) -> String {
    let text = "x".repeat(filler);
    let line_of = |part: u64| {
        let number = request * LINES + part;
        line(&json!({"message": format!("logged {text}"), "number": number, "level": "info"}))
    };
    (0..LINES).map(line_of).collect()
}

/// Returns a home whose server was killed over a log that no index has.
fn killed(filler: usize) -> Home {
    let home = Home::with(&LOG_ALONE);
    let server = home.start();
    for request in 0..REQUESTS {
        let answer = server.post_lines(lines_of(request, filler).as_bytes(), &[]);
        assert_eq!(answer.json()["accepted"], LINES, "{}", answer.text());
    }
    server.kill();
    home
}

fn segments(home: &Home) -> Vec<PathBuf> {
    let mut files = files_under(&home.data().join("wal"));
    files.retain(|file| file.extension().is_some_and(|end| end == "wal"));
    files
}

/// Starts of the frames of a segment, by the lengths that they say (`crates/store/src/wal`).
fn frames(segment: &Path) -> Vec<usize> {
    let bytes = fs::read(segment).expect("a segment");
    let mut starts = Vec::new();
    let mut at = 40;
    while let Some(length) = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        starts.push(at);
        at += 8 + u32::from_le_bytes(*length) as usize;
    }
    starts
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("a file of ours");
    change(&mut bytes);
    fs::write(path, bytes).expect("a file of ours");
}

/// What a server says of its log: records found, records gone by `/health`, reasons of an answer
/// about everything.
#[derive(Debug)]
struct Told {
    found: u64,
    gone: u64,
    status: String,
    reasons: Value,
}

fn told(server: &Server<'_>) -> Told {
    wait_until("the records of the log", || {
        let answer = server.search(&json!({"q": "", "limit": 0}));
        let reasons = answer["partial_reasons"].to_string();
        (!reasons.contains("indexing_late")).then_some(())
    });
    let answer = server.search(&json!({"q": "", "limit": 0}));
    let health = server.http().get(&server.query("/health")).json();
    let damage = health["log_damage"].as_array().expect("a list");
    Told {
        found: answer["total"]["value"].as_u64().expect("a count"),
        gone: damage.iter().map(|damage| damage["records"].as_u64().unwrap_or(0)).sum(),
        status: health["status"].as_str().expect("a status").to_owned(),
        reasons: answer["partial_reasons"].clone(),
    }
}

/// Starts a server after damage, and checks that found and gone together are what was
/// acknowledged, that the gone ones are told, and that a later start says the same.
#[track_caller]
fn assert_told(home: &Home, what: &str, expected: RangeInclusive<u64>) {
    for start in ["the start", "a later start"] {
        let server = home.start();
        let told = told(&server);
        assert_eq!(told.found + told.gone, REQUESTS * LINES, "{what}, {start}: {told:?}");
        assert!(expected.contains(&told.gone), "{what}, {start}: {told:?}");
        assert_eq!(told.status, "degraded", "{what}, {start}: {told:?}");
        let is_said = told.reasons.to_string().contains("records_lost");
        assert_eq!(is_said, told.gone > 0, "{what}, {start}: {told:?}");
        assert_eq!(server.terminate(), Some(0), "{what}: {}", home.output_text());
    }
}

#[test]
fn one_segment_that_is_damaged_anywhere_is_told() {
    let home = killed(10);
    let [segment] = &segments(&home)[..] else { panic!("one segment") };
    let starts = frames(segment);
    let (length, last) = (fs::metadata(segment).expect("a file").len() as usize, starts[11]);
    let cases: [(&str, Harm<'_>, RangeInclusive<u64>); 8] = [
        ("a bit of the last frame", &|bytes| bytes[last + 60] ^= 1, 5..=5),
        ("the checksum of the last frame", &|bytes| bytes[last + 5] ^= 0x80, 5..=5),
        ("the length of the last frame", &|bytes| bytes[last] ^= 0x10, 5..=5),
        ("the last byte", &|bytes| *bytes.last_mut().expect("bytes") ^= 1, 5..=5),
        ("a cut in the last frame", &|bytes| bytes.truncate(last + 30), 5..=5),
        ("the last half is zeros", &|bytes| bytes[length / 2..].fill(0), 25..=40),
        ("a frame in the middle", &|bytes| bytes[starts[4] + 100] ^= 4, 5..=5),
        ("everything is zeros", &|bytes| bytes.fill(0), 60..=60),
    ];
    let whole = fs::read(segment).expect("a segment");
    for (what, damage, expected) in cases {
        let copy = copy_of(&home);
        let segment = &segments(&copy)[0];
        fs::write(segment, &whole).expect("a file of ours");
        change(segment, damage);
        assert_told(&copy, what, expected);
    }
    // The header alone: frames behind a damaged header stand on their own.
    let copy = copy_of(&home);
    change(&segments(&copy)[0], |bytes| bytes[10] ^= 1);
    assert_told(&copy, "the header", 0..=0);
}

#[test]
fn segments_that_are_gone_are_told_by_their_numbers() {
    let home = killed(120_000);
    let count = segments(&home).len();
    assert!(count >= 3, "{count} segments");
    for (what, missing) in [("first", 0), ("middle", count / 2), ("last", count - 1)] {
        let copy = copy_of(&home);
        fs::remove_file(&segments(&copy)[missing]).expect("a file of ours");
        assert_told(&copy, &format!("the {what} segment is gone"), 5..=REQUESTS * LINES - 5);
    }
    let copy = copy_of(&home);
    for segment in segments(&copy) {
        fs::remove_file(segment).expect("a file of ours");
    }
    assert_told(&copy, "all segments are gone", 60..=60);
}

#[test]
fn what_cannot_have_been_acknowledged_is_no_news() {
    let home = killed(10);
    let last = *frames(&segments(&home)[0]).last().expect("a frame");
    let behind: [(&str, Harm<'_>); 3] = [
        ("garbage", &|bytes| bytes.extend_from_slice(&b"garbage".repeat(100))),
        ("zeros", &|bytes| bytes.resize(bytes.len() + 4_096, 0)),
        ("half a frame", &|bytes| {
            let half = bytes[last..last + 50].to_vec();
            bytes.extend_from_slice(&half);
        }),
    ];
    for (what, damage) in behind {
        let copy = copy_of(&home);
        change(&segments(&copy)[0], damage);
        let server = copy.start();
        let told = told(&server);
        let said = (told.found, told.gone, told.status.as_str(), &told.reasons);
        assert_eq!(said, (REQUESTS * LINES, 0, "ok", &Value::Null), "{what} behind the log");
    }
}

#[test]
fn damage_of_what_is_indexed_is_harmless_and_told_as_such() {
    let home = Home::with(&LOG_ALONE);
    let server = home.start();
    for request in 0..REQUESTS {
        server.post_lines(lines_of(request, 10).as_bytes(), &[]);
    }
    assert_eq!(server.terminate(), Some(0), "{}", home.output_text());
    let segment = segments(&home).pop().expect("a segment");
    change(&segment, |bytes| *bytes.last_mut().expect("bytes") ^= 1);
    assert_told(&home, "a frame that is indexed", 0..=0);
    let server = home.start();
    let told = told(&server);
    assert_eq!((told.found, &told.reasons), (REQUESTS * LINES, &Value::Null), "{told:?}");
}

/// Answers about a time to which none of the lost lines can belong are whole.
#[test]
fn only_answers_whose_range_is_touched_are_partial() {
    let home = killed(10);
    change(&segments(&home)[0], |bytes| *bytes.last_mut().expect("bytes") ^= 1);
    let server = home.start();
    told(&server);
    let partial = |range: Value| {
        let answer = server.search(&range);
        answer["partial"].as_bool().expect("a verdict")
    };
    assert!(partial(json!({"q": "", "limit": 0})));
    assert!(partial(json!({"q": "", "limit": 0, "start": "now-1h"})));
    assert!(!partial(json!({"q": "", "limit": 0, "end": "now-1h"})));
    assert!(!partial(json!({"q": "", "limit": 0, "start": "now-2d", "end": "now-1d"})));
    // Acknowledged, the damage is no news any more: now, and at the next start.
    let noted = server.run(&["quarantine", "acknowledge", "--all"]);
    assert_eq!(noted.code, 0, "{}", noted.stderr);
    assert!(!partial(json!({"q": "", "limit": 0})));
    server.kill();
    let server = home.start();
    let told = told(&server);
    assert_eq!((told.gone, &told.reasons), (0, &Value::Null), "{told:?}");
}

/// Returns a home with a copy of another one's data.
fn copy_of(home: &Home) -> Home {
    let copy = Home::with(&LOG_ALONE);
    copy_tree(&home.data(), &copy.data());
    copy_tree(&home.keys(), &copy.keys());
    copy
}

fn copy_tree(from: &Path, to: &Path) {
    for file in files_under(from) {
        let target = to.join(file.strip_prefix(from).expect("a file under it"));
        fs::create_dir_all(target.parent().expect("a directory")).expect("a scratch directory");
        fs::copy(file, target).expect("a scratch file");
    }
}
