//! A data directory has one server, through removed files, moves and links.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::{Home, Run, numbered, run};

/// Starts a server of its own on a path of the home, and returns how it was refused.
#[track_caller]
fn refused(home: &Home, data: &str) -> Run {
    let second = run(home
        .tierlog(&["serve", "--data", data, "--addresses-file", "second.json"])
        .args(["--set", "ingest.tcp.listen=127.0.0.1:0", "--set", "query.listen=127.0.0.1:0"])
        .args(["--set", "ingest.http.listen=127.0.0.1:0"]));
    assert_eq!(second.code, 1, "{}", second.stderr);
    assert!(!home.path().join("second.json").exists(), "it never was ready");
    second
}

#[test]
fn removing_files_does_not_let_a_second_server_in() {
    let home = Home::new();
    let server = home.start();
    server.store(&numbered(0..10));
    // Whatever lies directly in the directory, a lock file of an earlier build among it.
    fs::write(home.data().join("LOCK"), "").expect("a file of ours");
    for entry in fs::read_dir(home.data()).expect("the data directory").flatten() {
        let name = entry.file_name();
        if entry.path().is_file() && name != "tierlog.json" {
            fs::remove_file(entry.path()).expect("a file of ours");
        }
        let second = refused(&home, "data");
        let last = second.stderr.lines().last().unwrap_or_default();
        assert!(last.contains("data") && last.contains("another process"), "{last}");
    }
    symlink(home.data(), home.path().join("link")).expect("a link");
    refused(&home, "link");
    server.store(&numbered(10..20));
    assert_eq!(server.terminate(), Some(0), "{}", home.output_text());
    let again = home.start();
    again.await_count("message:numbered", 20);
}

#[test]
fn a_server_whose_directory_was_moved_writes_to_no_other() {
    let home = Home::new();
    let server = home.start();
    server.store(&numbered(0..10));
    let aside = home.path().join("aside");
    fs::rename(home.data(), &aside).expect("a directory of ours");
    // The lock goes along with the directory.
    refused(&home, "aside");
    let answer = server.post_lines(numbered(10..11).as_bytes(), &[]);
    assert_eq!(answer.status, 503, "{}", answer.text());
    let health = server.http().get(&server.query("/health")).json();
    let reasons = health["reasons"].to_string();
    assert!(reasons.contains("was moved or removed"), "{health}");
    // Somebody else's store under the old name is left alone.
    fs::create_dir(home.data()).expect("a directory of ours");
    let answer = server.post_lines(numbered(10..11).as_bytes(), &[]);
    assert_eq!(answer.status, 503, "{}", answer.text());
    server.terminate();
    for name in ["wal", "partitions", "tombstones", "quarantine", "tierlog.json"] {
        assert!(!home.data().join(name).exists(), "{name} was written");
    }
    // What was acknowledged is where it was.
    fs::remove_dir_all(home.data()).expect("a directory of ours");
    fs::rename(&aside, home.data()).expect("a directory of ours");
    let again = home.start();
    again.await_count("message:numbered", 10);
}
