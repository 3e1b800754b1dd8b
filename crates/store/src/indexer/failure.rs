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
    /// Something else, or a panic: it may be the record.
    Broken(String),
    /// None: the store closes, and what is left waits in the WAL.
    Closing,
}

impl Failure {
    /// Tells whether the same step may succeed later although nothing is mended.
    pub(super) fn passes(&self) -> bool {
        match self {
            Failure::NoRoom(_) | Failure::Exhausted(_) => true,
            Failure::Broken(_) | Failure::Closing => false,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::NoRoom(why) | Failure::Exhausted(why) | Failure::Broken(why) => {
                formatter.write_str(why)
            }
            Failure::Closing => formatter.write_str("the store closes"),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        let text = error.to_string();
        if error.is_no_room() {
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
