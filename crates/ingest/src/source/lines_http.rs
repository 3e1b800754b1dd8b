//! `POST /api/v1/ingest`: a body of lines arrives, a verdict on every line leaves, and only after
//! the lines are durable.

mod answer;

use std::sync::Arc;

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodFilter;
use serde::Deserialize;
use tierlog_model::{BatchId, Level};
use tierlog_problem::{Code, Errors, Problem};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

pub use self::answer::IngestAnswer;
use super::body::{BodyProtocol, Head, Route, Taken};
use super::problem::IngestErrors;
use crate::normalise::{IngestConfig, RecordDefaults};
use crate::pipeline::{BodyFormat, LineItems, OpenBody};

/// Header with the name of a batch: a retry under the same name is recognised.
const BATCH_ID_HEADER: &str = "tierlog-batch-id";

/// Longest default of a service: real names are a tenth of it.
const SERVICE_BYTES_MAX: usize = 256;

/// Longest default of a source: the path of a container's log, with every part of it as long as
/// Kubernetes allows. A default stands in every record that lacks the value.
const SOURCE_BYTES_MAX: usize = 1024;

/// JSON lines, arrays, objects and lines of text over HTTP.
#[derive(Debug)]
pub(crate) struct LinesHttp;

impl BodyProtocol for LinesHttp {
    fn name(&self) -> &'static str {
        "http"
    }

    fn routes(&self) -> &'static [Route] {
        &[Route { method: MethodFilter::POST, path: "/api/v1/ingest" }]
    }

    fn contract(&self) -> OpenApi {
        Contract::openapi()
    }

    fn open(&self, head: &Head<'_>) -> Result<OpenBody, Problem> {
        let IngestParams { service, level, source } = head.query()?;
        let format = body_format(head.header(header::CONTENT_TYPE.as_str())?).ok_or_else(|| {
            let detail = "content type is none of JSON lines, JSON, plain text";
            Problem::new(Code::UnsupportedMediaType, detail)
        })?;
        let encoding = head.encoding()?;
        let id = match head.header(BATCH_ID_HEADER)? {
            None => None,
            Some(text) => Some(BatchId::of_client(head.caller.tenant, text).ok_or_else(|| {
                let detail = "Tierlog-Batch-Id must be 1 to 128 printable ASCII characters";
                Problem::new(Code::InvalidBatchId, detail)
            })?),
        };
        let level = match level.as_deref() {
            None | Some("") => None,
            Some(word) => Some(
                Level::from_word(word)
                    .ok_or_else(|| Problem::parameter("level", "level is unknown"))?,
            ),
        };
        let service = default_text(service, "service", SERVICE_BYTES_MAX)?;
        let source = default_text(source, "source", SOURCE_BYTES_MAX)?;
        let defaults = RecordDefaults { service, level, source, ..RecordDefaults::default() };
        let items = Box::new(LineItems::new(format, head.config, Arc::new(defaults)));
        Ok(OpenBody { encoding, id, items })
    }

    fn answer(&self, taken: Taken, config: &IngestConfig) -> Result<Response, Problem> {
        taken.check_readable()?;
        let Taken { accepted_count, joined_count, duplicate_count, verdicts } = taken;
        let answer = IngestAnswer {
            accepted: accepted_count,
            joined: joined_count,
            policy_dropped: verdicts.policy_dropped_count,
            rejected: verdicts.rejected_line_count(),
            redacted: verdicts.redacted_count,
            duplicate: duplicate_count,
            durability: config.durability.clone(),
            errors: verdicts.rejections,
        };
        Ok(Json(answer).into_response())
    }
}

/// The contract of this file, for the OpenAPI document.
#[derive(utoipa::OpenApi)]
#[openapi(paths(ingest), components(schemas(IngestAnswer, Problem)))]
struct Contract;

/// Defaults for records that lack a value.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct IngestParams {
    /// Service of records that name none.
    service: Option<String>,
    /// Level of records that have none.
    level: Option<String>,
    /// Where the lines come from.
    source: Option<String>,
}

/// Takes JSON lines, an array, one object, or plain text lines.
#[utoipa::path(
    post,
    path = "/api/v1/ingest",
    tag = "ingest",
    params(
        IngestParams,
        ("Tierlog-Batch-Id" = Option<String>, Header, description = "Makes a retry harmless"),
        ("Content-Encoding" = Option<String>, Header, description = "gzip, zstd, deflate or none"),
    ),
    request_body(
        content(
            (String = "application/x-ndjson"),
            (String = "application/json"),
            (String = "text/plain"),
        ),
        description = "JSON lines; an array of objects or one object; or one message a line",
    ),
    responses(
        (status = 200, description = "Every line is durable", body = IngestAnswer),
        Errors<IngestErrors>,
    )
)]
#[expect(dead_code, reason = "the macro documents a function; `LinesHttp` serves the route")]
fn ingest() {}

/// Returns a default that is not empty. A longer default is refused, since every record would carry
/// the text.
fn default_text(
    text: Option<String>,
    name: &'static str,
    bytes_max: usize,
) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.len() > bytes_max => {
            let detail = format!("{name} is longer than {bytes_max} bytes");
            Err(Problem::parameter(name, detail))
        }
        Some(text) if text.is_empty() => Ok(None),
        Some(_) | None => Ok(text),
    }
}

/// Returns how a body of a content type is read; `None` for types that are not ours.
fn body_format(content_type: Option<&str>) -> Option<BodyFormat> {
    let Some(content_type) = content_type else { return Some(BodyFormat::JsonLines) };
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Some(match essence.as_str() {
        "application/x-ndjson" | "application/ndjson" | "application/jsonl"
        | "application/jsonlines" | "application/x-jsonlines" | "application/stream+json"
        // The type that `curl --data-binary` sends by default.
        | "application/x-www-form-urlencoded" | "application/octet-stream" | "" => {
            BodyFormat::JsonLines
        }
        "text/plain" => BodyFormat::Text,
        "application/json" | "text/json" => BodyFormat::Json,
        other if other.ends_with("+json") => BodyFormat::Json,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
