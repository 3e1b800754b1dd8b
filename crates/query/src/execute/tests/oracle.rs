//! The property behind every search: the index finds what the plain filter finds, in the same
//! order, and pages of any size join to the whole.

use std::borrow::Cow;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use tierlog_model::{Level, Pseudonyms, Record, RecordKind, Timestamp, Value};

use super::fixture::{Fixture, SearchRequest, moment};
use crate::cursor::Cursor;
use crate::dialect::lucene::tests::query_like;
use crate::execute::TotalRelation;
use crate::expr::Expr;
use crate::record_filter::RecordFilter;
use crate::sort::Sort;
use crate::time_range::TimeRange;

/// Field that numbers the records of a case.
const NUMBER: &str = "n";

fn words() -> impl Strategy<Value = String> {
    let word = select(vec![
        "timeout",
        "Timeout",
        "card",
        "declined",
        "payment-failed",
        "x1",
        "42",
        "größe",
        "ÜBER",
        "naïve",
        "/api/v1",
        "a.b",
        "日本",
        "",
    ]);
    prop::collection::vec(word, 0..5).prop_map(|words| words.join(" "))
}

fn short() -> impl Strategy<Value = String> {
    select(vec![
        "auth",
        "billing",
        "Auth",
        "a b",
        "500",
        "503",
        "5",
        "-7",
        "1.5",
        "true",
        "/api/v1",
        "/api/v2/x",
        "größe",
        "*",
        "",
    ])
    .prop_map(str::to_owned)
}

fn integer() -> impl Strategy<Value = i64> {
    select(vec![-7, 0, 1, 5, 42, 500, 503, 599])
}

/// Texts of which the first 128 bytes are the same, and others that are long.
fn long() -> impl Strategy<Value = String> {
    let path = format!("/api/v1/{}", "segment/".repeat(20));
    prop_oneof![
        words().prop_map(|text| format!("{text} {}", "long ".repeat(30))),
        select(vec!["a", "b", "auth", "?x=5", "\u{e9}"])
            .prop_map(move |end| format!("{path}{end}")),
        Just(format!("{}\u{e9}{}", "x".repeat(127), "y".repeat(9))),
        Just("5".repeat(140)),
    ]
}

fn integers() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        integer().prop_map(Value::I64),
        select(vec![
            9_007_199_254_740_992,
            9_007_199_254_740_993,
            -9_007_199_254_740_993,
            676_996_931_091_701_602,
            676_996_931_091_701_603,
            i64::MIN,
            i64::MAX,
        ])
        .prop_map(Value::I64),
        select(vec![u64::MAX, u64::MAX - 1, i64::MAX as u64 + 1]).prop_map(Value::U64),
    ]
}

/// Values of every type in one field.
fn mixed() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        short().prop_map(|text| Value::Str(text.into())),
        integers(),
        select(vec![1.5, -0.0, 500.0, 499.999, -7.0, 1e21, 9_007_199_254_740_992.0, 6.76e17])
            .prop_map(Value::F64),
        any::<bool>().prop_map(Value::Bool),
        long().prop_map(|text| Value::Str(text.into())),
        select(vec![
            "[1,\"auth\",true]",
            "[500.0,\"timeout card\"]",
            "[{\"deep\":503},{\"deep\":\"auth\"},null]",
            "[]",
            "{}",
            "[[\"billing\",[5]]]",
            "[676996931091701603,0.5,{\"deep\":18446744073709551615}]",
        ])
        .prop_map(|json| Value::Json(json.into())),
        (long(), long())
            .prop_map(|(one, two)| Value::Json(format!("[{one:?},{{\"deep\":{two:?}}}]").into())),
    ]
}

/// Numbers of every width, and texts that read as some.
fn big() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        4 => integers(),
        1 => select(vec!["9007199254740993", "676996931091701603"])
            .prop_map(|text| Value::Str(text.into())),
        1 => select(vec![0.5, 9_007_199_254_740_992.0]).prop_map(Value::F64),
    ]
}

/// A name that no column can have: its values are pairs, as are those of names beyond the bound.
const PAIRED: &str = "paired\u{2}";

fn optional(
    name: &'static str,
    value: impl Strategy<Value = Value<'static>> + 'static,
) -> BoxedStrategy<Option<(Cow<'static, str>, Value<'static>)>> {
    prop::option::of(value).prop_map(move |value| Some((name.into(), value?))).boxed()
}

