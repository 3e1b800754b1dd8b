//! Bodies and streams become batches: verdicts, conservation, dead letters, formats.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use tierlog_model::limits::REPORTED_ERRORS_MAX;
use tierlog_model::{BatchId, RecordKind, Tenant};

use super::*;
use crate::frame::{Frame, FrameEnd, Framing as _, LineDecoder, StreamEnd};
use crate::inflate::Encoding;
use crate::normalise::IngestLimits;
use crate::source::{Reading, StreamReader};
use crate::testing::{ingest_of, mixed_line, records_of};

fn small_limits() -> IngestConfig {
    let limits = IngestLimits { line_bytes_max: 100, ..IngestLimits::default() };
    IngestConfig { limits, ..IngestConfig::default() }
}

fn prepare(body: &[u8], format: BodyFormat) -> PreparedBatch {
    let (ingest, _receiver) = ingest_of(small_limits(), 1 << 20);
    prepare_with(&ingest, body, format, RecordDefaults::default(), None)
}

/// Reads a body of one piece.
fn prepare_with(
    ingest: &Ingest,
    body: &[u8],
    format: BodyFormat,
    defaults: RecordDefaults,
    id: Option<BatchId>,
) -> PreparedBatch {
    let bounds = PieceBounds::USUAL;
    let items = Box::new(LineItems::new(format, ingest.config(), Arc::new(defaults)));
    let open = OpenBody { encoding: Encoding::Identity, id, items };
    let mut pieces = read_body(ingest, open, bounds, body, 1_000).expect("a body");
    assert_eq!(pieces.len(), 1);
    pieces.remove(0).prepared
}

/// Returns the messages of a batch, dead letters as `reason@line`.
fn summary(prepared: &PreparedBatch) -> Vec<String> {
    let mut rejections = prepared.verdicts.rejections.iter();
    records_of(&prepared.batch)
        .iter()
        .map(|record| match record.kind {
            RecordKind::Log => record.get_str("message").unwrap_or("-").to_owned(),
            RecordKind::DeadLetter => {
                let rejection = rejections.next().expect("listed");
                assert_eq!(record.get_str("reason"), Some(rejection.reason.as_str()));
                assert_eq!(record.get_str("detail"), Some(&*rejection.detail));
                format!("{}@{}", rejection.reason, rejection.line)
            }
        })
        .collect()
}

fn check(body: &str, format: BodyFormat, expected: &[&str]) {
    assert_eq!(summary(&prepare(body.as_bytes(), format)), expected, "{body}");
}

#[test]
fn lines_keep_their_order_and_numbers() {
    let body = "\u{feff}{\"msg\":\"a\"}\r\n\n  \nnot json\n{\"msg\":\"b\"}\n[]\n{\"msg\":\"c\"}";
    check(body, BodyFormat::JsonLines, &["a", "invalid_json@4", "b", "not_an_object@6", "c"]);
}

#[test]
fn arrays_and_single_objects_are_bodies_too() {
    let array = "[{\"msg\":\"a\"},\n 7, {\"msg\":\"b\"}]";
    for format in [BodyFormat::Json, BodyFormat::JsonLines] {
        check(array, format, &["a", "not_an_object@2", "b"]);
    }
    check("[1, 2]", BodyFormat::Json, &["not_an_object@1", "not_an_object@2"]);
    check("{\n \"msg\":\n \"a\"\n}\n", BodyFormat::Json, &["a"]);
    check("{\"msg\":\"a\"}\n{\"msg\":\"b\"}\n", BodyFormat::Json, &["a", "b"]);
    check("[INFO] x {\"msg\":\"a\"}", BodyFormat::JsonLines, &["a"]);
    check("", BodyFormat::Json, &[]);
    check(" [ ] ", BodyFormat::Json, &[]);
}

#[test]
fn every_text_line_is_a_message() {
    let body = "one\r\n\n  two {x}\n{\"msg\":\"three\"}\n7\n";
    check(body, BodyFormat::Text, &["one", "  two {x}", "three", "7"]);
}

