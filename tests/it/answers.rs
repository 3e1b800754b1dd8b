//! What the query API answers: timelines, counts in several ways that must agree, and errors.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Home, Server, ago, line, wait_until};

/// Every level, least severe first.
const LEVELS: [&str; 5] = ["debug", "info", "warning", "error", "critical"];

/// Stores the lines of one request in several tiers and services, newest first, and one line of
/// another request between them.
fn store_request(server: &Server<'_>) {
    let lines: String = [
        (40, "error", "payments", "card refused"),
        (30, "warning", "shop", "retrying payment"),
        (20, "info", "shop", "order placed"),
        (10, "debug", "shop", "session read"),
    ]
    .iter()
    .map(|(second, level, service, message)| {
        line(&json!({
            "timestamp": ago(Duration::from_secs(3_600 - second)).to_string(), "level": level,
            "service": service, "message": message, "request_id": "req-a",
        }))
    })
    .collect();
    let other = line(&json!({"message": "other", "request_id": "req-b", "level": "error"}));
    server.store(&(lines + &other));
}

#[test]
fn a_request_is_shown_whole_oldest_first_with_the_state_of_every_level() {
    let home = Home::new();
    let server = home.start();
    store_request(&server);
    let answer = server.http().get(&server.query("/api/v1/requests/req-a")).json();
    let records = answer["records"].as_array().expect("records");
    let messages: Vec<&str> = records.iter().filter_map(|hit| hit["message"].as_str()).collect();
    assert_eq!(messages, ["session read", "order placed", "retrying payment", "card refused"]);
    let mut services: Vec<&str> =
        answer["services"].as_array().expect("services").iter().filter_map(Value::as_str).collect();
    services.sort_unstable();
    assert_eq!(services, ["payments", "shop"]);
    let duration = answer["duration_ms"].as_f64().expect("a number");
    assert!((29_000.0..31_000.0).contains(&duration), "{duration}");
    for (level, count, state) in [
        ("debug", 1, "present"),
        ("info", 1, "present"),
        ("warning", 1, "present"),
        ("error", 1, "present"),
        ("critical", 0, "none"),
    ] {
        let found = &answer["levels"][level];
        assert_eq!((&found["count"], &found["state"]), (&json!(count), &json!(state)), "{level}");
    }
    let nobody = server.http().get(&server.query("/api/v1/requests/req-none"));
    assert_eq!(nobody.status, 200);
    assert_eq!(nobody.json()["records"], json!([]));
}

#[test]
fn histogram_counts_aggregation_and_export_agree() {
    let home = Home::new();
    let server = home.start();
    let lines: String = (0..2_000_u64)
        .map(|number| {
            line(&json!({
                "timestamp": ago(Duration::from_secs(number * 7)).to_string(),
                "level": LEVELS[number as usize % LEVELS.len()],
                "message": "counted", "endpoint": format!("e{}", number % 3),
                "duration_ms": number,
            }))
        })
        .collect();
    server.store(&lines);

    let histogram = server.http().get(&server.query("/api/v1/histogram?interval=10m")).json();
    assert_eq!(histogram["interval_ms"], 600_000);
    let buckets = histogram["buckets"].as_array().expect("buckets");
    let sum = |level: &str| -> u64 {
        buckets.iter().filter_map(|bucket| bucket["levels"][level].as_u64()).sum()
    };
    let total: u64 = buckets.iter().filter_map(|bucket| bucket["total"].as_u64()).sum();
    assert_eq!(total, 2_000, "{histogram}");
    for level in LEVELS {
        assert_eq!(sum(level), server.count(&format!("level:{level}")), "{level}");
    }

    let aggregate = json!({"q": "", "aggs": {
        "endpoints": {"terms": {"field": "endpoint"}, "aggs": {"mean": {"avg": {"field": "duration_ms"}}}},
        "slowest": {"max": {"field": "duration_ms"}},
    }});
    let answer = server.http().post_json(&server.query("/api/v1/aggregate"), &aggregate);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let aggregations = &answer.json()["aggregations"];
    assert_eq!(aggregations["slowest"]["value"], 1_999.0);
    for bucket in aggregations["endpoints"]["buckets"].as_array().expect("buckets") {
        let key = bucket["key"].as_str().expect("a key");
        let count = server.count(&format!("endpoint:{key}"));
        assert_eq!(bucket["doc_count"], count, "{bucket}");
        let hits = server.hits(&format!("endpoint:{key}"));
        let sum: f64 = hits.iter().filter_map(|hit| hit["duration_ms"].as_f64()).sum();
        let mean = bucket["mean"]["value"].as_f64().expect("a number");
        assert!((mean - sum / count as f64).abs() < 1e-6, "{bucket}");
    }
    assert_eq!(server.export("level:error").len() as u64, server.count("level:error"));
    let values = server.http().get(&server.query("/api/v1/fields/endpoint/values")).json();
    let counted: u64 = values["values"]
        .as_array()
        .expect("values")
        .iter()
        .filter_map(|value| value["count"].as_u64())
        .sum();
    assert_eq!(counted + values["other"].as_u64().unwrap_or(0), 2_000, "{values}");
}

