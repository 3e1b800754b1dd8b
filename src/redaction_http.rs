//! Routes of redaction: finds since the start, and what would be found in a text or record.
//!
//! ```text
//! GET  /api/v1/redaction/stats
//! POST /api/v1/redaction/test     {"text": "..."} or {"record": {...}}
//! ```
//!
//! Statistics hold names and counts, never values; names were redacted before they were noted. What
//! is posted for a test is neither stored nor logged nor counted, and an explanation quotes nothing
//! of the value.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tierlog_ingest::{Disposition, Find, Ingest, RecordDefaults, Redactor};
use tierlog_model::{Caller, Timestamp};
use tierlog_problem::{Code, ErrorSet, Errors, Problem};
use utoipa::ToSchema;

use crate::live::Live;

/// Longest body of a test: the longest line, and what stands around it.
const TEST_BYTES_MAX: usize = 2 << 20;

/// What the routes look at.
pub(crate) struct RedactionState {
    ingest: Arc<Live<Ingest>>,
    since: Timestamp,
}

impl RedactionState {
    /// Returns the state of a server that starts now.
    pub(crate) fn new(ingest: Arc<Live<Ingest>>, since: Timestamp) -> RedactionState {
        RedactionState { ingest, since }
    }
}

/// Returns the routes.
pub(crate) fn redaction_router(state: Arc<RedactionState>) -> Router {
    Router::new()
        .route("/api/v1/redaction/stats", get(stats))
        .route("/api/v1/redaction/test", post(test))
        .layer(DefaultBodyLimit::max(TEST_BYTES_MAX))
        .with_state(state)
}

/// How redaction is configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RedactionReport {
    /// Whether anything is replaced at all: `redaction.enabled`.
    pub(crate) enabled: bool,
    /// The version of the rules: a short hash of the policy file; missing without a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "5f2b9c0d1a3e")]
    pub(crate) policy: Option<String>,
    /// Rules of the policy file.
    pub(crate) rules: usize,
    /// Detectors that run. Each has found its example at the start, or at the last reload.
    pub(crate) detectors: Vec<&'static str>,
}

impl RedactionReport {
    /// Returns how a redactor is configured.
    pub(crate) fn of(redactor: &Redactor) -> RedactionReport {
        RedactionReport {
            enabled: !redactor.active_detectors().is_empty(),
            policy: redactor.policy_version().map(str::to_owned),
            rules: redactor.rule_count(),
            detectors: redactor.active_detectors(),
        }
    }
}

/// What was found since the start.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RedactionStats {
    /// When counting began: at the start of the server.
    #[schema(format = DateTime)]
    since: String,
    /// How redaction is configured now.
    redaction: RedactionReport,
    /// Replaced values.
    total: u64,
    /// Replaced values by detector.
    detectors: BTreeMap<&'static str, u64>,
    /// Replaced values by field; `_other` for fields beyond the first thousands.
    fields: BTreeMap<String, u64>,
    /// Replaced values by service; `_none` where records name none, `_other` for services beyond
    /// the first hundred.
    services: BTreeMap<String, u64>,
    /// Each combination of service, field and detector; at most some 4,000.
    entries: Vec<StatsEntry>,
}

/// How often a detector fired in a field of a service.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatsEntry {
    #[schema(example = "shop")]
    service: String,
    #[schema(example = "message")]
    field: String,
    #[schema(example = "email")]
    detector: &'static str,
    /// Replaced values.
    count: u64,
}

/// Errors of the statistics.
struct Counting;

impl ErrorSet for Counting {
    const CODES: &'static [Code] = &[Code::Internal];
}

/// Errors of a test.
struct Testing;

impl ErrorSet for Testing {
    const CODES: &'static [Code] = &[Code::InvalidBody, Code::TooLarge];
}

/// Counts replaced values since the start by detector, field and service.
#[utoipa::path(get, path = "/api/v1/redaction/stats", tag = "operations",
    responses((status = 200, body = RedactionStats), Errors<Counting>))]
