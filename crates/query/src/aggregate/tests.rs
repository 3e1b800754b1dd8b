//! Aggregations against a plain computation over the same records, hot and sealed.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tierlog_model::{Level, Record, Timestamp, Value};

use crate::http::tests::fixture::{DAY, Fixture, NOW, line, text};

const SECOND: i64 = 1_000_000;

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
        Value::Bool(_) | Value::Str(_) | Value::Json(_) => None,
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

fn check_histogram(records: &[Record<'static>], answer: &Json) {
    let width = 15 * 60 * SECOND;
    let mut expected: BTreeMap<(i64, String), u64> = BTreeMap::new();
    for record in records {
        let start = record.timestamp.as_micros().div_euclid(width) * width;
        *expected.entry((start, record.level.to_string())).or_default() += 1;
    }
    let mut found = BTreeMap::new();
    let mut next_start = None;
    for bucket in answer["buckets"].as_array().expect("buckets") {
        let start: jiff::Timestamp =
            bucket["start"].as_str().expect("a text").parse().expect("a time");
        let start = start.as_microsecond();
        assert!(next_start.is_none_or(|next| next == start), "a hole before {start}");
        next_start = Some(start + width);
        let mut total = 0;
        for (level, count) in bucket["levels"].as_object().expect("levels") {
            let count = count.as_u64().expect("a count");
            found.insert((start, level.clone()), count);
            total += count;
        }
        assert_eq!(bucket["total"], json!(total));
    }
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

/// Asks for counts by time and level in ways that our histogram answers, and in the same words
/// with an option that leaves them to the engine: both must say the same, to the letter.
async fn check_counts_by_time(fixture: &Fixture, records: &[Record<'static>]) {
    // Ranges that cut the minutes of records.
    let mut moments: Vec<Timestamp> = records.iter().map(|record| record.timestamp).collect();
    moments.sort_unstable();
    let moment = |part: usize| moments.get(moments.len() * part / 4).copied().unwrap_or_default();
    let (start, end) = (moment(1).to_string(), moment(3).to_string());
    for (q, start, end, interval) in [
        ("", None, None, "1d"),
        ("level:>=warning", None, None, "30s"),
        ("level:>=warning", Some(&start), None, "7m"),
        ("timestamp:<now", None, Some(&end), "1h"),
        ("level:info OR level:error", Some(&start), Some(&end), "3d"),
        ("endpoint:*", None, None, "7m"),
    ] {
        let request = |by: Json| {
            let time = json!({"field": "timestamp", "fixed_interval": interval});
            let mut request = json!({"q": q, "aggs": {"time": {"date_histogram": time,
                "aggs": {"level": {"terms": by}}}}});
            for (name, moment) in [("start", start), ("end", end)] {
                if let Some(moment) = moment {
                    request[name] = json!(moment);
                }
            }
            request
        };
        let ours = request(json!({"field": "level"}));
        let engines = request(json!({"field": "level", "size": 10}));
        let mut ours = fixture.post_ok("/api/v1/aggregate", &ours).await;
        let mut engines = fixture.post_ok("/api/v1/aggregate", &engines).await;
        let (ours, engines) = (ours["aggregations"].take(), engines["aggregations"].take());
        assert_eq!(ours.to_string(), engines.to_string(), "{q} {start:?} {end:?} {interval}");
        if q.is_empty() {
            let count = |bucket: &Json| bucket["doc_count"].as_u64().expect("a count");
            let buckets = ours["time"]["buckets"].as_array().expect("buckets");
            assert_eq!(buckets.iter().map(count).sum::<u64>(), records.len() as u64);
        }
    }
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
            // Late records reopen nothing: they join their day beside what is sealed.
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

async fn small() -> Fixture {
    let fixture = Fixture::new();
    let long = Value::Str("x".repeat(500).into());
    fixture
        .write(&[
            line(0, Level::Error, &[("status_code", Value::I64(500)), ("note", text("short"))]),
            line(
                -SECOND,
                Level::Info,
                &[("status_code", Value::F64(200.5)), ("note", long.clone())],
            ),
            line(-DAY, Level::Info, &[("status_code", text("teapot")), ("story", long)]),
        ])
        .await;
    fixture
}

#[tokio::test]
async fn answers_have_elasticsearch_shape_and_no_names_of_ours() {
    let fixture = small().await;
    let answer = fixture
        .post_ok(
            "/api/v1/aggregate",
            &json!({"q": "level:error", "aggs": {
                "codes": {"terms": {"field": "status_code"}},
                "newest": {"max": {"field": "@timestamp"}},
                "days": {"date_range": {"field": "timestamp", "ranges": [{"from": "now-1h"}]}},
                "per_day": {"date_histogram": {"field": "timestamp", "calendar_interval": "day"}},
                "p": {"percentiles": {"field": "status_code", "percents": [50]}},
                "users": {"cardinality": {"field": "user_id"}},
            }}),
        )
        .await;
    let mut results = answer["aggregations"].clone();
    results["p"] = Json::Null;
    expect_test::expect![[r#"
        {
          "codes": {
            "buckets": [
              {
                "key": 500,
                "doc_count": 1
              }
            ],
            "sum_other_doc_count": 0,
            "doc_count_error_upper_bound": 0
          },
          "newest": {
            "value": 1795176000000.0,
            "value_as_string": "2026-11-20T12:00:00.000000Z"
          },
          "days": {
            "buckets": [
              {
                "key": "2026-11-20T11:00:00.000000Z-*",
                "from": 1795172400000,
                "from_as_string": "2026-11-20T11:00:00.000000Z",
                "doc_count": 1
              }
            ]
          },
          "per_day": {
            "buckets": [
              {
                "key_as_string": "2026-11-20T00:00:00.000000Z",
                "key": 1795132800000,
                "doc_count": 1
              }
            ]
          },
          "p": null,
          "users": {
            "value": 0
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&results).expect("JSON"));
    assert!(!answer.to_string().contains("attributes"), "{answer}");
}

#[tokio::test]
async fn text_is_refused_or_reported() {
    let fixture = small().await;
    let terms = |field: &str| json!({"aggs": {"t": {"terms": {"field": field}}}});
    for field in ["message", "story"] {
        let (status, problem) = fixture.post("/api/v1/aggregate", &terms(field)).await;
        assert_eq!((status.as_u16(), &problem["code"]), (400, &json!("invalid_parameter")));
        assert!(problem["detail"].as_str().expect("a text").contains("text"), "{problem}");
    }
    let answer = fixture.post_ok("/api/v1/aggregate", &terms("note")).await;
    assert_eq!(answer["text_left_out"], json!(["note"]));
    let answer = fixture.post_ok("/api/v1/aggregate", &terms("nobody_has_this")).await;
    assert_eq!(answer["aggregations"]["t"]["buckets"], json!([]));
}

#[tokio::test]
async fn requests_that_cannot_be_answered_say_why() {
    let fixture = small().await;
    let day = json!({"field": "timestamp", "fixed_interval": "1d"});
    for (aggs, expected) in [
        (json!({"a": {"top_hits": {}}}), "no aggregation \"top_hits\""),
        (json!({"a": {"terms": {}}}), "\"field\" is missing"),
        (json!({"a": {"terms": {"field": "x", "script": "1"}}}), "has no option \"script\""),
        (
            json!({"a": {"avg": {"field": "x"}, "aggs": {"b": {"avg": {"field": "x"}}}}}),
            "no buckets",
        ),
        (json!({"a": {}}), "exactly one kind"),
        (json!({"a": {"terms": {"field": "x"}, "avg": {"field": "x"}}}), "exactly one kind"),
        (json!({"a": {"date_histogram": {"field": "x", "fixed_interval": "1d"}}}), "moments"),
        (json!({"a": {"date_histogram": {"field": "timestamp", "interval": "1M"}}}), "months"),
        (json!({"a": {"date_histogram": {"field": "timestamp"}}}), "exactly one interval"),
        (json!({"a": {"histogram": {"field": "x", "interval": -1}}}), "interval"),
        (json!({"a": {"histogram": {"field": "x", "interval": 1e-300}}}), "interval"),
        (json!({"a": {"filter": {"script": {}}}}), "no filter"),
        (json!({"a": {"date_histogram": day, "aggs": {"b": {"nothing": {}}}}}), "a.b"),
        (json!([1]), "object"),
    ] {
        let (status, problem) = fixture.post("/api/v1/aggregate", &json!({"aggs": aggs})).await;
        let detail = problem["detail"].as_str().expect("a text");
        assert_eq!(status.as_u16(), 400, "{aggs}: {detail}");
        assert!(detail.contains(expected), "{aggs}: {detail}");
    }
    let deep = (0..9).fold(
        json!({"avg": {"field": "x"}}),
        |inner, _| json!({"terms": {"field": "x"}, "aggs": {"n": inner}}),
    );
    let (_, problem) = fixture.post("/api/v1/aggregate", &json!({"aggs": {"n": deep}})).await;
    assert_eq!(problem["code"], json!("too_expensive"));
}

#[tokio::test]
async fn answers_that_would_be_too_large_are_refused() {
    let fixture = small().await;
    let bounds = json!({"min": 0, "max": 1e15});
    for agg in [
        json!({"date_histogram": {"field": "timestamp", "fixed_interval": "1ms"}}),
        json!({"histogram": {"field": "status_code", "interval": 1e-6}}),
        json!({"histogram": {"field": "status_code", "interval": 1, "extended_bounds": bounds}}),
        json!({"terms": {"field": "status_code", "size": 100_000}}),
        json!({"terms": {"field": "status_code", "shard_size": 4_000_000_000_u64}}),
    ] {
        let request = json!({"aggs": {"a": agg}});
        let (_, problem) = fixture.post("/api/v1/aggregate", &request).await;
        assert_eq!(problem["code"], json!("too_expensive"), "{request}: {problem}");
    }
}

#[tokio::test]
async fn ranges_come_back_as_they_were_asked() {
    let fixture = small().await;
    let ranges = json!([{"from": 300}, {"to": 200.25}, {"key": "ok", "from": 200.25, "to": 300}]);
    let range = |keyed: bool| {
        let range = json!({"field": "status_code", "ranges": ranges, "keyed": keyed});
        json!({"aggs": {"r": {"range": range}}})
    };
    let answer = fixture.post_ok("/api/v1/aggregate", &range(false)).await;
    let expected = json!([
        {"key": "300.0-*", "from": 300.0, "doc_count": 1},
        {"key": "*-200.25", "to": 200.25, "doc_count": 0},
        {"key": "ok", "from": 200.25, "to": 300.0, "doc_count": 1},
    ]);
    assert_eq!(answer["aggregations"]["r"]["buckets"], expected);
    let answer = fixture.post_ok("/api/v1/aggregate", &range(true)).await;
    let keyed = answer["aggregations"]["r"]["buckets"].as_object().expect("an object");
    let names: Vec<&str> = keyed.keys().map(String::as_str).collect();
    assert_eq!(names, ["300.0-*", "*-200.25", "ok"]);
}

#[tokio::test]
async fn a_histogram_reaches_the_ends_that_were_given() {
    let fixture = small().await;
    let answer = fixture.get_ok("/api/v1/histogram?interval=1h&start=now-3h&end=now%2B2h").await;
    let totals: Vec<u64> = answer["buckets"]
        .as_array()
        .expect("buckets")
        .iter()
        .map(|bucket| bucket["total"].as_u64().expect("a count"))
        .collect();
    assert_eq!(totals, [0, 0, 1, 1, 0]);
    assert_eq!(answer["interval_ms"], json!(3_600_000));
    let answer = fixture.get_ok("/api/v1/histogram?q=level:error").await;
    assert_eq!(answer["buckets"].as_array().map(Vec::len), Some(1));
    let (_, problem) = fixture.get("/api/v1/histogram?interval=1ms&start=now-1h&end=now").await;
    assert_eq!(problem["code"], json!("too_expensive"));
    let answer = fixture.get_ok("/api/v1/histogram?start=now-1h&end=now").await;
    assert_eq!(answer["interval_ms"], json!(60_000));
    assert_eq!(answer["buckets"].as_array().map(Vec::len), Some(60));
    assert_eq!(answer["buckets"][0]["start"], json!(moment(-3_600 * SECOND)));
}

fn moment(offset: i64) -> String {
    Timestamp::from_micros_clamped(NOW + offset).to_string()
}

#[tokio::test]
async fn pseudonyms_are_counted_as_tokens_and_included_by_plain_value() {
    let fixture = Fixture::new();
    let token = |id| fixture.pseudonyms.token("user_id", id).expect("covered");
    let records: Vec<Record<'static>> = ["1", "2", "2"]
        .into_iter()
        .map(|id| line(0, Level::Info, &[("user_id", Value::Str(token(id).into()))]))
        .collect();
    fixture.write(&records).await;
    let terms = |options: Json| json!({"aggs": {"t": {"terms": options}}});
    let request = terms(json!({"field": "user_id", "include": ["2"]}));
    let answer = fixture.post_ok("/api/v1/aggregate", &request).await;
    let expected = json!([{"key": token("2"), "doc_count": 2}]);
    assert_eq!(answer["aggregations"]["t"]["buckets"], expected);
    let request = terms(json!({"field": "user_id", "include": "2.*"}));
    let (status, problem) = fixture.post("/api/v1/aggregate", &request).await;
    assert_eq!(status.as_u16(), 400, "{problem}");
}
