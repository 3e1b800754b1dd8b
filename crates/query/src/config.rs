//! Limits of the query side that configuration may change.

use std::time::Duration;

use serde::Deserialize;
use tierlog_model::keys;
use tierlog_model::memory::MemoryBudget;

use crate::dialect::Spellings;

/// Bounds of a query and of all running queries. A field with a `rename` is a key of the
/// configuration.
#[derive(Clone, Debug, Deserialize)]
pub struct QueryConfig {
    /// Longest time that one query may take.
    #[serde(
        rename = "query.timeout",
        deserialize_with = "keys::duration::<_, 10, { 10 * keys::MINUTE }>"
    )]
    pub deadline_max: Duration,
    /// Queries that run at once; further ones wait or are answered 429 by the HTTP layer.
    #[serde(rename = "query.concurrency_max", deserialize_with = "keys::count::<_, _, 1, 256>")]
    pub concurrency_max: usize,
    /// Most hits of one search.
    #[serde(rename = "query.hits_max", deserialize_with = "keys::count::<_, _, 1, 100_000>")]
    pub hits_max: usize,
    /// Matches are counted exactly up to this number, after that only as long as hits are missing.
    #[serde(
        rename = "query.track_total_max",
        deserialize_with = "keys::count::<_, _, 0, 1_000_000_000>"
    )]
    pub track_total_max: u64,
    /// Largest body of a request, bytes.
    #[serde(
        rename = "query.body_max",
        deserialize_with = "keys::size::<_, _, { keys::KIB }, { keys::GIB }>"
    )]
    pub body_bytes_max: usize,
    /// Bytes of record text in an answer; a search beyond the bound is cut, and the answer says so.
    #[serde(
        rename = "query.answer_max",
        deserialize_with = "keys::size::<_, _, { 64 * keys::KIB }, { keys::GIB }>"
    )]
    pub answer_bytes_max: usize,
    /// What queries and their answers may hold.
    #[serde(skip, default = "own_memory")]
    pub memory: MemoryBudget,
    /// How fields are spelled in queries.
    #[serde(skip)]
    pub spellings: Spellings,
}

/// For each part: an answer of the largest size has room.
const MEMORY_BYTES: u64 = 96 * 1024 * 1024;

/// The server lends a part of the budget; tests and tools make a budget.
fn own_memory() -> MemoryBudget {
    MemoryBudget::new(|_| MEMORY_BYTES)
}

impl Default for QueryConfig {
    /// Returns the settings of `config/tierlog.toml`.
    fn default() -> QueryConfig {
        keys::defaults()
    }
}
