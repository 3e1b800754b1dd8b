//! A protocol of another kind, as one type: lengths in front of messages, defaults of its own, and
//! an answer to each batch. The connection is the one of all protocols.
//!
//! ```text
//! stream := (length ':' message ',')*      netstrings; a message is a JSON object
//! answer := "+" messages that are durable "\n"
//! ```

use std::sync::Arc;

use bytes::BytesMut;
use tierlog_model::{RecordKind, Tenant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::frame::StreamEnd;
use crate::normalise::RecordDefaults;
use crate::source::{Client, TcpProtocol};
use crate::testing::{FakeStore, ingest_of, records_of, written};

/// Digits of a length, and the longest message.
const DIGITS_MAX: usize = 4;

#[derive(Debug)]
struct Netstrings;

/// The line that a protocol needs in the registry.
static NETSTRINGS: TcpProtocol = TcpProtocol(&Netstrings);

impl StreamProtocol for Netstrings {
    fn name(&self) -> &'static str {
        "netstrings"
    }

    fn framing(&self, _: &IngestConfig) -> Box<dyn Framing> {
        Box::new(Lengths)
    }

    fn session(&self, _: &IngestConfig, caller: &Caller) -> Box<dyn StreamSession> {
        let service = Some(format!("of-{}", caller.tenant));
        Box::new(Messages { defaults: RecordDefaults { service, ..RecordDefaults::default() } })
    }

    fn answer(&self, said: Said<'_>) -> Option<String> {
        match said {
            Said::Durable { lines, .. } => Some(format!("+{lines}\n")),
            Said::Resume(_) => None,
            Said::Error(problem) => Some(format!("-{problem}\n")),
        }
    }
}

/// Cuts a stream by its lengths: a frame is a message.
struct Lengths;

impl Framing for Lengths {
    fn next(&mut self, buffer: &mut BytesMut, _: StreamEnd) -> Option<Frame> {
        let head = buffer.iter().take(DIGITS_MAX + 1).position(|byte| *byte == b':')?;
        let digits = std::str::from_utf8(buffer.get(..head)?).ok()?;
        let length: usize = digits.parse().ok()?;
        let end = head + 1 + length;
        if buffer.len() <= end {
            return None;
        }
        let whole = buffer.split_to(end + 1).freeze();
        Some(Frame::Lines(whole.slice(head + 1..end)))
    }

    fn is_skipping(&self) -> bool {
        false
    }
}

struct Messages {
    defaults: RecordDefaults,
}

impl StreamSession for Messages {
    fn open(&mut self, _: &mut Frame) -> Result<Wanted, &'static str> {
        Ok(Wanted::Acks)
    }

    fn read(&mut self, frames: &mut VecDeque<Frame>, _: Held, intake: &mut Intake<'_>) {
        while !intake.is_full()
            && let Some(frame) = frames.pop_front()
        {
            let (Frame::Lines(message) | Frame::TooLong(message)) = frame;
            intake.json(&message, &self.defaults);
        }
    }

    fn batch_bytes(&self, frames: &VecDeque<Frame>) -> usize {
        frames.iter().map(Frame::byte_len).sum()
    }
}

#[tokio::test]
async fn a_protocol_with_another_framing_is_one_type() {
    let (ingest, receiver) = ingest_of(IngestConfig::default(), 1 << 22);
    let store = FakeStore::start(receiver, written);
    let (mut ours, theirs) = tokio::io::duplex(64 * 1024);
    let tenant = Tenant::define("netstring-team").expect("a name");
    let caller = Caller { tenant, ..Caller::open() };
    let client = Client { caller, ..Client::default() };
    let (protocol, stop) = (NETSTRINGS, CancellationToken::new());
    let served =
        tokio::spawn(serve_tcp_connection(protocol, Arc::new(ingest), theirs, client, stop));
    let messages = [
        "{\"message\":\"with a line\\nbreak\"}",
        "{\"message\":\"mail ada@example.org\"}",
        "[\"no object\"]",
    ];
    for message in messages {
        let framed = format!("{}:{message},", message.len());
        let (first, second) = framed.split_at(framed.len() / 2);
        ours.write_all(first.as_bytes()).await.expect("the server reads");
        tokio::task::yield_now().await;
        ours.write_all(second.as_bytes()).await.expect("the server reads");
    }
    ours.shutdown().await.expect("the server reads");
    let mut heard = String::new();
    ours.read_to_string(&mut heard).await.expect("the server ends");
    served.await.expect("no panic").expect("a stream in order");
    assert_eq!(heard.lines().last(), Some("+3"), "{heard}");
    let batches = store.batches();
    assert!(batches.iter().all(|batch| batch.tenant() == tenant));
    let records: Vec<_> = batches.iter().flat_map(records_of).collect();
    let texts: Vec<_> = records.iter().map(|record| record.get_str("message")).collect();
    assert_eq!(texts.first(), Some(&Some("with a line\nbreak")));
    assert_eq!(texts.get(1), Some(&Some("mail [EMAIL]")), "redaction stands behind every protocol");
    assert_eq!(records.last().map(|record| record.kind), Some(RecordKind::DeadLetter));
    let service = records.first().and_then(|record| record.get_str("service"));
    assert_eq!(service, Some("of-netstring-team"));
}
