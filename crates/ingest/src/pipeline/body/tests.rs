//! A body in pieces against the same body read at once, by the plain way.

use std::sync::Arc;

use proptest::prelude::*;
use tierlog_model::{Record, Tenant};

use super::*;
use crate::frame::Lines;
use crate::intake::RECORD_BYTES;
use crate::intake::Verdicts;
use crate::joiner::Joiner;
use crate::normalise::{IngestConfig, IngestLimits, LineKind, RecordDefaults};
use crate::pipeline::{BodyFormat, Held, LineIntake, LineItems};
use crate::testing::{ingest_of, mixed_line, records_of};

fn ingest() -> Ingest {
    let limits = IngestLimits { line_bytes_max: 200, ..IngestLimits::default() };
    ingest_of(IngestConfig { limits, ..IngestConfig::default() }, 1 << 20).0
}

fn open_with(
    ingest: &Ingest,
    format: BodyFormat,
    encoding: Encoding,
    defaults: RecordDefaults,
) -> OpenBody {
    let id = BatchId::of_client(Tenant::DEFAULT, "b-1");
    let items = Box::new(LineItems::new(format, ingest.config(), Arc::new(defaults)));
    OpenBody { encoding, id, items }
}

fn open(ingest: &Ingest, format: BodyFormat, encoding: Encoding) -> OpenBody {
    open_with(ingest, format, encoding, RecordDefaults::default())
}

/// Returns what pieces hold together.
fn together(ingest: &Ingest, pieces: Vec<Piece>) -> (Vec<Record<'static>>, Verdicts) {
    let (mut records, mut verdicts) = (Vec::new(), ingest.no_verdicts());
    for piece in pieces {
        let PreparedBatch { batch, verdicts: next } = piece.prepared;
        assert_eq!(u64::from(batch.line_count()), next.line_count, "a line without a record");
        records.extend(records_of(&batch));
        verdicts.add(next);
    }
    (records, verdicts)
}

/// Reads a body that is all there at once: its lines, or the values of its array as a parser
/// finds them.
fn at_once(ingest: &Ingest, body: &[u8], format: BodyFormat) -> (Vec<Record<'static>>, Verdicts) {
    let kind = if format == BodyFormat::Text { LineKind::Text } else { LineKind::Json };
    let mut reader = LineReader::new(ingest.config());
    let mut joiner = Joiner::new(kind.other_text(), ingest.config().limits.line_bytes_max);
    let defaults = RecordDefaults::default();
    let mut intake = ingest.intake(&mut reader, body.len(), usize::MAX);
    let mut taking = LineIntake::new(&mut intake, &mut joiner, kind, &defaults);
    match serde_json::from_slice::<Vec<Box<serde_json::value::RawValue>>>(body) {
        Ok(elements) if format == BodyFormat::Json => {
            elements.iter().for_each(|element| taking.element(element.get().as_bytes()));
        }
        Ok(_) | Err(_) => Lines::new(body).for_each(|line| taking.line(line)),
    }
    taking.end(Held::Closed);
    let PreparedBatch { batch, verdicts } = intake.finish();
    let mut all = ingest.no_verdicts();
    all.add(verdicts);
    (records_of(&batch), all)
}

/// Lines of one group, unrelated lines, and lines beyond the limit.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => mixed_line(),
        1 => (190_usize..700).prop_map(|length| format!("{{\"a\":\"{}\"}}", "y".repeat(length))),
    ]
}

fn bounds() -> impl Strategy<Value = PieceBounds> {
    (1_usize..400, 1_usize..12)
        .prop_map(|(bytes, records)| PieceBounds { bytes, added_bytes: records * RECORD_BYTES })
}

fn compressed(plain: &[u8], encoding: Encoding) -> Vec<u8> {
    use std::io::Write;
    match encoding {
        Encoding::Identity => plain.to_vec(),
        Encoding::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(plain).expect("memory takes all");
            encoder.finish().expect("memory takes all")
        }
        Encoding::Deflate => {
            let mut encoder =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(plain).expect("memory takes all");
            encoder.finish().expect("memory takes all")
        }
        Encoding::Zstd => zstd::stream::encode_all(plain, 1).expect("memory takes all"),
    }
}

