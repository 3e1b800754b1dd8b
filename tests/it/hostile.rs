//! Clients that mean harm, or look like it: whatever they hold, ordinary lines are taken and found
//! meanwhile, and memory stays under its cap. How fast it stays is measured by `benches/hostile`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use serde_json::{Value, json};

use crate::harness::{DEADLINE, Home, Server, line, numbered, wait_until};

/// What a server may hold after any of these attacks, in a debug build: a quarter of what the
/// attackers would take if nothing bounded them.
const RESIDENT_BYTES_MAX: u64 = 512 << 20;

/// Connects, to say what no client would.
fn connect(server: &Server<'_>, listener: &str) -> TcpStream {
    let stream = TcpStream::connect(server.address(listener)).expect("a listening server");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    stream.set_write_timeout(Some(DEADLINE)).expect("a timeout");
    stream
}

/// Returns a number from the server's metrics: the sum over all labels that contain a text.
pub(crate) fn metric(server: &Server<'_>, name: &str, labels: &str) -> u64 {
    let text = server.http().get(&server.query("/metrics")).text();
    let of_name = text.lines().filter(|line| line.starts_with(&format!("{name}{{")));
    of_name
        .filter(|line| line.contains(labels))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// Ordinary work goes on, on fresh connections, and memory is under its cap.
#[track_caller]
fn assert_unharmed(server: &Server<'_>) {
    let before = server.count("");
    assert_eq!(server.post_lines(numbered(0..3).as_bytes(), &[]).status, 200);
    let mut tcp = server.tcp().with_acks();
    tcp.send(numbered(3..5).as_bytes());
    assert_eq!(tcp.await_ack(2), 0);
    server.await_count("", before + 5);
    let resident = server.resident_bytes();
    assert!(resident < RESIDENT_BYTES_MAX, "{resident} bytes are held");
}

#[test]
fn idle_connections_give_their_places_to_those_who_work() {
    const PLACES: u64 = 16;
    let places = ["ingest.tcp", "ingest.http", "query"]
        .map(|section| format!("{section}.connections_max={PLACES}"));
    let home = Home::with(&places.each_ref().map(String::as_str));
    let server = home.start();
    let idle: Vec<TcpStream> = (0..2 * PLACES)
        .flat_map(|_| ["tcp", "ingest", "query"].map(|listener| connect(&server, listener)))
        .collect();
    assert_unharmed(&server);
    for listener in ["tcp", "ingest", "query"] {
        let label = format!("listener=\"{listener}\"");
        let evicted = metric(&server, "tierlog_connections_evicted_total", &label);
        assert!(evicted > 0, "nobody had to leave {listener}");
        let opened = metric(&server, "tierlog_connections_opened_total", &label);
        let closed = metric(&server, "tierlog_connections_closed_total", &label);
        assert!(opened - closed <= PLACES, "{listener}: {opened} opened, {closed} closed");
    }
    drop(idle);
}

#[test]
fn heads_and_bodies_that_drip_and_lines_without_an_end_hold_nothing_up() {
    let home = Home::with(&["ingest.http.header_timeout=2s", "ingest.http.body_timeout=3s"]);
    let server = home.start();
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut head = connect(&server, "ingest");
        head.write_all(b"POST /api/v1/ingest HTTP/1.1\r\nhost: loc").expect("half a head");
        let mut body = connect(&server, "ingest");
        let request = "POST /api/v1/ingest HTTP/1.1\r\nhost: localhost\r\n\
                       content-type: application/x-ndjson\r\ncontent-length: 1000\r\n\r\n{";
        body.write_all(request.as_bytes()).expect("half a request");
        slow.extend([head, body]);
    }
    // Lines of nearly a mebibyte each, none of which ends; not all of it may be read.
    let part = vec![b'x'; 900 << 10];
    let lines: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut line = connect(&server, "tcp");
            line.set_nonblocking(true).expect("a socket");
            let _ = line.write(&part);
            line
        })
        .collect();
    assert_unharmed(&server);
    for mut stream in slow {
        let mut answer = Vec::new();
        // The end may be told or come as a reset.
        let _ = stream.read_to_end(&mut answer);
    }
    assert_unharmed(&server);
    drop(lines);
}

#[test]
fn an_endless_line_is_read_past_without_being_held() {
    let home = Home::new();
    let server = home.start();
    let mut tcp = server.tcp().with_acks();
    let part = vec![b'x'; 1 << 20];
    for _ in 0..200 {
        tcp.send(&part);
    }
    tcp.send(b"\n");
    assert_eq!(tcp.await_ack(1), 1, "it is a dead letter");
    assert_unharmed(&server);
}

