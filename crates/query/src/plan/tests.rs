//! What a plan narrows a query to.

use tierlog_model::{Level, Pseudonyms, Tenant, Tiers, Timestamp, id_hash};

use super::{Plan, kept_since};
use crate::moment::read_moment;
use crate::query::Query;
use crate::time_range::TimeRange;

fn now() -> Timestamp {
    read_moment("2026-11-20T12:00:00Z", Timestamp::default()).unwrap()
}

fn plan(q: &str, start: Option<&str>, end: Option<&str>) -> Plan {
    let expr = crate::dialect::lucene::tests::compiled(q, &Pseudonyms::off()).unwrap().expr;
    let range = TimeRange::read(start, end, now()).unwrap();
    let query = Query { range, ..Query::of(Tenant::DEFAULT, expr) };
    Plan::new(&query, &Tiers::standard(), now())
}

fn tiers(q: &str) -> String {
    let standard = Tiers::standard();
    let plan = plan(q, None, None);
    let names: Vec<&str> =
        plan.tiers.iter().map(|tier| standard.policy(*tier).name.as_str()).collect();
    names.join(" ")
}

#[test]
fn levels_choose_tiers() {
    for (q, expected) in [
        ("", "critical warning info debug"),
        ("level:>=warning", "critical warning"),
        ("level:error x", "critical"),
        ("level:debug OR level:error", "critical debug"),
        ("level:debug OR x", "critical warning info debug"),
        ("-level:debug", "critical warning info"),
        ("level:info level:debug", ""),
        ("level:>critical", ""),
        ("NOT (level:info OR x)", "critical warning info debug"),
    ] {
        assert_eq!(tiers(q), expected, "{q}");
    }
}

#[test]
fn times_of_the_query_narrow_the_range() {
    let range = |q: &str| plan(q, Some("2026-11-01"), Some("2026-11-20")).range.to_string();
    let start = "2026-11-01T00:00:00.000000Z";
    let end = "2026-11-20T00:00:00.000000Z";
    assert_eq!(range("x"), format!("{start}..{end}"));
    let later = "2026-11-05T00:00:00.000000Z";
    assert_eq!(range("x timestamp:>=2026-11-05"), format!("{later}..{end}"));
    assert_eq!(range("x OR timestamp:>=2026-11-05"), format!("{start}..{end}"));
    assert_eq!(range("-timestamp:>=2026-11-05"), format!("{start}..{end}"));
    let either = "timestamp:[2026-11-05 TO 2026-11-06} OR timestamp:[2026-11-08 TO 2026-11-09}";
    assert_eq!(range(either), format!("{later}..2026-11-09T00:00:00.000000Z"));
}

#[test]
fn ids_that_every_match_has_are_required() {
    let required = |q: &str| plan(q, None, None).required_ids;
    let request = |id: &str| id_hash("request_id", id);
    assert_eq!(required("request_id:a x"), [vec![request("a")]]);
    assert_eq!(required("request_id:IN [a b]"), [vec![request("a"), request("b")]]);
    assert_eq!(
        required("request_id:a (user_id:1 OR trace_id:t)"),
        [vec![request("a")], vec![id_hash("user_id", "1"), id_hash("trace_id", "t")]]
    );
    for q in ["", "x", "request_id:a OR x", "NOT request_id:a", "request_id:a*", "request_id:*"] {
        assert!(required(q).is_empty(), "{q}");
    }
}

#[test]
fn expired_levels_are_those_that_the_range_outlives() {
    let expired = |q: &str, start: Option<&str>| {
        let plan = plan(q, start, None);
        let names: Vec<String> =
            plan.expired.iter().map(|e| format!("{} {}", e.level, e.since.day())).collect();
        names.join(", ")
    };
    assert_eq!(expired("", None), "");
    assert_eq!(expired("", Some("now-7d/d")), "");
    assert_eq!(expired("", Some("now-8d")), "debug 2026-11-13");
    assert_eq!(
        expired("", Some("now-100d")),
        "debug 2026-11-13, info 2026-10-21, warning 2026-08-22"
    );
    assert_eq!(expired("level:>=error", Some("now-100d")), "");
    assert_eq!(expired("timestamp:>=2026-11-01", None), "debug 2026-11-13");
}

/// The promise made to a client and the deed of retention are one rule.
#[test]
fn a_level_is_kept_since_its_first_day_that_is_not_expired() {
    let tiers = Tiers::standard();
    for level in Level::ALL {
        let first = kept_since(tiers.policy(tiers.of_level(level)), now()).day();
        let tier = tiers.of_level(level);
        assert!(!tiers.is_expired(tier, first, now()), "{level}");
        assert!(tiers.is_expired(tier, first.plus_days(-1), now()), "{level}");
    }
}
