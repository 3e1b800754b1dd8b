//! What must never be on disk: planted personal data, looked for in every byte that the server
//! wrote or printed, in every record that it gives back, and in the inflated write-ahead log.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use serde_json::{Value, json};
use tierlog_corpus::{Pipeline, Reading, labelled};

use crate::harness::{Home, Server, Tcp, files_under, line, run};

/// Lines of the generated file: each kind of leak is in it several times.
const LINES: &str = "12000";

/// Values planted in every notation; more only take longer.
const NOTATIONS_COUNT: usize = 4_000;

/// Fewest characters of a value that is looked for: a shorter one may stand anywhere by chance.
const VALUE_CHARS_MIN: usize = 12;

/// Bytes of a WAL segment's header, and of a frame's before its id.
const SEGMENT_HEADER_BYTES: usize = 40;
const FRAME_HEADER_BYTES: usize = 56;

/// Planted values of a generated file that must not be found.
struct Planted {
    /// Texts that must be nowhere.
    secret: BTreeSet<String>,
    /// User names, each with one line: absent from the disk, yet found by a search.
    users: BTreeSet<String>,
}

/// Generates a file of lines and reads the manifest of what is planted in it.
fn generate(home: &Home) -> (String, Planted) {
    let arguments =
        ["generate", "--lines", LINES, "--seed", "11", "--span", "1h", "--manifest", "manifest"];
    let generated = run(&mut home.tierlog(&arguments));
    assert_eq!(generated.code, 0, "{}", generated.stderr);
    let manifest = fs::read_to_string(home.path().join("manifest")).expect("a manifest");
    let mut planted = Planted { secret: BTreeSet::new(), users: BTreeSet::new() };
    for entry in manifest.lines() {
        let entry: Value = serde_json::from_str(entry).expect("a JSON line");
        let value = entry["value"].as_str().expect("a value").to_owned();
        let searchable = entry["searchable"] == true;
        let of_its_kind = if searchable { &mut planted.users } else { &mut planted.secret };
        of_its_kind.insert(value);
    }
    assert!(planted.secret.len() > 100 && !planted.users.is_empty(), "the manifest is too thin");
    for value in planted.secret.iter().chain(&planted.users) {
        assert!(generated.stdout.contains(value.as_str()), "the manifest lies: {value}");
    }
    (generated.stdout, planted)
}

/// Looks for all planted texts in one pass.
struct Search {
    texts: AhoCorasick,
}

impl Search {
    fn new<'t>(texts: impl IntoIterator<Item = &'t String>) -> Search {
        Search { texts: AhoCorasick::new(texts).expect("few texts") }
    }

    /// Fails when one of the texts is in the bytes.
    #[track_caller]
    fn assert_absent(&self, bytes: &[u8], place: &str) {
        if let Some(found) = self.texts.find(bytes) {
            let around = found.start().saturating_sub(80)..(found.end() + 20).min(bytes.len());
            let around = String::from_utf8_lossy(&bytes[around]);
            let text = String::from_utf8_lossy(&bytes[found.range()]);
            panic!("{text:?} is in {place}: {around:?}");
        }
    }
}

/// Returns the inflated payload of every frame of a WAL segment, as `wal/mod.rs` draws it.
fn wal_payloads(segment: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(segment).expect("a segment");
    let mut rest = &bytes[SEGMENT_HEADER_BYTES..];
    let mut payloads = Vec::new();
    while rest.len() > FRAME_HEADER_BYTES {
        let number = |at: usize| {
            u32::from_le_bytes(rest[at..at + 4].try_into().expect("four bytes")) as usize
        };
        let (length, raw_length) = (number(0), number(28));
        let codec = rest[33];
        let id_length = match rest[34] {
            0 => 0,
            1 => 16,
            2 => 24,
            other => panic!("key {other}"),
        };
        let frame = &rest[..8 + length];
        let payload = &frame[FRAME_HEADER_BYTES + id_length..];
        payloads.push(match codec {
            0 => payload.to_vec(),
            1 => zstd::bulk::decompress(payload, raw_length).expect("zstd"),
            other => panic!("codec {other}"),
        });
        rest = &rest[8 + length..];
    }
    payloads
}

