//! Totals, pages, look-ups, exports and what is said when something is missing.

use std::time::Duration;

use tierlog_model::{Level, Timestamp, Value};

use super::fixture::{Fixture, SearchRequest, moment, record, text};
use crate::config::QueryConfig;
use crate::cursor::Cursor;
use crate::dialect::QueryText;
use crate::error::QueryError;
use crate::execute::{Deadline, PartialReason, TotalRelation};
use crate::lookup::LevelState;
use crate::sort::Sort;

fn messages(hits: &[crate::execute::Hit]) -> Vec<&str> {
    hits.iter().filter_map(|hit| hit.record.get_str("message")).collect()
}

/// One line an hour over two days, `m0` the oldest.
fn hourly(fixture: &Fixture, count: usize) {
    let records: Vec<_> = (0..count)
        .map(|hour| {
            let time = format!("2026-11-{:02}T{:02}:00:00Z", 18 + hour / 24, hour % 24);
            record(&time, Level::Info, &format!("m{hour}"), &[("number", Value::I64(hour as i64))])
        })
        .collect();
    fixture.write(&records);
}

#[test]
fn totals_are_exact_up_to_the_limit_and_lower_bounds_after() {
    let fixture =
        Fixture::with_config(QueryConfig { track_total_max: 10, ..QueryConfig::default() });
    hourly(&fixture, 60);
    fixture.seal();
    let total = |q: &str, limit: usize| {
        let mut request = SearchRequest::of(q);
        request.limit = limit;
        fixture.engine.search(&request, &fixture.deadline()).unwrap().total
    };
    // The newest day has 12 lines: enough hits, and more than is counted.
    let some = total("number:>=0", 5);
    assert_eq!((some.value, some.relation), (12, TotalRelation::Gte));
    for (q, limit, expected) in [("number:>=0", 0, 60), ("number:<7", 5, 7), ("", 0, 60)] {
        let all = total(q, limit);
        assert_eq!((all.value, all.relation), (expected, TotalRelation::Eq), "{q} {limit}");
    }
}

#[test]
fn pages_are_stable_while_lines_arrive() {
    let fixture = Fixture::new();
    hourly(&fixture, 30);
    let mut request = SearchRequest::of("");
    request.limit = 4;
    let first = fixture.engine.search(&request, &fixture.deadline()).unwrap();
    assert_eq!(messages(&first.hits), ["m29", "m28", "m27", "m26"]);
    hourly(&fixture, 3);
    fixture.write(&[record("2026-11-20T11:00:00Z", Level::Error, "newer", &[])]);
    request.cursor = Some(Cursor::decode(&first.cursor.unwrap().encode()).unwrap());
    let second = fixture.engine.search(&request, &fixture.deadline()).unwrap();
    assert_eq!(messages(&second.hits), ["m25", "m24", "m23", "m22"]);

    request.sort = Sort::OldestFirst;
    let other_order = fixture.engine.search(&request, &fixture.deadline());
    assert!(matches!(other_order, Err(QueryError::Cursor)));
    request.cursor = None;
    request.limit = 10_001;
    let too_many = fixture.engine.search(&request, &fixture.deadline());
    assert_eq!(too_many.map(drop).unwrap_err().code().as_str(), "invalid_parameter");
}

#[test]
fn an_answer_is_cut_by_its_bytes_and_gone_on_with() {
    let config = QueryConfig { answer_bytes_max: 1_000, ..QueryConfig::default() };
    let fixture = Fixture::with_config(config);
    let long = "word ".repeat(100);
    let lines: Vec<_> =
        (0..5).map(|_| record("2026-11-20T01:00:00Z", Level::Info, &long, &[])).collect();
    fixture.write(&lines);
    let mut request = SearchRequest::of("word");
    let mut seen = 0;
    loop {
        let page = fixture.engine.search(&request, &fixture.deadline()).unwrap();
        seen += page.hits.len();
        assert_eq!(page.total.value, 5);
        match page.cursor {
            Some(cursor) => {
                assert_eq!(page.partial_reasons, [PartialReason::AnswerBytes]);
                request.cursor = Some(Cursor::decode(&cursor.encode()).unwrap());
            }
            None => break,
        }
    }
    assert_eq!(seen, 5);

    let mut export = fixture.engine.export(&QueryText::of(""), Sort::OldestFirst, None).unwrap();
    let mut exported = 0;
    while let Some(page) = export.next_page(&fixture.deadline()).unwrap() {
        exported += page.hits.len();
        assert!(page.partial_reasons.is_empty());
    }
    assert_eq!(exported, 5);
}

