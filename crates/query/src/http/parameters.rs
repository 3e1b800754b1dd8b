//! Parameters of a request: texts of the path, a query string or a JSON object arrive, typed values
//! leave.
//!
//! GET and POST share names and types. A parameter that nobody asked for is refused by
//! [`Parameters::finish`], so that a misspelt `strat=` never looks like a full answer.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRef, FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::Method;
use serde_json::Value;
use tierlog_model::memory::{MemoryLease, MemoryPart, ThreadMemory};
use tierlog_problem::{Code, Problem};
use tokio_stream::StreamExt as _;

use super::duration::parse_duration;
use crate::error::QueryError;

/// Largest request body that is read without a lease: most are a tenth of it.
const FREE_BYTES_MAX: usize = 1 << 10;

/// Times as much memory as text that parsed JSON takes at most: a number of one digit is a value
/// of its own, with its text beside it.
const JSON_GROWTH: u64 = 48;

/// Bounds of a request's body.
#[derive(Clone, Debug)]
pub(crate) struct BodyBounds {
    /// Longest body, bytes.
    pub(crate) bytes_max: usize,
    /// The part of the budget that lends the memory of bodies and parameters.
    pub(crate) memory: MemoryPart,
}

/// The parameters of a request before a resource has taken them.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    values: BTreeMap<String, Value>,
    /// The lease of the parameters' memory until their drop.
    lease: Option<MemoryLease>,
}

impl<S> FromRequest<S> for Parameters
where
    S: Send + Sync,
    BodyBounds: FromRef<S>,
{
    type Rejection = Problem;

    /// Reads the texts in the path, the query string, and the JSON object in the body of a POST.
    async fn from_request(request: Request, state: &S) -> Result<Parameters, Problem> {
        let mut parameters = Parameters::default();
        let (mut head, body) = request.into_parts();
        match RawPathParams::from_request_parts(&mut head, state).await {
            Ok(in_path) => {
                for (name, value) in &in_path {
                    parameters.add(name.to_owned(), Value::String(value.to_owned()))?;
                }
            }
            // Another layer than a router has no path to read.
            Err(RawPathParamsRejection::MissingPathParams(_)) => {}
            Err(_) => return Err(Problem::new(Code::InvalidParameter, "the path is not UTF-8")),
        }
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&head.uri)
            .map_err(|_| Problem::new(Code::InvalidParameter, "the query string is not UTF-8"))?;
        for (name, value) in pairs {
            parameters.add(name, Value::String(value))?;
        }
        if head.method == Method::POST {
            let bounds = BodyBounds::from_ref(state);
            let (object, lease) = read_object(body, &bounds).await?;
            parameters.lease = lease;
            for (name, value) in object {
                parameters.add(name, value)?;
            }
        }
        Ok(parameters)
    }
}

/// Reads a JSON object from a body, whatever its content type says. No body is an empty object.
async fn read_object(
    body: Body,
    bounds: &BodyBounds,
) -> Result<(serde_json::Map<String, Value>, Option<MemoryLease>), Problem> {
    let (bytes, mut lease) = read_bytes(body, bounds).await?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok((serde_json::Map::new(), lease));
    }
    if let Some(lease) = &mut lease {
        lease.grow_to(bytes.len() as u64 * JSON_GROWTH).map_err(QueryError::from)?;
    }
    let memory = ThreadMemory::start();
    let object = serde_json::from_slice(&bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let detail = format!("the body is not a JSON object: line {line}, column {column}");
        Problem::new(Code::InvalidBody, detail)
    })?;
    drop(bytes);
    if let Some(lease) = &mut lease {
        // A process whose allocator does not count leaves the estimate.
        match u64::try_from(memory.change_bytes()) {
            Ok(0) | Err(_) => {}
            Ok(grown) => lease.shrink_to(grown),
        }
    }
    Ok((object, lease))
}

