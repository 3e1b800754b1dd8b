//! What queries hold, as the allocator counts it: shapes that would take gigabytes are refused by
//! name, alone and together, the memory comes back, and ordinary queries are answered meanwhile.

use std::io::Write as _;
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::harness::{DEADLINE, Home, Server, line, wait_until};
use crate::hostile::metric;

/// The peak allowed in the tests: half of the memory that a single shape took before.
const PEAK_BYTES_MAX: u64 = 768 << 20;

/// Records of the store: enough that eight nested terms take most of a gigabyte.
const RECORDS: u64 = 40_000;

/// Fields with few values and with as many as there are records.
const FIELDS: [&str; 8] =
    ["level", "service", "endpoint", "shard", "colour", "user_id", "request_id", "tags"];

fn store_records(server: &Server<'_>) {
    let levels = ["debug", "info", "warning", "error"];
    for start in (0..RECORDS).step_by(10_000) {
        let lines = (start..start + 10_000).map(|number| {
            line(&json!({
                "level": levels.get(number as usize % levels.len()),
                "message": format!("work {number} is done"),
                "service": format!("service-{}", number % 12),
                "endpoint": format!("/api/{}", number * 7 % 200),
                "shard": number * 11 % 1_000,
                "colour": format!("colour {}", number * 13 % 997),
                "user_id": number * 17 % 9_973,
                "request_id": format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                "tags": [number % 7, number % 11, number % 13],
                "duration_ms": number % 1_733,
            }))
        });
        server.store(&lines.collect::<String>());
    }
    server.await_count("", RECORDS);
}

/// Nests buckets of one kind over fields, the last with what is given inside.
fn nested(fields: &[&str], kind: &str, options: &Value, inside: Value) -> Value {
    fields.iter().rev().enumerate().fold(inside, |inside, (depth, field)| {
        let mut body = options.as_object().cloned().expect("options");
        body.insert("field".to_owned(), json!(field));
        let aggregation = match inside {
            Value::Null => json!({ kind: body }),
            inside => json!({ kind: body, "aggs": inside }),
        };
        json!({ format!("at{depth}"): aggregation })
    })
}

/// Asks, and returns the status and the code of a refusal.
fn ask(server: &Server<'_>, aggs: &Value) -> (u16, String) {
    let answer = server
        .http()
        .post_json(&server.query("/api/v1/aggregate"), &json!({"aggs": aggs, "timeout": "30s"}));
    let code = match answer.status {
        200 => String::new(),
        _ => {
            let refusal = answer.json();
            let code = refusal.get("code").and_then(Value::as_str).expect("a code");
            code.to_owned()
        }
    };
    (answer.status, code)
}

/// Everything that was lent is given back, and an ordinary aggregation is answered.
#[track_caller]
fn assert_memory_is_back(server: &Server<'_>) {
    for part in ["aggregations", "hits"] {
        let labels = format!("part=\"{part}\"");
        wait_until("the memory to be given back", || {
            (metric(server, "tierlog_memory_used_bytes", &labels) == 0).then_some(())
        });
    }
    let ordinary = nested(&["service", "level"], "terms", &json!({}), Value::Null);
    assert_eq!(ask(server, &ordinary).0, 200);
    let peak = server.peak_resident_bytes();
    assert!(peak < PEAK_BYTES_MAX, "{peak} bytes were held");
}

#[test]
fn eight_nested_terms_are_refused_alone_and_beside_each_other() {
    let home = Home::new();
    let server = home.start();
    store_records(&server);
    let eight = nested(&FIELDS, "terms", &json!({"size": 1_000}), Value::Null);
    let alone = ask(&server, &eight);
    assert_eq!(alone, (400, "too_expensive".to_owned()));
    assert_memory_is_back(&server);
    let together: Vec<(u16, String)> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..4).map(|_| scope.spawn(|| ask(&server, &eight))).collect();
        asked.into_iter().map(|asked| asked.join().expect("an answer")).collect()
    });
    for (status, code) in together {
        let refused = (status, code.as_str());
        assert!(matches!(refused, (400, "too_expensive") | (429, "busy")), "{refused:?}");
    }
    assert!(metric(&server, "tierlog_memory_refusals_total", "part=\"aggregations\"") >= 5);
    assert_memory_is_back(&server);
}

