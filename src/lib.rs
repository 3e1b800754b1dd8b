//! The daemon and command line of Tierlog.
//!
//! A library so that `tests/` and `benches/` reach the configuration and the generator; the
//! binary is [`cli::main`] and an allocator.

#![forbid(unsafe_code)]

pub mod cli;
pub mod client;
pub mod config;
mod counters;
pub mod generate;
mod health;
mod keys;
mod live;
mod lost_map;
mod maintenance;
mod metrics_http;
pub mod openapi;
pub mod output;
mod process;
pub mod record_schema;
mod redaction_http;
mod reload;
mod server;
mod settings;
mod telemetry;
mod wiring;