/// Reads a body under the budget.
///
/// Too much is read to its end all the same, and not kept: a connection that is closed over unread
/// bytes is reset, and its client would never see the answer. The listener bounds the time.
async fn read_bytes(
    body: Body,
    bounds: &BodyBounds,
) -> Result<(Vec<u8>, Option<MemoryLease>), Problem> {
    let too_large = || {
        let limit = bounds.bytes_max;
        let detail = format!("the body ends early or is larger than query.body_max, {limit} bytes");
        Problem::new(Code::TooLarge, detail)
    };
    let mut pieces = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut lease: Option<MemoryLease> = None;
    let mut refused: Option<Problem> = None;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| too_large())?;
        let length = bytes.len() + piece.len();
        if refused.is_none() && length > bounds.bytes_max {
            refused = Some(too_large());
        }
        if refused.is_none() && length > FREE_BYTES_MAX {
            let lease = lease.get_or_insert_with(|| bounds.memory.empty_lease());
            refused =
                lease.grow_to(length as u64).err().map(|error| QueryError::from(error).into());
        }
        match refused {
            None => bytes.extend_from_slice(&piece),
            Some(_) => bytes = Vec::new(),
        }
    }
    refused.map_or(Ok((bytes, lease)), Err)
}

impl Parameters {
    fn add(&mut self, name: String, value: Value) -> Result<(), Problem> {
        if self.values.contains_key(&name) {
            let detail = format!("{name:?} is given twice");
            return Err(Problem::parameter(name, detail));
        }
        // A null stands for an absent parameter, as most JSON writers mean it.
        if !value.is_null() {
            self.values.insert(name, value);
        }
        Ok(())
    }

    /// Takes a parameter as it is.
    pub(crate) fn value(&mut self, name: &str) -> Option<Value> {
        self.values.remove(name)
    }

