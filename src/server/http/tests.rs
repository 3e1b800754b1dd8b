//! Slow clients over an in-memory stream, under a clock that jumps to the next deadline.

use axum::Router;
use axum::routing::{get, post};
use tierlog_problem::ErrorShapes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::super::host_guard::Hosts;
use super::super::protect::Rules;
use super::super::seats::Seats;
use super::*;
use crate::config::Remote;

const DEADLINES: HttpDeadlines = HttpDeadlines {
    header: Duration::from_secs(5),
    write: Duration::from_secs(7),
    half_closed: HalfClosed::Left,
};
const BODY: Duration = Duration::from_secs(11);

fn serve(stop: &CancellationToken) -> (DuplexStream, tokio::task::JoinHandle<()>) {
    let (client, _, _, task) = serve_seated(stop, DEADLINES);
    (client, task)
}

/// Serves a connection; returns its client, the places, and the semaphore that lets `/wait` and
/// `/take` answer.
fn serve_seated(
    stop: &CancellationToken,
    deadlines: HttpDeadlines,
) -> (DuplexStream, Arc<Seats>, Arc<Semaphore>, tokio::task::JoinHandle<()>) {
    let go = Arc::new(Semaphore::new(0));
    let (wait, take) = (Arc::clone(&go), Arc::clone(&go));
    let waits = move || async move { wait.acquire().await.map_or("", |_permit| "waited") };
    let takes = move |body: Bytes| async move {
        let _permit = take.acquire().await;
        body.len().to_string()
    };
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/wait", get(waits))
        .route("/take", post(takes))
        .route("/big", get(|| async { "x".repeat(1 << 20) }))
        .route("/len", post(|body: Bytes| async move { body.len().to_string() }));
    let (client, server) = duplex(1024);
    let rules = Rules {
        hosts: Hosts::new(Remote::Allowed, &[]),
        body_timeout: BODY,
        shapes: ErrorShapes::default(),
        answers: None,
    };
    let routes = Protected::new(router, rules);
    let stop = stop.clone();
    let seats = Arc::new(Seats::new("test".into(), 1, stop.clone()));
    let house = Arc::clone(&seats);
    let task = tokio::spawn(async move {
        let (_taking, seat) = house.take(house.free_place().await);
        let client = Client { seat, sender: SenderId::default(), caller: Caller::open() };
        serve_http_connection(server, routes, deadlines, client, stop).await;
    });
    (client, seats, go, task)
}

