//! Phrases in messages that are kept as templates: in plain text, across values and slots, from
//! hot and sealed partitions, beside the plain filter.

use tierlog_model::{Level, Record, RecordKind, Value};

use super::fixture::{Fixture, SearchRequest, moment};
use crate::record_filter::RecordFilter;

const SERVICES: [&str; 3] = ["auth", "Billing API", "/api/v1"];

fn record(number: i64) -> Record<'static> {
    let service = SERVICES[number as usize % SERVICES.len()];
    let code = 500 + number % 4;
    let message = match number % 6 {
        0 => format!("GET {service} answered {code} in {number} ms"),
        1 => format!("{service} answered {code}"),
        2 => "Connection pool exhausted".to_owned(),
        3 => format!("pool {number} of {service}: exhausted connection"),
        4 => format!("answered GET {code}, in time: {code}.{number} {service}"),
        _ => format!("{}pool exhausted {service}", "long ".repeat(120)),
    };
    let mut fields = vec![
        ("message".into(), Value::Str(message.into())),
        ("service".into(), Value::Str(service.into())),
        ("code".into(), Value::I64(code)),
        ("number".into(), Value::I64(number * 1_000)),
    ];
    if number % 7 == 0 {
        let note = format!("{} connection pool", "long ".repeat(30));
        fields.push(("note".into(), Value::Str(note.clone().into())));
        fields.push(("notes".into(), Value::Json(format!("[\"{note}\",7]").into())));
    }
    if number % 11 == 0 {
        // From here on the column holds floats.
        fields.push(("retry".into(), Value::F64(0.5)));
    } else {
        fields.push(("retry".into(), Value::I64(code)));
    }
    Record {
        timestamp: moment("2026-11-18T00:00:00Z").saturating_add_micros(number),
        level: Level::Info,
        kind: RecordKind::Log,
        fields,
    }
}

const QUERIES: [&str; 26] = [
    "\"connection pool exhausted\"",
    "\"connection pool\"",
    "\"pool exhausted\"",
    "\"exhausted connection\"",
    "\"pool connection\"",
    "\"answered 500\"",
    "\"answered 501 in\"",
    "\"get auth\"",
    "\"get auth answered 500 in\"",
    "\"billing api answered\"",
    "\"api v1 answered\"",
    "\"api answered\"",
    "\"auth answered 501\"",
    "\"pool 3 of billing\"",
    "\"pool 9 of auth exhausted\"",
    "\"of auth exhausted\"",
    "\"in 12 ms\"",
    "\"12 in\"",
    "\"answered get 502 in time\"",
    "\"time 500 4 billing\"",
    "\"in 1\"*",
    "\"answered 50\"*",
    "\"exhausted bill\"*",
    "notes:\"connection pool\"",
    "note:\"long connection\"",
    "\"answered 500\" AND NOT (\"get auth\" OR code:>=502)",
];

#[test]
fn phrases_across_values_are_found() {
    let fixture = Fixture::new();
    let records: Vec<Record<'static>> = (0..120).map(record).collect();
    fixture.write(&records[..50]);
    check_all(&fixture, &records[..50]);
    fixture.seal();
    check_all(&fixture, &records[..50]);
    fixture.write(&records[50..]);
    check_all(&fixture, &records);
}

fn check_all(fixture: &Fixture, records: &[Record<'static>]) {
    let mut found_any = 0;
    for q in QUERIES {
        let filter = RecordFilter::new(fixture.engine.parse(q).unwrap().expr);
        let expected: Vec<&Record<'_>> =
            records.iter().rev().filter(|record| filter.matches(record)).collect();
        let mut request = SearchRequest::of(q);
        request.limit = 1_000;
        let found = fixture.engine.search(&request, &fixture.deadline()).unwrap();
        let found_numbers: Vec<_> = found.hits.iter().map(|hit| hit.record.get("number")).collect();
        let expected_numbers: Vec<_> = expected.iter().map(|record| record.get("number")).collect();
        assert_eq!(found_numbers, expected_numbers, "{q}");
        for (hit, expected) in found.hits.iter().zip(&expected) {
            assert_eq!(hit.record.get_str("message"), expected.get_str("message"), "{q}");
        }
        found_any += usize::from(!expected.is_empty());
    }
    assert!(found_any > QUERIES.len() / 2, "only {found_any} queries find anything");
}
