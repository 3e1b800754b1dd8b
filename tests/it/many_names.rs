//! A day with more field names than columns: the contract's fields and every further name are
//! found, listed, counted and shown as any other, hot, sealed and after a kill.

use serde_json::{Map, Value, json};

use crate::harness::{Home, Server, line, wait_until};

const DAY: &str = "2026-01-05";

/// Retention keeps these days, and the test asks for sealing.
const KEEP: [&str; 3] =
    ["store.tiers.info.days=36500", "store.seal_grace=1h", "redaction.pseudonyms.fields=[]"];

/// Three lines with 2,000 names between them, as of a sender that uses ids as keys.
fn hostile() -> String {
    let named = |line_number: usize| {
        let mut record = Map::new();
        record.insert("timestamp".to_owned(), json!(format!("{DAY}T00:00:0{line_number}Z")));
        let numbers = 0..700_usize;
        let keys =
            numbers.map(|number| (format!("k{}", line_number * 700 + number), json!(number)));
        record.extend(keys);
        line(&Value::Object(record))
    };
    (0..3).map(named).collect()
}

/// Ordinary lines of another application, later on the same day.
fn ordinary(part: &str) -> String {
    let path = format!("/api/v1/{}", "segment/".repeat(30));
    let record = |number: usize| {
        line(&json!({
            "timestamp": format!("{DAY}T12:00:{number:02}Z"), "message": format!("{part} {number}"),
            "service": "shop", "request_id": format!("{part}-{number}"), "user_id": 42,
            "status_code": 200 + number, "cart.size": number, "cart.total": 0.5 + number as f64,
            "order_id": 676_996_931_091_701_600_i64 + number as i64, "vip": number == 1,
            "coupon": format!("c{}", number % 3), "referrer": format!("{path}{number}"),
            "items": [{"sku": format!("s{number}")}, number],
        }))
    };
    (0..10).map(record).collect()
}

fn check(server: &Server<'_>, parts: usize) {
    let counts = [
        ("request_id:first-3", 1),
        ("service:shop", 10 * parts),
        ("user_id:42", 10 * parts),
        ("status_code:[200 TO 204]", 5 * parts),
        ("cart.size:7", parts),
        ("cart.size:>=7", 3 * parts),
        ("cart.total:[0 TO 1.5]", 2 * parts),
        ("cart.size:*", 10 * parts),
        ("order_id:676996931091701602", parts),
        ("order_id:<676996931091701602", 2 * parts),
        ("vip:true", parts),
        ("coupon:c1", 3 * parts),
        ("coupon:IN [c1 c2]", 6 * parts),
        ("coupon:/[02]$/", 7 * parts),
        ("referrer:/api/v1/segment*", 10 * parts),
        ("referrer:*segment/7", parts),
        ("items.sku:s4", parts),
        ("items:4", parts),
        ("NOT coupon:*", 3),
        ("k7:7", 1),
        ("k2099:699", 1),
    ];
    for (query, count) in counts {
        assert_eq!(server.count(query), count as u64, "{query}");
    }
    let request = server.query("/api/v1/requests/first-3");
    let request = server.http().get(&request).json();
    let records = request.get("records").and_then(Value::as_array);
    assert_eq!(records.map(Vec::len), Some(1), "{request}");
    let shown = server.export("request_id:first-3");
    let record = shown.first().expect("found above");
    assert_eq!(record["cart.total"], 3.5, "{record}");
    assert_eq!(record["order_id"], 676_996_931_091_701_603_i64, "{record}");
    assert_eq!(record["items"], json!([{"sku": "s3"}, 3]), "{record}");
    assert_eq!(record["vip"], false, "{record}");
    assert!(record.get("_overflow").is_none(), "{record}");
}

/// Aggregations over names that have no column.
fn check_figures(server: &Server<'_>) {
    let aggs = json!({"aggs": {
        "sizes": {"sum": {"field": "cart.size"}},
        "totals": {"avg": {"field": "cart.total"}},
        "orders": {"max": {"field": "order_id"}},
        "coupons": {"terms": {"field": "coupon"}, "aggs": {"sizes": {"sum": {"field": "cart.size"}}}},
    }});
    let headers = [("content-type", "application/json")];
    let url = server.query("/api/v1/aggregate");
    let answer = server.http().post(&url, aggs.to_string().as_bytes(), &headers).json();
    let at = |path: &str| answer.pointer(&format!("/aggregations/{path}")).cloned();
    assert_eq!(at("sizes/value"), Some(json!(90.0)), "{answer}");
    assert_eq!(at("totals/value"), Some(json!(5.0)), "{answer}");
    assert_eq!(at("orders/value"), Some(json!(676_996_931_091_701_609_i64)), "{answer}");
    assert_eq!(at("coupons/buckets/0/key"), Some(json!("c0")), "{answer}");
    assert_eq!(at("coupons/buckets/0/doc_count"), Some(json!(8)), "{answer}");
    assert_eq!(at("coupons/buckets/0/sizes/value"), Some(json!(36.0)), "{answer}");
}

fn field<'f>(fields: &'f Value, name: &str) -> &'f Value {
    let fields = fields["fields"].as_array().expect("fields");
    fields.iter().find(|field| field["name"] == name).unwrap_or(&Value::Null)
}

#[test]
fn names_beyond_the_bound_are_found_listed_and_shown() {
    let home = Home::with(&KEEP);
    let server = home.start();
    server.store(&hostile());
    server.store(&ordinary("first"));
    check(&server, 1);
    // What was acknowledged and not committed is replayed into the same names.
    server.kill();
    let server = home.start_with(&["store.commit_interval=1m"]);
    let late = server.post_lines(ordinary("second").as_bytes(), &[]);
    assert_eq!(late.json()["accepted"], 10);
    server.kill();
    let server = home.start();
    wait_until("the records of the log", || (server.count("second") == 10).then_some(()));
    check(&server, 2);

    let fields = server.http().get(&server.query("/api/v1/fields")).json();
    assert_eq!(field(&fields, "cart.size")["records"], 20, "{fields}");
    assert_eq!(field(&fields, "cart.size")["types"], json!(["integer"]));
    assert_eq!(field(&fields, "cart.size")["paired"], true);
    assert_eq!(field(&fields, "referrer")["records"], 20);
    assert_eq!(field(&fields, "items.sku")["records"], 20);
    assert_eq!(field(&fields, "request_id")["paired"], Value::Null);
    assert_eq!(field(&fields, "k7")["paired"], Value::Null);
    check_figures(&server);

    let health = server.http().get(&server.query("/health")).json();
    assert_eq!(health["many_names"][0]["partition"], format!("default/info/{DAY}"), "{health}");
    let values = health["many_names"][0]["values"].as_u64().expect("a count");
    assert!(values > 100, "{health}");
    let metrics = server.http().get(&server.query("/metrics")).text();
    assert!(metrics.contains("tierlog_paired_values_total{tier=\"info\"}"), "{metrics}");

    let confirmed = [("tierlog-confirm", "yes")];
    let compact = server.query("/api/v1/compact?scope=closed_days");
    assert_eq!(server.http().post(&compact, b"", &confirmed).status, 200);
    check(&server, 2);
    let sealed = server.http().get(&server.query("/health")).json();
    assert_eq!(sealed["many_names"], health["many_names"]);
    // A late day takes further records beside what is sealed.
    server.store(&ordinary("third"));
    check(&server, 3);
}
