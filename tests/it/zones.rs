//! Times that name no zone, and level words that nobody knows: read as configured, noticed, said.

use std::time::Duration;

use serde_json::{Value, json};
use tierlog_model::Timestamp;

use crate::harness::{Home, Server, ago, from_now, line};

const HOUR: Duration = Duration::from_secs(3_600);

/// Returns a moment as Python's `asctime` writes it, without a zone.
fn asctime(moment: Timestamp) -> String {
    moment.to_string().replace('T', " ").replace('.', ",").get(..23).expect("a time").to_owned()
}

/// Stores lines of a service, one a second until now by a clock that is ahead or behind.
fn store_lines(server: &Server<'_>, service: &str, count: u64, time: impl Fn(Duration) -> String) {
    let lines: String = (0..count)
        .map(|number| {
            let time = time(Duration::from_millis(10 * (count - number)));
            line(&json!({"asctime": time, "levelname": "INFO", "service": service, "host": "h-1",
                "message": "zoned", "number": number}))
        })
        .collect();
    server.store(&lines);
}

fn health(server: &Server<'_>) -> Value {
    server.http().get(&server.query("/health")).json()
}

#[test]
fn a_service_has_a_zone_of_its_own() {
    let home = Home::with(&["ingest.time.service_zones=[\"lms=Asia/Tokyo\"]"]);
    let server = home.start();
    // Noon in Tokyo is three in the morning in UTC.
    let today = ago(2 * 24 * HOUR).to_string();
    let day = today.get(..10).expect("a day");
    for (service, time) in [
        ("lms", format!("{day} 12:00:00,500")),
        ("shop", format!("{day} 12:00:00,500")),
        ("lms", format!("{day}T12:00:00.500Z")),
    ] {
        let members = json!({"asctime": time, "service": service, "message": "noon"});
        server.store(&line(&members));
    }
    let times = |q: &str| -> Vec<String> {
        let hits = server.hits(q);
        let mut times: Vec<String> =
            hits.iter().filter_map(|hit| Some(hit["timestamp"].as_str()?.to_owned())).collect();
        times.sort_unstable();
        times
    };
    let at = |hour: &str| format!("{day}T{hour}:00:00.500000Z");
    assert_eq!(times("service:lms"), [at("03"), at("12")]);
    assert_eq!(times("service:shop"), [at("12")]);
}

#[test]
fn a_stream_in_another_zone_is_said_with_the_setting_that_mends_it() {
    let home = Home::new();
    let server = home.start();
    store_lines(&server, "berlin", 40, |age| asctime(from_now(HOUR * 2 - age)));
    store_lines(&server, "york", 40, |age| asctime(ago(HOUR * 5 + age)));
    store_lines(&server, "right", 40, |age| asctime(ago(age)));
    store_lines(&server, "exact", 40, |age| ago(HOUR * 2 + age).to_string());
    store_lines(&server, "few", 5, |age| asctime(ago(HOUR + age)));
    // A file of old lines: some of them are off by a whole number of quarter hours.
    store_lines(&server, "file", 400, |age| asctime(ago(20 * HOUR + age * 1_000)));
    let health = health(&server);
    let clocks: Vec<(&str, i64, u64)> = health["ingest"]["shifted_clocks"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|clock| {
            let service = clock["service"].as_str().expect("a service");
            let ahead = clock["ahead_minutes"].as_i64().expect("minutes");
            (service, ahead, clock["records"].as_u64().expect("records"))
        })
        .collect();
    assert_eq!(clocks, [("berlin", 120, 40), ("york", -300, 40)], "{health}");
    assert_eq!(health["status"], "ok");
    let notices = health["notices"].to_string();
    for part in [
        "times without a zone of service berlin on host h-1 are read 2:00 hours ahead of",
        "service york on host h-1 are read 5:00 hours behind their arrival",
        "ingest.time.service_zones",
    ] {
        assert!(notices.contains(part), "{notices}");
    }
    let metrics = server.http().get(&server.query("/metrics")).text();
    assert!(metrics.contains("\ntierlog_ingest_shifted_clocks 2\n"), "{metrics}");
}

#[test]
fn unknown_levels_are_counted_by_word_and_redacted() {
    let home = Home::new();
    let server = home.start();
    let metric = |server: &Server<'_>| {
        let metrics = server.http().get(&server.query("/metrics")).text();
        let value = metrics.lines().find_map(|line| {
            line.strip_prefix("tierlog_ingest_unknown_level_records_total ")?.parse::<u64>().ok()
        });
        value.expect("counts from 0 on")
    };
    assert_eq!(metric(&server), 0);
    assert_eq!(health(&server)["notices"], json!([]));
    let level = |level: &Value| line(&json!({"level": level, "message": "levelled"}));
    let mut lines: String = (0..1_200).map(|_| level(&json!("Level 45"))).collect();
    lines += &level(&json!("ada@example.org"));
    lines += &level(&json!("error"));
    server.store(&lines);
    let told = health(&server);
    let ingest = &told["ingest"];
    assert_eq!(ingest["unknown_level_records"], 1_201, "{told}");
    let words = json!([
        {"word": "Level 45", "records": 1_200},
        {"word": "[EMAIL]", "records": 1},
    ]);
    assert_eq!(ingest["unknown_levels"], words);
    let first = told["notices"][0].as_str().expect("a notice");
    let expected = "warning holds 1,200 lines of unknown level `Level 45`";
    assert!(first.starts_with(expected), "{first}");
    assert_eq!(told["status"], "ok");
    assert_eq!(metric(&server), 1_201);
    assert_eq!(server.count("level:warning"), 1_201);

    assert_eq!(server.terminate(), Some(0));
    let server = home.start();
    let told = health(&server);
    assert_eq!(told["ingest"]["unknown_level_records"], 0);
    let since = told["ingest"]["since"].as_str().expect("a moment").parse::<jiff::Timestamp>();
    assert!(since.is_ok(), "{told}");
}
