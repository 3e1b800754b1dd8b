//! Sending against a server of a few lines that answers as it is told.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::super::lines::{Cut, Cutter, Unfinished};
use super::*;
use crate::client::Unreachable;

fn notices() -> Notices {
    Notices::beside(Progress::hidden())
}

/// Gives lines to a backlog, and ends it.
fn feed(backlog: &Backlog, input: &str) {
    let mut cutter = Cutter::default();
    for bytes in input.as_bytes().chunks(100_000) {
        cutter.feed(bytes);
        while let Some(Cut::Piece(piece)) = cutter.next_cut() {
            assert!(backlog.push(&piece));
        }
    }
    while let Some(Cut::Piece(piece)) = cutter.finish(Unfinished::Take) {
        assert!(backlog.push(&piece));
    }
    backlog.end(Ok(()));
}

/// What a request brought.
#[derive(Clone, Debug)]
struct Received {
    head: String,
    batch_id: String,
    lines: String,
}

/// Answers the n-th request with a status, headers and a body.
type Answer = dyn Fn(usize, &Received) -> (u16, &'static str, String) + Send + Sync;

/// A server that keeps what it received. Lives until the process ends.
struct TestServer {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl TestServer {
    fn start(
        answer: impl Fn(usize, &Received) -> (u16, &'static str, String) + Send + Sync + 'static,
    ) -> TestServer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        let answer: Arc<Answer> = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                std::thread::spawn(move || serve(&stream.expect("a connection"), &kept, &*answer));
            }
        });
        TestServer { url, received }
    }

    fn courier(&self, backlog: Arc<Backlog>) -> Arc<Courier> {
        let settings = HttpSettings {
            server: self.url.clone(),
            parameters: vec![("service".to_owned(), "a b".to_owned())],
            content_type: "application/x-ndjson",
            in_flight: 3,
            when_wrong: WhenWrong::GiveUp,
        };
        let weather = Arc::new(Weather::new(notices()));
        let courier = Courier::new(settings, backlog, weather, notices(), Progress::hidden());
        let courier = Arc::new(courier.expect("an address"));
        courier.start().expect("threads");
        courier
    }

    /// Sends lines until all of them are settled, or sending has to end.
    fn send(&self, input: &str) -> Result<Tally> {
        let backlog = Arc::new(Backlog::in_memory(Identity(1), notices()));
        let courier = self.courier(Arc::clone(&backlog));
        feed(&backlog, input);
        while !backlog.is_done() {
            if let Some(error) = courier.take_error() {
                return Err(error);
            }
            backlog.wait_for_change(Duration::from_millis(10));
        }
        Ok(courier.tally())
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no test panicked").clone()
    }
}

fn serve(stream: &TcpStream, kept: &Mutex<Vec<Received>>, answer: &Answer) {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).expect("readable") == 0 {
                return;
            }
        }
        let header = |name: &str| {
            let found = head.lines().find_map(|line| {
                let (found, value) = line.split_once(": ")?;
                found.eq_ignore_ascii_case(name).then(|| value.to_owned())
            });
            found.unwrap_or_default()
        };
        let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
        reader.read_exact(&mut body).expect("a whole body");
        if head.starts_with("GET /health/live") {
            writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("writable");
            continue;
        }
        let lines = zstd::bulk::decompress(&body, 4 * 1024 * 1024).expect("zstd");
        let lines = String::from_utf8(lines).expect("UTF-8");
        let received = Received { batch_id: header("tierlog-batch-id"), head, lines };
        let number = {
            let mut kept = kept.lock().expect("no test panicked");
            kept.push(received.clone());
            kept.len() - 1
        };
        let (status, headers, body) = answer(number, &received);
        let length = body.len();
        write!(writer, "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}")
            .expect("writable");
    }
}

fn accepted(received: &Received) -> (u16, &'static str, String) {
    let count = received.lines.lines().filter(|line| !line.is_empty()).count();
    (
        200,
        "",
        format!(
            r#"{{"accepted":{count},"rejected":0,"redacted":1,"duplicate":0,"durability":"fsync","errors":[]}}"#
        ),
    )
}

fn many_lines() -> String {
    (0..40_000).map(|number| format!("{{\"message\":\"line {number:080}\"}}\n")).collect()
}

#[test]
fn every_line_arrives_once_under_its_own_batch_id() {
    let server = TestServer::start(|_, received| accepted(received));
    let input = many_lines();
    let tally = server.send(&input).expect("sent");
    assert_eq!((tally.accepted, tally.rejected), (40_000, 0));
    assert_eq!(tally.bytes, input.len() as u64);
    let received = server.received();
    assert!(received.len() > 3, "several batches");
    let ids: HashSet<&str> = received.iter().map(|batch| batch.batch_id.as_str()).collect();
    assert_eq!(ids.len(), received.len());
    assert!(received[0].head.starts_with("POST /api/v1/ingest?service=a%20b HTTP/1.1\r\n"));
    let mut lines: Vec<&str> = received.iter().flat_map(|batch| batch.lines.lines()).collect();
    lines.sort_unstable();
    assert!(lines.iter().copied().eq(input.lines()));
}

