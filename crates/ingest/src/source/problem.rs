//! Errors of the HTTP side: RFC 9457 `application/problem+json` with a stable `code`. Never holds
//! a word of what was sent.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tierlog_model::Refusal;

use crate::inflate::InflateError;
use crate::pipeline::Rejection;

/// Seconds after which a sender should try again when the pipeline is full: the WAL empties it
/// at tens of megabytes per second.
const RETRY_AFTER_SECONDS: &str = "1";

/// The key that bounds bodies as they arrive.
pub(super) const BODY_LIMIT: &str = "ingest.http.body_max";

/// The key that bounds bodies once they are inflated.
pub(super) const INFLATED_LIMIT: &str = "ingest.http.inflated_max";

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Kind of problem; `about:blank`: the status says it.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Stable name for programs.
    #[schema(value_type = String, example = "full")]
    pub code: &'static str,
    /// What happened, for people.
    pub detail: String,
    /// Lines at the beginning of the body, or elements of its array, that are durable all the same,
    /// as records or dead letters. A body of more than a mebibyte is taken piece by piece; sent
    /// again under the same `Tierlog-Batch-Id`, only the rest of it is stored. Left out when there
    /// are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = u64)]
    pub durable_lines: Option<u64>,
    /// The first 100 rejected lines, when nothing in the body could be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Rejection>,
}

/// Every value of the label `why` of refused requests: the codes of answers that refuse a body, or
/// what is left of it, and one value for codes that have none here.
const REFUSALS: [&str; 14] = [
    "full",
    "too_large",
    "disk_full",
    "store_refuses_writes",
    "shutting_down",
    "deadline",
    "incomplete_body",
    "invalid_encoding",
    "unsupported_media_type",
    "invalid_parameter",
    "invalid_header",
    "invalid_batch_id",
    "internal",
    OTHER_REFUSAL,
];

/// See [`REFUSALS`].
const OTHER_REFUSAL: &str = "other";

/// Code of a body whose every line became a dead letter: answered as an error, and stored.
pub(super) const NOTHING_READABLE: &str = "nothing_readable";

/// Returns every value of the label `why` of refused requests.
pub fn refusal_names() -> &'static [&'static str] {
    &REFUSALS
}

impl Problem {
    /// Returns the value of the label `why`, unless lines of the request are stored.
    pub(super) fn refusal(&self) -> Option<&'static str> {
        if self.code == NOTHING_READABLE {
            return None;
        }
        let known = REFUSALS.into_iter().find(|name| *name == self.code);
        debug_assert!(known.is_some(), "the code {} has no label of its own", self.code);
        Some(known.unwrap_or(OTHER_REFUSAL))
    }

    /// Returns a problem with a status, a stable code and a sentence.
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Problem {
        Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("error"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            durable_lines: None,
            errors: Vec::new(),
        }
    }

    /// Returns the problem of a request that cannot be understood.
    pub(crate) fn bad_request(code: &'static str, detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// Returns the problem of a body beyond a cap, which a key of the configuration sets.
    pub(crate) fn too_large(limit: usize, key: &str) -> Problem {
        let detail = format!("body is larger than {limit} bytes ({key})");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    /// Returns the problem of a body of which so many lines are durable.
    pub(crate) fn behind_line(self, durable_lines: u64) -> Problem {
        Problem { durable_lines: Some(durable_lines).filter(|lines| *lines > 0), ..self }
    }

    /// Returns the problem of a body that arrives too slowly.
    pub(crate) fn too_late() -> Problem {
        let detail = "the body took too long to arrive";
        Problem::new(StatusCode::REQUEST_TIMEOUT, "deadline", detail)
    }

    /// Returns the problem of a pipeline that has no room now.
    pub(crate) fn full() -> Problem {
        let detail = "no room for more lines now, try again";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "full", detail)
    }

    /// Returns the problem of a store that is gone.
    pub(crate) fn closed() -> Problem {
        Problem::from(Refusal::ShuttingDown)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let (status, code) = match &refusal {
            Refusal::Poisoned(_) => (StatusCode::SERVICE_UNAVAILABLE, "store_refuses_writes"),
            Refusal::DiskFull => (StatusCode::INSUFFICIENT_STORAGE, "disk_full"),
            Refusal::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down"),
            Refusal::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            // Only connections number their lines; a request cannot meet this.
            Refusal::MissingLines { .. } => (StatusCode::CONFLICT, "missing_lines"),
            Refusal::PartedLines { .. } => (StatusCode::CONFLICT, "parted_lines"),
            Refusal::LinesJump { .. } => (StatusCode::CONFLICT, "lines_jump"),
        };
        Problem::new(status, code, refusal.to_string())
    }
}

impl From<InflateError> for Problem {
    fn from(error: InflateError) -> Problem {
        match error {
            InflateError::TooLarge { limit } => Problem::too_large(limit, INFLATED_LIMIT),
            InflateError::WindowTooLarge { .. } => {
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", error.to_string())
            }
            InflateError::Corrupt(_) => Problem::bad_request("invalid_encoding", error.to_string()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        let worth_retrying =
            matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        if worth_retrying {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        response
    }
}
