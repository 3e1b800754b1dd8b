//! The meaning of an answer for the sent lines.

use std::time::Duration;

use serde_json::Value;

use super::super::tally::Tally;
use super::part::Part;
use crate::cli::Unreachable;
use crate::client::{Problem, Reply};

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
    let problem = || Problem::read(reply.status, &reply.body);
    match reply.status {
        200 => {
            let mut tally = Tally::default();
            match serde_json::from_slice(&reply.body) {
                Ok(answer) => tally.add_answer(part.sent(), &answer),
                Err(_) => return Verdict::Wrong(not_ours()),
            }
            Verdict::Done(tally)
        }
        400 => match serde_json::from_slice::<Value>(&reply.body) {
            Ok(answer) if answer.get("errors").is_some() => {
                let mut tally = Tally::default();
                tally.add_refused(part.sent(), &answer);
                Verdict::Done(tally)
            }
            // It never arrived whole.
            Ok(_) if problem().code == "incomplete_body" => Verdict::Lost(problem().into()),
            Ok(_) if problem().code.starts_with("invalid_") => Verdict::Wrong(problem().into()),
            Ok(_) | Err(_) => Verdict::Refused(problem().into()),
        },
        413 | 422 => Verdict::Refused(problem().into()),
        // An own answer of the server: nothing was taken.
        429 | 500 | 503 | 507 => Verdict::Busy(problem().into(), reply.retry_after),
        // A proxy does not know the outcome of the request.
        408 | 502 | 504 => Verdict::Lost(problem().into()),
        _ => Verdict::Wrong(problem().into()),
    }
}

fn not_ours() -> anyhow::Error {
    anyhow::anyhow!("the server's answer is not that of tierlog")
}
