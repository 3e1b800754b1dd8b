//! Lines that wait on disk: across kills of either side, at the bound, beside lines that the
//! server does not take.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::run::{Ended, Sender};
use super::{COUNT_ALL, PROTOCOLS, assert_stored, lead, proxied, url};
use crate::harness::{Home, Proxy, files_under, numbered, wait_until};
use crate::torture::RIG;

/// Kills in one test; each comes at another moment. `TIERLOG_TEST_KILLS` asks for more.
fn kills() -> u64 {
    std::env::var("TIERLOG_TEST_KILLS")
        .map_or(4, |kills| kills.parse().expect("TIERLOG_TEST_KILLS is a number"))
}

/// Tells whether a line is in a file of a spool.
fn holds(spool: &Path, number: u64) -> bool {
    let line = numbered(number..number + 1);
    let is_in = |path: &Path| {
        let bytes = fs::read(path).unwrap_or_default();
        bytes.windows(line.len()).any(|window| window == line.as_bytes())
    };
    spool.exists() && files_under(spool).iter().any(|path| is_in(path))
}

/// Waits until the last of some lines is in a spool.
fn await_spooled(spool: &Path, last: u64) {
    wait_until("the last line in the spool", || holds(spool, last).then_some(()));
}

/// Runs a sender over an input that has ended, until all that the spool holds is sent.
fn drain(home: &Home, to: &str) -> Ended {
    Sender::start(home, &["-", "--to", to, "--spool", "spool"]).finish()
}

#[test]
fn lines_outlive_a_killed_sender_and_a_server_that_is_away() {
    for protocol in PROTOCOLS {
        let home = Home::with(&[COUNT_ALL]);
        let proxy = Proxy::start(Vec::new());
        let to = proxied(&proxy, protocol);
        let arguments = ["-", "--to", &to, "--spool", "spool"];
        for run in 0..3 {
            let mut sender = Sender::start(&home, &arguments);
            sender.write(&numbered(run * 1_000..(run + 1) * 1_000));
            await_spooled(&home.path().join("spool"), (run + 1) * 1_000 - 1);
            sender.kill();
        }
        let server = home.start();
        lead(&proxy, &server, protocol);
        let ended = drain(&home, &to);
        assert_eq!(ended.code, 0, "{ended:?}");
        assert_eq!(ended.summary["accepted"], json!(3_000), "{ended:?}");
        assert_stored(&server, 0..3_000);
        let ended = drain(&home, &to);
        assert_eq!((ended.code, &ended.summary["accepted"]), (0, &json!(0)), "{ended:?}");
        assert_stored(&server, 0..3_000);
    }
}

#[test]
fn kills_of_both_sides_under_load_lose_nothing_that_was_kept_and_double_nothing() {
    for protocol in PROTOCOLS {
        let home = Home::with(&[COUNT_ALL, "store.wal_segment_max=2MiB"]);
        let spool = home.path().join("spool");
        let proxy = Proxy::start(Vec::new());
        let to = proxied(&proxy, protocol);
        let arguments = ["-", "--to", &to, "--spool", "spool"];
        let mut server = home.start();
        lead(&proxy, &server, protocol);
        let step = 4_000;
        for round in 0..kills() {
            let mut sender = Sender::start(&home, &arguments);
            let first = round * step;
            sender.write(&numbered(first..first + step));
            if round % 2 == 0 {
                // In the middle of what is sent.
                let goal = proxy.forwarded() + 10_000 * (round + 1);
                wait_until("some bytes, or the end", || {
                    let sent_all = server.count("") >= first + step;
                    (proxy.forwarded() >= goal || sent_all).then_some(())
                });
                server.kill();
                server = home.start();
                lead(&proxy, &server, protocol);
            }
            // Settled or on disk: then a kill may come.
            wait_until("the lines to be kept", || {
                let is_stored = server.count("message:numbered") >= first + step;
                let is_spooled = holds(&spool, first + step - 1);
                (is_stored || is_spooled).then_some(())
            });
            sender.kill();
        }
        let ended = drain(&home, &to);
        assert_eq!(ended.code, 0, "{ended:?}");
        assert_stored(&server, 0..kills() * step);
    }
}

#[test]
fn an_input_that_ends_while_the_server_is_away_waits_for_the_next_run() {
    let home = Home::new();
    let proxy = Proxy::start(Vec::new());
    let to = proxy.http_url();
    let arguments = ["-", "--to", &to, "--spool", "spool", "--retry-for", "500ms"];
    let mut sender = Sender::start(&home, &arguments);
    sender.write(&numbered(0..50));
    let ended = sender.finish();
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains("50 lines were not sent; they are in the spool"), "{ended:?}");
    let mut sender = Sender::start(&home, &arguments);
    sender.write(&numbered(50..60));
    sender.await_words("60 lines wait");
    sender.signal("TERM");
    let ended = sender.finish();
    assert!(ended.code == 1 || ended.code == 3, "{ended:?}");
    assert!(ended.stderr.contains("60 lines were not sent"), "{ended:?}");
    let server = home.start();
    lead(&proxy, &server, "http");
    assert_eq!(drain(&home, &to).code, 0);
    assert_stored(&server, 0..60);
}

