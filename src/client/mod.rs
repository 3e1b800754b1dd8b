//! The command line's side of the HTTP APIs: requests leave, JSON, problems and streams arrive.
//!
//! Blocking, plain HTTP, one server. A server that does not answer becomes
//! [`crate::cli::Unreachable`], an error answer a [`Problem`]; neither is retried here.

mod problem;
mod range;
mod server;
mod sse;

pub use problem::Problem;
pub use range::RangeArgs;
pub use server::{Client, Endpoint, Reply, ServerArgs};
pub use sse::{SseEvent, SseReader};
