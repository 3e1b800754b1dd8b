//! Partial results over any parts of the records merge to the result over all of them.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use tierlog_model::memory::MemoryUse;
use tierlog_model::{Level, Record, Tenant, Tiers, Timestamp, Value};

use super::SECOND;
use crate::aggregate::build::build;
use crate::aggregate::kind::Kind;
use crate::aggregate::kinds::KINDS;
use crate::aggregate::needs::FieldNeeds;
use crate::aggregate::partial::Partial;
use crate::aggregate::run::{Aggregator, Collected, Round};
use crate::aggregate::{Answers, EsJson};
use crate::expr::Expr;
use crate::http::tests::fixture::{DAY, Fixture, NOW, line, text};
use crate::plan::Plan;
use crate::query::Query;
use crate::session::Session;
use crate::time_range::TimeRange;

prop_compose! {
    fn record()(
        days_ago in 0_i64..3,
        seconds in 0_i64..9_000,
        endpoint in prop::option::of(prop_oneof![Just("login"), Just("pay"), Just("list")]),
        tenths in prop::option::of(-99_i32..99),
    ) -> Record<'static> {
        let mut fields = vec![];
        fields.extend(endpoint.map(|endpoint| ("endpoint", text(endpoint))));
        fields.extend(tenths.map(|tenths| ("amount", Value::F64(1e3 + f64::from(tenths) / 10.0))));
        line(-days_ago * DAY - seconds * SECOND, Level::Info, &fields)
    }
}

/// A request of each kind over the fields of the records: a kind without one is not held by the
/// property.
fn example(kind: &str) -> Json {
    let amount = json!({"field": "amount"});
    let endpoint = json!({"field": "endpoint"});
    match kind {
        "terms" => endpoint,
        "histogram" => json!({"field": "amount", "interval": 0.5}),
        "date_histogram" => json!({"field": "timestamp", "fixed_interval": "1h"}),
        "range" => json!({"field": "amount", "ranges": [{"to": 1e3}, {"from": 1e3}]}),
        "date_range" => {
            json!({"field": "timestamp", "ranges": [{"to": "now-1d"}, {"from": "now-1d"}]})
        }
        "filter" => json!("endpoint:pay"),
        "missing" | "avg" | "min" | "max" | "sum" | "stats" | "extended_stats" | "percentiles"
        | "value_count" | "spread" => amount,
        "cardinality" => json!({"field": "endpoint", "precision_threshold": 9}),
        other => panic!("the property knows no request of the kind {other:?}"),
    }
}

/// Requests of every kind by itself, and of every kind with figures in buckets of others; a few
/// kinds in one request, which has a bound on its aggregations.
fn requests() -> Vec<Json> {
    let of_kind = |kind: &Kind| (kind.name.to_owned(), json!({ kind.name: example(kind.name) }));
    let figures: Map<String, Json> =
        KINDS.iter().filter(|kind| !kind.has_buckets).map(of_kind).collect();
    let with_figures = |kind: &&Kind| {
        let (name, mut request) = of_kind(kind);
        request["aggs"] = json!(figures);
        (name, request)
    };
    let nesting: Vec<&Kind> = KINDS.iter().filter(|kind| kind.has_buckets).collect();
    let nested = nesting.chunks(4).map(|kinds| kinds.iter().map(with_figures).collect());
    let alone = std::iter::once(KINDS.iter().map(of_kind).collect());
    alone.chain(nested).map(Json::Object).collect()
}

/// Figures of spread.
const SPREAD: [&str; 3] = ["variance", "std_deviation", "sum_of_squares"];

