//! What is on disk stays readable: a data directory of every format that was ever released is
//! opened and compared record for record; one of an unknown format is refused with its number,
//! untouched. How a fixture is made: `tests/fixtures/README.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Home, Server, files_under, from_now, line, run, wait_until};

/// Today's format: [`write_fixture`] makes the fixture of this number.
const FORMAT: u32 = 3;

/// Largest fixture: it is in every clone for ever.
const FIXTURE_BYTES_MAX: u64 = 300 << 10;

/// Nothing of a fixture expires, however long ago it was made; what is hot stays hot.
const KEEP: [&str; 6] = [
    "store.tiers.critical.days=36500",
    "store.tiers.warning.days=36500",
    "store.tiers.info.days=36500",
    "store.dead_letters.days=36500",
    "store.seal_grace=168h",
    "redaction.pseudonyms.fields=[]",
];

/// What is dropped when the fixture is made, and must never come back.
const DROPPED: &str = "dropped, with its lines still in the log";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Empty files that say that a server or a writer is at work.
const LOCKS: [&str; 2] = [".tantivy-writer.lock", ".tantivy-meta.lock"];

/// Room that is kept free for bad times: nothing but zeros.
const RESERVE: &str = "reserve";

/// Returns the files that are data.
fn data_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = files_under(directory);
    files.retain(|file| !LOCKS.iter().any(|name| file.ends_with(name)));
    files
}

fn copy_tree(from: &Path, to: &Path) {
    for file in data_files(from).iter().filter(|file| !file.ends_with(RESERVE)) {
        let target = to.join(file.strip_prefix(from).expect("a file under it"));
        fs::create_dir_all(target.parent().expect("a directory")).expect("a scratch directory");
        fs::copy(file, target).expect("a scratch file");
    }
}

/// Every file of a tree with its bytes.
fn snapshot(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let read = |file: PathBuf| {
        let bytes = fs::read(&file).expect("a file of ours");
        (file, bytes)
    };
    data_files(directory).into_iter().map(read).collect()
}

/// Lines of every level and type of value, on a day of their own.
fn lines_of(day: &str, part: &str) -> String {
    let levels = ["info", "error"];
    let record = |number: usize| {
        line(&json!({
            "timestamp": format!("{day}T12:00:{:02}.{number:06}Z", number % 60),
            "level": levels[number % levels.len()],
            "message": format!("{part}: request {number} of /api/courses took a while"),
            "service": "web", "request_id": format!("{part}-{}", number / 3),
            "user_id": 4200 + number % 5, "status_code": 200 + number, "duration_ms": 1.5,
            "ok": number.is_multiple_of(2), "big": u64::MAX, "small": i64::MIN, "tags": ["a", {"b": 1}],
            "mixed": if number.is_multiple_of(2) { json!(number) } else { json!("text") },
            "long": "a long text, kept apart ".repeat(1 + number % 9),
        }))
    };
    (0..40).map(record).collect()
}

/// All findable records as shown, sorted.
fn everything(server: &Server<'_>) -> Vec<String> {
    let mut shown: Vec<String> = server.export("").iter().map(Value::to_string).collect();
    let letters = [("q", ""), ("kind", "dead_letter")];
    let letters = server.http().get_with(&server.query("/api/v1/export"), &letters);
    let is_letter = |value: &Value| value.get("tierlog").is_none();
    let letters = letters.json_lines().into_iter().filter(is_letter);
    shown.extend(letters.map(|letter| letter.to_string()));
    shown.sort();
    shown
}

/// Waits until every acknowledged record can be found.
fn settled(server: &Server<'_>, count: usize) -> Vec<String> {
    wait_until("the records of the log", || {
        let found = everything(server);
        (found.len() >= count).then_some(found)
    })
}