#[test]
fn selected_fields_stand_beside_time_and_level() {
    let fixture = Fixture::new();
    let fields = [("service", text("auth")), ("http.a", Value::I64(1)), ("http.b", Value::I64(2))];
    fixture.write(&[record("2026-11-20T01:00:00Z", Level::Info, "hello", &fields)]);
    let mut request = SearchRequest::of("");
    request.fields = Some(vec!["service.name".to_owned(), "http.*".to_owned()]);
    let found = fixture.engine.search(&request, &fixture.deadline()).unwrap();
    expect_test::expect![[r#"[{"timestamp":"2026-11-20T01:00:00.000000Z","level":"info","service":"auth","http.a":1,"http.b":2}]"#]]
        .assert_eq(&serde_json::to_string(&found.hits).unwrap());
}

#[test]
fn a_request_is_shown_whole_and_says_what_has_expired() {
    let fixture = Fixture::new();
    let id = [("request_id", text("r-1")), ("service", text("auth"))];
    let access = [
        ("request_id", text("r-1")),
        ("service", text("web")),
        ("duration_ms", Value::F64(9000.5)),
    ];
    let old = [("request_id", text("r-old"))];
    fixture.write(&[
        record("2026-11-20T10:00:02Z", Level::Error, "third", &access),
        record("2026-11-20T10:00:00Z", Level::Debug, "first", &id),
        record("2026-11-20T10:00:01.5Z", Level::Info, "second", &id),
        record("2026-11-20T10:00:01Z", Level::Info, "another", &[("request_id", text("r-2"))]),
        record("2026-10-01T10:00:00Z", Level::Error, "old", &old),
    ]);
    fixture.seal();

    let found = fixture.engine.request("r-1").unwrap();
    assert_eq!(messages(&found.hits), ["first", "second", "third"]);
    assert_eq!(found.services, ["auth", "web"]);
    assert_eq!(found.duration_ms, Some(9000.5));
    assert!(found.found.found.partial_reasons.is_empty());
    let levels = found.levels.iter().map(|(level, status)| {
        format!("{}: {} {:?}\n", level.as_str(), status.count, status.state)
    });
    expect_test::expect![[r"
        debug: 1 Present
        info: 1 Present
        warning: 0 None
        error: 1 Present
        critical: 0 None
    "]]
    .assert_eq(&levels.collect::<String>());

    let old = fixture.engine.request("r-old").unwrap();
    assert_eq!(old.levels[&Level::Debug].state, LevelState::Expired);
    assert_eq!(old.levels[&Level::Debug].since, Some(moment("2026-11-13T00:00:00Z")));
    assert_eq!(old.levels[&Level::Warning].state, LevelState::None);

    let absent = fixture.engine.request("r-absent").unwrap();
    assert!(absent.hits.is_empty() && absent.duration_ms.is_none());
    assert!(absent.levels.values().all(|status| status.state == LevelState::None));
}

#[test]
fn a_user_is_found_by_the_plain_id() {
    let fixture = Fixture::new();
    let token = fixture.pseudonyms.token_in("user_id", "4242").unwrap();
    let user = [("user_id", text(&token))];
    fixture.write(&[
        record("2026-11-20T10:00:00Z", Level::Info, "login", &user),
        record("2026-11-20T11:00:00Z", Level::Warning, "logout", &user),
        record("2026-11-20T11:30:00Z", Level::Info, "other", &[("user_id", text("u_x"))]),
    ]);
    let find = |user_id: &str, q: &str| {
        let request = SearchRequest::of(q);
        let found = fixture.engine.user(user_id, &request, &fixture.deadline()).unwrap();
        messages(&found.hits).join(" ")
    };
    assert_eq!(find("4242", ""), "logout login");
    assert_eq!(find(&token, "level:info"), "login");
    assert_eq!(find("4243", ""), "");
}

#[test]
fn an_export_is_in_order_and_resumes() {
    let fixture = Fixture::new();
    hourly(&fixture, 60);
    fixture.seal();
    let query = QueryText::of("number:>=10");
    let whole = |cursor| {
        let mut export = fixture.engine.export(&query, Sort::OldestFirst, cursor).unwrap();
        let mut hits = Vec::new();
        while let Some(page) = export.next_page(&fixture.deadline()).unwrap() {
            hits.extend(page.hits);
        }
        hits
    };
    let all = whole(None);
    assert_eq!(all.len(), 50);
    let middle = &all[20];
    let cursor =
        Cursor { sort: Sort::OldestFirst, timestamp: middle.record.timestamp, seq: middle.seq };
    assert_eq!(whole(Some(cursor)), all[21..]);
}

#[test]
fn a_partition_that_cannot_be_read_makes_the_answer_partial() {
    let fixture = Fixture::new();
    hourly(&fixture, 30);
    fixture.seal();
    let request = SearchRequest::of("number:>=0");
    let whole = fixture.engine.search(&request, &fixture.deadline()).unwrap();
    assert_eq!((whole.hits.len(), whole.partial_reasons.len()), (30, 0));

    let broken = fixture.directory.path().join("partitions/default/info/2026-11-18");
    for entry in std::fs::read_dir(&broken).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "fast") {
            std::fs::remove_file(&path).unwrap();
        }
    }
    let found = fixture.engine.search(&request, &fixture.deadline()).unwrap();
    assert_eq!(found.partial_reasons, [PartialReason::PartitionUnreadable]);
    assert_eq!(found.hits.len(), 6);
    assert_eq!((found.total.value, found.total.relation), (6, TotalRelation::Gte));

    let mut first_day = QueryText::of("number:>=0");
    first_day.end = Some("2026-11-19".to_owned());
    let mut export = fixture.engine.export(&first_day, Sort::OldestFirst, None).unwrap();
    let page = export.next_page(&fixture.deadline()).unwrap().unwrap();
    assert_eq!(page.partial_reasons, [PartialReason::PartitionUnreadable]);
    assert!(page.hits.is_empty() && Cursor::decode(&page.found.cursor).is_ok());
    assert!(export.next_page(&fixture.deadline()).unwrap().is_none());
}

#[test]
fn a_deadline_ends_a_search() {
    let fixture = Fixture::new();
    hourly(&fixture, 3);
    let passed = Deadline::within(Duration::ZERO);
    let found = fixture.engine.search(&SearchRequest::of(""), &passed);
    assert_eq!(found.map(drop).unwrap_err().code().as_str(), "deadline");

    let cancelled = fixture.deadline();
    drop(cancelled.cancel_on_drop());
    let found = fixture.engine.search(&SearchRequest::of(""), &cancelled);
    assert_eq!(found.map(drop).unwrap_err().code().as_str(), "cancelled");
}

#[test]
fn a_range_beyond_retention_names_the_levels() {
    let fixture = Fixture::new();
    let mut request = SearchRequest::of("level:<=info");
    request.query.start = Some("now-20d".to_owned());
    let found = fixture.engine.search(&request, &fixture.deadline()).unwrap();
    let expired: Vec<(Level, Timestamp)> =
        found.expired.iter().map(|expired| (expired.level, expired.since)).collect();
    assert_eq!(expired, [(Level::Debug, moment("2026-11-13T00:00:00Z"))]);
}