#[test]
fn a_long_line_costs_itself_only() {
    let body = format!("{{\"msg\":\"{}\"}}\n{{\"msg\":\"b\"}}", "x".repeat(100));
    check(&body, BodyFormat::JsonLines, &["too_long@1", "b"]);
    check(&format!("[{body}]").replace('\n', ","), BodyFormat::Json, &["too_long@1", "b"]);
}

#[test]
fn a_line_may_be_as_long_as_the_limit_and_counts_when_it_is_longer() {
    let exact = format!("{{\"msg\":\"{}\"}}", "x".repeat(100 - "{\"msg\":\"\"}".len()));
    assert_eq!(prepare(exact.as_bytes(), BodyFormat::Json).verdicts.accepted_count, 1);
    let (ingest, _receiver) = ingest_of(small_limits(), 1 << 20);
    let lines = |text: &'static str| Frame::Lines(Bytes::from_static(text.as_bytes()));
    let too_long = || Frame::TooLong(Bytes::from_static(b"{\"msg\":"));
    let mut frames =
        [too_long(), lines("{\"msg\":\"a\"}\n\n"), too_long(), lines("rubbish\n")].into();
    let mut reader = StreamReader::of_lines(ingest.config(), Reading::default());
    let verdicts = reader.prepare_frames(&ingest, &mut frames, Held::Closed).verdicts;
    let numbers: Vec<u64> = verdicts.rejections.iter().map(|rejection| rejection.line).collect();
    assert_eq!((numbers, verdicts.line_count), (vec![1, 4, 5], 4));
}

#[test]
fn few_hold_long_lines_however_long_they_may_be() {
    for (line_bytes_max, expected) in [(100, 256), (1 << 20, 16), (1 << 30, 4)] {
        let limits = IngestLimits { line_bytes_max, ..IngestLimits::default() };
        let config = IngestConfig { limits, ..IngestConfig::default() };
        assert_eq!(ingest_of(config, 1 << 20).0.long_reads.available_permits(), expected);
    }
}

#[test]
fn dead_letters_carry_the_redacted_line_and_its_origin() {
    let (ingest, _receiver) = ingest_of(small_limits(), 1 << 20);
    let (service, source) = (Some("web".to_owned()), Some("file".to_owned()));
    let defaults = RecordDefaults { service, source, ..RecordDefaults::default() };
    let body = b"{\"email\":\"jane.doe@example.com\"";
    let prepared = prepare_with(&ingest, body, BodyFormat::JsonLines, defaults, None);
    let records = records_of(&prepared.batch);
    let [letter] = records.as_slice() else { panic!("one dead letter, not {records:?}") };
    assert_eq!(letter.kind, RecordKind::DeadLetter);
    assert_eq!(letter.timestamp, crate::testing::arrival());
    assert_eq!((letter.get_str("service"), letter.get_str("source")), (Some("web"), Some("file")));
    assert!(!letter.get_str("message").expect("kept").contains("jane.doe"));
    assert_eq!(prepared.verdicts.redacted_count, 1);
}

#[test]
fn a_hundred_errors_are_listed_and_all_are_counted() {
    let prepared = prepare("x\n".repeat(150).as_bytes(), BodyFormat::JsonLines);
    assert_eq!((prepared.verdicts.accepted_count, prepared.verdicts.rejected_count()), (0, 150));
    assert_eq!(prepared.verdicts.rejections.len(), REPORTED_ERRORS_MAX);
    assert_eq!(prepared.batch.record_count(), 150);
}

#[test]
fn an_id_names_the_batch() {
    let (ingest, _receiver) = ingest_of(small_limits(), 1 << 20);
    let id = BatchId::of_client(Tenant::DEFAULT, "b-1");
    let prepared = prepare_with(&ingest, b"{}", BodyFormat::Json, RecordDefaults::default(), id);
    assert_eq!(prepared.batch.id(), id.as_ref());
}

