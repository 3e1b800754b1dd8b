//! Pseudonyms end to end: the plain id of a user finds every line that has the id, in fields, paths
//! and texts, hot and sealed, by two keys; and the id itself is nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use crate::harness::{Home, Server, line, run};

/// A second key: 32 bytes that are all 9.
const OTHER_KEY: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=";

/// Names of users beside those that are covered from the start.
const PLACES: &str = "redaction.pseudonyms.places=[\"user_ids={user_id}\", \"users.id={user_id}\", \
     \"username={user_id}\", \"sub={user_id}\", \"/users/{user_id}\", \"user #{user_id}\", \
     \"user {user_id}\"]";

/// Ids as they are asked for, and a second spelling of each.
const USERS: [[&str; 2]; 4] = [
    ["748201935", "748201935.0"],
    ["lovelace@analytical.example", "Lovelace@Analytical.Example"],
    ["9f1c2d34-5b6a-4789-8abc-d0e1f2a3b4c5", "9F1C2D34-5B6A-4789-8ABC-D0E1F2A3B4C5"],
    ["jose\u{301}-58120", "jos\u{e9}-58120"],
];

/// Returns a line with an id in one of the places, all of them covered.
fn planted(place: usize, id: &str) -> Value {
    let encoded: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
    match place {
        0 => json!({"message": "field", "user_id": id}),
        1 => json!({"message": "list", "user_ids": ["1", id]}),
        2 => json!({"message": "objects", "users": [{"id": "2"}, {"id": id, "x": 1}]}),
        3 => json!({"message": "name", "username": id}),
        4 => json!({"message": "claim", "claims": {"sub": id}}),
        5 => json!({"message": "path", "path": format!("/api/users/{encoded}/profile")}),
        6 => json!({"message": format!("GET /users/{encoded} 200")}),
        7 => json!({"message": format!("granted to user_id={id}, done")}),
        8 => json!({"message": format!("{{\"userId\":\"{id}\"}}")}),
        9 => json!({"message": "error", "error": {"message": format!("no user_id: '{id}'")}}),
        10 => json!({"message": "two", "user_id": "other", "note": format!("user_id={id}")}),
        11 => {
            json!({"message": "referrer", "headers": {"referer": format!("https://h/users/{encoded}?a=b")}})
        }
        12 => json!({"message": "pair", "list": [{"key": "user_id", "value": id}]}),
        _ => json!({"message": format!("\u{1b}[32muser_id\u{1b}[0m={id}"), "user_id": id}),
    }
}

const PLACE_COUNT: usize = 14;

/// Stores lines of all users and places, and lines of nobody; notes the numbers of the lines of
/// each user.
fn store(server: &Server<'_>, numbers: &mut u64, lines_of: &mut BTreeMap<usize, BTreeSet<u64>>) {
    let mut body = String::new();
    let mut add = |mut members: Value, number: u64| {
        members["n"] = json!(number);
        members["level"] = json!(["info", "error", "debug"][number as usize % 3]);
        body.push_str(&line(&members));
    };
    for place in 0..PLACE_COUNT {
        for (user, spellings) in USERS.iter().enumerate() {
            *numbers += 1;
            add(planted(place, spellings[*numbers as usize % 2]), *numbers);
            lines_of.entry(user).or_default().insert(*numbers);
        }
        *numbers += 1;
        add(planted(place, "314159265"), *numbers);
    }
    server.store(&body);
}

fn numbers_of(hits: &[Value]) -> BTreeSet<u64> {
    hits.iter().map(|hit| hit["n"].as_u64().expect("a number")).collect()
}

/// Asks for each user in every way that there is.
fn check_found(server: &Server<'_>, lines_of: &BTreeMap<usize, BTreeSet<u64>>, state: &str) {
    for (user, spellings) in USERS.iter().enumerate() {
        let expected = &lines_of[&user];
        for id in spellings {
            let q = format!("user_id:\"{id}\"");
            let found = server.search(&json!({"q": q, "limit": 1_000}));
            let hits = found["hits"].as_array().expect("hits");
            assert_eq!(&numbers_of(hits), expected, "{q}, {state}");
            let without = server.count(&format!("NOT {q}"));
            assert_eq!(without + expected.len() as u64, server.count(""), "{q}, {state}");

            let asked = json!({"user_id": id, "limit": 1_000});
            let by_body = server.http().post_json(&server.query("/api/v1/users"), &asked).json();
            let hits = by_body["hits"].as_array().expect("hits");
            assert_eq!(&numbers_of(hits), expected, "{id}, {state}");

            let aggs = json!({"of": {"filter": {"query_string": {"query": q}}}});
            let asked = json!({"q": "", "aggs": aggs});
            let counted = server.http().post_json(&server.query("/api/v1/aggregate"), &asked);
            let counted = counted.json();
            let count = counted.pointer("/aggregations/of/doc_count").and_then(Value::as_u64);
            assert_eq!(count, Some(expected.len() as u64), "{counted}, {state}");
        }
    }
    // A path with an id in it is asked for as it was.
    let q = format!("path:\"/api/users/{}/profile\"", USERS[0][0]);
    assert_eq!(server.count(&q), 2, "{q}, {state}");
    let q = format!("path:/api/users/{}/*", USERS[0][0]);
    assert_eq!(server.count(&q), 2, "{q}, {state}");
    let q = format!("\"user_id={}, done\"", USERS[0][0]);
    assert_eq!(server.count(&q), 2, "{q}, {state}");
    // Another name of the identity asks for that field alone.
    let q = format!("username:\"{}\"", USERS[1][0]);
    assert_eq!(server.count(&q), 2, "{q}, {state}");
}

