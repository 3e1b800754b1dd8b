//! Ids in a segment of several windows: what the id filter passes over holds no line of theirs.

use tierlog_model::{Level, Record, RecordKind, Value};

use super::fixture::{Fixture, SearchRequest, moment};
use crate::sort::Sort;

/// Two whole windows of 32,768 documents and a part of one.
const RECORDS: usize = 66_000;

/// Two lines a request, one after the other; one request has the first line and the last.
fn request_id(number: usize) -> String {
    match number {
        0 | 65_999 => "first-and-last".to_owned(),
        number => format!("request-{}", number / 2),
    }
}

fn record(number: usize) -> Record<'static> {
    let first = moment("2026-11-19T00:00:00Z");
    let trace_id = format!("trace-{}", number % 1_000);
    let fields = vec![
        ("request_id".into(), Value::Str(request_id(number).into())),
        ("trace_id".into(), Value::Str(trace_id.into())),
        ("number".into(), Value::I64(number as i64)),
    ];
    let timestamp = first.saturating_add_micros(number as i64 * 1_000_000);
    Record { timestamp, level: Level::Info, kind: RecordKind::Log, fields }
}

fn check(fixture: &Fixture, q: &str, fits: impl Fn(usize) -> bool) {
    for sort in [Sort::NewestFirst, Sort::OldestFirst] {
        let mut expected: Vec<usize> = (0..RECORDS).filter(|number| fits(*number)).collect();
        if sort == Sort::NewestFirst {
            expected.reverse();
        }
        let mut request = SearchRequest::of(q);
        (request.limit, request.sort) = (100, sort);
        let answer = fixture.engine.search(&request, &fixture.deadline()).unwrap();
        let number = |record: &Record<'_>| match record.get("number") {
            Some(Value::I64(number)) => *number as usize,
            _ => usize::MAX,
        };
        let found: Vec<usize> = answer.hits.iter().map(|hit| number(&hit.record)).collect();
        assert_eq!(found, expected, "{q} {sort:?}");
        assert_eq!(answer.total.value, expected.len() as u64, "{q}");
    }
}

#[test]
fn ids_are_found_wherever_they_lie() {
    let fixture = Fixture::new();
    let records: Vec<Record<'_>> = (0..RECORDS).map(record).collect();
    fixture.write(&records);
    for _state in ["hot", "sealed"] {
        check(&fixture, "request_id:first-and-last", |number| number == 0 || number == 65_999);
        for request in [1, 9_000, 20_000, 32_998] {
            check(&fixture, &format!("request_id:request-{request}"), |number| {
                number / 2 == request
            });
        }
        check(&fixture, "request_id:(request-7 OR request-30000)", |number| {
            [7, 30_000].contains(&(number / 2))
        });
        check(&fixture, "trace_id:trace-17 AND NOT request_id:request-508", |number| {
            number % 1_000 == 17 && number / 2 != 508
        });
        check(&fixture, "request_id:request-99999", |_| false);
        fixture.seal();
    }
}
