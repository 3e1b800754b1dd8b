//! An error answer as a value: a code, a sentence for people, and the members that some have.

use std::borrow::Cow;

use axum::body::Body as AnswerBody;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Serialize, Serializer};
use tierlog_model::Refusal;
use utoipa::openapi::{RefOr, schema::Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::code::{Code, Retry};
use crate::rejection::Rejection;

/// Media type of every error body.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was refused. Serialises as RFC 9457 has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    detail: String,
    position: Option<usize>,
    parameter: Option<String>,
    durable_lines: Option<u64>,
    errors: Vec<Rejection>,
}

impl Problem {
    /// Returns a problem with a code and a sentence for people.
    pub fn new(code: Code, detail: impl Into<String>) -> Problem {
        Problem {
            code,
            detail: detail.into(),
            position: None,
            parameter: None,
            durable_lines: None,
            errors: Vec::new(),
        }
    }

    /// Returns the problem of a parameter.
    pub fn parameter(name: impl Into<String>, detail: impl Into<String>) -> Problem {
        Problem { parameter: Some(name.into()), ..Problem::new(Code::InvalidParameter, detail) }
    }

    /// Returns the problem with the place in the query text, in bytes.
    #[must_use]
    pub fn at_position(self, position: Option<usize>) -> Problem {
        Problem { position, ..self }
    }

    /// Returns the problem of a body of which so many lines are durable.
    #[must_use]
    pub fn behind_line(self, durable_lines: u64) -> Problem {
        Problem { durable_lines: Some(durable_lines).filter(|lines| *lines > 0), ..self }
    }

    /// Returns the problem with rejected lines.
    #[must_use]
    pub fn with_errors(self, errors: Vec<Rejection>) -> Problem {
        Problem { errors, ..self }
    }

    /// Returns the code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Returns the sentence for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        // A test holds every row of the registry to a status that exists.
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Returns how many lines at the beginning of the body are durable.
    pub fn durable_lines(&self) -> u64 {
        self.durable_lines.unwrap_or(0)
    }

    /// Returns the rejected lines.
    pub fn errors(&self) -> &[Rejection] {
        &self.errors
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let code = match &refusal {
            Refusal::Poisoned(_) => Code::StoreRefusesWrites,
            Refusal::DiskFull => Code::DiskFull,
            Refusal::ShuttingDown => Code::ShuttingDown,
            Refusal::TooLarge { .. } => Code::TooLarge,
            // Only connections number lines; a request never meets these refusals.
            Refusal::MissingLines { .. } => Code::MissingLines,
            Refusal::PartedLines { .. } => Code::PartedLines,
            Refusal::LinesJump { .. } => Code::LinesJump,
        };
        Problem::new(code, refusal.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut answer = problem_json(&self);
        // A foreign API gives the answer another form once it is known which one was asked.
        answer.extensions_mut().insert(self);
        answer
    }
}

/// Returns a problem as `application/problem+json`, with `Retry-After` where the registry has it.
pub fn problem_json(problem: &Problem) -> Response {
    // Serialising texts and numbers into memory cannot fail.
    let mut answer =
        Response::new(AnswerBody::from(serde_json::to_vec(problem).unwrap_or_default()));
    *answer.status_mut() = problem.status();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    if let Retry::After(seconds) = problem.code().retry() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// An error body.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
struct Body<'a> {
    /// Always `about:blank`: the kind of problem is told by `code`.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    /// The HTTP status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What went wrong, for programs.
    code: Code,
    /// What went wrong, for people.
    detail: &'a str,
    /// Where in the query text, in bytes, when the query cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = usize)]
    position: Option<usize>,
    /// The parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = String)]
    parameter: Option<&'a str>,
    /// Lines at the beginning of the body, or elements of its array, that are durable all the same,
    /// as records or dead letters. A body of more than a mebibyte is taken piece by piece; sent
    /// again under the same `Tierlog-Batch-Id`, only the rest of it is stored. Left out when there
    /// are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = u64)]
    durable_lines: Option<u64>,
    /// The first 100 rejected lines, when nothing in the body could be read.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [Rejection],
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let status = self.status();
        Body {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("error"),
            status: status.as_u16(),
            code: self.code,
            detail: &self.detail,
            position: self.position,
            parameter: self.parameter.as_deref(),
            durable_lines: self.durable_lines,
            errors: &self.errors,
        }
        .serialize(serializer)
    }
}

impl PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        Body::<'static>::schema()
    }
}

impl ToSchema for Problem {
    fn name() -> Cow<'static, str> {
        Body::<'static>::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Body::<'static>::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use tierlog_model::RejectReason;

    use super::*;

    fn check(problem: &Problem, expected: &Expect) {
        expected.assert_eq(&serde_json::to_string(problem).unwrap());
    }

    #[test]
    fn members_that_say_nothing_are_left_out() {
        check(
            &Problem::new(Code::Full, "no room"),
            &expect![[
                r#"{"type":"about:blank","title":"Too Many Requests","status":429,"code":"full","detail":"no room"}"#
            ]],
        );
        check(
            &Problem::parameter("limit", "too many").at_position(Some(3)).behind_line(0),
            &expect![[
                r#"{"type":"about:blank","title":"Bad Request","status":400,"code":"invalid_parameter","detail":"too many","position":3,"parameter":"limit"}"#
            ]],
        );
        let rejection =
            Rejection { line: 1, reason: RejectReason::InvalidJson, detail: "no JSON".into() };
        check(
            &Problem::new(Code::NothingReadable, "none")
                .behind_line(7)
                .with_errors(vec![rejection]),
            &expect![[
                r#"{"type":"about:blank","title":"Bad Request","status":400,"code":"nothing_readable","detail":"none","durable_lines":7,"errors":[{"line":1,"reason":"invalid_json","detail":"no JSON"}]}"#
            ]],
        );
    }

    #[test]
    fn a_refusal_of_the_store_has_its_code() {
        for (refusal, code) in
            [(Refusal::DiskFull, Code::DiskFull), (Refusal::ShuttingDown, Code::ShuttingDown)]
        {
            assert_eq!(Problem::from(refusal).code(), code);
        }
    }
}
