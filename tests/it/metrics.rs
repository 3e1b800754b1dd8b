//! The server seen from outside: every metric from the first scrape on, and what each group of them
//! says after something happened.

use std::time::Duration;

use serde_json::json;
use tierlog_model::metric_names::{Label, METRICS, MetricKind, PROCESS_METRICS};
use tierlog_model::{Clock as _, SystemClock};

use crate::harness::{Home, Scrape, Server, ago, line, numbered, wait_until};

/// Seconds since 1970.
fn now_seconds() -> f64 {
    SystemClock.now().as_micros() as f64 / 1e6
}

/// Returns how many series of a metric there must be before anything happens: the product of what
/// its labels may be. `None` where only lines say it.
fn series_at_the_start(labels: &[Label]) -> Option<usize> {
    let values = |label: &Label| match label {
        Label::Lane | Label::PartitionState => Some(2),
        Label::Protocol => Some(4),
        Label::LetterEnd | Label::Outcome => Some(2),
        Label::RejectReason => Some(9),
        Label::Refusal => Some(14),
        Label::Detector => Some(tierlog_ingest::detector_names().len()),
        Label::Listener | Label::DropReason => Some(3),
        Label::MemoryUse => Some(7),
        Label::Tier => Some(5),
        Label::Path => Some(15),
        Label::Status => Some(10),
        // Lines without a service, and lines of one service too many.
        Label::Service => Some(2),
        // The default tenant, and all that have no label of their own.
        Label::Tenant => Some(2),
        Label::Version => Some(1),
    };
    labels.iter().map(values).product()
}

#[test]
fn every_metric_is_there_before_anything_happens_and_every_counter_at_zero() {
    let home = Home::new();
    let server = home.start();
    let scrape = Scrape::of(&server);
    for metric in METRICS {
        let name = match metric.kind {
            MetricKind::Histogram => format!("{}_count", metric.name),
            MetricKind::Counter | MetricKind::Gauge => metric.name.to_owned(),
        };
        let series = scrape.series(&name);
        // A moment that never was would be 1970.
        let is_moment_of_a_line = metric.name == "tierlog_service_last_line_timestamp_seconds";
        let expected =
            if is_moment_of_a_line { Some(0) } else { series_at_the_start(metric.labels) };
        assert_eq!(Some(series.len()), expected, "{name}: {series:?}");
        let has_happened = ["tierlog_connections_opened_total", "tierlog_connections_closed_total"];
        if metric.kind == MetricKind::Counter && !has_happened.contains(&metric.name) {
            assert!(series.values().all(|value| *value == 0.0), "{series:?}");
        }
    }
    for metric in PROCESS_METRICS {
        assert_eq!(scrape.series(metric.name).len(), 1, "{}", metric.name);
    }
}

#[test]
fn both_ports_tell_each_metric_once_with_its_help_and_type() {
    let home = Home::new();
    let server = home.start();
    server.store(&line(&json!({"message": "one", "service": "api"})));
    for url in [server.ingest("/metrics"), server.query("/metrics")] {
        let text = server.http().get(&url).text();
        Scrape::read(&text);
        for metric in METRICS.iter().chain(PROCESS_METRICS) {
            let kind = match metric.kind {
                MetricKind::Counter => "counter",
                MetricKind::Gauge => "gauge",
                MetricKind::Histogram => "histogram",
            };
            for expected in [
                format!("# TYPE {} {kind}", metric.name),
                format!("# HELP {} {}", metric.name, metric.help),
            ] {
                let count = text.lines().filter(|line| **line == expected).count();
                assert_eq!(count, 1, "{expected}");
            }
        }
    }
}

/// Returns the value of a rejection counter of a service.
fn rejected(server: &Server<'_>, service: &str, reason: &str) -> f64 {
    let labels = format!("{{service=\"{service}\",reason=\"{reason}\"}}");
    Scrape::of(server).value(&format!("tierlog_service_rejected_lines_total{labels}"))
}

fn last_line(server: &Server<'_>, service: &str) -> f64 {
    let labels = format!("{{service=\"{service}\"}}");
    Scrape::of(server).value(&format!("tierlog_service_last_line_timestamp_seconds{labels}"))
}

