//! Exit codes: 0 done, 1 the answer is no or something was rejected, 2 wrong usage,
//! 3 server unreachable.

use std::process::ExitCode;

use crate::client::{Unreachable, WrongUsage};
use crate::config::ConfigError;

/// The answer is no, or something was rejected: `Ok(NO.into())` after the verb has said why.
pub const NO: u8 = 1;

const WRONG_USAGE: u8 = 2;
const UNREACHABLE: u8 = 3;

/// Returns the exit code of an error.
pub(super) fn code_of(error: &anyhow::Error) -> ExitCode {
    if error.chain().any(|cause| cause.is::<Unreachable>()) {
        ExitCode::from(UNREACHABLE)
    } else if error.chain().any(|cause| cause.is::<WrongUsage>() || cause.is::<ConfigError>()) {
        ExitCode::from(WRONG_USAGE)
    } else {
        ExitCode::from(NO)
    }
}
