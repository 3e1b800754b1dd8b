//! Lines of real loggers and servers are read by their meaning: `tests/fixtures/real_lines` holds
//! lines of each program, and the facts known to the program.
//!
//! `.ci/clients` runs the same programs anew; here their captured lines need nothing but the
//! binary.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tierlog_model::Timestamp;

use crate::harness::{Home, Server, Tcp};

/// The captured lines are of one day; no tier may forget it.
const LONG: [&str; 4] = [
    "store.tiers.critical.days=36500",
    "store.tiers.warning.days=36500",
    "store.tiers.info.days=36500",
    "store.tiers.debug.days=36500",
];

/// Fewest programs of which lines are kept: a table that lost its rows must not pass.
const PROGRAMS_MIN: usize = 60;

/// What one program printed.
struct Program {
    name: String,
    text: Vec<u8>,
    expected: Vec<Value>,
}

fn programs() -> Vec<Program> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/real_lines");
    let entries = fs::read_dir(directory).expect("the fixtures").flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    assert!(paths.len() >= PROGRAMS_MIN, "only {} programs", paths.len());
    paths.iter().map(|path| program(path)).collect()
}

fn program(path: &Path) -> Program {
    let expected = fs::read_to_string(path.with_extension("jsonl")).expect("what it means");
    let parse = |line| serde_json::from_str(line).expect("a JSON line");
    Program {
        name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
        text: fs::read(path).expect("its lines"),
        expected: expected.lines().map(parse).collect(),
    }
}