/// Returns the segments of the write-ahead log.
fn wal_segments(home: &Home) -> Vec<PathBuf> {
    let files = files_under(&home.data().join("wal"));
    files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "wal")).collect()
}

/// Looks everywhere for what must be nowhere.
#[track_caller]
fn assert_nowhere(server: &Server<'_>, search: &Search) {
    let home = server.home();
    for file in home.data_files() {
        // A file may be freed between the listing and the look.
        let bytes = fs::read(&file).unwrap_or_default();
        search.assert_absent(&bytes, &file.display().to_string());
    }
    search.assert_absent(&home.output(), "the server's output");
    for segment in wal_segments(home) {
        for payload in wal_payloads(&segment) {
            search.assert_absent(&payload, "the inflated write-ahead log");
        }
    }
    // Text in the document store is compressed, so every record is also looked at as it is given.
    let records: String = server.export("").iter().map(|record| format!("{record}\n")).collect();
    search.assert_absent(records.as_bytes(), "a record");
}

#[test]
fn planted_personal_data_is_nowhere_and_users_are_found() {
    let home = Home::with(&["log.level=trace", "query.track_total_max=1000000"]);
    let server = home.start();
    let (lines, planted) = generate(&home);
    let half = lines.lines().count() / 2;
    let split: usize = lines.lines().take(half).map(|line| line.len() + 1).sum();
    let (by_tcp, by_http) = lines.split_at(split);
    let mut tcp = server.tcp().with_acks();
    tcp.send(by_tcp.as_bytes());
    let rejected = tcp.await_ack(half as u64);
    let verdict = server.post_lines(by_http.as_bytes(), &[]).json();
    assert_eq!((rejected, &verdict["rejected"]), (0, &json!(0)), "{verdict}");
    server.await_count("", LINES.parse().expect("a number"));
    let search = Search::new(planted.secret.iter().chain(&planted.users));
    assert_nowhere(&server, &search);

    for user in planted.users.iter().take(20) {
        let hits = server.http().get(&server.query(&format!("/api/v1/users/{user}"))).json();
        let hits = hits["hits"].as_array().expect("hits").len();
        assert!(hits > 0, "{user} is not found");
        let same = server.search(&json!({"q": format!("user_id:\"{user}\""), "limit": 0}));
        assert!(same["total"]["value"].as_u64() >= Some(hits as u64), "{user}: {same}");
    }
    // No word of what was planted leads to a record either.
    for secret in planted.secret.iter().filter(|secret| !secret.contains(['"', '\\'])).take(50) {
        assert_eq!(server.count(&format!("\"{secret}\"")), 0, "{secret}");
    }
    assert_nowhere(&server, &search);

    // Sealing writes everything anew.
    let address = format!("http://{}", server.address("query"));
    let sealed = run(&mut home.tierlog(&["compact", "--all", "--server", &address]));
    assert_eq!(sealed.code, 0, "{}", sealed.stderr);
    assert_nowhere(&server, &search);
}

#[test]
fn a_rejected_line_is_redacted_wherever_it_is_repeated() {
    let home = Home::with(&["log.level=trace"]);
    let server = home.start();
    let planted = ["jane.roe@example.org", "4111111111111111", "hunter2-swordfish"];
    let search = Search::new(&planted.map(str::to_owned));
    let broken = "{\"email\":\"jane.roe@example.org\",\"password\":\"hunter2-swordfish\", cut";
    let listed = "[\"jane.roe@example.org\",\"4111111111111111\"]";
    let dated = "{\"timestamp\":\"jane.roe@example.org\",\"card\":\"4111111111111111\"}";
    let long = format!("{{\"password\":\"hunter2-swordfish\",\"x\":\"{}", "y".repeat(2 << 20));
    let body = [broken, listed, dated, "{\"message\":\"good\"}", &long].join("\n");
    // The name of a batch is text of the client too.
    let name = [("tierlog-batch-id", "jane.roe@example.org/1")];
    let answer = server.post_lines(body.as_bytes(), &name);
    assert_eq!(answer.json()["rejected"], 4, "{}", answer.text());
    search.assert_absent(answer.text().as_bytes(), "the answer");
    server.await_count("", 1);
    server.store(&line(&json!({"message": "last"})));
    assert_nowhere(&server, &search);
}

