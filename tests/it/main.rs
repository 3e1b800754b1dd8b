//! The integration tests: one binary that starts the real server, talks to the server as users do,
//! kills and restarts the server, and reads every byte left on disk.
//!
//! Nothing here sleeps to wait for something (see [`harness::wait_until`]), names a port, or
//! reaches the network.

#[cfg(test)]
mod acks;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod backfill;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod bounded_memory;
#[cfg(test)]
mod careful_reader;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod config_keys;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod dead_letters;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod derived_fields;
#[cfg(test)]
mod directory_lock;
#[cfg(test)]
mod exact_values;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod foreign_syntax;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod harness;
#[cfg(test)]
#[path = "../../benches/shared/heavy.rs"]
mod heavy;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod large_bodies;
#[cfg(test)]
mod listeners;
#[cfg(test)]
mod log_damage;
#[cfg(test)]
mod maintenance;
#[cfg(test)]
mod many_names;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod personal_data;
#[cfg(test)]
mod pressure;
#[cfg(test)]
mod problems;
#[cfg(test)]
mod process;
#[cfg(test)]
mod prose;
#[cfg(test)]
mod protocols;
#[cfg(test)]
mod pseudonyms;
#[cfg(test)]
mod query_memory;
#[cfg(test)]
mod reading_rules;
#[cfg(test)]
mod real_lines;
#[cfg(test)]
mod reasons;
#[cfg(test)]
mod redaction_policy;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod retry_windows;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod rot;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod scripts;
#[cfg(test)]
mod sending;
#[cfg(test)]
mod shutdown;
#[cfg(test)]
mod tcp_retries;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod text_lines;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod times;
#[cfg(test)]
mod torture;
#[cfg(test)]
mod type_names;
#[cfg(test)]
mod wrong_clocks;
#[cfg(test)]
mod zones;