/// Fails when a plain id is in a file, in what the server printed, or in a record.
fn assert_nowhere(server: &Server<'_>) {
    let home = server.home();
    let ids = || USERS.iter().flatten().map(|id| id.as_bytes());
    let check = |bytes: &[u8], place: &str| {
        for id in ids() {
            let is_there = bytes.windows(id.len()).any(|here| here == id);
            assert!(!is_there, "{} is in {place}", String::from_utf8_lossy(id));
        }
    };
    for file in home.data_files() {
        check(&fs::read(&file).unwrap_or_default(), &file.display().to_string());
    }
    check(&home.output(), "the server's output");
    let records: String = server.export("").iter().map(|record| format!("{record}\n")).collect();
    check(records.as_bytes(), "a record");
    let metrics = server.http().get(&server.query("/metrics")).text();
    check(metrics.as_bytes(), "the metrics");
    for id in USERS.iter().flatten() {
        for q in [
            format!("user_id:{id}*"),
            format!("user_id:[\"{id}\" TO *]"),
            format!("user_id:/{id}/"),
        ] {
            let refused =
                server.http().post_json(&server.query("/api/v1/search"), &json!({ "q": q }));
            assert_eq!(refused.status, 400, "{q}");
            check(refused.text().as_bytes(), "a refusal");
        }
    }
    check(&home.output(), "the server's output");
}

#[test]
fn a_plain_id_finds_every_line_and_is_nowhere() {
    let home = Home::with(&[PLACES, "log.level=trace"]);
    let (mut numbers, mut lines_of) = (0, BTreeMap::new());
    let server = home.start();
    store(&server, &mut numbers, &mut lines_of);
    server.terminate();

    let key_file = home.keys().join("pseudonym.key");
    let old = fs::read_to_string(&key_file).expect("the key file");
    fs::write(&key_file, format!("{OTHER_KEY}\n{old}")).expect("the key file");
    let server = home.start();
    store(&server, &mut numbers, &mut lines_of);
    server.await_count("", numbers);
    check_found(&server, &lines_of, "hot");
    assert_nowhere(&server);

    let address = format!("http://{}", server.address("query"));
    let sealed = run(&mut home.tierlog(&["compact", "--all", "--server", &address]));
    assert_eq!(sealed.code, 0, "{}", sealed.stderr);
    check_found(&server, &lines_of, "sealed");
    assert_nowhere(&server);
    // The id filter of a sealed day says of a user that nobody wrote about that the day has none.
    let nobody = server.search(&json!({"q": "user_id:271828182", "limit": 0}));
    assert_eq!(nobody["total"]["value"], 0);
}

#[test]
fn an_exported_line_is_stored_again_as_it_is() {
    let home = Home::with(&[PLACES]);
    let server = home.start();
    let (mut numbers, mut lines_of) = (0, BTreeMap::new());
    store(&server, &mut numbers, &mut lines_of);
    let first = server.export("");
    let again: String = first.iter().map(|record| format!("{record}\n")).collect();
    server.store(&again);
    server.await_count("", 2 * numbers);
    let mut copies: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
    for record in server.export("") {
        copies.entry(record["n"].as_u64().expect("a number")).or_default().push(record);
    }
    for (number, pair) in copies {
        assert_eq!(pair.len(), 2, "{number}");
        for name in ["message", "user_id", "_pseudonyms", "username", "path", "users", "list"] {
            assert_eq!(pair[0].get(name), pair[1].get(name), "{name} of {number}");
        }
    }
    for (user, [id, _]) in USERS.iter().enumerate() {
        let expected = 2 * lines_of[&user].len() as u64;
        assert_eq!(server.count(&format!("user_id:\"{id}\"")), expected, "{id}");
    }
}

#[test]
fn a_place_that_says_nothing_stops_the_start() {
    let home = Home::with(&["redaction.pseudonyms.places=[\"/users/{usr_id}\"]"]);
    let refused = run(&mut home.serve(&home.path().join("never.json")));
    assert_ne!(refused.code, 0);
    assert!(home.output_text().contains("usr_id"), "{}", home.output_text());
}
