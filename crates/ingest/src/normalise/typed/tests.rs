//! Typed fields against the same record in JSON.

use proptest::prelude::*;
use serde_json::{Map, Number, Value as Json};
use tierlog_model::{Level, Present, Record, RejectReason};

use super::super::{Context, LineKind, LineReader, Spelling};
use super::*;
use crate::normalise::{IngestConfig, IngestLimits, RecordDefaults};

/// 2026-11-20T12:00:00Z.
const NOW_MICROS: i64 = 1_795_176_000_000_000;

fn read(
    config: &IngestConfig,
    read: impl FnOnce(&mut LineReader, Context<'_>, Spelling<'_>) -> Result<Record<'static>, Reject>,
) -> Result<Record<'static>, Reject> {
    let (defaults, now) = (RecordDefaults::default(), Timestamp::from_micros_clamped(NOW_MICROS));
    let context =
        Context { config, defaults: &defaults, arrival: now, present: Present::sure(now) };
    let (mut interner, mut meanings) = Default::default();
    let spelling = Spelling::new(&mut interner, &mut meanings);
    read(&mut LineReader::new(config), context, spelling)
}

fn read_typed<'d>(
    config: &IngestConfig,
    fill: impl for<'f> FnOnce(&mut FieldSink<'f, 'd>),
) -> Result<Record<'static>, Reject> {
    read(config, |reader, context, spelling| {
        Ok(reader.read_fields(fill, context, spelling)?.record.into_owned())
    })
}

fn read_json(config: &IngestConfig, line: &str) -> Result<Record<'static>, Reject> {
    read(config, |reader, context, spelling| {
        let read = reader.read(line.as_bytes(), LineKind::Object, context, spelling);
        read.map(Record::into_owned)
    })
}

/// Gives the members of an object as typed fields.
fn give<'f, 'd: 'f>(sink: &mut FieldSink<'f, 'd>, members: &'d Map<String, Json>) {
    for (name, value) in members {
        match value {
            Json::Null => {}
            Json::Bool(value) => sink.boolean(name, *value),
            Json::String(text) => sink.text(name, text.as_str()),
            Json::Array(values) => sink.array(name, |array| give_array(array, values)),
            Json::Object(members) => sink.nested(name, |sink| give(sink, members)),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => sink.integer(name, number),
                (None, Some(number)) => sink.unsigned(name, number),
                (None, None) => sink.float(name, number.as_f64().expect("a number")),
            },
        }
    }
}

fn give_array(array: &mut ArraySink<'_>, values: &[Json]) {
    for value in values {
        match value {
            Json::Bool(value) => array.boolean(*value),
            Json::String(text) => array.text(text),
            Json::Array(values) => array.array(|array| give_array(array, values)),
            Json::Object(members) => array.object(|object| give_object(object, members)),
            Json::Number(number) => match number.as_i64() {
                Some(number) => array.integer(number),
                None => array.float(number.as_f64().expect("a number")),
            },
            Json::Null => unreachable!("no array of the test has one"),
        }
    }
}

fn give_object(object: &mut ObjectSink<'_>, members: &Map<String, Json>) {
    for (name, value) in members {
        match value {
            Json::Bool(value) => object.boolean(name, *value),
            Json::String(text) => object.text(name, text),
            Json::Array(values) => object.array(name, |array| give_array(array, values)),
            Json::Object(members) => object.object(name, |object| give_object(object, members)),
            Json::Number(number) => match number.as_i64() {
                Some(number) => object.integer(name, number),
                None => object.float(name, number.as_f64().expect("a number")),
            },
            Json::Null => unreachable!("no array of the test has one"),
        }
    }
}

/// Names with a meaning, and names without.
fn name() -> impl Strategy<Value = String> {
    let known = [
        "msg",
        "level",
        "ts",
        "service",
        "user_id",
        "trace_id",
        "duration_ms",
        "context",
        "extra",
        "status",
        "error",
        "short_message",
        "version",
        "host",
        "a",
        "a.b",
        "",
        "..",
    ];
    prop_oneof![
        8 => prop::sample::select(known.to_vec()).prop_map(str::to_owned),
        2 => "[a-z_.]{0,12}",
    ]
}

fn scalar() -> impl Strategy<Value = Json> {
    prop_oneof![
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-1e9_f64..1e9).prop_map(|number| Json::from(number + 0.5)),
        prop::sample::select(vec!["ERROR", "12", "2026-11-20T09:05:10Z", "{\"a\":1}", "/a?b=1"])
            .prop_map(Json::from),
        "\\PC{0,12}".prop_map(Json::from),
    ]
}

