//! The store: an acked line is in the WAL, then in the index of its tier and day, until its
//! days are over.
//!
//! Data-flow order: [`wal`] takes batches from the hand-off and acks them, the indexer puts
//! their records into [`Partition`]s, the [`Catalogue`] shows them to readers, maintenance seals
//! and drops them. What never happens here: text of a line is never looked at, and nothing that
//! did not go through redaction can arrive.

pub mod backend;
mod catalogue;
mod document;
mod error;
mod files;
mod indexer;
mod layout;
mod maintenance;
mod partition;
mod recovery;
mod schema;
mod settings;
mod store;
mod tombstone;
pub mod wal;

pub use catalogue::Catalogue;
pub use document::{
    BOUND_DOCS, RecordReader, StoredRecord, attribute_columns, read_records, text_paths,
};
pub use error::StoreError;
pub use maintenance::{
    Candidate, CompactScope, Expiry, PartitionCheck, SealPlan, Sealed, VerifyReport,
    plan_compaction, plan_retention,
};
pub use partition::{Partition, PartitionId, PartitionState, PartitionStats};
pub use schema::{IndexFields, attribute_column, id_term, index_fields, text_term, tokenize};
pub use settings::{MaintenanceJob, StoreSettings};
pub use store::{Store, StoreHealth};
pub use wal::{Durability, LiveBatch};

#[cfg(test)]
mod tests;
