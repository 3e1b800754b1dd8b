//! Every protocol of ingest as its clients speak it, from its socket to a search: the registry of
//! protocols is walked, so that none is without a fixture, a row of the documents and a label.

use std::path::Path;

use serde_json::json;
use tierlog_ingest::{Transport, protocols};

use crate::harness::{Home, Scrape, Server, Tcp};

/// Returns what clients of a protocol send: for HTTP behind a line with method and path.
fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/protocols");
    let text = std::fs::read_to_string(path.join(format!("{name}.txt")));
    text.unwrap_or_else(|error| panic!("the protocol {name} has no fixture: {error}"))
}

/// Sends a fixture as a client of its protocol does.
fn send(server: &Server<'_>, name: &str, transport: Transport) {
    let sent = fixture(name);
    match transport {
        Transport::Http => {
            let (head, body) = sent.split_once('\n').expect("a head and a body");
            let path = head.strip_prefix("POST ").expect("a post");
            let answer = server.http().post(&server.ingest(path), body.as_bytes(), &[]);
            assert!((200..300).contains(&answer.status), "{name}: {}", answer.text());
        }
        Transport::Tcp => {
            let mut connection = Tcp::connect(server.address(&format!("of_{name}")));
            connection.send(sent.as_bytes());
            connection.finish();
            let _answers = connection.rest();
        }
    }
}

#[test]
fn every_protocol_brings_its_records_to_a_search() {
    let listeners: Vec<String> = protocols()
        .filter(|(_, transport)| *transport == Transport::Tcp)
        .flat_map(|(name, _)| {
            let key = format!("listeners.of_{name}");
            [
                format!("{key}.protocol={name}"),
                format!("{key}.transport=tcp"),
                format!("{key}.listen=127.0.0.1:0"),
            ]
        })
        .collect();
    let home = Home::with(&listeners.iter().map(String::as_str).collect::<Vec<_>>());
    let server = home.start();
    let accepted = |name: &str| {
        let series = format!("tierlog_ingest_accepted_records_total{{protocol=\"{name}\"}}");
        Scrape::of(&server).value(&series)
    };
    for (sent_count, (name, transport)) in (1..).zip(protocols()) {
        assert_eq!(accepted(name), 0.0, "{name} starts at zero");
        send(&server, name, transport);
        server.await_count("\"protocol fixture\"", 2 * sent_count);
        server.await_count("\"protocol fixture\" level:error user_id:4242", sent_count);
        assert_eq!(accepted(name), 2.0, "{name}");
    }
    let files = home.data_files();
    let leaks = files.iter().filter(|file| {
        std::fs::read(file)
            .is_ok_and(|bytes| bytes.windows(15).any(|text| text == b"ada@example.org"))
    });
    assert_eq!(leaks.count(), 0, "raw text on the disk");
}

#[test]
fn every_protocol_has_a_row_in_the_documents() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ingest.md");
    let text = std::fs::read_to_string(path).expect("a document");
    for (name, _) in protocols() {
        assert!(text.contains(&format!("\n| `{name}` |")), "docs/ingest.md: no row of {name}");
    }
}

#[test]
fn gelf_is_answered_in_its_own_form_whoever_refuses() {
    let home = Home::with(&["ingest.http.body_max=1KiB", "ingest.limits.line_max=1KiB"]);
    let server = home.start();
    let ask = |body: &[u8], headers: &[(&str, &str)]| {
        let answer = server.http().post(&server.ingest("/gelf"), body, headers);
        (answer.status, answer.header("content-type").map(str::to_owned), answer.text())
    };
    let (status, _, text) = ask(b"{\"short_message\":\"a\",\"host\":\"b\"}", &[]);
    assert_eq!((status, &*text), (202, ""));
    let plain = Some("text/plain; charset=utf-8".to_owned());
    let (status, kind, text) = ask(b"rubbish", &[]);
    assert_eq!((status, &kind), (400, &plain));
    assert!(text.starts_with("1 of 1 messages could not be read"), "{text}");
    let (status, kind, text) = ask(&[b' '; 2048], &[]);
    assert_eq!((status, &kind), (413, &plain));
    assert!(text.contains("ingest.http.body_max"), "{text}");
    // What the listener refuses before any protocol has the protocol's form too.
    let (status, kind, text) = ask(b"{}", &[("host", "evil.example")]);
    assert_eq!((status, &kind), (421, &plain), "{text}");
    let answer = server.http().get(&server.ingest("/gelf"));
    assert_eq!((answer.status, answer.header("content-type")), (405, plain.as_deref()));
    let other = server.http().post(&server.ingest("/api/v1/ingest"), b"rubbish", &[]);
    assert_eq!(other.json()["code"], json!("nothing_readable"), "our own form is as ever");
    let letters = server.http().get(&server.query("/api/v1/dead-letters")).json();
    assert_eq!(letters["total"], json!(2), "what cannot be read is kept: {letters}");
}
