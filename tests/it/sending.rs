//! What `tierlog send` promises (docs/sending.md), done to the real binary: busy inputs, signals,
//! servers that are away, kills of either side, files that are rotated.

mod files;
mod run;
mod spool;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Home, Proxy, Server, ago, numbered, wait_until};
use run::Sender;

/// Both ways to send.
const PROTOCOLS: [&str; 2] = ["http", "tcp"];

/// More records than any of these tests sends: they are counted exactly.
const COUNT_ALL: &str = "query.track_total_max=1000000";

/// Returns where a server takes lines.
fn url(server: &Server<'_>, protocol: &str) -> String {
    let listener = if protocol == "http" { "ingest" } else { "tcp" };
    format!("{protocol}://{}", server.address(listener))
}

/// Returns where a proxy takes lines, and lets it lead to a server.
fn proxied(proxy: &Proxy, protocol: &str) -> String {
    if protocol == "http" { proxy.http_url() } else { proxy.url() }
}

fn lead(proxy: &Proxy, server: &Server<'_>, protocol: &str) {
    proxy.lead_to(server.address(if protocol == "http" { "ingest" } else { "tcp" }));
}

/// Fails unless exactly these numbered lines are stored, each once.
#[track_caller]
fn assert_stored(server: &Server<'_>, expected: impl IntoIterator<Item = u64>) {
    let expected: BTreeSet<u64> = expected.into_iter().collect();
    server.await_count("message:numbered", expected.len() as u64);
    let mut numbers = BTreeSet::new();
    for record in server.export("message:numbered") {
        let number = record["number"].as_u64().expect("every record has its number");
        assert!(numbers.insert(number), "number {number} is stored twice");
    }
    let lost: Vec<_> = expected.difference(&numbers).take(5).collect();
    let foreign: Vec<_> = numbers.difference(&expected).take(5).collect();
    assert!(lost.is_empty() && foreign.is_empty(), "lost {lost:?}, foreign {foreign:?}");
}

#[test]
fn lines_of_a_busy_application_arrive_while_it_runs() {
    for protocol in PROTOCOLS {
        let home = Home::new();
        let server = home.start();
        let mut sender = Sender::start(&home, &["-", "--to", &url(&server, protocol)]);
        let mut written = 0;
        // Less than the quiet that a batch waits for passes between two lines.
        wait_until("lines of a busy input", || {
            sender.write(&numbered(written..written + 1));
            written += 1;
            (server.count("") > 0).then_some(())
        });
        let ended = sender.finish();
        assert_eq!(ended.code, 0, "{ended:?}");
        assert_stored(&server, 0..written);
    }
}

#[test]
fn what_was_read_before_a_signal_is_sent_and_so_are_the_last_lines_of_the_application() {
    for (protocol, signal) in [("http", "INT"), ("tcp", "TERM"), ("http", "HUP"), ("tcp", "INT")] {
        let home = Home::with(&[COUNT_ALL]);
        let server = home.start();
        let mut sender = Sender::start(&home, &["-", "--to", &url(&server, protocol)]);
        sender.write(&numbered(0..1));
        server.await_count("", 1);
        sender.write(&numbered(1..5_000));
        sender.signal(signal);
        // The application hears the same signal, and says good-bye; its last line has no end.
        sender.write(numbered(5_000..5_001).trim_end());
        let ended = sender.finish();
        assert_eq!(ended.code, 0, "{protocol} {signal}: {ended:?}");
        assert_stored(&server, 0..5_001);
    }
}

#[test]
fn an_application_that_goes_on_writing_does_not_hold_a_stop_up() {
    let home = Home::new();
    let server = home.start();
    let to = url(&server, "http");
    let mut sender = Sender::start(&home, &["-", "--to", &to, "--stop-timeout", "1s"]);
    sender.write(&numbered(0..10));
    server.await_count("", 10);
    sender.signal("TERM");
    let mut written = 10;
    let code = wait_until("the end of the sender", || {
        sender.try_write(&numbered(written..written + 1));
        written += 1;
        sender.try_code()
    });
    let ended = sender.ended();
    // The sender has sent all read lines; unread lines are still the application's.
    assert_eq!(code, 0, "{ended:?}");
    let accepted = ended.summary["accepted"].as_u64().expect("a count");
    assert!((10..=written).contains(&accepted), "{ended:?}");
    assert_stored(&server, 0..accepted);
}

#[test]
fn what_cannot_be_sent_before_the_end_is_counted_and_a_second_signal_ends_at_once() {
    for protocol in PROTOCOLS {
        let home = Home::new();
        let proxy = Proxy::start(Vec::new());
        let to = proxied(&proxy, protocol);
        let mut sender = Sender::start(&home, &["-", "--to", &to, "--stop-timeout", "1s"]);
        sender.write(&numbered(0..1_000));
        sender.await_words("trying again, 1,000 lines wait");
        sender.signal("INT");
        let ended = sender.finish();
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.stderr.contains("1,000 lines were read and not sent"), "{ended:?}");
        assert_eq!(ended.summary["unsent"], json!(1_000), "{ended:?}");

        let mut sender = Sender::start(&home, &["-", "--to", &to, "--stop-timeout", "1h"]);
        sender.write(&numbered(0..1_000));
        sender.await_words("trying again, 1,000 lines wait");
        sender.signal("INT");
        sender.signal_until_ended("TERM");
        let ended = sender.ended();
        assert_eq!(ended.code, 143, "{ended:?}");
        assert!(ended.stderr.contains("1,000 lines were read and not sent"), "{ended:?}");
    }
}