/// Tells whether a body is an array of records and not lines.
fn is_array(body: &str, format: BodyFormat) -> bool {
    let inside = body.trim_ascii().strip_prefix('[').map(str::trim_ascii_start);
    let is_record = |inside: &str| inside.starts_with('{') || inside.starts_with(']');
    format != BodyFormat::Text && inside.is_some_and(is_record)
}

/// Many short lines of a stream become several batches, none of which is out of proportion.
#[test]
fn a_read_of_many_short_lines_is_several_batches() {
    let (ingest, _receiver) = ingest_of(small_limits(), 1 << 20);
    for (service, batch_count) in [("s", 3), (&"s".repeat(900)[..], 20)] {
        let defaults =
            RecordDefaults { service: Some(service.to_owned()), ..RecordDefaults::default() };
        let reading = Reading { defaults, ..Reading::default() };
        let mut reader = StreamReader::of_lines(ingest.config(), reading);
        let lines = Frame::Lines(Bytes::from("x\n".repeat(19_999)));
        let mut frames = [lines, Frame::TooLong(Bytes::from_static(b"long"))].into();
        let (mut batches, mut line_count) = (Vec::new(), 0);
        loop {
            let prepared = reader.prepare_frames(&ingest, &mut frames, Held::Closed);
            line_count += prepared.verdicts.line_count;
            batches.push(prepared.batch);
            if frames.is_empty() {
                break;
            }
        }
        let longest = batches.iter().map(|batch| batch.bytes().len()).max();
        assert!(longest < Some(1 << 20), "{longest:?}");
        assert_eq!((batches.len(), line_count), (batch_count, 20_000));
    }
}

/// Lines of all kinds, good and bad.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(r#"{"msg":"hello","user_id":7}"#.to_owned()),
        Just(r#"{"level":"debug","ts":1}"#.to_owned()),
        Just(r#"{"ts":"never"}"#.to_owned()),
        Just("2026-11-20T09:05:10.5Z stdout F {\"a\":1}".to_owned()),
        Just(String::new()),
        Just("x".repeat(101)),
        "[ -~]{0,20}",
        "\\PC{0,20}",
    ]
}

proptest! {
    /// Every line that is not empty is accepted or rejected, by name, and all are in the batch.
    #[test]
    fn lines_are_conserved(lines in prop::collection::vec(line(), 0..30)) {
        let body = lines.join("\n");
        let filled = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| !line.trim_ascii().is_empty())
            .count() as u64;
        for format in [BodyFormat::JsonLines, BodyFormat::Text] {
            let is_array = is_array(&body, format);
            let prepared = prepare(body.as_bytes(), format);
            if !is_array {
                prop_assert_eq!(prepared.verdicts.line_count, filled);
            }
            prop_assert_eq!(u64::from(prepared.batch.line_count()), prepared.verdicts.line_count);
            prop_assert_eq!(prepared.verdicts.rejections.len() as u64, prepared.verdicts.rejected_count());
        }
    }

    #[test]
    fn any_bytes_become_a_batch(body: Vec<u8>) {
        for format in [BodyFormat::JsonLines, BodyFormat::Json, BodyFormat::Text] {
            let prepared = prepare(&body, format);
            prop_assert_eq!(u64::from(prepared.batch.line_count()), prepared.verdicts.line_count);
        }
    }

    /// A stream gives the records of the body that it carries.
    #[test]
    fn frames_equal_the_body(lines in prop::collection::vec(line(), 0..10)) {
        let body = lines.join("\n");
        prop_assume!(!is_array(&body, BodyFormat::JsonLines));
        let (ingest, _receiver) = ingest_of(small_limits(), 1 << 20);
        let mut reader = StreamReader::of_lines(ingest.config(), Reading::default());
        let mut frames = [Frame::Lines(Bytes::from(body.clone()))].into();
        let streamed =
            reader.prepare_frames(&ingest, &mut frames, Held::Closed);
        let whole = ingest.prepare_lines(body.as_bytes());
        prop_assert_eq!(streamed.batch.bytes(), whole.batch.bytes());
    }
}

