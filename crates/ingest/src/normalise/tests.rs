//! Real samples of the usual libraries and runtimes, read; and every rule of the contract's table.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use tierlog_model::limits::FIELD_NAME_BYTES_MAX;
use tierlog_model::{Level, Present, Value, fields as field_names};

use super::*;

/// 2026-11-20T12:00:00Z: all samples below lie before it, within their tiers.
fn arrival() -> Timestamp {
    Timestamp::from_micros(1_795_176_000_000_000).expect("a moment")
}

fn read_as(line: &[u8], kind: LineKind, config: &IngestConfig) -> Result<Record<'static>, Reject> {
    let defaults = RecordDefaults::default();
    let context = Context {
        config,
        defaults: &defaults,
        arrival: arrival(),
        present: Present::sure(arrival()),
    };
    let (mut interner, mut meanings) = Default::default();
    let spelling = Spelling::new(&mut interner, &mut meanings);
    LineReader::new(config).read(line, kind, context, spelling).map(Record::into_owned)
}

/// Reads a line that becomes a record.
#[track_caller]
pub(crate) fn read_json(line: &str) -> Record<'static> {
    let read = read_as(line.as_bytes(), LineKind::Json, &IngestConfig::default());
    read.unwrap_or_else(|reject| panic!("{line}: {reject:?}"))
}

/// Prints a record, or the reason and detail of its rejection, one field a line.
fn print(read: Result<Record<'_>, Reject>) -> String {
    let record = match read {
        Ok(record) => record,
        Err(reject) => return format!("{}: {}\n", reject.reason, reject.detail),
    };
    let mut text = format!("{} {}\n", record.timestamp, record.level);
    for (name, value) in &record.fields {
        text.push_str(&format!("  {name} = {value:?}\n"));
    }
    text
}

#[expect(clippy::needless_pass_by_value, reason = "the macro makes values")]
fn check(line: &str, expected: Expect) {
    expected.assert_eq(&print(read_as(line.as_bytes(), LineKind::Json, &IngestConfig::default())));
}

#[expect(clippy::needless_pass_by_value, reason = "the macro makes values")]
fn check_text(line: &str, expected: Expect) {
    expected.assert_eq(&print(read_as(line.as_bytes(), LineKind::Text, &IngestConfig::default())));
}

mod real;

mod shapes;

mod rules;

mod rejections;

mod text;

proptest! {
    /// Names stand once, are never the record's own, and reading never panics.
    #[test]
    fn any_object_becomes_a_sound_record(
        members in prop::collection::vec(
            (
                prop_oneof![
                    "[a-z.]{0,4}",
                    prop::sample::select(vec![
                        "level", "Level", "msg", "message", "log", "user_id", "context", "ts", "host",
                        "status", "duration", "_overflow", "level_text", "original.level",
                    ]).prop_map(str::to_owned),
                ],
                prop_oneof![
                    any::<i32>().prop_map(serde_json::Value::from),
                    "[a-z{}\":0-9]{0,12}".prop_map(serde_json::Value::from),
                    Just(serde_json::json!({"user_id": 1, "level": "x", "message": "y", "": [1]})),
                    Just(serde_json::Value::from("{\"level\":\"warn\",\"msg\":\"in\",\"host\":\"h\"}")),
                    Just(serde_json::Value::Null),
                ],
            ),
            0..12,
        )
    ) {
        let members: Vec<String> = members
            .iter()
            .map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name.as_str())))
            .collect();
        let line = format!("{{{}}}", members.join(","));
        let read = read_as(line.as_bytes(), LineKind::Json, &IngestConfig::default());
        if let Ok(record) = read {
            let mut names: Vec<&str> = record.fields.iter().map(|(name, _)| &**name).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            prop_assert_eq!(names.len(), count, "{}", line);
            prop_assert!(!names.contains(&"level") && !names.contains(&"timestamp"), "{}", line);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(line: Vec<u8>) {
        for kind in [LineKind::Json, LineKind::Text] {
            let _ = read_as(&line, kind, &IngestConfig::default());
        }
    }
}