#[test]
fn a_server_that_comes_later_gets_everything() {
    for protocol in PROTOCOLS {
        let home = Home::new();
        let proxy = Proxy::start(Vec::new());
        let to = proxied(&proxy, protocol);
        let mut sender = Sender::start(&home, &["-", "--to", &to]);
        sender.write(&numbered(0..100));
        sender.await_words("trying again");
        let server = home.start();
        lead(&proxy, &server, protocol);
        server.await_count("", 100);
        // And one that goes, and comes again.
        server.kill();
        sender.write(&numbered(100..200));
        let server = home.start();
        lead(&proxy, &server, protocol);
        let ended = sender.finish();
        assert_eq!(ended.code, 0, "{ended:?}");
        assert_stored(&server, 0..200);
    }
}

#[test]
fn a_server_that_never_comes_is_given_up_when_that_was_asked_for() {
    for protocol in PROTOCOLS {
        let home = Home::new();
        let proxy = Proxy::start(Vec::new());
        let to = proxied(&proxy, protocol);
        let mut sender = Sender::start(&home, &["-", "--to", &to, "--retry-for", "1s"]);
        sender.write(&numbered(0..3));
        let ended = sender.finish();
        assert_eq!(ended.code, 3, "{ended:?}");
        assert!(ended.stderr.contains("gave up after 1 s"), "{ended:?}");
        assert!(ended.stderr.contains("3 lines were read and not sent"), "{ended:?}");
    }
}

#[test]
fn lines_are_passed_on_unchanged_whatever_becomes_of_server_and_reader() {
    let home = Home::new();
    let proxy = Proxy::start(Vec::new());
    let input = "{\"message\":\"a\"}\r\n\n\u{0}\u{1}binary \u{fffd}\nno end";
    let to = proxied(&proxy, "http");
    let mut sender = Sender::start(&home, &["-", "--tee", "--to", &to]);
    sender.write(input);
    sender.await_output(input);
    let server = home.start();
    lead(&proxy, &server, "http");
    let ended = sender.finish();
    assert_eq!((ended.code, ended.stdout.as_str()), (1, input), "{ended:?}");
    assert!(ended.stderr.contains("\"accepted\":1"), "the summary is no line: {ended:?}");

    let mut sender = Sender::start(&home, &["-", "--tee", "--to", &to]);
    sender.write(&numbered(0..1));
    sender.await_output(&numbered(0..1));
    sender.close_output();
    for number in 1..10 {
        sender.write(&numbered(number..number + 1));
        server.await_count("message:numbered", number + 1);
    }
    let ended = sender.finish();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stderr.contains("not passed on any more, but sent"), "{ended:?}");
    assert_stored(&server, 0..10);
}

#[test]
fn defaults_and_plain_text_are_the_same_over_both_protocols() {
    let home = Home::new();
    let server = home.start();
    let read = |record: &Value| -> [String; 3] {
        ["service", "source", "message"].map(|name| record[name].as_str().unwrap_or("-").to_owned())
    };
    for protocol in PROTOCOLS {
        let to = url(&server, protocol);
        let arguments = ["-", "--to", &to, "--service", protocol, "--source", "pod 7", "--plain"];
        let mut sender = Sender::start(&home, &arguments);
        sender.write("plain\n{\"message\":\"json\",\"service\":\"own\"}\n");
        let ended = sender.finish();
        assert_eq!(ended.code, 0, "{ended:?}");
    }
    server.await_count("", 4);
    let mut records: Vec<[String; 3]> = server.hits("").iter().map(read).collect();
    records.sort();
    let expected = [
        ["http", "pod 7", "plain"],
        ["own", "pod 7", "json"],
        ["own", "pod 7", "json"],
        ["tcp", "pod 7", "plain"],
    ];
    assert_eq!(records, expected);
    let mut sender = Sender::start(&home, &["-", "--to", &url(&server, "tcp")]);
    sender.write("not json at all\n");
    assert_eq!(sender.finish().code, 1, "without --plain it is rejected");
}

#[test]
fn a_traceback_that_comes_line_by_line_is_one_record() {
    for protocol in PROTOCOLS {
        let home = Home::new();
        let server = home.start();
        let mut sender = Sender::start(&home, &["-", "--to", &url(&server, protocol)]);
        let now = ago(Duration::ZERO).to_string();
        let moment = format!("{} {},123", &now[..10], &now[11..19]);
        for round in 0..3 {
            for line in [
                &format!("{moment} ERROR shop.views order {round} failed"),
                "Traceback (most recent call last):",
                "  File \"shop/views.py\", line 7, in order",
                "    raise ValueError(\"no such course\")",
                "ValueError: no such course",
            ] {
                sender.write(&format!("{line}\n"));
                // A question to the server lies between two lines.
                assert!(server.count("") <= 2 * round);
            }
            sender.write(&numbered(round..round + 1));
        }
        let ended = sender.finish();
        assert_eq!((ended.code, &ended.summary["accepted"]), (0, &json!(18)), "{ended:?}");
        server.await_count("", 6);
        server.await_count("error_type:ValueError", 3);
    }
}

#[test]
fn what_cannot_be_meant_is_wrong_usage() {
    let home = Home::new();
    for arguments in [
        &["-", "--to", "udp://[::1]:1"][..],
        &["-", "--to", "tcp://nonsense"],
        &["-", "--follow"],
        &["-", "--producer", "p"],
        &["x", "--spool", "s", "--spool-size", "1"],
    ] {
        let mut sender = Sender::start(&home, arguments);
        sender.try_write("x\n");
        let ended = sender.finish();
        assert_eq!(ended.code, 2, "{arguments:?}: {ended:?}");
    }
}
