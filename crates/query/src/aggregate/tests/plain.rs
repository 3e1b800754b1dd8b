//! Aggregations against a plain computation over the same records, hot and sealed.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tierlog_model::{Level, Record, Timestamp, Value};

use super::SECOND;
use super::by_time::{check_counts_by_time, check_histogram};
use crate::http::tests::fixture::{DAY, Fixture, line, text};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn level() -> impl Strategy<Value = Level> {
    (0_u8..5).prop_map(|number| Level::from_u8(number).expect("a level"))
}

fn mixed() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        (-3_i64..3).prop_map(Value::I64),
        (-3_i32..3).prop_map(|halves| Value::F64(f64::from(halves) / 2.0)),
        prop_oneof![Just("1"), Just("a"), Just("b")].prop_map(text),
        any::<bool>().prop_map(Value::Bool),
    ]
}

prop_compose! {
    fn record()(
        days_ago in 0_i64..3,
        offset in 0_i64..3 * 3_600 * SECOND,
        level in level(),
        endpoint in prop::option::of(prop_oneof![Just("login"), Just("pay"), Just("list")]),
        duration in prop::option::of(0_i64..10_000),
        mixed in prop::option::of(mixed()),
    ) -> Record<'static> {
        let mut fields = vec![("message", text("something happened"))];
        fields.extend(endpoint.map(|endpoint| ("endpoint", text(endpoint))));
        fields.extend(duration.map(|tenths| ("duration_ms", Value::F64(tenths as f64 / 10.0))));
        fields.extend(mixed.map(|mixed| ("mixed", mixed)));
        line(-days_ago * DAY - offset, level, &fields)
    }
}

/// A value as an answer writes its bucket key; numbers of all types are one.
fn key_of(value: &Value<'_>) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::I64(value) => format!("{:.2}", *value as f64),
        Value::U64(value) => format!("{:.2}", *value as f64),
        Value::F64(value) => format!("{value:.2}"),
        Value::Str(text) | Value::Json(text) => format!("{text:?}"),
    }
}

fn key_of_bucket(bucket: &Json) -> String {
    match (bucket.get("key_as_string").and_then(Json::as_str), &bucket["key"]) {
        (Some(text), _) => text.to_owned(),
        (None, Json::String(text)) => format!("{text:?}"),
        (None, number) => format!("{:.2}", number.as_f64().expect("a number")),
    }
}

fn counts(buckets: &Json) -> BTreeMap<String, u64> {
    let buckets = buckets["buckets"].as_array().expect("buckets");
    buckets
        .iter()
        .map(|bucket| (key_of_bucket(bucket), bucket["doc_count"].as_u64().expect("a count")))
        .collect()
}

fn naive_counts(records: &[Record<'static>], field: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for value in records.iter().filter_map(|record| record.get(field)) {
        *counts.entry(key_of(value)).or_default() += 1;
    }
    counts
}

fn numbers(records: &[Record<'static>], field: &str) -> Vec<f64> {
    let number = |record: &Record<'static>| match record.get(field)? {
        Value::I64(value) => Some(*value as f64),
        Value::U64(value) => Some(*value as f64),
        Value::F64(value) => Some(*value),
        Value::Str(text) => text.parse().ok(),
        Value::Bool(_) | Value::Json(_) => None,
    };
    records.iter().filter_map(number).collect()
}

