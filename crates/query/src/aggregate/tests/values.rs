//! Aggregations over values that one column does not hold: wide integers, long texts, numbers as
//! text, names without a column. Against a plain computation, hot and sealed.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};
use tierlog_model::{Level, Record, Value};

use super::SECOND;
use crate::http::tests::fixture::{DAY, Fixture, line};

/// A name that no column can have: its values are pairs.
const PAIRED: &str = "paired\u{2}";

fn text(value: &str) -> Value<'static> {
    Value::Str(value.to_owned().into())
}

fn long(end: &str) -> String {
    format!("{}{end}", "/api/v1/segment".repeat(12))
}

fn value() -> impl Strategy<Value = Value<'static>> {
    let wide = vec![
        676_996_931_091_701_602,
        676_996_931_091_701_603,
        9_007_199_254_740_993,
        -9_007_199_254_740_993,
        i64::MIN,
        i64::MAX,
    ];
    prop_oneof![
        4 => (-3_i64..3).prop_map(Value::I64),
        2 => select(wide).prop_map(Value::I64),
        1 => select(vec![u64::MAX, u64::MAX - 1]).prop_map(Value::U64),
        2 => select(vec![0.5, -0.25, 2.0]).prop_map(Value::F64),
        2 => select(vec!["1", "512", "2.5", "676996931091701603", "a", "true", "-"]).prop_map(text),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => select(vec![long("a"), long("b")]).prop_map(|long| Value::Str(long.into())),
    ]
}

prop_compose! {
    fn record()(
        days_ago in 0_i64..3,
        offset in 0_i64..3_600,
        group in select(vec!["x", "y"]),
        value_ in prop::option::weighted(0.8, value()),
        paired in prop::option::weighted(0.8, value()),
    ) -> Record<'static> {
        let mut fields = vec![("group", text(group))];
        fields.extend(value_.map(|value| ("value", value)));
        fields.extend(paired.map(|value| (PAIRED, value)));
        line(-days_ago * DAY - offset * SECOND, Level::Info, &fields)
    }
}

/// A number as the plain computation sees it.
#[derive(Clone, Copy, Debug)]
enum Plain {
    Integer(i128),
    Float(f64),
}

fn number(value: &Value<'_>) -> Option<Plain> {
    match value {
        Value::I64(integer) => Some(Plain::Integer((*integer).into())),
        Value::U64(integer) => Some(Plain::Integer((*integer).into())),
        Value::F64(float) => Some(Plain::Float(*float)),
        Value::Str(text) => match (text.parse(), text.parse()) {
            (Ok(integer), _) => Some(Plain::Integer(integer)),
            (_, Ok(float)) => Some(Plain::Float(float)),
            _ => None,
        },
        Value::Bool(_) | Value::Json(_) => None,
    }
}

/// A value as an answer writes its bucket.
fn key_of(value: &Value<'_>) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::I64(integer) => integer.to_string(),
        Value::U64(integer) => integer.to_string(),
        Value::F64(float) => float.to_string(),
        Value::Str(text) | Value::Json(text) => format!("{text:?}"),
    }
}

fn key_of_bucket(bucket: &Json) -> String {
    match (bucket.get("key_as_string").and_then(Json::as_str), bucket.get("key")) {
        (Some(text), _) => text.to_owned(),
        (None, Some(Json::String(text))) => format!("{text:?}"),
        (None, Some(Json::Number(number))) => number.to_string().trim_end_matches(".0").to_owned(),
        (None, key) => format!("no key: {key:?}"),
    }
}

fn counts(result: &Json) -> BTreeMap<String, u64> {
    let buckets = result.get("buckets").and_then(Json::as_array).into_iter().flatten();
    let count = |bucket: &Json| bucket.get("doc_count").and_then(Json::as_u64).unwrap_or(0);
    buckets.map(|bucket| (key_of_bucket(bucket), count(bucket))).collect()
}

fn values<'r>(records: &'r [Record<'static>], field: &str) -> Vec<&'r Value<'static>> {
    records.iter().filter_map(|record| record.get(field)).collect()
}

fn naive_counts(records: &[Record<'static>], field: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for value in values(records, field) {
        *counts.entry(key_of(value)).or_default() += 1;
    }
    counts
}

