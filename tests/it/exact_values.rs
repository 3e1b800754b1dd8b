//! Values stay what was sent: every digit of an integer, every byte of a long text, numbers that
//! were written as text. Over HTTP and the command line, hot and sealed.

use serde_json::{Value, json};

use crate::harness::{Home, Server, line};

const DAY: &str = "2026-01-05";

/// Retention keeps these days, and the test asks for sealing.
const KEEP: [&str; 2] = ["store.tiers.info.days=36500", "store.seal_grace=1h"];

fn lines() -> String {
    let path = format!("/api/v1/{}", "part/".repeat(40));
    let values = [
        json!({"id": 676_996_931_091_701_602_i64, "bytes": "512"}),
        json!({"id": 676_996_931_091_701_603_i64, "bytes": 1024}),
        json!({"id": 0.5, "bytes": "-"}),
        json!({"id": u64::MAX, "bytes": "2.5"}),
        json!({"id": i64::MIN, "bytes": false}),
        json!({"target": format!("{path}end")}),
        json!({"target": format!("{path}other")}),
        json!({"target": "/api/v1/short"}),
    ];
    let record = |(number, value): (usize, &Value)| {
        let mut record = value.clone();
        if let Value::Object(fields) = &mut record {
            fields.insert("timestamp".to_owned(), json!(format!("{DAY}T12:00:{number:02}Z")));
        }
        line(&record)
    };
    values.iter().enumerate().map(record).collect()
}

fn check_counts(server: &Server<'_>) {
    let counts = [
        ("id:676996931091701602", 1),
        ("id:676996931091701603", 1),
        ("id:>676996931091701602", 2),
        ("id:[0 TO 1]", 1),
        ("id:18446744073709551615", 1),
        ("id:<0", 1),
        ("bytes:[512 TO 1024]", 2),
        ("target:/api/v1/*", 3),
        ("target:/api", 0),
        ("target:/end$/", 1),
        ("target:*other", 1),
        ("target:*", 3),
    ];
    for (query, count) in counts {
        assert_eq!(server.count(query), count, "{query}");
    }
    let long = format!("/api/v1/{}end", "part/".repeat(40));
    assert_eq!(server.count(&format!("target:\"{long}\"")), 1);
    let exported = server.export("id:676996931091701603");
    let shown = exported.first().expect("found above").get("id").map(Value::to_string);
    assert_eq!(shown.as_deref(), Some("676996931091701603"));
}

fn check_figures(server: &Server<'_>) {
    let aggs = json!({"aggs": {
        "ids": {"terms": {"field": "id"}},
        "id": {"stats": {"field": "id"}},
        "bytes": {"sum": {"field": "bytes"}},
        "targets": {"terms": {"field": "target"}},
        "distinct": {"cardinality": {"field": "target", "precision_threshold": 10}},
    }});
    let url = server.query("/api/v1/aggregate");
    let headers = [("content-type", "application/json")];
    let answer = server.http().post(&url, aggs.to_string().as_bytes(), &headers).json();
    let at = |path: &str| answer.pointer(&format!("/aggregations/{path}")).cloned();
    let keys = |name: &str| -> Vec<String> {
        let buckets = at(&format!("{name}/buckets")).unwrap_or_default();
        let buckets = buckets.as_array().cloned().unwrap_or_default();
        let mut keys: Vec<String> =
            buckets.iter().filter_map(|bucket| Some(bucket.get("key")?.to_string())).collect();
        keys.sort_unstable();
        keys
    };
    let ids = [
        "-9223372036854775808",
        "0.5",
        "18446744073709551615",
        "676996931091701602",
        "676996931091701603",
    ];
    assert_eq!(keys("ids"), ids, "{answer}");
    assert_eq!(at("id/min").map(|min| min.to_string()).as_deref(), Some(ids[0]), "{answer}");
    assert_eq!(at("id/max").map(|max| max.to_string()).as_deref(), Some(ids[2]), "{answer}");
    assert_eq!(at("bytes"), Some(json!({"value": 1538.5, "skipped": 2})), "{answer}");
    assert_eq!(keys("targets").len(), 3, "{answer}");
    assert_eq!(at("distinct"), Some(json!({"value": 3, "exact": true})), "{answer}");
    let warnings = answer.get("warnings").and_then(Value::as_array).expect("warnings");
    let left_out = warnings.iter().find(|warning| warning.get("field") == Some(&json!("bytes")));
    let left_out = left_out.expect("a warning");
    assert_eq!(left_out.get("code"), Some(&json!("values_left_out")));
    assert_eq!(left_out.get("count"), Some(&json!(2)));
}

#[test]
fn values_are_exact_in_every_answer() {
    let home = Home::with(&KEEP);
    let server = home.start();
    server.store(&lines());
    check_counts(&server);
    check_figures(&server);
    let told = server.run(&["stats", "--metric", "sum(bytes)"]);
    assert!(told.stdout.contains("1538.5") || told.stdout.contains("1,538.5"), "{}", told.stdout);
    assert!(told.stderr.contains("no numbers"), "{}", told.stderr);

    let confirmed = [("tierlog-confirm", "yes")];
    let compact = server.query("/api/v1/compact?scope=closed_days");
    assert_eq!(server.http().post(&compact, b"", &confirmed).status, 200);
    check_counts(&server);
    check_figures(&server);
}
