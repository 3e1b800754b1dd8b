//! Every error that the contract documents, provoked: status, content type and code are compared.
//!
//! Each operation of the contract is asked for each of its codes. The test fails for a documented
//! error that no case provokes and no unit test is named for, for an answer that is not documented,
//! and for a case of an operation that is gone.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{DEADLINE, Home, Server, ago, line, numbered, wait_until};

/// Codes that nobody outside can provoke at will: faults of the server, races with its end or with
/// other requests. The unit test that holds each to its response stands beside it.
const BY_UNIT_TESTS: [(&str, &str); 5] = [
    ("internal", "src/server/protect.rs: a_panic_a_wrong_method_and_a_foreign_host_are_problems"),
    (
        "shutting_down",
        "crates/ingest/src/source/lines_http/tests.rs: the_stores_refusals_have_their_status",
    ),
    (
        "store_unreadable",
        "crates/query/src/http/tests/mod.rs: every_error_of_the_engine_is_a_problem",
    ),
    ("maintenance", "src/maintenance/http.rs: work_that_stops_half_way_is_a_problem"),
    (
        "full",
        "crates/ingest/src/source/lines_http/tests.rs: a_full_pipeline_is_429_with_a_time_to_come_back",
    ),
];

/// The same for codes of some operations: exhaustion that needs other requests beside.
const BY_UNIT_TESTS_OF_SOME: [(&str, &str); 3] = [
    ("busy", "src/maintenance/http.rs: long_work_is_done_one_at_a_time"),
    ("busy", "crates/query/src/http/tests/mod.rs: queries_beyond_the_bound_are_turned_away"),
    ("too_expensive", "crates/query/src/http/tests/mod.rs: every_error_of_the_engine_is_a_problem"),
];

/// A request on the wire.
struct Request {
    method: &'static str,
    target: String,
    headers: String,
    body: Vec<u8>,
    /// Bytes of the body that the head announces beyond those that are sent.
    missing_bytes: usize,
}

/// What came back.
#[derive(Debug)]
struct Response {
    status: u16,
    content_type: String,
    code: String,
}

impl Request {
    fn new(method: &'static str, target: impl Into<String>) -> Request {
        Request {
            method,
            target: target.into(),
            headers: String::new(),
            body: Vec::new(),
            missing_bytes: 0,
        }
    }

    fn header(mut self, line: &str) -> Request {
        self.headers.push_str(line);
        self.headers.push_str("\r\n");
        self
    }

    fn body(self, body: impl Into<Vec<u8>>) -> Request {
        Request { body: body.into(), ..self }
    }

    /// Sends the request on a connection of its own; `then` says how the client goes on.
    fn send(&self, address: &str, then: impl FnOnce(&TcpStream)) -> Response {
        let mut stream = TcpStream::connect(address).expect("a listening server");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        let host = if self.headers.contains("host: ") { "" } else { "host: localhost\r\n" };
        let length = self.body.len() + self.missing_bytes;
        let length = match self.method {
            "POST" => format!("content-length: {length}\r\n"),
            _ => String::new(),
        };
        let (method, target, headers) = (self.method, &self.target, &self.headers);
        let head = format!(
            "{method} {target} HTTP/1.1\r\n{host}{headers}{length}connection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("a head");
        // A body that is refused by its head need not be taken to its end.
        let _ = stream.write_all(&self.body);
        then(&stream);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        Response::read(&answer)
    }
}

impl Response {
    fn read(answer: &[u8]) -> Response {
        let text = String::from_utf8_lossy(answer);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let content_type = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-type").then(|| value.to_owned())
        });
        let body = body.get(body.find('{').unwrap_or(0)..).unwrap_or_default();
        let document: Value = serde_json::Deserializer::from_str(body)
            .into_iter()
            .next()
            .and_then(Result::ok)
            .unwrap_or_default();
        Response {
            status,
            content_type: content_type.unwrap_or_default(),
            code: document["code"].as_str().unwrap_or_default().to_owned(),
        }
    }
}

/// An operation of the contract with one of its codes.
type Documented = (String, String, u16);