#[test]
fn a_user_id_is_found_by_its_plain_value_and_never_shown() {
    let home = Home::new();
    let server = home.start();
    for user in [json!(4_242_001), json!("4242001"), json!(" 4242001 "), json!("other")] {
        server.store(&line(&json!({"message": "hello", "user_id": user})));
    }
    let hits = server.hits("user_id:4242001");
    assert_eq!(hits.len(), 3, "{hits:?}");
    let token = hits[0]["user_id"].as_str().expect("a token").to_owned();
    assert!(token.starts_with("u_") && !token.contains("4242001"), "{token}");
    assert_eq!(server.count(&format!("user_id:{token}")), 3);
    let by_body =
        server.http().post_json(&server.query("/api/v1/users"), &json!({"user_id": "4242001"}));
    assert_eq!(by_body.json()["hits"].as_array().expect("hits").len(), 3);
    for pattern in ["user_id:42*", "user_id:[1 TO 5]", "user_id:/42.*/"] {
        let answer =
            server.http().post_json(&server.query("/api/v1/search"), &json!({"q": pattern}));
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (400, Some("pseudonymised_field"))
        );
    }
    server.terminate();
    // The same key after a restart: the old lines are still found.
    let server = home.start();
    assert_eq!(server.count("user_id:4242001"), 3);
}

#[test]
fn the_key_is_private_and_outside_the_data() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    drop(home.start());
    let keys = files_under(&home.keys());
    assert_eq!(keys.len(), 1, "{keys:?}");
    let mode = fs::metadata(&keys[0]).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    let key = fs::read_to_string(&keys[0]).expect("text");
    let secret: BTreeSet<String> = key
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(str::to_owned)
        .collect();
    assert_eq!(secret.len(), 1);
    let search = Search::new(&secret);
    for file in home.data_files() {
        search.assert_absent(&fs::read(&file).expect("a file"), "the data directory");
    }
    search.assert_absent(&home.output(), "the server's output");
}

/// A way into the server.
#[derive(Clone, Copy, Debug)]
enum Way {
    LinesHttp,
    LinesTcp,
    TextTcp,
    GelfHttp,
    GelfTcp,
    /// A line that is no JSON: a dead letter.
    Rejected,
}

const WAYS: [Way; 6] =
    [Way::LinesHttp, Way::LinesTcp, Way::TextTcp, Way::GelfHttp, Way::GelfTcp, Way::Rejected];

/// What is sent each way, and what must then be nowhere.
struct Traffic {
    lines: Vec<(Way, String)>,
    absent: BTreeSet<String>,
}