#[test]
fn a_busy_server_is_asked_again_with_the_same_batch_id() {
    let server = TestServer::start(|number, received| match number {
        0 => (429, "retry-after: 0\r\n", r#"{"code":"full"}"#.to_owned()),
        1 => (503, "retry-after: 0\r\n", String::new()),
        _ => accepted(received),
    });
    let tally = server.send("{}\n{}\n").expect("sent");
    assert_eq!(tally.accepted, 2);
    let ids: Vec<String> = server.received().into_iter().map(|batch| batch.batch_id).collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[test]
fn rejected_lines_are_named_by_their_place_in_the_input() {
    let server = TestServer::start(|_, received| {
        let count = received.lines.lines().count() - 1;
        let body = format!(
            r#"{{"accepted":{count},"rejected":1,"errors":[{{"line":3,"reason":"invalid_json","detail":"x"}}]}}"#
        );
        (200, "", body)
    });
    let tally = server.send(&many_lines()).expect("sent");
    let batches = server.received().len() as u64;
    assert_eq!((tally.accepted, tally.rejected), (40_000 - batches, batches));
    let first: Vec<String> = tally.complaints().take(1).collect();
    assert_eq!(first, ["line 3: invalid_json: x"]);
}

#[test]
fn a_batch_that_cannot_be_read_is_rejected_as_a_whole_and_other_refusals_stop() {
    let unreadable = |_: usize, _: &Received| {
        (
            400,
            "",
            r#"{"code":"unreadable","errors":[{"line":1,"reason":"invalid_json"}]}"#.to_owned(),
        )
    };
    let tally = TestServer::start(unreadable).send("x\ny\n").expect("answered");
    assert_eq!((tally.accepted, tally.rejected), (0, 2));
    let unauthorized = |_: usize, _: &Received| (401, "", r#"{"code":"unauthorized"}"#.to_owned());
    let error = TestServer::start(unauthorized).send("{}").expect_err("401");
    assert!(format!("{error:#}").contains("TIERLOG_TOKEN"), "{error:#}");
}

#[test]
fn nobody_listening_is_waited_for_and_said() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let server = TestServer { url, received: Arc::default() };
    let backlog = Arc::new(Backlog::in_memory(Identity(1), notices()));
    let courier = server.courier(Arc::clone(&backlog));
    feed(&backlog, "{}");
    while courier.weather.bad_for().is_none() {
        backlog.wait_for_change(Duration::from_millis(10));
    }
    let error = courier.weather.take_error().expect("a reason");
    assert!(error.chain().any(|cause| cause.is::<Unreachable>()), "{error:#}");
    assert_eq!((backlog.waiting().lines, courier.take_error().is_none()), (1, true));
}

/// Refuses, with a status, what holds a word, and takes everything else.
fn refusing(status: u16, code: &'static str) -> TestServer {
    TestServer::start(move |_, received| {
        if received.lines.contains("poison") {
            (status, "retry-after: 0\r\n", format!(r#"{{"code":"{code}","detail":"no"}}"#))
        } else {
            accepted(received)
        }
    })
}

#[test]
fn a_line_that_the_server_does_not_take_costs_itself_only() {
    let lines: String = (0..200).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let input = format!("{lines}\n{{\"poison\":1}}\n{lines}");
    for (status, code) in [(413, "too_large"), (422, ""), (400, "unknown")] {
        let server = refusing(status, code);
        let tally = server.send(&input).expect("sent");
        assert_eq!((tally.accepted, tally.rejected), (400, 1), "{status}");
        let complaints: Vec<String> = tally.complaints().collect();
        assert!(complaints[0].starts_with("line 202: no"), "{complaints:?}");
        let mut taken = HashSet::new();
        for received in server.received() {
            assert!(taken.insert(received.batch_id), "a name was used twice");
        }
    }
}

#[test]
fn a_batch_under_a_name_that_is_taken_already_is_sent_under_another() {
    // Another spool of the same identity was here.
    let server = TestServer::start(|number, received| match number {
        0 => (200, "", r#"{"accepted":0,"rejected":0,"duplicate":2}"#.to_owned()),
        _ => accepted(received),
    });
    let tally = server.send("{}\n{}\n").expect("sent");
    assert_eq!((tally.accepted, tally.duplicate), (2, Some(0)));
    let received = server.received();
    assert_eq!(received.len(), 2);
    assert_ne!(received[0].batch_id, received[1].batch_id);
}

#[test]
fn a_duplicate_after_a_lost_answer_is_what_it_seems() {
    let server = TestServer::start(|number, received| match number {
        0 => (504, "", String::new()),
        1 => (200, "", r#"{"accepted":0,"rejected":0,"duplicate":2}"#.to_owned()),
        _ => accepted(received),
    });
    let tally = server.send("{}\n{}\n").expect("sent");
    assert_eq!((tally.accepted, tally.duplicate), (0, Some(2)));
    assert_eq!(server.received().len(), 2);
}
