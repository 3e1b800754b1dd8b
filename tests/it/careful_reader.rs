//! What a careful reader looks for first: headers of every answer, links beside files that are
//! written, and text of lines that a terminal would obey.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::harness::{Answer, Home, Server, line, run, shown};

#[track_caller]
fn check_headers(what: &str, answer: &Answer) {
    let headers = ["x-content-type-options", "cache-control"].map(|name| answer.header(name));
    assert_eq!(headers, [Some("nosniff"), Some("no-store")], "{what}: {}", answer.status);
}

#[test]
fn no_answer_is_guessed_at_or_kept_by_a_cache() {
    let home = Home::new();
    let server = home.start();
    server.post_lines(b"{broken\n", &[]);
    let http = server.http();
    let contract = http.get(&server.query("/api/v1/openapi.json")).json();
    let paths = contract["paths"].as_object().expect("paths");
    assert!(paths.len() > 20);
    for (path, methods) in paths {
        let path = path.replace("{request_id}", "r").replace("{user_id}", "u");
        let path = path.replace("{name}", "level").replace("{id}", "1");
        // A live tail answers for as long as somebody listens.
        if path == "/api/v1/tail" {
            continue;
        }
        for url in [server.query(&path), server.ingest(&path)] {
            if methods.get("get").is_some() {
                check_headers(&url, &http.get(&url));
            }
            // Without a confirmation, a body or a selection: refused by each in its own way.
            check_headers(&url, &http.post(&url, b"", &[]));
        }
    }
    for url in [server.query("/nowhere"), server.ingest("/nowhere"), server.query("/")] {
        check_headers(&url, &http.get(&url));
    }
    let url = server.query("/api/v1/search");
    let foreign = http.post(&url, b"{}", &[("host", "rebound.example")]);
    assert_eq!(foreign.status, 421, "{}", foreign.text());
    check_headers("a foreign host", &foreign);
    check_headers("a body of no kind", &http.post(&url, b"nonsense", &[("content-type", "x/y")]));
}

/// Characters by which text of a line could change how a terminal shows it: direction overrides,
/// isolates and marks, separators, controls of ASCII and behind it, what is not seen.
const ACTING: &str = "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\
     \u{200e}\u{200f}\u{61c}\u{2028}\u{2029}\u{1b}\u{7f}\u{9b}\u{feff}\u{200b}\u{e0041}";

/// Tells whether text is harmless on a terminal.
#[track_caller]
fn check_harmless(what: &str, text: &str) {
    let acting: Vec<char> = text.chars().filter(|character| ACTING.contains(*character)).collect();
    assert!(acting.is_empty(), "{what}: {acting:?} in {text}");
}

fn store_acting(server: &Server<'_>) -> String {
    let text = format!("admin{ACTING}gnp.exe");
    server.store(&line(&json!({
        "level": "error", "message": text, "service": text, "request_id": "r-1", "user_id": "u-1",
        "error_type": text, "list": [text], text.clone(): text, "nested": {"name": [{"a": text}]},
        "stack": format!("Traceback (most recent call last):\n  {text}\nKeyError: {text}"),
    })));
    text
}

#[test]
fn no_output_of_the_command_line_obeys_a_line() {
    let home = Home::new();
    let server = home.start();
    let text = store_acting(&server);
    let rejected = format!("{{\"message\": \"{text}\", broken\n");
    let url = server.ingest("/api/v1/ingest?service=%E2%80%AEx&source=%E2%80%AEx");
    server.http().post(&url, rejected.as_bytes(), &[]);
    let letters = server.http().get(&server.query("/api/v1/dead-letters")).json();
    let letter = letters["letters"][0]["id"].to_string();
    for format in ["pretty", "json", "csv"] {
        for arguments in [
            vec!["search", ""],
            vec!["search", "", "--fields", "message,error_type,list"],
            vec!["request", "r-1"],
            vec!["user", "u-1"],
            vec!["stats", "", "--by", "error_type"],
            vec!["stats", "", "--by", "service", "--metric", "count"],
            vec!["dead-letters", "list"],
            vec!["dead-letters", "show", &letter],
        ] {
            let arguments: Vec<&str> = arguments.into_iter().chain(["--format", format]).collect();
            let done = server.run(&arguments);
            assert_eq!(done.code, 0, "{arguments:?}: {}", shown(&done));
            check_harmless(&format!("{arguments:?}"), &done.stdout);
            check_harmless(&format!("{arguments:?} on stderr"), &done.stderr);
        }
    }
    // No answer and no log line quotes an unreadable query as written.
    for arguments in [["search", "field:(\u{202e}"], ["search", "nosuch\u{202e}:x"]] {
        let done = server.run(&arguments);
        check_harmless(&format!("{arguments:?}"), &format!("{}{}", done.stdout, done.stderr));
    }
}

#[test]
fn json_of_the_command_line_is_the_value_that_was_stored() {
    let home = Home::new();
    let server = home.start();
    let text = store_acting(&server);
    let done = server.run(&["search", "", "--format", "json"]);
    let record: Value = serde_json::from_str(&done.stdout).expect("one object a line");
    assert_eq!((&record["message"], &record["list"]), (&json!(text), &json!([text])), "{record}");
    let stats = server.run(&["stats", "", "--by", "error_type", "--format", "json"]);
    let row: Value = serde_json::from_str(&stats.stdout).expect("one object a line");
    assert_eq!(row["error_type"], json!(text));
}

#[test]
fn the_addresses_file_is_written_through_no_link() {
    let home = Home::new();
    let victim = home.path().join("victim");
    fs::write(&victim, "precious").expect("a scratch file");
    for name in ["addresses.json", "addresses.json.new"] {
        symlink(&victim, home.path().join(name)).expect("a link");
    }
    let server = home.start();
    assert_eq!(fs::read_to_string(&victim).expect("a file"), "precious");
    let written = home.path().join("addresses.json");
    assert!(fs::symlink_metadata(&written).expect("a file").is_file(), "the link was replaced");
    let addresses: Value =
        serde_json::from_slice(&fs::read(&written).expect("a file")).expect("JSON");
    assert_eq!(addresses["query"], server.address("query"));
    assert!(!home.path().join("addresses.json.new").exists());
}

#[test]
fn an_addresses_file_that_cannot_be_written_leaves_nothing_behind() {
    let home = Home::new();
    let taken = home.path().join("addresses.json");
    fs::create_dir(&taken).expect("a directory");
    let refused = run(&mut home.serve(&taken));
    assert_ne!(refused.code, 0);
    assert!(home.output_text().contains("addresses.json"), "{}", home.output_text());
    assert!(!home.path().join("addresses.json.new").exists());
}