/// Compares answers: everything must be equal, figures of spread up to the rounding of their last
/// digits, since the mean of a part is rounded before the variances of parts merge.
fn assert_same(found: &Json, expected: &Json, path: &str) {
    match (found, expected) {
        (Json::Object(found), Json::Object(expected)) => {
            let names = |of: &Map<String, Json>| of.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(found), names(expected), "{path}");
            for (name, found) in found {
                assert_same(found, &expected[name], &format!("{path}/{name}"));
            }
        }
        (Json::Array(found), Json::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{path}");
            for (found, expected) in found.iter().zip(expected) {
                assert_same(found, expected, &format!("{path}/"));
            }
        }
        (Json::Number(found), Json::Number(expected))
            if SPREAD.iter().any(|of| path.contains(of)) =>
        {
            let [found, expected] = [found, expected].map(|of| of.as_f64().expect("a float"));
            let rounding = 1e-13 * (1.0 + found.abs().max(expected.abs()));
            assert!((found - expected).abs() <= rounding, "{path}: {found} for {expected}");
        }
        (found, expected) => assert_eq!(found, expected, "{path}"),
    }
}

fn check(session: &Session<'_>, fixture: &Fixture, aggs: Json, cuts: &[i64], turn: usize) {
    let all = Query::of(Tenant::DEFAULT, Expr::All);
    let request = session.aggregations(&all, aggs).expect("a request");
    let (tiers, now) = (Tiers::standard(), Timestamp::from_micros_clamped(NOW));
    let plan_of = |query: &Query| Plan::new(query, &tiers, now);
    let condition = |expr: &Expr| plan_of(&Query::of(Tenant::DEFAULT, expr.clone()));
    let whole = plan_of(&all);
    let moments = cuts.iter().map(|offset| Timestamp::from_micros_clamped(NOW - offset * SECOND));
    let mut ends: Vec<Option<Timestamp>> = moments.map(Some).collect();
    ends.sort();
    ends.insert(0, None);
    ends.push(None);
    let mut pieces: Vec<Plan> = ends
        .windows(2)
        .map(|piece| TimeRange { start: piece[0], end: piece[1] })
        .map(|range| plan_of(&Query { range, ..all.clone() }))
        .collect();
    let turn = turn % pieces.len();
    pieces.rotate_left(turn);
    let aggregator = |plan| {
        let memory = session.config.memory.part(MemoryUse::Aggregations);
        let (condition, estimate_bytes_max) = (&condition as _, memory.limit_bytes());
        let (store, deadline) = (&fixture.store, session.deadline);
        Aggregator { store, plan, condition, estimate_bytes_max, deadline }
    };
    let expected = aggregator(&whole).run(&request).expect("an answer").answers;

    let known = FieldNeeds::default();
    let whole = aggregator(&whole);
    let build = || build(&request.asked, &known, &|expr| whole.segment_docs(expr));
    let (mut merged, mut last) = (Partial::default(), None);
    for plan in pieces.iter().rev() {
        let collected = aggregator(plan).collect(&build().expect("built"), &known);
        let Collected::Partial(partial, report) = collected.expect("collected") else {
            panic!("plain fields need nothing");
        };
        merged.merge(*partial).expect("of one request");
        last = Some(*report);
    }
    let built = build().expect("built");
    let round = whole.finish(built, merged, last.expect("a piece")).expect("finished");
    let Round::Done(answer) = round else { panic!("plain fields need nothing") };
    let json = |answers: &Answers| serde_json::to_value(EsJson(answers)).expect("JSON");
    assert_same(&json(&answer.answers), &json(&expected), "");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn partial_results_of_any_split_merge_to_the_whole(
        sealed in prop::collection::vec(record(), 0..40),
        hot in prop::collection::vec(record(), 1..40),
        cuts in prop::collection::vec(0_i64..3 * 86_400, 0..5),
        turn in 0_usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let fixture = Fixture::new();
            fixture.write(&sealed).await;
            fixture.seal_closed_days();
            fixture.write(&hot).await;
            for aggs in requests() {
                fixture.state.at_once(Tenant::DEFAULT, |session| {
                    check(session, &fixture, aggs, &cuts, turn);
                });
            }
        });
    }
}
