//! Values that a column would change or could not hold: found by what they are, hot and sealed.

use tierlog_model::{Level, Record, Value, limits};

use super::fixture::{Fixture, SearchRequest, record, text};

const LONG_PATH_BYTES: usize = 200;

fn long_path(end: &str) -> String {
    format!("/api/v1/{}/{end}", "x".repeat(LONG_PATH_BYTES))
}

/// Values of every kind under one name, each in a record with a message about the value.
fn records(name: &'static str) -> Vec<Record<'static>> {
    let values = [
        ("low", Value::I64(676_996_931_091_701_602)),
        ("high", Value::I64(676_996_931_091_701_603)),
        ("half", Value::F64(0.5)),
        ("float", Value::F64(676_996_931_091_701_602.0)),
        ("most", Value::U64(u64::MAX)),
        ("nearly", Value::U64(u64::MAX - 1)),
        ("least", Value::I64(i64::MIN)),
        ("minus", Value::I64(-5)),
        ("written", text("676996931091701603")),
        ("truth", Value::Bool(true)),
        ("short", text("/api/v1/y")),
        ("one", text(&long_path("one"))),
        ("two", text(&long_path("two"))),
        (
            "array",
            Value::Json(format!("[{{}},[7,{:?}],18446744073709551614]", long_path("in")).into()),
        ),
    ];
    let records = values.map(|(message, value)| {
        record("2026-11-18T10:00:00Z", Level::Info, message, &[(name, value)])
    });
    records.into()
}

#[track_caller]
fn check(fixture: &Fixture, query: &str, expected: &str) {
    let found = fixture.engine.search(&SearchRequest::of(query), &fixture.deadline()).unwrap();
    let mut messages: Vec<&str> =
        found.hits.iter().filter_map(|hit| hit.record.get_str("message")).collect();
    messages.sort_unstable();
    assert_eq!(messages.join(" "), expected, "{query}");
}

fn check_all(fixture: &Fixture, name: &str) {
    let whole = long_path("one");
    let beginning = &whole[..150];
    let table: [(&str, &str); 23] = [
        ("676996931091701602", "low"),
        ("676996931091701603", "high written"),
        ("6.76996931091701602e17", "float"),
        ("18446744073709551615", "most"),
        ("18446744073709551614", "array nearly"),
        ("\\-9223372036854775808", "least"),
        (">676996931091701602", "array float high most nearly written"),
        ("<0", "least minus"),
        ("[0 TO 1}", "half"),
        ("IN [676996931091701602 0.5 true]", "half low truth"),
        ("*701603", "high written"),
        ("/^6769/", "float high low written"),
        ("7", "array"),
        ("/api/v1/*", "array one short two"),
        ("/api", ""),
        ("api", ""),
        ("/one$/", "one"),
        ("*/two", "two"),
        ("*/v1/x*/in", "array"),
        ("[/api/v1/xa TO *]", "array one short two written"),
        ("[* TO /api/v1/xa]", ""),
        ("true", "truth"),
        ("*", "array float half high least low minus most nearly one short truth two written"),
    ];
    for (query, expected) in table {
        check(fixture, &format!("{name}:{query}"), expected);
    }
    check(fixture, &format!("{name}:\"{whole}\""), "one");
    check(fixture, &format!("{name}:\"{beginning}\""), "");
    check(fixture, &format!("{name}:\"{beginning}\"*"), "array one two");
    check(fixture, &format!("{name}:[{whole} TO {whole}]"), "one");
    check(fixture, &format!("{name}:{{{whole} TO *]"), "short two written");
    // Words of long texts are words of the record.
    check(fixture, "in", "array");
}

fn hot_and_sealed(fixture: &Fixture, check: impl Fn()) {
    check();
    fixture.seal();
    check();
}

#[test]
fn values_are_exact_and_whole_whatever_their_column_holds() {
    let fixture = Fixture::new();
    fixture.write(&records("value"));
    hot_and_sealed(&fixture, || check_all(&fixture, "value"));
}

#[test]
fn a_name_beyond_the_bound_is_searched_as_any_other() {
    let fixture = Fixture::new();
    let names: Vec<String> =
        (0..limits::FIELDS_PER_PARTITION_MAX).map(|number| format!("hostile{number}")).collect();
    let mut hostile = record("2026-11-18T00:00:00Z", Level::Info, "hostile", &[]);
    hostile.fields.extend(names.into_iter().map(|name| (name.into(), Value::I64(7))));
    fixture.write(&[hostile]);
    fixture.write(&records("late.value"));
    let id = [("request_id", text("r-1")), ("Late.Value", Value::I64(7))];
    fixture.write(&[record("2026-11-18T11:00:00Z", Level::Info, "contract", &id)]);
    hot_and_sealed(&fixture, || {
        check_all(&fixture, "late.value");
        check(&fixture, "request_id:r-1", "contract");
        check(&fixture, "hostile7:7", "hostile");
        check(&fixture, "NOT late.value:* AND NOT request_id:*", "hostile");
        check(&fixture, "Late.Value:7", "contract");
    });
}

#[test]
fn names_with_the_signs_of_the_engine_stay_apart() {
    let fixture = Fixture::new();
    let names = ["a.b", "a\u{1}b", "a\u{0}b", "a0b", "integer.a", "beside.pair", "pair"];
    for name in names {
        let fields = [(name, Value::I64(1)), ("name", text(name))];
        fixture.write(&[record("2026-11-18T10:00:00Z", Level::Info, "named", &fields)]);
    }
    hot_and_sealed(&fixture, || {
        for name in names {
            let request = SearchRequest::of(format!("{name}:1"));
            let found = fixture.engine.search(&request, &fixture.deadline()).unwrap();
            let found: Vec<&str> =
                found.hits.iter().filter_map(|hit| hit.record.get_str("name")).collect();
            assert_eq!(found, [name]);
        }
    });
}
