//! Items of protocols: records, outcomes in order, dead letters.

use tierlog_model::{Level, RecordKind, Value};

use super::*;
use crate::normalise::{ATTRIBUTES_MAX, AttributeError, IngestConfig, IngestLimits};
use crate::pipeline::Ingest;
use crate::testing::{ingest_of, records_of};

fn ingest() -> Ingest {
    let limits = IngestLimits { line_bytes_max: 100, ..IngestLimits::default() };
    ingest_of(IngestConfig { limits, ..IngestConfig::default() }, 1 << 20).0
}

const ACCEPTED: Outcome = Outcome::Accepted;

#[test]
fn each_item_has_its_outcome_in_its_place() {
    let defaults = RecordDefaults::default();
    let long = format!("{{\"msg\":\"{}\"}}", "x".repeat(100));
    let mut told = Vec::new();
    let prepared = ingest().prepare(100, |intake| {
        told.push(intake.json(b"{\"msg\":\"a\"}", &defaults));
        told.push(intake.json(b"2026-11-20 09:05:10 ERROR refused", &defaults));
        told.push(intake.json(b"{\"a\":1}{\"a\":2}", &defaults));
        told.push(intake.text(b"2026-11-20 09:05:10 ERROR refused", &defaults));
        told.push(intake.json(long.as_bytes(), &defaults));
        told.push(intake.fields(b"-", &defaults, |sink| sink.text("message", "typed")));
        told.push(intake.fields(long.as_bytes(), &defaults, |sink| sink.text("message", "-")));
        told.push(intake.reject(b"\xff", RejectReason::InvalidUtf8, "not a frame", &defaults));
        assert_eq!(intake.position(), 8);
    });
    let rejected = Outcome::Rejected;
    let expected = [
        ACCEPTED,
        rejected(RejectReason::InvalidJson),
        rejected(RejectReason::InvalidJson),
        ACCEPTED,
        rejected(RejectReason::TooLong),
        ACCEPTED,
        rejected(RejectReason::TooLong),
        rejected(RejectReason::InvalidUtf8),
    ];
    let PreparedBatch { batch, verdicts } = prepared;
    assert_eq!(told, expected);
    assert_eq!(verdicts.outcomes.items().collect::<Vec<_>>(), expected);
    let numbers: Vec<u64> = verdicts.rejections.iter().map(|rejection| rejection.line).collect();
    assert_eq!(numbers, [2, 3, 5, 7, 8]);
    assert_eq!((verdicts.accepted_count, verdicts.line_count), (3, 8));
    let records = records_of(&batch);
    let is_letter = |record: &tierlog_model::Record<'_>| record.kind == RecordKind::DeadLetter;
    let letters: Vec<bool> = records.iter().map(is_letter).collect();
    assert_eq!(letters, expected.map(|outcome| outcome != ACCEPTED));
    assert_eq!(records[3].level, Level::Error);
}

#[test]
fn defaults_belong_to_a_record() {
    let of_index = |index: &str| RecordDefaults {
        index: Some(index.to_owned()),
        service: Some(format!("{index}-service")),
        ..RecordDefaults::default()
    };
    let (mut shop, web) = (of_index("shop"), of_index("web"));
    shop.attributes.add("k8s.pod.name", Value::Str("shop-1".into())).expect("an attribute");
    shop.attributes.add("replicas", Value::I64(3)).expect("an attribute");
    let prepared = ingest().prepare(100, |intake| {
        intake.json(b"{\"msg\":\"a\"}", &shop);
        intake.json(b"{\"msg\":\"b\",\"service\":\"own\",\"index\":\"own\"}", &web);
        intake.json(b"{\"k8s\":{\"pod\":{\"name\":\"own\"}}}", &shop);
        intake.json(b"rubbish", &web);
    });
    let records = records_of(&prepared.batch);
    let texts = |name| records.iter().map(|record| record.get_str(name)).collect::<Vec<_>>();
    let own = Some("own");
    let service = Some("shop-service");
    assert_eq!(texts("service"), [service, own, service, Some("web-service")]);
    assert_eq!(texts("index"), [Some("shop"), own, Some("shop"), None]);
    assert_eq!(texts("k8s.pod.name"), [Some("shop-1"), None, own, None]);
    assert_eq!(records[0].get("replicas"), Some(&Value::I64(3)));
}

#[test]
fn attributes_are_bounded_and_take_no_reserved_name() {
    let mut defaults = RecordDefaults::default();
    let mut add = |name: &str| defaults.attributes.add(name, Value::Bool(true));
    assert_eq!(add("level"), Err(AttributeError::Reserved));
    assert_eq!(add("_redacted"), Err(AttributeError::Reserved));
    assert_eq!(add(&"n".repeat(1_000)), Err(AttributeError::Name));
    for number in 0..ATTRIBUTES_MAX {
        assert_eq!(add(&format!("a{number}")), Ok(()));
    }
    assert_eq!(add("one too many"), Err(AttributeError::TooMany));
    assert_eq!(defaults.attributes.list().len(), ATTRIBUTES_MAX);
}

#[test]
fn attributes_are_redacted_like_fields() {
    let mut defaults = RecordDefaults::default();
    let value = Value::Str("asks ada@example.org".into());
    defaults.attributes.add("owner", value).expect("an attribute");
    let prepared = ingest().prepare(10, |intake| {
        intake.json(b"{}", &defaults);
    });
    let records = records_of(&prepared.batch);
    assert_eq!(records[0].get_str("owner"), Some("asks [EMAIL]"));
}

#[test]
fn a_batch_is_full_by_what_its_records_take_beside_their_text() {
    let ingest = ingest();
    let long = RecordDefaults { source: Some("s".repeat(900)), ..RecordDefaults::default() };
    for (defaults, expected) in [(RecordDefaults::default(), 8_192), (long, 1_021)] {
        let prepared = ingest.prepare(100, |intake| {
            while !intake.is_full() {
                intake.json(b"{}", &defaults);
            }
        });
        assert_eq!(prepared.batch.record_count(), expected);
        let run = OutcomeRun { outcome: ACCEPTED, count: u64::from(expected) };
        assert_eq!(prepared.verdicts.outcomes.runs(), [run]);
    }
}