pub(crate) async fn stats(State(state): State<Arc<RedactionState>>) -> Response {
    let ingest = state.ingest.current();
    let redactor = ingest.redactor();
    let mut stats = RedactionStats {
        since: state.since.to_string(),
        redaction: RedactionReport::of(redactor),
        total: 0,
        detectors: BTreeMap::new(),
        fields: BTreeMap::new(),
        services: BTreeMap::new(),
        entries: Vec::new(),
    };
    for row in redactor.ledger().rows() {
        stats.total += row.count;
        *stats.detectors.entry(row.detector).or_default() += row.count;
        *stats.fields.entry(row.field.clone()).or_default() += row.count;
        *stats.services.entry(row.service.clone()).or_default() += row.count;
        let (service, field) = (row.service, row.field);
        stats.entries.push(StatsEntry { service, field, detector: row.detector, count: row.count });
    }
    Json(stats).into_response()
}

/// What is tried out: a text, or a record as a client would send it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedactionTest {
    /// Any text.
    #[schema(example = "login of ada@example.org failed")]
    text: Option<String>,
    /// A record, with the fields that a client would send.
    #[schema(value_type = Option<Object>)]
    record: Option<Box<RawValue>>,
}

/// What would become of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RedactionTested {
    /// The text without personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The record as it would be stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    record: Option<serde_json::Value>,
    /// Whether a rule drops the record: then it would not be stored.
    policy_dropped: bool,
    /// Each find, where it is, why, and what became of it.
    finds: Vec<Find>,
    /// How redaction is configured.
    redaction: RedactionReport,
}

/// Shows what redaction makes of a text or record, and why. Nothing of it is stored or logged.
#[utoipa::path(post, path = "/api/v1/redaction/test", tag = "operations",
    request_body(content = RedactionTest),
    responses((status = 200, body = RedactionTested), Errors<Testing>))]
pub(crate) async fn test(
    State(state): State<Arc<RedactionState>>,
    caller: Option<Extension<Caller>>,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    let Ok(body) = body else {
        let detail = format!("the body is not readable, or longer than {TEST_BYTES_MAX} bytes");
        return Problem::new(Code::TooLarge, detail).into_response();
    };
    let caller = caller.map_or_else(Caller::open, |Extension(caller)| caller);
    let ingest = state.ingest.current();
    // A mebibyte of hostile text takes some milliseconds.
    let tested = tokio::task::spawn_blocking(move || try_out(&ingest, &caller, &body)).await;
    match tested {
        Ok(Ok(tested)) => Json(tested).into_response(),
        Ok(Err(problem)) => problem.into_response(),
        Err(_) => Problem::new(Code::Internal, "internal error").into_response(),
    }
}

fn try_out(ingest: &Ingest, caller: &Caller, body: &[u8]) -> Result<RedactionTested, Problem> {
    // What serde says may quote the body.
    let invalid = |detail: &str| Problem::new(Code::InvalidBody, detail);
    let asked: RedactionTest = serde_json::from_slice(body)
        .map_err(|_| invalid("expected {\"text\": \"...\"} or {\"record\": {...}}"))?;
    let redaction = RedactionReport::of(ingest.redactor());
    match (asked.text, asked.record) {
        (Some(text), None) => {
            let filtered = ingest.redactor().filter(caller.tenant).text_alone(&text);
            Ok(RedactionTested {
                policy_dropped: filtered.line.is_none(),
                text: filtered.line,
                record: None,
                finds: filtered.finds,
                redaction,
            })
        }
        (None, Some(record)) => {
            let defaults = RecordDefaults::default();
            let line = record.get().as_bytes();
            ingest
                .explain(line, &defaults, caller.tenant, |explained| RedactionTested {
                    text: None,
                    record: serde_json::to_value(&explained.record).ok(),
                    policy_dropped: explained.disposition == Disposition::Dropped,
                    finds: explained.finds,
                    redaction,
                })
                .map_err(|reason| invalid(&format!("the record would be rejected: {reason}")))
        }
        (Some(_), Some(_)) | (None, None) => Err(invalid("expected either text or record")),
    }
}