/// Makes a data directory with a part in every state: sealed, hot, dropped, and only in the log.
/// Returns what is found in it.
fn make(home: &Home) -> Vec<String> {
    let server = home.start();
    server.store(&lines_of("2026-01-05", "sealed"));
    let moment = "2026-01-06T00:00:00Z";
    let whole = line(&json!({"timestamp": moment, "message": "beside a line that is not whole"}));
    let rejected = server.post_lines(format!("{whole}{{\"not\": whole\n").as_bytes(), &[]);
    assert_eq!(rejected.json()["rejected"], 1, "{}", rejected.text());
    let confirmed = [("tierlog-confirm", "yes")];
    let compact = server.query("/api/v1/compact?scope=closed_days");
    assert_eq!(server.http().post(&compact, b"", &confirmed).status, 200);
    server.store(&lines_of("2026-01-06", "hot"));
    let dropped = json!({"level": "debug", "message": DROPPED});
    server.store(&line(&dropped));
    let later = from_now(Duration::from_secs(30 * 86_400));
    let retention = server.query(&format!("/api/v1/retention/run?now={later}"));
    let answer = server.http().post(&retention, b"", &confirmed);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(server.count("level:debug"), 0, "it is dropped");
    let found = settled(&server, 82);
    server.terminate();

    // Committed once a minute: the kill leaves these in the log alone.
    let server = home.start_with(&["store.commit_interval=1m"]);
    let unindexed = server.post_lines(lines_of("2026-01-07", "logged").as_bytes(), &[]);
    assert_eq!(unindexed.json()["accepted"], 40);
    server.kill();
    found
}

/// Opens a copy of a data directory and returns what is found in it.
fn open(data: &Path, count: usize) -> Vec<String> {
    let home = Home::with(&KEEP);
    copy_tree(data, &home.data());
    let server = home.start();
    let found = settled(&server, count);
    assert_eq!(server.count("level:debug"), 0, "what was dropped has come back");
    let verified = server.http().get(&server.query("/api/v1/verify")).json();
    assert_eq!(verified["ok"], true, "{verified}");
    assert_eq!(server.terminate(), Some(0), "{}", home.output_text());
    found
}

#[test]
fn every_released_format_is_read() {
    let mut formats = 0;
    for entry in fs::read_dir(fixtures()).expect("the fixtures").flatten() {
        let fixture = entry.path();
        let name = entry.file_name();
        if !name.to_string_lossy().starts_with("format-") {
            continue;
        }
        formats += 1;
        let expected = fs::read_to_string(fixture.join("expected.jsonl")).expect("what is in it");
        let expected: Vec<&str> = expected.lines().collect();
        let found = open(&fixture.join("data"), expected.len());
        assert_eq!(found, expected, "{}", fixture.display());
        let bytes: u64 = files_under(&fixture)
            .iter()
            .map(|file| fs::metadata(file).expect("a file").len())
            .sum();
        assert!(bytes <= FIXTURE_BYTES_MAX, "{}: {bytes} bytes", fixture.display());
    }
    assert!(formats > 0, "there is no fixture");
}

/// `UPDATE_FIXTURES=1` keeps what this makes as the fixture of today's format.
#[test]
fn a_fixture_of_todays_format_is_made_and_read() {
    let home = Home::with(&KEEP);
    let before = make(&home);
    let found = open(&home.data(), before.len() + 40);
    assert!(before.iter().all(|record| found.contains(record)), "something changed");
    let logged = found.iter().filter(|record| record.contains("logged: request")).count();
    assert_eq!((found.len(), logged), (before.len() + 40, 40), "the log was not replayed");
    let files: Vec<String> = files_under(&home.data())
        .iter()
        .map(|file| file.strip_prefix(home.data()).expect("ours").display().to_string())
        .collect();
    for part in [
        "partitions/default/info/2026-01-05/seal.json",
        "partitions/default/info/2026-01-06/meta.json",
    ] {
        assert!(files.iter().any(|file| file == part), "{part} is not in {files:?}");
    }
    // The partition may have been begun before the kill; nothing was committed to it.
    if let Ok(meta) = fs::read(home.data().join("partitions/default/info/2026-01-07/meta.json")) {
        let meta = String::from_utf8(meta).expect("a text file");
        let meta: Value = serde_json::from_str(without_checksum(&meta)).expect("a meta file");
        assert_eq!(meta["segments"], json!([]), "{meta}");
    }
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        let fixture = fixtures().join(format!("format-{FORMAT}"));
        let _ = fs::remove_dir_all(&fixture);
        copy_tree(&home.data(), &fixture.join("data"));
        let expected: String = found.iter().map(|record| format!("{record}\n")).collect();
        fs::write(fixture.join("expected.jsonl"), expected).expect("a writable repository");
    }
}