/// Stores so many lines of two kilobytes.
fn store_wide_lines(server: &Server<'_>, count: u64) {
    let text = "a wide line ".repeat(160);
    let wide = (0..count).map(|number| line(&json!({"message": text, "wide": number})));
    server.store(&wide.collect::<String>());
}

#[test]
fn clients_that_do_not_read_their_answers_are_cut_off() {
    const READERS: u64 = 60;
    let home = Home::with(&["query.write_timeout=2s", "query.answer_max=8MiB"]);
    let server = home.start();
    store_wide_lines(&server, 4_000);
    let before = metric(&server, "tierlog_connections_closed_total", "listener=\"query\"");
    let answered = || metric(&server, "tierlog_query_seconds_count", "path=\"/api/v1/search\"");
    let answered_before = answered();
    let paths = [
        "/api/v1/search?limit=10000",
        "/api/v1/export",
        "/api/v1/search?q=message:wide&limit=10000&sort=timestamp",
    ];
    let readers: Vec<TcpStream> = (0..READERS)
        .map(|number| {
            let mut reader = connect(&server, "query");
            let path = paths[number as usize % paths.len()];
            let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
            reader.write_all(request.as_bytes()).expect("a request");
            reader
        })
        .collect();
    // Two of three search. As long as one of them runs, there may be no place for another.
    wait_until("the searches to be answered", || {
        (answered() >= answered_before + READERS / 3 * 2).then_some(())
    });
    let answer = server.http().get(&server.query("/api/v1/search?limit=1&q=wide:7"));
    assert_eq!(answer.status, 200, "small answers pass: {}", answer.text());
    let resident = server.resident_bytes();
    assert!(resident < RESIDENT_BYTES_MAX, "{resident} bytes are held");
    // Refused clients keep their connection; clients that hold an answer lose theirs.
    wait_until("the silent readers to be cut off", || {
        let closed = metric(&server, "tierlog_connections_closed_total", "listener=\"query\"");
        (closed >= before + 4).then_some(())
    });
    drop(readers);
    assert_unharmed(&server);
}

#[test]
fn more_searches_than_can_run_are_told_to_come_back() {
    let home = Home::with(&["query.concurrency_max=1"]);
    let server = home.start();
    store_wide_lines(&server, 1_000);
    let request = "GET /api/v1/search?limit=2000&q=message:/.*wide.*/ HTTP/1.1\r\n\
                   host: localhost\r\nconnection: close\r\n\r\n";
    let searches: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut search = connect(&server, "query");
            search.write_all(request.as_bytes()).expect("a request");
            search
        })
        .collect();
    let (mut answered, mut told) = (0, 0);
    for search in searches {
        let mut head = String::new();
        let mut lines = BufReader::new(search);
        while lines.read_line(&mut head).expect("an answer") > 2 {}
        match head.split(' ').nth(1) {
            Some("200") => answered += 1,
            Some("429") => {
                assert!(head.contains("retry-after:"), "{head}");
                told += 1;
            }
            _ => panic!("{head}"),
        }
    }
    assert!(answered > 0 && told > 0, "{answered} were answered, {told} told to come back");
    assert_unharmed(&server);
}

#[test]
fn queries_made_to_explode_are_answered_or_refused_by_name() {
    let home = Home::with(&["query.timeout=5s"]);
    let server = home.start();
    store_wide_lines(&server, 300);
    let deep = |count: usize| format!("{}a{}", "(".repeat(count), ")".repeat(count));
    let queries = [
        deep(31),
        deep(100_000),
        "(".repeat(200_000),
        "a ".repeat(100_000),
        format!("user_id:IN [{}]", "1 ".repeat(100_000)),
        "NOT ".repeat(10_000) + "a",
        "message:/(a*)*b/".to_owned(),
        "message:/(((a{100}){100}){100})/".to_owned(),
        "message:/(.*.*.*.*.*.*.*.*)*x/".to_owned(),
        format!("message:/{}/", "a?".repeat(5_000) + &"a".repeat(5_000)),
        format!("message:{}", "*a".repeat(3_000)),
        "*".to_owned(),
        format!("message:{}x", "?".repeat(10_000)),
        format!("{}:1", "field.".repeat(2_000)),
        "wide:[-1e999 TO 1e999]".to_owned(),
    ];
    for q in &queries {
        let answer = server.http().post_json(&server.query("/api/v1/search"), &json!({"q": q}));
        let shown = format!("{:.60}: {} {:.200}", q, answer.status, answer.text());
        assert!(matches!(answer.status, 200 | 400 | 408 | 413), "{shown}");
        assert!(answer.status == 200 || answer.json()["code"].is_string(), "{shown}");
    }
    assert_unharmed(&server);
}

