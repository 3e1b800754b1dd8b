//! Encodings of request bodies, and bodies whose content belies their headers.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::json;

use crate::harness::{Home, numbered};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 1).expect("memory")
}

#[test]
fn bodies_are_inflated() {
    let home = Home::new();
    let server = home.start();
    let bodies = [
        ("gzip", gzip(numbered(0..100).as_bytes())),
        ("deflate", deflate(numbered(100..200).as_bytes())),
        ("zstd", zstd(numbered(200..300).as_bytes())),
        ("identity", numbered(300..400).into_bytes()),
        // Two consecutive members are one body, by RFC 1952.
        (
            "gzip",
            [gzip(numbered(400..450).as_bytes()), gzip(numbered(450..500).as_bytes())].concat(),
        ),
    ];
    for (encoding, body) in bodies {
        let answer = server.post_lines(&body, &[("content-encoding", encoding)]);
        assert_eq!(answer.status, 200, "{encoding}: {}", answer.text());
        assert_eq!(answer.json()["accepted"], 100, "{encoding}: {}", answer.text());
    }
    server.await_count("", 500);
}

#[test]
fn a_body_that_is_not_what_it_says_is_refused_whole_by_name() {
    let home = Home::new();
    let server = home.start();
    let mut torn = gzip(numbered(0..100).as_bytes());
    torn.truncate(torn.len() / 2);
    for (encoding, body, status) in [
        ("gzip", b"not gzip at all".to_vec(), 400),
        ("zstd", b"not zstd at all".to_vec(), 400),
        ("gzip", torn, 400),
        ("br", b"a codec that nobody offered".to_vec(), 415),
    ] {
        let answer = server.post_lines(&body, &[("content-encoding", encoding)]);
        assert_eq!(answer.status, status, "{encoding}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert!(answer.json()["code"].is_string(), "{}", answer.text());
    }
    let answer = server.post_lines(b"{\"message\":\"next\"}\n", &[]);
    assert_eq!(answer.json()["accepted"], 1);
    server.await_count("", 1);
}

#[test]
fn a_bomb_of_any_codec_is_too_large_and_costs_bounded_memory() {
    let home = Home::with(&["ingest.http.inflated_max=8MiB", "ingest.http.body_max=8MiB"]);
    let server = home.start();
    let zeros = vec![b' '; 256 << 20];
    let bombs = [("gzip", gzip(&zeros)), ("deflate", deflate(&zeros)), ("zstd", zstd(&zeros))];
    drop(zeros);
    let mut resident = Vec::new();
    for _ in 0..4 {
        for (encoding, bomb) in &bombs {
            assert!(bomb.len() < 1 << 20, "{encoding} makes it {} bytes", bomb.len());
            let answer = server.post_lines(bomb, &[("content-encoding", encoding)]);
            assert_eq!(answer.status, 413, "{encoding}: {}", answer.text());
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        }
        resident.push(server.resident_bytes());
    }
    let grown = resident[3].saturating_sub(resident[0]);
    assert!(resident[3] < 192 << 20 && grown < 32 << 20, "{resident:?} bytes after each round");
    assert_eq!(server.post_lines(numbered(0..1).as_bytes(), &[]).json()["accepted"], 1);
    assert_eq!(server.post_lines(numbered(1..2).as_bytes(), &[]).json()["accepted"], 1);
    server.await_count("", 2);
}

#[test]
fn a_body_beyond_the_limit_is_too_large() {
    let home = Home::with(&["ingest.http.body_max=64KiB", "ingest.limits.line_max=16KiB"]);
    let server = home.start();
    // The client sees the answer also when it is given before the body has arrived.
    for bytes in [80 << 10, 8 << 20] {
        let answer = server.post_lines(&vec![b' '; bytes], &[]);
        assert_eq!((answer.status, &answer.json()["code"]), (413, &json!("too_large")));
        let answer = server.post_lines(&vec![b' '; bytes], &[("content-encoding", "br")]);
        assert_eq!(answer.status, 415, "{}", answer.text());
    }
    assert_eq!(server.post_lines(numbered(0..1).as_bytes(), &[]).json()["accepted"], 1);
}

#[test]
fn a_body_in_which_nothing_can_be_read_is_a_bad_request() {
    let home = Home::new();
    let server = home.start();
    let url = server.ingest("/api/v1/ingest");
    let answer = server.http().post(&url, b"{\"cut off", &[("content-type", "application/json")]);
    assert_eq!(answer.status, 400, "{}", answer.text());
    let answer = server.http().post(&url, b"<log/>", &[("content-type", "text/xml")]);
    assert_eq!(answer.status, 415, "{}", answer.text());
}