/// Returns the JSON of a file without the line of its checksum.
fn without_checksum(file: &str) -> &str {
    let json = file.trim_end().rsplit_once('\n').expect("a line of its checksum").0;
    assert!(json.ends_with('}'), "{file}");
    json
}

/// Starts a server on a directory of an unknown format: it names the number and changes nothing.
#[track_caller]
fn assert_refused(home: &Home, what: &str) {
    let before = snapshot(&home.data());
    let refused = run(home
        .tierlog(&["serve", "--data", "data", "--addresses-file", "never.json"])
        .args(["--set", "ingest.tcp.listen=127.0.0.1:0", "--set", "query.listen=127.0.0.1:0"])
        .args(["--set", "ingest.http.listen=127.0.0.1:0"]));
    assert_eq!(refused.code, 1, "{what}: {}", refused.stderr);
    let last = refused.stderr.lines().last().unwrap_or_default();
    assert!(last.contains("version 9"), "{what}: {last}");
    let after = snapshot(&home.data());
    let changed = |path: &&PathBuf| before.get(*path) != after.get(*path);
    let changed: Vec<&PathBuf> = before.keys().chain(after.keys()).filter(changed).collect();
    assert!(changed.is_empty(), "{what}: {changed:?} changed");
}

#[test]
fn an_unknown_format_is_refused_with_its_number_and_left_alone() {
    let made = Home::with(&KEEP);
    make(&made);
    let partition = |day: &str, file: &str| format!("partitions/default/info/{day}/{file}");
    let texts = [
        ("tierlog.json".to_owned(), "\"format\": 3", "\"format\": 9"),
        (partition("2026-01-05", "seal.json"), "\"format\": 3", "\"format\": 9"),
        (partition("2026-01-06", "meta.json"), r#"\"format\":3"#, r#"\"format\":9"#),
    ];
    for (file, today, unknown) in texts {
        let home = Home::new();
        copy_tree(&made.data(), &home.data());
        let path = home.data().join(&file);
        let text = fs::read_to_string(&path).expect("a text file");
        // With its checksum it would be damage, and nobody's version.
        let changed = without_checksum(&text)
            .replace(today, unknown)
            .replace(&today.replace(' ', ""), &unknown.replace(' ', ""));
        assert_ne!(changed, text, "{file}: {text}");
        fs::write(&path, changed).expect("a file of ours");
        assert_refused(&home, &file);
    }
    let home = Home::new();
    copy_tree(&made.data(), &home.data());
    let log = files_under(&home.data().join("wal"));
    let segment = log.iter().rfind(|path| path.extension().is_some_and(|end| end == "wal"));
    let segment = segment.expect("a segment");
    let mut bytes = fs::read(segment).expect("a segment");
    // The version, with a checksum that fits: without one it would be damage (`wal/segment.rs`).
    bytes[5] = 9;
    let checksum = crc32c::crc32c(&bytes[..36]);
    bytes[36..40].copy_from_slice(&checksum.to_le_bytes());
    fs::write(segment, bytes).expect("a file of ours");
    assert_refused(&home, "the log");
    // Nor is anything put aside, swept up or finished before that is known.
    let damaged = home.data().join(partition("2026-01-06", "meta.json"));
    fs::write(damaged, "no meta file").expect("a file of ours");
    let trash = home.data().join("trash/default.info.2026-01-01.0");
    fs::create_dir_all(&trash).expect("a directory of ours");
    fs::write(trash.join("file"), "rubbish").expect("a file of ours");
    assert_refused(&home, "the log beside a damaged partition");
}

#[test]
fn a_later_format_is_known_by_its_number_whatever_else_has_changed() {
    let made = Home::with(&KEEP);
    make(&made);
    let partition = |day: &str, file: &str| format!("partitions/default/info/{day}/{file}");
    for file in ["tierlog.json".to_owned(), partition("2026-01-05", "seal.json")] {
        let home = Home::new();
        copy_tree(&made.data(), &home.data());
        fs::write(home.data().join(&file), "{\"format\":9,\"new\":[]}").expect("a file of ours");
        assert_refused(&home, &file);
    }
}
