//! Why indexing failed, as far as it matters for what is done next.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::StoreError;

/// Why a step of indexing failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is no room on the disk: it is tried again when there is.
    NoRoom(String),
    /// The process ran out of files or memory: it is tried again.
    Exhausted(String),
    /// This partition was damaged and is in quarantine now: its records are read again.
    Damaged(String),
    /// Any other reason, or a panic: perhaps the record.
    Broken(String),
    /// None: the store closes, and what is left waits in the WAL.
    Closing,
}

impl Failure {
    /// Tells whether the same step may succeed later although nothing is mended.
    pub(super) fn passes(&self) -> bool {
        match self {
            Failure::NoRoom(_) | Failure::Exhausted(_) => true,
            Failure::Damaged(_) | Failure::Broken(_) | Failure::Closing => false,
        }
    }

    /// Tells whether a record may be the reason.
    pub(super) fn may_be_a_record(&self) -> bool {
        matches!(self, Failure::Broken(_))
    }

    /// Returns the error for a step that the failure keeps from being made.
    pub(super) fn refusal(self) -> StoreError {
        match self {
            Failure::Damaged(name) => StoreError::Quarantined(name),
            other => StoreError::Stalled(other.to_string()),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::NoRoom(why) | Failure::Exhausted(why) | Failure::Broken(why) => {
                formatter.write_str(why)
            }
            Failure::Damaged(name) => {
                write!(formatter, "{}", StoreError::Quarantined(name.clone()))
            }
            Failure::Closing => formatter.write_str("the store closes"),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        let text = error.to_string();
        if let StoreError::Quarantined(name) = error {
            Failure::Damaged(name)
        } else if error.is_no_room() {
            Failure::NoRoom(text)
        } else if error.is_exhaustion() {
            Failure::Exhausted(text)
        } else {
            Failure::Broken(text)
        }
    }
}

/// Runs a step whose panic must not end the thread.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome.map_err(Failure::from),
        Err(panic) => Err(Failure::Broken(text_of(panic.as_ref()).to_owned())),
    }
}

/// The text of a panic may quote a line, so it is not passed on.
fn text_of(_panic: &(dyn Any + Send)) -> &'static str {
    "a panic while indexing"
}
