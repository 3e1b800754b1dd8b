//! `POST /api/v1/ingest`: a body of lines arrives, a verdict on every line leaves, and only after
//! the lines are durable. Whoever finds the pipeline full waits in line, for seconds; one that
//! stays full is said (429). What can never be taken is said at once (413): of the head already
//! where the head says it.

mod taking;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::{Extension, Json};
use serde::Deserialize;
use tierlog_model::{BatchId, Level, SenderId, Tenant};
use tierlog_problem::{Code, Errors, Problem, QueryOf};

use super::answer::IngestAnswer;
use super::problem::{BODY_LIMIT, INFLATED_LIMIT, IngestErrors, too_large};
use super::{Protocol, count_refused};
use crate::inflate::Encoding;
use crate::intake::RecordDefaults;
use crate::pipeline::{BodyFormat, BodyHead, Ingest};
use taking::{Taken, Taking};

/// Header that names a batch so that its retry is recognised.
const BATCH_ID_HEADER: &str = "tierlog-batch-id";

/// Longest default of a service: real names are a tenth of it.
const SERVICE_BYTES_MAX: usize = 256;

/// Longest default of a source: the path of a container's log, with every part of it as long as
/// Kubernetes allows. A default stands in every record that lacks the value.
const SOURCE_BYTES_MAX: usize = 1024;

/// The contract of this file, for the OpenAPI document.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(paths(ingest), components(schemas(IngestAnswer, Problem)))]
pub struct IngestApi;

/// Defaults for records that lack a value.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct IngestParams {
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
pub(crate) async fn ingest(
    State(ingest): State<Arc<Ingest>>,
    sender: Option<Extension<SenderId>>,
    params: Result<QueryOf<IngestParams>, Problem>,
    headers: HeaderMap,
    mut body: Body,
) -> Result<Json<IngestAnswer>, Problem> {
    let sender = sender.map_or_else(SenderId::default, |Extension(sender)| sender);
    let answer = take(&ingest, sender, params, &headers, &mut body).await;
    answer.map(Json).inspect_err(|problem| count_refused(Protocol::Http, problem))
}

async fn take(
    ingest: &Arc<Ingest>,
    sender: SenderId,
    params: Result<QueryOf<IngestParams>, Problem>,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<IngestAnswer, Problem> {
    let QueryOf(params) = params?;
    let head = read_head(headers, params)?;
    check_announced(ingest, headers, head.encoding)?;
    let taken = Taking::new(ingest, sender, body).run(head).await?;
    answer(ingest, taken)
}

fn answer(ingest: &Ingest, taken: Taken) -> Result<IngestAnswer, Problem> {
    let Taken { accepted_count, joined_count, duplicate_count, verdicts } = taken;
    let rejected_count = verdicts.rejected_line_count();
    if verdicts.accepted_count == 0 && rejected_count > 0 {
        let detail = format!("none of {rejected_count} lines could be read");
        let problem = Problem::new(Code::NothingReadable, detail);
        return Err(problem.with_errors(verdicts.rejections));
    }
    Ok(IngestAnswer {
        accepted: accepted_count,
        joined: joined_count,
        rejected: rejected_count,
        redacted: verdicts.redacted_count,
        duplicate: duplicate_count,
        durability: ingest.config().durability.clone(),
        errors: verdicts.rejections,
    })
}

fn read_head(headers: &HeaderMap, params: IngestParams) -> Result<BodyHead, Problem> {
    let unsupported = |detail| Problem::new(Code::UnsupportedMediaType, detail);
    let format = body_format(text_header(headers, header::CONTENT_TYPE.as_str())?)
        .ok_or_else(|| unsupported("content type is none of JSON lines, JSON, plain text"))?;
    let encoding = text_header(headers, header::CONTENT_ENCODING.as_str())?
        .map_or(Some(Encoding::Identity), Encoding::of_header)
        .ok_or_else(|| unsupported("content encoding is none of gzip, zstd, deflate"))?;
    let id = match text_header(headers, BATCH_ID_HEADER)? {
        None => None,
        Some(text) => Some(BatchId::of_client(Tenant::DEFAULT, text).ok_or_else(|| {
            let detail = "Tierlog-Batch-Id must be 1 to 128 printable ASCII characters";
            Problem::new(Code::InvalidBatchId, detail)
        })?),
    };
    let level = match params.level.as_deref() {
        None | Some("") => None,
        Some(word) => Some(
            Level::from_word(word)
                .ok_or_else(|| Problem::parameter("level", "level is unknown"))?,
        ),
    };
    let service = default_text(params.service, "service", SERVICE_BYTES_MAX)?;
    let source = default_text(params.source, "source", SOURCE_BYTES_MAX)?;
    let defaults = RecordDefaults { service, level, source, ..RecordDefaults::default() };
    Ok(BodyHead { format, encoding, defaults, id })
}

/// Returns a default that is not empty. One that is too long is refused: it would be written with
/// every record.
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

/// Refuses a body whose head says already that it is too large.
fn check_announced(
    ingest: &Ingest,
    headers: &HeaderMap,
    encoding: Encoding,
) -> Result<(), Problem> {
    let announced = text_header(headers, header::CONTENT_LENGTH.as_str())?;
    let announced = announced.and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    let limits = &ingest.config().limits;
    if announced > limits.body_bytes_max {
        return Err(too_large(limits.body_bytes_max, BODY_LIMIT));
    }
    if encoding == Encoding::Identity && announced > limits.inflated_bytes_max {
        return Err(too_large(limits.inflated_bytes_max, INFLATED_LIMIT));
    }
    Ok(())
}

fn text_header<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Problem> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value.to_str();
    text.map(Some).map_err(|_| Problem::new(Code::InvalidHeader, format!("{name} is not text")))
}

/// Returns how a body of a content type is read; `None` for types that are not ours.
fn body_format(content_type: Option<&str>) -> Option<BodyFormat> {
    let Some(content_type) = content_type else { return Some(BodyFormat::JsonLines) };
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Some(match essence.as_str() {
        "application/x-ndjson" | "application/ndjson" | "application/jsonl"
        | "application/jsonlines" | "application/x-jsonlines" | "application/stream+json"
        // What `curl --data-binary` says when it is told nothing.
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
