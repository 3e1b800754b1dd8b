//! Error answers: `application/problem+json` arrives, a text for people leaves.

use serde_json::Value;
use tierlog_problem::Code;

use super::WrongUsage;

/// An error answer of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// HTTP status.
    pub status: u16,
    /// Stable name of the problem, empty when the server gave none.
    pub code: String,
    /// What went wrong, in words.
    pub detail: String,
    /// Where in the query text, in bytes.
    pub position: Option<usize>,
    /// Lines at the beginning of the body that are durable all the same.
    pub durable_lines: u64,
    /// The query text, to point into.
    query: Option<String>,
}

impl ErrorAnswer {
    /// Reads an error answer; a body that is not problem+json is shown as it is, shortened.
    pub fn read(status: u16, body: &[u8]) -> ErrorAnswer {
        let text =
            |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            let detail: String =
                String::from_utf8_lossy(body).trim().chars().take(DETAIL_CHARS_MAX).collect();
            return ErrorAnswer { status, detail, ..ErrorAnswer::default() };
        };
        let title = text(&value, "title");
        ErrorAnswer {
            status,
            code: text(&value, "code").unwrap_or_default(),
            detail: text(&value, "detail").or(title).unwrap_or_default(),
            position: value.get("position").and_then(Value::as_u64).map(|byte| byte as usize),
            durable_lines: value.get("durable_lines").and_then(Value::as_u64).unwrap_or(0),
            query: None,
        }
    }

    /// Returns the code of the registry; none for a proxy or an unknown version.
    pub fn known_code(&self) -> Option<Code> {
        Code::of_name(&self.code)
    }

    /// Returns the problem with the query text that it points into.
    #[must_use]
    pub fn with_query(self, query: &str) -> ErrorAnswer {
        ErrorAnswer { query: Some(query.to_owned()), ..self }
    }

    /// Returns an error that says what is wrong with a query: wrong usage, where the server
    /// understood the request and refused it.
    pub fn explain(error: anyhow::Error, query: &str) -> anyhow::Error {
        match error.downcast::<ErrorAnswer>() {
            Ok(problem) if problem.status == 400 => {
                WrongUsage(problem.with_query(query).to_string()).into()
            }
            Ok(problem) => problem.into(),
            Err(error) => error,
        }
    }
}

/// Characters of a foreign error body that are shown: one line of a proxy's page.
const DETAIL_CHARS_MAX: usize = 200;

impl std::error::Error for ErrorAnswer {}

impl std::fmt::Display for ErrorAnswer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.detail.is_empty(), self.code.is_empty()) {
            (true, true) => write!(formatter, "the server answered {}", self.status)?,
            (true, false) => write!(formatter, "{} ({})", self.code, self.status)?,
            (false, true) => write!(formatter, "{} ({})", self.detail, self.status)?,
            (false, false) => write!(formatter, "{} ({})", self.detail, self.code)?,
        }
        if self.status == 401 || self.status == 403 {
            write!(formatter, "; set TIERLOG_TOKEN to a token that may do this")?;
        }
        let (Some(query), Some(position)) = (&self.query, self.position) else { return Ok(()) };
        // A query of several lines is shown as a single line, so that the caret stands under its
        // place.
        let before: usize = query.char_indices().take_while(|(byte, _)| *byte < position).count();
        let line: String = query.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        write!(formatter, "\n  {line}\n  {:before$}^", "")
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(status: u16, body: &str, query: Option<&str>, expected: &Expect) {
        let mut problem = ErrorAnswer::read(status, body.as_bytes());
        if let Some(query) = query {
            problem = problem.with_query(query);
        }
        expected.assert_eq(&problem.to_string());
    }

    #[test]
    fn a_syntax_problem_points_into_the_query() {
        let body = r#"{"title":"Bad Request","status":400,"code":"query_syntax",
            "detail":"query syntax at byte 17: expected a value","position":17}"#;
        check(
            400,
            body,
            Some("café level:>= AND x"),
            &expect![[r#"
            query syntax at byte 17: expected a value (query_syntax)
              café level:>= AND x
                              ^"#]],
        );
        check(
            400,
            body,
            Some("short"),
            &expect![[r#"
            query syntax at byte 17: expected a value (query_syntax)
              short
                   ^"#]],
        );
        check(
            400,
            body,
            None,
            &expect!["query syntax at byte 17: expected a value (query_syntax)"],
        );
    }

    #[test]
    fn other_answers_are_shown_too() {
        check(502, "<html>bad gateway</html>\n", None, &expect!["<html>bad gateway</html> (502)"]);
        check(500, "", None, &expect!["the server answered 500"]);
        check(503, r#"{"code":"read_only"}"#, None, &expect!["read_only (503)"]);
        check(
            401,
            r#"{"title":"Unauthorized","code":"unauthorized"}"#,
            None,
            &expect!["Unauthorized (unauthorized); set TIERLOG_TOKEN to a token that may do this"],
        );
    }
}
