//! What must hold for every input of ingest, as functions of bytes that panic where it does not.
//!
//! The fuzzer (`fuzz/`) looks for bytes that break a property; the test below replays the corpus
//! that it left in the repository. Not part of an ordinary build.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};

use bytes::{Bytes, BytesMut};
use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{
    BatchWriter, Clock, HandoffReceiver, ManualClock, Pseudonyms, Redacted, RedactedBatch,
    Timestamp, handoff,
};

use crate::frame::{Frame, FrameEnd, Framing as _, HEAD_BYTES_MAX, LineDecoder, Lines, StreamEnd};
use crate::inflate::Encoding;
use crate::intake::PreparedBatch;
use crate::intake::RECORD_BYTES;
use crate::normalise::{IngestLimits, RecordDefaults};
use crate::pipeline::{BodyFormat, BodyItems, Held, LineItems, OpenBody, PieceBounds, read_body};
use crate::source::{Reading, StreamReader, gelf_items};
use crate::{Ingest, IngestConfig, RedactionSettings, Redactor};

/// 2026-11-20T12:00:00Z.
const NOW_MICROS: i64 = 1_795_176_000_000_000;

/// Longest body after inflating: a bomb must be noticed soon.
const INFLATED_BYTES_MAX: usize = 1 << 20;

/// Bounds of a piece: small, so that short inputs are several.
const FUZZED_PIECE_BYTES: usize = 256;
/// See [`FUZZED_PIECE_BYTES`].
const FUZZED_ADDED_BYTES: usize = 8 * RECORD_BYTES;

/// Bytes that a line may take in a batch beyond its own: its header, and names of fields that
/// every record has.
const LINE_OVERHEAD_BYTES: usize = 512;

/// How often a byte of input may stand in the batch: as text beside what it was read as, and
/// escaped.
const GROWTH_MAX: usize = 8;

/// Personal data in the most frequent forms, and the part that redaction must remove.
const PLANTS: [(&str, &str); 7] = [
    ("ada.planted@example.org", "ada.planted@example.org"),
    ("4111 1111 1111 1111", "4111 1111 1111 1111"),
    ("DE89370400440532013000", "DE89370400440532013000"),
    ("password=hunter2planted", "hunter2planted"),
    ("Authorization: Bearer abcdef0123456789abcdef", "abcdef0123456789abcdef"),
    ("postgres://app:pl4ntedsecret@db/x", "pl4ntedsecret"),
    (
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "eyJzdWIiOiIxMjM0NTY3ODkwIn0",
    ),
];

/// Ingest whose hand-off nobody reads: batches are looked at, not stored.
struct Bench {
    ingest: Ingest,
    _receiver: HandoffReceiver,
}

static BENCH: LazyLock<Bench> = LazyLock::new(|| {
    let (sender, receiver) = handoff(MemoryPart::new(MemoryUse::Batches, 1 << 20));
    let redactor = Redactor::new(&RedactionSettings::default(), Pseudonyms::off());
    let clock: Arc<dyn Clock> =
        Arc::new(ManualClock::at(Timestamp::from_micros_clamped(NOW_MICROS)));
    let bodies = MemoryPart::new(MemoryUse::Bodies, 1 << 20);
    let limits = IngestLimits { inflated_bytes_max: INFLATED_BYTES_MAX, ..IngestLimits::default() };
    let config = IngestConfig { limits, ..IngestConfig::default() };
    let ingest = Ingest::new(config, Arc::new(redactor), sender, bodies, clock);
    Bench { ingest, _receiver: receiver }
});

/// A stream cut into pieces gives the lines of a naive split, and holds no oversize line.
///
/// The first two bytes are the length of a piece and the longest line.
pub fn framing(data: &[u8]) {
    let [piece_bytes, line_bytes_max, stream @ ..] = data else { return };
    let (piece_bytes, line_bytes_max) =
        (usize::from(*piece_bytes).max(1), usize::from(*line_bytes_max).max(1));
    let mut decoder = LineDecoder::new(line_bytes_max, FrameEnd::Newline);
    let mut buffer = BytesMut::new();
    let mut lines = Vec::new();
    for piece in stream.chunks(piece_bytes) {
        buffer.extend_from_slice(piece);
        while let Some(frame) = decoder.next(&mut buffer, StreamEnd::Open) {
            take_lines(&frame, line_bytes_max, &mut lines);
        }
        assert!(buffer.len() <= line_bytes_max + 1, "an oversize line is buffered");
    }
    while let Some(frame) = decoder.next(&mut buffer, StreamEnd::Last) {
        take_lines(&frame, line_bytes_max, &mut lines);
    }
    assert_eq!(lines, naive_lines(stream, line_bytes_max));
}