/// Addresses as records have them, and texts like addresses.
fn address() -> impl Strategy<Value = Value<'static>> {
    select(vec![
        "10.0.0.1",
        "10.0.0.20:4711",
        "11.0.0.1",
        "::ffff:10.0.0.9",
        "1.2.3.4, 10.0.0.3",
        "fe80::1%eth0",
        "2001:DB8:0::1",
        "10.0.0.0/8",
        "auth",
        "500",
    ])
    .prop_map(|text| Value::Str(text.into()))
}

fn record() -> impl Strategy<Value = Record<'static>> {
    let start = moment("2026-11-18T00:00:00Z");
    let id = select(vec!["r-1", "r-2", "R-1", "4242"]).prop_map(|id| Value::Str(id.into()));
    let user = select(vec!["4242", "17"]).prop_map(|id| Value::Str(id.into()));
    let fields = (
        optional("message", words().prop_map(|text| Value::Str(text.into()))),
        optional("service", short().prop_map(|text| Value::Str(text.into()))),
        optional("mixed", mixed()),
        optional("mixed.deep", mixed()),
        optional("big", big()),
        optional(PAIRED, mixed()),
        optional("request_id", id),
        optional("user_id", user),
        optional("weird\\name", integer().prop_map(Value::I64)),
        optional("ip", address()),
        optional(
            "path",
            select(vec!["/api/v1", "/api/v2/x"]).prop_map(|path| Value::Str(path.into())),
        ),
        optional("status_code", select(vec![200_i64, 404, 500, 503]).prop_map(Value::I64)),
    );
    (0_i64..60, 0_u8..5, fields).prop_map(move |(hour, level, fields)| {
        let (a, b, c, d, e, f, g, h, i, j, k, l) = fields;
        Record {
            timestamp: start.saturating_add_micros(hour * 3_600_000_000),
            level: Level::from_u8(level).unwrap(),
            kind: RecordKind::Log,
            fields: [a, b, c, d, e, f, g, h, i, j, k, l].into_iter().flatten().collect(),
        }
    })
}

fn clause() -> impl Strategy<Value = String> {
    let field = select(vec!["message", "service", "mixed", "mixed.deep", "big", PAIRED, "absent"]);
    let value = select(vec![
        "auth",
        "Auth",
        "\"a b\"",
        "500",
        "500.0",
        "503",
        "-7",
        "1.5",
        "0",
        "true",
        "/api/*",
        "a*",
        "*5*",
        "5?3",
        "*",
        "timeout",
        "\"timeout card\"",
        "card*",
        "\"timeout ca\"*",
        "[0 TO 503]",
        "{0 TO 503}",
        "[1.2 TO *]",
        "[* TO 5}",
        ">500",
        ">=500.0",
        "<0",
        "<=-7",
        "[a TO b]",
        "[A TO *]",
        "/^5/",
        "/ut/",
        "/[aA]uth$/",
        "IN [auth 5 true]",
        "größe",
        "9007199254740993",
        ">9007199254740992",
        ">=18446744073709551615",
        "18446744073709551615",
        "<9223372036854775808",
        "\"\"",
        "long",
        "*long*",
        "timeout*",
        "/long long/",
        "/auth$/",
        "[/api/v1 TO /api/v2}",
        "\"/api/v1/segment/segment/segment/segment/segment/segment/segment/segment/segment/segment\
         /segment/segment/segment/segment/segment/segment/segment/segment/segment/segment/b\"",
        "/api/v1/segment/segment/segment/segment/segment/segment/segment/segment/segment/segment\
         /segment/segment/segment/segment/segment/segment/segment/segment/segment/segment/?x*",
        "*/auth",
        "xxx*",
        "676996931091701602",
        "6.76996931091701602e17",
        "[676996931091701603 TO 676996931091701603]",
        "<9007199254740993",
        "[9007199254740993 TO *]",
        "*701603",
        "1e21",
        "[0 TO 0]",
        "\"\\*\"",
    ]);
    let bare = select(vec![
        "timeout",
        "TIMEOUT",
        "card",
        "\"card declined\"",
        "payment-failed",
        "pay*",
        "*out",
        "/decl/",
        "x?",
        "größe",
        "über",
        "日本",
        "\"timeout ca\"*",
        "42",
        "long",
        "api/v*",
    ]);
    let other = select(vec![
        "level:>=warning",
        "level:info",
        "-level:debug",
        "level:IN [debug error]",
        "request_id:r-1",
        "request_id:IN [r-1 r-2]",
        "request_id:r*",
        "user_id:4242",
        "user_id:17",
        "user_id:*",
        "request_id:4242",
        "trace_id:r-1",
        "*",
        "weird\\\\name:>=5",
        "weird\\\\name:*",
        "timestamp:>=2026-11-19",
        "timestamp:2026-11-19",
        "ip:10.0.0.0/8",
        "ip:IN [10.0.0.0/24 2001:db8::/32 auth]",
        "ip:[10.0.0.2 TO 10.0.0.20]",
        "ip:>10.0.0.9",
        "ip:fe80:0:0:0:0:0:0:1",
        "status_code:5xx",
        "status_code:IN [4xx 200]",
        "status_code:[4xx TO 50x]",
        "/api/v1",
        "/api/*",
        "service=auth",
        "service!=auth",
        "mixed > 500",
        "sevice:auth",
        "absent.java:5",
        "card:declined",
        "service in (auth, a)",
        "mixed is null",
        "mixed*:auth",
        "mixed:!auth",
        "timestamp:[2026-11-18T03:00:00Z TO 2026-11-19T03:00:00Z}",
    ]);
    prop_oneof![
        6 => (field, value).prop_map(|(field, value)| format!("{field}:{value}")),
        3 => bare.prop_map(str::to_owned),
        3 => other.prop_map(str::to_owned),
    ]
}

