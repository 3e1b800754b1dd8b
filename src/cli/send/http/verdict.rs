//! The meaning of an answer for the sent lines.

use std::time::Duration;

use serde_json::Value;
use tierlog_problem::{Code, Retry};

use super::super::tally::Tally;
use super::part::Part;
use crate::client::Unreachable;
use crate::client::{ErrorAnswer, Reply};

/// What an attempt came to.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Every line has its answer.
    Done(Tally),
    /// The server is there, or is not, and took nothing; another attempt may do better, after so
    /// long if it says so.
    Busy(anyhow::Error, Option<Duration>),
    /// No answer came: the lines may be there or not.
    Lost(anyhow::Error),
    /// The server does not take these lines.
    Refused(anyhow::Error),
    /// The server does not take such a request, whatever its lines.
    Wrong(anyhow::Error),
}

/// Reads an answer, or its absence.
pub(super) fn read_verdict(part: &Part<'_>, sent: Result<Reply, Unreachable>) -> Verdict {
    let reply = match sent {
        Ok(reply) => reply,
        Err(unreachable) => return Verdict::Lost(unreachable.into()),
    };
    if reply.status == 200 {
        let Ok(answer) = serde_json::from_slice(&reply.body) else {
            return Verdict::Wrong(not_ours());
        };
        let mut tally = Tally::default();
        tally.add_answer(part.sent(), &answer);
        return Verdict::Done(tally);
    }
    if reply.status == 400
        && let Ok(answer) = serde_json::from_slice::<Value>(&reply.body)
        && answer.get("errors").is_some()
    {
        let mut tally = Tally::default();
        tally.add_refused(part.sent(), &answer);
        return Verdict::Done(tally);
    }
    let answer = ErrorAnswer::read(reply.status, &reply.body);
    match answer.known_code() {
        Some(code) => verdict_of_code(code, answer, reply.retry_after),
        None => verdict_of_status(answer, reply.retry_after),
    }
}

/// Reads an error answer of Tierlog.
fn verdict_of_code(code: Code, answer: ErrorAnswer, after: Option<Duration>) -> Verdict {
    match code.retry() {
        Retry::Never => Verdict::Wrong(answer.into()),
        Retry::Smaller => Verdict::Refused(answer.into()),
        // A beginning of the body may be stored: its lines go out again under the same name only.
        Retry::Later | Retry::After(_)
            if answer.durable_lines > 0
                || matches!(code, Code::IncompleteBody | Code::Deadline) =>
        {
            Verdict::Lost(answer.into())
        }
        Retry::Later | Retry::After(_) => Verdict::Busy(answer.into(), after),
    }
}

/// Reads an error answer without a code that we know: of a proxy, or of another version.
fn verdict_of_status(answer: ErrorAnswer, after: Option<Duration>) -> Verdict {
    match answer.status {
        400 | 413 | 422 => Verdict::Refused(answer.into()),
        429 | 500 | 503 | 507 => Verdict::Busy(answer.into(), after),
        // A proxy does not know the outcome of the request.
        408 | 502 | 504 => Verdict::Lost(answer.into()),
        _ => Verdict::Wrong(answer.into()),
    }
}

fn not_ours() -> anyhow::Error {
    anyhow::anyhow!("the server's answer is not that of tierlog")
}
