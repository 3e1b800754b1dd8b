//! `POST /api/v1/ingest`: a body of lines arrives, a verdict on every line leaves, and only after
//! the lines are durable. Whoever finds the pipeline full waits in line, for seconds; one that stays
//! full is said (429).

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::{Extension, Json};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::Deserialize;
use tierlog_model::{BatchId, Level, Receipt, RedactedBatch, Refusal, SenderId, WhenDiskFull};
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::answer::IngestAnswer;
use super::problem::{NOTHING_READABLE, Problem};
use super::room::HeldRoom;
use super::{Protocol, Tally, count_bytes, count_refused};
use crate::config::Defaults;
use crate::inflate::{Encoding, inflate};
use crate::pipeline::{BodyFormat, Ingest, PreparedBatch};

/// Header that names a batch so that its retry is recognised.
const BATCH_ID_HEADER: &str = "tierlog-batch-id";

/// Bodies up to this size are decoded where they arrive: about 400 µs, less than a move to
/// another thread and back is worth.
const INLINE_BYTES_MAX: usize = 32 * 1024;

/// How long the rest of a refused body is read: 64 MiB at 100 Mbit/s.
const DISCARD_TIME: Duration = Duration::from_secs(5);

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

/// A request whose headers were understood.
#[derive(Debug)]
struct Request {
    format: BodyFormat,
    encoding: Encoding,
    defaults: Defaults,
    id: Option<BatchId>,
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
        (status = 400, description = "Nothing in the body could be read", body = Problem),
        (status = 408, description = "The body took too long to arrive", body = Problem),
        (status = 413, description = "The body is too large", body = Problem),
        (status = 415, description = "Unknown type or encoding", body = Problem),
        (status = 429, description = "Full; see Retry-After", body = Problem),
        (status = 503, description = "The store refuses writes", body = Problem),
        (status = 507, description = "The disk is full", body = Problem),
    )
)]
pub(crate) async fn ingest(
    State(ingest): State<Arc<Ingest>>,
    sender: Option<Extension<SenderId>>,
    params: Result<Query<IngestParams>, QueryRejection>,
    headers: HeaderMap,
    mut body: Body,
) -> Result<Json<IngestAnswer>, Problem> {
    let sender = sender.map_or_else(SenderId::default, |Extension(sender)| sender);
    let answer = take(&ingest, sender, params, &headers, &mut body).await;
    if let Err(problem) = &answer {
        count_refused(Protocol::Http, problem);
        if problem.status != StatusCode::REQUEST_TIMEOUT.as_u16() {
            discard(&mut body).await;
        }
    }
    answer
}

async fn take(
    ingest: &Arc<Ingest>,
    sender: SenderId,
    params: Result<Query<IngestParams>, QueryRejection>,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Json<IngestAnswer>, Problem> {
    let Query(params) = params
        .map_err(|_| Problem::bad_request("invalid_parameter", "query string is malformed"))?;
    let request = read_head(headers, params)?;
    let (body, _held) = collect(ingest, headers, body).await?;
    let until = Instant::now() + ingest.config().limits.full_patience;
    let (PreparedBatch { batch, verdicts }, turn) = prepare(ingest, request, body, until).await?;
    let batch = batch.with_sender(sender);
    let tally = Tally::of(&verdicts);
    let receipt = hand_over(ingest, batch, tally.clone(), until, turn).await?;
    let tally = tally.settled(&receipt);

    let rejected_count = verdicts.rejected_line_count();
    // A batch is a repeat as a whole or not at all, and so are the lines that are joined in it.
    let joined = if tally.duplicate_count == 0 { verdicts.joined_count } else { 0 };
    let nothing_read = verdicts.accepted_count == 0 && rejected_count > 0;
    if nothing_read {
        let detail = format!("none of {rejected_count} lines could be read");
        let problem = Problem::bad_request(NOTHING_READABLE, detail);
        return Err(Problem { errors: verdicts.rejections, ..problem });
    }
    Ok(Json(IngestAnswer {
        accepted: tally.accepted_count + joined,
        joined,
        rejected: rejected_count,
        redacted: verdicts.redacted_count,
        duplicate: tally.duplicate_count + verdicts.joined_count - joined,
        durability: ingest.config().durability.clone(),
        errors: verdicts.rejections,
    }))
}

fn read_head(headers: &HeaderMap, params: IngestParams) -> Result<Request, Problem> {
    let unsupported =
        |detail| Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail);
    let format = body_format(text_header(headers, header::CONTENT_TYPE.as_str())?)
        .ok_or_else(|| unsupported("content type is none of JSON lines, JSON, plain text"))?;
    let encoding = text_header(headers, header::CONTENT_ENCODING.as_str())?
        .map_or(Some(Encoding::Identity), Encoding::of_header)
        .ok_or_else(|| unsupported("content encoding is none of gzip, zstd, deflate"))?;
    let id = match text_header(headers, BATCH_ID_HEADER)? {
        None => None,
        Some(text) => Some(BatchId::of_client(text).ok_or_else(|| {
            let detail = "Tierlog-Batch-Id must be 1 to 128 printable ASCII characters";
            Problem::bad_request("invalid_batch_id", detail)
        })?),
    };
    let level = match params.level.as_deref() {
        None | Some("") => None,
        Some(word) => Some(
            Level::from_word(word)
                .ok_or_else(|| Problem::bad_request("invalid_parameter", "level is unknown"))?,
        ),
    };
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let defaults =
        Defaults { service: filled(params.service), level, source: filled(params.source) };
    Ok(Request { format, encoding, defaults, id })
}