#[test]
fn a_cursor_reaches_every_hit_once() {
    let home = Home::new();
    let server = home.start();
    // Many lines of the same moment: the cursor must not skip or repeat any.
    let moment = ago(Duration::from_secs(60)).to_string();
    let lines: String = (0..250_u64)
        .map(|number| line(&json!({"timestamp": moment, "message": "same", "number": number})))
        .collect();
    server.store(&lines);
    let mut numbers = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let page = server.search(&json!({"q": "message:same", "limit": 40, "cursor": cursor}));
        let hits = page["hits"].as_array().expect("hits");
        numbers.extend(hits.iter().filter_map(|hit| hit["number"].as_u64()));
        cursor = page["cursor"].clone();
        if cursor.is_null() || hits.is_empty() {
            break;
        }
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..250).collect::<Vec<_>>());
}

#[test]
fn errors_are_problems_with_a_code() {
    let home = Home::new();
    let server = home.start();
    let deep = format!("{}a{}", "(".repeat(40), ")".repeat(40));
    for (parameters, status, code) in [
        (json!({"q": "level:error AND ("}), 400, "query_syntax"),
        (json!({"q": deep}), 400, "too_expensive"),
        (json!({"q": "a".repeat(20_000)}), 400, "too_expensive"),
        (json!({"limit": 1_000_000}), 400, "invalid_parameter"),
        (json!({"strat": "now-1h"}), 400, "invalid_parameter"),
        (json!({"start": "the day before"}), 400, "invalid_parameter"),
        (json!({"cursor": "forged"}), 400, "invalid_cursor"),
    ] {
        let answer = server.http().post_json(&server.query("/api/v1/search"), &parameters);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem = answer.json();
        assert_eq!((answer.status, &problem["code"]), (status, &json!(code)), "{problem}");
        assert_eq!(problem["status"], status);
    }
    let missing = server.http().get(&server.query("/api/v1/nothing"));
    assert_eq!((missing.status, &missing.json()["code"]), (404, &json!("not_found")));
}

#[test]
fn an_expired_level_is_said_to_be_expired() {
    let home = Home::new();
    let server = home.start();
    store_request(&server);
    let start = ago(Duration::from_secs(86_400 * 60)).to_string();
    let answer = server.search(&json!({"q": "", "start": start}));
    let expired = answer["expired"].to_string();
    assert!(expired.contains("debug") && expired.contains("info"), "{expired}");
    assert!(!expired.contains("error"), "{expired}");
    assert_eq!(server.search(&json!({"q": "level:error", "start": start}))["expired"], json!([]));
}

#[test]
fn a_tail_shows_lines_as_they_become_durable() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let home = Home::new();
    let server = home.start();
    let mut stream = std::net::TcpStream::connect(server.address("query")).expect("a connection");
    stream.set_read_timeout(Some(crate::harness::DEADLINE)).expect("a timeout");
    let request = "GET /api/v1/tail?q=level:error HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("a request");
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.next().is_some_and(|status| status.contains("200")));
    // The tail is open when its head is complete.
    lines.find(|line| line.is_empty()).expect("the end of the head");
    let both = line(&json!({"level": "info", "message": "not this"}))
        + &line(&json!({"level": "error", "message": "but this"}));
    assert_eq!(server.post_lines(both.as_bytes(), &[]).status, 200);
    let data = lines.find_map(|line| line.strip_prefix("data:").map(str::to_owned));
    let event: Value = serde_json::from_str(data.expect("an event").trim()).expect("JSON");
    assert_eq!(event["message"], "but this", "{event}");
}

#[test]
fn a_record_can_be_found_within_a_second_of_its_ack() {
    let home = Home::with(&["store.commit_interval=500ms"]);
    let server = home.start();
    server.store(&line(&json!({"message": "warm"})));
    let acked = server.post_lines(line(&json!({"message": "quick"})).as_bytes(), &[]);
    assert_eq!(acked.status, 200);
    let since = std::time::Instant::now();
    wait_until("the record", || (server.count("message:quick") == 1).then_some(()));
    // Five times the promise: the machine that runs the tests is busy with others of them.
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
}