    /// Takes a text.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(Problem::parameter(name, format!("{name:?} must be a text"))),
        }
    }

    /// Takes a whole number of at most `max`.
    pub(crate) fn count(&mut self, name: &str, max: usize) -> Result<Option<usize>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match text.parse::<usize>() {
            Ok(number) if number <= max => Ok(Some(number)),
            _ => {
                let detail = format!("{name:?} must be a whole number from 0 to {max}");
                Err(Problem::parameter(name, detail))
            }
        }
    }

    /// Takes a duration.
    pub(crate) fn duration(&mut self, name: &str) -> Result<Option<Duration>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let problem = || {
            let detail = format!("{name:?} must be a duration with a unit, such as 30s or 1h30m");
            Problem::parameter(name, detail)
        };
        parse_duration(&text).ok_or_else(problem).map(Some)
    }

    /// Takes a list of names: an array of texts, or one text with commas between.
    pub(crate) fn names(&mut self, name: &str) -> Result<Option<Vec<String>>, Problem> {
        let problem = || {
            let detail = format!("{name:?} must be names with commas between, or an array of them");
            Problem::parameter(name, detail)
        };
        let names: Vec<String> = match self.value(name) {
            None => return Ok(None),
            Some(Value::String(text)) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                parts.map(str::to_owned).collect()
            }
            Some(Value::Array(values)) => values
                .into_iter()
                .map(|value| match value {
                    Value::String(text) => Ok(text),
                    _ => Err(problem()),
                })
                .collect::<Result<_, _>>()?,
            Some(_) => return Err(problem()),
        };
        Ok(Some(names))
    }

    /// Refuses parameters that the resource has not taken. The lease of the taken parameters
    /// returns to the request, until the answer.
    pub(crate) fn finish(self) -> Result<Option<MemoryLease>, Problem> {
        match self.values.into_keys().next() {
            None => Ok(self.lease),
            Some(name) => {
                let detail = format!("{name:?} is no parameter of this resource");
                Err(Problem::parameter(name, detail))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tierlog_model::memory::MemoryUse;

    use super::*;

    const BYTES_MAX: usize = 64 << 10;

    async fn read(method: Method, uri: &str, body: &str) -> Result<Parameters, Problem> {
        let request = Request::builder().method(method).uri(uri).body(Body::from(body.to_owned()));
        let memory = MemoryPart::new(MemoryUse::Hits, 64 << 20);
        let bounds = BodyBounds { bytes_max: BYTES_MAX, memory };
        Parameters::from_request(request.expect("a request"), &bounds).await
    }

    #[tokio::test]
    async fn get_and_post_read_the_same() {
        let get = "/x?q=level:error%20a+b&limit=5&fields=a,%20b,&start=0&timeout=2s";
        let body = r#"{"q":"level:error a b","limit":5,"fields":["a","b"],"start":0,
            "timeout":"2s","end":null}"#;
        for (method, uri, body) in [(Method::GET, get, ""), (Method::POST, "/x", body)] {
            let mut parameters = read(method, uri, body).await.expect("readable");
            assert_eq!(parameters.text("q").expect("a text").as_deref(), Some("level:error a b"));
            assert_eq!(parameters.count("limit", 10).expect("a count"), Some(5));
            let names = parameters.names("fields").expect("names").expect("given");
            assert_eq!(names, ["a", "b"]);
            assert_eq!(parameters.text("start").expect("a text").as_deref(), Some("0"));
            assert_eq!(parameters.text("end").expect("none"), None);
            let timeout = parameters.duration("timeout").expect("a duration");
            assert_eq!(timeout, Some(Duration::from_secs(2)));
            parameters.finish().expect("everything was taken");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_named() {
        for (method, uri, body, code) in [
            (Method::GET, "/x?limit=1&limit=2", "", Code::InvalidParameter),
            (Method::POST, "/x?limit=1", r#"{"limit":2}"#, Code::InvalidParameter),
            (Method::POST, "/x", "[]", Code::InvalidBody),
            (Method::POST, "/x", "{\"q\":", Code::InvalidBody),
        ] {
            let problem = read(method, uri, body).await.expect_err("refused");
            assert_eq!(problem.code(), code, "{uri} {body}");
        }
        let large = format!("{{\"q\":\"{}\"}}", "a".repeat(BYTES_MAX));
        let problem = read(Method::POST, "/x", &large).await.expect_err("refused");
        assert_eq!(problem.code(), Code::TooLarge);
    }

    #[tokio::test]
    async fn parsed_bodies_hold_a_lease_and_too_many_of_them_are_refused() {
        let memory = MemoryPart::new(MemoryUse::Hits, 4 << 20);
        let bounds = BodyBounds { bytes_max: 256 << 10, memory: memory.clone() };
        let read = async |bytes: usize| {
            let zeros = vec!["0"; bytes / 2].join(",");
            let body = Body::from(format!("{{\"fields\":[{zeros}]}}"));
            let request = Request::builder().method(Method::POST).uri("/x").body(body);
            Parameters::from_request(request.expect("a request"), &bounds).await
        };
        let held = [read(500).await.expect("free"), read(50_000).await.expect("room")];
        assert!(memory.used_bytes() >= 50_000 * JSON_GROWTH);
        assert_eq!(read(50_000).await.expect_err("no room").code(), Code::Busy);
        assert_eq!(read(200_000).await.expect_err("too much").code(), Code::TooExpensive);
        assert_eq!(read(300_000).await.expect_err("too long").code(), Code::TooLarge);
        drop(held);
        assert_eq!(memory.used_bytes(), 0);
    }

    #[tokio::test]
    async fn values_out_of_bounds_and_unknown_names_are_refused() {
        let uri = "/x?limit=11&timeout=5&strat=1";
        let mut parameters = read(Method::GET, uri, "").await.expect("readable");
        assert!(parameters.count("limit", 10).is_err());
        assert!(parameters.duration("timeout").is_err());
        let problem = parameters.finish().expect_err("strat is left");
        let text = serde_json::to_string(&problem).expect("a body");
        assert!(text.contains(r#""parameter":"strat""#), "{text}");
    }
}