#[test]
fn a_service_has_its_newest_line_and_its_rejected_lines_by_reason() {
    let home = Home::new();
    let server = home.start();
    let started = now_seconds();
    let old = ago(Duration::from_secs(1_000 * 86_400)).to_string();
    let body = [
        line(&json!({"service": "api", "message": "taken"})),
        line(&json!({"service": "api", "message": "too old", "timestamp": old})),
        line(&json!({"app": "alias", "message": "too old", "timestamp": old})),
        line(&json!({"service": "web", "message": "no time", "timestamp": "yesterday"})),
        line(&json!({"message": "of nobody"})),
        "{\"service\": \"api\", broken\n".to_owned(),
    ]
    .concat();
    let id = [("tierlog-batch-id", "first")];
    let verdict = server.post_lines(body.as_bytes(), &id).json();
    assert_eq!((&verdict["accepted"], &verdict["rejected"]), (&json!(2), &json!(4)), "{verdict}");
    let expected = [
        ("api", "past_retention", 1.0),
        ("alias", "past_retention", 1.0),
        ("web", "invalid_timestamp", 1.0),
        ("_none", "invalid_json", 1.0),
        // At zero with the first line of the service, so that its first rejection is a step.
        ("api", "too_deep", 0.0),
    ];
    for (service, reason, count) in expected {
        assert_eq!(rejected(&server, service, reason), count, "{service} {reason}");
    }
    for service in ["api", "alias", "web", "_none"] {
        let newest = last_line(&server, service);
        assert!((started - 1.0..=now_seconds()).contains(&newest), "{service}: {newest}");
    }
    // The same batch again: its lines arrived again, and nothing is rejected anew.
    let before = last_line(&server, "api");
    assert_eq!(server.post_lines(body.as_bytes(), &id).status, 200);
    for (service, reason, count) in expected {
        assert_eq!(rejected(&server, service, reason), count, "{service} {reason} again");
    }
    assert!(last_line(&server, "api") > before);
    // The sender's answer about unreadable lines.
    let url = server.ingest("/api/v1/ingest?service=batch");
    server.http().post(&url, b"{broken\n{\"message\":\"taken\"}\n", &[]);
    assert_eq!(rejected(&server, "batch", "invalid_json"), 1.0);
    // The same over TCP.
    let mut tcp = server.tcp();
    tcp.send(format!("{}\n", json!({"service": "tcp", "timestamp": old})).as_bytes());
    tcp.finish();
    wait_until("the line over TCP", || {
        let series =
            "tierlog_service_rejected_lines_total{service=\"tcp\",reason=\"past_retention\"}";
        let scrape = Scrape::of(&server);
        scrape
            .series("tierlog_service_rejected_lines_total")
            .get(series)
            .map(|count| assert_eq!(*count, 1.0))
    });
}

#[test]
fn services_are_bounded_and_their_names_are_content() {
    let home = Home::new();
    let server = home.start();
    server.store(&line(&json!({"message": "x", "service": "ada@example.com"})));
    server.store(&line(&json!({"message": "x", "service": "a\u{1b}[2J\"\\\n"})));
    let many: String =
        (0..500).map(|n| line(&json!({"message": "x", "service": format!("pod-{n}")}))).collect();
    server.store(&many);
    let scrape = Scrape::of(&server);
    let series = scrape.series("tierlog_service_last_line_timestamp_seconds");
    assert_eq!(series.len(), 101, "a hundred names, and all others as one");
    assert!(series.contains_key("tierlog_service_last_line_timestamp_seconds{service=\"_other\"}"));
    let names: Vec<&str> = series.keys().copied().collect();
    assert!(!names.iter().any(|name| name.contains("ada") || name.contains('\u{1b}')), "{names:?}");
    assert!(names.iter().any(|name| name.contains("[EMAIL]")), "{names:?}");
}

#[test]
fn refused_requests_are_counted_by_the_code_of_their_answer() {
    let home = Home::with(&["ingest.http.body_max=1KiB", "ingest.limits.line_max=1KiB"]);
    let server = home.start();
    let url = server.ingest("/api/v1/ingest");
    let http = server.http();
    let line = b"{\"message\":\"x\"}\n";
    let answers = [
        (http.post(&url, line, &[("content-type", "image/png")]), 415, "unsupported_media_type"),
        (http.post(&url, &[b'x'; 4096], &[]), 413, "too_large"),
        (http.post(&url, line, &[("content-encoding", "gzip")]), 400, "invalid_encoding"),
        (http.post(&url, line, &[("tierlog-batch-id", "")]), 400, "invalid_batch_id"),
        (http.post(&format!("{url}?level=loud"), line, &[]), 400, "invalid_parameter"),
    ];
    let scrape = Scrape::of(&server);
    for (answer, status, code) in answers {
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)));
        let series = format!("tierlog_ingest_refused_total{{protocol=\"http\",why=\"{code}\"}}");
        assert_eq!(scrape.value(&series), 1.0, "{code}");
    }
    // Unreadable lines are kept: no line was refused.
    assert_eq!(http.post(&url, b"{broken", &[]).status, 400);
    let refused =
        |scrape: &Scrape| scrape.series("tierlog_ingest_refused_total").values().sum::<f64>();
    assert_eq!(refused(&Scrape::of(&server)), refused(&scrape));
}