fn encoding() -> impl Strategy<Value = Encoding> {
    prop::sample::select(vec![
        Encoding::Identity,
        Encoding::Gzip,
        Encoding::Deflate,
        Encoding::Zstd,
    ])
}

proptest! {
    /// Records, verdicts and the numbers of rejected lines are those of the whole body.
    #[test]
    fn pieces_together_are_the_body(
        lines in prop::collection::vec(line(), 0..40),
        format in prop::sample::select(vec![BodyFormat::JsonLines, BodyFormat::Text]),
        encoding in encoding(),
        bounds in bounds(),
        received_bytes in 1_usize..300,
    ) {
        let ingest = ingest();
        let body = lines.join("\n");
        let received = compressed(body.as_bytes(), encoding);
        let pieces = read_body(&ingest, open(&ingest, format, encoding), bounds, &received, received_bytes);
        let pieces = pieces.expect("a body");
        let through = pieces.last().map(|piece| piece.through_line);
        prop_assert_eq!(through, Some(Lines::new(body.as_bytes()).count() as u64));
        prop_assert_eq!(together(&ingest, pieces), at_once(&ingest, body.as_bytes(), format));
    }

    /// The same of an array, whose elements may lie over several lines.
    #[test]
    fn pieces_together_are_the_array(
        texts in prop::collection::vec(".{0,30}", 0..20),
        is_pretty: bool,
        encoding in encoding(),
        bounds in bounds(),
        received_bytes in 1_usize..300,
    ) {
        let ingest = ingest();
        let mut values: Vec<serde_json::Value> =
            texts.iter().map(|text| serde_json::json!({ "msg": text, "k": [text, 1] })).collect();
        values.extend([serde_json::json!(7), serde_json::json!("z".repeat(500))]);
        let body = match is_pretty {
            true => serde_json::to_vec_pretty(&values).expect("values print"),
            false => serde_json::to_vec(&values).expect("values print"),
        };
        let (format, received) = (BodyFormat::Json, compressed(&body, encoding));
        let pieces = read_body(&ingest, open(&ingest, format, encoding), bounds, &received, received_bytes);
        prop_assert_eq!(together(&ingest, pieces.expect("a body")), at_once(&ingest, &body, format));
    }

    /// Where a body is cut does not depend on how it arrives or is compressed; so a retry is cut
    /// alike. Each piece has an id of its own.
    #[test]
    fn a_body_is_always_cut_alike(
        lines in prop::collection::vec(line(), 0..40),
        bounds in bounds(),
        ways in prop::collection::vec((encoding(), 1_usize..300), 2),
    ) {
        let ingest = ingest();
        let body = lines.join("\n");
        let mut cuts = ways.into_iter().map(|(encoding, received_bytes)| {
            let received = compressed(body.as_bytes(), encoding);
            let open = open(&ingest, BodyFormat::JsonLines, encoding);
            let pieces = read_body(&ingest, open, bounds, &received, received_bytes);
            let piece = |piece: Piece| {
                let batch = piece.prepared.batch;
                (batch.id().cloned(), batch.bytes().clone(), piece.through_line)
            };
            pieces.expect("a body").into_iter().map(piece).collect::<Vec<_>>()
        });
        let (first, second) = (cuts.next().expect("two"), cuts.next().expect("two"));
        let ids: std::collections::HashSet<_> =
            first.iter().filter_map(|(id, ..)| *id).collect();
        let with_records = first.iter().filter(|(_, bytes, _)| bytes.len() > 8).count();
        prop_assert!(ids.len() >= with_records.saturating_sub(1));
        prop_assert_eq!(first, second);
    }

    /// What is durable once a piece is, is a beginning of the body's lines: read by itself, it
    /// gives the same records.
    #[test]
    fn pieces_so_far_are_a_beginning_of_the_body(
        lines in prop::collection::vec(line(), 0..40),
        bounds in bounds(),
    ) {
        let ingest = ingest();
        let (body, format) = (lines.join("\n"), BodyFormat::JsonLines);
        let open = open(&ingest, format, Encoding::Identity);
        let pieces = read_body(&ingest, open, bounds, body.as_bytes(), 50).expect("a body");
        let mut records = Vec::new();
        for piece in pieces {
            records.extend(records_of(&piece.prepared.batch));
            let beginning: Vec<&str> =
                lines.iter().take(piece.through_line as usize).map(String::as_str).collect();
            let beginning = beginning.join("\n");
            prop_assert_eq!(&records, &at_once(&ingest, beginning.as_bytes(), format).0);
        }
    }
}

