//! Partial results over any parts of the records merge to the result over all of them.

use proptest::prelude::*;
use serde_json::json;
use tierlog_model::memory::MemoryUse;
use tierlog_model::{Level, Record, Tenant, Tiers, Timestamp, Value};

use super::SECOND;
use crate::aggregate::build::build;
use crate::aggregate::needs::FieldNeeds;
use crate::aggregate::partial::Partial;
use crate::aggregate::run::{Aggregator, Collected, Round};
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
        halves in prop::option::of(-9_i32..9),
    ) -> Record<'static> {
        let mut fields = vec![];
        fields.extend(endpoint.map(|endpoint| ("endpoint", text(endpoint))));
        fields.extend(halves.map(|halves| ("amount", Value::F64(f64::from(halves) / 2.0))));
        line(-days_ago * DAY - seconds * SECOND, Level::Info, &fields)
    }
}

fn check(session: &Session<'_>, fixture: &Fixture, cuts: &[i64]) {
    let aggs = json!({
        "endpoints": {"terms": {"field": "endpoint"}, "aggs": {
            "amounts": {"stats": {"field": "amount"}},
            "half": {"percentiles": {"field": "amount"}},
        }},
        "hours": {"date_histogram": {"field": "timestamp", "fixed_interval": "1h"}, "aggs": {
            "endpoints": {"cardinality": {"field": "endpoint", "precision_threshold": 9}},
        }},
        "ranges": {"range": {"field": "amount", "ranges": [{"to": 0}, {"from": 0}]}},
        "paid": {"filter": "endpoint:pay", "aggs": {"count": {"value_count": {"field": "amount"}}}},
        "without": {"missing": {"field": "amount"}},
    });
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
    let pieces: Vec<Plan> = ends
        .windows(2)
        .map(|piece| TimeRange { start: piece[0], end: piece[1] })
        .map(|range| plan_of(&Query { range, ..all.clone() }))
        .collect();
    let aggregator = |plan| {
        let memory = session.config.memory.part(MemoryUse::Aggregations);
        let (condition, estimate_bytes_max) = (&condition as _, memory.limit_bytes());
        let (store, deadline) = (&fixture.store, session.deadline);
        Aggregator { store, plan, condition, estimate_bytes_max, deadline }
    };
    let expected = aggregator(&whole).run(&request).expect("an answer").aggregations;

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
    let round = whole.finish(built, merged, last.expect("a piece"), &known).expect("finished");
    let Round::Done(answer) = round else { panic!("plain fields need nothing") };
    let [found, expected] =
        [answer.aggregations, expected].map(|found| serde_json::Value::Object(found).to_string());
    assert_eq!(found, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn partial_results_of_any_split_merge_to_the_whole(
        sealed in prop::collection::vec(record(), 0..40),
        hot in prop::collection::vec(record(), 1..40),
        cuts in prop::collection::vec(0_i64..3 * 86_400, 0..5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let fixture = Fixture::new();
            fixture.write(&sealed).await;
            fixture.seal_closed_days();
            fixture.write(&hot).await;
            fixture
                .state
                .at_once(Tenant::DEFAULT, |session| check(session, &fixture, &cuts));
        });
    }
}
