//! Limits of the query side that configuration may change.

use std::time::Duration;

use tierlog_model::limits;
use tierlog_model::memory::MemoryBudget;

use crate::dialect::Spellings;

/// Bounds of one query and of all running ones.
#[derive(Clone, Debug)]
pub struct QueryConfig {
    /// Longest time that one query may take.
    pub deadline_max: Duration,
    /// Queries that run at once; further ones wait or are answered 429 by the HTTP layer.
    pub concurrency_max: usize,
    /// Most hits of one search.
    pub hits_max: usize,
    /// Matches are counted exactly up to this number, after that only as long as hits are missing.
    pub track_total_max: u64,
    /// Largest body of a request, bytes.
    pub body_bytes_max: usize,
    /// Bytes of record text in one answer; a search that reaches it is cut and says so.
    pub answer_bytes_max: usize,
    /// What queries and their answers may hold.
    pub memory: MemoryBudget,
    /// How fields are spelled in queries.
    pub spellings: Spellings,
}

/// Thirty seconds: what Quickwit and VictoriaLogs allow, and longer than anyone waits.
const DEADLINE_MAX: Duration = Duration::from_secs(30);
/// Queries are CPU-bound: a few more than the cores of a small machine.
const CONCURRENCY_MAX: usize = 8;
/// Elasticsearch's number: an exact count beyond it is seldom read.
const TRACK_TOTAL_MAX: u64 = 10_000;
/// Aggregations and lists of values are the largest and take a few kilobytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Ten thousand ordinary records are 5 MB; the bound is for a page of one-megabyte lines.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// For each part: an answer of the largest size has room.
const MEMORY_BYTES: u64 = 96 * 1024 * 1024;

impl Default for QueryConfig {
    fn default() -> QueryConfig {
        QueryConfig {
            deadline_max: DEADLINE_MAX,
            concurrency_max: CONCURRENCY_MAX,
            hits_max: limits::HITS_MAX,
            track_total_max: TRACK_TOTAL_MAX,
            body_bytes_max: BODY_BYTES_MAX,
            answer_bytes_max: ANSWER_BYTES_MAX,
            memory: MemoryBudget::new(|_| MEMORY_BYTES),
            spellings: Spellings::default(),
        }
    }
}