fn member() -> impl Strategy<Value = Json> {
    let inside = |value: BoxedStrategy<Json>| {
        prop_oneof![
            prop::collection::vec(value.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((name(), value), 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    };
    scalar().prop_recursive(3, 16, 4, move |value| inside(value.boxed()))
}

proptest! {
    /// A record of typed fields is the record of its JSON.
    #[test]
    fn typed_fields_are_read_as_their_json(
        members in prop::collection::vec((name(), member()), 0..10),
        wide in (i64::MAX as u64 + 1)..,
    ) {
        let config = IngestConfig::default();
        let mut members: Map<String, Json> = members.into_iter().collect();
        members.insert("wide".to_owned(), Json::Number(Number::from(wide)));
        let line = Json::Object(members.clone()).to_string();
        let expected = read_json(&config, &line);
        prop_assert_eq!(read_typed(&config, |sink| give(sink, &members)), expected, "{}", line);
    }
}

#[test]
fn a_moment_wins_over_every_text_that_says_a_time() {
    let moment = Timestamp::from_micros_clamped(NOW_MICROS - 5_000_001);
    let record = read_typed(&IngestConfig::default(), |sink| {
        sink.text("time", "2026-11-20T09:05:10Z");
        sink.time(moment);
        sink.text("message", "refused");
    });
    let record = record.expect("a record");
    assert_eq!(record.timestamp, moment);
    assert_eq!(record.get_str("time"), Some("2026-11-20T09:05:10Z"));
    assert!(record.get("timestamp").is_none(), "the moment is the record's own");
}

#[test]
fn a_shape_is_said_and_not_guessed() {
    let typed = |shape: Option<&str>| {
        let record = read_typed(&IngestConfig::default(), |sink| {
            if let Some(shape) = shape {
                sink.shape(shape);
            }
            sink.text("short_message", "refused");
            sink.integer("level", 3);
        });
        let record = record.expect("a record");
        (record.level, record.get_str("message").map(str::to_owned))
    };
    assert_eq!(typed(Some("gelf")), (Level::Error, Some("refused".to_owned())));
    assert_eq!(typed(None).1, None, "a name that no general table knows");
}

#[test]
fn numbers_that_are_none_are_kept_by_their_names() {
    let numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    let record = read_typed(&IngestConfig::default(), |sink| {
        for (name, number) in ["a", "b", "c"].into_iter().zip(numbers) {
            sink.float(name, number);
        }
        sink.array("d", |array| numbers.iter().for_each(|number| array.float(*number)));
    });
    let record = record.expect("a record");
    let line = "{\"a\":NaN,\"b\":Infinity,\"c\":-Infinity,\"d\":[NaN,Infinity,-Infinity]}";
    assert_eq!(record, read_json(&IngestConfig::default(), line).expect("a record"));
}

#[test]
fn what_no_record_can_take_is_rejected_by_name() {
    let limits =
        IngestLimits { nesting_depth_max: 3, fields_per_record_max: 4, ..IngestLimits::default() };
    let config = IngestConfig { limits, ..IngestConfig::default() };
    let check = |typed: Result<Record<'static>, Reject>, line: &str, reason| {
        let rejected = typed.expect_err(line);
        assert_eq!(rejected.reason, reason, "{line}");
        assert_eq!(read_json(&config, line).expect_err(line).reason, reason, "{line}");
    };
    let two = |sink: &mut FieldSink<'_, 'static>| {
        sink.nested("a", |sink| sink.nested("b", |sink| sink.integer("c", 1)));
    };
    assert!(read_typed(&config, two).is_ok());
    assert!(read_json(&config, "{\"a\":{\"b\":{\"c\":1}}}").is_ok());
    let three = read_typed(&config, |sink| sink.nested("z", two));
    check(three, "{\"z\":{\"a\":{\"b\":{\"c\":1}}}}", RejectReason::TooDeep);
    let array = read_typed(&config, |sink| {
        sink.array("a", |array| array.array(|array| array.object(|_| ())));
    });
    check(array, "{\"a\":[[{}]]}", RejectReason::TooDeep);
    let many = read_typed(&config, |sink| {
        ["a", "b", "c", "d", "e"].into_iter().for_each(|name| sink.boolean(name, true));
    });
    let line = "{\"a\":true,\"b\":true,\"c\":true,\"d\":true,\"e\":true}";
    check(many, line, RejectReason::TooManyFields);
}
