//! The budget of memory: everything that requests can make the server hold, in named parts.
//!
//! Work takes a lease of a part before it holds bytes and gives the lease back by dropping it.
//! A part never lends more than its limit; full means: [`MemoryPart::take`] waits in line,
//! [`MemoryPart::try_take`] and [`MemoryLease::grow`] refuse. Only bytes that turn out to be more
//! than was estimated are counted past it ([`MemoryLease::settle`]). Each part counts what is
//! lent, the most that was ever lent and its refusals, which `/metrics` shows under the part's
//! name.
//!
//! Two kinds of bytes are counted: those that are known beforehand (a body's length, the bytes of
//! a batch), and those that an algorithm allocates as it goes (an aggregation's maps). For the
//! latter [`ThreadMemory`] reads what the allocator really gave to the calling thread.
//!
//! ```text
//! part           holds                                              full means
//! bodies         bodies of requests, inflated pieces of them        wait, then 429
//! batches        redacted batches on their way to log and index     TCP waits, HTTP 429
//! aggregations   maps and buckets of running aggregations           413 or 429
//! hits           candidates and records of running searches         413 or 429
//! answers        finished answers until their last byte is written  429
//! tails          records that wait for their live reader            the reader misses some
//! readers        partitions that stay open between searches         the oldest are closed
//! ```

mod allocations;
mod part;

#[cfg(test)]
mod tests;

pub use allocations::{ThreadMemory, note_allocated, note_freed};
pub use part::{Exhausted, MemoryLease, MemoryPart};

/// What a part of the budget is for. Its name is the configuration key `memory.<name>` and the
/// label `part` of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryUse {
    /// Bodies of requests while they are read, inflated and prepared.
    Bodies,
    /// Redacted batches until the index has them: Q1 and Q2.
    Batches,
    /// Running aggregations, histograms and listings of fields and values.
    Aggregations,
    /// Running searches: candidates of the sort and the records of the page.
    Hits,
    /// Finished answers until their last byte is written.
    Answers,
    /// Records that wait for a live reader.
    Tails,
    /// Partitions that stay open between searches.
    Readers,
}

impl MemoryUse {
    /// Every part, in the order of the way of a line and then of a query.
    pub const ALL: [MemoryUse; 7] = [
        MemoryUse::Bodies,
        MemoryUse::Batches,
        MemoryUse::Aggregations,
        MemoryUse::Hits,
        MemoryUse::Answers,
        MemoryUse::Tails,
        MemoryUse::Readers,
    ];

    /// Returns the name in configuration, metrics and refusals.
    pub fn as_str(self) -> &'static str {
        match self {
            MemoryUse::Bodies => "bodies",
            MemoryUse::Batches => "batches",
            MemoryUse::Aggregations => "aggregations",
            MemoryUse::Hits => "hits",
            MemoryUse::Answers => "answers",
            MemoryUse::Tails => "tails",
            MemoryUse::Readers => "readers",
        }
    }
}

/// The whole budget: one [`MemoryPart`] a use. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MemoryBudget {
    parts: [MemoryPart; MemoryUse::ALL.len()],
}

impl MemoryBudget {
    /// Returns a budget of which nothing is lent; `limit_bytes_of` says how much each part may
    /// lend.
    pub fn new(limit_bytes_of: impl Fn(MemoryUse) -> u64) -> MemoryBudget {
        let part = |part_use| MemoryPart::new(part_use, limit_bytes_of(part_use));
        MemoryBudget { parts: MemoryUse::ALL.map(part) }
    }

    /// Returns one part.
    pub fn part(&self, part_use: MemoryUse) -> &MemoryPart {
        let [bodies, batches, aggregations, hits, answers, tails, readers] = &self.parts;
        match part_use {
            MemoryUse::Bodies => bodies,
            MemoryUse::Batches => batches,
            MemoryUse::Aggregations => aggregations,
            MemoryUse::Hits => hits,
            MemoryUse::Answers => answers,
            MemoryUse::Tails => tails,
            MemoryUse::Readers => readers,
        }
    }

    /// Returns every part, for metrics.
    pub fn parts(&self) -> &[MemoryPart] {
        &self.parts
    }
}
