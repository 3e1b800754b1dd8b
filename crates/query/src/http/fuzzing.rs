//! What must hold for every request, as functions of bytes that panic where it does not.
//!
//! The fuzzer (`fuzz/`) looks for bytes that break a property; the test below replays the corpus
//! that it left in the repository. Not part of an ordinary build.

use std::sync::OnceLock;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Response, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use serde_json::json;
use tierlog_model::{Level, Pseudonyms, Record, RecordKind, Timestamp, Value};
use tokio::runtime::Runtime;

#[cfg(not(test))]
#[path = "tests/fixture.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod fixture;
#[cfg(test)]
use super::tests::fixture;

use self::fixture::{DAY, Fixture, NOW, line, text};
use crate::config::QueryConfig;
use crate::dialect::{AnyField, KnownFields, Spellings, Vocabulary};
use crate::error::QueryError;
use crate::record_filter::RecordFilter;

/// Time of one query: a multiple of this time is a hang to a fuzzer.
const DEADLINE: Duration = Duration::from_secs(2);

/// Records of the store, spread over days, levels and types.
const RECORDS: i64 = 300;

/// Largest answer: the records are small, so only something unbounded is larger.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Resources whose parameters stand in the query string. `tail` has no end.
const RESOURCES: [&str; 8] = [
    "/api/v1/search",
    "/api/v1/requests/req-1",
    "/api/v1/users/4242",
    "/api/v1/histogram",
    "/api/v1/fields",
    "/api/v1/fields/service/values",
    "/api/v1/export",
    "/api/v1/tiers",
];

/// A small store with hot and sealed days, and the API over it.
struct Bench {
    runtime: Runtime,
    fixture: Fixture,
}

fn bench() -> &'static Bench {
    static BENCH: OnceLock<Bench> = OnceLock::new();
    BENCH.get_or_init(|| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let config = QueryConfig { deadline_max: DEADLINE, ..QueryConfig::default() };
        let fixture = Fixture::with_config(config);
        runtime.block_on(fixture.write(&records()));
        fixture.seal_closed_days();
        Bench { runtime, fixture }
    })
}

/// Opens the store, so that the first input is not taken for a hang.
pub fn start() {
    bench();
}

fn records() -> Vec<Record<'static>> {
    let levels = [Level::Info, Level::Error];
    let record = |number: i64| {
        let level = levels.get(number as usize % levels.len()).copied().unwrap_or(Level::Info);
        let offset = -DAY * (number / 2 % 2) - number * 1_000_000;
        let mut record = line(
            offset,
            level,
            &[
                ("message", text("payment of course 12 failed: timeout after 3 tries")),
                ("service", text(if number % 2 == 0 { "web" } else { "worker" })),
                ("request_id", Value::Str(format!("req-{}", number / 4).into())),
                ("status_code", Value::I64(200 + number)),
                ("duration_ms", Value::F64(number as f64 * 1.5)),
                ("path", Value::Str(format!("/api/courses/{number}").into())),
                ("context.flag", Value::Bool(number % 3 == 0)),
            ],
        );
        // One field of several types.
        let mixed = if number % 2 == 0 { Value::I64(number) } else { text("seven") };
        record.fields.push(("mixed".into(), mixed));
        if number % 50 == 0 {
            record.kind = RecordKind::DeadLetter;
        }
        record
    };
    (0..RECORDS).map(record).collect()
}

/// A store without a field of its own.
struct NoField;

impl KnownFields for NoField {
    fn has(&self, _: &str) -> bool {
        false
    }

    fn names(&self) -> Result<Vec<String>, QueryError> {
        Ok(Vec::new())
    }

    fn similar_names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A query text compiles to a condition that any record can be held to, or is refused at a
/// place inside it.
pub fn query(data: &[u8]) {
    let query = String::from_utf8_lossy(data);
    let now = Timestamp::from_micros_clamped(NOW);
    // Odd lengths: a store that has no field but those of the contract.
    let fields: &dyn KnownFields = if data.len().is_multiple_of(2) { &AnyField } else { &NoField };
    let (pseudonyms, spellings) = (Pseudonyms::off(), Spellings::default());
    let vocabulary = Vocabulary { pseudonyms: &pseudonyms, now, spellings: &spellings, fields };
    match crate::dialect::lucene::parse(&query, vocabulary) {
        Ok(compiled) => {
            static RECORDS: OnceLock<Vec<Record<'static>>> = OnceLock::new();
            let filter = RecordFilter::new(compiled.expr);
            for record in RECORDS.get_or_init(records).iter().take(5) {
                filter.matches(record);
            }
        }
        Err(error) => {
            assert!(error.position().is_none_or(|place| place <= query.len()), "{error}");
            assert!(!matches!(error, QueryError::Internal(_)), "{error}");
        }
    }
}

/// A search answers, whatever its body. Odd first byte: the body is the query text alone.
pub fn search(data: &[u8]) {
    let [control, body @ ..] = data else { return };
    let body = String::from_utf8_lossy(body);
    let body = match control & 1 {
        0 => body.into_owned(),
        _ => json!({ "q": body, "limit": control >> 1 }).to_string(),
    };
    let path = if control & 2 == 0 { "/api/v1/search" } else { "/api/v1/users" };
    check(Method::POST, path, &body);
}

/// An aggregation answers, whatever its body. Odd first byte: the body is `aggs` alone.
pub fn aggregate(data: &[u8]) {
    let [control, body @ ..] = data else { return };
    let body = String::from_utf8_lossy(body);
    let body = match control & 1 {
        0 => body.into_owned(),
        _ => json!({ "aggs": body }).to_string(),
    };
    check(Method::POST, "/api/v1/aggregate", &body);
}

/// Every other resource answers, whatever its query string.
pub fn parameters(data: &[u8]) {
    let [control, string @ ..] = data else { return };
    let Some(path) = RESOURCES.get(usize::from(*control) % RESOURCES.len()) else { return };
    let uri = format!("{path}?{}", String::from_utf8_lossy(string));
    if uri.parse::<Uri>().is_ok() {
        check(Method::GET, &uri, "");
    }
}

/// Sends a request and checks what holds for every answer.
fn check(method: Method, uri: &str, body: &str) {
    let Bench { runtime, fixture } = bench();
    runtime.block_on(async {
        let response = fixture.send(method, uri, body).await;
        let status = response.status();
        assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "a fault of the server");
        let streamed = is_streamed(&response);
        let answer = response.into_body().collect().await.expect("a whole answer").to_bytes();
        assert!(answer.len() <= ANSWER_BYTES_MAX, "{} bytes", answer.len());
        let mut values =
            serde_json::Deserializer::from_slice(&answer).into_iter::<serde::de::IgnoredAny>();
        assert!(values.all(|value| value.is_ok()), "the answer is no JSON");
        assert!(streamed || !answer.is_empty(), "an empty answer");
    });
}

fn is_streamed(response: &Response<Body>) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    content_type.is_some_and(|value| value == "application/x-ndjson")
}

#[cfg(test)]
#[path = "../../../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::replay::replay;
    use super::*;

    #[test]
    fn the_corpus_of_every_target_holds() {
        replay("query", query);
        replay("search", search);
        replay("aggregate", aggregate);
        replay("parameters", parameters);
    }
}
