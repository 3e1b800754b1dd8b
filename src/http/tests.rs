//! Slow clients over an in-memory stream, under a clock that jumps to the next deadline.

use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::Instant;

use super::*;
use crate::seats::Seats;

const DEADLINES: HttpDeadlines = HttpDeadlines {
    header: Duration::from_secs(5),
    write: Duration::from_secs(7),
    half_closed: HalfClosed::Left,
};
const BODY: Duration = Duration::from_secs(11);

fn serve(stop: &CancellationToken) -> (DuplexStream, tokio::task::JoinHandle<()>) {
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/big", get(|| async { "x".repeat(1 << 20) }))
        .route("/len", post(|body: Bytes| async move { body.len().to_string() }));
    let (client, server) = duplex(1024);
    let router = with_body_deadline(router, BODY);
    let stop = stop.clone();
    let task = tokio::spawn(async move {
        let seats = Seats::new("test", 1, stop.clone());
        let (_taking, seat) = seats.take(seats.free_place().await);
        serve_http_connection(server, router, DEADLINES, seat, stop).await;
    });
    (client, task)
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
