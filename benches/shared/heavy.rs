//! Requests that are small on the wire and large in the server, and a client that sends one: what
//! a server with little memory must refuse by name or take in pieces.
//!
//! A seed arrives for the random ones. Shared by the test under a limit of memory and by the
//! benchmark that measures what ordinary clients notice meanwhile.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Data that the server may have: `RLIMIT_DATA`, 768 MiB.
pub(crate) const DATA_KIBIBYTES_MAX: u64 = 768 << 10;

/// Bytes written at a time.
const PIECE_BYTES: usize = 64 << 10;

/// How long one attempt to send or read may take before the client looks whether it should end.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Which listener a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// The port for lines.
    Ingest,
    /// The port for queries.
    Query,
}

/// What a client does with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// It reads all of it.
    Everything,
    /// The client reads nothing while the connection is open.
    Nothing,
}

/// One heavy request.
#[derive(Clone, Debug)]
pub(crate) struct Heavy {
    /// As tables name it.
    pub(crate) name: String,
    /// Where it goes.
    pub(crate) port: Port,
    /// What its client does with the answer.
    pub(crate) reads: Reads,
    path: String,
    headers: Vec<(&'static str, String)>,
    /// Shared by all clients that send it.
    body: Arc<Vec<u8>>,
}

/// How large a request is: items of a body, records of an aggregation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Items of a body that is as large as inflated bodies may be.
    pub(crate) items: usize,
    /// Records that aggregations go over.
    pub(crate) records: usize,
    /// Bytes of the answers that are not read.
    pub(crate) answer_bytes: usize,
}

/// Fields of the records that aggregations go over, each with many values.
const FIELDS: usize = 8;

/// Bytes of one long record, of which unread answers are made.
const LONG_BYTES: usize = 30_000;

/// Returns bodies of lines that the server must hold before queries can be heavy.
pub(crate) fn corpus(scale: Scale) -> impl Iterator<Item = Vec<u8>> {
    /// Records of one body.
    const RECORDS: usize = 2_000;
    let records = (0..scale.records).map(|number| {
        let mut line = r#"{"level":"info","message":"wide","kind":"wide""#.to_owned();
        for field in 0..FIELDS {
            let value = mixed((number * FIELDS + field) as u64) % 50_000;
            line.push_str(&format!(",\"f{field}\":\"value-{value}\""));
        }
        line.push_str("}\n");
        line
    });
    let filler = "lorem ipsum dolor ".repeat(LONG_BYTES / 18);
    let long = (0..scale.answer_bytes / LONG_BYTES).map(move |number| {
        format!("{{\"level\":\"info\",\"kind\":\"long\",\"message\":\"{number} {filler}\"}}\n")
    });
    let mut lines = records.chain(long).peekable();
    std::iter::from_fn(move || {
        lines.peek()?;
        // Long lines make a body large before they are many.
        let mut body = Vec::new();
        let mut count = 0;
        while count < RECORDS && body.len() < 1 << 20 {
            let Some(line) = lines.next() else { break };
            body.extend_from_slice(line.as_bytes());
            count += 1;
        }
        Some(body)
    })
}

/// Returns the requests that ended an earlier server, one of each kind.
pub(crate) fn known(scale: Scale) -> Vec<Heavy> {
    let items = scale.items;
    vec![
        defaults(65_000, 15_500),
        packed("lines of {}", "application/x-ndjson", &b"{}\n".repeat(items)),
        packed("an array of {}", "application/json", &list("{}", items)),
        packed("lines of x", "text/plain", &b"x\n".repeat(items)),
        nested_terms(FIELDS, 1_000),
        unread("/api/v1/search?q=kind:long&limit=10000".to_owned()),
    ]
}

/// Returns requests that take other ways to the same end.
pub(crate) fn related(scale: Scale) -> Vec<Heavy> {
    let items = scale.items;
    vec![
        plain("lines of x, not packed", "text/plain", b"x\n".repeat(items)),
        packed("broken lines", "application/x-ndjson", &b"{\n".repeat(items)),
        packed("nesting without an end", "application/json", &b"[".repeat(items)),
        packed("a line without an end", "text/plain", &b"x".repeat(items)),
        figures_in_terms(),
        sorted(10_000),
        unread("/api/v1/export?q=kind:long".to_owned()),
        unread("/api/v1/tail?q=".to_owned()),
    ]
}