async fn rest(client: &mut DuplexStream) -> String {
    let mut text = Vec::new();
    let _ = client.read_to_end(&mut text).await;
    String::from_utf8(text).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_cut_off() {
    let (mut client, task) = serve(&CancellationToken::new());
    let start = Instant::now();
    client.write_all(b"GET / HTTP/1.1\r\nHost: slow\r\n").await.unwrap();
    rest(&mut client).await;
    assert_eq!(start.elapsed().as_secs(), DEADLINES.header.as_secs());
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed() {
    let (mut client, task) = serve(&CancellationToken::new());
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let start = Instant::now();
    assert!(rest(&mut client).await.ends_with("hello"));
    assert_eq!(start.elapsed().as_secs(), DEADLINES.header.as_secs());
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_answered_408() {
    let (client, task) = serve(&CancellationToken::new());
    let (mut reader, mut writer) = tokio::io::split(client);
    writer
        .write_all(b"POST /len HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        .await
        .unwrap();
    let start = Instant::now();
    let drip = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let mut text = Vec::new();
    let _ = reader.read_to_end(&mut text).await;
    let text = String::from_utf8(text).unwrap();
    assert!(text.starts_with("HTTP/1.1 408") && text.contains("\"deadline\""), "{text}");
    assert!(text.contains("connection: close\r\n"), "{text}");
    assert_eq!(start.elapsed().as_secs(), BODY_PATIENCE.as_secs());
    task.await.unwrap();
    drip.abort();
}

#[tokio::test(start_paused = true)]
async fn a_body_in_time_is_read() {
    let (mut client, task) = serve(&CancellationToken::new());
    client
        .write_all(
            b"POST /len HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\n",
        )
        .await
        .unwrap();
    tokio::time::sleep(BODY / 2).await;
    client.write_all(b"abc").await.unwrap();
    assert!(rest(&mut client).await.ends_with("\r\n\r\n3"));
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_cut_off() {
    let (mut client, task) = serve(&CancellationToken::new());
    client.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let start = Instant::now();
    task.await.unwrap();
    assert_eq!(start.elapsed().as_secs(), DEADLINES.write.as_secs());
    assert!(rest(&mut client).await.len() < 1 << 20);
}

/// Reads an answer of a mebibyte in pieces, a piece a second; returns how much came and when it
/// ended.
async fn read_slowly(piece_bytes: usize) -> (usize, Duration) {
    let (mut client, task) = serve(&CancellationToken::new());
    client.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let start = Instant::now();
    let (mut piece, mut read) = (vec![0; piece_bytes], 0);
    while !task.is_finished() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut left = piece.as_mut_slice();
        while !left.is_empty() {
            match client.read(left).await {
                Ok(0) | Err(_) => return (read, start.elapsed()),
                Ok(count) => {
                    read += count;
                    left = &mut left[count..];
                }
            }
        }
    }
    (read, start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_a_few_bytes_a_second_is_cut_off() {
    let (read, elapsed) = read_slowly(100).await;
    assert!(read < 10_000, "{read} bytes");
    assert!(elapsed.as_secs() <= DEADLINES.write.as_secs() + 20, "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_line_is_no_attack() {
    let (read, elapsed) = read_slowly(16 * 1024).await;
    assert!(read > 1 << 20, "{read} bytes");
    assert!(elapsed > 3 * DEADLINES.write, "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_too_large_is_refused() {
    let (client, _task) = serve(&CancellationToken::new());
    let (mut reader, mut writer) = tokio::io::split(client);
    let flood = tokio::spawn(async move {
        let _ = writer.write_all(b"GET / HTTP/1.1\r\n").await;
        let line = format!("X: {}\r\n", "y".repeat(1000));
        while writer.write_all(line.as_bytes()).await.is_ok() {}
    });
    let mut text = Vec::new();
    let _ = reader.read_to_end(&mut text).await;
    assert!(String::from_utf8(text).unwrap().starts_with("HTTP/1.1 431"));
    flood.abort();
}

#[tokio::test(start_paused = true)]
async fn stop_ends_an_idle_connection_at_once() {
    let stop = CancellationToken::new();
    let (mut client, task) = serve(&stop);
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 16];
    client.read_exact(&mut answer).await.unwrap();
    let start = Instant::now();
    stop.cancel();
    task.await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
}

const TAKE: &[u8] = b"POST /take HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn a_body_that_keeps_its_pace_has_until_its_deadline() {
    // Just what is asked for in the time, and the rest before the end; then never the rest.
    for (rest, expected) in [(100_000 - BODY_BYTES_MIN, "HTTP/1.1 200"), (9, "HTTP/1.1 408")] {
        let (client, _seats, go, _task) = serve_seated(&CancellationToken::new(), DEADLINES);
        go.add_permits(1);
        let (mut reader, mut writer) = tokio::io::split(client);
        let start = Instant::now();
        writer.write_all(TAKE).await.unwrap();
        tokio::time::sleep(Duration::from_secs(6)).await;
        writer.write_all(&vec![b'x'; BODY_BYTES_MIN]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(4_500)).await;
        writer.write_all(&vec![b'x'; rest]).await.unwrap();
        let mut answer = [0; 12];
        reader.read_exact(&mut answer).await.unwrap();
        assert_eq!(std::str::from_utf8(&answer).unwrap(), expected);
        assert!(start.elapsed() <= BODY + Duration::from_millis(10));
    }
}

/// What a connection does before it is looked at, how long, and whether it may have to leave.
#[tokio::test(start_paused = true)]
async fn only_who_is_waited_for_has_to_leave() {
    let pause = || tokio::time::sleep(Duration::from_millis(1_500));
    let get = b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n".as_slice();
    for (what, sent, has_to_leave) in [
        ("nothing", b"".as_slice(), true),
        ("half a head", b"GET / HT", true),
        ("a request in work", get, false),
        ("half a body", TAKE, true),
    ] {
        let (mut client, seats, _go, task) = serve_seated(&CancellationToken::new(), DEADLINES);
        client.write_all(sent).await.unwrap();
        pause().await;
        assert_eq!(seats.ask_one_to_leave(), has_to_leave, "{what}");
        if has_to_leave {
            let start = Instant::now();
            task.await.unwrap();
            assert_eq!(start.elapsed(), Duration::ZERO, "{what}");
        }
    }

    // A whole body in work; then its answer was taken, and the next request is waited for.
    let (mut client, seats, go, _task) = serve_seated(&CancellationToken::new(), DEADLINES);
    client.write_all(TAKE).await.unwrap();
    client.write_all(&vec![b'x'; 100_000]).await.unwrap();
    pause().await;
    assert!(!seats.ask_one_to_leave(), "a body in work");
    go.add_permits(1);
    let mut answer = vec![0; 12];
    client.read_exact(&mut answer).await.unwrap();
    pause().await;
    assert!(seats.ask_one_to_leave(), "after the answer");

    // The body is waited for from its head on, not from the beginning of the connection.
    let (mut client, seats, ..) = serve_seated(&CancellationToken::new(), DEADLINES);
    tokio::time::sleep(Duration::from_millis(900)).await;
    client.write_all(TAKE).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!seats.ask_one_to_leave());
}

#[tokio::test(start_paused = true)]
async fn what_is_in_work_is_answered_before_a_stop() {
    let stop = CancellationToken::new();
    let (mut client, _seats, go, task) = serve_seated(&stop, DEADLINES);
    client.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.cancel();
    tokio::time::sleep(Duration::from_secs(1)).await;
    go.add_permits(1);
    assert!(rest(&mut client).await.ends_with("waited"));
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_only_listens_is_answered_where_it_is_waited_for() {
    for (half_closed, is_answered) in [(HalfClosed::Waits, true), (HalfClosed::Left, false)] {
        let deadlines = HttpDeadlines { half_closed, ..DEADLINES };
        let (mut client, _seats, go, _task) = serve_seated(&CancellationToken::new(), deadlines);
        client.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        client.shutdown().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        go.add_permits(1);
        assert_eq!(rest(&mut client).await.ends_with("waited"), is_answered, "{half_closed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn as_many_headers_as_may_be_are_taken() {
    for (headers, expected) in [(HEADERS_MAX, "HTTP/1.1 200"), (HEADERS_MAX + 1, "HTTP/1.1 431")] {
        let (mut client, _task) = serve(&CancellationToken::new());
        let lines = "X: y\r\n".repeat(headers - 1);
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        let text = rest(&mut client).await;
        assert!(text.starts_with(expected), "{headers}: {text}");
    }
    // Few, and longer than all of them may be.
    let (client, _task) = serve(&CancellationToken::new());
    let (mut reader, mut writer) = tokio::io::split(client);
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(HEAD_BYTES_MAX));
    let sent = tokio::spawn(async move {
        let _ = writer.write_all(head.as_bytes()).await;
    });
    let mut text = Vec::new();
    let _ = reader.read_to_end(&mut text).await;
    assert!(String::from_utf8(text).unwrap().starts_with("HTTP/1.1 431"));
    sent.abort();
}