fn text_header<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Problem> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value.to_str();
    text.map(Some)
        .map_err(|_| Problem::bad_request("invalid_header", format!("{name} is not text")))
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

/// Receives a body within its cap, its deadline and the room of all bodies. While it waits for
/// room it does not read, and TCP tells its client to wait. What is returned beside the body
/// holds the room until it is dropped.
async fn collect(
    ingest: &Ingest,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<(Bytes, HeldRoom), Problem> {
    let limit = ingest.config().limits.body_bytes_max;
    let announced = text_header(headers, header::CONTENT_LENGTH.as_str())?
        .and_then(|text| text.parse::<usize>().ok())
        .unwrap_or(0);
    if announced > limit {
        return Err(Problem::too_large(limit));
    }
    let deadline = Instant::now() + ingest.config().limits.body_deadline;
    let mut collected = BytesMut::new();
    let mut held = HeldRoom::default();
    loop {
        let frame = tokio::time::timeout_at(deadline, body.frame()).await.map_err(|_| {
            let detail = "the body took too long to arrive";
            Problem::new(StatusCode::REQUEST_TIMEOUT, "deadline", detail)
        })?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| {
            Problem::bad_request("incomplete_body", "the body ended before it was complete")
        })?;
        let Ok(piece) = frame.into_data() else { continue };
        if collected.len() + piece.len() > limit {
            return Err(Problem::too_large(limit));
        }
        let until = deadline.min(Instant::now() + ingest.config().limits.full_patience);
        ingest.body_room.take(piece.len(), &mut held, until).await.map_err(|_| Problem::full())?;
        count_bytes(Protocol::Http, piece.len());
        if collected.is_empty() {
            collected.reserve(announced);
        }
        collected.extend_from_slice(&piece);
    }
    Ok((collected.freeze(), held))
}

/// Reads what is left of a refused body, for a while, and keeps nothing: a connection that is
/// closed over unread bytes is reset, and its client would never see the answer.
async fn discard(body: &mut Body) {
    let read = async { while let Some(Ok(_)) = body.frame().await {} };
    // A client that sends for longer may miss the answer, and holds nothing of ours meanwhile.
    let _ = tokio::time::timeout(DISCARD_TIME, read).await;
}

/// Inflates, decodes, normalises and redacts, off the runtime's threads when it takes long. What
/// is returned beside the batch is its turn: one a core, kept until the store has the batch, so
/// that bodies wait for room as they came and not inflated.
async fn prepare(
    ingest: &Arc<Ingest>,
    request: Request,
    body: Bytes,
    until: Instant,
) -> Result<(PreparedBatch, Option<SemaphorePermit<'_>>), Problem> {
    let work = {
        let ingest = Arc::clone(ingest);
        let is_short = body.len() <= INLINE_BYTES_MAX && request.encoding == Encoding::Identity;
        let limit = ingest.config().limits.inflated_bytes_max;
        let work = move || -> Result<PreparedBatch, Problem> {
            let body = inflate(body, request.encoding, limit)?;
            Ok(ingest.prepare_body(&body, request.format, &request.defaults, request.id))
        };
        if is_short {
            return Ok((work()?, None));
        }
        work
    };
    let turn = tokio::time::timeout_at(until, ingest.decoding.acquire()).await;
    let turn = turn.map_err(|_| Problem::full())?.map_err(|_| Problem::closed())?;
    let prepared = tokio::task::spawn_blocking(work).await.map_err(|_| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the body could not be read")
    })??;
    Ok((prepared, Some(turn)))
}

/// Hands the batch to the store and waits until it is durable.
async fn hand_over(
    ingest: &Ingest,
    batch: RedactedBatch,
    tally: Tally,
    until: Instant,
    turn: Option<SemaphorePermit<'_>>,
) -> Result<Receipt, Problem> {
    if batch.record_count() == 0 {
        return Ok(Receipt { written_count: 0, duplicate_count: 0, producer_line: None });
    }
    if ingest.handoff().is_disk_full() {
        return Err(Problem::from(Refusal::DiskFull));
    }
    // In line with TCP connections: an attempt that does not wait finds no room for as long as
    // anybody waits for some.
    let count = tally.count_on_verdict(Protocol::Http);
    let sending = ingest.handoff().send_as(batch, WhenDiskFull::Refuse, count);
    let sent = tokio::time::timeout_at(until, sending).await;
    let verdict = sent.map_err(|_| Problem::full())?.map_err(|_| Problem::closed())?;
    drop(turn);
    verdict.await.map_err(|_| Problem::closed())?.map_err(Problem::from)
}

#[cfg(test)]
mod tests;