/// Returns requests of the known kinds with sizes and forms drawn by a seed.
pub(crate) fn random(seed: u64, count: usize, scale: Scale) -> Vec<Heavy> {
    let mut state = seed;
    let mut below = move |bound: usize| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        (mixed(state) % bound.max(1) as u64) as usize
    };
    (0..count)
        .map(|_| match below(8) {
            0 => defaults(1_000 + below(65_000), 1 + below(15_500)),
            1..=3 => {
                let item: [&str; 10] =
                    ["{}", "[]", "x", "1", "\"\"", "null", "{\"a\":1}", "{", "\u{e9}", " "];
                let item = item.get(below(item.len())).copied().unwrap_or("{}");
                let items = 1 + below(scale.items);
                let name = format!("{items} times {item:?}");
                let (kind, body) = match below(4) {
                    0 => ("application/json", list(item, items)),
                    1 => ("text/plain", format!("{item}\n").repeat(items).into_bytes()),
                    2 => ("application/x-ndjson", format!("{item}\r\n").repeat(items).into_bytes()),
                    _ => ("application/x-ndjson", format!("{item}\n").repeat(items).into_bytes()),
                };
                if below(3) == 0 { plain(&name, kind, body) } else { packed(&name, kind, &body) }
            }
            4 => nested_terms(1 + below(FIELDS), 1 + below(10_000)),
            5 => figures_in_terms(),
            6 => sorted(1 + below(10_000)),
            _ => unread(format!("/api/v1/search?q=kind:long&limit={}", 1 + below(10_000))),
        })
        .collect()
}

/// A long default for many short lines without the field.
fn defaults(lines: usize, bytes: usize) -> Heavy {
    let body = b"{\"a\":1}\n".repeat(lines);
    let mut heavy = packed("", "application/x-ndjson", &body);
    heavy.name = format!("{lines} short lines, a source of {bytes}");
    heavy.path = format!("/api/v1/ingest?source={}", "s".repeat(bytes));
    heavy
}

fn list(item: &str, items: usize) -> Vec<u8> {
    let mut body = format!("[{}", format!("{item},").repeat(items)).into_bytes();
    // The last comma becomes the end.
    body.pop();
    body.push(b']');
    body
}

fn plain(name: &str, kind: &str, body: Vec<u8>) -> Heavy {
    Heavy {
        name: name.to_owned(),
        port: Port::Ingest,
        reads: Reads::Everything,
        path: "/api/v1/ingest".to_owned(),
        headers: vec![("content-type", kind.to_owned())],
        body: Arc::new(body),
    }
}

/// A body that inflates to a thousand times what is sent.
fn packed(name: &str, kind: &str, body: &[u8]) -> Heavy {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let packed = encoder.write_all(body).and_then(|()| encoder.finish());
    let mut heavy = plain(name, kind, packed.unwrap_or_default());
    heavy.headers.push(("content-encoding", "gzip".to_owned()));
    heavy
}

fn aggregation(name: String, aggs: &Value) -> Heavy {
    Heavy {
        name,
        port: Port::Query,
        reads: Reads::Everything,
        path: "/api/v1/aggregate".to_owned(),
        headers: vec![("content-type", "application/json".to_owned())],
        body: Arc::new(json!({"q": "kind:wide", "aggs": aggs}).to_string().into_bytes()),
    }
}

/// Buckets in buckets: their number is the product of what each field has.
fn nested_terms(depth: usize, size: usize) -> Heavy {
    let terms = |field: usize| json!({"field": format!("f{field}"), "size": size});
    let innermost = json!({"by": {"terms": terms(0)}});
    let aggs = (1..depth)
        .fold(innermost, |inner, field| json!({"by": {"terms": terms(field), "aggs": inner}}));
    aggregation(format!("{depth} nested terms of {size}"), &aggs)
}

/// Metrics of each bucket that hold values.
fn figures_in_terms() -> Heavy {
    let figures = json!({
        "p": {"percentiles": {"field": "f2"}},
        "c": {"cardinality": {"field": "f3", "precision_threshold": 40_000}},
        "t": {"terms": {"field": "f4", "size": 1_000}},
    });
    let aggs = json!({"by": {
        "terms": {"field": "f0", "size": 10_000},
        "aggs": {"and": {"terms": {"field": "f1", "size": 1_000}, "aggs": figures}},
    }});
    aggregation("figures in nested terms".to_owned(), &aggs)
}

