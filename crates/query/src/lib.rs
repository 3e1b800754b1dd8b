//! Search over the store: parse, plan, execute, HTTP.
//!
//! Data-flow order: a dialect reads a text to a condition (`expr`); with a time range and the tiers
//! that can hold matches the condition is a `plan`, and `execute` runs a plan over partitions,
//! newest first. Searches, aggregations and the live tail are users of `execute`.

#![forbid(unsafe_code)]

mod aggregate;
mod bound;
mod config;
mod cursor;
mod description;
mod dialect;
mod engine;
mod error;
mod execute;
mod export;
mod expr;
mod gate;
mod http;
mod lookup;
mod memory;
mod moment;
mod order;
mod plan;
mod query;
mod record_filter;
mod searcher;
mod session;
mod sort;
mod tail;
mod time_range;
mod warning;

pub use config::QueryConfig;
pub use dialect::Spellings;
#[cfg(any(test, feature = "fuzzing"))]
pub use http::fuzzing;
pub use http::{ANSWER_STATUSES, QueryState, answer_paths, contract, error_shapes, http_router};
pub use moment::{MOMENT_FORMS, read_moment};
