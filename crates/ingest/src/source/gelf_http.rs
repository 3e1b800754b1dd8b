//! GELF over HTTP: `POST /gelf`. A body is a message, or a message a line; what leaves is Graylog's
//! answer, 202 without a body, or a sentence of text that says what is wrong.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodFilter;
use tierlog_problem::{Code, ErrorShape, Problem, Retry};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use super::body::{BodyProtocol, Head, Route, Taken};
use super::gelf::GelfReader;
use crate::intake::Intake;
use crate::normalise::IngestConfig;
use crate::pipeline::{BodyFormat, BodyItems, Item, ItemFinder, OpenBody, Read, Window, estimate};

/// GELF over HTTP.
#[derive(Debug)]
pub(crate) struct GelfHttp;

impl BodyProtocol for GelfHttp {
    fn name(&self) -> &'static str {
        "gelf_http"
    }

    fn routes(&self) -> &'static [Route] {
        &[Route { method: MethodFilter::POST, path: "/gelf" }]
    }

    fn contract(&self) -> OpenApi {
        Contract::openapi()
    }

    fn open(&self, head: &Head<'_>) -> Result<OpenBody, Problem> {
        let encoding = head.encoding()?;
        Ok(OpenBody { encoding, id: None, items: gelf_items(head.config) })
    }

    fn answer(&self, taken: Taken, _: &IngestConfig) -> Result<Response, Problem> {
        let verdicts = &taken.verdicts;
        let rejected_count = verdicts.rejected_count();
        let Some(first) = verdicts.rejections.first() else {
            return Ok(StatusCode::ACCEPTED.into_response());
        };
        let (reason, detail) = (first.reason, &first.detail);
        let text = format!(
            "{rejected_count} of {} messages could not be read; the first is message {}: {reason}, \
             {detail}\n",
            verdicts.line_count, first.line
        );
        match verdicts.accepted_count {
            0 => Err(Problem::new(Code::NothingReadable, text)),
            // The others are stored: to send the body again would store them twice.
            1.. => Ok((StatusCode::ACCEPTED, text).into_response()),
        }
    }

    fn error_shape(&self) -> Option<ErrorShape> {
        Some(text_of)
    }
}

/// Returns an error as Graylog's clients log it: a status and a line of text.
fn text_of(problem: &Problem) -> Response {
    let mut answer = (problem.status(), Body::from(problem.detail().to_owned())).into_response();
    let headers = answer.headers_mut();
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    if let Retry::After(seconds) = problem.code().retry() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// Returns the reader of the messages of one body.
pub(crate) fn gelf_items(config: &IngestConfig) -> Box<dyn BodyItems> {
    let finder = ItemFinder::new(BodyFormat::Json, config);
    Box::new(Messages { finder, reader: GelfReader::new(config) })
}

/// Reads the messages of one body.
struct Messages {
    finder: ItemFinder,
    reader: GelfReader,
}

impl BodyItems for Messages {
    fn read(&mut self, window: &mut Window<'_>, intake: &mut Intake<'_>) -> Read {
        while !intake.is_full() {
            match self.finder.next(window) {
                Some(Item::Line(message) | Item::Element(message)) => {
                    self.reader.message(message, intake);
                }
                Some(Item::TooLong(head)) => self.reader.too_long(&head, intake),
                None => return Read::Starved,
            }
        }
        Read::Full
    }

    fn batch_bytes(&self, unread: &[u8]) -> usize {
        estimate(unread, self.reader.defaults())
    }
}

/// The contract of this file, for the OpenAPI document.
#[derive(utoipa::OpenApi)]
#[openapi(paths(gelf))]
struct Contract;

/// Takes a GELF message, or a message a line.
#[utoipa::path(
    post,
    path = "/gelf",
    tag = "ingest",
    params(
        ("Content-Encoding" = Option<String>, Header, description = "gzip, zstd, deflate or none"),
    ),
    request_body(content = String, content_type = "application/json", description = "GELF 1.1"),
    responses(
        (status = 202, description = "Every message is durable, a rejected one as a dead letter"),
        (status = "default", body = String, content_type = "text/plain",
            description = "Why the request was refused, in words"),
    )
)]
#[expect(dead_code, reason = "the macro documents a function; `GelfHttp` serves the route")]
fn gelf() {}

#[cfg(test)]
mod tests;
