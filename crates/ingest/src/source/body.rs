//! Body protocols: whatever sends bodies over HTTP. A protocol says where its bodies are posted,
//! what their heads mean, how items are told apart in a window of plain bytes, and how it answers.
//!
//! Everything else is here and in [`taking`], once for all protocols: receiving within deadlines
//! and budgets, inflating, decoding off the runtime's threads, handing over piece by piece, and
//! counting when the verdict is in.

mod taking;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use serde::de::DeserializeOwned;
use tierlog_model::Caller;
use tierlog_problem::{Code, ErrorShape, Problem, QueryOf};
use utoipa::openapi::OpenApi;

use super::problem::{BODY_LIMIT, INFLATED_LIMIT, too_large};
use super::{Client, count_refused};
use crate::inflate::Encoding;
use crate::intake::Verdicts;
use crate::normalise::IngestConfig;
use crate::pipeline::{Ingest, OpenBody};
use taking::Taking;

/// A protocol whose clients post bodies. A new file needs one line in
/// [`PROTOCOLS`](super::PROTOCOLS).
pub(crate) trait BodyProtocol: Send + Sync {
    /// Returns the name: the label of metrics.
    fn name(&self) -> &'static str;

    /// Returns where bodies are sent to.
    fn routes(&self) -> &'static [Route];

    /// Returns the routes as the OpenAPI document has them.
    fn contract(&self) -> OpenApi;

    /// Reads what stands before a body, and returns who reads the body.
    fn open(&self, head: &Head<'_>) -> Result<OpenBody, Problem>;

    /// Answers for a body of which every item is durable.
    fn answer(&self, taken: Taken, config: &IngestConfig) -> Result<Response, Problem>;

    /// Returns the form of errors, where it is not ours. The root gives what a listener refuses the
    /// same form.
    fn error_shape(&self) -> Option<ErrorShape> {
        None
    }
}

/// Where bodies of a protocol are sent to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    /// The method.
    pub(crate) method: MethodFilter,
    /// The path.
    pub(crate) path: &'static str,
}

/// What stands before a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'h> {
    /// The path and the query string.
    pub(crate) uri: &'h Uri,
    /// The headers.
    pub(crate) headers: &'h HeaderMap,
    /// In whose name the body comes.
    pub(crate) caller: &'h Caller,
    /// The settings.
    pub(crate) config: &'h IngestConfig,
}

impl Head<'_> {
    /// Returns a header as text.
    pub(crate) fn header(&self, name: &str) -> Result<Option<&str>, Problem> {
        let Some(value) = self.headers.get(name) else { return Ok(None) };
        let text = value.to_str();
        text.map(Some).map_err(|_| Problem::new(Code::InvalidHeader, format!("{name} is not text")))
    }

    /// Returns the query string, read into a type whose members are all optional.
    pub(crate) fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        QueryOf::of_uri(self.uri).map(|QueryOf(values)| values)
    }

    /// Returns how the body is compressed.
    pub(crate) fn encoding(&self) -> Result<Encoding, Problem> {
        let encoding = self.header(header::CONTENT_ENCODING.as_str())?;
        encoding.map_or(Some(Encoding::Identity), Encoding::of_header).ok_or_else(|| {
            let detail = "content encoding is none of gzip, zstd, deflate";
            Problem::new(Code::UnsupportedMediaType, detail)
        })
    }

    /// Refuses a body whose announced length is beyond a cap.
    fn check_announced(&self, encoding: Encoding) -> Result<(), Problem> {
        let announced = self.header(header::CONTENT_LENGTH.as_str())?;
        let announced = announced.and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
        let limits = &self.config.limits;
        if announced > limits.body_bytes_max {
            return Err(too_large(limits.body_bytes_max, BODY_LIMIT));
        }
        if encoding == Encoding::Identity && announced > limits.inflated_bytes_max {
            return Err(too_large(limits.inflated_bytes_max, INFLATED_LIMIT));
        }
        Ok(())
    }
}

/// Verdicts on a durable body.
#[derive(Debug)]
pub(crate) struct Taken {
    /// Lines that became records now.
    pub(crate) accepted_count: u64,
    /// Lines among them that go on with the record of another.
    pub(crate) joined_count: u64,
    /// Lines that an earlier request had brought.
    pub(crate) duplicate_count: u64,
    /// What was read, with the outcome of each item.
    pub(crate) verdicts: Verdicts,
}

impl Taken {
    /// Returns the problem of a body with items of which none could be read; each is a dead letter.
    pub(crate) fn check_readable(&self) -> Result<(), Problem> {
        let rejected_count = self.verdicts.rejected_line_count();
        let read_count = self.verdicts.accepted_count + self.verdicts.policy_dropped_count;
        if read_count > 0 || rejected_count == 0 {
            return Ok(());
        }
        let detail = format!("none of {rejected_count} lines could be read");
        let problem = Problem::new(Code::NothingReadable, detail);
        Err(problem.with_errors(self.verdicts.rejections.clone()))
    }
}

/// Returns the handler of one route of a protocol.
pub(super) fn method_router(
    protocol: &'static dyn BodyProtocol,
    route: Route,
) -> MethodRouter<Arc<Ingest>> {
    on(route.method, move |State(ingest): State<Arc<Ingest>>, request: Request| {
        serve(protocol, ingest, request)
    })
}

/// Takes the body of one request and answers.
async fn serve(
    protocol: &'static dyn BodyProtocol,
    ingest: Arc<Ingest>,
    request: Request,
) -> Response {
    let answer = take(protocol, &ingest, request).await;
    answer.unwrap_or_else(|problem| {
        count_refused(protocol.name(), &problem);
        match protocol.error_shape() {
            Some(shape) => shape(&problem),
            None => problem.into_response(),
        }
    })
}

async fn take(
    protocol: &'static dyn BodyProtocol,
    ingest: &Arc<Ingest>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, mut body) = request.into_parts();
    let client = Client::of_request(&parts.extensions);
    let (uri, headers, caller) = (&parts.uri, &parts.headers, &client.caller);
    let head = Head { uri, headers, caller, config: ingest.config() };
    let open = protocol.open(&head)?;
    head.check_announced(open.encoding)?;
    let taken = Taking::new(ingest, protocol.name(), &client, &mut body).run(open).await?;
    protocol.answer(taken, ingest.config())
}

#[cfg(test)]
mod tests;