fn take_lines(frame: &Frame, line_bytes_max: usize, lines: &mut Vec<Option<Vec<u8>>>) {
    match frame {
        Frame::Lines(chunk) => {
            let fitting = |line: &[u8]| (line.len() <= line_bytes_max).then(|| line.to_vec());
            lines.extend(Lines::new(chunk).map(fitting));
        }
        Frame::TooLong(head) => {
            assert!(head.len() <= HEAD_BYTES_MAX, "the head of a long line is long");
            lines.push(None);
        }
    }
}

/// Returns the lines of a stream; one that is too long as `None`.
pub(crate) fn naive_lines(stream: &[u8], line_bytes_max: usize) -> Vec<Option<Vec<u8>>> {
    let mut lines: Vec<&[u8]> = stream.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    lines
        .into_iter()
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .map(|line| (line.len() <= line_bytes_max).then(|| line.to_vec()))
        .collect()
}

/// A first line is a handshake in exactly one shape.
pub fn handshake(data: &[u8]) {
    crate::source::fuzz_handshake(data);
}

/// JSON lines become records and dead letters, one for each line that is not empty, that read
/// back as written; over TCP as over HTTP.
pub fn lines(data: &[u8]) {
    let whole = BENCH.ingest.prepare_lines(data);
    check_batch(&whole, data.len());
    let mut reader = StreamReader::of_lines(BENCH.ingest.config(), Reading::default());
    let mut frames = VecDeque::from([Frame::Lines(Bytes::copy_from_slice(data))]);
    while !frames.is_empty() {
        let streamed = reader.prepare_frames(&BENCH.ingest, &mut frames, Held::Closed);
        check_batch(&streamed, data.len());
    }
}

/// A body is inflated within its limit, and read in the format that its type names; alike in
/// whatever pieces it arrives.
///
/// The first byte is format, encoding and how the body arrives.
pub fn body(data: &[u8]) {
    let [control, body @ ..] = data else { return };
    let format = match control & 3 {
        0 => BodyFormat::Json,
        1 => BodyFormat::Text,
        _ => BodyFormat::JsonLines,
    };
    let encoding = match (control >> 2) & 3 {
        0 => Encoding::Identity,
        1 => Encoding::Gzip,
        2 => Encoding::Zstd,
        _ => Encoding::Deflate,
    };
    let defaults = RecordDefaults { service: Some("fuzz".to_owned()), ..RecordDefaults::default() };
    let defaults = Arc::new(defaults);
    let items = || -> Box<dyn BodyItems> {
        Box::new(LineItems::new(format, BENCH.ingest.config(), Arc::clone(&defaults)))
    };
    read_alike((encoding, &items), 1 + usize::from(control >> 4), body);
}

/// GELF messages are read alike in whatever pieces their body arrives, and over a connection: each
/// becomes a record or a dead letter.
///
/// The first byte is the encoding, and how the body arrives.
pub fn gelf(data: &[u8]) {
    let [control, body @ ..] = data else { return };
    let encoding = match control & 3 {
        0 | 1 => Encoding::Identity,
        2 => Encoding::Gzip,
        _ => Encoding::Zstd,
    };
    let items = || gelf_items(BENCH.ingest.config());
    read_alike((encoding, &items), 1 + usize::from(control >> 4), body);
    let mut reader = StreamReader::of_gelf(BENCH.ingest.config());
    let mut frames = VecDeque::from([Frame::Lines(Bytes::copy_from_slice(body))]);
    while !frames.is_empty() {
        let streamed = reader.prepare_frames(&BENCH.ingest, &mut frames, Held::Closed);
        check_batch(&streamed, body.len());
    }
}

