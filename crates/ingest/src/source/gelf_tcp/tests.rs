//! Messages over a connection, framed as libraries frame them, before a store that is a thread.

use std::sync::Arc;

use proptest::prelude::*;
use tierlog_model::{Record, RecordKind, RedactedBatch};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::frame::{Lines, StreamEnd};
use crate::normalise::IngestLimits;
use crate::source::{Client, ConnectionError, StreamReader, TcpProtocol, serve_tcp_connection};
use crate::testing::{FakeStore, ingest_of, records_of, written};

/// Sends pieces of a stream and ends it; returns what the client heard and what was stored.
async fn send(pieces: &[&[u8]]) -> (Vec<u8>, Result<(), ConnectionError>, Vec<RedactedBatch>) {
    let limits = IngestLimits { line_bytes_max: 200, ..IngestLimits::default() };
    let config = IngestConfig { limits, ..IngestConfig::default() };
    let (ingest, receiver) = ingest_of(config, 1 << 22);
    let store = FakeStore::start(receiver, written);
    let (mut ours, theirs) = tokio::io::duplex(64 * 1024);
    let protocol = TcpProtocol::of_name("gelf_tcp").expect("a protocol");
    assert_eq!(protocol.name(), "gelf_tcp");
    let (client, stop) = (Client::default(), CancellationToken::new());
    let served =
        tokio::spawn(serve_tcp_connection(protocol, Arc::new(ingest), theirs, client, stop));
    for piece in pieces {
        ours.write_all(piece).await.expect("the server reads");
        tokio::task::yield_now().await;
    }
    ours.shutdown().await.expect("the server reads");
    let mut heard = Vec::new();
    ours.read_to_end(&mut heard).await.expect("the server ends");
    (heard, served.await.expect("no panic"), store.batches())
}

fn messages(batches: &[RedactedBatch]) -> Vec<String> {
    let text = |record: &Record<'_>| match record.kind {
        RecordKind::Log => record.get_str("message").unwrap_or("-").to_owned(),
        RecordKind::DeadLetter => record.get_str("reason").unwrap_or("-").to_owned(),
    };
    batches.iter().flat_map(records_of).map(|record| text(&record)).collect()
}

#[tokio::test]
async fn frames_end_with_nul_or_a_line_break_and_nothing_is_said() {
    let long = format!("{{\"short_message\":\"{}\"}}\0", "x".repeat(300));
    let (heard, served, batches) = send(&[
        b"{\"version\":\"1.1\",\"host\":\"a\",\"short_message\":\"nul\",\"level\":4}\0",
        b"{\"short_message\":\"newline\"}\n\0\n{\"short_mess",
        b"age\":\"in two pieces\"}\0rubbish\0",
        long.as_bytes(),
        b"{\"short_message\":\"line \\n break\"}\r\n",
        b"{\"short_message\":\"without an end\"}",
    ])
    .await;
    assert!(heard.is_empty() && served.is_ok(), "{heard:?} {served:?}");
    assert_eq!(
        messages(&batches),
        [
            "nul",
            "newline",
            "in two pieces",
            "invalid_json",
            "too_long",
            "line \n break",
            "without an end"
        ]
    );
}

#[tokio::test]
async fn a_handshake_of_another_protocol_is_a_message() {
    let (heard, served, batches) = send(&[b"{\"tierlog\":{\"ack\":true}}\n"]).await;
    assert!(heard.is_empty() && served.is_ok(), "{heard:?} {served:?}");
    assert_eq!(messages(&batches), ["-"]);
}

proptest! {
    /// Any bytes are messages or dead letters, and none is lost.
    #[test]
    fn any_bytes_become_a_batch(stream: Vec<u8>) {
        let (ingest, _receiver) = ingest_of(IngestConfig::default(), 1 << 20);
        let session = GelfTcp.session(ingest.config(), &Caller::open());
        let mut reader = StreamReader::new(ingest.config(), session);
        let lines = Lines::ending_with(&stream, FrameEnd::NewlineOrNul);
        let filled = lines.filter(|line| !crate::is_blank(line)).count();
        let mut frames = VecDeque::from([Frame::Lines(bytes::Bytes::from(stream.clone()))]);
        let batch = reader.prepare_frames(&ingest, &mut frames, Held::Closed).batch;
        prop_assert_eq!(batch.record_count() as usize, filled);
    }

    /// However a stream is cut, its messages are those of a plain split.
    #[test]
    fn segments_give_the_messages_of_the_stream(
        texts in prop::collection::vec(("[a-z]{1,8}", any::<bool>()), 0..20),
        segment_bytes in 1_usize..60,
    ) {
        let (ingest, _receiver) = ingest_of(IngestConfig::default(), 1 << 20);
        let frame = |(text, is_nul): &(String, bool)| {
            format!("{{\"short_message\":\"{text}\"}}{}", if *is_nul { "\0" } else { "\n" })
        };
        let stream: String = texts.iter().map(frame).collect();
        let mut reader = StreamReader::new(
            ingest.config(),
            GelfTcp.session(ingest.config(), &Caller::open()),
        );
        let mut framing = GelfTcp.framing(ingest.config());
        let (mut buffer, mut batches) = (bytes::BytesMut::new(), Vec::new());
        let mut take = |buffer: &mut bytes::BytesMut, end| {
            while let Some(frame) = framing.next(buffer, end) {
                let mut frames = VecDeque::from([frame]);
                batches.push(reader.prepare_frames(&ingest, &mut frames, Held::Kept).batch);
            }
        };
        for segment in stream.as_bytes().chunks(segment_bytes) {
            buffer.extend_from_slice(segment);
            take(&mut buffer, StreamEnd::Open);
        }
        take(&mut buffer, StreamEnd::Last);
        let expected: Vec<String> = texts.iter().map(|(text, _)| text.clone()).collect();
        prop_assert_eq!(messages(&batches), expected);
        let lines = Lines::ending_with(stream.as_bytes(), FrameEnd::NewlineOrNul).count();
        prop_assert_eq!(lines, texts.len());
    }
}