/// A producer numbers lines by the same rule as the server.
#[test]
fn every_line_that_is_not_blank_counts() {
    let (ingest, _receiver) = ingest_of(IngestConfig::default(), 1 << 20);
    for line in [
        &b""[..],
        b" \t",
        b"\r",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf \r",
        b"\x0b",
        b"\x0c",
        b"\0",
        b"\0\0 \0",
        b"\xef\xbb\xbf\0",
        b"\x1b[0m",
        b"\x1b[0m \x1b[1;31m\r",
        b"\x1b[31m{}\x1b[0m",
        b"\x1b[",
        b"\0\0{}",
        b"  ERROR: x",
        b"\xc2\xa0",
        b"{}",
        b"\xef\xbb\xbf{}",
        b"rubbish",
        b"\xff",
        b"{\"log\":\"\"}",
        b"{\"log\":\"{}\\n{}\"}",
        b"[{},{}]",
        b"{}{}",
    ] {
        let mut reader = StreamReader::of_lines(ingest.config(), Reading::default());
        let frame = Frame::Lines(bytes::Bytes::copy_from_slice(&[line, b"\n"].concat()));
        let prepared = reader.prepare_frames(&ingest, &mut [frame].into(), Held::Closed);
        let expected = u32::from(!crate::is_blank(line));
        assert_eq!(prepared.batch.line_count(), expected, "{line:?}");
        assert_eq!(prepared.batch.record_count() > 0, expected > 0, "{line:?}");
        assert_eq!(prepared.verdicts.line_count, u64::from(expected), "{line:?}");
    }
}

proptest! {
    /// However a stream is cut into segments, its records are those of the body; and what has
    /// left is always a beginning of its lines.
    #[test]
    fn segments_give_the_records_of_the_body(
        lines in prop::collection::vec(mixed_line(), 0..25),
        segment_bytes in 1_usize..90,
        kind in prop_oneof![Just(LineKind::Json), Just(LineKind::Text)],
    ) {
        let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let (ingest, _receiver) = ingest_of(IngestConfig::default(), 1 << 20);
        let reading = Reading { kind, ..Reading::default() };
        let read = |frames: Vec<Frame>, reader: &mut StreamReader, held| {
            reader.prepare_frames(&ingest, &mut frames.into(), held)
        };
        let whole = vec![Frame::Lines(Bytes::from(body.clone()))];
        let mut reader = StreamReader::of_lines(ingest.config(), reading.clone());
        let whole = read(whole, &mut reader, Held::Closed);

        let mut reader = StreamReader::of_lines(ingest.config(), reading);
        let (mut decoder, mut buffer) = (LineDecoder::new(1_000, FrameEnd::Newline), BytesMut::new());
        let (mut records, mut line_count, mut joined_count) = (Vec::new(), 0, 0);
        let mut take = |prepared: PreparedBatch| {
            records.extend(records_of(&prepared.batch));
            line_count += prepared.verdicts.line_count;
            joined_count += prepared.verdicts.joined_count;
            assert_eq!(u64::from(prepared.batch.line_count()), prepared.verdicts.line_count);
        };
        for segment in body.as_bytes().chunks(segment_bytes) {
            buffer.extend_from_slice(segment);
            while let Some(frame) = decoder.next(&mut buffer, StreamEnd::Open) {
                take(read(vec![frame], &mut reader, Held::Kept));
            }
        }
        take(read(Vec::new(), &mut reader, Held::Closed));
        prop_assert_eq!(records, records_of(&whole.batch));
        let counts = (whole.verdicts.line_count, whole.verdicts.joined_count);
        prop_assert_eq!((line_count, joined_count), counts);
        let filled = lines.iter().filter(|line| !line.is_empty()).count();
        prop_assert_eq!(line_count as usize, filled);
    }
}