/// A few bits by seed.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn thirty_random_aggregations_are_answered_or_refused_by_name() {
    const SEED: u64 = 12;
    let home = Home::new();
    let server = home.start();
    store_records(&server);
    let mut seeded = Seeded(SEED);
    let inner = [
        Value::Null,
        json!({"p": {"percentiles": {"field": "duration_ms"}}}),
        json!({"c": {"cardinality": {"field": "request_id"}}}),
        json!({"s": {"extended_stats": {"field": "duration_ms"}}}),
        json!({"h": {"histogram": {"field": "duration_ms", "interval": 1}}}),
        json!({"r": {"range": {"field": "shard", "ranges":
            (0..200).map(|from| json!({"from": from, "to": from + 1})).collect::<Vec<_>>()}}}),
    ];
    let mut answered = 0;
    for round in 0..30 {
        let depth = 1 + seeded.below(6);
        let fields: Vec<&str> = (0..depth).map(|_| FIELDS[seeded.below(FIELDS.len())]).collect();
        let size = [10, 1_000, 50_000][seeded.below(3)];
        let options = json!({ "size": size });
        let aggs = nested(&fields, "terms", &options, inner[seeded.below(inner.len())].clone());
        let (status, code) = ask(&server, &aggs);
        let allowed = matches!(
            (status, code.as_str()),
            (200, "") | (400, "too_expensive") | (408, "deadline") | (429, "busy")
        );
        assert!(allowed, "round {round} of seed {SEED}: {status} {code} for {aggs}");
        answered += u32::from(status == 200);
    }
    assert!(answered > 0, "nothing was answered");
    assert_memory_is_back(&server);
}

#[test]
fn clients_that_do_not_read_large_answers_hold_the_bound_and_no_more() {
    const READERS: usize = 8;
    let home = Home::with(&["ingest.limits.line_max=1MiB"]);
    let server = home.start();
    let text = "a long line ".repeat(50_000);
    for start in (0..90).step_by(15) {
        let lines = (start..start + 15).map(|wide| line(&json!({"message": text, "wide": wide})));
        server.store(&lines.collect::<String>());
    }
    server.await_count("", 90);
    let answered = || metric(&server, "tierlog_query_seconds_count", "path=\"/api/v1/search\"");
    let before = answered();
    let readers: Vec<TcpStream> = (0..READERS)
        .map(|_| {
            let mut reader = TcpStream::connect(server.address("query")).expect("a server");
            reader.set_read_timeout(Some(DEADLINE)).expect("a timeout");
            let request = "GET /api/v1/search?limit=10000 HTTP/1.1\r\nhost: localhost\r\n\r\n";
            reader.write_all(request.as_bytes()).expect("a request");
            reader
        })
        .collect();
    wait_until("the searches to be done", || (answered() >= before + READERS as u64).then_some(()));
    let limit = metric(&server, "tierlog_memory_limit_bytes", "part=\"answers\"");
    let used = metric(&server, "tierlog_memory_used_bytes", "part=\"answers\"");
    assert!(used > 0 && used <= limit, "{used} of {limit} bytes are lent");
    assert!(metric(&server, "tierlog_memory_refusals_total", "part=\"answers\"") > 0);
    let small = server.http().get(&server.query("/api/v1/search?limit=0"));
    assert_eq!(small.status, 200, "small answers pass: {}", small.text());
    let peak = server.peak_resident_bytes();
    assert!(peak < PEAK_BYTES_MAX, "{peak} bytes were held");
    drop(readers);
    wait_until("the answers to be given up", || {
        (metric(&server, "tierlog_memory_used_bytes", "part=\"answers\"") == 0).then_some(())
    });
}

#[test]
fn a_query_may_be_as_long_as_its_bound_says() {
    let home = Home::new();
    let server = home.start();
    server.store(&line(&json!({"message": "one", "service": "shop"})));
    server.await_count("", 1);
    let ask = |bytes: usize| {
        let names: Vec<String> = (0..bytes / 100).map(|number| format!("{number:097}")).collect();
        let aggs = json!({"s": {"terms": {"field": "service", "exclude": names}}});
        let url = server.query("/api/v1/aggregate");
        server.http().post_json(&url, &json!({ "aggs": aggs }))
    };
    let answer = ask(1_000_000);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["aggregations"]["s"]["buckets"][0]["key"], "shop");
    let refused = ask(1_100_000);
    assert_eq!((refused.status, refused.json()["code"].as_str()), (413, Some("too_large")));
}
