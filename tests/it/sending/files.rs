//! Files that are replaced, truncated, rotated and grow while they are sent.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::json;

use super::run::{Ended, Sender};
use super::{COUNT_ALL, PROTOCOLS, assert_stored, lead, proxied, url};
use crate::harness::{Home, Proxy, numbered, run, wait_until};

/// Sends the file to its end, under a name.
fn send(home: &Home, to: &str) -> Ended {
    let arguments = ["lines", "--to", to, "--producer", "deploy", "--state", "state"];
    Sender::start(home, &arguments).finish()
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file");
    file.write_all(text.as_bytes()).expect("written");
}

#[test]
fn a_file_that_was_replaced_or_truncated_has_new_lines() {
    for protocol in PROTOCOLS {
        let home = Home::new();
        let server = home.start();
        let to = url(&server, protocol);
        let path = home.path().join("lines");
        let write = |text: &str| fs::write(&path, text).expect("a scratch file");
        write(&numbered(0..100));
        assert_eq!(send(&home, &to).code, 0);
        let again = send(&home, &to);
        assert_eq!((again.code, &again.summary["duplicate"]), (0, &json!(100)), "{again:?}");
        // It grew.
        append(&path, &numbered(100..120));
        let grown = send(&home, &to);
        assert_eq!(grown.summary["accepted"], json!(20), "{grown:?}");
        // Another file has its name.
        fs::remove_file(&path).expect("removed");
        write(&numbered(200..300));
        let replaced = send(&home, &to);
        assert_eq!(replaced.summary["accepted"], json!(100), "{replaced:?}");
        assert!(replaced.stderr.contains("its lines are new"), "{replaced:?}");
        // The same file, written anew, as long as before and longer.
        write(&numbered(300..400));
        assert_eq!(send(&home, &to).summary["accepted"], json!(100));
        write(&numbered(400..600));
        assert_eq!(send(&home, &to).summary["accepted"], json!(200));
        write("");
        assert_eq!(send(&home, &to).code, 0);
        write(&numbered(600..601));
        assert_eq!(send(&home, &to).summary["accepted"], json!(1));
        assert_stored(&server, (0..120).chain(200..601));
    }
}

#[test]
fn a_followed_file_is_read_across_rotations_and_kills() {
    for protocol in PROTOCOLS {
        let home = Home::with(&[COUNT_ALL]);
        let path = home.path().join("app.log");
        let proxy = Proxy::start(Vec::new());
        let to = proxied(&proxy, protocol);
        let follow =
            || Sender::start(&home, &["--follow", "app.log", "--to", &to, "--state", "state"]);
        let sender = follow();
        sender.await_words("waiting for it");
        let server = home.start();
        lead(&proxy, &server, protocol);
        append(&path, &numbered(0..100));
        server.await_count("", 100);
        // Renamed away, with more behind what was read.
        append(&path, &numbered(100..200));
        fs::rename(&path, home.path().join("app.log.1")).expect("renamed");
        append(&path, &numbered(200..300));
        server.await_count("", 300);
        sender.kill();
        // Rotated twice while nobody looks.
        append(&path, &numbered(300..400));
        fs::rename(&path, home.path().join("app.log.3")).expect("renamed");
        append(&path, &numbered(400..500));
        fs::rename(&path, home.path().join("app.log.2")).expect("renamed");
        append(&path, &numbered(500..600));
        let sender = follow();
        server.await_count("", 600);
        // Copied and truncated.
        append(&path, &numbered(600..700));
        server.await_count("", 700);
        fs::copy(&path, home.path().join("app.log.4")).expect("copied");
        fs::write(&path, "").expect("truncated");
        append(&path, &numbered(700..710));
        server.await_count("", 710);
        // A line whose end has not come waits for it, also across a stop.
        let (half, rest) = ("{\"message\":\"numbered\",", "\"number\":710}\n");
        append(&path, half);
        sender.signal("TERM");
        let ended = sender.finish();
        assert_eq!(ended.code, 0, "{ended:?}");
        append(&path, rest);
        let sender = follow();
        server.await_count("", 711);
        sender.kill();
        assert_stored(&server, 0..711);
    }
}

#[test]
fn a_followed_file_is_sent_once_however_often_either_side_is_killed() {
    for protocol in PROTOCOLS {
        let home = Home::with(&[COUNT_ALL]);
        let path = home.path().join("app.log");
        let proxy = Proxy::start(Vec::new());
        let to = proxied(&proxy, protocol);
        let mut server = home.start();
        lead(&proxy, &server, protocol);
        let step = 10_000;
        for round in 0..4 {
            let sender =
                Sender::start(&home, &["--follow", "app.log", "--to", &to, "--state", "state"]);
            append(&path, &numbered(round * step..(round + 1) * step));
            // At a moment when nothing is known of what is where.
            let goal = proxy.forwarded() + 20_000 * (round + 1);
            wait_until("some bytes", || {
                let is_over = server.count("") >= (round + 1) * step;
                (proxy.forwarded() >= goal || is_over).then_some(())
            });
            if round % 2 == 1 {
                server.kill();
                server = home.start();
                lead(&proxy, &server, protocol);
            }
            sender.kill();
        }
        let sender =
            Sender::start(&home, &["--follow", "app.log", "--to", &to, "--state", "state"]);
        // The sender runs once this line arrives.
        append(&path, &numbered(4 * step..4 * step + 1));
        server.await_count("", 4 * step + 1);
        sender.signal("INT");
        assert_eq!(sender.finish().code, 0);
        assert_stored(&server, 0..4 * step + 1);
    }
}

#[test]
fn a_named_pipe_is_read_like_any_stream() {
    let home = Home::new();
    let server = home.start();
    let pipe = home.path().join("pipe");
    assert_eq!(run(std::process::Command::new("mkfifo").arg(&pipe)).code, 0);
    let to = url(&server, "http");
    let sender = Sender::start(&home, &["pipe", "--to", &to]);
    let mut writer = OpenOptions::new().write(true).open(&pipe).expect("a reader");
    writer.write_all(numbered(0..10).as_bytes()).expect("a reader");
    server.await_count("", 10);
    drop(writer);
    let ended = sender.finish();
    assert_eq!(ended.code, 0, "{ended:?}");
    // A file without a writer does not delay a stop.
    let mut sender = Sender::start(&home, &["pipe", "--to", &to, "--stop-timeout", "200ms"]);
    sender.signal_until_ended("TERM");
}

#[test]
fn a_file_that_is_interrupted_says_how_far_it_came() {
    let home = Home::new();
    let proxy = Proxy::start(Vec::new());
    fs::write(home.path().join("lines"), numbered(0..400_000)).expect("a scratch file");
    let to = proxy.url();
    let sender = Sender::start(&home, &["lines", "--to", &to, "--stop-timeout", "500ms"]);
    sender.await_words("trying again");
    sender.signal("INT");
    let ended = sender.finish();
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stderr.contains("stopped before the end of the input"), "{ended:?}");
}

#[test]
fn a_file_that_is_not_there_is_said_at_once() {
    let home = Home::new();
    for further in [&[][..], &["--spool", "spool"]] {
        let arguments = [&["send", "nowhere"], further].concat();
        let ended = run(home.tierlog(&arguments).stdin(Stdio::null()));
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.stderr.contains("open nowhere"), "{ended:?}");
    }
}