fn check_aggregations(records: &[Record<'static>], answer: &Json) {
    let results = &answer["aggregations"];
    assert_eq!(counts(&results["endpoints"]), naive_counts(records, "endpoint"));
    assert_eq!(counts(&results["mixed"]), naive_counts(records, "mixed"));
    assert_eq!(results["values"]["value"], json!(numbers_and_others(records)));
    let missing = records.iter().filter(|record| record.get("endpoint").is_none()).count();
    assert_eq!(results["without"]["doc_count"], json!(missing));
    let errors = records.iter().filter(|record| record.level >= Level::Error).count();
    assert_eq!(results["errors"]["doc_count"], json!(errors));
    check_stats(&results["durations"], &numbers(records, "duration_ms"));
    check_stats(&results["numbers"], &numbers(records, "mixed"));
    let mut or_none = naive_counts(records, "mixed");
    let without = records.len() as u64 - or_none.values().sum::<u64>();
    if without > 0 {
        or_none.insert("\"none\"".to_owned(), without);
    }
    assert_eq!(counts(&results["or_none"]), or_none);
    let mut or_zero = numbers(records, "duration_ms");
    or_zero.resize(records.len(), 0.0);
    check_stats(&results["or_zero"], &or_zero);
    assert_eq!(results["distinct"]["value"], json!(naive_counts(records, "endpoint").len()));
    check_nested(records, &results["endpoints"]);
    check_ranges(records, &results["ranges"]);
}

fn numbers_and_others(records: &[Record<'static>]) -> usize {
    records.iter().filter(|record| record.get("mixed").is_some()).count()
}

fn check_stats(stats: &Json, values: &[f64]) {
    assert_eq!(stats["count"], json!(values.len()));
    if values.is_empty() {
        assert_eq!(stats["avg"], Json::Null);
        return;
    }
    let sum: f64 = values.iter().sum();
    let expected = [
        ("sum", sum),
        ("avg", sum / values.len() as f64),
        ("min", values.iter().copied().fold(f64::INFINITY, f64::min)),
        ("max", values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
    ];
    for (name, expected) in expected {
        let found = stats[name].as_f64().expect("a number");
        assert!((found - expected).abs() < 1e-6, "{name}: {found} for {expected}");
    }
}

fn check_nested(records: &[Record<'static>], endpoints: &Json) {
    for bucket in endpoints["buckets"].as_array().expect("buckets") {
        let endpoint = bucket["key"].as_str().expect("a text");
        let own: Vec<Record<'static>> = records
            .iter()
            .filter(|record| record.get_str("endpoint") == Some(endpoint))
            .cloned()
            .collect();
        check_stats(&bucket["duration"], &numbers(&own, "duration_ms"));
        let mut hours: BTreeMap<i64, u64> = BTreeMap::new();
        for record in &own {
            let hour = record.timestamp.as_micros().div_euclid(3_600 * SECOND);
            *hours.entry(hour * 3_600_000).or_default() += 1;
        }
        let buckets = bucket["by_hour"]["buckets"].as_array().expect("buckets");
        let found: BTreeMap<i64, u64> = buckets
            .iter()
            .map(|bucket| {
                let key = bucket["key"].as_i64().expect("whole milliseconds");
                let text = Timestamp::from_micros_clamped(key * 1_000).to_string();
                assert_eq!(bucket["key_as_string"], json!(text));
                (key, bucket["doc_count"].as_u64().expect("a count"))
            })
            .filter(|(_, count)| *count > 0)
            .collect();
        assert_eq!(found, hours);
    }
}

fn check_ranges(records: &[Record<'static>], ranges: &Json) {
    let values = numbers(records, "mixed");
    let below = values.iter().filter(|value| **value < 0.5).count();
    let above = values.len() - below;
    let expected =
        BTreeMap::from([("low".to_owned(), below as u64), ("high".to_owned(), above as u64)]);
    let buckets = ranges["buckets"].as_array().expect("buckets");
    let found: BTreeMap<String, u64> = buckets
        .iter()
        .map(|bucket| {
            let key = bucket["key"].as_str().expect("a text").to_owned();
            (key, bucket["doc_count"].as_u64().expect("a count"))
        })
        .collect();
    assert_eq!(found, expected);
}

fn request() -> Json {
    json!({"aggs": {
        "endpoints": {"terms": {"field": "endpoint"}, "aggs": {
            "duration": {"stats": {"field": "duration_ms"}},
            "by_hour": {"date_histogram": {"field": "timestamp", "fixed_interval": "1h"}},
        }},
        "mixed": {"terms": {"field": "mixed", "size": 100}},
        "values": {"value_count": {"field": "mixed"}},
        "without": {"missing": {"field": "endpoint"}},
        "errors": {"filter": "level:>=error"},
        "durations": {"stats": {"field": "duration_ms"}},
        "numbers": {"stats": {"field": "mixed"}},
        "or_none": {"terms": {"field": "mixed", "size": 100, "missing": "none"}},
        "or_zero": {"stats": {"field": "duration_ms", "missing": 0}},
        "distinct": {"cardinality": {"field": "endpoint"}},
        "ranges": {"range": {"field": "mixed", "ranges": [
            {"key": "low", "to": 0.5}, {"key": "high", "from": 0.5},
        ]}},
    }})
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn answers_equal_a_plain_computation_over_hot_and_sealed_partitions(
        sealed in prop::collection::vec(record(), 0..60),
        hot in prop::collection::vec(record(), 1..60),
    ) {
        runtime().block_on(async {
            let fixture = Fixture::new();
            fixture.write(&sealed).await;
            fixture.seal_closed_days();
            // Late records reopen no segment: a day has them beside the sealed records.
            let (first, second) = hot.split_at(hot.len() / 2);
            fixture.write(first).await;
            fixture.write(second).await;
            let records: Vec<Record<'static>> = sealed.iter().chain(&hot).cloned().collect();

            let answer = fixture.post_ok("/api/v1/aggregate", &request()).await;
            check_aggregations(&records, &answer);
            let answer = fixture.get_ok("/api/v1/histogram?interval=15m").await;
            check_histogram(&records, &answer);
            check_counts_by_time(&fixture, &records).await;
            // Sealed anew, all that was late is counted by the seals.
            fixture.seal_closed_days();
            let answer = fixture.get_ok("/api/v1/histogram?interval=15m").await;
            check_histogram(&records, &answer);
            check_counts_by_time(&fixture, &records).await;
            let answer = fixture.get_ok("/api/v1/fields/mixed/values?limit=100").await;
            let listed: u64 = answer["values"].as_array().expect("values").iter()
                .map(|value| value["count"].as_u64().expect("a count")).sum();
            assert_eq!(listed as usize, numbers_and_others(&records));
            let answer = fixture.get_ok("/api/v1/fields").await;
            check_fields(&records, &answer);
        });
    }
}

fn check_fields(records: &[Record<'static>], answer: &Json) {
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for record in records {
        for name in
            record.fields.iter().map(|(name, _)| name.as_ref()).chain(["timestamp", "level"])
        {
            *expected.entry(name.to_owned()).or_default() += 1;
        }
    }
    let fields = answer["fields"].as_array().expect("fields");
    let found: BTreeMap<String, u64> = fields
        .iter()
        .map(|field| {
            let name = field["name"].as_str().expect("a name").to_owned();
            (name, field["records"].as_u64().expect("a count"))
        })
        .collect();
    assert_eq!(found, expected);
}
