//! Segments of several spans: what is skipped by its moments changes no page.

use tierlog_model::{Level, Record, RecordKind, Value};

use super::fixture::{Fixture, SearchRequest, moment};
use crate::config::QueryConfig;
use crate::cursor::Cursor;
use crate::execute::TotalRelation;
use crate::sort::Sort;

/// Three whole spans and a part of one.
const RECORDS: usize = 3 * crate::execute::BLOCK_DOCS + 700;

/// About in order of time, as lines arrive; many at equal moments. The last ones come late.
fn records() -> Vec<Record<'static>> {
    let first = moment("2026-11-19T00:00:00Z");
    let record = |number: usize| {
        let jitter = number * 7_919 % 900;
        let seconds = if number > RECORDS - 50 { number % 7 } else { number * 6 + jitter };
        let kind = if number.is_multiple_of(3) { "third line" } else { "other line" };
        let fields = vec![
            ("message".into(), Value::Str(kind.into())),
            ("number".into(), Value::I64(number as i64)),
        ];
        let timestamp = first.saturating_add_micros(seconds as i64 * 1_000_000);
        Record { timestamp, level: Level::Info, kind: RecordKind::Log, fields }
    };
    (0..RECORDS).map(record).collect()
}

fn number(record: &Record<'_>) -> usize {
    match record.get("number") {
        Some(Value::I64(number)) => *number as usize,
        _ => usize::MAX,
    }
}

fn check(fixture: &Fixture, records: &[Record<'_>], q: &str, fits: impl Fn(usize) -> bool) {
    for sort in [Sort::NewestFirst, Sort::OldestFirst] {
        let mut expected: Vec<_> = records.iter().filter(|record| fits(number(record))).collect();
        expected.sort_by_key(|record| (record.timestamp, number(record)));
        if sort == Sort::NewestFirst {
            expected.reverse();
        }
        let mut request = SearchRequest::of(q);
        (request.limit, request.sort) = (1_500, sort);
        for page in expected.chunks(request.limit) {
            let answer = fixture.engine.search(&request, &fixture.deadline()).unwrap();
            let found: Vec<usize> = answer.hits.iter().map(|hit| number(&hit.record)).collect();
            let page: Vec<usize> = page.iter().map(|record| number(record)).collect();
            assert_eq!(found, page, "{q} {sort:?}");
            let count = expected.len() as u64;
            match answer.total.relation {
                TotalRelation::Eq => assert_eq!(answer.total.value, count, "{q} {sort:?}"),
                TotalRelation::Gte => assert!(answer.total.value <= count, "{q} {sort:?}"),
            }
            request.cursor = answer.cursor.map(|cursor| Cursor::decode(&cursor.encode()).unwrap());
        }
    }
}

#[test]
fn pages_over_many_spans_are_those_of_a_plain_sort() {
    for track_total_max in [10, u64::MAX] {
        let config = QueryConfig { track_total_max, ..QueryConfig::default() };
        let fixture = Fixture::with_config(config);
        let records = records();
        fixture.write(&records);
        for _state in ["hot", "sealed"] {
            check(&fixture, &records, "", |_| true);
            check(&fixture, &records, "number:>=100 AND NOT number:5000", |number| {
                number >= 100 && number != 5_000
            });
            check(&fixture, &records, "third", |number| number.is_multiple_of(3));
            check(&fixture, &records, "number:<90 OR number:>12900", |number| {
                !(90..=12_900).contains(&number)
            });
            fixture.seal();
        }
    }
}