/// Takes turns of all ways with lines of the corpus. What the detectors do not find is the business
/// of the corpus's own bounds: here, what redaction takes out must not come in past redaction.
fn traffic() -> Traffic {
    let samples = labelled(31, NOTATIONS_COUNT);
    let candidates: Vec<(Way, Reading, String)> = samples
        .iter()
        .zip(WAYS.iter().cycle())
        .map(|(sample, way)| {
            let (record, text) = (sample.record(), sample.text());
            match way {
                Way::LinesHttp | Way::LinesTcp => (*way, Reading::Json, record),
                Way::Rejected => (*way, Reading::Json, record[..record.len() - 1].to_owned()),
                Way::TextTcp => (*way, Reading::Text, text.replace(['\n', '\r'], " ")),
                Way::GelfHttp | Way::GelfTcp => {
                    let message = json!({"version": "1.1", "host": "h", "short_message": text});
                    (*way, Reading::Json, message.to_string())
                }
            }
        })
        .collect();
    let pipeline = Pipeline::new().expect("a redactor");
    let mut traffic = Traffic { lines: Vec::new(), absent: BTreeSet::new() };
    for reading in [Reading::Json, Reading::Text] {
        let (samples, lines): (Vec<_>, Vec<_>) = samples
            .iter()
            .zip(&candidates)
            .filter(|(sample, (_, of, _))| {
                *of == reading && sample.secret.chars().count() >= VALUE_CHARS_MIN
            })
            .unzip();
        let texts: Vec<String> = lines.iter().map(|(_, _, line)| line.clone()).collect();
        let stored = pipeline.store(&texts, reading).expect("stored");
        for ((sample, (way, _, line)), stored) in samples.iter().zip(&lines).zip(stored) {
            let shown = stored.shown();
            if sample.written().iter().all(|value| !shown.contains(value)) {
                traffic.lines.push((*way, line.clone()));
                traffic.absent.extend(sample.written());
            }
        }
    }
    assert!(traffic.lines.len() > NOTATIONS_COUNT / 4, "{} lines are safe", traffic.lines.len());
    traffic
}

/// Sends lines one way; every answer of the server is looked at.
fn send(server: &Server<'_>, way: Way, lines: &[&String], search: &Search) {
    let joined = |end: &str| lines.iter().map(|line| format!("{line}{end}")).collect::<String>();
    let tcp = |listener: &str, sent: String| {
        let mut connection = Tcp::connect(server.address(listener));
        connection.send(sent.as_bytes());
        connection.finish();
        connection.rest()
    };
    let answers = match way {
        Way::LinesHttp | Way::Rejected => server.post_lines(joined("\n").as_bytes(), &[]).text(),
        Way::LinesTcp => {
            let hello = json!({"tierlog": {"ack": true}});
            tcp("tcp", format!("{hello}\n{}", joined("\n")))
        }
        Way::TextTcp => {
            let hello = json!({"tierlog": {"ack": true, "plain": true}});
            tcp("tcp", format!("{hello}\n{}", joined("\n")))
        }
        Way::GelfTcp => tcp("of_gelf", joined("\0")),
        Way::GelfHttp => lines
            .iter()
            .map(|line| server.http().post(&server.ingest("/gelf"), line.as_bytes(), &[]).text())
            .collect(),
    };
    search.assert_absent(answers.as_bytes(), &format!("an answer to {way:?}"));
}

#[test]
fn every_notation_over_every_protocol_is_nowhere() {
    let home = Home::with(&[
        "log.level=trace",
        "query.track_total_max=1000000",
        "listeners.of_gelf.protocol=gelf_tcp",
        "listeners.of_gelf.transport=tcp",
        "listeners.of_gelf.listen=127.0.0.1:0",
    ]);
    let server = home.start();
    let traffic = traffic();
    let search = Search::new(&traffic.absent);
    for way in WAYS {
        let of_way = traffic.lines.iter().filter(|(of, _)| *of as usize == way as usize);
        let lines: Vec<&String> = of_way.map(|(_, line)| line).collect();
        assert!(lines.len() > 50, "{way:?}: only {} lines", lines.len());
        send(&server, way, &lines, &search);
    }
    let last = server.post_lines(line(&json!({"message": "last of all"})).as_bytes(), &[]);
    assert_eq!(last.status, 200, "{}", last.text());
    server.await_count("\"last of all\"", 1);
    let letters = server.http().get(&server.query("/api/v1/dead-letters?limit=1000"));
    assert!(letters.json()["total"].as_u64() > Some(50), "{}", letters.text());
    search.assert_absent(letters.text().as_bytes(), "the dead letters");
    let metrics = server.http().get(&server.query("/metrics"));
    search.assert_absent(metrics.text().as_bytes(), "the metrics");
    assert_nowhere(&server, &search);
    let address = format!("http://{}", server.address("query"));
    let sealed = run(&mut home.tierlog(&["compact", "--all", "--server", &address]));
    assert_eq!(sealed.code, 0, "{}", sealed.stderr);
    assert_nowhere(&server, &search);
}