/// Whatever the items of a body are, a piece of it becomes no larger than one of ordinary lines.
#[test]
fn no_piece_is_out_of_proportion() {
    let ingest = ingest_of(IngestConfig::default(), 1 << 20).0;
    let long = |length: usize| Some("s".repeat(length));
    let bodies: [(&str, BodyFormat); 5] = [
        ("{}\n", BodyFormat::JsonLines),
        ("{},", BodyFormat::Json),
        ("x\n", BodyFormat::JsonLines),
        ("x\n", BodyFormat::Text),
        ("{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}\n", BodyFormat::JsonLines),
    ];
    for (item, format) in bodies {
        for (service, source) in [(None, None), (long(256), long(1_024))] {
            let defaults = RecordDefaults { service, source, ..RecordDefaults::default() };
            let bounds = PieceBounds::USUAL;
            let open = open_with(&ingest, format, Encoding::Identity, defaults);
            let array = if format == BodyFormat::Json { "[" } else { "" };
            let body = format!("{array}{}", item.repeat(40_000 / item.len()));
            let pieces =
                read_body(&ingest, open, bounds, body.as_bytes(), 64 << 10).expect("a body");
            let longest = pieces.iter().map(|piece| piece.prepared.batch.bytes().len()).max();
            assert!(longest < Some(5 << 19), "{item:?}: a piece of {longest:?} bytes");
        }
    }
}

#[test]
fn a_body_of_one_piece_has_the_id_of_its_client_and_further_pieces_have_others() {
    let ingest = ingest();
    let bounds = PieceBounds { bytes: 50, added_bytes: 2 * RECORD_BYTES };
    let body = b"{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n";
    let open = open(&ingest, BodyFormat::JsonLines, Encoding::Identity);
    let client_id = open.id.expect("an id");
    let pieces = read_body(&ingest, open, bounds, body, 10).expect("a body");
    let ids: Vec<_> =
        pieces.iter().filter_map(|piece| piece.prepared.batch.id().cloned()).collect();
    assert_eq!(ids, [client_id, client_id.piece(1), client_id.piece(2)]);
}

#[test]
fn a_body_that_breaks_leaves_whole_pieces_only() {
    let ingest = ingest();
    let bounds = PieceBounds { bytes: 100, added_bytes: 1 << 20 };
    let lines = "{\"n\":1}\n".repeat(100);
    let mut broken = compressed(lines.as_bytes(), Encoding::Gzip);
    let length = broken.len();
    broken.truncate(length - 4);
    let mut reader =
        BodyReader::new(&ingest, open(&ingest, BodyFormat::JsonLines, Encoding::Gzip), bounds);
    reader.give(Bytes::from(broken)).expect("compressed");
    reader.end().expect("compressed");
    let (mut through_line, mut record_count) = (0, 0);
    let error = loop {
        if let Err(error) = reader.fill() {
            break error;
        }
        match reader.step(&ingest) {
            Step::Piece(piece) => {
                through_line = piece.through_line;
                record_count += u64::from(piece.prepared.batch.record_count());
            }
            Step::NeedsInput => {}
            Step::Last(piece) => panic!("the end is missing: {piece:?}"),
        }
    };
    assert_eq!(error, InflateError::Corrupt("gzip"));
    assert_eq!(through_line, record_count);
    assert_eq!(record_count, 100 - 100 % 12);
}