/// Returns every documented error: operation, code, status.
fn documented() -> BTreeSet<Documented> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/openapi.json");
    let contract: Value =
        serde_json::from_str(&fs::read_to_string(path).expect("the contract")).expect("JSON");
    let mut all = BTreeSet::new();
    for (path, item) in contract["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            for (status, response) in operation["responses"].as_object().expect("responses") {
                // `default` documents the form of a foreign API, which has no codes of ours.
                let Ok(status) = status.parse::<u16>() else { continue };
                let codes = response["x-codes"].as_array().into_iter().flatten();
                for code in codes {
                    let code = code.as_str().expect("a name").to_owned();
                    all.insert((format!("{method} {path}"), code, status));
                }
            }
        }
    }
    all
}

/// Compares answers with the contract and remembers what was provoked.
struct Checked {
    documented: BTreeSet<Documented>,
    provoked: BTreeSet<(String, String)>,
    /// Cases that were answered in another way than documented.
    wrong: Vec<String>,
}

impl Checked {
    fn check(&mut self, operation: &str, code: &str, answer: &Response) {
        let found = (operation.to_owned(), answer.code.clone(), answer.status);
        if answer.code == code
            && answer.content_type == "application/problem+json"
            && self.documented.contains(&found)
        {
            self.provoked.insert((operation.to_owned(), code.to_owned()));
        } else {
            self.wrong.push(format!("{operation}: {code}, and got {answer:?}"));
        }
    }

    /// Returns the operations that document a code.
    fn operations(&self, code: &str) -> Vec<String> {
        let with_code = self.documented.iter().filter(|(_, known, _)| known == code);
        with_code.map(|(operation, ..)| operation.clone()).collect()
    }
}

/// Returns a request that an operation would answer, with parameters.
fn request(operation: &str, parameters: &[(&str, &str)]) -> Request {
    let (method, path) = operation.split_once(' ').expect("a method and a path");
    let path = path.replace("{request_id}", "r-1").replace("{user_id}", "4242");
    let path = path.replace("{name}", "service").replace("{id}", "1");
    let mut query: Vec<(&str, &str)> = parameters.to_vec();
    if operation.ends_with("/aggregate") && !parameters.iter().any(|(name, _)| *name == "aggs") {
        query.push(("aggs", "{\"by\":{\"terms\":{\"field\":\"service\"}}}"));
    }
    let takes_json = ["/search", "/aggregate", "/users"].iter().any(|own| path.ends_with(own));
    if method == "post" && takes_json {
        let mut body: serde_json::Map<String, Value> =
            query.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        if path.ends_with("/users") {
            body.insert("user_id".to_owned(), json!("4242"));
        }
        return Request::new("POST", path).body(Value::Object(body).to_string());
    }
    let pairs: Vec<String> = query
        .iter()
        .map(|(name, value)| {
            let escaped: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            format!("{name}={escaped}")
        })
        .collect();
    let target = format!("{path}?{}", pairs.join("&"));
    match method {
        "post" => Request::new("POST", target).header("tierlog-confirm: yes"),
        _ => Request::new("GET", target),
    }
}

/// Returns the listener that serves an operation.
fn address_of<'s>(server: &'s Server<'_>, operation: &str) -> &'s str {
    server.address(if operation.ends_with("/ingest") { "ingest" } else { "query" })
}

fn ask(server: &Server<'_>, operation: &str, request: &Request) -> Response {
    request.send(address_of(server, operation), |_| ())
}

/// Everything that a query string or a JSON body can get wrong, for every operation alike.
fn provoke_by_parameters(checked: &mut Checked, server: &Server<'_>) {
    let many_terms = "a ".repeat(1_100);
    let cases: [(&str, (&str, &str)); 6] = [
        ("query_syntax", ("q", "status:[1")),
        ("pseudonymised_field", ("q", "user_id:42*")),
        ("too_expensive", ("q", &many_terms)),
        ("invalid_cursor", ("cursor", "nonsense")),
        ("deadline", ("timeout", "1us")),
        ("invalid_parameter", ("nonsense", "1")),
    ];
    for (code, parameter) in cases {
        for operation in checked.operations(code) {
            let of_ingest = operation.ends_with("/ingest");
            let takes_q = !operation.contains("/requests/") && operation != "get /api/v1/fields";
            if of_ingest || (code == "too_expensive" && !takes_q) {
                continue;
            }
            let request = match (operation.as_str(), code) {
                ("get /api/v1/dead-letters/{id}", "invalid_parameter") => {
                    Request::new("GET", "/api/v1/dead-letters/x")
                }
                _ => request(&operation, &[parameter]),
            };
            let answer = ask(server, &operation, &request);
            checked.check(&operation, code, &answer);
        }
    }
}