#[test]
fn lines_of_real_programs_are_read_as_what_they_mean() {
    let home = Home::with(&LONG);
    let server = home.start();
    let programs = programs();
    let mut wrong = Vec::new();
    for program in &programs {
        let rejected = send(&server, program);
        if rejected > 0 {
            wrong.push(format!("{}: {rejected} lines are rejected", program.name));
        }
    }
    await_all(&server);
    for program in &programs {
        let records = server.hits(&format!("source:{:?}", program.name));
        let problems = compare(program, &records);
        wrong.extend(problems.iter().map(|problem| format!("{}: {problem}", program.name)));
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    counts_of_errors_agree(&server, &programs);
}

/// Waits until all that was acknowledged can be found: a line of each level, on the day of the
/// fixtures and today, comes last into every partition.
fn await_all(server: &Server<'_>) {
    let levels = ["debug", "info", "warning", "error", "critical"];
    let lines: Vec<String> = levels
        .iter()
        .flat_map(|level| {
            let today = json!({"level": level, "source": "last"});
            let then = json!({"level": level, "source": "last", "time": "2026-11-30T10:00:00Z"});
            [format!("{today}\n"), format!("{then}\n")]
        })
        .collect();
    let answer = server.post_lines(lines.concat().as_bytes(), &[]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    server.await_count("source:last", 2 * levels.len() as u64);
}

/// The answer to "errors by type" is the number of exceptions that the programs raised.
fn counts_of_errors_agree(server: &Server<'_>, programs: &[Program]) {
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    let known = programs.iter().filter(|program| states_errors(program));
    for record in known.clone().flat_map(|program| &program.expected) {
        if let Some(name) = record["error_type"].as_str() {
            *expected.entry(name.to_owned()).or_default() += 1;
        }
    }
    let names: Vec<&str> = known.map(|program| program.name.as_str()).collect();
    let aggregations = json!({"types": {"terms": {"field": "error_type", "size": 100}}});
    let q = format!("source:IN [{}] AND error_type:*", names.join(" "));
    let answer = server
        .http()
        .post_json(&server.query("/api/v1/aggregate"), &json!({"q": q, "aggs": aggregations}));
    let answer = answer.json();
    let buckets = answer["aggregations"]["types"]["buckets"].as_array().expect("buckets");
    let counted: BTreeMap<String, u64> = buckets
        .iter()
        .map(|bucket| {
            let key = bucket["key"].as_str().expect("a text").to_owned();
            (key, bucket["doc_count"].as_u64().expect("a count"))
        })
        .collect();
    assert_eq!(counted, expected);
}

/// Tells whether a program knew of each record whether it has an error, and of which type.
fn states_errors(program: &Program) -> bool {
    program.expected.iter().all(|record| record.get("error_type").is_some())
}

/// Sends a program's lines as `tierlog send --plain` does; returns how many were rejected.
fn send(server: &Server<'_>, program: &Program) -> u64 {
    let handshake = json!({"tierlog": {"ack": true, "plain": true, "source": program.name}});
    let mut connection = Tcp::connect(server.address("tcp"));
    connection.send(format!("{handshake}\n").as_bytes());
    connection.send(&program.text);
    connection.finish();
    let lines = program.text.iter().filter(|byte| **byte == b'\n').count();
    let mut last = (0, 0);
    while let Some(ack) = connection.next_ack() {
        last = ack;
    }
    let is_blank = |line: &&[u8]| line.trim_ascii().is_empty();
    let blank = program.text.split(|byte| *byte == b'\n').filter(is_blank).count();
    let most = u64::try_from(lines).expect("a count");
    let least = most.saturating_sub(u64::try_from(blank).expect("a count"));
    assert!((least..=most).contains(&last.0), "{}: {last:?} of {most} lines", program.name);
    last.1
}

/// Matches expected records with stored records, and reports missing and extra records.
fn compare(program: &Program, records: &[Value]) -> Vec<String> {
    let mut left: Vec<&Value> = records.iter().collect();
    let mut problems = Vec::new();
    for expected in &program.expected {
        match left.iter().position(|record| differences(expected, record).is_empty()) {
            Some(place) => {
                left.remove(place);
            }
            None => problems.push(closest(expected, &left)),
        }
    }
    if records.len() > program.expected.len() {
        let further = left.iter().map(|record| format!("a record too much: {record}"));
        problems.extend(further);
    }
    problems
}

/// Says of an expected record that no record is, how the nearest one differs: the first that has
/// its message, if any.
fn closest(expected: &Value, left: &[&Value]) -> String {
    let nearest = left.iter().map(|record| differences(expected, record)).min_by_key(|problems| {
        (problems.iter().any(|text| text.starts_with("message")), problems.len())
    });
    let problems = nearest.unwrap_or_else(|| vec!["no record is left".to_owned()]);
    format!("{expected}\n    {}", problems.join("\n    "))
}

fn differences(expected: &Value, record: &Value) -> Vec<String> {
    let all = expected.as_object().expect("an object");
    all.iter()
        .filter(|(name, value)| !agrees(name, value, record, all))
        .map(|(name, value)| format!("{name}: expected {value}, got {}", record[field(name)]))
        .collect()
}

fn field(name: &str) -> &str {
    match name {
        "from_ms" | "to_ms" => "timestamp",
        "duration_ms_max" => "duration_ms",
        other => other,
    }
}

fn agrees(name: &str, expected: &Value, record: &Value, all: &Map<String, Value>) -> bool {
    let got = &record[field(name)];
    match name {
        // What a layout writes behind a message may stay there.
        "message" => got
            .as_str()
            .is_some_and(|got| expected.as_str().is_some_and(|head| got.starts_with(head))),
        // Moments in a common form sort as texts do.
        "from_ms" => {
            let [from, to] = ["from_ms", "to_ms"].map(|name| moment(&all[name]));
            got.as_str().is_some_and(|got| (from.as_str()..=to.as_str()).contains(&got))
        }
        "to_ms" => true,
        "duration_ms_max" => got.as_f64() <= expected.as_f64() && got.is_number(),
        "duration_ms" if expected.is_number() => {
            let expected = expected.as_f64().unwrap_or_default();
            got.as_f64().is_some_and(|got| (got - expected).abs() <= expected.max(1.0) * 1e-3)
        }
        // Stored as a pseudonym, searched by the plain id: `.ci/clients` does.
        "user_id" => got.as_str().is_some_and(|got| got.starts_with("u_")),
        _ => got == expected,
    }
}

/// Writes milliseconds since 1970 as a record has its moment.
fn moment(milliseconds: &Value) -> String {
    let micros = milliseconds.as_i64().expect("milliseconds") * 1000;
    Timestamp::from_micros(micros).expect("a moment").to_string()
}