#[test]
fn queries_are_counted_by_path_and_status() {
    let home = Home::new();
    let server = home.start();
    let get = |path: &str| server.http().get(&server.query(path)).status;
    assert_eq!(get("/api/v1/search?limit=0"), 200);
    assert_eq!(get("/api/v1/search?limit=0"), 200);
    assert_eq!(get("/api/v1/search?limit=many"), 400);
    assert_eq!(get("/api/v1/fields/level/values"), 200);
    assert_eq!(get("/nowhere"), 404);
    let scrape = Scrape::of(&server);
    for (path, status, count) in [
        ("/api/v1/search", 200, 2.0),
        ("/api/v1/search", 400, 1.0),
        ("/api/v1/fields/{name}/values", 200, 1.0),
        ("unmatched", 404, 1.0),
    ] {
        let labels = format!("{{path=\"{path}\",status=\"{status}\"}}");
        let answers = scrape.value(&format!("tierlog_query_answers_total{labels}"));
        assert_eq!(answers, count, "{path} {status}");
    }
    assert_eq!(scrape.value("tierlog_query_seconds_count{path=\"/api/v1/search\"}"), 3.0);
}

#[test]
fn the_room_of_the_disk_and_the_process_are_told() {
    let home = Home::with(&["store.free_min=2MiB", "store.free_low=3MiB"]);
    let before = now_seconds();
    let server = home.start();
    let scrape = Scrape::of(&server);
    let (size, free) =
        (scrape.value("tierlog_disk_size_bytes"), scrape.value("tierlog_disk_free_bytes"));
    assert!(0.0 < free && free <= size, "{free} of {size}");
    assert_eq!(scrape.value("tierlog_disk_reserve_bytes"), 2.0 * 1_048_576.0);
    assert_eq!(scrape.value("tierlog_disk_free_low_bytes"), 3.0 * 1_048_576.0);

    let resident = scrape.value("process_resident_memory_bytes");
    let seen = server.resident_bytes() as f64;
    assert!((seen / 2.0..seen * 2.0).contains(&resident), "{resident}, {seen} seen from outside");
    assert!(scrape.value("process_virtual_memory_bytes") > resident);
    let (open, most) = (scrape.value("process_open_fds"), scrape.value("process_max_fds"));
    assert!(3.0 < open && open < most, "{open} of {most}");
    // Linux counts from its boot in hundredths of a second, and rounds the boot.
    let started = scrape.value("process_start_time_seconds");
    assert!((before - 2.0..now_seconds() + 2.0).contains(&started), "{started}");

    let cpu = scrape.value("process_cpu_seconds_total");
    wait_until("CPU that is used", || {
        let used = Scrape::of(&server).value("process_cpu_seconds_total");
        (used > cpu).then_some(())
    });
}

#[test]
fn what_is_acknowledged_and_not_searchable_has_an_age() {
    // With a minute between commits, waiting lines show in the metrics.
    let home = Home::with(&["store.commit_interval=60s"]);
    let server = home.start();
    let age = |lane: &str| {
        let series = format!("tierlog_oldest_unsearchable_seconds{{lane=\"{lane}\"}}");
        Scrape::of(&server).value(&series)
    };
    assert_eq!((age("fresh"), age("backfill")), (0.0, 0.0));
    let before = now_seconds();
    assert_eq!(server.post_lines(&numbered(0..3).into_bytes(), &[]).status, 200);
    let first = age("fresh");
    assert!((0.0..=now_seconds() - before + 0.01).contains(&first), "{first}");
    let later =
        wait_until("a line that grows older", || Some(age("fresh")).filter(|age| *age > first));
    assert!(later <= now_seconds() - before + 0.01, "{later}");
    assert_eq!(age("backfill"), 0.0);
}