/// Reads a body whole and in pieces, which makes no difference.
fn read_alike(
    (encoding, items): (Encoding, &dyn Fn() -> Box<dyn BodyItems>),
    part_bytes: usize,
    body: &[u8],
) {
    let read = |received_bytes| {
        let open = OpenBody { encoding, id: None, items: items() };
        let bounds = PieceBounds { bytes: FUZZED_PIECE_BYTES, added_bytes: FUZZED_ADDED_BYTES };
        read_body(&BENCH.ingest, open, bounds, body, received_bytes)
    };
    let (whole, parts) = (read(body.len().max(1)), read(part_bytes));
    let (whole, parts) = match (whole, parts) {
        (Ok(whole), Ok(parts)) => (whole, parts),
        (whole, parts) => {
            assert_eq!(whole.is_err(), parts.is_err(), "an error that depends on arrival");
            return;
        }
    };
    assert_eq!(whole.len(), parts.len(), "pieces that depend on arrival");
    for (piece, part) in whole.iter().zip(&parts) {
        check_batch(&piece.prepared, INFLATED_BYTES_MAX);
        assert_eq!(piece.prepared.batch.bytes(), part.prepared.batch.bytes(), "a piece differs");
        assert_eq!(piece.through_line, part.through_line, "a piece ends elsewhere");
    }
}

/// Personal data on a line of its own within any text is gone from the record.
///
/// The first byte is which data, the second where in the text it stands.
pub fn redact(data: &[u8]) {
    let [which, place, context @ ..] = data else { return };
    let context = String::from_utf8_lossy(context);
    let Some((plant, secret)) = PLANTS.get(usize::from(*which) % PLANTS.len()) else { return };
    if context.contains(secret) {
        return;
    }
    let place = context.len() * usize::from(*place) / usize::from(u8::MAX);
    let place = (0..=place).rev().find(|at| context.is_char_boundary(*at)).unwrap_or(0);
    let (before, after) = context.split_at(place);
    let message = format!("{before}\n{plant}\n{after}");
    let line = serde_json::json!({ "message": message, "nested": { "text": [message] } });
    let prepared = BENCH.ingest.prepare_lines(line.to_string().as_bytes());
    check_batch(&prepared, line.to_string().len());
    let kept = String::from_utf8_lossy(prepared.batch.bytes());
    assert!(!kept.contains(secret), "planted data is left");
}

/// Checks the invariants of every batch.
fn check_batch(prepared: &PreparedBatch, input_bytes: usize) {
    let PreparedBatch { batch, verdicts } = prepared;
    let record_count = verdicts.accepted_count + verdicts.rejected_count();
    assert_eq!(u64::from(batch.record_count()), record_count, "a verdict without a record");
    assert_eq!(u64::from(batch.line_count()), verdicts.line_count, "a line without a record");
    let most = GROWTH_MAX * input_bytes + LINE_OVERHEAD_BYTES * (batch.record_count() as usize + 1);
    assert!(batch.bytes().len() <= most, "{} bytes of {input_bytes}", batch.bytes().len());
    let mut again = BatchWriter::default();
    for record in batch.records() {
        let record = record.expect("what was encoded is whole");
        again.push(&record.decode().expect("what was encoded decodes"));
    }
    assert_eq!(again.byte_len(), batch.bytes().len(), "another length when encoded again");
    let read = RedactedBatch::from_wal(
        batch.bytes().clone(),
        batch.record_count(),
        None,
        Redacted::vouch(),
    );
    assert!(read.is_ok(), "the WAL would not read it back");
}

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::replay::replay;
    use super::*;

    #[test]
    fn the_corpus_of_every_target_holds() {
        replay("framing", framing);
        replay("handshake", handshake);
        replay("lines", lines);
        replay("body", body);
        replay("gelf", gelf);
        replay("redact", redact);
    }

    #[test]
    #[should_panic(expected = "a line without a record")]
    fn a_lost_line_would_be_noticed() {
        let mut prepared = BENCH.ingest.prepare_lines(b"{\"message\":\"a\"}\n");
        prepared.verdicts.line_count += 1;
        check_batch(&prepared, 100);
    }
}