fn get(name: String, path: String, reads: Reads) -> Heavy {
    Heavy { name, port: Port::Query, reads, path, headers: Vec::new(), body: Arc::default() }
}

/// Hits in the order of a field, of which all are looked at before the first is known.
fn sorted(limit: usize) -> Heavy {
    let path = format!("/api/v1/search?q=kind:wide&sort=f0&limit={limit}");
    get(format!("{limit} hits by a field"), path, Reads::Everything)
}

fn unread(path: String) -> Heavy {
    get(format!("{path}, not read"), path, Reads::Nothing)
}

/// Mixes the bits of a number: splitmix64's last step.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// What a client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// No answer until the deadline, or the client read none.
    Nothing,
    /// The connection ended before an answer.
    Closed,
    /// A whole answer.
    Answer {
        /// Its status.
        status: u16,
        /// The stable name of what was wrong.
        code: Option<String>,
        /// Whether it says when to come again.
        says_when: bool,
    },
}

impl Told {
    /// Tells whether it is something that a client can act on: taken, or refused by a name, and by
    /// a name with a time where coming again is worth it.
    pub(crate) fn is_fit(&self) -> bool {
        match self {
            Told::Nothing => true,
            Told::Closed => false,
            Told::Answer { status: 200, .. } => true,
            Told::Answer { status: 400 | 408 | 413 | 422 | 507, code, .. } => code.is_some(),
            Told::Answer { status: 429 | 503, code, says_when } => code.is_some() && *says_when,
            Told::Answer { .. } => false,
        }
    }
}

/// Sends a request and waits for its answer until its time is over or the round ends.
pub(crate) fn perform(
    address: &str,
    heavy: &Heavy,
    ended: &AtomicBool,
    patience: Duration,
) -> std::io::Result<Told> {
    let give_up = Instant::now() + patience;
    let is_over = || ended.load(Ordering::Relaxed) || Instant::now() >= give_up;
    let mut stream = TcpStream::connect(address)?;
    stream.set_write_timeout(Some(LOOK_INTERVAL))?;
    stream.set_read_timeout(Some(LOOK_INTERVAL))?;
    let mut answer = Vec::new();
    let mut is_open = true;
    for part in [heavy.head().as_bytes(), heavy.body.as_slice()] {
        let mut rest = part;
        while !rest.is_empty() && is_open {
            if is_over() {
                return Ok(Told::Nothing);
            }
            match stream.write(rest.get(..PIECE_BYTES).unwrap_or(rest)) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if waits(&error) => {}
                // The server may have answered before the end of the body and closed the
                // connection.
                Err(_) => is_open = false,
            }
        }
    }
    if heavy.reads == Reads::Nothing {
        while !is_over() {
            std::thread::park_timeout(LOOK_INTERVAL);
        }
        return Ok(Told::Nothing);
    }
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        if let Some(told) = told(&answer) {
            return Ok(told);
        }
        if is_over() {
            return Ok(Told::Nothing);
        }
        match stream.read(&mut piece) {
            Ok(0) => return Ok(Told::Closed),
            Ok(count) => answer.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(error) if waits(&error) => {}
            Err(_) => return Ok(Told::Closed),
        }
    }
}

impl Heavy {
    fn head(&self) -> String {
        let method = if self.body.is_empty() { "GET" } else { "POST" };
        let mut head = format!(
            "{method} {} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n",
            self.path,
            self.body.len()
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head
    }
}

fn waits(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Returns what an answer says, once it is whole; of a large answer the head is enough.
fn told(answer: &[u8]) -> Option<Told> {
    let head_end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = answer.split_at_checked(head_end + 4)?;
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let says_when = value("retry-after:").is_some();
    if status == 200 {
        return Some(Told::Answer { status, code: None, says_when });
    }
    let length = value("content-length:").and_then(|length| length.parse::<usize>().ok())?;
    let problem: Value = serde_json::from_slice(body.get(..length)?).ok()?;
    let code = problem.get("code").and_then(Value::as_str).map(str::to_owned);
    Some(Told::Answer { status, code, says_when })
}
