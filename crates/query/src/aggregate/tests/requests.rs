//! The shape of requests and answers: what is asked in which words, what is refused and why.

use serde_json::{Value as Json, json};
use tierlog_model::{Level, Record, Value};

use super::small;
use crate::http::tests::fixture::{Fixture, line};

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
            "value": 0,
            "exact": false,
            "relative_error": 0.023
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&results).expect("JSON"));
    assert!(!answer.to_string().contains("attributes"), "{answer}");
}

#[tokio::test]
async fn words_are_refused_and_long_values_are_values() {
    let fixture = small().await;
    let terms = |field: &str| json!({"aggs": {"t": {"terms": {"field": field}}}});
    let (status, problem) = fixture.post("/api/v1/aggregate", &terms("message")).await;
    assert_eq!((status.as_u16(), &problem["code"]), (400, &json!("invalid_parameter")));
    assert!(problem["detail"].as_str().expect("a text").contains("text"), "{problem}");
    let long = "x".repeat(500);
    let counted = |key: &str| json!({"key": key, "doc_count": 1});
    let answer = fixture.post_ok("/api/v1/aggregate", &terms("story")).await;
    assert_eq!(answer["aggregations"]["t"]["buckets"], json!([counted(&long)]));
    let answer = fixture.post_ok("/api/v1/aggregate", &terms("note")).await;
    let buckets = answer["aggregations"]["t"]["buckets"].as_array().expect("buckets");
    assert!(buckets.contains(&counted("short")) && buckets.contains(&counted(&long)), "{answer}");
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
async fn pseudonyms_are_counted_as_tokens_and_included_by_plain_value() {
    let fixture = Fixture::new();
    let token = |id| fixture.pseudonyms.token_in("user_id", id).expect("covered");
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
