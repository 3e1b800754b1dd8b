//! The command line's side of the HTTP APIs: requests leave, JSON, problems and streams arrive.
//!
//! Blocking, plain HTTP, one server. A server that does not answer becomes [`Unreachable`], an
//! error answer an [`ErrorAnswer`]; neither is retried here.

mod error_answer;
mod failure;
mod range;
mod server;
mod sse;

pub use error_answer::ErrorAnswer;
pub use failure::{Unreachable, WrongUsage};
pub use range::RangeArgs;
pub use server::{Client, Endpoint, Reply, ServerArgs};
pub use sse::{SseEvent, SseReader};