#[test]
fn the_oldest_lines_leave_a_full_spool_counted_and_said() {
    let home = Home::with(&[COUNT_ALL]);
    let proxy = Proxy::start(Vec::new());
    let to = proxy.http_url();
    let arguments = ["-", "--to", &to, "--spool", "spool", "--spool-size", "1MiB"];
    let mut sender = Sender::start(&home, &arguments);
    // The input is never held up, whatever the spool holds.
    let lines = 40_000;
    sender.write(&numbered(0..lines));
    sender.await_words("the oldest");
    let server = home.start();
    lead(&proxy, &server, "http");
    let ended = sender.finish();
    assert_eq!(ended.code, 1, "{ended:?}");
    let count = |name: &str| ended.summary[name].as_u64().expect("a count");
    assert_eq!(count("accepted") + count("dropped"), lines, "{ended:?}");
    assert!(count("dropped") > 10_000, "{ended:?}");
    let kept: u64 = files_under(&home.path().join("spool"))
        .iter()
        .map(|path| path.metadata().expect("a file").len())
        .sum();
    assert!(kept < 1 << 20, "{kept} bytes");
    // The oldest batches were dropped, except batches on their way.
    server.await_count("message:numbered", count("accepted"));
    server.await_count(&format!("number:{}", lines - 1), 1);
}

#[test]
fn a_spool_has_one_sender() {
    let home = Home::new();
    let proxy = Proxy::start(Vec::new());
    let to = proxy.http_url();
    let mut first = Sender::start(&home, &["-", "--to", &to, "--spool", "spool"]);
    first.write(&numbered(0..1));
    await_spooled(&home.path().join("spool"), 0);
    let second = Sender::start(&home, &["-", "--to", &to, "--spool", "spool"]).finish();
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.stderr.contains("another sender uses spool"), "{second:?}");
}

#[test]
fn lines_that_the_server_does_not_take_are_put_aside_and_hold_nothing_up() {
    let home = Home::with(&[COUNT_ALL]);
    // Batches are larger than the server takes, and one line is.
    let server = home.start_with(&[
        "ingest.http.body_max=64KiB",
        "ingest.http.inflated_max=64KiB",
        "ingest.limits.line_max=16KiB",
    ]);
    let to = url(&server, "http");
    let mut sender = Sender::start(&home, &["-", "--to", &to, "--spool", "spool"]);
    let giant = format!("{{\"message\":\"{}\"}}\n", "giant ".repeat(20_000));
    sender.write(&numbered(0..10_000));
    sender.write(&giant);
    sender.write(&numbered(10_000..20_000));
    let ended = sender.finish();
    assert_eq!(ended.code, 1, "{ended:?}");
    assert_eq!(
        (&ended.summary["accepted"], &ended.summary["aside"]),
        (&json!(20_000), &json!(1)),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("line 10001: body is larger"), "{ended:?}");
    let aside = files_under(&home.path().join("spool/aside"));
    assert_eq!(aside.len(), 1);
    assert_eq!(fs::read_to_string(&aside[0]).expect("text"), giant);
    assert_stored(&server, 0..20_000);
}

#[test]
fn a_refused_request_is_tried_again_until_somebody_mends_it() {
    let home = Home::new();
    let server = home.start();
    // The query listener knows nothing of ingest.
    let wrong = format!("http://{}", server.address("query"));
    let mut sender =
        Sender::start(&home, &["-", "--to", &wrong, "--spool", "spool", "--retry-for", "1h"]);
    sender.write(&numbered(0..10));
    sender.await_words("trying again, 10 lines wait");
    sender.kill();
    assert_eq!(drain(&home, &url(&server, "http")).code, 0);
    assert_stored(&server, 0..10);
    // Without a spool, and without ever having succeeded, it is said at once.
    let mut sender = Sender::start(&home, &["-", "--to", &wrong]);
    sender.write(&numbered(0..10));
    let ended = sender.finish();
    assert_eq!(ended.code, 1, "{ended:?}");
}

#[test]
fn a_damaged_spool_costs_the_lines_that_it_hits() {
    let home = Home::new();
    let proxy = Proxy::start(Vec::new());
    let to = proxy.http_url();
    let spool = home.path().join("spool");
    let mut sender = Sender::start(&home, &["-", "--to", &to, "--spool", "spool"]);
    for number in 0..3 {
        sender.write(&numbered(number..number + 1));
        await_spooled(&spool, number);
    }
    sender.kill();
    let segment = files_under(&spool)
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "segment"))
        .expect("a segment");
    let mut bytes = fs::read(&segment).expect("a segment");
    let middle = bytes.windows(10).position(|w| w == b"\"number\":1").expect("the second line");
    bytes[middle] ^= 1;
    fs::write(&segment, bytes).expect("a scratch file");
    let server = home.start();
    lead(&proxy, &server, "http");
    let ended = drain(&home, &to);
    assert!(ended.stderr.contains("no whole lines any more, and are kept in"), "{ended:?}");
    assert_stored(&server, [0, 2]);
}

#[test]
fn a_spool_without_room_on_its_disk_sends_from_memory_and_goes_back_to_the_disk() {
    for protocol in PROTOCOLS {
        let home = Home::new();
        let mark = home.path().join("no-room");
        let shim = RIG.shim.as_ref().expect("a C compiler, which building the server needs too");
        let full = shim.full_while(&home.path().join("spool"), &mark).environment;
        let proxy = Proxy::start(Vec::new());
        let to = proxied(&proxy, protocol);
        let arguments = ["-", "--to", &to, "--spool", "spool"];
        let mut sender = Sender::start_with(&home, &arguments, &full);
        sender.write(&numbered(0..100));
        await_spooled(&home.path().join("spool"), 99);
        fs::write(&mark, "").expect("a file of ours");
        sender.write(&numbered(100..200));
        sender.await_words("the spool cannot be written");
        let server = home.start();
        lead(&proxy, &server, protocol);
        server.await_count("", 200);
        fs::remove_file(&mark).expect("a file of ours");
        sender.write(&numbered(200..300));
        sender.await_words("the spool can be written again");
        server.await_count("", 300);
        sender.kill();
        let ended = drain(&home, &to);
        assert_eq!(ended.code, 0, "{ended:?}");
        assert_stored(&server, 0..300);
    }
}