/// A foreign host, a missing confirmation, bodies that are no JSON, too long or never there.
fn provoke_by_requests(checked: &mut Checked, server: &Server<'_>) {
    for operation in checked.operations("unknown_host") {
        let request = request(&operation, &[]).header("host: evil.example");
        checked.check(&operation, "unknown_host", &ask(server, &operation, &request));
    }
    for operation in checked.operations("confirmation_required") {
        let path = operation.trim_start_matches("post ");
        let answer = ask(server, &operation, &Request::new("POST", path));
        checked.check(&operation, "confirmation_required", &answer);
    }
    for operation in checked.operations("invalid_body") {
        let path = operation.trim_start_matches("post ");
        let answer = ask(server, &operation, &Request::new("POST", path).body("{"));
        checked.check(&operation, "invalid_body", &answer);
    }
    for operation in checked.operations("too_large") {
        let path = operation.trim_start_matches("post ");
        // The route that tries redaction out has a bound of its own, of two mebibytes.
        let bytes = if path.ends_with("/redaction/test") { (2 << 20) + 1 } else { 4_096 };
        let answer = ask(server, &operation, &Request::new("POST", path).body(vec![b' '; bytes]));
        checked.check(&operation, "too_large", &answer);
    }
    let reload = "post /api/v1/config/reload";
    fs::write(server.home().path().join("tierlog.toml"), "zebra = 1\n").expect("a file of ours");
    checked.check(reload, "invalid_configuration", &ask(server, reload, &request(reload, &[])));
    let letter = "get /api/v1/dead-letters/{id}";
    checked.check(letter, "not_found", &ask(server, letter, &request(letter, &[])));
}

/// What the head or the body of an ingest request can get wrong.
fn provoke_by_lines(checked: &mut Checked, server: &Server<'_>) {
    const INGEST: &str = "post /api/v1/ingest";
    let post = || Request::new("POST", "/api/v1/ingest").body("{\"message\":\"x\"}\n");
    let cases = [
        ("invalid_parameter", Request { target: "/api/v1/ingest?level=loud".into(), ..post() }),
        ("invalid_header", post().header("tierlog-batch-id: \u{e9}")),
        ("invalid_batch_id", post().header("tierlog-batch-id: ")),
        ("invalid_encoding", post().header("content-encoding: gzip")),
        ("unsupported_media_type", post().header("content-type: image/png")),
        ("nothing_readable", post().body("{broken")),
    ];
    for (code, request) in cases {
        checked.check(INGEST, code, &ask(server, INGEST, &request));
    }
    let half = Request { missing_bytes: 10, ..post() };
    let ingest = server.address("ingest");
    let cut = half.send(ingest, |stream| stream.shutdown(Shutdown::Write).expect("an open stream"));
    checked.check(INGEST, "incomplete_body", &cut);
    let late = half.send(ingest, |_| ());
    checked.check(INGEST, "deadline", &late);
}

/// Exhaustion that one client can bring about: tails that are never read, listings beyond memory.
fn provoke_by_load(checked: &mut Checked, server: &Server<'_>) {
    let query = server.address("query");
    let tail = "get /api/v1/tail";
    let tails: Vec<TcpStream> = (0..64)
        .map(|_| {
            let mut stream = TcpStream::connect(query).expect("a listening server");
            let head = "GET /api/v1/tail HTTP/1.1\r\nhost: localhost\r\n\r\n";
            stream.write_all(head.as_bytes()).expect("a head");
            stream
        })
        .collect();
    wait_until("64 tails", || {
        let probe = ask(server, tail, &request(tail, &[("q", "status:[1")]));
        (probe.code == "busy").then(|| checked.check(tail, "busy", &probe))
    });
    drop(tails);
    let list = "get /api/v1/dead-letters";
    let answer = ask(server, list, &request(list, &[("limit", "1000")]));
    checked.check(list, "busy", &answer);
}

