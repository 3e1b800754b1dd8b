//! Errors on the wire: RFC 9457 `application/problem+json` with a stable `code`.
//!
//! What went wrong arrives as a [`QueryError`] or a [`Code`]; a response leaves. Record content
//! and the text of a query never stand in it; a name that the client chose may.

use std::collections::BTreeMap;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::response::{Response as ResponseDoc, ResponseBuilder};
use utoipa::openapi::{ContentBuilder, Ref, RefOr};
use utoipa::{IntoResponses, ToSchema};

use crate::QueryError;

/// Media type of every error body.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Seconds after which a client that was turned away should try again: queries are short.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// What went wrong, for programs. The names on the wire never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The query text cannot be read; `position` says where.
    QuerySyntax,
    /// A parameter is unknown, has the wrong type or lies outside its bounds; `parameter` names it.
    InvalidParameter,
    /// The request body is not the JSON object that is expected.
    InvalidBody,
    /// The field is stored as pseudonyms; ranges, prefixes and expressions over it mean nothing.
    PseudonymisedField,
    /// The query has more terms, buckets, memory or depth than the limits allow.
    TooExpensive,
    /// The cursor was not made by this API, or for another query.
    InvalidCursor,
    /// The query did not end before its deadline.
    Deadline,
    /// Too many queries run already, or hold the memory that this one needs; try again after
    /// `Retry-After`.
    Busy,
    /// There is no such resource.
    NotFound,
    /// The resource does not know this method.
    MethodNotAllowed,
    /// The body is larger than the limit.
    TooLarge,
    /// The store cannot be read; the server's own log says why.
    StoreUnreadable,
    /// The query was given up, because its client went away or the server stops.
    Cancelled,
    /// A fault of the server; its own log says more.
    Internal,
}

impl Code {
    /// Every code.
    #[cfg(test)]
    pub(super) const ALL: [Code; 14] = [
        Code::QuerySyntax,
        Code::InvalidParameter,
        Code::InvalidBody,
        Code::PseudonymisedField,
        Code::TooExpensive,
        Code::InvalidCursor,
        Code::Deadline,
        Code::Busy,
        Code::NotFound,
        Code::MethodNotAllowed,
        Code::TooLarge,
        Code::StoreUnreadable,
        Code::Cancelled,
        Code::Internal,
    ];

    /// Returns the HTTP status that the code travels with.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Code::QuerySyntax
            | Code::InvalidParameter
            | Code::InvalidBody
            | Code::PseudonymisedField
            | Code::TooExpensive
            | Code::InvalidCursor => StatusCode::BAD_REQUEST,
            Code::Deadline => StatusCode::REQUEST_TIMEOUT,
            Code::Busy => StatusCode::TOO_MANY_REQUESTS,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
            Code::StoreUnreadable | Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An error body as RFC 9457 has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the kind of problem is told by `code`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The HTTP status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What went wrong, for programs.
    code: Code,
    /// What went wrong, for people.
    detail: String,
    /// Where in the query text, in bytes, when the query cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<usize>,
    /// The parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
}

impl Problem {
    /// Returns a problem with a code and a sentence for people.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Problem {
        let status = code.status();
        Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("error"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            position: None,
            parameter: None,
        }
    }

    /// Returns the problem of a parameter.
    pub(crate) fn parameter(name: impl Into<String>, detail: impl Into<String>) -> Problem {
        let parameter = Some(name.into());
        Problem { parameter, ..Problem::new(Code::InvalidParameter, detail) }
    }

    /// Returns the code.
    pub(crate) fn code(&self) -> Code {
        self.code
    }
}

impl From<QueryError> for Problem {
    /// Tells the client what it can do something about; the rest goes to our own log.
    fn from(error: QueryError) -> Problem {
        let position = error.position();
        let parameter = match &error {
            QueryError::Parameter { name, .. } => Some((*name).to_owned()),
            _ => None,
        };
        let (code, detail) = match &error {
            QueryError::Syntax { .. } => (Code::QuerySyntax, error.to_string()),
            QueryError::PseudonymisedField { .. } => (Code::PseudonymisedField, error.to_string()),
            QueryError::TooExpensive { .. } => (Code::TooExpensive, error.to_string()),
            QueryError::Parameter { .. } => (Code::InvalidParameter, error.to_string()),
            QueryError::Cursor => (Code::InvalidCursor, error.to_string()),
            QueryError::Deadline(_) => (Code::Deadline, error.to_string()),
            QueryError::Cancelled => (Code::Cancelled, error.to_string()),
            QueryError::Memory(exhausted) if exhausted.is_final() => {
                (Code::TooExpensive, error.to_string())
            }
            QueryError::Busy(_) | QueryError::Memory(_) => (Code::Busy, error.to_string()),
            QueryError::Store(_)
            | QueryError::Index(_)
            | QueryError::File(_)
            | QueryError::Unreadable(_) => {
                tracing::error!(%error, "cannot read the store for a query");
                (Code::StoreUnreadable, "the store cannot be read".to_owned())
            }
            QueryError::Internal(_) => {
                tracing::error!(%error, "query broke a rule of its own");
                (Code::Internal, "internal error".to_owned())
            }
        };
        Problem { position, parameter, ..Problem::new(code, detail) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let body = serde_json::to_string(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        if self.code == Code::Busy {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        response
    }
}

/// What every query answers when it cannot: named once in `responses(..., Problem)`.
const FAILURES: [(&str, &str); 3] = [
    ("400", "The request is not valid"),
    ("408", "The deadline passed"),
    ("429", "Too many queries; see Retry-After"),
];

impl IntoResponses for Problem {
    fn responses() -> BTreeMap<String, RefOr<ResponseDoc>> {
        let document = |description: &str| {
            let schema = Ref::from_schema_name(Problem::name());
            let content = ContentBuilder::new().schema(Some(schema)).build();
            let response = ResponseBuilder::new().description(description);
            response.content(PROBLEM_JSON, content).build().into()
        };
        FAILURES.map(|(status, text)| (status.to_owned(), document(text))).into()
    }
}