fn query() -> impl Strategy<Value = String> {
    clause().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) AND ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) OR ({b})")),
            inner.prop_map(|inner| format!("NOT ({inner})")),
        ]
    })
}

fn any_query() -> impl Strategy<Value = String> {
    prop_oneof![5 => query(), 1 => query_like()]
}

fn range() -> impl Strategy<Value = (Option<String>, Option<String>)> {
    let end = prop::option::of(select(vec![
        "2026-11-18T00:00:00Z",
        "2026-11-18T05:00:00Z",
        "2026-11-19",
        "2026-11-20T00:00:00Z",
        "2026-11-21",
    ]));
    let end = || end.clone().prop_map(|text| text.map(str::to_owned));
    (end(), end()).prop_map(|(start, end)| match start.is_some() && end.is_some() && end < start {
        true => (end, start),
        false => (start, end),
    })
}

/// Writes the records in a few batches, some before and some after sealing: partitions come to
/// have several segments, one, or both kinds.
fn fill(fixture: &Fixture, records: &[Record<'static>]) -> Vec<Record<'static>> {
    let stored: Vec<Record<'static>> = records
        .iter()
        .enumerate()
        .map(|(number, record)| numbered(record, number, &fixture.pseudonyms))
        .collect();
    let third = stored.len() / 3;
    fixture.write(&stored[..third]);
    fixture.write(&stored[third..2 * third]);
    fixture.seal();
    fixture.write(&stored[2 * third..]);
    stored
}

/// What redaction does with the user's id.
fn numbered(record: &Record<'static>, number: usize, pseudonyms: &Pseudonyms) -> Record<'static> {
    let mut record = record.clone();
    for (name, value) in &mut record.fields {
        if let Value::Str(text) = value
            && let Some(identity) = pseudonyms.identities().covering(name)
            && let Some(token) = pseudonyms.token_in(identity, text)
        {
            *value = Value::Str(token.into());
        }
    }
    record.fields.push((NUMBER.into(), Value::I64(number as i64)));
    record
}

fn number(record: &Record<'_>) -> i64 {
    match record.get(NUMBER) {
        Some(Value::I64(number)) => *number,
        other => unreachable!("{other:?}"),
    }
}

/// Returns the numbers of the records that the plain filter finds, newest first.
fn expected(fixture: &Fixture, records: &[Record<'static>], q: &str, range: TimeRange) -> Vec<i64> {
    // Foreign syntax counts only with a field that has records in the range: as in the engine.
    let compiled = fixture.engine.parse_within(q, range, RecordKind::Log);
    let filter = RecordFilter::new(compiled.map_or(Expr::Nothing, |compiled| compiled.expr));
    let mut found: Vec<(Timestamp, i64)> = records
        .iter()
        .filter(|record| range.contains(record.timestamp))
        .filter(|record| filter.matches(record))
        .map(|record| (record.timestamp, number(record)))
        .collect();
    found.sort_unstable_by(|left, right| right.cmp(left));
    found.into_iter().map(|(_, number)| number).collect()
}

/// Pages through a search.
fn pages(fixture: &Fixture, request: &SearchRequest) -> Vec<i64> {
    let mut request = request.clone();
    let mut found = Vec::new();
    loop {
        let page = fixture.engine.search(&request, &fixture.deadline()).unwrap();
        found.extend(page.hits.iter().map(|hit| number(&hit.record)));
        match page.cursor {
            Some(cursor) => request.cursor = Some(Cursor::decode(&cursor.encode()).unwrap()),
            None => return found,
        }
    }
}

type Asked = (String, (Option<String>, Option<String>), usize);

fn check(
    fixture: &Fixture,
    stored: &[Record<'static>],
    asked: &Asked,
) -> Result<(), TestCaseError> {
    let (q, (start, end), limit) = asked;
    let mut request = SearchRequest::of(q.clone());
    request.query.start.clone_from(start);
    request.query.end.clone_from(end);
    request.limit = 1_000;
    let now = tierlog_model::Clock::now(fixture.engine.clock());
    let range = TimeRange::read(start.as_deref(), end.as_deref(), now).expect("a range");
    let mut expected = expected(fixture, stored, q, range);

    let found = match fixture.engine.search(&request, &fixture.deadline()) {
        Ok(found) => found,
        // Text that only resembles a query may be refused.
        Err(error) => {
            prop_assert!(
                matches!(error.code().as_str(), "query_syntax" | "pseudonymised_field"),
                "{error}"
            );
            return Ok(());
        }
    };
    let numbers: Vec<i64> = found.hits.iter().map(|hit| number(&hit.record)).collect();
    prop_assert_eq!(&numbers, &expected, "{} {:?}..{:?}", q, start, end);
    prop_assert_eq!(found.total.value, expected.len() as u64);
    prop_assert_eq!(found.total.relation, TotalRelation::Eq);
    prop_assert!(found.partial_reasons.is_empty() && found.cursor.is_none());

    request.limit = 0;
    let counted = fixture.engine.search(&request, &fixture.deadline()).unwrap();
    prop_assert_eq!(counted.total.value, expected.len() as u64, "count of {}", q);

    request.limit = *limit;
    prop_assert_eq!(&pages(fixture, &request), &expected, "pages of {}", q);
    request.sort = Sort::OldestFirst;
    expected.reverse();
    prop_assert_eq!(&pages(fixture, &request), &expected, "pages of {}, oldest first", q);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_index_finds_what_the_plain_filter_finds(
        records in prop::collection::vec(record(), 0..60),
        asked in prop::collection::vec((any_query(), range(), 1_usize..9), 120),
    ) {
        let fixture = Fixture::new();
        let stored = fill(&fixture, &records);
        for asked in &asked {
            check(&fixture, &stored, asked)?;
        }
    }
}

#[test]
fn records_read_back_as_they_were_written() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let fixture = Fixture::new();
    let records: Vec<Record<'static>> =
        (0..200).map(|_| record().new_tree(&mut runner).unwrap().current()).collect();
    let mut stored = fill(&fixture, &records);
    let mut request = SearchRequest::of("");
    request.limit = 1_000;
    let found = fixture.engine.search(&request, &fixture.deadline()).unwrap();
    let mut read: Vec<Record<'static>> = found.hits.into_iter().map(|hit| hit.record).collect();
    read.sort_by_key(number);
    for record in read.iter_mut().chain(&mut stored) {
        record.fields.sort_by(|(left, _), (right, _)| left.cmp(right));
    }
    for (read, stored) in read.iter().zip(&stored) {
        assert_eq!(as_json(read), as_json(stored));
    }
    assert_eq!(read.len(), stored.len());
}

/// An integer whose column has fractions reads back as the float of the same value.
fn as_json(record: &Record<'_>) -> String {
    let json = serde_json::to_string(record).unwrap();
    json.replace(".0,", ",").replace(".0}", "}")
}
