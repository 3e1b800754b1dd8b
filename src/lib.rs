//! The daemon and command line of Tierlog.
//!
//! A library so that `tests/` and `benches/` reach the configuration and the generator; the
//! binary is [`cli::main`] and an allocator.

#![forbid(unsafe_code)]

mod addresses;
mod answer_budget;
mod answer_headers;
pub mod cli;
pub mod client;
pub mod config;
mod counters;
mod descriptors;
mod drain;
pub mod generate;
mod health;
mod held_body;
mod host_guard;
mod http;
mod keys;
mod linger;
mod listener;
mod maintenance;
mod metrics_http;
pub mod openapi;
pub mod output;
mod pace;
mod process;
pub mod record_schema;
mod seats;
mod settings;
mod signals;
mod stall;
mod telemetry;
mod wiring;