/// Compares a number of an answer: integers to the last digit.
fn assert_number(found: Option<&Json>, integers: i128, floats: f64, has_floats: bool) {
    let found = found.and_then(Json::as_number).expect("a number").to_string();
    if has_floats {
        let expected = integers as f64 + floats;
        let found: f64 = found.parse().expect("a number");
        assert!((found - expected).abs() <= expected.abs() * 1e-12, "{found} for {expected}");
    } else {
        assert_eq!(found.trim_end_matches(".0"), integers.to_string());
    }
}

fn check_stats(stats: &Json, records: &[Record<'static>], field: &str) {
    let of_field = values(records, field);
    let numbers: Vec<Plain> = of_field.iter().filter_map(|value| number(value)).collect();
    let skipped = of_field.len() - numbers.len();
    let said = stats.get("skipped").and_then(Json::as_u64).unwrap_or(0);
    assert_eq!(said as usize, skipped, "{field}: {stats}");
    assert_eq!(stats.get("count"), Some(&json!(numbers.len())), "{field}: {stats}");
    let mut integers = Vec::new();
    let mut floats: Vec<f64> = Vec::new();
    for number in numbers {
        match number {
            Plain::Integer(integer) => integers.push(integer),
            Plain::Float(float) if float.fract() == 0.0 => integers.push(float as i128),
            Plain::Float(float) => floats.push(float),
        }
    }
    if integers.is_empty() && floats.is_empty() {
        return;
    }
    let sum = floats.iter().sum();
    assert_number(stats.get("sum"), integers.iter().sum(), sum, !floats.is_empty());
    let least = floats.iter().copied().reduce(f64::min);
    match (integers.iter().min(), least) {
        (Some(integer), least) if least.is_none_or(|least| (*integer as f64) <= least) => {
            assert_number(stats.get("min"), *integer, 0.0, false);
        }
        (_, least) => assert_number(stats.get("min"), 0, least.expect("a float"), true),
    }
    let most = floats.iter().copied().reduce(f64::max);
    match (integers.iter().max(), most) {
        (Some(integer), most) if most.is_none_or(|most| (*integer as f64) >= most) => {
            assert_number(stats.get("max"), *integer, 0.0, false);
        }
        (_, most) => assert_number(stats.get("max"), 0, most.expect("a float"), true),
    }
}

fn request(field: &str) -> Json {
    json!({"aggs": {
        "terms": {"terms": {"field": field, "size": 100}},
        "by_key": {"terms": {"field": field, "size": 3, "order": {"_key": "asc"}}},
        "or_none": {"terms": {"field": field, "size": 100, "missing": "none"}},
        "only": {"terms": {"field": field, "size": 100, "include": "/api.*b|a"}},
        "groups": {"terms": {"field": "group"}, "aggs": {
            "inner": {"terms": {"field": field, "size": 100}},
            "stats": {"stats": {"field": field}},
        }},
        "stats": {"stats": {"field": field}},
        "sum": {"sum": {"field": field}},
        "or_seven": {"sum": {"field": field, "missing": 7}},
        "count": {"value_count": {"field": field}},
        "without": {"missing": {"field": field}},
        "distinct": {"cardinality": {"field": field, "precision_threshold": 100}},
        "estimated": {"cardinality": {"field": field}},
        "ranges": {"range": {"field": field, "ranges": [{"key": "low", "to": 0.5}]}},
        "steps": {"histogram": {"field": field, "interval": 1e18}},
        "half": {"percentiles": {"field": field, "percents": [50]}},
    }})
}

fn check(records: &[Record<'static>], answer: &Json, field: &str) {
    let result = |name: &str| answer.pointer(&format!("/aggregations/{name}")).expect("a result");
    let mut expected = naive_counts(records, field);
    assert_eq!(counts(result("terms")), expected, "{field}");
    let distinct = expected.len() as u64;
    assert_eq!(result("distinct"), &json!({"value": distinct, "exact": true}));
    let estimated = result("estimated");
    assert_eq!(estimated.get("exact"), Some(&json!(false)));
    assert_eq!(estimated.get("value"), Some(&json!(distinct)), "so few are hardly ever missed");
    let shown: Vec<&String> =
        expected.keys().filter(|key| key.contains("segmentb") || *key == "\"a\"").collect();
    assert_eq!(counts(result("only")).keys().collect::<Vec<_>>(), shown);
    assert_eq!(counts(result("by_key")).len(), expected.len().min(3));

    let present = values(records, field).len();
    assert_eq!(result("count").get("value"), Some(&json!(present)));
    let lacking = records.len() - present;
    assert_eq!(result("without").get("doc_count"), Some(&json!(lacking)));
    if lacking > 0 {
        expected.insert("\"none\"".to_owned(), lacking as u64);
    }
    assert_eq!(counts(result("or_none")), expected);

    check_stats(result("stats"), records, field);
    for bucket in result("groups").get("buckets").and_then(Json::as_array).expect("buckets") {
        let group = bucket.get("key").and_then(Json::as_str).expect("a text");
        let own: Vec<Record<'static>> = records
            .iter()
            .filter(|record| record.get_str("group") == Some(group))
            .cloned()
            .collect();
        check_stats(bucket.get("stats").expect("a result"), &own, field);
        assert_eq!(counts(bucket.get("inner").expect("a result")), naive_counts(&own, field));
    }
    check_numbers(records, answer, field);
}

fn check_numbers(records: &[Record<'static>], answer: &Json, field: &str) {
    let result = |name: &str| answer.pointer(&format!("/aggregations/{name}")).expect("a result");
    let float = |plain: &Plain| match plain {
        Plain::Integer(integer) => *integer as f64,
        Plain::Float(float) => *float,
    };
    let of_field = values(records, field);
    let numbers: Vec<Plain> = of_field.iter().filter_map(|value| number(value)).collect();
    let low = numbers.iter().filter(|number| float(number) < 0.5).count();
    assert_eq!(result("ranges").pointer("/buckets/0/doc_count"), Some(&json!(low)));
    let steps: u64 = counts(result("steps")).values().sum();
    assert_eq!(steps as usize, numbers.len());
    let without = records.len() - numbers.len();
    let integers: Option<Vec<i128>> = numbers
        .iter()
        .map(|number| match number {
            Plain::Integer(integer) => Some(*integer),
            Plain::Float(float) => (float.fract() == 0.0).then_some(*float as i128),
        })
        .collect();
    if let Some(integers) = integers {
        let sum = integers.iter().sum::<i128>() + 7 * without as i128;
        assert_number(result("or_seven").get("value"), sum, 0.0, false);
    }
    let skipped = of_field.len() - numbers.len();
    let warnings = answer.get("warnings").and_then(Json::as_array).into_iter().flatten();
    let said = warnings
        .filter(|warning| warning.get("code") == Some(&json!("values_left_out")))
        .filter_map(|warning| warning.get("count")?.as_u64())
        .sum::<u64>();
    assert_eq!(said as usize, skipped, "{answer}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn values_of_every_place_are_counted_and_computed_with(
        sealed in prop::collection::vec(record(), 0..40),
        hot in prop::collection::vec(record(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let fixture = Fixture::new();
            fixture.write(&sealed).await;
            fixture.seal_closed_days();
            fixture.write(&hot).await;
            let records: Vec<Record<'static>> = sealed.iter().chain(&hot).cloned().collect();
            for field in ["value", PAIRED] {
                let answer = fixture.post_ok("/api/v1/aggregate", &request(field)).await;
                check(&records, &answer, field);
            }
            fixture.seal_closed_days();
            for field in ["value", PAIRED] {
                let answer = fixture.post_ok("/api/v1/aggregate", &request(field)).await;
                check(&records, &answer, field);
            }
            let listed = fixture.get_ok("/api/v1/fields/value/values?limit=100").await;
            let listed: BTreeSet<String> = listed.get("values").and_then(Json::as_array)
                .into_iter().flatten().filter_map(|entry| entry.get("value"))
                .map(|value| match value {
                    Json::String(text) => format!("{text:?}"),
                    other => other.to_string().trim_end_matches(".0").to_owned(),
                })
                .collect();
            assert_eq!(listed, naive_counts(&records, "value").into_keys().collect());
        });
    }
}

#[tokio::test]
async fn sums_beyond_what_a_float_holds_are_exact() {
    let fixture = Fixture::new();
    let large = |number: i64| {
        line(-number, Level::Info, &[("bytes", Value::I64(9_007_199_254_740_991 - number))])
    };
    let records: Vec<Record<'static>> = (0..9).map(large).collect();
    fixture.write(&records).await;
    let request = json!({"aggs": {
        "sum": {"sum": {"field": "bytes"}},
        "most": {"max": {"field": "bytes"}},
        "levels": {"terms": {"field": "level"}, "aggs": {"stats": {"extended_stats": {"field": "bytes"}}}},
    }});
    let answer = fixture.post_ok("/api/v1/aggregate", &request).await;
    let sum: i64 = (0..9).map(|number| 9_007_199_254_740_991 - number).sum();
    assert_eq!(answer.pointer("/aggregations/sum/value"), Some(&json!(sum)));
    assert_eq!(answer.pointer("/aggregations/levels/buckets/0/stats/sum"), Some(&json!(sum)));
    let most = answer.pointer("/aggregations/most/value").and_then(Json::as_f64);
    assert_eq!(most, Some(9_007_199_254_740_991.0));
}

#[tokio::test]
async fn numbers_written_as_text_are_numbers_and_the_rest_is_said() {
    let fixture = Fixture::new();
    let bytes = |number: i64, bytes: &str| line(-number, Level::Info, &[("bytes", text(bytes))]);
    let texts = ["512", "1024", "-", "", "1e3", "0x10", "nan"];
    let records: Vec<Record<'static>> =
        texts.iter().zip(0..).map(|(text, number)| bytes(number, text)).collect();
    fixture.write(&records).await;
    let request = json!({"aggs": {
        "sum": {"sum": {"field": "bytes"}}, "avg": {"avg": {"field": "bytes"}},
        "steps": {"histogram": {"field": "bytes", "interval": 1000}},
        "half": {"percentiles": {"field": "bytes", "percents": [50], "keyed": false}},
    }});
    let answer = fixture.post_ok("/api/v1/aggregate", &request).await;
    let result = |path: &str| answer.pointer(&format!("/aggregations/{path}")).cloned();
    assert_eq!(result("sum"), Some(json!({"value": 2536.0, "skipped": 4})));
    assert_eq!(result("avg/skipped"), Some(json!(4)));
    assert_eq!(result("steps/buckets/0/doc_count"), Some(json!(1)));
    assert_eq!(result("steps/buckets/1/doc_count"), Some(json!(2)));
    assert_eq!(result("steps/skipped"), Some(json!(4)));
    let half = result("half/values/0/value").and_then(|value| value.as_f64()).expect("a number");
    assert!((990.0..1010.0).contains(&half), "{half}");
    assert_eq!(
        answer.get("warnings"),
        Some(&json!([{"code": "values_left_out", "field": "bytes", "count": 4,
            "detail": "values of \"bytes\" that are no numbers are not computed with"}])),
    );
}

#[tokio::test]
async fn a_threshold_is_honoured_or_refused() {
    let fixture = Fixture::new();
    let user = |number: i64| line(-number, Level::Info, &[("user", text(&format!("u{number}")))]);
    let records: Vec<Record<'static>> = (0..3_000).map(user).collect();
    fixture.write(&records).await;
    let distinct = |threshold: Json| {
        json!({"aggs": {
            "users": {"cardinality": {"field": "user", "precision_threshold": threshold}},
        }})
    };
    let ask = async |threshold: Json| {
        let answer = fixture.post_ok("/api/v1/aggregate", &distinct(threshold)).await;
        answer.pointer("/aggregations/users").cloned().unwrap_or_default()
    };
    for threshold in [3_000, 40_000] {
        assert_eq!(ask(json!(threshold)).await, json!({"value": 3_000, "exact": true}));
    }
    for threshold in [0, 100, 2_999] {
        let estimated = ask(json!(threshold)).await;
        assert_eq!(estimated.get("exact"), Some(&json!(false)), "{estimated}");
        assert_eq!(estimated.get("relative_error"), Some(&json!(0.023)));
        let value = estimated.get("value").and_then(Json::as_f64).expect("a number");
        assert!((2_700.0..3_300.0).contains(&value), "{value}");
    }
    for threshold in [json!(40_001), json!(-1), json!("many")] {
        let (status, problem) = fixture.post("/api/v1/aggregate", &distinct(threshold)).await;
        assert_eq!(status, 400, "{problem}");
    }
}

#[tokio::test]
async fn equal_numbers_of_integer_and_float_columns_are_one_value() {
    let fixture = Fixture::new();
    let number = |ago: i64, value| line(-ago, Level::Info, &[("value", value)]);
    // One segment has a column of floats for a float among integers, the other one of integers.
    let sealed = [number(2 * DAY, Value::F64(0.5)), number(2 * DAY, Value::I64(-1))];
    fixture.write(&sealed).await;
    fixture.seal_closed_days();
    fixture.write(&[number(0, Value::I64(-1)), number(0, Value::I64(7))]).await;
    let request = json!({"aggs": {"values": {"cardinality": {"field": "value"}}}});
    let answer = fixture.post_ok("/api/v1/aggregate", &request).await;
    assert_eq!(answer.pointer("/aggregations/values/value"), Some(&json!(3)), "{answer}");
}
