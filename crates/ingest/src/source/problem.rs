//! The problems that ingest answers with. None quotes a word of what was sent.

use tierlog_model::Refusal;
use tierlog_problem::{Code, ErrorSet, Problem};

use crate::inflate::InflateError;

/// The key that bounds bodies as received.
pub(super) const BODY_LIMIT: &str = "ingest.http.body_max";

/// The key that bounds bodies after inflating.
pub(super) const INFLATED_LIMIT: &str = "ingest.http.inflated_max";

/// Every error of an ingest request.
pub(crate) struct IngestErrors;

impl ErrorSet for IngestErrors {
    const CODES: &'static [Code] = &[
        Code::InvalidParameter,
        Code::InvalidHeader,
        Code::InvalidBatchId,
        Code::InvalidEncoding,
        Code::IncompleteBody,
        Code::NothingReadable,
        Code::Deadline,
        Code::TooLarge,
        Code::UnsupportedMediaType,
        Code::Full,
        Code::Internal,
        Code::StoreRefusesWrites,
        Code::ShuttingDown,
        Code::DiskFull,
    ];
}

/// Value of the label `why` for a code that ingest does not document.
const OTHER_REFUSAL: &str = "other";

/// Returns every value of the label `why` of refused requests: the codes of answers that refuse a
/// body, or what is left of it, and one value for codes that have none here.
pub fn refusal_names() -> Vec<&'static str> {
    let refusals = IngestErrors::CODES.iter().filter(|code| **code != Code::NothingReadable);
    refusals.map(|code| code.as_str()).chain([OTHER_REFUSAL]).collect()
}

/// Returns the value of the label `why`, unless lines of the request are stored: a body of which
/// every line became a dead letter is answered as an error, and is no refusal.
pub(super) fn refusal_label(problem: &Problem) -> Option<&'static str> {
    let code = problem.code();
    if code == Code::NothingReadable {
        return None;
    }
    let is_documented = IngestErrors::CODES.contains(&code);
    debug_assert!(is_documented, "the code {code} has no label of its own");
    Some(if is_documented { code.as_str() } else { OTHER_REFUSAL })
}

/// Returns the problem of a body beyond a cap, which a key of the configuration sets.
pub(super) fn too_large(limit: usize, key: &str) -> Problem {
    Problem::new(Code::TooLarge, format!("body is larger than {limit} bytes ({key})"))
}

/// Returns the problem of a body that arrives too slowly.
pub(super) fn too_late() -> Problem {
    Problem::new(Code::Deadline, "the body took too long to arrive")
}

/// Returns the problem of a pipeline that has no room now.
pub(super) fn full() -> Problem {
    Problem::new(Code::Full, "no room for more lines now, try again")
}

/// Returns the problem of a store that is gone.
pub(super) fn closed() -> Problem {
    Problem::from(Refusal::ShuttingDown)
}

impl From<InflateError> for Problem {
    fn from(error: InflateError) -> Problem {
        match error {
            InflateError::TooLarge { limit } => too_large(limit, INFLATED_LIMIT),
            InflateError::WindowTooLarge { .. } => Problem::new(Code::TooLarge, error.to_string()),
            InflateError::Corrupt(_) => Problem::new(Code::InvalidEncoding, error.to_string()),
        }
    }
}
