//! Sending against a server of a few lines that answers as it is told.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Cursor, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use super::*;

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

    fn send(&self, input: &str, retry_for: Duration) -> Result<Tally> {
        let settings = HttpSettings {
            server: self.url.clone(),
            parameters: vec![("service".to_owned(), "a b".to_owned())],
            in_flight: 3,
            retry_for,
        };
        let batches = BatchReader::spawn(Cursor::new(input.to_owned())).expect("a thread");
        send(batches, &settings, &Progress::hidden())
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
    let count = received.lines.lines().count();
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
    let tally = server.send(&input, Duration::ZERO).expect("sent");
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
    let tally = server.send("{}\n{}\n", Duration::from_secs(30)).expect("sent");
    assert_eq!(tally.accepted, 2);
    let ids: Vec<String> = server.received().into_iter().map(|batch| batch.batch_id).collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[test]
fn patience_ends() {
    let full = |_: usize, _: &Received| {
        (429, "retry-after: 3600\r\n", r#"{"code":"full","detail":"no room"}"#.to_owned())
    };
    let error =
        TestServer::start(full).send(&many_lines(), Duration::from_secs(1)).expect_err("full");
    let text = format!("{error:#}");
    assert!(text.contains("gave up") && text.contains("no room (full)"), "{text}");
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
    let tally = server.send(&many_lines(), Duration::ZERO).expect("sent");
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
    let tally = TestServer::start(unreadable).send("x\ny\n", Duration::ZERO).expect("answered");
    assert_eq!((tally.accepted, tally.rejected), (0, 2));
    let unauthorized = |_: usize, _: &Received| (401, "", r#"{"code":"unauthorized"}"#.to_owned());
    let error =
        TestServer::start(unauthorized).send("{}", Duration::from_secs(60)).expect_err("401");
    assert!(format!("{error:#}").contains("TIERLOG_TOKEN"), "{error:#}");
}

#[test]
fn nobody_listening_is_found_out_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let server = TestServer { url, received: Arc::default() };
    let error = server.send("{}", Duration::from_secs(3_600)).expect_err("nobody listens");
    assert!(error.chain().any(|cause| cause.is::<Unreachable>()), "{error:#}");
}