#[test]
fn requests_made_to_explode_are_answered_or_refused_by_name() {
    let home = Home::with(&["query.timeout=5s"]);
    let server = home.start();
    store_wide_lines(&server, 300);
    let nested = (0..200).fold(
        json!({"avg": {"field": "wide"}}),
        |inner, _| json!({"terms": {"field": "wide", "size": 1000}, "aggs": {"inner": inner}}),
    );
    let buckets = |interval: f64| json!({"histogram": {"field": "wide", "interval": interval}});
    let aggregations = [
        nested,
        buckets(1e-9),
        buckets(0.0),
        buckets(-1.0),
        json!({"terms": {"field": "wide", "size": u32::MAX}}),
        json!({"date_histogram": {"field": "timestamp", "fixed_interval": "1ms"}}),
        json!({"percentiles": {"field": "wide", "percents": vec![1; 100_000]}}),
    ];
    let aggregate = |aggs: Value| ("/api/v1/aggregate", json!({"aggs": {"a": aggs}}));
    let requests = aggregations.map(aggregate).into_iter().chain([
        ("/api/v1/search", json!({"limit": 1_000_000_000})),
        ("/api/v1/search", json!({"limit": -1})),
        ("/api/v1/search", json!({"cursor": "A".repeat(100_000)})),
        ("/api/v1/search", json!({"cursor": "////"})),
        ("/api/v1/search", json!({"fields": vec!["x*"; 50_000]})),
        ("/api/v1/search", json!({"q": "a", "timeout": "99999999h"})),
        ("/api/v1/search", json!({"start": "now-99999999999d"})),
        ("/api/v1/users", json!({"user_id": "4".repeat(200_000)})),
        ("/api/v1/search", json!({"q": "x".repeat(4 << 20)})),
    ]);
    for (path, body) in requests {
        let answer = server.http().post_json(&server.query(path), &body);
        let shown = format!("{:.120}: {} {:.200}", body.to_string(), answer.status, answer.text());
        assert!(matches!(answer.status, 200 | 400 | 408 | 413), "{shown}");
        assert!(answer.status == 200 || answer.json()["code"].is_string(), "{shown}");
    }
    let brackets = "[".repeat(200_000);
    let answer = server.http().post(&server.query("/api/v1/search"), brackets.as_bytes(), &[]);
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_unharmed(&server);
}

#[test]
fn a_new_field_name_in_every_line_costs_a_bounded_number_of_columns() {
    const LINES: usize = 400;
    const NAMES: usize = 50;
    let home = Home::new();
    let server = home.start();
    let wild = |number: usize| {
        let names = (0..NAMES).map(|name| (format!("name_{number}_{name}"), json!(number)));
        line(&Value::Object(names.chain([("message".to_owned(), json!("wild"))]).collect()))
    };
    server.store(&(0..LINES).map(wild).collect::<String>());
    let fields = server.http().get(&server.query("/api/v1/fields")).json();
    let count = fields["fields"].as_array().expect("fields").len();
    assert!(count < 3_000, "{count} fields");
    // The first name is a column, the last one is text; both are found.
    assert_eq!(server.count("name_0_0:0"), 1);
    assert_eq!(server.hits("wild").len(), LINES);
    assert_unharmed(&server);
}

#[test]
fn a_client_that_only_listens_after_its_request_gets_its_answer() {
    let home = Home::new();
    let server = home.start();
    let mut stream = connect(&server, "ingest");
    let body = numbered(0..2);
    let request = format!(
        "POST /api/v1/ingest HTTP/1.1\r\nhost: localhost\r\n\
         content-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("a request");
    stream.shutdown(Shutdown::Write).expect("an open connection");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    server.await_count("", 2);
    // A client that leaves before its request is whole leaves no trace.
    let mut gone = connect(&server, "ingest");
    gone.write_all(&request.as_bytes()[..request.len() - 5]).expect("most of a request");
    gone.shutdown(Shutdown::Both).expect("an open connection");
    assert_unharmed(&server);
}