/// Returns a home with a dead letter that is a record when it is read again.
fn home_with_letter(settings: &[&str]) -> Home {
    let home = Home::new();
    let server = home.start();
    let ten_days_ago = ago(Duration::from_secs(10 * 86_400)).to_string();
    let old = line(&json!({"level": "debug", "message": "old", "timestamp": ten_days_ago}));
    assert_eq!(server.post_lines(old.as_bytes(), &[]).json()["code"], "nothing_readable");
    wait_until("the letter", || {
        let letters = server.http().get(&server.query("/api/v1/dead-letters")).json();
        (letters["letters"].as_array()?.len() == 1).then_some(())
    });
    server.terminate();
    Home::with(&[&["store.tiers.debug.days=30"], settings].concat()).in_place_of(home)
}

/// A store without room, and one whose log cannot be written.
fn provoke_by_faults(checked: &mut Checked) {
    const INGEST: &str = "post /api/v1/ingest";
    const REPLAY: &str = "post /api/v1/dead-letters/replay";
    let post = Request::new("POST", "/api/v1/ingest").body(
        "{\"message\":\"x\"}
",
    );
    let replay = request(REPLAY, &[("all", "true")]);

    let home = home_with_letter(&["store.wal_segment_max=2MiB"]);
    let server = home.start();
    fs::remove_dir_all(home.data().join("wal")).expect("a directory of ours");
    // The segment that is open is written to; the next one cannot be made.
    wait_until("refused writes", || {
        let answer = server.post_lines(numbered(0..5_000).as_bytes(), &[]);
        (answer.status == 503).then_some(())
    });
    checked.check(INGEST, "store_refuses_writes", &ask(&server, INGEST, &post));
    checked.check(REPLAY, "store_refuses_writes", &ask(&server, REPLAY, &replay));
    drop(server);

    let home = home_with_letter(&["store.free_min=1TiB"]);
    let server = home.start_unready();
    checked.check(INGEST, "disk_full", &ask(&server, INGEST, &post));
    checked.check(REPLAY, "disk_full", &ask(&server, REPLAY, &replay));
}

#[test]
fn every_documented_error_is_sent_as_it_is_documented() {
    let home = Home::with(&[
        "query.body_max=3KiB",
        "ingest.http.body_max=2KiB",
        "ingest.limits.line_max=1KiB",
        "ingest.http.body_timeout=1s",
        "memory.hits=4MiB",
    ]);
    let server = home.start();
    let own = json!({"message": "x", "service": "shop", "request_id": "r-1", "user_id": "4242"});
    server.store(&line(&own).repeat(20));
    let mut checked =
        Checked { documented: documented(), provoked: BTreeSet::new(), wrong: Vec::new() };
    provoke_by_parameters(&mut checked, &server);
    provoke_by_requests(&mut checked, &server);
    provoke_by_lines(&mut checked, &server);
    provoke_by_load(&mut checked, &server);
    drop(server);
    provoke_by_faults(&mut checked);

    assert!(checked.wrong.is_empty(), "{:#?}", checked.wrong);
    let elsewhere = |code: &str| {
        let all = BY_UNIT_TESTS.iter().chain(&BY_UNIT_TESTS_OF_SOME);
        all.into_iter().any(|(known, _)| *known == code)
    };
    let missing: Vec<&Documented> = checked
        .documented
        .iter()
        .filter(|(operation, code, _)| {
            !elsewhere(code) && !checked.provoked.contains(&(operation.clone(), code.clone()))
        })
        .collect();
    assert!(missing.is_empty(), "documented, and never seen: {missing:#?}");
    for (code, place) in BY_UNIT_TESTS.iter().chain(&BY_UNIT_TESTS_OF_SOME) {
        let (file, test) = place.split_once(": ").expect("a file and a test");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = fs::read_to_string(path).expect("a file of tests");
        assert!(text.contains(&format!("fn {test}(")), "{code}: {place} is gone");
    }
}
